// That a run does not write over what it reads.
#pragma once

#include <string>
#include <vector>

namespace lockstep::app {

// A file by what it is to the user: "the dataset". An empty path is no file.
struct NamedFile {
  std::string role;
  std::string path;
};

// Whether two paths lead to one file, which need not be there yet.
bool same_file(const std::string& a, const std::string& b);

// A usage error where a file to be written is also read, or written as something else.
void require_distinct(const std::vector<NamedFile>& written, const std::vector<NamedFile>& read);

// A usage error where a file to be written is named as if it held something else.
void require_ending(const NamedFile& written, const std::string& ending);

}  // namespace lockstep::app
