// time: where the time of a training step goes.
#include <algorithm>
#include <cstdio>

#include "commands.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/kernels/peak.h"
#include "lockstep/train/step_times.h"
#include "lockstep/train/time_table.h"
#include "session.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer time [CONFIG] [--steps N] [--key value ...]";
constexpr double kWarmUpSeconds = 0.5;
constexpr double kTimedSeconds = 3;

// Trains so many steps more; `recorder` may be null.
train::Outcome run_steps(const Context& context, train::Trainer& trainer, int64_t steps,
                         train::StepRecorder* recorder) {
  const int64_t end = trainer.state().step + steps;
  const train::Outcome outcome = trainer.run(context.signals, nullptr, recorder, end);
  if (trainer.state().step == end) return outcome;
  throw comm::AgreedError(text("stopped by ", train::signal_name(outcome.stopped_by), " after step ",
                               trainer.state().step, " of ", end, "; there is no table yet"));
}

// How many steps such a time takes by what some took, as rank 0 has it.
int64_t steps_for(double seconds, int64_t steps, const train::Outcome& took, comm::Group& group) {
  double estimate = seconds / took.seconds * static_cast<double>(steps);
  group.broadcast(&estimate, sizeof estimate, 0);
  constexpr double kMost = 1e6;
  return static_cast<int64_t>(std::clamp(estimate, 1.0, kMost));
}

// Samples that this rank takes in the steps from `first` to before `end`.
double samples_of(const train::Trainer& trainer, int rank, int64_t first, int64_t end) {
  int64_t samples = 0;
  for (int64_t step = first; step < end; ++step) {
    const dist::Plan plan = trainer.plan_of_step(step);
    const dist::Range mine = plan.of_rank(rank);
    for (int64_t m = mine.begin; m < mine.end; ++m) samples += plan.samples_of(m).size();
  }
  return static_cast<double>(samples);
}

// A run that writes nothing, ends when we say so, and has steps of one size, which one table can hold.
Options without_end(Options options) {
  constexpr int64_t kMoreThanWeTake = int64_t{1} << 31;
  options.steps = kMoreThanWeTake;
  options.batch_size = options.batch_size.of_epoch(0);
  options.checkpoint.clear();
  options.checkpoint_steps = options.checkpoint_epochs = 0;
  options.checkpoint_minutes = 0;
  return options;
}

}  // namespace

int time_command(const Context& context) {
  comm::Group& group = context.group;
  std::string configuration;
  const Options options = read_options(context, kUsage, configuration);
  // On the command line it is the number of steps to time; in a file it is the length of the training.
  const bool steps_given = !setting(context, "steps", "").empty();
  const double peak = group.rank() == 0 ? kernels::measure_peak_flops() : 0;
  Session session(group, without_end(options), configuration, context.command_line, train::RunKind::kTiming);
  session.start();
  session.print_warnings();
  train::Trainer& trainer = session.trainer();

  // The first steps fetch memory and start threads: they only tell how many more are to warm up.
  constexpr int64_t kFirstSteps = 2;
  const train::Outcome first = run_steps(context, trainer, kFirstSteps, nullptr);
  const int64_t warm_up = steps_for(kWarmUpSeconds, kFirstSteps, first, group);
  const train::Outcome warm = run_steps(context, trainer, warm_up, nullptr);
  const int64_t steps =
      steps_given && options.steps > 0 ? options.steps : steps_for(kTimedSeconds, warm_up, warm, group);
  train::StepTimes times(session.threads());
  const int64_t begin = trainer.state().step;
  const train::Outcome timed = run_steps(context, trainer, steps, group.rank() == 0 ? &times : nullptr);
  if (group.rank() != 0) return 0;

  std::printf("lockstep %s, %s, %s: one thread's peak is %.1f GFLOP/s in single precision, as measured\n",
              kVersion, kernels::library_version().c_str(), kernels::instruction_set().c_str(), peak * 1e-9);
  std::printf("rank 0 of %d, %d threads, batch %ld, microbatches of %ld: %ld steps after %ld to warm up\n\n",
              group.size(), times.threads(), static_cast<long>(trainer.order().batch_of(0)),
              static_cast<long>(trainer.microbatch()), static_cast<long>(steps),
              static_cast<long>(kFirstSteps + warm_up));
  const double samples = samples_of(trainer, group.rank(), begin, begin + steps);
  const train::Conditions conditions{kernels::columns_for(trainer.microbatch()),
                                     trainer.has_joint_gradients(), samples, peak};
  std::printf("%s\n%.0f samples/s\n", train::time_table(trainer.model().network, times, conditions).c_str(),
              timed.samples / timed.seconds);
  return 0;
}

}  // namespace lockstep::app
