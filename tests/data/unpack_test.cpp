#include "lockstep/data/unpack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace lockstep::data {
namespace {

// 70 features: more than are transposed at once.
constexpr int64_t kFeatures = 70;
constexpr int64_t kColumns = 16;

std::vector<float> unpacked(const io::DatasetInfo& info, const std::vector<const unsigned char*>& samples) {
  Samples stored;
  stored.inputs = samples;
  std::vector<float> out(kFeatures * kColumns, std::nanf(""));
  const int64_t count = static_cast<int64_t>(samples.size());
  Unpacker(Options(), info).unpack(stored, 0, count, std::nullopt, kColumns, out.data());
  return out;
}

TEST(Unpack, BytesBecomeValuesByScaleAndOffset) {
  io::DatasetInfo info;
  info.sample_dims = {2, 5, 7};
  info.scale = 0.5;
  info.offset = -3;
  std::vector<std::vector<unsigned char>> rows(3, std::vector<unsigned char>(kFeatures));
  std::vector<const unsigned char*> samples;
  for (size_t n = 0; n < rows.size(); ++n) {
    for (size_t f = 0; f < kFeatures; ++f) rows[n][f] = static_cast<unsigned char>(f * 3 + n * 50);
    samples.push_back(rows[n].data());
  }
  const std::vector<float> out = unpacked(info, samples);
  for (size_t f = 0; f < kFeatures; ++f) {
    for (size_t n = 0; n < kColumns; ++n) {
      const float expected = n < 3 ? static_cast<float>(rows[n][f]) * 0.5f - 3.0f : 0.0f;
      EXPECT_EQ(out[f * kColumns + n], expected) << "feature " << f << ", column " << n;
    }
  }
}

TEST(Unpack, FloatsKeepTheirValues) {
  io::DatasetInfo info;
  info.sample_dims = {kFeatures};
  info.type = io::Type::kFloat32;
  std::vector<float> row(kFeatures);
  for (size_t f = 0; f < kFeatures; ++f) row[f] = 0.1f * static_cast<float>(f) - 2;
  const std::vector<float> out = unpacked(info, {reinterpret_cast<const unsigned char*>(row.data())});
  for (size_t f = 0; f < kFeatures; ++f) {
    EXPECT_EQ(out[f * kColumns], row[f]);
    for (size_t n = 1; n < kColumns; ++n) EXPECT_EQ(out[f * kColumns + n], 0);
  }
  info.scale = 2;
  info.offset = 1;
  EXPECT_FLOAT_EQ(unpacked(info, {reinterpret_cast<const unsigned char*>(row.data())})[5 * kColumns],
                  2 * row[5] + 1);
}

TEST(Unpack, WithoutSamplesEverythingIsZero) {
  io::DatasetInfo info;
  info.sample_dims = {kFeatures};
  EXPECT_EQ(unpacked(info, {}), std::vector<float>(kFeatures * kColumns));
}

TEST(Mirror, RowsOfPicturesTurnAroundAndColumnsStay) {
  // Two channels of 2 x 3, and 2 x 2 with nothing in the middle; two columns.
  std::vector<float> odd = {1,  10, 2,  20, 3,  30, 4,  40, 5,  50, 6,  60,
                            -1, 11, -2, 21, -3, 31, -4, 41, -5, 51, -6, 61};
  mirror({2, 2, 3}, 2, odd.data());
  EXPECT_EQ(odd, (std::vector<float>{3,  30, 2,  20, 1,  10, 6,  60, 5,  50, 4,  40,
                                     -3, 31, -2, 21, -1, 11, -6, 61, -5, 51, -4, 41}));
  std::vector<float> even = {1, 10, 2, 20, 3, 30, 4, 40};
  mirror({1, 2, 2}, 2, even.data());
  EXPECT_EQ(even, (std::vector<float>{2, 20, 1, 10, 4, 40, 3, 30}));
}

TEST(Unpack, TargetsAreTakenAsTheyAre) {
  const std::vector<float> a = {1, 2, 3};
  const std::vector<float> b = {4, 5, 6};
  std::vector<float> out(3 * kColumns, std::nanf(""));
  const std::vector<const float*> targets = {a.data(), b.data()};
  unpack_targets(targets, 3, kColumns, out.data());
  for (size_t f = 0; f < 3; ++f) {
    EXPECT_EQ(out[f * kColumns], a[f]);
    EXPECT_EQ(out[f * kColumns + 1], b[f]);
    for (size_t n = 2; n < kColumns; ++n) EXPECT_EQ(out[f * kColumns + n], 0);
  }
}

}  // namespace
}  // namespace lockstep::data
