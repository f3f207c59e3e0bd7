// The writing half of File.
#include <algorithm>

#include "file_impl.h"
#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

constexpr hsize_t kChunkBytes = hsize_t{1} << 20;
// Chunks are stored whole: without this bound ten labels would take as much of the disk as 262,144.
constexpr hsize_t kChunkRows = 1024;
// Kept in the object's header, which has a checksum; the format allows 64 KB there.
constexpr size_t kCompactBytes = 60000;

// About kChunkBytes of whole rows; of a row that is larger, a part.
std::vector<hsize_t> chunk_dims(const std::vector<hsize_t>& dims, size_t element_bytes) {
  std::vector<hsize_t> chunk(dims.size());
  hsize_t bytes = element_bytes;
  for (size_t i = dims.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(kChunkBytes / bytes, 1, dims[i]);
    bytes *= chunk[i];
  }
  return chunk;
}

// A layout whose data has a checksum, wherever there is data: HDF5 gives none to arrays in one piece.
ListHandle layout(const std::vector<hsize_t>& dims, size_t element_bytes) {
  ListHandle list(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(list.get(), false);  // the same contents give the same file, byte by byte
  const bool empty = std::find(dims.begin(), dims.end(), hsize_t{0}) != dims.end();
  if (dims.empty()) {
    H5Pset_layout(list.get(), H5D_COMPACT);
  } else if (!empty) {
    const std::vector<hsize_t> chunk = chunk_dims(dims, element_bytes);
    H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_fletcher32(list.get());
  }
  return list;
}

SpaceHandle make_space(const std::vector<hsize_t>& dims) {
  if (dims.empty()) return SpaceHandle(H5Screate(H5S_SCALAR));
  return SpaceHandle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
}

void write_array(hid_t file, const std::string& path, const std::string& name, hid_t type,
                 const std::vector<hsize_t>& dims, const void* data) {
  const SpaceHandle space = make_space(dims);
  const ListHandle creation = layout(dims, H5Tget_size(type));
  DatasetHandle dataset(
      H5Dcreate2(file, name.c_str(), type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!dataset) fail_writing(path, name);
  if (H5Sget_simple_extent_npoints(space.get()) > 0 &&
      H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
    fail_writing(path, name);
  }
  if (!dataset.close()) fail_writing(path, name);
}

void write_attribute(hid_t object, const std::string& path, const std::string& where, const std::string& name,
                     hid_t type, const void* data) {
  if (H5Aexists(object, name.c_str()) > 0) H5Adelete(object, name.c_str());
  const SpaceHandle space(H5Screate(H5S_SCALAR));
  const AttributeHandle attribute(
      H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type, data) < 0)
    fail_writing(path, attribute_text(where, name));
}

}  // namespace

