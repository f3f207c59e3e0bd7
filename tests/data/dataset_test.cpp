#include "lockstep/data/dataset.h"

#include <gtest/gtest.h>

#include <cstring>

#include "lockstep/data/generate.h"
#include "lockstep/data/loader.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

class DatasetTest : public ::testing::Test {
 protected:
  // 300 training and 20 test samples of 5 bytes, with labels and targets.
  std::string write_file() const {
    io::DatasetInfo info;
    info.sample_dims = {5};
    info.classes = 10;
    info.target_dims = {2};
    const std::string path = folder_ / "data.h5";
    io::DatasetWriter writer(path, info);
    writer.append("train", rows(0, 300));
    writer.append("test", rows(300, 20));
    writer.finish();
    return path;
  }
  static io::Rows rows(int64_t first, int64_t count) {
    io::Rows rows;
    rows.count = count;
    for (int64_t i = first; i < first + count; ++i) {
      for (int64_t f = 0; f < 5; ++f) rows.inputs.push_back(static_cast<unsigned char>(i * 7 + f));
      rows.labels.push_back(static_cast<int32_t>(i % 10));
      rows.targets.insert(rows.targets.end(), {static_cast<float>(i), -static_cast<float>(i)});
    }
    return rows;
  }
  static constexpr int64_t kRowBytes = 5 + 4 + 2 * 4;
  Dataset open(const std::string& dataset, const std::string& in_memory, const Shuffle& shuffle = {}) const {
    Options options;
    options.shuffle = shuffle;
    options.dataset = dataset;
    options.in_memory = in_memory;
    options.generate_train = 40;
    options.generate_test = 10;
    return open_dataset(options, *group_, 1);
  }

  test::Folder folder_;
  std::unique_ptr<comm::Group> group_ = comm::group_of_one();
};

void expect_sample(const Samples& samples, size_t place, int64_t index) {
  EXPECT_EQ(samples.indices[place], index);
  for (int64_t f = 0; f < 5; ++f)
    EXPECT_EQ(samples.inputs[place][f], static_cast<unsigned char>(index * 7 + f));
  EXPECT_EQ(samples.labels[place], index % 10);
  EXPECT_EQ(samples.targets[place][0], static_cast<float>(index));
  EXPECT_EQ(samples.targets[place][1], -static_cast<float>(index));
}

TEST_F(DatasetTest, InMemoryOrNotTheSamplesAreTheSame) {
  const std::string path = write_file();
  for (const char* in_memory : {"yes", "no", "auto"}) {
    const Dataset dataset = open(path, in_memory);
    EXPECT_EQ(dataset.in_memory, std::string(in_memory) != "no");
    EXPECT_EQ(dataset.memory_bytes, 320 * kRowBytes) << "as much as that has, too, where it is small";
    EXPECT_EQ(dataset.train->rows(), 300);
    EXPECT_EQ(dataset.test->rows(), 20);
    EXPECT_EQ(dataset.validation, nullptr);
    const std::vector<int64_t> indices = {299, 0, 17, 17, 256};
    const Samples samples = dataset.train->fetch(indices);
    ASSERT_EQ(samples.inputs.size(), indices.size());
    for (size_t i = 0; i < indices.size(); ++i) expect_sample(samples, i, indices[i]);
    EXPECT_TRUE(dataset.train->fetch({}).inputs.empty());
  }
}

TEST_F(DatasetTest, OfAFileReadInBlocksTwoPoolsAreHeld) {
  const Shuffle shuffle{8, 3};
  const Dataset dataset = open(write_file(), "no", shuffle);
  EXPECT_EQ(dataset.memory_bytes, (2 * 3 * 8 + 20) * kRowBytes) << "and the test split";
  const Order order(1, 300, 10, shuffle);
  for (int64_t step = 0; step < 90; ++step) {
    const auto indices = order.indices(step, 0, 10);
    const Samples samples = dataset.train->fetch(indices);
    for (size_t i = 0; i < indices.size(); ++i) expect_sample(samples, i, indices[i]);
    for (int i = 0; i < 3; ++i)
      dataset.train->look_ahead(order.indices(step + dataset.train->sets_ahead(), 0, 10));
  }
}

TEST_F(DatasetTest, InMemoryOrNotTheDigestIsTheSame) {
  const std::string path = write_file();
  EXPECT_FALSE(open(path, "yes").digest.empty());
  EXPECT_EQ(open(path, "yes").digest, open(path, "no").digest);
}

TEST_F(DatasetTest, SamplesStayWhereTheyAreWhenTheirHolderMoves) {
  for (const char* in_memory : {"yes", "no"}) {
    const Dataset dataset = open(write_file(), in_memory);
    Samples first = dataset.train->fetch({42, 43});
    const Samples moved = std::move(first);
    expect_sample(moved, 0, 42);
    expect_sample(moved, 1, 43);
  }
}

TEST_F(DatasetTest, AFileWhoseContentsHaveAnotherDigestIsRefused) {
  const std::string path = folder_ / "forged.h5";
  io::File file = io::File::create(path);
  file.set_attribute("/", "format", std::string_view("lockstep-dataset"));
  file.set_attribute("/", "version", int64_t{1});
  file.set_attribute("/", "digest", std::string_view("0123456789abcdef0123456789abcdef"));
  const std::vector<unsigned char> inputs(20);
  file.write("/train/inputs", io::Type::kUint8, {4, 5}, inputs.data());
  file.close();
  test::expect_error([&] { open(path, "yes"); },
                     {path, "damaged", "0123456789abcdef0123456789abcdef", "import it again"});
}

TEST_F(DatasetTest, AMissingFileIsAnErrorWithItsName) {
  test::expect_error([&] { open(folder_ / "nowhere.h5", "auto"); }, {"nowhere.h5"});
}

TEST_F(DatasetTest, AGeneratorsNameGivesItsSamples) {
  const Dataset dataset = open("digits", "auto");
  EXPECT_EQ(dataset.train->rows(), 40);
  EXPECT_EQ(dataset.test->rows(), 10);
  const io::Rows expected = generate_rows(open_generator("digits"), 1, 0, 50);
  const size_t bytes = expected.inputs.size() / 50;
  for (int64_t i = 0; i < 50; ++i) {
    const Samples one = i < 40 ? dataset.train->fetch({i}) : dataset.test->fetch({i - 40});
    EXPECT_EQ(std::memcmp(one.inputs[0], &expected.inputs[static_cast<size_t>(i) * bytes], bytes), 0) << i;
    EXPECT_EQ(one.labels[0], expected.labels[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(open("digits", "auto").digest, dataset.digest);
}

TEST_F(DatasetTest, GeneratedDatasetsOfOtherSeedsHaveOtherDigests) {
  Options options;
  options.generate_train = 5;
  options.generate_test = 0;
  const std::string one = open_dataset(options, *group_, 1).digest;
  options.seed = 2;
  EXPECT_NE(open_dataset(options, *group_, 1).digest, one);
  EXPECT_EQ(open_dataset(options, *group_, 1).test, nullptr);
}

}  // namespace
}  // namespace lockstep::data
