#include "lockstep/nn/sub_network.h"

#include <algorithm>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/nn/layer_table.h"

namespace lockstep::nn {

namespace {

bool acts_in_training_only(const Node& node) {
  const auto& table = layer_table();
  const auto type =
      std::find_if(table.begin(), table.end(), [&](const LayerType& t) { return t.name == node.type; });
  return type->training_only;
}

// The node whose output stands for this one's in evaluation.
int stand_in(const Network& network, int node) {
  while (node >= 0 && acts_in_training_only(network.nodes()[static_cast<size_t>(node)])) {
    node = network.nodes()[static_cast<size_t>(node)].inputs[0];
  }
  return node;
}

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

// Also the layers whose parameters others adopt.
void need(const Network& network, int node, std::vector<bool>& needed) {
  node = stand_in(network, node);
  if (node < 0 || needed[static_cast<size_t>(node)]) return;
  needed[static_cast<size_t>(node)] = true;
  for (const int input : network.nodes()[static_cast<size_t>(node)].inputs) need(network, input, needed);
}

}  // namespace

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

int code_node(const Network& network, const std::string& name) {
  const int node = network.index_of(name);
  if (node >= 0) return stand_in(network, node);
  std::vector<std::string> names;
  for (const Node& n : network.nodes()) names.push_back(n.name);
  fail_usage("the network has no layer named '", name, "' to take as its code; say --code NAME (",
             suggestion(name, names), "), or write name=code on the code's line before training");
}

}  // namespace lockstep::nn
