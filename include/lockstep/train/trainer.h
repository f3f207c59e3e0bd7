// The training loop: from a dataset and a start to trained parameters, on all ranks of a group.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/comm/placement.h"
#include "lockstep/comm/whereabouts.h"
#include "lockstep/core/options.h"
#include "lockstep/data/loader.h"
#include "lockstep/dist/minibatch_sums.h"
#include "lockstep/dist/reducer.h"
#include "lockstep/optim/optimizer.h"
#include "lockstep/train/background_checkpoint.h"
#include "lockstep/train/checkpoint.h"
#include "lockstep/train/engine.h"
#include "lockstep/train/failed_step.h"
#include "lockstep/train/last_step.h"
#include "lockstep/train/memory.h"
#include "lockstep/train/observer.h"
#include "lockstep/train/step_recorder.h"
#include "lockstep/train/stop_signal.h"
#include "lockstep/train/stopwatch.h"

namespace lockstep::train {

// How a run ended.
struct Outcome {
  int stopped_by = 0;                                        // a signal's number; 0: the last step is done
  std::string checkpoint;                                    // the last one written; empty: none
  double samples = 0;                                        // trained by this run, over all ranks
  double seconds = 0;                                        // without evaluation
  double compute = 0, reduction = 0, input = 0, saving = 0;  // seconds, mean over the ranks
  double hidden = 0;  // likewise, of communication behind computing; what is not is part of `reduction`
  int64_t checkpoints = 0;
  double stalled = 0;  // seconds that this rank's training stood still for them, but for the wait at its end
  double writing = 0;  // seconds that rank 0's thread spent on them, beside the training
};

class Trainer {
 public:
  // Collective, like all calls below. References but that to the options stay in use. `configuration` is the
  // user's text, for checkpoints.
  Trainer(const Options& options, const std::string& configuration, const std::string& command,
          const data::Dataset& dataset, comm::Group& group, const std::vector<comm::Placement>& placements,
          parallel::Workers& workers);

  // These three before run().
  //
  // Starts where the checkpoint stands, instead of from the beginning.
  void restore(const Checkpoint& checkpoint, const std::string& path);
  // Takes the parameters alone, to evaluate them.
  void restore_parameters(const Checkpoint& checkpoint, const std::string& path);

  // Takes the parameters of the layers that have the same names (start_from()), before the first step.
  void start_from(const Checkpoint& checkpoint, const std::string& path);

  // Trains to the last step, or until `end` steps are done in all, or to a signal. Fails where the dataset
  // has nothing to train on. `observer` and `recorder` may be null; a recorder need not be there on every
  // rank.
  Outcome run(StopSignal& signals, Observer* observer, StepRecorder* recorder = nullptr,
              int64_t end = std::numeric_limits<int64_t>::max());

  // What the step is at, for those who watch.
  const comm::Whereabouts& whereabouts() const { return whereabouts_; }
  // The last checkpoint that this run wrote or came from; empty where there is none. For any thread.
  std::string last_checkpoint() const;
  // What can be saved where the run stands still; null where it has no checkpoint to write.
  comm::Salvage* salvage() { return options_.checkpoint.empty() ? nullptr : &last_step_; }

  // Loss and error over a split.
  Score evaluate(const data::Split& split);

  const Model& model() const { return model_; }
  const float* parameters() const { return parameters_.data(); }
  // "the weights of layer linear1": the first parameters with a value that is infinite or NaN; empty where
  // there are none.
  std::string spoiled_parameters() const;
  std::string digest() const { return model_.network.layout().digest(parameters_.data()); }
  const State& state() const { return state_; }
  int64_t total_steps() const { return total_steps_; }
  const data::Order& order() const { return cut_.order; }
  int64_t microbatch() const { return cut_.microbatch; }
  // Whether gradients that can be are computed for several microbatches at once.
  bool has_joint_gradients() const { return engine_.plan().width > 1; }
  dist::Plan plan_of_step(int64_t step) const { return plan_of(cut_.order.batch_of(step)); }

