// Private to src/io: what a File holds, and the steps that reading and writing share. All under the
// LibraryLock.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "handles.h"

namespace lockstep::io {

struct File::Impl {
  Impl(std::string file_path, FileHandle handle, bool is_writable)
      : path(std::move(file_path)), file(std::move(handle)), writable(is_writable) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool exists(const std::string& name) const;
  ObjectHandle object(const std::string& name) const;
  DatasetHandle dataset(const std::string& name) const;
  // The same, kept open until the file closes: HDF5 forgets a dataset's decoded chunks when it is closed, and
  // reading or appending a few rows at a time would decode or write each chunk again and again.
  hid_t kept_dataset(const std::string& name);
  // One number or string, opened and checked to be a single element.
  AttributeHandle attribute(const std::string& object, const std::string& name) const;
  void make_groups(const std::string& name);           // `name` and those above it
  void make_parent_groups(const std::string& object);  // those above `object`
  std::optional<Reason> release();                     // closes all; the reason where HDF5 could not

  std::string path;
  FileHandle file;
  bool writable;
  std::map<std::string, DatasetHandle> kept;
};

std::vector<int64_t> dims_of(hid_t space);

}  // namespace lockstep::io
