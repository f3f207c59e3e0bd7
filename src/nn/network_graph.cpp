// Network: from the lines of a configuration to a graph with a plan of its backward pass.
#include <algorithm>
#include <map>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/core/shape.h"
#include "lockstep/nn/initialise.h"
#include "lockstep/nn/layer_table.h"
#include "lockstep/nn/network.h"

namespace lockstep::nn {

namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

// "conv3" for the third conv: HDF5 names and messages want one for every layer.
std::string default_name(const std::string& type, const std::vector<Node>& nodes) {
  int64_t same = 1;
  for (const Node& node : nodes) same += node.type == type ? 1 : 0;
  return type + std::to_string(same);
}

// What no memory holds is refused here, so that sizes cannot overflow when they are multiplied by samples.
void require_holdable(const LayerArguments& arguments, const std::string& what,
                      const std::vector<int64_t>& dims) {
  constexpr double kMostValues = static_cast<double>(int64_t{1} << 36);
  double values = 1;
  for (const int64_t d : dims) values *= static_cast<double>(d);
  if (values <= kMostValues) return;
  arguments.complain(text("its ", what, " of ", dims_text(dims),
                          " would be more than any memory holds; take a smaller layer"));
}

}  // namespace

Network::Network(const Shape& input, const std::vector<LayerLine>& lines, const NetworkSettings& settings)
    : input_(input) {
  if (lines.empty()) {
    fail_usage("the configuration has no layer; expected lines such as 'layer = linear 10' (see launch/)");
  }
  for (const LayerLine& line : lines) add_node(line, settings);
  require_every_output_used();
  lay_out_parameters();
  plan_backward();
  plan_joint_gradients();
}

Shape Network::shape_of(int node) const {
  return node < 0 ? input_ : nodes_[static_cast<size_t>(node)].layer->output_shape();
}

int Network::index_of(const std::string& name) const {
  const auto found =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return n.name == name; });
  return found == nodes_.end() ? -1 : static_cast<int>(found - nodes_.begin());
}

void Network::add_node(const LayerLine& line, const NetworkSettings& settings) {
  LayerArguments arguments(line, static_cast<uint32_t>(nodes_.size()), settings);
  const LayerType& type = layer_type(arguments);
  Node node;
  node.type = type.name;
  node.line = line.line.substr(line.line.find_first_not_of(" \t"));
  node.origin = line.origin;
  node.training_only = type.training_only;
  node.learns = arguments.learns();
  node.name = arguments.word("name", default_name(type.name, nodes_));
  if (index_of(node.name) >= 0 || node.name == "input" || node.name.find('/') != std::string::npos) {
    arguments.complain("the name '" + node.name +
                       "' is taken, reserved or holds a '/'; give it another name=");
  }
  const std::vector<Shape> shapes = connect(node, type, arguments);
  const Source source = source_of(node.inputs[0]);
  arguments.set_sources({source, source.layer == nullptr
                                     ? source
                                     : source_of(nodes_[static_cast<size_t>(source.node)].inputs[0])});
  node.layer = type.make(arguments, shapes);
  const Shape output = node.layer->output_shape();
  require_holdable(arguments, "output", {output.channels, output.height, output.width});
  add_parameters(node, arguments, settings);
  arguments.finish();
  nodes_.push_back(std::move(node));
}

// Reads from=, and returns the shapes of what the node reads.
std::vector<Shape> Network::connect(Node& node, const LayerType& type, LayerArguments& arguments) const {
  std::vector<std::string> known = {"input"};
  for (const Node& n : nodes_) known.push_back(n.name);
  std::vector<Shape> shapes;
  const std::string above = known.back();
  for (const std::string& from : split(arguments.word("from", above))) {
    if (from != "input" && index_of(from) < 0) {
      arguments.complain("from=" + from + " names no layer above it; " + suggestion(from, known));
    }
    node.inputs.push_back(index_of(from));
    shapes.push_back(shape_of(node.inputs.back()));
  }
  const size_t count = node.inputs.size();
  const bool right_count =
      type.inputs == 0 ? count >= 2 && count <= kMostInputs : count == static_cast<size_t>(type.inputs);
  if (!right_count) {
    arguments.complain(text("it reads ", count, " layer(s); expected ",
                            type.inputs == 0 ? "2 to 16 (from=A,B)" : "one", ", as in '", type.usage, "'"));
  }
  return shapes;
}

