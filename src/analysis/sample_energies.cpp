#include "lockstep/analysis/sample_energies.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/io/file.h"
#include "lockstep/io/replace.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kBlock = 1024;  // samples at once

// Calls visit(first, inputs) for block after block of a split.
template <class Visit>
void for_each_block(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width,
                    const Visit& visit) {
  for (int64_t first = 0; first < split.rows(); first += kBlock) {
    visit(first, inputs_of(team, split, unpacker, width, first, std::min(kBlock, split.rows() - first)));
  }
}

[[noreturn]] void report(const data::NamedSplit& split, int64_t sample, std::span<const float> values,
                         bool binary) {
  const auto outside =
      std::find_if(values.begin(), values.end(), [](float v) { return !(v >= 0 && v <= 1); });
  if (binary && outside != values.end()) {
    fail("sample ", sample, " of /", split.name, " has the value ", *outside,
         "; the energy of a network whose output is a sigmoid is that of values from 0 to 1; take the "
         "dataset and "
         "the normalisation that it was trained with, or train a network with a linear output");
  }
  fail("the energy of sample ", sample, " of /", split.name,
       " is no finite number; look for NaN or very large values in the sample or in the parameters");
}

EnergyGroup group_of(int32_t label, const std::vector<double>& energies) {
  EnergyGroup group;
  group.label = label;
  group.count = static_cast<int64_t>(energies.size());
  const auto [lowest, highest] = std::minmax_element(energies.begin(), energies.end());
  group.lowest = *lowest;
  group.highest = *highest;
  const double count = static_cast<double>(group.count);
  for (const double energy : energies) group.mean += energy / count;
  for (const double energy : energies)
    group.deviation += (energy - group.mean) * (energy - group.mean) / count;
  group.deviation = std::sqrt(group.deviation);
  return group;
}

}  // namespace

std::vector<int32_t> labels_of(const Team& team, const data::Split& split) {
  std::vector<int32_t> labels;
  comm::together(team.group, [&] {
    for (int64_t first = 0; first < split.rows(); first += kBlock) {
      const auto block = labels_of(split, first, std::min(kBlock, split.rows() - first));
      labels.insert(labels.end(), block.begin(), block.end());
    }
  });
  return labels;
}

SplitEnergies sample_energies(const Team& team, const Energy& energy, const data::NamedSplit& split,
                              const data::Unpacker& unpacker) {
  SplitEnergies result;
  result.split = split.name;
  for_each_block(team, *split.split, unpacker, energy.width(), [&](int64_t first, const Rows& inputs) {
    const std::vector<double> found = energies(team, energy, inputs);
    comm::together(team.group, [&] {
      for (int64_t i = 0; i < inputs.count; ++i) {
        if (!std::isfinite(found[static_cast<size_t>(i)]))
          report(split, first + i, inputs.row(i), energy.binary());
      }
    });
    result.energies.insert(result.energies.end(), found.begin(), found.end());
  });
  result.labels = labels_of(team, *split.split);
  return result;
}

PathDependence path_dependence(const Team& team, const Energy& energy, const data::Split& split,
                               const data::Unpacker& unpacker) {
  constexpr int64_t kEnough = 16;
  return path_dependence(
      team, energy, inputs_of(team, split, unpacker, energy.width(), 0, std::min(kEnough, split.rows())));
}

Point mean_sample(const Team& team, const data::Split& split, const data::Unpacker& unpacker, int64_t width) {
  Point mean(static_cast<size_t>(width));
  for_each_block(team, split, unpacker, width, [&](int64_t, const Rows& inputs) {
    for (int64_t r = 0; r < inputs.count; ++r) {
      const auto row = inputs.row(r);
      for (size_t i = 0; i < mean.size(); ++i) mean[i] += static_cast<double>(row[i]);
    }
  });
  for (double& value : mean) value /= static_cast<double>(split.rows());
  return mean;
}

std::vector<EnergyGroup> groups_of(const SplitEnergies& energies) {
  std::vector<EnergyGroup> groups = {group_of(-1, energies.energies)};
  std::vector<std::vector<double>> classes;
  for (size_t i = 0; i < energies.labels.size(); ++i) {
    const auto label = static_cast<size_t>(energies.labels[i]);
    if (label >= classes.size()) classes.resize(label + 1);
    classes[label].push_back(energies.energies[i]);
  }
  for (size_t c = 0; c < classes.size(); ++c) {
    if (!classes[c].empty()) groups.push_back(group_of(static_cast<int32_t>(c), classes[c]));
  }
  return groups;
}

void write_energies(const std::string& path, const Energy& energy, const std::vector<SplitEnergies>& splits,
                    const EnergyRecord& record) {
  io::Replacement replacement(path);
  io::File file = io::File::create(replacement.path());
  file.set_attribute("/", "format", std::string_view("lockstep-energies"));
  file.set_attribute("/", "version", int64_t{1});
  file.set_attribute("/", "energy", std::string_view(energy.description()));
  file.set_attribute("/", "closed", static_cast<int64_t>(energy.closed()));
  file.set_attribute("/", "checkpoint_digest", std::string_view(record.checkpoint_digest));
  file.set_attribute("/", "dataset", std::string_view(record.dataset));
  file.set_attribute("/", "dataset_digest", std::string_view(record.dataset_digest));
  if (!energy.closed()) {
    file.write("/start", io::Type::kFloat64, {energy.width()}, energy.start().data());
  }
  if (record.path) {
    file.set_attribute("/", "curl", record.path->curl);
    file.set_attribute("/", "path_difference", record.path->difference);
  }
  for (const SplitEnergies& split : splits) {
    const auto count = static_cast<int64_t>(split.energies.size());
    file.write("/" + split.split + "/energy", io::Type::kFloat64, {count}, split.energies.data());
    if (split.labels.empty()) continue;
    file.write("/" + split.split + "/labels", io::Type::kInt32, {count}, split.labels.data());
  }
  file.close();
  replacement.commit();
}

}  // namespace lockstep::analysis
