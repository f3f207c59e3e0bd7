// Who watches a training run. Printing lives in observers, never in the loop.
#pragma once

#include <cstdint>
#include <string>

#include "lockstep/train/history.h"

namespace lockstep::train {

struct Progress {
  int64_t step = 0;  // steps done
  int64_t total_steps = 0;
  double epoch = 0;  // epochs done
  double samples_per_second = 0;
  double seconds_left = 0;
  Score train;             // mean of the epoch so far
  bool classifies = true;  // whether the error is a rate
};

// Called on rank 0 only, on the main thread.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_step(const Progress&) {}
  // `evaluated` names the split that was evaluated; empty where none was.
  virtual void on_epoch(const Progress&, const Score& /*evaluation*/, const std::string& /*evaluated*/) {}
  virtual void on_checkpoint(const Progress&, const std::string& /*path*/) {}
};

// One line that renews itself on a terminal, one plain line an epoch elsewhere, on standard output.
class ProgressPrinter : public Observer {
 public:
  explicit ProgressPrinter(bool terminal) : terminal_(terminal) {}
  ~ProgressPrinter() override;
  void on_step(const Progress& progress) override;
  void on_epoch(const Progress& progress, const Score& evaluation, const std::string& evaluated) override;

 private:
  void end_line();

  bool terminal_;
  bool line_open_ = false;
  double last_shown_ = 0;
};

// Whether rank 0's standard output ends on a terminal, also behind mpirun.
bool output_is_terminal();

// "2.34 %" or "13.87": an error as people read it.
std::string error_text(double error, bool classifies);

}  // namespace lockstep::train
