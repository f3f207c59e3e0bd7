#include "lockstep/train/model.h"

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/core/shape.h"

namespace lockstep::train {

namespace {

const char* name_of(Target target) {
  switch (target) {
    case Target::kLabels:
      return "labels";
    case Target::kInput:
      return "the input";
    case Target::kLayer:
      return "a layer's output";
    case Target::kValues:
      return "values";
  }
  return "";
}

Target choose_target(const Options& options, const io::DatasetInfo& dataset) {
  const bool labels = dataset.classes > 0;
  const bool targets = !dataset.target_dims.empty();
  if (options.target == "labels" && !labels) {
    fail_usage(options.origin("target"), ": target = labels, but ", options.dataset,
               " has no labels; take target = input to train an autoencoder");
  }
  if (options.target == "targets" && !targets) {
    fail_usage(options.origin("target"), ": target = targets, but ", options.dataset,
               " has no /train/targets");
  }
  if (options.target.starts_with(kLayerTarget)) return Target::kLayer;
  if (options.target == "input") return Target::kInput;
  if (options.target == "targets") return Target::kValues;
  if (labels) return Target::kLabels;
  return targets ? Target::kValues : Target::kInput;
}

// A target that training moves, or that is not what the network gives afterwards, is none.
void set_target_node(const Options& options, Model& model) {
  const std::string name = options.target.substr(kLayerTarget.size());
  const auto& nodes = model.network.nodes();
  model.target_node = model.network.index_of(name);
  if (model.target_node < 0) {
    std::vector<std::string> names;
    for (const nn::Node& node : nodes) names.push_back(node.name);
    fail_usage(options.origin("target"), ": target = ", options.target, ", but there is no layer '", name,
               "'; ", suggestion(name, names));
  }
  const int source = model.network.unsteady_source(model.target_node);
  if (source >= 0) {
    const nn::Node& node = nodes[static_cast<size_t>(source)];
    const char* what = node.training_only ? "acts in training only; let it stand behind the target"
                                          : "learns, and the target with it; say learn=no there";
    fail_usage(options.origin("target"), ": target = ", options.target, " depends on layer '", node.line,
               "' (", node.origin, "), which ", what);
  }
  model.network.compare_with(model.target_node);
}

void check_output(const Options& options, const io::DatasetInfo& dataset, const Model& model) {
  const nn::Node& last = model.network.nodes().back();
  const Shape output = model.network.output_shape();
  int64_t needed = Shape::from_dims(dataset.sample_dims).size();
  const char* why = "values of an input, which it is to reproduce";
  if (model.target == Target::kLabels) {
    needed = dataset.classes;
    why = "classes of the dataset";
  } else if (model.target == Target::kLayer) {
    needed = model.network.nodes()[static_cast<size_t>(model.target_node)].layer->output_shape().size();
    why = "values of the layer that is the target";
  } else if (model.target == Target::kValues) {
    needed = Shape::from_dims(dataset.target_dims).size();
    why = "values of a target";
  }
  if (output.size() == needed) return;
  const std::string given =
      output.height * output.width == 1 ? output.to_string() : text(output.to_string(), " = ", output.size());
  fail_usage(last.origin, ": the last layer, '", last.line, "', gives ", given, " outputs; ", options.dataset,
             " with loss = ", options.loss, " needs ", needed, " (the ", why,
             "); change the layer, loss = or target =");
}

// A mirror image is another sample of the same class; of other targets nothing says what becomes of them.
bool wants_both_views(const Options& options, const io::DatasetInfo& dataset, Target target) {
  if (options.test_augment == "none") return false;
  const std::string what = options.origin("test-augment") + ": test-augment = " + options.test_augment;
  if (dataset.sample_dims.size() != 3) {
    fail_usage(what, " is for pictures (samples [C, H, W]); the samples of ", options.dataset,
               " are plain vectors of ", Shape::from_dims(dataset.sample_dims).to_string(),
               "; take test-augment = none");
  }
  if (target != Target::kLabels) {
    fail_usage(what, " is for classifiers: mirror images are of the same class; here the target is ",
               name_of(target), "; take test-augment = none, or target = labels");
  }
  return true;
}

}  // namespace

void check_precision(const Options& options, const kernels::Bf16Support& support) {
  if (options.precision != "bf16" || (support.built && support.processor)) return;
  const std::string found =
      support.processor
          ? text("this processor has them (", support.instruction_set,
                 "), but the program was built without; build it with -DLOCKSTEP_ARCH=native on such a one")
          : text(
                "oneDNN finds no more than ", support.instruction_set,
                " in this processor; run on one that has them (Intel Cooper Lake, Sapphire Rapids and later; "
                "AMD Zen 4 and later)");
  fail_usage(options.origin("precision"), ": precision = bf16 needs the instructions avx512_bf16; ", found,
             ", or take --precision float32");
}

nn::NetworkSettings network_settings(const Options& options) {
  return {options.initialisation, options.winograd,
          options.precision == "bf16" ? kernels::Precision::kBf16 : kernels::Precision::kFloat32};
}

Model make_model(const Options& options, const io::DatasetInfo& dataset) {
  check_precision(options, kernels::bf16_support());
  Model model{nn::Network(Shape::from_dims(dataset.sample_dims), options.layers, network_settings(options)),
              nn::make_loss(options.loss), choose_target(options, dataset)};
  if (model.target == Target::kLayer) set_target_node(options, model);
  if (model.loss->needs_labels() && model.target != Target::kLabels) {
    fail_usage(options.origin("loss"), ": loss = ", options.loss, " needs labels, but the target is ",
               name_of(model.target), "; take loss = squared or cross-entropy, or a dataset with labels");
  }
  model.both_views = wants_both_views(options, dataset, model.target);
  check_output(options, dataset, model);
  if (model.network.layout().learned_floats() == 0) {
    const bool stays = model.network.layout().floats() > 0;
    fail_usage(model.network.nodes().back().origin, ": no layer of the network has anything to learn; ",
               stays ? "take learn=no away from one" : "add one that has, such as 'layer = linear 10'");
  }
  return model;
}

}  // namespace lockstep::train
