#include "lockstep/train/checkpoint.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"

namespace lockstep::train {

namespace {

constexpr const char* kFormat = "lockstep-checkpoint";
constexpr int64_t kVersion = 1;

void add_arena(Digest& digest, const ParameterLayout& layout, std::string_view name, const float* arena) {
  digest.add(name);
  for (const ParameterInfo& p : layout.parameters()) {
    digest.add(p.layer);
    digest.add(p.name);
    digest.add(arena + p.offset, static_cast<uint64_t>(p.size) * sizeof(float));
  }
}

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

void write_arena(io::File& file, const std::string& group, const ParameterLayout& layout,
                 const float* arena) {
  file.create_group(group);
  for (const ParameterInfo& p : layout.parameters()) {
    file.write(group + "/" + p.layer + "/" + p.name, io::Type::kFloat32, p.dims, arena + p.offset);
  }
}

void read_arena(const io::File& file, const std::string& group, const ParameterLayout& layout, float* arena) {
  for (const ParameterInfo& p : layout.parameters()) {
    const std::string name = group + "/" + p.layer + "/" + p.name;
    if (file.info(name).dims != p.dims) {
      fail(file.path(), ": ", name, " has another shape than /parameters/", p.layer, "/", p.name,
           "; the file is damaged");
    }
    file.read_all(name, io::Type::kFloat32, arena + p.offset);
  }
}

// A diverged network must not take the place of the last good one.
void require_finite(const ParameterLayout& layout, const std::string& of, const float* arena) {
  for (const ParameterInfo& p : layout.parameters()) {
    const float* begin = arena + p.offset;
    if (std::all_of(begin, begin + p.size, [](float value) { return std::isfinite(value); })) continue;
    fail("the ", p.name, " of layer ", p.layer, of,
         " have become infinite or NaN, so no checkpoint is written and the ",
         "one before stays; lower the learning rate, or clip the gradient with clip-norm");
  }
}

ParameterLayout read_layout(const io::File& file) {
  ParameterLayout layout;
  for (const std::string& layer : file.children("/parameters")) {
    for (const std::string& name : file.children("/parameters/" + layer)) {
      layout.add(layer, name, file.info("/parameters/" + layer + "/" + name).dims);
    }
  }
  return layout;
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

void require_checkpoint(const io::File& file) {
  if (!file.has_attribute("/", "format") || file.string_attribute("/", "format") != kFormat) {
    fail(file.path(), ": this HDF5 file is not a checkpoint (its attribute 'format' is ",
         file.has_attribute("/", "format") ? "'" + file.string_attribute("/", "format") + "'" : "missing",
         "; expected '", kFormat, "'); give a file that --checkpoint wrote");
  }
  const int64_t version = file.int_attribute("/", "version");
  if (version != kVersion) {
    fail(file.path(), ": checkpoint version ", version, "; this program reads version ", kVersion);
  }
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
  impl_->file.set_attribute("/", "format", std::string_view(kFormat));
  impl_->file.set_attribute("/", "version", kVersion);
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
  impl_->file.create_group("/provenance");
  for (const auto& [name, value] : provenance) {
    impl_->file.set_attribute("/provenance", name, std::string_view(value));
  }
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
  require_checkpoint(file);
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
  for (const char* name : {"version", "host", "ranks", "threads", "dataset", "dataset_digest", "command",
                           "time", "mpi", "onednn", "instruction_set", "compiler"}) {
    if (file.has_attribute("/provenance", name)) {
      checkpoint.provenance.emplace_back(name, file.string_attribute("/provenance", name));
    }
  }
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
