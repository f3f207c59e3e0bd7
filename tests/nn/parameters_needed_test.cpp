// The way forward says which parameters it reads before it does, so that they may still be on their way.
#include <gtest/gtest.h>

#include <limits>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

const std::vector<std::vector<std::string>> kNetworks = {
    {"linear 9", "tanh", "linear 7", "relu", "linear 5"},
    {"conv 8 kernel=3 pad=1 bias=no", "batchnorm", "relu name=a", "conv 8 kernel=3 pad=1", "add from=a,conv2",
     "globalavgpool", "linear 3"},
    // of the layer before, of one far before, and some that do not learn
    {"linear 9 name=a", "sigmoid", "linear 108 tied=a", "sigmoid", "linear 9 share=a", "tanh",
     "linear 6 learn=no", "linear 4"},
    {"linear 9 name=a", "sigmoid name=code", "contractive 0.1", "linear 108 tied=a"},
};

TEST(ParametersNeeded, AreAllThatIsReadUpToThen) {
  for (const std::vector<std::string>& lines : kNetworks) {
    SmallNetwork net({3, 6, 6}, lines, 5);
    const Values expected = net.output();
    Values arrived(net.parameters.size(), std::numeric_limits<float>::quiet_NaN());
    int64_t from = static_cast<int64_t>(arrived.size());
    net.network.fprop(net.pass, arrived.data(), net.workspace, [&](int64_t needed) {
      if (needed >= from) return;
      std::copy(net.parameters.begin() + needed, net.parameters.begin() + from, arrived.begin() + needed);
      from = needed;
    });
    EXPECT_EQ(from, 0);
    EXPECT_TRUE(
        test::same_bits(Values(net.workspace.output(), net.workspace.output() + expected.size()), expected))
        << lines[0];
  }
}

TEST(ParametersNeeded, ComeLayerByLayer) {
  const SmallNetwork net({3, 6, 6}, {"linear 9", "linear 7", "linear 5"}, 5);
  SmallNetwork at_work({3, 6, 6}, {"linear 9", "linear 7", "linear 5"}, 5);
  std::vector<int64_t> asked;
  at_work.network.fprop(at_work.pass, at_work.parameters.data(), at_work.workspace,
                        [&](int64_t from) { asked.push_back(from); });
  EXPECT_EQ(asked, (std::vector<int64_t>{net.info("linear1", "weights").offset,
                                         net.info("linear2", "weights").offset, 0}));
}

}  // namespace
}  // namespace lockstep::nn
