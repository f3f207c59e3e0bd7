// What holds for every generator of the table, and which settings each reads.
#include "lockstep/data/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "generated.h"
#include "lockstep/core/digest.h"
#include "support/expect.h"

namespace lockstep::data {
namespace {

using test::draw;
using test::draw_many;
using test::Sample;

class EveryGenerator : public ::testing::TestWithParam<std::string> {
 protected:
  const SampleMaker maker_ = open_generator(GetParam());
};

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Generator& generator : generators()) names.push_back(generator.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Table, EveryGenerator, ::testing::ValuesIn(all_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(EveryGenerator, GivesTheSameSampleInAnyOrder) {
  const std::vector<Sample> forward = draw_many(maker_, 3, 30);
  for (uint64_t i = 30; i-- > 0;) EXPECT_EQ(draw(open_generator(GetParam()), 3, i), forward[i]) << i;
}

TEST_P(EveryGenerator, GivesTheSameSampleWhateverRangeAsksForIt) {
  const io::Rows all = generate_rows(maker_, 7, 0, 40);
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 13}, {13, 14}, {27, 13}, {39, 1}}) {
    const io::Rows part = generate_rows(maker_, 7, first, count);
    const auto inputs = all.inputs.begin() + first * static_cast<int64_t>(kPixels);
    EXPECT_TRUE(std::equal(part.inputs.begin(), part.inputs.end(), inputs)) << first;
    EXPECT_TRUE(std::equal(part.labels.begin(), part.labels.end(), all.labels.begin() + first)) << first;
  }
}

// But for the few pictures that are all white in convex.
TEST_P(EveryGenerator, GivesOtherSamplesForOtherSeedsAndIndices) {
  std::set<Picture> pictures;
  size_t count = 0;
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}, uint64_t{1} << 32, ~uint64_t{0}}) {
    for (const uint64_t high : {uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 62}) {
      for (uint64_t low = 0; low < 20; ++low) {
        const Picture picture = draw(maker_, seed, high + low).picture;
        if (std::count(picture.begin(), picture.end(), 255) == static_cast<int64_t>(kPixels)) continue;
        pictures.insert(picture);
        ++count;
      }
    }
  }
  EXPECT_GT(count, 4u * 3 * 20 * 3 / 4);
  // There are so few rectangles that some come twice.
  EXPECT_GE(pictures.size(), count - (GetParam() == "rectangles" ? count / 50 : 0));
}

TEST_P(EveryGenerator, GivesEachLabelAboutAsOften) {
  constexpr int64_t kSamples = 2000;
  const io::Rows rows = generate_rows(maker_, 1, 0, kSamples);
  std::map<int32_t, int64_t> counts;
  for (const int32_t label : rows.labels) ++counts[label];
  ASSERT_EQ(static_cast<int64_t>(counts.size()), maker_.info.classes);
  EXPECT_EQ(counts.begin()->first, 0);
  EXPECT_EQ(counts.rbegin()->first, maker_.info.classes - 1);
  // Five standard deviations of a binomial number.
  const double share = 1.0 / static_cast<double>(maker_.info.classes);
  const double away = 5 * std::sqrt(kSamples * share * (1 - share));
  for (const auto& [label, count] : counts)
    EXPECT_NEAR(static_cast<double>(count), share * kSamples, away) << "label " << label;
}

// What is drawn is part of what results depend on. Whoever changes it on purpose changes these digests, and
// the error rates that the documentation states.
TEST_P(EveryGenerator, HasTheKnownDigestOverTheFirstHundredOfSeedOne) {
  const std::map<std::string, std::string> known = {
      {"digits", "01af794ad59edd0516409ec355074124"},
      {"rectangles", "56c2f61f76320f63e19f529be0316a3a"},
      {"rectangles-image", "88a62e46d7d1216706b6f1507183c41b"},
      {"convex", "e347fcf5921ac6701af7f772b6c57b53"},
      {"digits-rotated", "96998b4b61631503bfa545278cfee921"},
      {"digits-random-background", "04b5053d90515d022506d1d01cfe5e04"},
      {"digits-image-background", "987ea75fd6457d9260c011c56c1dbf91"}};
  Digest digest;
  for (uint64_t i = 0; i < 100; ++i) {
    const Sample sample = draw(maker_, 1, i);
    digest.add(sample.picture.data(), sample.picture.size());
    digest.add(int64_t{sample.label});
  }
  EXPECT_EQ(digest.hex(), known.at(GetParam()));
}

TEST(Generators, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  test::expect_usage_error([] { open_generator("numbers"); }, {"\"numbers\"", "digits", "convex"});
}

TEST(Generators, ASettingThatAGeneratorDoesNotReadIsAnError) {
  GeneratorSettings from;
  from.from = "some.h5";
  GeneratorSettings background;
  background.background = "some.h5";
  GeneratorSettings halfplanes;
  halfplanes.min_halfplanes = 1;
  for (const Generator& generator : generators()) {
    const auto refuses = [&](const GeneratorSettings& settings, const std::string& name,
                             const std::string& reader) {
      const auto& read = generator.settings;
      if (std::find(read.begin(), read.end(), name) != read.end()) return;
      test::expect_usage_error([&] { open_generator(generator.name, settings); },
                               {generator.name + " reads no --" + name, reader});
    };
    refuses(from, "from", "digits-rotated");
    refuses(background, "background", "digits-image-background");
    refuses(halfplanes, "min-halfplanes", "convex");
  }
}

}  // namespace
}  // namespace lockstep::data