 private:
  // An action that belongs to a phase; `doing` is what those who watch are told.
  template <class Action>
  void during(Phase phase, const char* doing, const Action& action) {
    whereabouts_.at(state_.step, doing);
    watch_.during(phase, action);
  }
  void set_last_checkpoint(const std::string& path);
  double waited_seconds() const { return reducer_->waited_seconds() + minibatch_sums_.waited_seconds(); }
  dist::Plan plan_of(int64_t samples) const { return {samples, cut_.microbatch, group_.size()}; }
  void share_memory();
  void train_step(data::Loader& loader, double learning_rate, const StopSignal::Listening& stop);
  void waits_within_step(bool begins);
  // New parameters are on their way into the next step, which waits for them as it needs them. From any
  // thread; `share` as in Reducer::await_gathered().
  void await_parameters(int64_t from, double share);
  // Collective. Waits for all of them.
  void complete_parameters();
  // trainer_update.cpp
  void update(double learning_rate);
  void update_in_two_passes();
  void sum_gradient();
  void clip();
  void trust_layers();
  void apply(dist::Range range, const float* gradient);
  // The first microbatch of a step whose loss is infinite or NaN.
  struct BadMicrobatch {
    int64_t number;
    double loss;
  };
  // Ranks tell each other what the step gave, whether it failed, and whether to stop or save; all get the
  // same answer.
  std::optional<BadMicrobatch> agree(const dist::Plan& plan, std::vector<double> sums, int stop_signal,
                                     const std::string& failure);
  [[noreturn]] void report_nan(const dist::Plan& plan, const BadMicrobatch& bad, data::Loader& loader);
  std::string leave_failed_step(const Place& place, const std::vector<int64_t>& indices, double loss,
                                data::Loader& loader);
  void record(Observer* observer, double learning_rate);
  bool checkpoint_due(bool last) const;
  // What a checkpoint of this state holds beside the arrays.
  Checkpoint record_of(const State& state) const;
  void save(Observer* observer);
  // Collective. Waits for the checkpoint under way, if any.
  void finish_checkpoint();
  Attributes provenance() const;
  Progress progress() const;
  Outcome finish(Outcome outcome);

  const Options options_;  // with the numbers that `normalise = dataset` stands for
  std::string configuration_;
  std::string command_;
  const data::Dataset& dataset_;
  comm::Group& group_;
  const std::vector<comm::Placement>& placements_;
  parallel::Workers& workers_;
  Model model_;
  data::Unpacker unpacker_;
  Cut cut_;
  int64_t total_steps_;
  int64_t schedule_steps_;  // that the learning rate's schedule runs over
  Engine engine_;
  dist::GradientTree tree_;
  std::unique_ptr<dist::Reducer> reducer_;
  dist::MinibatchSums minibatch_sums_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  Buffer parameters_;
  bool shared_ = false;  // whether the ranks of a team have them in common, and see each other's gradients
  BackgroundCheckpoint checkpoints_;
  std::vector<double> rates_;  // of each parameter, in this step
  // Where the update needs norms: the gradient that this rank owns, and sums of squares of blocks.
  Buffer summed_;
  std::vector<double> gradient_squares_;
  std::vector<double> weight_squares_;
  State state_;
  io::Table history_;
  LastStep last_step_;
  Stopwatch watch_;
  comm::Whereabouts whereabouts_;
  int agreed_stop_ = 0;
  bool agreed_minutes_ = false;
  mutable std::mutex last_checkpoint_mutex_;
  std::string last_checkpoint_;
  double last_saved_ = 0;  // seconds on the stopwatch
  double not_hidden_ =
      0;  // seconds of travel while ranks agreed or shared sums, or had no input, which is waiting too
  double samples_ = 0;
};

}  // namespace lockstep::train
