#include "lockstep/train/checkpoint.h"

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"
#include "run_file.h"

namespace lockstep::train {

namespace {

constexpr FileFormat kCheckpointFormat = {"lockstep-checkpoint", 1, "a checkpoint",
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
void require_finite(const State& state, const ParameterLayout& layout, const std::string& of,
                    const float* arena) {
  const ParameterInfo* bad = first_not_finite(layout, arena);
  if (bad == nullptr) return;
  fail("after ", state.step, " steps the ", bad->name, " of layer ", bad->layer, of,
       " are infinite or NaN, so no checkpoint is written and the one before stays; lower the learning rate, "
       "or clip the gradient with clip-norm");
}

void write_sums(io::File& file, const std::string& name, const Sums& sums) {
  file.set_attribute("/state", name + "_samples", sums.samples);
  file.set_attribute("/state", name + "_loss", sums.loss);
  file.set_attribute("/state", name + "_error", sums.error);
}

void write_state(io::File& file, const State& state, const io::Table& history) {
  file.create_group("/state");
  file.set_attribute("/state", "step", state.step);
  file.set_attribute("/state", "epoch", state.epoch);
  file.set_attribute("/state", "position", state.position);
  file.set_attribute("/state", "seed", static_cast<int64_t>(state.seed));
  file.set_attribute("/state", "finished", static_cast<int64_t>(state.finished));
  write_sums(file, "since_row", state.since_row);
  write_sums(file, "since_epoch", state.since_epoch);
  file.write_table("/history", history);
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

void write_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const ParameterLayout& layout = checkpoint.layout;
  require_finite(checkpoint.state, layout, "", checkpoint.parameters.data());
  for (const SavedSlot& slot : checkpoint.slots)
    require_finite(checkpoint.state, layout, " (the optimizer's " + slot.name + ")", slot.values.data());

  io::Replacement replacement(path);
  io::File file = io::File::create(replacement.path());
  Digest contents;
  write_format(file, kCheckpointFormat);
  file.write_string("/config/text", checkpoint.configuration);
  file.write_string("/config/resolved", checkpoint.resolved);
  contents.add(checkpoint.resolved);
  const auto write = [&](const std::string& group, const std::string& name, const float* arena) {
    write_arena(file, group, layout, arena);
    add_arena(contents, layout, name, arena);
  };
  write("/parameters", "parameters", checkpoint.parameters.data());
  file.write_string("/digest", layout.digest(checkpoint.parameters.data()));
  for (const SavedSlot& slot : checkpoint.slots)
    write("/optimizer/" + slot.name, slot.name, slot.values.data());
  write_state(file, checkpoint.state, checkpoint.history);
  add_state(contents, checkpoint.state, checkpoint.history);
  write_provenance(file, checkpoint.provenance);
  file.set_attribute("/digest", "contents", std::string_view(contents.hex()));
  file.close();
  replacement.commit();
}

Checkpoint read_checkpoint(const std::string& path) {
  const io::File file = io::File::open(path);
  require_format(file, kCheckpointFormat);
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
