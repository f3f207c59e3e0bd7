// What a configuration's layers can have wrong, and what is said about it.
#include <gtest/gtest.h>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

struct Mistake {
  std::string what;                // for the test's name
  std::vector<std::string> lines;  // of a network on pictures of 3x12x10
  std::vector<std::string> parts;  // of the message
};

std::ostream& operator<<(std::ostream& stream, const Mistake& mistake) { return stream << mistake.what; }

std::string sum_of(int inputs) {
  std::string line = "add from=input";
  for (int i = 1; i < inputs; ++i) line += ",input";
  return line;
}

const std::vector<Mistake> kMistakes = {
    {"NoLayer", {}, {"no layer", "layer = linear 10", "launch/"}},
    {"EmptyLine", {"  "}, {"net.cfg:1", "it is empty", "conv 20 kernel=5"}},
    {"UnknownType",
     {"relu", "liner 10"},
     {"net.cfg:2: layer 'liner 10'", "no layer 'liner'", "did you mean 'linear' or 'winner'?"}},
    {"UnknownTypeFarFromAll", {"xyzzyplugh"}, {"no layer 'xyzzyplugh'", "known: conv, deconv"}},

    {"NoName", {"linear =5"}, {"'=5' is not of the form name=value"}},
    {"NoValue", {"conv 20 kernel="}, {"'kernel=' is not of the form name=value"}},
    {"ValueTwice", {"conv 20 kernel=5 kernel=3"}, {"'kernel' is given twice"}},
    {"MissingNumber", {"linear"}, {"it needs a number (units), as in 'linear 20'"}},
    {"NotANumber", {"linear many"}, {"units = many cannot be used", "a whole number from 1 to"}},
    {"NotAWholeNumber", {"linear 1.5"}, {"units = 1.5 cannot be used"}},
    {"Zero", {"conv 0 kernel=3"}, {"channels = 0 cannot be used", "a whole number from 1 to"}},
    {"Negative", {"conv 2 kernel=3 pad=-1"}, {"pad = -1 cannot be used", "from 0 to"}},
    {"TooLargeForAnyMemory", {"linear 16777217"}, {"units = 16777217 cannot be used", "to 16777216"}},
    {"OutputTooLargeForAnyMemory",
     {"deconv 16777216 kernel=16777216 stride=16777216"},
     {"net.cfg:1", "its output of 16777216x201326592x167772160", "more than any memory holds"}},
    {"WeightsTooLargeForAnyMemory",
     {"linear 16777216", "linear 16777216"},
     {"net.cfg:2", "its weights of 16777216x16777216", "more than any memory holds", "a smaller layer"}},
    {"NoStride", {"maxpool 2 stride=0"}, {"stride = 0 cannot be used"}},
    {"MissingKernel", {"conv 20"}, {"it needs kernel=, a whole number"}},
    {"MisspeltKernel",
     {"conv 20 kernal=5"},
     {"it needs kernel=", "no 'kernal=' for it", "did you mean 'kernel'?"}},
    {"TooManyNumbers", {"linear 5 6"}, {"'6' is more than this layer takes"}},
    {"NumberForAnActivation", {"relu 3"}, {"'3' is more than this layer takes"}},
    {"UnknownValue", {"linear 5 untis=3"}, {"no 'untis=' for it", "did you mean 'units'?"}},
    {"ValueOfAnotherLayer", {"relu stride=2"}, {"no 'stride=' for it"}},
    {"InitWithoutWeights", {"subsample 2 init=he"}, {"no 'init=' for it"}},
    {"ShareWithoutParameters", {"linear 5 name=a", "relu share=a"}, {"no 'share=' for it"}},
    {"DropoutOfEverything", {"dropout 1"}, {"rate = 1 cannot be used", "from 0 to below 1"}},
    {"DropoutOfNan", {"dropout nan"}, {"rate = nan cannot be used"}},
    {"CorruptionWithoutKind", {"corrupt"}, {"it needs a kind; known: masking, salt-and-pepper, gaussian"}},
    {"CorruptionOfAnUnknownKind", {"corrupt maskin 0.3"}, {"no kind 'maskin'; did you mean 'masking'?"}},
    {"CorruptionWithoutRate", {"corrupt masking"}, {"it needs a number (rate) from 0 to below 1"}},
    {"CorruptionOfEverything", {"corrupt masking 1"}, {"rate = 1 cannot be used", "from 0 to below 1"}},
    {"CorruptionWithAnotherKindsValue", {"corrupt masking 0.3 high=1"}, {"no 'high=' for it"}},
    {"PenaltyWithoutFactor", {"l1"}, {"it needs a number (lambda) from 0"}},
    {"PenaltyBelowZero", {"l1 -1"}, {"lambda = -1 cannot be used"}},
    {"KlBehindALinearLayer",
     {"linear 5", "kl 0.1 3"},
     {"net.cfg:2: layer 'kl 0.1 3'", "it reads 'linear 5', which need not lie between 0 and 1",
      "expected a sigmoid right above it"}},
    {"KlOfTheInput", {"kl 0.1 3"}, {"it reads the network's input, which need not lie between 0 and 1"}},
    {"KlOfRhoZero", {"linear 5", "sigmoid", "kl 0 3"}, {"rho = 0 cannot be used"}},
    {"KlWithoutBeta", {"linear 5", "sigmoid", "kl 0.1"}, {"it needs a number (beta)"}},
    {"ContractiveBehindAnotherLayer",
     {"maxpool 2", "contractive 0.1"},
     {"net.cfg:2: layer 'contractive 0.1'", "it reads 'maxpool 2'",
      "expected a linear layer, or an activation"}},
    {"ContractiveBehindAConvolution",
     {"conv 3 kernel=3", "relu", "contractive 0.1"},
     {"it reads 'relu' behind 'conv 3 kernel=3'", "an activation right behind one"}},
    {"ContractiveBehindACorruption",
     {"linear 5", "relu", "corrupt masking 0.2", "contractive 0.1"},
     {"it reads 'corrupt masking 0.2'; expected a linear layer"}},
    {"ContractiveBehindAnActivationOfTheInput",
     {"sigmoid", "contractive 0.1"},
     {"it reads 'sigmoid' behind the network's input"}},
    {"ContractiveOfTheInput", {"contractive 0.1"}, {"it reads the network's input; expected a linear layer"}},
    {"ContractiveThatShares", {"linear 5 name=a", "contractive 0.1 share=a"}, {"no 'share=' for it"}},
    {"SaturateBehindASigmoid",
     {"linear 5", "sigmoid", "saturate 0.1"},
     {"it reads 'sigmoid', which is flat nowhere",
      "expected relu, soft-threshold or threshold right above it"}},
    {"SaturateBehindALeakyRelu", {"linear 5", "leaky-relu", "saturate 1"}, {"it reads 'leaky-relu', which"}},
    {"SaturateBehindALinearLayer",
     {"linear 5", "saturate 1"},
     {"it reads 'linear 5', which is flat nowhere"}},
    {"SlopeBelowZero", {"leaky-relu -0.1"}, {"slope = -0.1 cannot be used"}},

    {"PadBeyondKernel", {"conv 2 kernel=3 pad=3"}, {"pad=3 reaches beyond its kernel of 3"}},
    {"KernelBeyondInput",
     {"maxpool 2", "conv 2 kernel=8 pad=1"},
     {"net.cfg:2", "its kernel of 8x8 is larger than its padded input of 8x7", "input 3x6x5", "pad 1"}},
    {"KernelBeyondInputAnswered",
     {"conv 2 kernel=13 pad=1"},
     {"its kernel of 13x13 is larger than its padded input of 14x12",
      "smaller kernel=, a larger pad=, or pool less"}},
    {"WindowBeyondInput",
     {"maxpool 11"},
     {"net.cfg:1: layer 'maxpool 11'", "its window of 11 leaves no output on its input of 3x12x10",
      "take a smaller window or pool less before it"}},
    {"MeanBeyondInput",
     {"maxpool 2", "avgpool 6 stride=1"},
     {"net.cfg:2: layer 'avgpool 6 stride=1'", "its window of 6 leaves no output on its input of 3x6x5",
      "take a smaller window or pool less before it"}},
    {"SubsampleBeyondInput",
     {"subsample 11"},
     {"layer 'subsample 11'", "its window of 11 leaves no output on its input of 3x12x10",
      "take a smaller window or pool less before it"}},
    {"WindowTooLarge", {"avgpool 16"}, {"a window of 16 is too large; expected at most 15"}},
    {"WindowBeyondInputByItsStride",
     {"maxpool 12 stride=2 edge=keep"},
     {"its window of 12 leaves no output on its input of 3x12x10"}},
    {"UnknownEdge", {"avgpool 2 edge=ceil"}, {"edge = ceil cannot be used; expected drop or keep"}},
    {"NumberForAGlobalPool", {"globalavgpool 2"}, {"'2' is more than this layer takes"}},
    {"DeconvWithoutKernel", {"deconv 4"}, {"it needs kernel=, a whole number"}},
    {"DeconvPadBeyondKernel", {"deconv 4 kernel=2 pad=2"}, {"pad=2 cuts off whole kernels of 2"}},
    {"DeconvThatLeavesNothing",
     {"linear 5", "deconv 4 kernel=4 pad=2"},
     {"net.cfg:2", "pad=2 leaves no output: its input of 5 becomes 0x0",
      "take a smaller pad=, or a larger kernel="}},
    {"MomentumOfOne", {"batchnorm momentum=1"}, {"momentum = 1 cannot be used", "from 0 to below 1"}},
    {"EpsilonOfZero", {"batchnorm epsilon=0"}, {"epsilon = 0 cannot be used", "a number from 1e-12"}},
    {"MomentumWithoutName", {"batchnorm 0.9"}, {"'0.9' is more than this layer takes"}},
    {"ShareOfABatchnormOfAnotherSize",
     {"batchnorm name=n", "conv 4 kernel=1", "batchnorm share=n"},
     {"share=n does not fit", "weights need 4", "are 3"}},
    {"PoolingOfAVector", {"linear 5", "subsample 2"}, {"net.cfg:2", "window of 2", "input of 5"}},

    {"NameTwice", {"relu name=a", "tanh name=a"}, {"net.cfg:2", "the name 'a' is taken"}},
    {"NameOfADefault", {"relu", "tanh name=relu1"}, {"the name 'relu1' is taken"}},
    {"NameInput", {"relu name=input"}, {"the name 'input' is taken, reserved"}},
    {"NameWithSlash", {"relu name=a/b"}, {"the name 'a/b'", "holds a '/'"}},
    {"FromNobody",
     {"relu name=first", "tanh from=frist"},
     {"from=frist names no layer above", "did you mean 'first'?"}},
    {"FromBelow",
     {"tanh from=later", "relu name=later"},
     {"net.cfg:1", "from=later names no layer above it"}},
    {"FromItself", {"tanh from=me name=me"}, {"from=me names no layer above it"}},
    {"TwoInputsForOne",
     {"relu name=a", "tanh from=a,input"},
     {"it reads 2 layer(s); expected one", "'tanh'"}},
    {"AddOfOne", {"relu", "add"}, {"it reads 1 layer(s); expected 2 to 16", "add from=A,B"}},
    {"AddOfTooMany", {sum_of(17)}, {"it reads 17 layer(s); expected 2 to 16"}},
    {"AddOfShapes", {"maxpool 2 name=a", "add from=a,input"}, {"cannot add 3x6x5 and 3x12x10", "one shape"}},
    {"NobodyReads",
     {"relu name=dead", "tanh from=input"},
     {"net.cfg:1", "nothing reads the output of layer 'relu name=dead' (dead)", "from=dead"}},

    {"UnknownInit", {"linear 5 init=hee"}, {"no initialisation 'hee'", "did you mean 'he'?"}},
    {"ShareOfNobody",
     {"linear 5 name=first", "linear 5 share=frist"},
     {"share=frist names no layer above it", "'first'"}},
    {"ShareOfAnActivation",
     {"linear 5", "relu", "linear 5 share=relu1"},
     {"share=relu1 names no layer above it that has"}},
    {"ShareOfAnotherShape",
     {"linear 5 name=a", "linear 6 share=a"},
     {"net.cfg:2", "share=a does not fit", "weights need 6x5", "'linear 5 name=a' are 5x360"}},
    {"ShareOfAnotherType", {"conv 3 kernel=1 name=a", "subsample 2 share=a"}, {"share=a does not fit"}},
    {"TiedToAnotherShape",
     {"linear 5 name=a", "linear 7 tied=a"},
     {"tied=a does not fit", "weights need 5x7", "5x360"}},
    {"BiasNeitherYesNorNo", {"linear 5 bias=maybe"}, {"bias=maybe cannot be used; expected yes or no"}},
    {"CentresWithoutCount", {"centres"}, {"it needs a number (count)"}},
    {"CentresTiedOfAnotherShape",
     {"centres 5 name=a", "winner", "linear 7 tied=a bias=no"},
     {"tied=a does not fit", "need 5x7", "'centres 5 name=a'"}},
    {"TiedToNobody", {"linear 5 tied=a"}, {"tied=a names no layer above it"}},
    {"TiedConvolution",
     {"conv 3 kernel=1 name=a", "conv 3 kernel=1 tied=a"},
     {"tied= is for linear and deconv"}},
    {"TiedActivation", {"linear 5 name=a", "relu tied=a"}, {"tied= is for linear and deconv"}},
    {"TiedDeconvOfADeconv",
     {"deconv 3 kernel=2 name=a", "deconv 2 kernel=2 tied=a"},
     {"tied=a names 'deconv 3 kernel=2 name=a'", "those of a conv"}},
    {"TiedDeconvOfOtherKernels",
     {"conv 3 kernel=1 name=a", "deconv 2 kernel=2 tied=a"},
     {"tied=a does not fit"}},
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

INSTANTIATE_TEST_SUITE_P(Lines, Mistakes, ::testing::ValuesIn(kMistakes),
                         [](const auto& info) { return info.param.what; });

TEST_P(Mistakes, AreUsageErrorsThatSayWhatIsWrong) {
  test::expect_usage_error(
      [] {
        Network({3, 12, 10}, lines_of(GetParam().lines), {"he"});
      },
      GetParam().parts);
}

TEST(Names, AreTypeAndNumberWhereNoneIsGiven) {
  const Network network({3, 12, 10},
                        lines_of({"conv 2 kernel=3", "relu", "conv 2 kernel=3 name=mine", "relu",
                                  "conv 2 kernel=3", "linear 4"}),
                        {"he"});
  std::vector<std::string> names;
  for (const Node& node : network.nodes()) names.push_back(node.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1", "relu1", "mine", "relu2", "conv3", "linear1"}));
  EXPECT_EQ(network.index_of("mine"), 2);
  EXPECT_EQ(network.index_of("nobody"), -1);
  EXPECT_EQ(network.output_shape(), (Shape{4, 1, 1}));
}

// n becomes ceil((n - window) / stride) + 1 with edge=keep, (n - 1) stride + kernel - 2 pad by a
// deconvolution.
TEST(Shapes, FollowTheFormulas) {
  const auto shape = [](const Shape& input, const std::string& line) {
    return Network(input, lines_of({line}), {"he"}).output_shape();
  };
  EXPECT_EQ(shape({3, 32, 15}, "maxpool 3 stride=2 edge=keep"), (Shape{3, 16, 7}));
  EXPECT_EQ(shape({3, 32, 15}, "maxpool 3 stride=2"), (Shape{3, 15, 7}));
  EXPECT_EQ(shape({3, 2, 2}, "avgpool 3 stride=2 edge=keep"), (Shape{3, 1, 1}));
  EXPECT_EQ(shape({3, 5, 4}, "subsample 1 stride=3 edge=keep"), (Shape{3, 2, 2})) << "a third starts outside";
  EXPECT_EQ(shape({3, 7, 5}, "globalavgpool"), (Shape{3, 1, 1}));
  EXPECT_EQ(shape({8, 7, 5}, "deconv 3 kernel=4 stride=2 pad=1"), (Shape{3, 14, 10}));
  EXPECT_EQ(shape({8, 1, 1}, "deconv 3 kernel=4"), (Shape{3, 4, 4}));
  EXPECT_EQ(shape({8, 3, 3}, "batchnorm"), (Shape{8, 3, 3}));
}

TEST(Lines, TakeTheirNumberByNameToo) {
  const Network network({3, 12, 10},
                        lines_of({"conv channels=2 kernel=3", "maxpool window=2 stride=1", "linear units=4"}),
                        {"he"});
  EXPECT_EQ(network.nodes()[1].layer->output_shape(), (Shape{2, 9, 7}));
  EXPECT_EQ(network.output_shape(), (Shape{4, 1, 1}));
}

}  // namespace
}  // namespace lockstep::nn
