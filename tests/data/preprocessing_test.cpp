#include "lockstep/data/preprocessing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lockstep/core/random.h"
#include "support/expect.h"

namespace lockstep::data {
namespace {

using test::expect_usage_error;

io::DatasetInfo info_of(std::vector<int64_t> dims) {
  io::DatasetInfo info;
  info.sample_dims = std::move(dims);
  return info;
}

// As a configuration has them: line 1 is `augment`, line 2 is `normalise`.
Options configured(const std::string& augment, const std::string& normalise = "none") {
  Options options;
  apply_configuration(options, "augment = " + augment + "\nnormalise = " + normalise + "\ndataset = d.h5\n",
                      "run.cfg");
  return options;
}

TEST(Augmentation, IsAListOfCropAndFlip) {
  const io::DatasetInfo pictures = info_of({3, 32, 32});
  const auto read = [&](const char* text) { return augmentation_of(configured(text), pictures); };
  EXPECT_FALSE(read("none").any());
  EXPECT_EQ(read("crop 4").crop, 4);
  EXPECT_FALSE(read("crop 4").flip);
  EXPECT_TRUE(read("flip").flip);
  EXPECT_EQ(read("flip").crop, 0);
  for (const char* both : {"crop 31, flip", "flip,crop 31", " flip ,  crop \t31 "}) {
    EXPECT_EQ(read(both).crop, 31) << both;
    EXPECT_TRUE(read(both).flip) << both;
  }
}

void expect_unusable(const std::string& augment, const std::vector<int64_t>& dims,
                     std::vector<std::string> parts) {
  parts.push_back("run.cfg:1: augment = ");
  expect_usage_error([&] { augmentation_of(configured(augment), info_of(dims)); }, parts);
}

TEST(Augmentation, ThatCannotBeUsedIsAnErrorWithPlaceAndWhatFits) {
  expect_unusable("crp 4", {3, 32, 32}, {"no augmentation 'crp'", "did you mean 'crop'?"});
  expect_unusable("rotate", {3, 32, 32}, {"no augmentation 'rotate'", "known: crop, flip"});
  expect_unusable("crop 4,", {3, 32, 32}, {"no augmentation ''", "known: crop, flip"});
  expect_unusable("crop 4, none", {3, 32, 32}, {"no augmentation 'none'"});
  for (const char* value : {"32", "0", "-1", "four", "4.5", "4 4", "99999999999999999999"}) {
    expect_unusable("crop " + std::string(value), {3, 40, 32},
                    {"padding from 1 to 31", "pictures of 40x32", "found '" + std::string(value) + "'"});
  }
  expect_unusable("flip, crop", {3, 32, 32}, {"as in 'crop 4'", "found nothing"});
  expect_unusable("flip 3", {3, 32, 32}, {"'3' is more than flip takes"});
  expect_unusable("flip, flip", {3, 32, 32}, {"flip is given twice"});
  expect_unusable("crop 3, crop 3", {3, 32, 32}, {"crop is given twice"});
  expect_unusable("crop 4", {784}, {"crop is for pictures", "d.h5", "vectors of 784"});
  expect_unusable("flip", {784}, {"flip is for pictures"});
}

TEST(NormalisationOption, IsMeansAndDeviations) {
  const Normalisation found =
      normalisation_of(configured("none", "0.5, -1e-3,3 / 2,0.25 ,1"), info_of({3, 4, 4}));
  EXPECT_EQ(found.mean, (std::vector<double>{0.5, -1e-3, 3}));
  EXPECT_EQ(found.deviation, (std::vector<double>{2, 0.25, 1}));
  EXPECT_TRUE(normalisation_of(configured("none"), info_of({3, 4, 4})).mean.empty());
  EXPECT_EQ(normalisation_of(configured("none", "5/2"), info_of({784})).deviation, std::vector<double>{2});
}

TEST(NormalisationOption, ThatCannotBeUsedIsAnErrorWithPlaceAndWhatFits) {
  const auto expect = [](const std::string& normalise, std::vector<std::string> parts) {
    parts.push_back("run.cfg:2: normalise = ");
    expect_usage_error([&] { normalisation_of(configured("none", normalise), info_of({3, 4, 4})); }, parts);
  };
  expect("datset", {"expected dataset, none, or means/deviations"});
  expect("1,2,3", {"expected dataset, none, or means/deviations"});
  expect("1,2,3/1,2,3/1,2,3", {"expected dataset, none, or means/deviations"});
  expect("1,2/1,2,3", {"found 2 value(s) for the mean", "expected 3", "a channel of d.h5"});
  expect("1,2,3/1,2,3,4", {"found 4 value(s) for the deviation", "expected 3"});
  expect("1,2,x/1,2,3", {"'x' cannot be a mean"});
  expect("1,,2/1,2,3", {"'' cannot be a mean"});
  for (const char* value : {"0", "-1", "nan", "inf", "1e999"})
    expect("1,2,3/1," + std::string(value) + ",3",
           {"'" + std::string(value) + "' cannot be a deviation", "above 0"});
  expect("nan,2,3/1,2,3", {"'nan' cannot be a mean"});
}

// Samples in memory.
template <class Value>
class ValueSplit : public Split {
 public:
  ValueSplit(std::vector<Value> values, int64_t size) : values_(std::move(values)), size_(size) {}
  int64_t rows() const override { return static_cast<int64_t>(values_.size()) / size_; }
  Samples fetch(std::vector<int64_t> indices) const override {
    Samples samples;
    for (const int64_t index : indices)
      samples.inputs.push_back(reinterpret_cast<const unsigned char*>(values_.data() + index * size_));
    samples.indices = std::move(indices);
    return samples;
  }

