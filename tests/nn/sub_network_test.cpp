// Parts of networks as networks of their own.
#include "lockstep/nn/sub_network.h"

#include <gtest/gtest.h>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

std::string code_of(const std::vector<std::string>& lines, const std::string& name = "") {
  const SmallNetwork net({8, 1, 1}, lines, 1);
  return net.network.nodes()[static_cast<size_t>(code_node(net.network, name))].name;
}

TEST(CodeNode, IsTheNarrowestLayerWithItsActivation) {
  EXPECT_EQ(code_of({"linear 6", "sigmoid", "linear 3", "linear 6", "sigmoid", "linear 8"}), "linear2");
  EXPECT_EQ(code_of({"linear 3", "tanh", "linear 8", "sigmoid"}), "tanh1");
}

TEST(CodeNode, OfAnOvercompleteNetworkIsNotItsCorruptedInput) {
  EXPECT_EQ(code_of({"dropout 0.2", "linear 20", "relu", "linear 8"}), "relu1");
}

TEST(CodeNode, IsTheOneThatIsNamedCode) {
  EXPECT_EQ(code_of({"linear 5 name=code", "relu", "linear 2", "linear 8"}), "code");
  EXPECT_EQ(code_of({"linear 5 name=code", "relu", "linear 2", "linear 8"}, "relu1"), "relu1");
}

TEST(CodeNode, OfANameThatIsNotThereIsAnErrorWithTheNearOnes) {
  test::expect_error([] { code_of({"linear 5", "linear 8"}, "linear3"); }, {"linear3", "linear1"});
  test::expect_error([] { code_of({"linear 8"}); }, {"no code", "hidden layer"});
}

TEST(LinesUpTo, GiveTheEncoderThatComputesTheSameCode) {
  const SmallNetwork whole({8, 1, 1},
                           {"dropout 0.5", "linear 6 name=a", "tanh", "dropout 0.5", "linear 3",
                            "sigmoid name=code", "linear 6", "linear 8"},
                           1);
  const Network encoder({8, 1, 1}, lines_up_to(whole.network, code_node(whole.network, "")), {});
  EXPECT_EQ(encoder.nodes().size(), 4u);
  Buffer parameters(encoder.layout().floats());
  copy_parameters(whole.network, whole.parameters.data(), encoder, parameters.data());
  for (const ParameterInfo& p : encoder.layout().parameters()) {
    EXPECT_TRUE(p.layer == "a" || p.layer == "linear2") << p.layer;
  }
  EXPECT_EQ(encoder.output_shape().size(), 3);
}

}  // namespace
}  // namespace lockstep::nn
