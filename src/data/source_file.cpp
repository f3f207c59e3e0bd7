#include "source_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lockstep/core/error.h"

namespace lockstep::data {

SourceFile::SourceFile(const std::string& path) : path_(path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (status.type() == std::filesystem::file_type::not_found) {
    fail(path, ": there is no such file; check the path");
  }
  if (std::filesystem::is_directory(status)) fail(path, ": is a folder; expected a file");
  errno = 0;
  file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_) fail(path, ": cannot be opened: ", errno != 0 ? std::strerror(errno) : "out of memory");
  gzbuffer(file_.get(), 1 << 18);
}

size_t SourceFile::read_some(void* out, size_t bytes) {
  constexpr size_t kLargestRead = size_t{1} << 30;  // gzread() counts in int
  size_t done = 0;
  while (done < bytes) {
    const auto piece = static_cast<unsigned>(std::min(bytes - done, kLargestRead));
    const int got = gzread(file_.get(), static_cast<char*>(out) + done, piece);
    if (got > 0) {
      done += static_cast<size_t>(got);
      position_ += static_cast<uint64_t>(got);
    }
    check_stream();
    if (got <= 0) break;
  }
  return done;
}

void SourceFile::read(void* out, size_t bytes) {
  if (read_some(out, bytes) < bytes) fail_cut_short("cut short: it ends");
}

void SourceFile::read_end() {
  char next = 0;
  if (read_some(&next, 1) == 0) return;
  fail(path_, ": goes on after ", position_ - 1, " bytes, where it should end; expected ", expected_,
       "; it is damaged or of another format");
}

void SourceFile::check_stream() const {
  int code = Z_OK;
  const char* const message = gzerror(file_.get(), &code);
  if (code == Z_OK || code == Z_STREAM_END) return;
  if (code == Z_BUF_ERROR) fail_cut_short("the gzip file is cut short: it ends");
  if (code == Z_ERRNO) fail(path_, ": reading failed: ", std::strerror(errno));
  fail(path_, ": the gzip file is damaged after ", position_, " unpacked bytes (", message, "); expected ",
       expected_, "; fetch it again");
}

void SourceFile::fail_cut_short(const std::string& how) const {
  fail(path_, ": ", how, " after ", position_, gzdirect(file_.get()) != 0 ? "" : " unpacked",
       " bytes; expected ", expected_, "; fetch it again");
}

}  // namespace lockstep::data
