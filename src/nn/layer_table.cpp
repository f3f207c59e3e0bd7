#include "lockstep/nn/layer_table.h"

#include "layers/layers.h"
#include "lockstep/core/near.h"

namespace lockstep::nn {

const std::vector<LayerType>& layer_table() {
  static const std::vector<LayerType> table = {
      {"conv", "conv CHANNELS kernel=K [stride=S] [pad=P] [bias=no] [init=I]", 1, make_conv},
      {"deconv", "deconv CHANNELS kernel=K [stride=S] [pad=P] [init=I] [tied=NAME]", 1, make_deconv},
      {"linear", "linear UNITS [bias=no] [init=I] [tied=NAME]", 1, make_linear},
      {"centres", "centres COUNT [init=I]", 1, make_centres},
      {"winner", "winner", 1, make_winner},
      {"maxpool", "maxpool WINDOW [stride=S] [edge=keep]", 1, make_maxpool},
      {"avgpool", "avgpool WINDOW [stride=S] [edge=keep]", 1, make_avgpool},
      {"globalavgpool", "globalavgpool", 1, make_globalavgpool},
      {"subsample", "subsample WINDOW [stride=S] [edge=keep]", 1, make_subsample},
      {"batchnorm", "batchnorm [momentum=0.9] [epsilon=1e-5] [statistics=minibatch]", 1, make_batchnorm},
      {"relu", "relu", 1, make_relu},
      {"leaky-relu", "leaky-relu [SLOPE]", 1, make_leaky_relu},
      {"sigmoid", "sigmoid", 1, make_sigmoid},
      {"tanh", "tanh", 1, make_tanh},
      {"softplus", "softplus", 1, make_softplus},
      {"soft-threshold", "soft-threshold THETA", 1, make_soft_threshold},
      {"threshold", "threshold THETA", 1, make_threshold},
      {"dropout", "dropout [RATE]", 1, make_dropout, true},
      {"corrupt", "corrupt masking|salt-and-pepper|gaussian AMOUNT [low=L] [high=H]", 1, make_corrupt, true},
      {"l1", "l1 LAMBDA", 1, make_l1, true},
      {"kl", "kl RHO BETA", 1, make_kl, true},
      {"contractive", "contractive LAMBDA", 1, make_contractive, true},
      {"saturate", "saturate LAMBDA", 1, make_saturate, true},
      {"add", "add from=A,B[,...]", 0, make_add},
  };
  return table;
}

const LayerType& layer_type(const LayerArguments& arguments) {
  std::vector<std::string> names;
  for (const LayerType& type : layer_table()) {
    if (type.name == arguments.type()) return type;
    names.push_back(type.name);
  }
  arguments.complain("there is no layer '" + arguments.type() + "'; " + suggestion(arguments.type(), names));
}

}  // namespace lockstep::nn