// HDF5 would make them itself, but would not record the order of creation in them.
void File::Impl::make_groups(const std::string& name) {
  if (name.empty() || name == "/" || exists(name)) return;
  make_parent_groups(name);
  const ListHandle creation(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);
  const GroupHandle group(H5Gcreate2(file.get(), name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!group) fail_writing(path, name);
}

void File::Impl::make_parent_groups(const std::string& object_name) {
  const size_t slash = object_name.rfind('/');
  if (slash != std::string::npos) make_groups(object_name.substr(0, slash));
}

void File::write(const std::string& name, Type type, const std::vector<int64_t>& dims, const void* data) {
  const LibraryLock lock;
  impl_->make_parent_groups(name);
  write_array(impl_->file.get(), impl_->path, name, memory_type(type), {dims.begin(), dims.end()}, data);
}

void File::write_string(const std::string& name, std::string_view value) {
  const LibraryLock lock;
  impl_->make_parent_groups(name);
  // Of fixed length: strings of variable length go to a part of the file that has no checksum.
  const std::string padded(value.empty() ? std::string_view("\0", 1) : value);
  const TypeHandle type = string_type(padded.size());
  const std::vector<hsize_t> dims(padded.size() <= kCompactBytes ? 0 : 1, 1);
  write_array(impl_->file.get(), impl_->path, name, type.get(), dims, padded.data());
}

void File::write_table(const std::string& name, const Table& table) {
  const LibraryLock lock;
  const size_t columns = table.columns.size();
  if (columns == 0 || table.values.size() % columns != 0) {
    fail(impl_->path, ": ", name, " cannot be written: ", table.values.size(), " values do not fill rows of ",
         columns, " columns");
  }
  impl_->make_parent_groups(name);
  const TypeHandle row(H5Tcreate(H5T_COMPOUND, columns * sizeof(double)));
  for (size_t column = 0; column < columns; ++column) {
    const char* label = table.columns[column].c_str();
    if (H5Tinsert(row.get(), label, column * sizeof(double), H5T_NATIVE_DOUBLE) < 0) {
      fail_writing(impl_->path, text("the column `", label, "` of ", name));
    }
  }
  write_array(impl_->file.get(), impl_->path, name, row.get(), {static_cast<hsize_t>(table.rows())},
              table.values.data());
}

void File::create_rows(const std::string& name, Type type, const std::vector<int64_t>& row_dims) {
  const LibraryLock lock;
  for (const int64_t dim : row_dims) {
    if (dim < 1) fail(impl_->path, ": ", name, " cannot have rows of shape ", dims_text(row_dims));
  }
  impl_->make_parent_groups(name);
  std::vector<hsize_t> dims{kChunkRows};
  dims.insert(dims.end(), row_dims.begin(), row_dims.end());
  const ListHandle creation = layout(dims, H5Tget_size(memory_type(type)));
  std::vector<hsize_t> most = dims;
  dims[0] = 0;
  most[0] = H5S_UNLIMITED;
  const SpaceHandle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), most.data()));
  const DatasetHandle dataset(H5Dcreate2(impl_->file.get(), name.c_str(), memory_type(type), space.get(),
                                         H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!dataset) fail_writing(impl_->path, name);
}

void File::append(const std::string& name, int64_t rows, const void* data) {
  const LibraryLock lock;
  const hid_t dataset = impl_->kept_dataset(name);
  const TypeHandle type(H5Dget_type(dataset));
  SpaceHandle space(H5Dget_space(dataset));
  if (!type || !space) fail_reading(impl_->path, name);
  const std::vector<int64_t> dims = dims_of(space.get());
  if (rows <= 0 || dims.empty()) return;
  std::vector<hsize_t> count(dims.begin(), dims.end());
  std::vector<hsize_t> start(dims.size(), 0);
  start[0] = count[0];
  count[0] += static_cast<hsize_t>(rows);
  if (H5Dset_extent(dataset, count.data()) < 0) fail_writing(impl_->path, name);
  count[0] = static_cast<hsize_t>(rows);
  const SpaceHandle memory = make_space(count);
  space = SpaceHandle(H5Dget_space(dataset));
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  if (H5Dwrite(dataset, type.get(), memory.get(), space.get(), H5P_DEFAULT, data) < 0) {
    fail_writing(impl_->path, name);
  }
}

void File::create_group(const std::string& name) {
  const LibraryLock lock;
  impl_->make_groups(name);
}

void File::set_attribute(const std::string& object, const std::string& name, std::string_view value) {
  const LibraryLock lock;
  const ObjectHandle owner = impl_->object(object);
  const std::string padded(value.empty() ? std::string_view("\0", 1) : value);
  const TypeHandle type = string_type(padded.size());
  write_attribute(owner.get(), impl_->path, object, name, type.get(), padded.data());
}

void File::set_attribute(const std::string& object, const std::string& name, int64_t value) {
  const LibraryLock lock;
  const ObjectHandle owner = impl_->object(object);
  write_attribute(owner.get(), impl_->path, object, name, H5T_NATIVE_INT64, &value);
}

void File::set_attribute(const std::string& object, const std::string& name, double value) {
  const LibraryLock lock;
  const ObjectHandle owner = impl_->object(object);
  write_attribute(owner.get(), impl_->path, object, name, H5T_NATIVE_DOUBLE, &value);
}

}  // namespace lockstep::io
