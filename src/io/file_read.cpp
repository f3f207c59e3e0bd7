// The reading half of File.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "file_impl.h"
#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

struct Array {
  TypeHandle type;
  SpaceHandle space;
  std::vector<int64_t> dims;
};

Array describe(hid_t dataset, const std::string& path, const std::string& name) {
  Array array{TypeHandle(H5Dget_type(dataset)), SpaceHandle(H5Dget_space(dataset)), {}};
  if (!array.type || !array.space) fail_reading(path, name);
  if (H5Sget_simple_extent_type(array.space.get()) == H5S_NULL) fail(path, ": ", name, " is empty");
  array.dims = dims_of(array.space.get());
  return array;
}

void require_numbers(const Array& array, const std::string& path, const std::string& name, Type type) {
  if (is_number(array.type.get())) return;
  fail(path, ": ", name, " is of type ", stored_name(array.type.get()), "; expected ", type_name(type),
       " or another number");
}

template <class Number>  // int64_t or double
Number read_number(hid_t attribute, const std::string& path, const std::string& what) {
  const TypeHandle type(H5Aget_type(attribute));
  if (!type) fail_reading(path, what);
  if (!is_number(type.get())) {
    fail(path, ": ", what, " is of type ", stored_name(type.get()), "; expected a number");
  }
  Number value = 0;
  const hid_t memory = std::is_same_v<Number, double> ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
  if (H5Aread(attribute, memory, &value) < 0) fail_reading(path, what);
  return value;
}

}  // namespace

AttributeHandle File::Impl::attribute(const std::string& object_name, const std::string& name) const {
  const ObjectHandle owner = object(object_name);
  const htri_t found = H5Aexists(owner.get(), name.c_str());
  if (found < 0) fail_reading(path, attribute_text(object_name, name));
  if (found == 0) fail(path, ": ", object_name, " has no attribute `", name, "`");
  AttributeHandle attribute(H5Aopen(owner.get(), name.c_str(), H5P_DEFAULT));
  if (!attribute) fail_reading(path, attribute_text(object_name, name));
  const SpaceHandle space(H5Aget_space(attribute.get()));
  if (!space) fail_reading(path, attribute_text(object_name, name));
  if (H5Sget_simple_extent_npoints(space.get()) != 1) {
    fail(path, ": ", attribute_text(object_name, name), " is not a single value but ",
         dims_text(dims_of(space.get())));
  }
  return attribute;
}

ArrayInfo File::info(const std::string& name) const {
  const LibraryLock lock;
  const DatasetHandle dataset = impl_->dataset(name);
  const TypeHandle type(H5Dget_type(dataset.get()));
  const SpaceHandle space(H5Dget_space(dataset.get()));
  if (!type || !space) fail_reading(impl_->path, name);
  const ListHandle creation(H5Dget_create_plist(dataset.get()));
  if (!creation) fail_reading(impl_->path, name);
  const bool elsewhere =
      H5Pget_layout(creation.get()) == H5D_VIRTUAL || H5Pget_external_count(creation.get()) > 0;
  return {type_of(type.get()), dims_of(space.get()), stored_name(type.get()),
          H5Tget_class(type.get()) == H5T_INTEGER, elsewhere};
}

