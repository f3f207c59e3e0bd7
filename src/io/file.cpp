#include "lockstep/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "file_impl.h"
#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

constexpr size_t kChunkCacheBytes = size_t{8}
                                    << 20;  // some chunks of about 1 MB, ours and those h5py chooses
constexpr size_t kChunkCacheSlots = 1009;

ListHandle access_list() {
  ListHandle list(H5Pcreate(H5P_FILE_ACCESS));
  // The format of 1.10 carries checksums in all of its metadata; the older default carries none.
  H5Pset_libver_bounds(list.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_fclose_degree(list.get(), H5F_CLOSE_STRONG);
  // Locks fail on many cluster file systems, and nothing here needs them: a file is renamed to its name when
  // whole.
  H5Pset_file_locking(list.get(), false, true);
  H5Pset_cache(list.get(), 0, kChunkCacheSlots, kChunkCacheBytes, 0.75);
  return list;
}

// The operating system's own answer first: HDF5's tells less of what is wrong with a path.
void check_readable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail(path, ": cannot be opened: ", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) {
    fail(path, ": is ", S_ISDIR(status.st_mode) ? "a folder" : "no regular file",
         "; an HDF5 file is expected");
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, ": cannot be opened: ", std::strerror(errno));
  ::close(descriptor);
  if (status.st_size == 0) fail(path, ": is empty; an HDF5 file is expected");
}

void check_writable(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    ::close(descriptor);
    return;
  }
  const int error_number = errno;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (error_number == ENOENT && !folder.empty() && !std::filesystem::exists(folder)) {
    fail(path, ": cannot be created: the folder ", folder, " does not exist");
  }
  fail(path, ": cannot be created: ", std::strerror(error_number));
}

[[noreturn]] void fail_opening(const std::string& path) {
  const Reason reason = last_reason();
  if (reason.error_number != 0) fail(path, ": cannot be opened: ", reason.text);
  if (H5Fis_hdf5(path.c_str()) <= 0) fail(path, ": is not an HDF5 file, or its beginning is damaged");
  if (reason.text.find("truncated file") != std::string::npos) {
    fail(path, ": is cut short (", reason.text, "); restore it from a copy or create it again");
  }
  if (reason.text.find("already open") != std::string::npos) {
    fail(path, ": is being written, or its writer was killed (", reason.text,
         "); wait for it, or restore it from a copy or create it again");
  }
  fail(path, ": is damaged (", reason.text, "); restore it from a copy or create it again");
}

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* out) noexcept {
  static_cast<std::vector<std::string>*>(out)->emplace_back(name);
  return 0;
}

}  // namespace

const char* type_name(Type type) {
  switch (type) {
    case Type::kUint8:
      return "uint8";
    case Type::kInt32:
      return "int32";
    case Type::kInt64:
      return "int64";
    case Type::kFloat32:
      return "float32";
    case Type::kFloat64:
      return "float64";
    case Type::kString:
      return "string";
    case Type::kOther:
      break;
  }
  return "other";
}

