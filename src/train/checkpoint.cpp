#include "lockstep/train/checkpoint.h"

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"
#include "run_file.h"

namespace lockstep::train {

namespace {

constexpr FileFormat kFormat = {"lockstep-checkpoint", 1, "a checkpoint",
                                "give a file that --checkpoint wrote"};

// What is written in this order and verified in the same.
void add_state(Digest& digest, const State& state, const io::Table& history) {
  for (const int64_t value : {state.step, state.epoch, state.position, static_cast<int64_t>(state.seed),
                              static_cast<int64_t>(state.finished)}) {
    digest.add(value);
  }
  for (const Sums& sums : {state.since_row, state.since_epoch}) {
    for (const double value : {sums.samples, sums.loss, sums.error}) digest.add(value);
  }
  for (const std::string& column : history.columns) digest.add(column);
  digest.add(history.values.data(), history.values.size() * sizeof(double));
}

// A diverged network must not take the place of the last good one.
void require_finite(const ParameterLayout& layout, const std::string& of, const float* arena) {
  const ParameterInfo* bad = first_not_finite(layout, arena);
  if (bad == nullptr) return;
  fail("the ", bad->name, " of layer ", bad->layer, of,
       " have become infinite or NaN, so no checkpoint is written and the ",
       "one before stays; lower the learning rate, or clip the gradient with clip-norm");
}

void write_sums(io::File& file, const std::string& name, const Sums& sums) {
  file.set_attribute("/state", name + "_samples", sums.samples);
  file.set_attribute("/state", name + "_loss", sums.loss);
  file.set_attribute("/state", name + "_error", sums.error);
}

Sums read_sums(const io::File& file, const std::string& name) {
  return {file.float_attribute("/state", name + "_samples"), file.float_attribute("/state", name + "_loss"),
          file.float_attribute("/state", name + "_error")};
}

State read_state(const io::File& file) {
  State state;
  state.step = file.int_attribute("/state", "step");
  state.epoch = file.int_attribute("/state", "epoch");
  state.position = file.int_attribute("/state", "position");
  state.seed = static_cast<uint64_t>(file.int_attribute("/state", "seed"));
  state.finished = file.int_attribute("/state", "finished") != 0;
  state.since_row = read_sums(file, "since_row");
  state.since_epoch = read_sums(file, "since_epoch");
  return state;
}

}  // namespace

struct CheckpointWriter::Impl {
  io::Replacement replacement;
  io::File file;
  ParameterLayout layout;
  Digest contents;
  Impl(const std::string& path, const ParameterLayout& l)
      : replacement(path), file(io::File::create(replacement.path())), layout(l) {}
};

CheckpointWriter::CheckpointWriter(const std::string& path, const ParameterLayout& layout)
    : impl_(std::make_unique<Impl>(path, layout)) {
  write_format(impl_->file, kFormat);
}

CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::write_configuration(const std::string& configuration, const std::string& resolved) {
  impl_->file.write_string("/config/text", configuration);
  impl_->file.write_string("/config/resolved", resolved);
  impl_->contents.add(resolved);
}

void CheckpointWriter::write_parameters(const float* arena) {
  require_finite(impl_->layout, "", arena);
  write_arena(impl_->file, "/parameters", impl_->layout, arena);
  add_arena(impl_->contents, impl_->layout, "parameters", arena);
  impl_->file.write_string("/digest", impl_->layout.digest(arena));
}

void CheckpointWriter::write_slot(const std::string& name, const float* arena) {
  require_finite(impl_->layout, " (the optimizer's " + name + ")", arena);
  write_arena(impl_->file, "/optimizer/" + name, impl_->layout, arena);
  add_arena(impl_->contents, impl_->layout, name, arena);
}

void CheckpointWriter::write_state(const State& state, const io::Table& history) {
  io::File& file = impl_->file;
  file.create_group("/state");
  file.set_attribute("/state", "step", state.step);
  file.set_attribute("/state", "epoch", state.epoch);
  file.set_attribute("/state", "position", state.position);
  file.set_attribute("/state", "seed", static_cast<int64_t>(state.seed));
  file.set_attribute("/state", "finished", static_cast<int64_t>(state.finished));
  write_sums(file, "since_row", state.since_row);
  write_sums(file, "since_epoch", state.since_epoch);
  file.write_table("/history", history);
  add_state(impl_->contents, state, history);
}

void CheckpointWriter::write_provenance(const Attributes& provenance) {
  train::write_provenance(impl_->file, provenance);
}

void CheckpointWriter::finish() {
  impl_->file.set_attribute("/digest", "contents", std::string_view(impl_->contents.hex()));
  impl_->file.close();
  impl_->replacement.commit();
}

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  CheckpointWriter writer(path, checkpoint.layout);
  writer.write_configuration(checkpoint.configuration, checkpoint.resolved);
  writer.write_parameters(checkpoint.parameters.data());
  for (const SavedSlot& slot : checkpoint.slots) writer.write_slot(slot.name, slot.values.data());
  writer.write_state(checkpoint.state, checkpoint.history);
  writer.write_provenance(checkpoint.provenance);
  writer.finish();
}

Checkpoint read_checkpoint(const std::string& path) {
  const io::File file = io::File::open(path);
  require_format(file, kFormat);
  Checkpoint checkpoint;
  Digest contents;
  checkpoint.configuration = file.read_string("/config/text");
  checkpoint.resolved = file.read_string("/config/resolved");
  contents.add(checkpoint.resolved);
  checkpoint.layout = read_layout(file);
  checkpoint.parameters = Buffer(checkpoint.layout.floats());
  read_arena(file, "/parameters", checkpoint.layout, checkpoint.parameters.data());
  add_arena(contents, checkpoint.layout, "parameters", checkpoint.parameters.data());
  if (file.exists("/optimizer")) {
    for (const std::string& name : file.children("/optimizer")) {
      SavedSlot slot{name, Buffer(checkpoint.layout.floats())};
      read_arena(file, "/optimizer/" + name, checkpoint.layout, slot.values.data());
      add_arena(contents, checkpoint.layout, name, slot.values.data());
      checkpoint.slots.push_back(std::move(slot));
    }
  }
  checkpoint.state = read_state(file);
  checkpoint.history = file.read_table("/history");
  add_state(contents, checkpoint.state, checkpoint.history);
  checkpoint.provenance = read_provenance(file);
  checkpoint.parameters_digest = checkpoint.layout.digest(checkpoint.parameters.data());
  const bool sound = contents.hex() == file.string_attribute("/digest", "contents") &&
                     checkpoint.parameters_digest == file.read_string("/digest");
  if (!sound) {
    fail(path, ": the checkpoint is damaged: its contents do not have the digest that it states (found ",
         contents.hex(), ", expected ", file.string_attribute("/digest", "contents"),
         "); restore it from a copy, or go on from an older one");
  }
  return checkpoint;
}

}  // namespace lockstep::train
