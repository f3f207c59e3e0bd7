#include "lockstep/train/start.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/shape.h"
#include "lockstep/nn/layer_line.h"
#include "lockstep/nn/network.h"
#include "lockstep/nn/sub_network.h"
#include "lockstep/train/model.h"

namespace lockstep::train {

namespace {

std::string layers_of(const ParameterLayout& layout) {
  std::string names;
  std::string last;
  for (const ParameterInfo& p : layout.parameters()) {
    if (p.layer != last) names += (names.empty() ? "" : ", ") + p.layer;
    last = p.layer;
  }
  return names;
}

// What the line says behind name=; empty where it does not.
std::string name_of(const LayerLine& line) { return nn::LayerArguments(line, 0).word("name", ""); }

// Gives every line a name that no layer of the checkpoint has, so that start-from cannot mean it.
void name_lines(std::vector<LayerLine>& lines, std::set<std::string> taken, const std::string& path) {
  std::set<std::string> own;
  for (const LayerLine& line : lines) own.insert(name_of(line));
  for (LayerLine& line : lines) {
    const std::string given = name_of(line);
    if (!given.empty()) {
      if (taken.count(given) == 0) continue;
      fail_usage(line.origin, ": layer '", line.line, "': the name '", given, "' is taken by a layer of ",
                 path, ", on which the network stands; give it another name=");
    }
    int number = 1;
    const std::string type = nn::LayerArguments(line, 0).type();
    const auto name = [&] { return type + std::to_string(number); };
    while (taken.count(name()) > 0 || own.count(name()) > 0) ++number;
    taken.insert(name());
    line.line += " name=" + name();
  }
}

// The codes are those of inputs normalised as there.
void take_normalisation(Options& options, const Options& below, const std::string& path) {
  const bool given = options.origins.count("normalise") > 0;
  if (given && options.normalise != below.normalise) {
    fail_usage(options.origin("normalise"), ": normalise = ", options.normalise, ", but ", path,
               ", on which the network stands, was trained with normalise = ", below.normalise,
               "; take the line away: it follows from there");
  }
  options.normalise = below.normalise;
}

void require_normalised_alike(const Checkpoint& checkpoint, const std::string& path, const Options& options) {
  Options there;
  apply_configuration(there, checkpoint.resolved, path + ":/config/resolved");
  if (there.normalise == options.normalise || options.origins.count("normalise") > 0) return;
  fail_usage(path, ": its layers learned on inputs with normalise = ", there.normalise,
             ", and this run has normalise = ", options.normalise, "; add normalise = ", there.normalise,
             ", or say normalise = ", options.normalise, " where that is meant");
}

}  // namespace

std::vector<std::string> start_files(const Options& options) {
  std::vector<std::string> files;
  std::istringstream list(options.start_from);
  for (std::string file; std::getline(list, file, ',');) {
    const size_t begin = file.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    files.push_back(file.substr(begin, file.find_last_not_of(" \t") - begin + 1));
  }
  return files;
}

void start_from(const Checkpoint& checkpoint, const std::string& path, const Options& options,
                const ParameterLayout& layout, float* arena) {
  require_normalised_alike(checkpoint, path, options);
  std::set<std::string> named;  // names that were made up, such as linear2, mean nothing elsewhere
  for (const LayerLine& line : options.layers) named.insert(name_of(line));
  bool any = false;
  for (const ParameterInfo& p : layout.parameters()) {
    if (named.count(p.layer) == 0) continue;
    const auto& saved = checkpoint.layout.parameters();
    const auto same = std::find_if(saved.begin(), saved.end(), [&](const ParameterInfo& s) {
      return s.layer == p.layer && s.name == p.name;
    });
    if (same == saved.end()) continue;
    if (same->dims != p.dims) {
      fail(path, ": start-from cannot take ", p.layer, "/", p.name, " from it, which are ",
           dims_text(same->dims), " there and ", dims_text(p.dims),
           " here; give the layer here another name=, or the same shape");
    }
    std::copy_n(checkpoint.parameters.data() + same->offset, p.size, arena + p.offset);
    any = true;
  }
  if (any) return;
  fail(path, ": start-from finds no layer of this network in it; it has ", layers_of(checkpoint.layout),
       ", the network ", layers_of(layout), "; give the layers that belong together the same name=");
}

Options stacked(const Options& options, const Checkpoint& checkpoint, const std::string& path,
                const io::DatasetInfo& dataset) {
  Options below;
  apply_configuration(below, checkpoint.resolved, path + ":/config/resolved");
  const Shape input = Shape::from_dims(dataset.sample_dims);
  const nn::Network network(input, below.layers, network_settings(below));
  require_same_network(checkpoint.layout, network.layout(), input, path);
  const int code = nn::code_node(network, options.stack_code);
  if (code < 0) {
    fail_usage(options.origin("stack-code"), ": stack-code = ", options.stack_code, " is the input of ", path,
               " and no code of it; name a layer behind one with parameters");
  }

  Options result = options;
  std::set<std::string> taken;
  for (const nn::Node& node : network.nodes()) taken.insert(node.name);
  name_lines(result.layers, taken, path);
  std::vector<LayerLine> lines = nn::lines_up_to(network, code);
  for (LayerLine& line : lines) {
    if (nn::LayerArguments(line, 0).learns()) line.line += " learn=no";
  }
  result.layers.insert(result.layers.begin(), lines.begin(), lines.end());
  take_normalisation(result, below, path);
  const bool has_truth = dataset.classes > 0 || !dataset.target_dims.empty();
  if (options.target == "input" || (options.target == "auto" && !has_truth))
    result.target = text(kLayerTarget, network.nodes()[static_cast<size_t>(code)].name);
  result.start_from = path + (options.start_from.empty() ? "" : "," + options.start_from);
  result.stack_on.clear();
  result.stack_code.clear();
  return result;
}

}  // namespace lockstep::train
