// A 128-bit digest of bytes, to tell whether two things are the same bits and whether a file was damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lockstep {

// XXH3 with 128 bits (xxHash 0.8, whose XXH3 output is frozen). Not cryptographic: it finds damage and
// differences, not forgeries. One object belongs to one thread.
class Digest {
 public:
  static constexpr size_t kLength = 32;  // of hex()

  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(const void* data, uint64_t bytes);
  void add(std::string_view text);  // the length, then the characters, so that ("ab","c") is not ("a","bc")
  void add(int64_t value);
  void add(double value);

  std::string hex() const;  // hexadecimal digits of all that was added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lockstep
