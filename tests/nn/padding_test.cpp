// The columns beyond the samples: nobody reads them, and nothing comes of what they hold.
#include <gtest/gtest.h>

#include "small_network.h"
#include "support/expect.h"

namespace lockstep::nn {
namespace {

const std::vector<std::string> kLayers = {"conv 4 kernel=3 pad=1",
                                          "relu",
                                          "maxpool 2",
                                          "conv 5 kernel=2",
                                          "leaky-relu",
                                          "avgpool 2",
                                          "subsample 1",
                                          "linear 8 name=stem",
                                          "tanh name=a",
                                          "sigmoid from=stem name=b",
                                          "softplus from=stem name=c",
                                          "add from=a,b,c",
                                          "dropout 0.25",
                                          "linear 3"};

// With statistics over the samples of a microbatch.
const std::vector<std::string> kNormalised = {"batchnorm",
                                              "deconv 3 kernel=3 stride=2 pad=1",
                                              "batchnorm name=stem",
                                              "relu name=r",
                                              "deconv 3 kernel=1 from=stem",
                                              "batchnorm",
                                              "add from=r,batchnorm3",
                                              "maxpool 2 edge=keep",
                                              "avgpool 3 stride=2 edge=keep",
                                              "globalavgpool",
                                              "batchnorm",
                                              "linear 3"};

// K-means as an autoencoder.
const std::vector<std::string> kCentres = {"linear 20", "centres 9 name=centres", "winner",
                                           "linear 20 tied=centres bias=no", "linear 3 bias=no"};

// What acts in training only.
const std::vector<std::string> kPenalised = {"corrupt gaussian 0.3",
                                             "linear 20",
                                             "sigmoid",
                                             "contractive 0.3",
                                             "kl 0.1 2",
                                             "corrupt masking 0.2",
                                             "linear 9",
                                             "relu",
                                             "l1 0.2",
                                             "corrupt salt-and-pepper 0.1",
                                             "linear 3"};

// Samples, and the layers.
class Padding : public ::testing::TestWithParam<std::tuple<int64_t, std::vector<std::string>>> {
 protected:
  int64_t samples_ = std::get<0>(GetParam());
  std::vector<std::string> layers_ = std::get<1>(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Samples, Padding,
                         ::testing::Combine(::testing::Values(1, 5, 15, 17, 31),
                                            ::testing::Values(kLayers, kNormalised, kCentres, kPenalised)));

TEST_P(Padding, WhatItHoldsChangesNoResultOfASample) {
  SmallNetwork net({2, 8, 9}, layers_, samples_);
  const Values delta = net.output_delta();
  const Values gradient = net.gradient(delta);
  const Values output = net.output();

  Values input = test::random_values(2 * 8 * 9 * net.pass.columns, 7);
  for (size_t i = 0; i < input.size(); ++i) {
    const bool padding = static_cast<int64_t>(i) % net.pass.columns >= net.pass.samples;
    if (padding) input[i] = 50.0f + static_cast<float>(i % 13);
  }
  net.set_input(input);
  EXPECT_TRUE(test::same_bits(net.gradient(delta), gradient));
  const Values with_other_padding = net.output();
  for (size_t i = 0; i < output.size(); ++i) {
    const bool padding = static_cast<int64_t>(i) % net.pass.columns >= net.pass.samples;
    EXPECT_TRUE(padding || with_other_padding[i] == output[i]) << i;
  }
}

// A workspace that larger microbatches used before serves a smaller one, with the same bits.
TEST_P(Padding, WhatALargerMicrobatchLeftBehindChangesNothing) {
  SmallNetwork fresh({2, 8, 9}, layers_, samples_);
  SmallNetwork used({2, 8, 9}, layers_, 48);
  used.gradient(Values(used.output().size(), 30.0f));
  used.pass = fresh.pass;
  used.set_input(test::random_values(2 * 8 * 9 * fresh.pass.columns, 7));
  const Values delta = fresh.output_delta();
  EXPECT_TRUE(test::same_bits(used.output(), fresh.output()));
  EXPECT_TRUE(test::same_bits(used.gradient(delta), fresh.gradient(delta)));
}

// One microbatch of all, or each sample in a microbatch of its own: the same function, to rounding.
TEST(Microbatches, ASampleComesOutTheSameInAnyCompany) {
  SmallNetwork all({2, 8, 9}, kLayers, 20);
  const Values input = test::random_values(2 * 8 * 9 * all.pass.columns, 7);
  const Values together = all.output();
  for (int64_t n = 0; n < 20; ++n) {
    SmallNetwork one({2, 8, 9}, kLayers, 1);
    one.pass.first_sample = static_cast<uint32_t>(n);
    for (int64_t f = 0; f < 2 * 8 * 9; ++f) {
      one.workspace.input()[f * one.pass.columns] = input[static_cast<size_t>(f * all.pass.columns + n)];
    }
    const Values alone = one.output();
    for (int64_t f = 0; f < 3; ++f) {
      EXPECT_NEAR(alone[static_cast<size_t>(f * one.pass.columns)],
                  together[static_cast<size_t>(f * all.pass.columns + n)], 1e-5f)
          << "sample " << n;
    }
  }
}

}  // namespace
}  // namespace lockstep::nn
