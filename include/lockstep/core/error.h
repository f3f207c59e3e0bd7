// The one exception type, and the way to raise it with a message made of parts.
//
// A message says what was found, what was expected, where, and what to do about it.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace lockstep {

enum class Failure {
  kRuntime = 1,  // something went wrong while running: exit code 1
  kUsage = 2,    // arguments or a configuration that cannot be used: exit code 2
};

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, Failure kind = Failure::kRuntime)
      : std::runtime_error(message), kind_(kind) {}

  Failure kind() const { return kind_; }

 private:
  Failure kind_;
};

// The parts, streamed one after the other into one string.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(text(parts...), Failure::kRuntime);
}

template <class... Parts>
[[noreturn]] void fail_usage(const Parts&... parts) {
  throw Error(text(parts...), Failure::kUsage);
}

}  // namespace lockstep
