// HDF5 files, without HDF5's types: handles close themselves, and every failure is one Error with the file's
// name.
//
// The HDF5 library of Debian is not thread safe. Every call here takes one process-wide lock, so files may be
// used from several threads; one File object still belongs to one thread at a time. Nothing here is
// collective.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::io {

enum class Type { kUint8, kInt32, kInt64, kFloat32, kFloat64, kString, kOther };

const char* type_name(Type type);  // "uint8", "int32", ...

// For who must not wait for ever. Fails where another thread has been inside HDF5, reading or writing some
// file, for a second.
void require_library();

struct ArrayInfo {
  Type type = Type::kOther;  // also kOther: numbers of another width, which can be read as one of those above
  std::vector<int64_t> dims;
  std::string stored_type;  // for people: "int16", "compound", ...
  bool is_integer = false;  // of any width
  bool elsewhere = false;   // whether values lie in other files: a virtual dataset, or external storage
};

// Columns of doubles with names; rows one after the other.
struct Table {
  std::vector<std::string> columns;
  std::vector<double> values;  // rows x columns
  int64_t rows() const { return columns.empty() ? 0 : static_cast<int64_t>(values.size() / columns.size()); }
};

class File {
 public:
  // Fails with what is wrong: no such file, not readable, not HDF5 or cut short.
  static File open(const std::string& path);
  // Replaces what was there. Fails where the folder does not exist or cannot be written.
  static File create(const std::string& path);

  File(File&&) noexcept;
  File& operator=(File&&) noexcept;
  ~File();  // closes; a file that was written needs close() before, which reports failure

  const std::string& path() const;
  void close();  // flushes; fails where the data could not be written (a full disk)

  // Reading. Names are absolute paths in the file ("/train/inputs"). A missing object, another type or
  // a damaged block is an Error that names file and object.
  bool exists(const std::string& name) const;
  std::vector<std::string> children(const std::string& group) const;  // in the order they were created
  bool is_group(const std::string& name) const;
  ArrayInfo info(const std::string& name) const;
  // Rows [first, first + rows) along the first dimension, converted by HDF5 to `type`, into `out`.
  void read_rows(const std::string& name, int64_t first, int64_t rows, Type type, void* out) const;
  void read_all(const std::string& name, Type type, void* out) const;
  std::string read_string(const std::string& name) const;
  Table read_table(const std::string& name) const;
  bool has_attribute(const std::string& object, const std::string& name) const;
  std::string string_attribute(const std::string& object, const std::string& name) const;
  int64_t int_attribute(const std::string& object, const std::string& name) const;
  double float_attribute(const std::string& object, const std::string& name) const;

  // Writing. Groups on the way are created.
  void write(const std::string& name, Type type, const std::vector<int64_t>& dims, const void* data);
  void write_string(const std::string& name, std::string_view value);
  void write_table(const std::string& name, const Table& table);  // a compound type of doubles
  // An array with no rows yet, that append() extends; chunked by rows, each chunk with a checksum.
  void create_rows(const std::string& name, Type type, const std::vector<int64_t>& row_dims);
  void append(const std::string& name, int64_t rows, const void* data);
  void create_group(const std::string& name);
  void set_attribute(const std::string& object, const std::string& name, std::string_view value);
  void set_attribute(const std::string& object, const std::string& name, int64_t value);
  void set_attribute(const std::string& object, const std::string& name, double value);

 private:
  struct Impl;
  explicit File(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::io
