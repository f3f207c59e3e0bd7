#include "dataset_content.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

constexpr int64_t kBlockBytes = int64_t{4} << 20;

void require_size(const std::string& where, const char* what, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) == expected) return;
  fail(where, " has ", found, " ", what, "; ", expected, " expected");
}

bool is_finite(uint32_t bits) { return (bits & 0x7f800000u) != 0x7f800000u; }

// `values` are floats, as bytes of any alignment. Done with integers, as every sample read passes through
// here.
void check_finite(const std::string& where, const char* what, int64_t first, const void* values, size_t bytes,
                  int64_t per_sample) {
  const auto* source = static_cast<const unsigned char*>(values);
  const auto bits_at = [source](size_t i) {
    uint32_t bits;
    std::memcpy(&bits, source + i * sizeof bits, sizeof bits);
    return bits;
  };
  const size_t count = bytes / sizeof(float);
  bool all_finite = true;
  for (size_t i = 0; i < count; ++i) all_finite &= is_finite(bits_at(i));
  if (all_finite) return;
  size_t bad = 0;
  while (is_finite(bits_at(bad))) ++bad;
  const auto position = static_cast<int64_t>(bad);
  fail(where, what, " of sample ", first + position / per_sample, " hold ",
       std::bit_cast<float>(bits_at(bad)), " at position ", position % per_sample,
       "; every value has to be a finite number");
}

void check_inputs(const std::string& where, const DatasetInfo& info, int64_t first, const RowsView& rows) {
  if (info.type != Type::kFloat32) return;
  const size_t bytes = static_cast<size_t>(rows.count * sample_bytes(info));
  check_finite(where, "inputs", first, rows.inputs, bytes, product(info.sample_dims));
}

void check_targets(const std::string& where, const DatasetInfo& info, int64_t first, const RowsView& rows) {
  const size_t bytes = static_cast<size_t>(rows.count * target_size(info)) * sizeof(float);
  check_finite(where, "targets", first, rows.targets, bytes, target_size(info));
}

void check_labels(const std::string& where, const DatasetInfo& info, int64_t first, const RowsView& rows) {
  if (info.classes == 0) return;
  for (int64_t i = 0; i < rows.count; ++i) {
    if (rows.labels[i] >= 0 && rows.labels[i] < info.classes) continue;
    fail(where, "labels of sample ", first + i, " hold ", rows.labels[i], "; expected 0 to ",
         info.classes - 1, " (attribute `classes` is ", info.classes, ")");
  }
}

// One of a split's arrays, block by block, so that memory stays bounded whatever the size of the file.
template <class Take>
void for_blocks(int64_t rows, int64_t row_bytes, Take take) {
  const int64_t block = std::max<int64_t>(1, kBlockBytes / std::max<int64_t>(1, row_bytes));
  for (int64_t first = 0; first < rows; first += block) take(first, std::min(block, rows - first));
}

void add_dims(Digest& digest, const std::vector<int64_t>& dims) {
  digest.add(static_cast<int64_t>(dims.size()));
  for (const int64_t dim : dims) digest.add(dim);
}

void add_inputs(Digest& digest, const File& file, const DatasetInfo& info, const std::string& split,
                int64_t rows) {
  const int64_t row_bytes = sample_bytes(info);
  Rows part;
  for_blocks(rows, row_bytes, [&](int64_t first, int64_t count) {
    part.count = count;
    part.inputs.resize(static_cast<size_t>(count * row_bytes));
    file.read_rows("/" + split + "/inputs", first, count, info.type, part.inputs.data());
    check_inputs(text(file.path(), ": /", split, "/"), info, first, part);
    digest.add(part.inputs.data(), part.inputs.size());
  });
}

void add_labels(Digest& digest, const File& file, const DatasetInfo& info, const std::string& split,
                int64_t rows) {
  Rows part;
  for_blocks(rows, sizeof(int32_t), [&](int64_t first, int64_t count) {
    part.count = count;
    part.labels.resize(static_cast<size_t>(count));
    file.read_rows("/" + split + "/labels", first, count, Type::kInt32, part.labels.data());
    check_labels(text(file.path(), ": /", split, "/"), info, first, part);
    digest.add(part.labels.data(), part.labels.size() * sizeof(int32_t));
  });
}

void add_targets(Digest& digest, const File& file, const DatasetInfo& info, const std::string& split,
                 int64_t rows) {
  const int64_t row_values = target_size(info);
  Rows part;
  for_blocks(rows, row_values * static_cast<int64_t>(sizeof(float)), [&](int64_t first, int64_t count) {
    part.count = count;
    part.targets.resize(static_cast<size_t>(count * row_values));
    file.read_rows("/" + split + "/targets", first, count, Type::kFloat32, part.targets.data());
    check_targets(text(file.path(), ": /", split, "/"), info, first, part);
    digest.add(part.targets.data(), part.targets.size() * sizeof(float));
  });
}

