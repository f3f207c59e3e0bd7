#include <gtest/gtest.h>

#include <functional>

#include "small_run.h"

namespace lockstep::train {
namespace {

using Change = std::function<void(float* picture)>;

const Shape kPicture{2, 6, 6};

// Of parameters as they are before training, on test pictures that were changed so.
Score score(const std::string& test_augment, const Change& change, int threads = 2,
            Options options = small_options()) {
  options.test_augment = test_augment;
  data::Dataset dataset = small_dataset();
  auto& values = dynamic_cast<FloatSplit&>(*dataset.test).values;
  for (size_t at = 0; at < values.size(); at += static_cast<size_t>(kPicture.size())) change(&values[at]);
  SmallRun run(options, threads, std::move(dataset));
  return run.trainer.evaluate(*run.dataset.test);
}

void nothing(float*) {}
void mirrored(float* picture) { data::mirror(kPicture, 1, picture); }
void symmetric(float* picture) {
  for (int64_t row = 0; row < kPicture.channels * kPicture.height; ++row, picture += kPicture.width) {
    for (int64_t x = 0; x < kPicture.width / 2; ++x) picture[kPicture.width - 1 - x] = picture[x];
  }
}

TEST(BothViews, PicturesAndTheirMirrorImagesScoreTheSame) {
  const Score as_they_are = score("flip", nothing);
  const Score turned = score("flip", mirrored);
  EXPECT_EQ(as_they_are.loss, turned.loss);
  EXPECT_EQ(as_they_are.error, turned.error);
  EXPECT_NE(score("none", nothing).loss, score("none", mirrored).loss);
}

TEST(BothViews, ASymmetricPictureHasOne) {
  EXPECT_EQ(score("flip", symmetric).loss, score("none", symmetric).loss);
}

// Losses are convex in the outputs. Microbatches of 20 leave one of fewer columns.
TEST(BothViews, TheLossOfTheMeanIsBelowTheMeanLoss) {
  for (const char* loss : {"softmax", "squared", "cross-entropy"}) {
    for (const int64_t microbatch : {6, 20}) {
      SCOPED_TRACE(std::string(loss) + " in microbatches of " + std::to_string(microbatch));
      Options options = small_options();
      options.loss = loss;
      options.microbatch = microbatch;
      options.layers[2].line = "batchnorm statistics=minibatch";
      const auto loss_of = [&](const char* views, const Change& change) {
        return score(views, change, 2, options).loss;
      };
      const double both = loss_of("flip", nothing);
      const double mean = (loss_of("none", nothing) + loss_of("none", mirrored)) / 2;
      EXPECT_LT(both, mean);
      EXPECT_GT(both, 0.5 * mean);
      EXPECT_EQ(both, loss_of("flip", mirrored));
    }
  }
}

TEST(BothViews, OnAnyNumberOfThreads) {
  EXPECT_EQ(score("flip", nothing, 1).loss, score("flip", nothing, 3).loss);
}

}  // namespace
}  // namespace lockstep::train
