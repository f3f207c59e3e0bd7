// A claim on a file that one run writes, so that no second one writes it meanwhile.
#pragma once

#include <string>

namespace lockstep::io {

// Holds the lock of `path` from construction to destruction: a file NAME.lock beside it that says who holds
// it. The operating system gives the lock up when its process ends, however that is, so what a killed run
// leaves behind keeps nobody out. Two runs on different hosts see each other where the file system passes
// locks on (NFS 4, Lustre mounted with flock, GPFS); one that knows no locks gives none, and the claim always
// succeeds.
class Lock {
 public:
  // `holder` tells people who this is. Fails with the other holder's words where there is one.
  Lock(const std::string& path, const std::string& holder);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  void release();

  std::string name_;
  int descriptor_ = -1;
};

}  // namespace lockstep::io