void File::read_rows(const std::string& name, int64_t first, int64_t rows, Type type, void* out) const {
  const LibraryLock lock;
  const hid_t dataset = impl_->kept_dataset(name);
  const Array array = describe(dataset, impl_->path, name);
  require_numbers(array, impl_->path, name, type);
  const int64_t stored = array.dims.empty() ? 0 : array.dims[0];
  if (first < 0 || rows < 0 || first > stored || rows > stored - first) {
    fail(impl_->path, ": ", name, " has ", stored, " rows; rows ", first, " to ", first + rows,
         " were asked for");
  }
  if (rows == 0) return;
  std::vector<hsize_t> start(array.dims.size(), 0);
  std::vector<hsize_t> count(array.dims.begin(), array.dims.end());
  start[0] = static_cast<hsize_t>(first);
  count[0] = static_cast<hsize_t>(rows);
  const SpaceHandle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
  H5Sselect_hyperslab(array.space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  if (H5Dread(dataset, memory_type(type), memory.get(), array.space.get(), H5P_DEFAULT, out) < 0) {
    fail_reading(impl_->path, name);
  }
}

void File::read_all(const std::string& name, Type type, void* out) const {
  const LibraryLock lock;
  const DatasetHandle dataset = impl_->dataset(name);
  const Array array = describe(dataset.get(), impl_->path, name);
  require_numbers(array, impl_->path, name, type);
  if (H5Dread(dataset.get(), memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) {
    fail_reading(impl_->path, name);
  }
}

std::string File::read_string(const std::string& name) const {
  const LibraryLock lock;
  const DatasetHandle dataset = impl_->dataset(name);
  const Array array = describe(dataset.get(), impl_->path, name);
  if (H5Tget_class(array.type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(array.space.get()) != 1) {
    fail(impl_->path, ": ", name, " is of type ", stored_name(array.type.get()), " and shape ",
         dims_text(array.dims), "; expected one string");
  }
  const auto read = [&](hid_t type, void* out) {
    return H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
  };
  std::string result;
  if (!read_one_string(array.type.get(), array.space.get(), read, result)) fail_reading(impl_->path, name);
  return result;
}

Table File::read_table(const std::string& name) const {
  const LibraryLock lock;
  const DatasetHandle dataset = impl_->dataset(name);
  const Array array = describe(dataset.get(), impl_->path, name);
  if (H5Tget_class(array.type.get()) != H5T_COMPOUND || array.dims.size() != 1) {
    fail(impl_->path, ": ", name, " is of type ", stored_name(array.type.get()), " and shape ",
         dims_text(array.dims), "; expected a table, which is one dimension of a compound type");
  }
  Table table;
  const auto columns = static_cast<unsigned>(std::max(0, H5Tget_nmembers(array.type.get())));
  const TypeHandle row(H5Tcreate(H5T_COMPOUND, columns * sizeof(double)));
  for (unsigned column = 0; column < columns; ++column) {
    const TypeHandle member(H5Tget_member_type(array.type.get(), column));
    char* label = H5Tget_member_name(array.type.get(), column);
    if (!member || label == nullptr) fail_reading(impl_->path, name);
    table.columns.emplace_back(label);
    H5free_memory(label);
    if (!is_number(member.get())) {
      fail(impl_->path, ": ", name, " has a column `", table.columns.back(), "` of type ",
           stored_name(member.get()), "; expected numbers");
    }
    H5Tinsert(row.get(), table.columns.back().c_str(), column * sizeof(double), H5T_NATIVE_DOUBLE);
  }
  table.values.resize(static_cast<size_t>(array.dims[0]) * columns);
  if (table.values.empty()) return table;
  if (H5Dread(dataset.get(), row.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, table.values.data()) < 0) {
    fail_reading(impl_->path, name);
  }
  return table;
}

bool File::has_attribute(const std::string& object, const std::string& name) const {
  const LibraryLock lock;
  const ObjectHandle owner = impl_->object(object);
  const htri_t found = H5Aexists(owner.get(), name.c_str());
  if (found < 0) fail_reading(impl_->path, attribute_text(object, name));
  return found > 0;
}

std::string File::string_attribute(const std::string& object, const std::string& name) const {
  const LibraryLock lock;
  const AttributeHandle attribute = impl_->attribute(object, name);
  const TypeHandle type(H5Aget_type(attribute.get()));
  const SpaceHandle space(H5Aget_space(attribute.get()));
  if (!type || !space) fail_reading(impl_->path, attribute_text(object, name));
  if (H5Tget_class(type.get()) != H5T_STRING) {
    fail(impl_->path, ": ", attribute_text(object, name), " is of type ", stored_name(type.get()),
         "; expected a string");
  }
  const auto read = [&](hid_t memory, void* out) { return H5Aread(attribute.get(), memory, out); };
  std::string result;
  if (!read_one_string(type.get(), space.get(), read, result)) {
    fail_reading(impl_->path, attribute_text(object, name));
  }
  return result;
}

int64_t File::int_attribute(const std::string& object, const std::string& name) const {
  const LibraryLock lock;
  const AttributeHandle attribute = impl_->attribute(object, name);
  const double value = read_number<double>(attribute.get(), impl_->path, attribute_text(object, name));
  const TypeHandle type(H5Aget_type(attribute.get()));
  const bool stored_whole = H5Tget_class(type.get()) == H5T_INTEGER;
  if (!stored_whole && !(std::abs(value) <= 0x1p53 && value == std::floor(value))) {
    fail(impl_->path, ": ", attribute_text(object, name), " is ", value, "; expected a whole number");
  }
  return read_number<int64_t>(attribute.get(), impl_->path, attribute_text(object, name));
}

double File::float_attribute(const std::string& object, const std::string& name) const {
  const LibraryLock lock;
  const AttributeHandle attribute = impl_->attribute(object, name);
  return read_number<double>(attribute.get(), impl_->path, attribute_text(object, name));
}

}  // namespace lockstep::io
