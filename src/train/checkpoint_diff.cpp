// Where two checkpoints differ.
#include <algorithm>
#include <cstring>
#include <optional>

#include "lockstep/core/error.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

namespace {

std::string describe(const ParameterInfo& p) {
  std::string dims;
  for (const int64_t d : p.dims) dims += (dims.empty() ? "" : "x") + std::to_string(d);
  return p.layer + "/" + p.name + " " + dims;
}

std::optional<std::string> arena_difference(const ParameterLayout& layout, const float* a, const float* b) {
  for (const ParameterInfo& p : layout.parameters()) {
    for (int64_t i = 0; i < p.size; ++i) {
      if (std::memcmp(a + p.offset + i, b + p.offset + i, sizeof(float)) == 0) continue;
      return text(p.layer, "/", p.name, " differs first at element ", i, ": ", a[p.offset + i], " and ",
                  b[p.offset + i]);
    }
  }
  return std::nullopt;
}

}  // namespace

void require_same_network(const ParameterLayout& checkpoint, const ParameterLayout& network,
                          const Shape& samples, const std::string& path) {
  const auto& saved = checkpoint.parameters();
  const auto& wanted = network.parameters();
  for (size_t i = 0; i < std::max(saved.size(), wanted.size()); ++i) {
    const std::string found = i < saved.size() ? describe(saved[i]) : "nothing more";
    const std::string needed = i < wanted.size() ? describe(wanted[i]) : "nothing more";
    if (found == needed) continue;
    fail(path, ": the checkpoint is of another network: it has ", found,
         " where the configuration, on samples of ", samples.to_string(), ", has ", needed,
         "; use the configuration and a dataset like the one that it was made with (`trainer inspect` shows "
         "both)");
  }
}

std::string first_difference(const Checkpoint& a, const Checkpoint& b) {
  const auto& pa = a.layout.parameters();
  const auto& pb = b.layout.parameters();
  for (size_t i = 0; i < std::max(pa.size(), pb.size()); ++i) {
    const std::string in_a = i < pa.size() ? describe(pa[i]) : "nothing more";
    const std::string in_b = i < pb.size() ? describe(pb[i]) : "nothing more";
    if (in_a != in_b) return "networks: " + in_a + " and " + in_b;
  }
  if (a.state.step != b.state.step) return text("position: step ", a.state.step, " and step ", b.state.step);
  if (const auto found = arena_difference(a.layout, a.parameters.data(), b.parameters.data())) {
    return "parameters: " + *found;
  }
  if (a.slots.size() != b.slots.size())
    return text("optimizer state: ", a.slots.size(), " and ", b.slots.size(), " slots");
  for (size_t s = 0; s < a.slots.size(); ++s) {
    if (a.slots[s].name != b.slots[s].name)
      return "optimizer state: " + a.slots[s].name + " and " + b.slots[s].name;
    const auto found = arena_difference(a.layout, a.slots[s].values.data(), b.slots[s].values.data());
    if (found) return "optimizer state: " + a.slots[s].name + "/" + *found;
  }
  if (!(a.state == b.state)) return "position: epoch, seed or running sums differ";
  if (a.history.columns != b.history.columns) return "history: other columns";
  if (a.history.rows() != b.history.rows()) {
    return text("history: ", a.history.rows(), " and ", b.history.rows(), " rows");
  }
  for (size_t i = 0; i < a.history.values.size(); ++i) {
    if (std::memcmp(&a.history.values[i], &b.history.values[i], sizeof(double)) == 0) continue;
    const size_t columns = a.history.columns.size();
    return text("history: ", a.history.columns[i % columns], " in row ", i / columns, ": ",
                a.history.values[i], " and ", b.history.values[i]);
  }
  return "";
}

}  // namespace lockstep::train
