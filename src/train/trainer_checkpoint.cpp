// How a training run is saved: collectively, written by rank 0.
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

void Trainer::save(Observer* observer, Outcome& outcome) {
  during(Phase::kCheckpoint, "takes part in writing a checkpoint", [&] {
    const ParameterLayout& layout = model_.network.layout();
    const bool writes = group_.rank() == 0;
    std::unique_ptr<CheckpointWriter> writer;
    comm::together(group_, [&] {
      if (!writes) return;
      if (const std::string spoiled = spoiled_parameters(); !spoiled.empty()) {
        fail("step ", state_.step - 1, ": its update made ", spoiled,
             " infinite or NaN, though its loss was finite; no checkpoint is written, and the one before "
             "stays; "
             "lower the learning rate, or clip the gradient with clip-norm");
      }
      writer = std::make_unique<CheckpointWriter>(options_.checkpoint, layout);
      writer->write_configuration(configuration_, configuration_text(options_));
      writer->write_parameters(parameters_.data());
    });
    for (const optim::Slot& slot : optimizer_->slots()) {
      // One array at a time passes through rank 0.
      Buffer full(writes ? layout.floats() : 0);
      reducer_->collect(slot.values.data(), full.data());
      comm::together(group_, [&] {
        if (writes) writer->write_slot(slot.name, full.data());
      });
    }
    comm::together(group_, [&] {
      if (!writes) return;
      writer->write_state(state_, history_);
      writer->write_provenance(provenance());
      writer->finish();
    });
  });
  last_saved_ = watch_.total();
  set_last_checkpoint(options_.checkpoint);
  outcome.checkpoint = options_.checkpoint;
  if (observer != nullptr && group_.rank() == 0) observer->on_checkpoint(progress(), options_.checkpoint);
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