void add_heading(Digest& digest, const DatasetInfo& info, const std::string& split, int64_t rows) {
  digest.add(std::string_view(split));
  digest.add(rows);
  add_dims(digest, info.sample_dims);
  digest.add(std::string_view(type_name(info.type)));
  digest.add(info.scale);
  digest.add(info.offset);
}

void add_split(Digest& digest, const File& file, const DatasetInfo& info, const std::string& split) {
  const int64_t rows = file.info("/" + split + "/inputs").dims.at(0);
  add_heading(digest, info, split, rows);
  add_inputs(digest, file, info, split, rows);
  if (info.classes > 0) add_labels(digest, file, info, split, rows);
  if (info.target_dims.empty()) return;
  add_dims(digest, info.target_dims);
  add_targets(digest, file, info, split, rows);
}

// The same bytes in the same order, from memory.
void add_split(Digest& digest, const RowsMemory& rows, const DatasetInfo& info, const std::string& split) {
  const uint64_t count = static_cast<uint64_t>(rows.count);
  add_heading(digest, info, split, rows.count);
  digest.add(rows.inputs, count * static_cast<uint64_t>(sample_bytes(info)));
  if (info.classes > 0) digest.add(rows.labels, count * sizeof(int32_t));
  if (info.target_dims.empty()) return;
  add_dims(digest, info.target_dims);
  digest.add(rows.targets, count * static_cast<uint64_t>(target_size(info)) * sizeof(float));
}

}  // namespace

int64_t element_bytes(Type type) { return type == Type::kUint8 ? 1 : 4; }

int64_t sample_bytes(const DatasetInfo& info) { return product(info.sample_dims) * element_bytes(info.type); }

int64_t target_size(const DatasetInfo& info) {
  return info.target_dims.empty() ? 0 : product(info.target_dims);
}

int64_t row_bytes(const DatasetInfo& info) {
  const int64_t numbers = target_size(info) + (info.classes > 0 ? 1 : 0);
  return sample_bytes(info) + numbers * static_cast<int64_t>(sizeof(float));
}

RowsView::RowsView(const Rows& rows)
    : count(rows.count),
      inputs(rows.inputs.data()),
      labels(rows.labels.data()),
      targets(rows.targets.data()) {}

RowsView::RowsView(const RowsMemory& rows)
    : count(rows.count), inputs(rows.inputs), labels(rows.labels), targets(rows.targets) {}

void check_sizes(const std::string& path, const DatasetInfo& info, const std::string& split,
                 const Rows& rows) {
  const std::string counted = text(path, ": a part of ", rows.count, " samples of /", split);
  require_size(counted, "bytes of inputs", rows.inputs.size(), rows.count * sample_bytes(info));
  require_size(counted, "labels", rows.labels.size(), info.classes > 0 ? rows.count : 0);
  require_size(counted, "target values", rows.targets.size(), rows.count * target_size(info));
}

void check_rows(const std::string& path, const DatasetInfo& info, const std::string& split, int64_t first,
                const RowsView& rows) {
  const std::string where = text(path, ": /", split, "/");
  check_inputs(where, info, first, rows);
  check_labels(where, info, first, rows);
  check_targets(where, info, first, rows);
}

std::string content_digest(const File& file, const DatasetInfo& info) {
  Digest digest;
  for (const std::string& split : kSplits) {
    if (file.exists(text("/", split, "/inputs"))) add_split(digest, file, info, split);
  }
  digest.add(info.classes);
  return digest.hex();
}

std::string digest_of(const DatasetInfo& info, const std::vector<NamedRows>& splits) {
  Digest digest;
  for (const NamedRows& named : splits) add_split(digest, named.rows, info, named.split);
  digest.add(info.classes);
  return digest.hex();
}

void require_rows(const File& file, const std::string& split, int64_t first, int64_t count) {
  const int64_t stored = file.info("/" + split + "/inputs").dims[0];
  if (first < 0 || count < 0 || first > stored || count > stored - first) {
    fail(file.path(), ": /", split, " has ", stored, " samples; ", count, " from ", first,
         " on were asked for");
  }
}

void read_rows(const File& file, const DatasetInfo& info, const std::string& split, int64_t first,
               const RowsMemory& into) {
  const std::string group = "/" + split;
  file.read_rows(group + "/inputs", first, into.count, info.type, into.inputs);
  if (info.classes > 0) file.read_rows(group + "/labels", first, into.count, Type::kInt32, into.labels);
  if (!info.target_dims.empty()) {
    file.read_rows(group + "/targets", first, into.count, Type::kFloat32, into.targets);
  }
}

}  // namespace lockstep::io
