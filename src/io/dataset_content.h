// Private to src/io: the rules of the dataset format, for reading and writing.
#pragma once

#include <array>
#include <limits>
#include <string>

#include "dims.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::io {

inline constexpr const char* kDatasetFormat = "lockstep-dataset";
inline constexpr int64_t kDatasetVersion = 1;
inline constexpr const char* kSeeReadme = " (datasets/README.md describes the format and how to write it)";

int64_t element_bytes(Type type);

inline constexpr int64_t kMaxClasses = std::numeric_limits<int32_t>::max();

// What a file says of its splits; fails where that is not what the format asks for.
DatasetInfo read_info(const File& file);

std::string list_children(const File& file);  // "/train, /test": for messages

// Rows in memory that is only read.
struct RowsView {
  RowsView(const Rows& rows);
  RowsView(const RowsMemory& rows);

  int64_t count;
  const unsigned char* inputs;
  const int32_t* labels;  // null where there are none
  const float* targets;   // likewise
};

// Whether there are as many numbers as the format asks for.
void check_sizes(const std::string& path, const DatasetInfo& info, const std::string& split,
                 const Rows& rows);
// What the format asks of contents. `first` is the number of the first of the rows in its split; messages
// name file, split and sample.
void check_rows(const std::string& path, const DatasetInfo& info, const std::string& split, int64_t first,
                const RowsView& rows);

// Of what the file holds, whatever the chunks; reads everything, in bounded memory, and checks it.
std::string content_digest(const File& file, const DatasetInfo& info);

// Fails where a split has not these rows.
void require_rows(const File& file, const std::string& split, int64_t first, int64_t count);
// Rows of a split, not checked.
void read_rows(const File& file, const DatasetInfo& info, const std::string& split, int64_t first,
               const RowsMemory& into);

}  // namespace lockstep::io
