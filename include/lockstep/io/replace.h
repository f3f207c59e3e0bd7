// Replacing a file so that at any moment, whatever fails, either the old or the new one is there whole.
#pragma once

#include <string>
#include <string_view>

namespace lockstep::io {

// Gives a name beside the target to write to. commit() syncs that file, renames it over the target and syncs
// the folder. Without commit() the destructor removes it, and the target stays as it was. Leftovers of a
// killed process under the same target are removed by the next Replacement.
class Replacement {
 public:
  // Fails (with folder and reason) where the folder is missing or cannot be written.
  explicit Replacement(const std::string& target);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  const std::string& path() const { return path_; }  // where to write
  void commit();

 private:
  std::string target_;
  std::string path_;
  bool committed_ = false;
};

// Replaces a file by these bytes; `what` they are ("the trace") is for messages. Fails as Replacement does,
// and where they cannot be written.
void replace_file(const std::string& target, std::string_view bytes, std::string_view what);

}  // namespace lockstep::io
