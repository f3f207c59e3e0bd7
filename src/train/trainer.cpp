#include "lockstep/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/kernels/layout.h"
#include "lockstep/optim/schedule.h"
#include "lockstep/train/evaluate.h"
#include "lockstep/train/start.h"

namespace lockstep::train {

namespace {

// Where training ends.
int64_t last_step(const Options& options, const data::Order& order) {
  constexpr int64_t kDefaultEpochs = 10;
  if (options.steps > 0) return options.steps;
  return order.first_step_of(options.epochs > 0 ? options.epochs : kDefaultEpochs);
}

// What a schedule runs over: the epochs, also where a run is to end before, so that its steps are those of
// the whole.
int64_t schedule_length(const Options& options, const data::Order& order) {
  return std::max(last_step(options, order), order.first_step_of(options.epochs));
}

// The message of what an action throws; empty where it does not.
template <class Action>
std::string failure_of(const Action& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

Trainer::Trainer(const Options& options, const std::string& configuration, const std::string& command,
                 const data::Dataset& dataset, comm::Group& group,
                 const std::vector<comm::Placement>& placements, parallel::Workers& workers)
    : options_(data::with_statistics(options, dataset)),
      configuration_(configuration),
      command_(command),
      dataset_(dataset),
      group_(group),
      placements_(placements),
      workers_(workers),
      model_(make_model(options, dataset.info)),
      unpacker_(options_, dataset.info),
      cut_(options, dataset),
      total_steps_(last_step(options, cut_.order)),
      schedule_steps_(schedule_length(options, cut_.order)),
      engine_(model_, unpacker_, workers, cut_.microbatch,
              most_microbatches(cut_, group.size(), group.rank())),
      tree_(model_.network.layout().learned_floats(),
            gradient_buffers(cut_, engine_.plan(), group.size(), group.rank()), engine_.plan().width),
      reducer_(
          dist::make_reducer(options.reduction, group, workers, model_.network.layout().learned_floats(),
                             dist::bucket_floats(options.bucket_kilobytes,
                                                 model_.network.layout().learned_floats(), group.size()))),
      minibatch_sums_(group, workers, model_.network.sums_of_a_step(),
                      [this](bool begins) { waits_within_step(begins); }),
      optimizer_(optim::make_optimizer(options, model_.network.layout().learned_floats())),
      parameters_(model_.network.layout().floats()),
      checkpoints_(group, *reducer_, model_.network.layout()),
      history_(new_history()),
      last_step_({model_.network.layout(), parameters_, optimizer_->slots(),
                  [this](const State& state) { return record_of(state); },
                  [this](const Checkpoint& last) {
                    checkpoints_.write_last(options_.checkpoint, last);
                    set_last_checkpoint(options_.checkpoint);
                  }},
                 *reducer_, group.rank()) {
  optim::check_schedule(options);
  if (needs_norms(options_, *optimizer_)) {
    summed_ = Buffer(model_.network.layout().learned_floats(), Pages::kSmall);
    gradient_squares_.resize(static_cast<size_t>(summed_.size() / kBlock));
    weight_squares_.resize(gradient_squares_.size());
  }
  state_.seed = options.seed;
  model_.network.initialise(options.seed, parameters_.data());
}

void Trainer::restore_parameters(const Checkpoint& checkpoint, const std::string& path) {
  const nn::Network& network = model_.network;
  require_same_network(checkpoint.layout, network.layout(), network.input_shape(), path);
  std::copy_n(checkpoint.parameters.data(), checkpoint.parameters.size(), parameters_.data());
}

void Trainer::start_from(const Checkpoint& checkpoint, const std::string& path) {
  train::start_from(checkpoint, path, options_, model_.network.layout(), parameters_.data());
}

void Trainer::restore(const Checkpoint& checkpoint, const std::string& path) {
  restore_parameters(checkpoint, path);
  auto& slots = optimizer_->slots();
  if (slots.size() != checkpoint.slots.size()) {
    fail(path, ": the checkpoint holds ", checkpoint.slots.size(),
         " arrays of optimizer state; optimizer = ", options_.optimizer, " needs ", slots.size(),
         "; go on with the optimizer and momentum it was made with");
  }
  for (size_t s = 0; s < slots.size(); ++s) {
    if (slots[s].name != checkpoint.slots[s].name) {
      fail(path, ": the checkpoint's optimizer state is '", checkpoint.slots[s].name,
           "'; optimizer = ", options_.optimizer, " needs '", slots[s].name,
           "'; go on with the optimizer it was made with");
    }
    // Only what this rank owns, so that the rest takes no memory.
    reducer_->for_each_owned([&](dist::Range range) {
      std::copy_n(checkpoint.slots[s].values.data() + range.begin, range.size(),
                  slots[s].values.data() + range.begin);
    });
  }
  set_last_checkpoint(path);
  state_ = checkpoint.state;
  state_.seed = options_.seed;
  history_ = checkpoint.history;
  const int64_t epoch = cut_.order.epoch_of(state_.step);
  const int64_t position = cut_.order.position_of(state_.step);
  if (state_.epoch != epoch || state_.position != position) {
    fail(path, ": the checkpoint stands at step ", state_.step, " (epoch ", state_.epoch, ", sample ",
         state_.position, "); with batch-size = ", options_.batch_size.text(),
         " and this dataset that is epoch ", epoch, ", sample ", position,
         "; go on with the dataset and the batch-size it was made with");
  }
}

Outcome Trainer::run(StopSignal& signals, Observer* observer, StepRecorder* recorder, int64_t end) {
  if (!dataset_.train || dataset_.train->rows() == 0) {
    fail(options_.dataset, ": the dataset has no samples in /train; expected some to train on");
  }
  const StopSignal::Listening stop(signals);
  share_memory();
  watch_ = Stopwatch();
  samples_ = 0;
  end = std::min(end, total_steps_);
  Outcome outcome;
  data::Loader loader(*dataset_.train, state_.step, end, [this](int64_t step) {
    const dist::Plan plan = plan_of(cut_.order.batch_of(step));
    const dist::Range mine = plan.of_rank(group_.rank());
    if (mine.size() == 0) return std::vector<int64_t>();
    return cut_.order.indices(step, plan.samples_of(mine.begin).begin, plan.samples_of(mine.end - 1).end);
  });
  try {
    while (state_.step < end && agreed_stop_ == 0) {
      const int64_t batch_size = options_.batch_size.of_epoch(state_.epoch);
      const double rate = optim::learning_rate(options_, batch_size, state_.step, schedule_steps_);
      workers_.record(recorder == nullptr ? nullptr : recorder->begin_step(state_.step));
      train_step(loader, rate, stop);
      workers_.record(nullptr);
      if (recorder != nullptr) recorder->end_step(state_.step);
      record(observer, rate);
      state_.finished = state_.step == total_steps_;
      last_step_.reach(state_);
      if (checkpoint_due(state_.finished || agreed_stop_ != 0)) save(observer);
    }
  } catch (const comm::AgreedError&) {
    complete_parameters();                     // before they are gone
    failure_of([&] { finish_checkpoint(); });  // is behind what has failed before
    throw;
  }
  complete_parameters();
  outcome.stalled = watch_.of(Phase::kCheckpoint);
  finish_checkpoint();
  outcome.stopped_by = state_.step < total_steps_ ? agreed_stop_ : 0;
  return finish(outcome);
}

// Once the parameters are what training starts from. Steps find the memory that they need, or none begins.
void Trainer::share_memory() {
  if (shared_) return;
  shared_ = true;
  comm::together(group_, [&] {
    reducer_->share(parameters_);
    reducer_->share(tree_);
  });
}

// One step as the algorithm has it.
void Trainer::train_step(data::Loader& loader, double learning_rate, const StopSignal::Listening& stop) {
  Timeline* const timeline = workers_.timeline();
  const Timed timed(timeline, Activity::kStep, state_.step);
  const dist::Plan plan = plan_of(cut_.order.batch_of(state_.step));
  const double waited = waited_seconds();
  // Of those that have something to compute: what one thread is of them.
  const int64_t at_work = std::clamp<int64_t>(plan.of_rank(group_.rank()).size(), 1, workers_.threads());
  const double share = engine_.plan().together ? 1.0 : 1.0 / static_cast<double>(at_work);
  std::vector<double> sums;
  minibatch_sums_.begin(plan);
  tree_.begin(plan, group_.rank());
  during(Phase::kCompute, "waits for the other ranks' gradients", [&] { reducer_->begin(tree_, plan); });
  const std::string failure = failure_of([&] {
    checkpoints_.advance();
    data::Samples samples;
    during(Phase::kInput, "waits for its samples (reading the dataset)", [&] {
      const Timed waiting(timeline, Activity::kAwaitInput);
      const double hidden = reducer_->hidden_seconds();
      samples = loader.next();
      reducer_->has_gathered(0);
      not_hidden_ += reducer_->hidden_seconds() - hidden;
    });
    during(Phase::kCompute, "computes gradients", [&] {
      sums = engine_.train(
          plan, group_.rank(), samples, options_.seed, state_.epoch, state_.step, parameters_.data(), tree_,
          [&] { reducer_->advance(); }, [&](int64_t from) { await_parameters(from, share); }, nullptr,
          &minibatch_sums_);
    });
  });
  // A rank that had nothing to compute, or failed, has not needed all. Before leave(), for which others may
  // not be ready until they have theirs.
  during(Phase::kCompute, "waits for the other ranks' parameters", [&] { reducer_->await_gathered(0); });
  if (!failure.empty()) minibatch_sums_.leave();
  // Before the parameters change: a step that failed, or gave NaN, on any rank leaves them as they were.
  std::optional<BadMicrobatch> bad;
  during(Phase::kReduction, "waits for the other ranks' losses", [&] {
    const Timed agreeing(timeline, Activity::kAgree);
    const double hidden = reducer_->hidden_seconds();
    try {
      bad = agree(plan, std::move(sums), stop.received(), failure);
    } catch (const comm::AgreedError&) {
      reducer_->abandon();
      throw;
    }
    if (bad) reducer_->abandon();
    not_hidden_ += reducer_->hidden_seconds() - hidden;
  });
  if (bad) {
    failure_of([&] { finish_checkpoint(); });  // is behind what is to be told
    report_nan(plan, *bad, loader);
  }
  if (agreed_stop_ != 0) stop.stop_with_the_others();
  last_step_.leave();
  during(Phase::kCompute, "waits for the other ranks' gradients", [&] {
    const Timed reducing(timeline, Activity::kReduction);
    update(learning_rate);
  });
  // What was waited for other ranks meanwhile is no computing.
  watch_.add(Phase::kCompute, waited - waited_seconds());
  watch_.add(Phase::kReduction, waited_seconds() - waited);
}

// Layers wait for sums over the minibatch.
void Trainer::waits_within_step(bool begins) {
  whereabouts_.at(state_.step,
                  begins ? "waits for the other ranks' sums over the minibatch" : "computes gradients");
  not_hidden_ += begins ? -reducer_->hidden_seconds() : reducer_->hidden_seconds();
}

void Trainer::await_parameters(int64_t from, double share) {
  if (reducer_->has_gathered(from)) return;
  whereabouts_.at(state_.step, "waits for the other ranks' parameters");
  reducer_->await_gathered(from, share);
  whereabouts_.at(state_.step, "computes gradients");
}

void Trainer::complete_parameters() {
  during(Phase::kReduction, "waits for the other ranks' parameters", [&] { reducer_->await_gathered(0); });
}

std::optional<Trainer::BadMicrobatch> Trainer::agree(const dist::Plan& plan, std::vector<double> sums,
                                                     int stop_signal, const std::string& failure) {
  // One message a rank: signal, whether a checkpoint is due, whether it failed, checkpoints that it wrote;
  // then its sums.
  constexpr size_t kHeader = 4;
  const double minutes = (watch_.total() - last_saved_) / 60;
  const bool due = options_.checkpoint_minutes > 0 && minutes >= options_.checkpoint_minutes;
  std::vector<double> mine = {static_cast<double>(stop_signal), due ? 1.0 : 0.0, failure.empty() ? 0.0 : 1.0,
                              static_cast<double>(checkpoints_.written())};
  sums.resize(static_cast<size_t>(plan.of_rank(group_.rank()).size() * kSumsPerMicrobatch));
  mine.insert(mine.end(), sums.begin(), sums.end());
  std::vector<uint64_t> bytes;
  for (int r = 0; r < group_.size(); ++r) {
    const size_t numbers = kHeader + static_cast<size_t>(plan.of_rank(r).size() * kSumsPerMicrobatch);
    bytes.push_back(numbers * sizeof(double));
  }
  std::vector<double> all(kHeader * bytes.size() +
                          static_cast<size_t>(plan.microbatches() * kSumsPerMicrobatch));
  group_.allgather(mine.data(), bytes, all.data());

  std::vector<double> leaves;
  bool failed = false;
  auto next = all.begin();
  for (size_t r = 0; r < bytes.size(); ++r) {
    // A signal may reach one rank only, and clocks differ: the largest signal and rank 0's clock decide.
    agreed_stop_ = std::max(agreed_stop_, static_cast<int>(next[0]));
    if (r == 0) agreed_minutes_ = next[1] != 0;
    failed = failed || next[2] != 0;
    if (next[3] != 0) set_last_checkpoint(options_.checkpoint);
    const auto end = next + static_cast<int64_t>(bytes[r] / sizeof(double));
    leaves.insert(leaves.end(), next + kHeader, end);
    next = end;
  }
  if (failed) {
    comm::together(group_, [&] {
      if (!failure.empty()) fail("step ", state_.step, ": ", failure);
    });
  }
  for (int64_t m = 0; m < plan.microbatches(); ++m) {
    const double loss = leaves[static_cast<size_t>(m * kSumsPerMicrobatch)];
    if (std::isfinite(loss)) continue;
    // Where microbatches share sums, one spoils the others.
    const int64_t first = minibatch_sums_.first_not_finite().value_or(m);
    return BadMicrobatch{first, leaves[static_cast<size_t>(first * kSumsPerMicrobatch)]};
  }
  const std::vector<double> total = dist::sum_leaves(leaves, kSumsPerMicrobatch);
  const double samples = static_cast<double>(plan.samples());
  state_.since_row.add(samples, total[0], total[1]);
  state_.since_epoch.add(samples, total[0], total[1]);
  samples_ += samples;
  return std::nullopt;
}

// After a step: its place in the books.
void Trainer::record(Observer* observer, double learning_rate) {
  ++state_.step;
  state_.epoch = cut_.order.epoch_of(state_.step);
  state_.position = cut_.order.position_of(state_.step);
  const bool epoch_ends = state_.position == 0;
  Score evaluation;
  const data::Split* split = dataset_.validation ? dataset_.validation.get() : dataset_.test.get();
  if (epoch_ends && split != nullptr) {
    complete_parameters();
    during(Phase::kEvaluation, "evaluates", [&] { evaluation = evaluate(*split); });
  }
  if (epoch_ends || state_.step % options_.history_steps == 0) {
    add_row(history_, state_.step, cut_.order.epochs_before(state_.step), learning_rate,
            state_.since_row.mean(), evaluation);
    state_.since_row = Sums();
  }
  if (observer != nullptr && group_.rank() == 0) {
    if (epoch_ends) {
      observer->on_epoch(progress(), evaluation,
                         split == nullptr      ? ""
                         : dataset_.validation ? "validation"
                                               : "test");
    } else {
      observer->on_step(progress());
    }
  }
  if (epoch_ends) state_.since_epoch = Sums();
}

Progress Trainer::progress() const {
  Progress p;
  p.step = state_.step;
  p.total_steps = total_steps_;
  p.epoch = cut_.order.epochs_before(state_.step);
  const double seconds = watch_.total() - watch_.of(Phase::kEvaluation);
  p.samples_per_second = samples_ / seconds;
  const int64_t left = cut_.order.samples_before(total_steps_) - cut_.order.samples_before(state_.step);
  p.seconds_left = watch_.total() / samples_ * static_cast<double>(left);
  p.train = state_.since_epoch.mean();
  p.classifies = model_.classifies();
  return p;
}

Score Trainer::evaluate(const data::Split& split) {
  return train::evaluate(engine_, model_, group_, cut_.microbatch, split, parameters_.data(),
                         [this](const char* doing) { whereabouts_.at(state_.step, doing); });
}

Outcome Trainer::finish(Outcome outcome) {
  outcome.samples = samples_;
  if (checkpoints_.begun() > 0) outcome.checkpoint = options_.checkpoint;
  outcome.checkpoints = checkpoints_.begun();
  outcome.writing = checkpoints_.seconds_written();
  outcome.seconds = watch_.total() - watch_.of(Phase::kEvaluation);
  const std::array<double, 6> mine = {watch_.of(Phase::kCompute),
                                      watch_.of(Phase::kReduction),
                                      watch_.of(Phase::kInput),
                                      watch_.of(Phase::kCheckpoint),
                                      reducer_->hidden_seconds() - not_hidden_,
                                      outcome.seconds};
  std::vector<std::array<double, 6>> all(static_cast<size_t>(group_.size()));
  group_.allgather(mine.data(), std::vector<uint64_t>(all.size(), sizeof mine), all.data());
  for (const auto& rank : all) {
    // Of what the rank itself has measured: of a short run, ranks see the start at different moments.
    const double share = outcome.seconds / std::max(rank[5], 1e-9) / static_cast<double>(group_.size());
    outcome.compute += rank[0] * share;
    outcome.reduction += rank[1] * share;
    outcome.input += rank[2] * share;
    outcome.saving += rank[3] * share;
    outcome.hidden += rank[4] * share;
  }
  return outcome;
}

}  // namespace lockstep::train
