#include "handles.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

// H5dont_atexit: where a disk is full, the library cannot write what it still holds, and would try again at
// exit until it crashes. Every file is closed by its owner, so nothing is left to do there.
struct Library {
  Library() {
    H5dont_atexit();
    H5open();
  }
  std::timed_mutex mutex;
};

// One for the process, and mutable, because the library is one for the process: Debian builds it without
// thread safety, so a call for one file while another thread is inside a call for another file corrupts its
// tables.
std::timed_mutex& library_mutex() {
  static Library library;
  return library.mutex;
}

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* out) noexcept {
  if (depth == 0 && error->desc != nullptr) {
    std::strncpy(static_cast<char*>(out), error->desc, 511);
  }
  return 0;
}

}  // namespace

// Each failure becomes one Error, so HDF5 itself stays silent.
LibraryLock::LibraryLock() : guard_(library_mutex()) { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

void require_library() {
  std::unique_lock lock(library_mutex(), std::chrono::seconds(1));
  if (!lock)
    fail(
        "a thread is still reading or writing a file through HDF5, which serves one thread at a time; its "
        "disk "
        "may not answer");
}

Reason last_reason() {
  char description[512] = {};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, description);
  Reason reason{description[0] != '\0' ? description : "no reason given by HDF5"};
  // "file write failed: time = .., errno = 28, error message = 'No space left on device', buf = .."
  if (const size_t at = reason.text.find("errno = "); at != std::string::npos) {
    reason.error_number = std::atoi(reason.text.c_str() + at + 8);
    if (reason.error_number != 0) reason.text = std::strerror(reason.error_number);
  }
  return reason;
}

void fail_reading(const std::string& path, const std::string& object) {
  const Reason reason = last_reason();
  const std::string where = object.empty() ? path : text(path, ": ", object);
  if (reason.error_number != 0) fail(where, " cannot be read: ", reason.text);
  if (reason.text.find("filter") != std::string::npos && reason.text.find("register") != std::string::npos) {
    fail(where, " is compressed in a way that this build of HDF5 does not know (", reason.text,
         "); write it uncompressed or with gzip");
  }
  fail(where, " is damaged (", reason.text, "); restore the file from a copy or create it again");
}

void fail_writing(const std::string& path, const std::string& object) {
  fail_writing(path, object, last_reason());
}

void fail_writing(const std::string& path, const std::string& object, const Reason& reason) {
  const std::string where = object.empty() ? path : text(path, ": ", object);
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  struct statvfs disk {};
  const bool full = reason.error_number == ENOSPC || reason.error_number == EDQUOT ||
                    (reason.error_number == 0 && ::statvfs(folder.c_str(), &disk) == 0 && disk.f_bavail == 0);
  if (full) {
    const std::string why = reason.error_number != 0 ? reason.text : std::strerror(ENOSPC);
    fail(where, " cannot be written: ", why, "; make room in ", folder, " or choose another folder");
  }
  fail(where, " cannot be written: ", reason.text);
}

std::string attribute_text(const std::string& object, const std::string& name) {
  return text("the attribute `", name, "` of ", object);
}

hid_t memory_type(Type type) {
  switch (type) {
    case Type::kUint8:
      return H5T_NATIVE_UINT8;
    case Type::kInt32:
      return H5T_NATIVE_INT32;
    case Type::kInt64:
      return H5T_NATIVE_INT64;
    case Type::kFloat32:
      return H5T_NATIVE_FLOAT;
    case Type::kFloat64:
      return H5T_NATIVE_DOUBLE;
    case Type::kString:
    case Type::kOther:
      break;
  }
  fail("an array of type ", type_name(type), " can be neither read nor written; numbers can");
}

TypeHandle string_type(size_t bytes) {
  TypeHandle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), bytes);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

Type type_of(hid_t stored) {
  const size_t size = H5Tget_size(stored);
  switch (H5Tget_class(stored)) {
    case H5T_INTEGER:
      if (H5Tget_sign(stored) == H5T_SGN_NONE) return size == 1 ? Type::kUint8 : Type::kOther;
      return size == 4 ? Type::kInt32 : size == 8 ? Type::kInt64 : Type::kOther;
    case H5T_FLOAT:
      return size == 4 ? Type::kFloat32 : size == 8 ? Type::kFloat64 : Type::kOther;
    case H5T_STRING:
      return Type::kString;
    default:
      return Type::kOther;
  }
}

std::string stored_name(hid_t stored) {
  const size_t bits = 8 * H5Tget_size(stored);
  switch (H5Tget_class(stored)) {
    case H5T_INTEGER:
      return text(H5Tget_sign(stored) == H5T_SGN_NONE ? "uint" : "int", bits);
    case H5T_FLOAT:
      return text("float", bits);
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return "enumeration or bool";
    case H5T_COMPOUND:
      return "compound";
    default:
      return "neither number nor string";
  }
}

bool is_number(hid_t stored) {
  const H5T_class_t kind = H5Tget_class(stored);
  return kind == H5T_INTEGER || kind == H5T_FLOAT;
}

}  // namespace lockstep::io
