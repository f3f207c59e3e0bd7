/* Preloaded into a run: makes the writing of one folder's files go wrong at a chosen call, or reading them.
 *
 *   FAULT_PATH   the folder; calls on other files pass
 *   FAULT_MODE   log    does nothing but log
 *                keep   also gives each file that is renamed to its name a second name: NAME.kept1,
 * NAME.kept2, ... kill   kill -9 instead of the chosen call short  writes half of what the chosen call
 * should, then kill -9 slow   every sync takes a tenth of a second halve  every write does only half, and
 * says so fail   the chosen call fails full   from the chosen call on, all that write or lengthen a file fail
 *                hang   reading does not return, in the rank FAULT_RANK, once there is a file FAULT_TRIGGER
 *   FAULT_AT     which call, from 1
 *   FAULT_ERRNO  with which error calls fail
 *   FAULT_LOG    a file to which a line "CALL PATH" is added for each call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum verdict { PASS, HALVE, REFUSE };
enum kind { READS, WRITES, SYNCS, NAMES, CLOSES };

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_mode(const char* name) {
  const char* mode = getenv("FAULT_MODE");
  return mode != NULL && strcmp(mode, name) == 0;
}

static long number(const char* name) {
  const char* value = getenv(name);
  return value == NULL ? 0 : atol(value);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static void add_to_log(const char* call, const char* path) {
  const char* log = getenv("FAULT_LOG");
  if (log == NULL) return;
  char line[8192];
  const int length = snprintf(line, sizeof line, "%s %s\n", call, path);
  const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (fd < 0 || REAL(write)(fd, line, (size_t)length) != length) abort();
  REAL(close)(fd);
}

static void hang(void) {
  const char* rank = getenv("OMPI_COMM_WORLD_RANK");
  if ((rank == NULL ? 0 : atol(rank)) != number("FAULT_RANK") || access(getenv("FAULT_TRIGGER"), F_OK) != 0)
    return;
  for (;;) pause();
}

/* What is to become of a call. */
static enum verdict judge(const char* call, enum kind kind, const char* path) {
  static atomic_long calls;
  const char* folder = getenv("FAULT_PATH");
  if (folder == NULL || strncmp(path, folder, strlen(folder)) != 0) return PASS;
  if (kind == READS) {
    if (is_mode("hang")) hang();
    return PASS;
  }
  add_to_log(call, path);
  if (is_mode("slow") && kind == SYNCS) usleep(100000);
  const long at = number("FAULT_AT");
  const long now = atomic_fetch_add(&calls, 1) + 1;
  if (is_mode("halve")) return kind == WRITES ? HALVE : PASS;
  if (is_mode("full") && now >= at && kind == WRITES) return REFUSE;
  if (now != at) return PASS;
  if (is_mode("kill")) die();
  if (is_mode("short")) {
    if (kind != WRITES) die();
    return HALVE;
  }
  return is_mode("fail") ? REFUSE : PASS;
}

static enum verdict judge_fd(const char* call, enum kind kind, int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return PASS;
  path[length] = '\0';
  return judge(call, kind, path);
}

static int refuse(void) {
  errno = (int)number("FAULT_ERRNO");
  return -1;
}

static ssize_t written(ssize_t bytes) {
  if (is_mode("short")) die();
  return bytes;
}

static size_t half(size_t bytes) { return bytes > 1 ? bytes / 2 : bytes; }

ssize_t pread(int fd, void* data, size_t bytes, off_t at) {
  judge_fd("pread", READS, fd);
  return REAL(pread)(fd, data, bytes, at);
}

ssize_t pread64(int fd, void* data, size_t bytes, off64_t at) {
  judge_fd("pread", READS, fd);
  return REAL(pread64)(fd, data, bytes, at);
}

ssize_t write(int fd, const void* data, size_t bytes) {
  const enum verdict verdict = judge_fd("write", WRITES, fd);
  if (verdict == REFUSE) return refuse();
  if (verdict == HALVE) return written(REAL(write)(fd, data, half(bytes)));
  return REAL(write)(fd, data, bytes);
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t at) {
  const enum verdict verdict = judge_fd("pwrite", WRITES, fd);
  if (verdict == REFUSE) return refuse();
  if (verdict == HALVE) return written(REAL(pwrite)(fd, data, half(bytes), at));
  return REAL(pwrite)(fd, data, bytes, at);
}

ssize_t pwrite64(int fd, const void* data, size_t bytes, off64_t at) {
  const enum verdict verdict = judge_fd("pwrite", WRITES, fd);
  if (verdict == REFUSE) return refuse();
  if (verdict == HALVE) return written(REAL(pwrite64)(fd, data, half(bytes), at));
  return REAL(pwrite64)(fd, data, bytes, at);
}

int ftruncate(int fd, off_t length) {
  return judge_fd("ftruncate", WRITES, fd) == REFUSE ? refuse() : REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length) {
  return judge_fd("ftruncate", WRITES, fd) == REFUSE ? refuse() : REAL(ftruncate64)(fd, length);
}

int fsync(int fd) { return judge_fd("fsync", SYNCS, fd) == REFUSE ? refuse() : REAL(fsync)(fd); }

int fdatasync(int fd) { return judge_fd("fdatasync", SYNCS, fd) == REFUSE ? refuse() : REAL(fdatasync)(fd); }

/* As on a network file system: the descriptor is gone, and what was written may be too. */
int close(int fd) {
  const enum verdict verdict = judge_fd("close", CLOSES, fd);
  const int result = REAL(close)(fd);
  return verdict == REFUSE ? refuse() : result;
}

static void keep(const char* path) {
  static int kept;
  char second[4096];
  snprintf(second, sizeof second, "%s.kept%d", path, ++kept);
  if (link(path, second) != 0) abort();
}

int rename(const char* from, const char* to) {
  const enum verdict verdict = judge("rename", NAMES, from);
  if (verdict == REFUSE) return refuse();
  const int result = REAL(rename)(from, to);
  const char* folder = getenv("FAULT_PATH");
  if (result == 0 && is_mode("keep") && strncmp(to, folder, strlen(folder)) == 0) keep(to);
  return result;
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return judge("rename", NAMES, from) == REFUSE ? refuse() : REAL(renameat)(from_folder, from, to_folder, to);
}

int unlink(const char* path) {
  return judge("unlink", NAMES, path) == REFUSE ? refuse() : REAL(unlink)(path);
}
