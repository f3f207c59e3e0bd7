#include "lockstep/train/failed_step.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "lockstep/core/error.h"
#include "lockstep/core/shape.h"
#include "lockstep/io/replace.h"
#include "run_file.h"

namespace lockstep::train {

namespace {

constexpr FileFormat kFailedStepFormat = {"lockstep-failed-step", 1, "a failed step",
                                          "give a file that a run left when its loss became infinite or NaN"};

// The numbers of a place, by the names of the attributes that hold them.
constexpr std::array<std::pair<const char*, int64_t Place::*>, 5> kPlace = {{
    {"epoch", &Place::epoch},
    {"step", &Place::step},
    {"minibatch", &Place::minibatch},
    {"microbatch", &Place::microbatch},
    {"microbatch_size", &Place::microbatch_size},
}};

std::string contents_digest(const FailedStep& step) {
  Digest digest;
  digest.add(step.resolved);
  add_arena(digest, step.layout, "parameters", step.parameters.data());
  for (const auto& [name, member] : kPlace) digest.add(step.place.*member);
  digest.add(std::string_view(io::type_name(step.info.type)));
  for (const auto& dims : {step.info.sample_dims, step.info.target_dims}) {
    digest.add(static_cast<int64_t>(dims.size()));
    for (const int64_t dim : dims) digest.add(dim);
  }
  digest.add(step.info.scale);
  digest.add(step.info.offset);
  digest.add(step.info.classes);
  digest.add(step.rows.inputs.data(), step.rows.inputs.size());
  digest.add(step.rows.labels.data(), step.rows.labels.size() * sizeof(int32_t));
  digest.add(step.rows.targets.data(), step.rows.targets.size() * sizeof(float));
  digest.add(step.indices.data(), step.indices.size() * sizeof(int64_t));
  digest.add(&step.loss, sizeof step.loss);  // its bits: a NaN has some too
  digest.add(step.gradient_digest);
  digest.add(step.cause);
  return digest.hex();
}

void write_samples(io::File& file, const FailedStep& step) {
  const auto with_rows = [&](std::vector<int64_t> dims) {
    dims.insert(dims.begin(), step.rows.count);
    return dims;
  };
  file.write("/samples/inputs", step.info.type, with_rows(step.info.sample_dims), step.rows.inputs.data());
  file.set_attribute("/samples/inputs", "scale", step.info.scale);
  file.set_attribute("/samples/inputs", "offset", step.info.offset);
  file.set_attribute("/samples", "classes", step.info.classes);
  file.write("/samples/indices", io::Type::kInt64, with_rows({}), step.indices.data());
  if (!step.rows.labels.empty())
    file.write("/samples/labels", io::Type::kInt32, with_rows({}), step.rows.labels.data());
  if (!step.rows.targets.empty())
    file.write("/samples/targets", io::Type::kFloat32, with_rows(step.info.target_dims),
               step.rows.targets.data());
}

// One of the arrays of /samples, of which each has a row a sample.
template <class Number>
void read_samples_array(const io::File& file, const std::string& name, io::Type type, int64_t rows,
                        std::vector<Number>& values, std::vector<int64_t>& row_dims) {
  const std::vector<int64_t> dims = file.info(name).dims;
  if (dims.empty() || dims[0] != rows) {
    fail(file.path(), ": ", name, " has shape ", dims_text(dims), ", where there are ", rows,
         " samples; the file is damaged");
  }
  row_dims.assign(dims.begin() + 1, dims.end());
  int64_t count = rows;
  for (const int64_t dim : row_dims) count *= dim;
  const int64_t bytes = type == io::Type::kUint8 ? 1 : type == io::Type::kInt64 ? 8 : 4;
  values.resize(static_cast<size_t>(count * bytes) / sizeof(Number));
  file.read_all(name, type, values.data());
}

void read_samples(const io::File& file, FailedStep& step) {
  std::vector<int64_t> none;
  const std::vector<int64_t> dims = file.info("/samples/indices").dims;
  step.rows.count = dims.empty() ? 0 : dims[0];
  step.info.type = file.info("/samples/inputs").type;
  if (step.info.type != io::Type::kUint8 && step.info.type != io::Type::kFloat32)
    fail(file.path(), ": /samples/inputs holds neither uint8 nor float32; the file is damaged");
  step.info.scale = file.float_attribute("/samples/inputs", "scale");
  step.info.offset = file.float_attribute("/samples/inputs", "offset");
  step.info.classes = file.int_attribute("/samples", "classes");
  const int64_t rows = step.rows.count;
  read_samples_array(file, "/samples/indices", io::Type::kInt64, rows, step.indices, none);
  read_samples_array(file, "/samples/inputs", step.info.type, rows, step.rows.inputs, step.info.sample_dims);
  if (file.exists("/samples/labels"))
    read_samples_array(file, "/samples/labels", io::Type::kInt32, rows, step.rows.labels, none);
  if (file.exists("/samples/targets")) {
    read_samples_array(file, "/samples/targets", io::Type::kFloat32, rows, step.rows.targets,
                       step.info.target_dims);
  }
}

// Another file of this name is somebody's; the last failure's is not worth keeping.
void require_replaceable(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return;
  std::string found;
  try {
    require_format(io::File::open(path), kFailedStepFormat);
    return;
  } catch (const Error& error) {
    found = error.what();
  }
  fail(found, "; it is left as it is");
}

}  // namespace

std::string failed_step_path(const Options& options) {
  std::string path = options.checkpoint;
  if (path.empty()) return "lockstep-nan.h5";
  if (path.ends_with(".h5")) path.resize(path.size() - 3);
  return path + ".nan.h5";
}

void write_failed_step(const std::string& path, const FailedStep& step) {
  require_replaceable(path);
  io::Replacement replacement(path);
  io::File file = io::File::create(replacement.path());
  write_format(file, kFailedStepFormat);
  file.write_string("/config/resolved", step.resolved);
  write_arena(file, "/parameters", step.layout, step.parameters.data());
  file.create_group("/step");
  for (const auto& [name, member] : kPlace) file.set_attribute("/step", name, step.place.*member);
  file.set_attribute("/step", "loss", step.loss);
  file.set_attribute("/step", "gradient_digest", std::string_view(step.gradient_digest));
  file.set_attribute("/step", "cause", std::string_view(step.cause));
  write_samples(file, step);
  write_provenance(file, step.provenance);
  file.write_string("/digest", contents_digest(step));
  file.close();
  replacement.commit();
}

FailedStep read_failed_step(const std::string& path) {
  const io::File file = io::File::open(path);
  require_format(file, kFailedStepFormat);
  FailedStep step;
  step.resolved = file.read_string("/config/resolved");
  step.layout = read_layout(file);
  step.parameters = Buffer(step.layout.floats());
  read_arena(file, "/parameters", step.layout, step.parameters.data());
  for (const auto& [name, member] : kPlace) step.place.*member = file.int_attribute("/step", name);
  step.loss = file.float_attribute("/step", "loss");
  step.gradient_digest = file.string_attribute("/step", "gradient_digest");
  step.cause = file.string_attribute("/step", "cause");
  read_samples(file, step);
  step.provenance = read_provenance(file);
  const std::string found = contents_digest(step);
  const std::string stated = file.read_string("/digest");
  if (found != stated) {
    fail(path, ": the failed step is damaged: its contents do not have the digest that it states (found ",
         found, ", expected ", stated, "); take another copy of it, or let the run fail again");
  }
  return step;
}

}  // namespace lockstep::train
