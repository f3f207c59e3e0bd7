// A foreign file, read from front to back; gzipped or plain, which is found out by looking at it.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace lockstep::data {

class SourceFile {
 public:
  // Fails where the path is missing, a folder, or not readable.
  explicit SourceFile(const std::string& path);

  const std::string& path() const { return path_; }
  // Says in later errors what the whole file should hold.
  void expect(const std::string& contents) { expected_ = contents; }

  // As many bytes as asked for, fewer only at the end. Fails on a gzip file that is cut short or damaged.
  size_t read_some(void* out, size_t bytes);
  // Exactly that many; fails where the file ends before.
  void read(void* out, size_t bytes);
  // Fails where anything follows. For a gzip file this is also where its checksum is looked at.
  void read_end();

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  [[noreturn]] void fail_cut_short(const std::string& how) const;
  void check_stream() const;

  std::string path_;
  std::string expected_ = "more";
  uint64_t position_ = 0;  // in the unpacked bytes
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace lockstep::data