// The node, or where it is a penalty the one that it passes on.
Source Network::source_of(int node) const {
  while (node >= 0 && nodes_[static_cast<size_t>(node)].layer->is_penalty())
    node = nodes_[static_cast<size_t>(node)].inputs[0];
  if (node < 0) return {};
  const Node& found = nodes_[static_cast<size_t>(node)];
  return {node, "'" + found.line + "'", found.layer.get()};
}

namespace {

bool can_be_tied(const std::string& type) { return type == "linear" || type == "deconv"; }

}  // namespace

void Network::add_parameters(Node& node, LayerArguments& arguments, const NetworkSettings& settings) {
  node.specs = node.layer->parameters();
  for (const ParameterSpec& spec : node.specs) require_holdable(arguments, spec.name, spec.dims);
  node.parameters.assign(node.specs.size(), -1);
  node.owns.assign(node.specs.size(), true);
  const bool has_random =
      std::any_of(node.specs.begin(), node.specs.end(), [](const auto& s) { return s.fan_in > 0; });
  const std::string chosen =
      has_random ? arguments.word("init", settings.initialisation) : settings.initialisation;
  if (!is_initialisation(chosen)) {
    arguments.complain("there is no initialisation '" + chosen + "'; " +
                       suggestion(chosen, initialisation_names()));
  }
  node.initialisations.assign(node.specs.size(), chosen);
  if (arguments.adopted()) {
    node.owns[0] = false;
    node.parameters[0] = *arguments.adopted();  // as adopt_parameters() has it
  } else if (!node.specs.empty()) {
    if (arguments.has("share")) adopt_parameters(node, arguments, arguments.word("share", ""), false);
    if (can_be_tied(node.type) && arguments.has("tied")) {
      adopt_parameters(node, arguments, arguments.word("tied", ""), true);
    }
  }
  if (arguments.has("tied") && !can_be_tied(node.type)) {
    arguments.complain(
        "tied= is for linear and deconv (the weights of a linear layer or a conv above, transposed)");
  }
}

// share= takes all that another layer learns, tied= its weights; either way the shapes must be the same.
// Statistics stay each layer's own, since they are of the values that it sees.
void Network::adopt_parameters(Node& node, LayerArguments& arguments, const std::string& other,
                               bool only_weights) {
  const std::string key = only_weights ? "tied=" : "share=";
  const int index = index_of(other);
  if (index < 0 || nodes_[static_cast<size_t>(index)].specs.empty()) {
    std::vector<std::string> known;
    for (const Node& n : nodes_) {
      if (!n.specs.empty()) known.push_back(n.name);
    }
    arguments.complain(key + other + " names no layer above it that has parameters; " +
                       suggestion(other, known));
  }
  const Node& owner = nodes_[static_cast<size_t>(index)];
  if (only_weights && node.type == "deconv" && owner.type != "conv") {
    arguments.complain(text(key, other, " names '", owner.line, "'; a deconv's weights are those of a conv"));
  }
  for (size_t p = 0; p < node.specs.size(); ++p) {
    if (node.specs[p].keep || (only_weights && node.specs[p].name != "weights")) continue;
    const bool fits = p < owner.specs.size() && owner.specs[p].dims == node.specs[p].dims;
    if (!fits) {
      arguments.complain(text(key, other, " does not fit: its ", node.specs[p].name, " need ",
                              dims_text(node.specs[p].dims), ", those of '", owner.line, "' are ",
                              p < owner.specs.size() ? dims_text(owner.specs[p].dims) : "none"));
    }
    node.owns[p] = false;
    // The owner's index: lay_out_parameters() follows it to the parameter itself.
    node.parameters[p] = index;
  }
}

