// Private to src/io: HDF5's handles that close themselves, its lock, and its errors as ours.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "dims.h"
#include "lockstep/io/file.h"

namespace lockstep::io {

// Held around every call of HDF5, the closing of handles included: declare it before them.
class LibraryLock {
 public:
  // Silences the library's own messages, a setting of each thread.
  LibraryLock();

 private:
  std::lock_guard<std::timed_mutex> guard_;
};

template <herr_t (*kClose)(hid_t)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() { close(); }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  bool close() {  // false where HDF5 could not, as when data that it held back does not fit on the disk
    const hid_t id = std::exchange(id_, -1);
    return id < 0 || kClose(id) >= 0;
  }

 private:
  hid_t id_ = -1;
};

using FileHandle = Handle<H5Fclose>;
using ObjectHandle = Handle<H5Oclose>;
using GroupHandle = Handle<H5Gclose>;
using DatasetHandle = Handle<H5Dclose>;
using AttributeHandle = Handle<H5Aclose>;
using SpaceHandle = Handle<H5Sclose>;
using TypeHandle = Handle<H5Tclose>;
using ListHandle = Handle<H5Pclose>;

// Why the last call failed: HDF5's innermost description, or the operating system's where that was the cause.
struct Reason {
  std::string text;
  int error_number = 0;  // errno, 0 where it was not the operating system
};

// To be called before any other call of HDF5, which would clear it.
Reason last_reason();

// `object` is "/train/inputs" or "the attribute `scale` of /train/inputs"; empty for the file as a whole.
[[noreturn]] void fail_reading(const std::string& path, const std::string& object);
[[noreturn]] void fail_writing(const std::string& path, const std::string& object);
[[noreturn]] void fail_writing(const std::string& path, const std::string& object, const Reason& reason);

std::string attribute_text(const std::string& object, const std::string& name);

hid_t memory_type(Type type);  // HDF5's own, not to be closed; fails for kString and kOther
TypeHandle string_type(size_t bytes);
Type type_of(hid_t stored);
std::string stored_name(hid_t stored);  // "int16", "compound", ...
bool is_number(hid_t stored);

// The strings of `count` = 1 element, of either of HDF5's kinds. `read` is called with a type and a buffer.
template <class Read>
bool read_one_string(hid_t stored, hid_t space, Read read, std::string& out) {
  if (H5Tis_variable_str(stored) > 0) {
    char* characters = nullptr;
    const TypeHandle type(H5Tcopy(stored));
    if (read(type.get(), &characters) < 0) return false;
    if (characters != nullptr) out = characters;
    H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, &characters);
    return true;
  }
  out.assign(H5Tget_size(stored), '\0');
  if (read(stored, out.data()) < 0) return false;
  const bool ends_at_zero = H5Tget_strpad(stored) == H5T_STR_NULLTERM;
  const size_t end = ends_at_zero ? out.find('\0') : out.find_last_not_of('\0') + 1;
  if (end < out.size()) out.resize(end);
  return true;
}

}  // namespace lockstep::io
