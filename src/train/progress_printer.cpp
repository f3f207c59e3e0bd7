#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "lockstep/core/error.h"
#include "lockstep/train/observer.h"

namespace lockstep::train {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string duration_text(double seconds) {
  const int64_t s = static_cast<int64_t>(seconds + 0.5);
  char buffer[64];
  if (s >= 3600) {
    std::snprintf(buffer, sizeof buffer, "%ld h %02ld min", static_cast<long>(s / 3600),
                  static_cast<long>(s / 60 % 60));
  } else {
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld", static_cast<long>(s / 60), static_cast<long>(s % 60));
  }
  return buffer;
}

}  // namespace

std::string error_text(double error, bool classifies) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, classifies ? "%.2f %%" : "%.4g", classifies ? 100 * error : error);
  return buffer;
}

bool output_is_terminal() {
  if (isatty(STDOUT_FILENO) == 0) return false;
  // mpirun gives its processes a pseudo-terminal even when its own output goes to a file, so ask what that
  // is.
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return true;
  std::error_code error;
  const auto parent = std::filesystem::read_symlink(text("/proc/", getppid(), "/fd/1"), error);
  const std::string target = parent.string();
  return !error && (target.rfind("/dev/pts/", 0) == 0 || target.rfind("/dev/tty", 0) == 0);
}

ProgressPrinter::~ProgressPrinter() { end_line(); }

void ProgressPrinter::end_line() {
  if (line_open_) std::printf("\n");
  line_open_ = false;
  std::fflush(stdout);
}

void ProgressPrinter::on_step(const Progress& p) {
  constexpr double kSecondsBetween = 0.2;
  if (!terminal_ || now() - last_shown_ < kSecondsBetween) return;
  last_shown_ = now();
  std::printf("\rstep %ld of %ld  epoch %.2f  loss %.4f  error %s  %.0f samples/s  %s left\033[K",
              static_cast<long>(p.step), static_cast<long>(p.total_steps), p.epoch, p.train.loss,
              error_text(p.train.error, p.classifies).c_str(), p.samples_per_second,
              duration_text(p.seconds_left).c_str());
  line_open_ = true;
  std::fflush(stdout);
}

void ProgressPrinter::on_epoch(const Progress& p, const Score& evaluation, const std::string& evaluated) {
  if (terminal_) std::printf("\r\033[K");
  line_open_ = false;
  std::printf("epoch %.0f  step %ld  train loss %.4f error %s", p.epoch, static_cast<long>(p.step),
              p.train.loss, error_text(p.train.error, p.classifies).c_str());
  if (!evaluated.empty()) {
    std::printf("  %s loss %.4f error %s", evaluated.c_str(), evaluation.loss,
                error_text(evaluation.error, p.classifies).c_str());
  }
  std::printf("  %.0f samples/s\n", p.samples_per_second);
  std::fflush(stdout);
}

}  // namespace lockstep::train
