// The dataset format: what datasets/README.md describes, read and written.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/io/file.h"

namespace lockstep::io {

// How the stored numbers become values: value = raw * scale + offset.
struct DatasetInfo {
  std::vector<int64_t> sample_dims;  // {C, H, W} or {D}
  Type type = Type::kUint8;          // of the inputs: kUint8 or kFloat32
  double scale = 1;
  double offset = 0;
  int64_t classes = 0;               // 0: no labels
  std::vector<int64_t> target_dims;  // empty: no targets
  std::string source;                // where the data came from, for people
};

inline const std::array<std::string, 3> kSplits = {"train", "validation", "test"};

int64_t sample_bytes(const DatasetInfo& info);  // of an input, as stored
int64_t target_size(const DatasetInfo& info);   // values; 0 where there are none
int64_t row_bytes(const DatasetInfo& info);     // of a sample in memory, with its label and target

// One split read from a file, or a part of its rows. `inputs` holds rows x (size of a sample) x (1 or 4)
// bytes.
struct Rows {
  int64_t count = 0;
  std::vector<unsigned char> inputs;
  std::vector<int32_t> labels;  // empty where the file has none
  std::vector<float> targets;   // empty where the file has none
};

// Rows that lie elsewhere, as Rows has them: null for what the file has none of.
struct RowsMemory {
  int64_t count = 0;
  unsigned char* inputs = nullptr;
  int32_t* labels = nullptr;
  float* targets = nullptr;
};

class DatasetReader {
 public:
  // Checks format, version, and that all splits have one shape and type. Each failure names what was found,
  // what the format asks for, and datasets/README.md.
  explicit DatasetReader(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const DatasetInfo& info() const { return info_; }
  bool has(const std::string& split) const;      // "train", "validation", "test"
  int64_t rows(const std::string& split) const;  // 0 where there is no such split
  // Fails where a label is outside 0..classes-1 or a value is NaN or infinite, naming split and sample. Runs
  // of rows are cheap; a single row costs as much as the chunk that it lies in (about 1 MB).
  Rows read(const std::string& split, int64_t first, int64_t count) const;
  // The same, of `into.count` rows, into memory of the caller's.
  void read(const std::string& split, int64_t first, const RowsMemory& into) const;

  // The digest that the file states of itself, if it does; and the one that its contents have (reads
  // everything).
  std::optional<std::string> stated_digest() const;
  std::string compute_digest() const;

 private:
  void require_rows_of(const std::string& split, int64_t first, int64_t count) const;

  File file_;
  DatasetInfo info_;
};

// The digest of a file with these splits, in the order train, validation, test.
struct NamedRows {
  std::string split;
  RowsMemory rows;
};
std::string digest_of(const DatasetInfo& info, const std::vector<NamedRows>& splits);

// Writes a dataset beside its target and replaces the target in finish(); nothing is left of one not
// finished.
class DatasetWriter {
 public:
  DatasetWriter(const std::string& path, const DatasetInfo& info);
  ~DatasetWriter();

  // Rows go behind those already in the split. Labels where classes > 0, each in 0..classes-1.
  void append(const std::string& split, const Rows& rows);
  // For groups beside the splits: what else belongs to the samples. The digest does not cover them.
  File& file();
  void finish();  // writes the digest, syncs, renames

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::io
