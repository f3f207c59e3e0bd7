// What the tests of src/io share: messages of errors, a process with little disk.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "lockstep/core/error.h"
#include "support/expect.h"
#include "support/folder.h"

#if defined(__SANITIZE_ADDRESS__)
// HDF5 forgets a few hundred bytes for each damaged object that it meets: not ours to mend.
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions();
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions() { return "leak:libhdf5"; }
#endif

namespace lockstep::io {

using test::bytes_of;
using test::message_of;
using test::put_bytes;

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_MESSAGE(message, part) EXPECT_TRUE(contains(message, part)) << "the message is: " << (message)

// Runs `action` in a process of its own, where no file may grow above `bytes`: what a full disk looks like to
// a writer. Returns its error's message; the process has to end by itself with that, neither crash nor hang.
inline std::string error_with_little_disk(rlim_t bytes, const std::function<void()>& action) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::string message;
    try {
      action();
    } catch (const Error& error) {
      message = error.what();
    }
    const ssize_t written = ::write(ends[1], message.data(), message.size());
    std::exit(written == static_cast<ssize_t>(message.size()) ? 0
                                                              : 1);  // exit handlers belong to what is tested
  }
  ::close(ends[1]);
  std::string message;
  char buffer[4096];
  for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    message.append(buffer, static_cast<size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the process ended with status " << status;
  return message;
}

}  // namespace lockstep::io
