#include "lockstep/nn/sub_network.h"

#include <algorithm>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"

namespace lockstep::nn {

namespace {

std::string name_of(const Network& network, int node) {
  return node < 0 ? "input" : network.nodes()[static_cast<size_t>(node)].name;
}

// The line with the names of the layer and its inputs written out.
LayerLine explicit_line(const Network& network, const Node& node) {
  std::istringstream words(node.line);
  std::string line;
  for (std::string word; words >> word;) {
    if (word.rfind("name=", 0) == 0 || word.rfind("from=", 0) == 0) continue;
    line += (line.empty() ? "" : " ") + word;
  }
  std::string from;
  for (const int input : node.inputs) {
    from += (from.empty() ? "" : ",") + name_of(network, stand_in(network, input));
  }
  return {line + " name=" + node.name + " from=" + from, node.origin};
}

// Layers that act in training only, such as a corruption of the input, do not count.
int narrowest_inner_node(const Network& network) {
  const auto& nodes = network.nodes();
  const auto node = [&](int i) -> const Node& { return nodes[static_cast<size_t>(i)]; };
  const auto width = [&](int i) { return node(i).layer->output_shape().size(); };
  int last = static_cast<int>(nodes.size()) - 1;
  while (last >= 0 && (node(last).specs.empty() || node(last).training_only)) --last;
  int best = -1;
  for (int i = 0; i < last; ++i) {
    if (!acts_in_training_only(node(i)) && (best < 0 || width(i) < width(best))) best = i;
  }
  while (best >= 0 && best + 1 < last && width(best + 1) == width(best)) ++best;
  return best;
}

// Also the layers whose parameters others adopt.
void need(const Network& network, int node, std::vector<bool>& needed) {
  node = stand_in(network, node);
  if (node < 0 || needed[static_cast<size_t>(node)]) return;
  needed[static_cast<size_t>(node)] = true;
  for (const int input : network.nodes()[static_cast<size_t>(node)].inputs) need(network, input, needed);
}

}  // namespace

bool acts_in_training_only(const Node& node) { return node.training_only; }

int stand_in(const Network& network, int node) {
  while (node >= 0 && acts_in_training_only(network.nodes()[static_cast<size_t>(node)])) {
    node = network.nodes()[static_cast<size_t>(node)].inputs[0];
  }
  return node;
}

std::vector<LayerLine> lines_up_to(const Network& network, int node) {
  std::vector<bool> needed(network.nodes().size());
  need(network, node, needed);
  std::vector<LayerLine> lines;
  for (size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) lines.push_back(explicit_line(network, network.nodes()[i]));
  }
  return lines;
}

void copy_parameters(const Network& from, const float* source, const Network& to, float* target) {
  for (const ParameterInfo& p : to.layout().parameters()) {
    const auto& known = from.layout().parameters();
    const auto same = std::find_if(known.begin(), known.end(), [&](const ParameterInfo& k) {
      return k.layer == p.layer && k.name == p.name && k.dims == p.dims;
    });
    if (same == known.end())
      fail("the network has no parameter ", p.layer, "/", p.name, " of the same shape");
    std::copy_n(source + same->offset, p.size, target + p.offset);
  }
}

SubNetwork sub_network(const Network& network, const NetworkSettings& settings, const float* parameters,
                       int node) {
  SubNetwork part{Network(network.input_shape(), lines_up_to(network, node), settings), {}};
  part.parameters = Buffer(part.network.layout().floats());
  copy_parameters(network, parameters, part.network, part.parameters.data());
  return part;
}

int code_node(const Network& network, const std::string& name) {
  const int named = network.index_of(name.empty() ? "code" : name);
  if (named >= 0) return stand_in(network, named);
  if (!name.empty()) {
    std::vector<std::string> names;
    for (const Node& n : network.nodes()) names.push_back(n.name);
    fail_usage("the network has no layer named '", name, "' to take as its code; ", suggestion(name, names));
  }
  const int narrowest = narrowest_inner_node(network);
  if (narrowest >= 0) return stand_in(network, narrowest);
  fail_usage(
      "the network has no layer between its input and its last layer with parameters, so there is no code; "
      "take a network with a hidden layer");
}

}  // namespace lockstep::nn