 private:
  std::vector<Value> values_;
  int64_t size_;
};

template <class Value>
Dataset dataset_of(std::vector<Value> values, std::vector<int64_t> dims, double scale, double offset) {
  Dataset dataset;
  dataset.info = info_of(std::move(dims));
  dataset.info.type = sizeof(Value) == 1 ? io::Type::kUint8 : io::Type::kFloat32;
  dataset.info.scale = scale;
  dataset.info.offset = offset;
  dataset.train = std::make_unique<ValueSplit<Value>>(std::move(values), dataset.shape().size());
  return dataset;
}

// Two passes in long double.
template <class Value>
void expect_statistics(const std::vector<Value>& values, const std::vector<int64_t>& dims, int64_t channels,
                       double scale, double offset) {
  const Dataset dataset = dataset_of(values, dims, scale, offset);
  const Options found = with_statistics(configured("none", "dataset"), dataset);
  const Normalisation numbers = normalisation_of(found, dataset.info);
  const size_t plane = static_cast<size_t>(dataset.shape().size() / channels);
  for (int64_t c = 0; c < channels; ++c) {
    std::vector<long double> channel;
    for (size_t i = 0; i < values.size(); ++i)
      if (static_cast<int64_t>(i / plane) % channels == c)
        channel.push_back(static_cast<long double>(values[i]) * scale + offset);
    long double mean = 0, squares = 0;
    for (const long double v : channel) mean += v / static_cast<long double>(channel.size());
    for (const long double v : channel)
      squares += (v - mean) * (v - mean) / static_cast<long double>(channel.size());
    const double deviation = static_cast<double>(std::sqrt(squares));
    EXPECT_NEAR(numbers.mean[static_cast<size_t>(c)], static_cast<double>(mean), 1e-12 * deviation);
    EXPECT_NEAR(numbers.deviation[static_cast<size_t>(c)], deviation, 1e-10 * deviation);
  }
}

TEST(Statistics, AreMeanAndDeviationOfEachChannelOfTheTrainingSplit) {
  RandomStream random(1, Purpose::kTest, 5);
  std::vector<unsigned char> bytes(600 * 3 * 35);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>(random.below(i / 35 % 3 == 1 ? 100 : 256));
  expect_statistics(bytes, {3, 5, 7}, 3, 1 / 255.0, 0);
  expect_statistics(bytes, {3, 5, 7}, 3, -0.5, 20);
  expect_statistics(bytes, {105}, 1, 1 / 255.0, 0);
  std::vector<float> floats(300 * 2 * 9);
  for (size_t i = 0; i < floats.size(); ++i) floats[i] = (i / 9 % 2 == 0 ? 1000.0f : -3.0f) + random.normal();
  expect_statistics(floats, {2, 3, 3}, 2, 1, 0);
}

TEST(Statistics, OfBytesAreExact) {
  // Half 0, half 2: mean 1, deviation 1.
  std::vector<unsigned char> bytes(400);
  for (size_t i = 0; i < bytes.size(); i += 2) bytes[i] = 2;
  EXPECT_EQ(with_statistics(configured("none", "dataset"), dataset_of(bytes, {1, 2, 2}, 1, 0)).normalise,
            "1/1");
}

TEST(Statistics, AreOnlyTakenWhereTheyAreAskedFor) {
  const Dataset nothing;
  EXPECT_EQ(with_statistics(configured("none", "1/2"), nothing).normalise, "1/2");
  EXPECT_EQ(with_statistics(configured("none"), nothing).normalise, "none");
  expect_usage_error([&] { with_statistics(configured("none", "dataset"), nothing); },
                     {"run.cfg:2: normalise = dataset", "no samples in /train"});
}

// Whatever the value, such as 0.1, of which no sum is exact.
TEST(Statistics, AChannelWithoutDeviationIsAnErrorThatSaysHowToGoOn) {
  std::vector<float> values(200 * 8);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i / 4 % 2 == 1 ? 0.1f : static_cast<float>(i % 2) * 2;
  const Dataset dataset = dataset_of(values, {2, 2, 2}, 1, 0);
  const auto action = [&] { with_statistics(configured("none", "dataset"), dataset); };
  expect_usage_error(action, {"run.cfg:2", "channel 1 of d.h5 is 0.1 everywhere", "deviation is 0"});
  const std::string message = test::message_of(action);
  const std::string advice = message.substr(message.rfind("normalise = ") + 12);
  const Normalisation advised = normalisation_of(configured("none", advice), dataset.info);
  EXPECT_EQ(advised.deviation, (std::vector<double>{1, 1}));
  EXPECT_EQ(advised.mean[0], 1);
}

}  // namespace
}  // namespace lockstep::data