std::vector<int64_t> dims_of(hid_t space) {
  std::vector<hsize_t> dims(static_cast<size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  return {dims.begin(), dims.end()};
}

File::Impl::~Impl() {
  const LibraryLock lock;
  release();
}

std::optional<Reason> File::Impl::release() {
  std::optional<Reason> failure;
  for (auto& [name, dataset] : kept) {
    if (!dataset.close() && !failure) failure = last_reason();
  }
  kept.clear();
  if (!file.close() && !failure) failure = last_reason();
  // Where the disk is full, HDF5 cannot finish the file and keeps it open to the end of the process, and so
  // its space stays taken even when it is removed. What is in it is of no use: give the space back.
  if (failure && writable && ::truncate(path.c_str(), 0) != 0) return failure;
  return failure;
}

bool File::Impl::exists(const std::string& name) const {
  for (size_t end = name.find('/', 1);; end = name.find('/', end + 1)) {
    const std::string part = name.substr(0, end);
    if (part.size() > 1) {
      const htri_t found = H5Lexists(file.get(), part.c_str(), H5P_DEFAULT);
      if (found < 0) fail_reading(path, part);
      if (found == 0) return false;
    }
    const htri_t found = H5Oexists_by_name(file.get(), part.c_str(), H5P_DEFAULT);  // a link may lead nowhere
    if (found < 0) fail_reading(path, part);
    if (found == 0) return false;
    if (end == std::string::npos) return true;
    const ObjectHandle above(H5Oopen(file.get(), part.c_str(), H5P_DEFAULT));
    if (!above) fail_reading(path, part);
    if (H5Iget_type(above.get()) != H5I_GROUP) return false;
  }
}

ObjectHandle File::Impl::object(const std::string& name) const {
  if (!exists(name)) fail(path, ": has no ", name);
  ObjectHandle object(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT));
  if (!object) fail_reading(path, name);
  return object;
}

DatasetHandle File::Impl::dataset(const std::string& name) const {
  if (!exists(name)) fail(path, ": has no ", name);
  const ObjectHandle any = object(name);
  if (H5Iget_type(any.get()) != H5I_DATASET) fail(path, ": ", name, " is no array");
  DatasetHandle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT));
  if (!dataset) fail_reading(path, name);
  return dataset;
}

hid_t File::Impl::kept_dataset(const std::string& name) {
  const auto found = kept.find(name);
  if (found != kept.end()) return found->second.get();
  return kept.emplace(name, dataset(name)).first->second.get();
}

File::File(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;
File::~File() = default;

File File::open(const std::string& path) {
  check_readable(path);
  const LibraryLock lock;
  const ListHandle access = access_list();
  FileHandle handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!handle) fail_opening(path);
  return File(std::make_unique<Impl>(path, std::move(handle), false));
}

File File::create(const std::string& path) {
  check_writable(path);
  const LibraryLock lock;
  const ListHandle access = access_list();
  const ListHandle creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_obj_track_times(creation.get(), false);
  FileHandle handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()));
  if (!handle) fail_writing(path, "");
  return File(std::make_unique<Impl>(path, std::move(handle), true));
}

const std::string& File::path() const { return impl_->path; }

void File::close() {
  const LibraryLock lock;
  if (!impl_->file) return;
  // Flushed first: a failure to write is reported best while everything is still open.
  if (impl_->writable && H5Fflush(impl_->file.get(), H5F_SCOPE_GLOBAL) < 0) {
    const Reason reason = last_reason();
    impl_->release();
    fail_writing(impl_->path, "", reason);
  }
  const std::optional<Reason> failure = impl_->release();
  if (failure && impl_->writable) fail_writing(impl_->path, "", *failure);
}

bool File::exists(const std::string& name) const {
  const LibraryLock lock;
  return impl_->exists(name);
}

std::vector<std::string> File::children(const std::string& group) const {
  const LibraryLock lock;
  const ObjectHandle object = impl_->object(group);
  if (H5Iget_type(object.get()) != H5I_GROUP) fail(impl_->path, ": ", group, " is no group");
  const ListHandle creation(H5Gget_create_plist(object.get()));
  unsigned tracked = 0;
  if (!creation || H5Pget_link_creation_order(creation.get(), &tracked) < 0) fail_reading(impl_->path, group);
  // Files of other programs often do not record the order; then it is that of the names.
  const H5_index_t index = (tracked & H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  std::vector<std::string> names;
  if (H5Literate(object.get(), index, H5_ITER_INC, nullptr, collect_name, &names) < 0) {
    fail_reading(impl_->path, group);
  }
  return names;
}

bool File::is_group(const std::string& name) const {
  const LibraryLock lock;
  if (!impl_->exists(name)) return false;
  const ObjectHandle object = impl_->object(name);
  return H5Iget_type(object.get()) == H5I_GROUP;
}

}  // namespace lockstep::io
