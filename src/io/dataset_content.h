// Private to src/io: the rules of the dataset format, for reading and writing.
#pragma once

#include <array>
#include <limits>
#include <string>

#include "dims.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::io {

inline constexpr std::array<const char*, 3> kSplits = {"train", "validation", "test"};
inline constexpr const char* kDatasetFormat = "lockstep-dataset";
inline constexpr int64_t kDatasetVersion = 1;
inline constexpr const char* kSeeReadme = " (datasets/README.md describes the format and how to write it)";

int64_t element_bytes(Type type);

inline constexpr int64_t kMaxClasses = std::numeric_limits<int32_t>::max();

// What a file says of its splits; fails where that is not what the format asks for.
DatasetInfo read_info(const File& file);

std::string list_children(const File& file);  // "/train, /test": for messages

// What the format asks of contents. `first` is the number of the first of the rows in its split; messages
// name file, split and sample.
void check_rows(const std::string& path, const DatasetInfo& info, const std::string& split, int64_t first,
                const Rows& rows);

// Of what the file holds, whatever the chunks; reads everything, in bounded memory, and checks it.
std::string content_digest(const File& file, const DatasetInfo& info);

// Rows of a split, not checked.
Rows read_rows(const File& file, const DatasetInfo& info, const std::string& split, int64_t first,
               int64_t count);

}  // namespace lockstep::io