void Network::require_every_output_used() const {
  std::vector<bool> used(nodes_.size());
  for (const Node& node : nodes_) {
    for (const int input : node.inputs) {
      if (input >= 0) used[static_cast<size_t>(input)] = true;
    }
  }
  for (size_t i = 0; i + 1 < nodes_.size(); ++i) {
    if (used[i]) continue;
    fail_usage(nodes_[i].origin, ": nothing reads the output of layer '", nodes_[i].line, "' (",
               nodes_[i].name, "); read it with from=", nodes_[i].name, " below, or take the line away");
  }
}

// The arena has the last layer's parameters first: the order in which backward() completes gradients. What
// does not learn comes behind, so that gradients and all that is made of them leave it out.
void Network::lay_out_parameters() {
  for (const bool learns : {true, false}) {
    for (size_t i = nodes_.size(); i-- > 0;) {
      Node& node = nodes_[i];
      if (node.learns != learns) continue;
      for (size_t p = 0; p < node.specs.size(); ++p) {
        const ParameterSpec& spec = node.specs[p];
        if (node.owns[p])
          node.parameters[p] = layout_.add(node.name, spec.name, spec.dims, spec.keep, learns);
      }
    }
  }
  for (Node& node : nodes_) {  // owners stand above those that share, and are resolved first
    for (size_t p = 0; p < node.specs.size(); ++p) {
      if (!node.owns[p]) node.parameters[p] = nodes_[static_cast<size_t>(node.parameters[p])].parameters[p];
    }
  }
}

int Network::unsteady_source(int node) const {
  std::vector<bool> needed(nodes_.size());
  if (node >= 0) needed[static_cast<size_t>(node)] = true;
  int found = -1;
  for (size_t i = nodes_.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const Node& n = nodes_[i];
    for (const int input : n.inputs) {
      if (input >= 0) needed[static_cast<size_t>(input)] = true;
    }
    if (!n.layer->is_penalty() && (n.training_only || n.has_grad)) found = static_cast<int>(i);
  }
  return found;
}

void Network::plan_backward() {
  std::vector<bool> learns(nodes_.size());  // whether a layer, or one before it, has parameters that learn
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    for (const int64_t p : node.parameters) {
      node.learned.push_back(layout_.parameters()[static_cast<size_t>(p)].learns);
      node.has_grad = node.has_grad || node.learned.back();
    }
    learns[i] = node.has_grad;
    for (const int input : node.inputs) {
      const bool wanted = input >= 0 && learns[static_cast<size_t>(input)];
      node.wants_input_delta.push_back(wanted);
      if (wanted) learns[i] = true;
    }
    node.goes_backward = learns[i];
  }
  std::vector<bool> delta_written(nodes_.size());
  std::map<int64_t, bool> gradient_written;
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const size_t input = static_cast<size_t>(std::max(node.inputs[k], 0));
      node.adds_to_input_delta.push_back(node.wants_input_delta[k] && delta_written[input]);
      if (node.wants_input_delta[k]) delta_written[input] = true;
    }
    for (const int64_t parameter : node.parameters) {
      node.adds_to_gradient.push_back(gradient_written[parameter]);
      gradient_written[parameter] = true;
    }
  }
  // Forward, from what the layers above have still to write: shared parameters are written to several times.
  int64_t reached = layout_.learned_floats();
  for (Node& node : nodes_) {
    node.reached = reached;
    node.reads_from = layout_.floats();
    for (size_t p = 0; p < node.parameters.size(); ++p) {
      const int64_t offset = layout_.parameters()[static_cast<size_t>(node.parameters[p])].offset;
      node.reads_from = std::min(node.reads_from, offset);
      if (node.learned[p]) reached = std::min(reached, offset);
    }
  }
}

}  // namespace lockstep::nn
