// How a training run is saved: collectively, written by rank 0 while training goes on.
#include "lockstep/core/error.h"
#include "lockstep/train/provenance.h"
#include "lockstep/train/trainer.h"

namespace lockstep::train {

bool Trainer::checkpoint_due(bool last) const {
  if (options_.checkpoint.empty()) return false;
  if (last || agreed_minutes_) return true;
  if (options_.checkpoint_steps > 0 && state_.step % options_.checkpoint_steps == 0) return true;
  return options_.checkpoint_epochs > 0 && state_.position == 0 &&
         state_.epoch % options_.checkpoint_epochs == 0;
}

Checkpoint Trainer::record_of(const State& state) const {
  Checkpoint record;
  record.configuration = configuration_;
  record.resolved = configuration_text(options_);
  record.state = state;
  record.history = history_;
  record.provenance = provenance();
  return record;
}

void Trainer::save(Observer* observer) {
  complete_parameters();
  finish_checkpoint();
  during(Phase::kCheckpoint, "takes part in a checkpoint", [&] {
    checkpoints_.begin(options_.checkpoint, group_.rank() == 0 ? record_of(state_) : Checkpoint(),
                       parameters_.data(), optimizer_->slots());
  });
  last_saved_ = watch_.total();
  if (observer != nullptr && group_.rank() == 0) observer->on_checkpoint(progress(), options_.checkpoint);
}

void Trainer::finish_checkpoint() {
  if (checkpoints_.begun() == 0) return;
  during(Phase::kCheckpoint, "waits for the last checkpoint to be written", [&] {
    comm::together(group_, [&] { checkpoints_.finish(); });
    set_last_checkpoint(options_.checkpoint);
  });
}

std::string Trainer::last_checkpoint() const {
  const std::lock_guard lock(last_checkpoint_mutex_);
  return last_checkpoint_;
}

void Trainer::set_last_checkpoint(const std::string& path) {
  const std::lock_guard lock(last_checkpoint_mutex_);
  last_checkpoint_ = path;
}

Attributes Trainer::provenance() const {
  return provenance_of(group_, placements_[0], workers_.threads(), dataset_, command_);
}

}  // namespace lockstep::train
