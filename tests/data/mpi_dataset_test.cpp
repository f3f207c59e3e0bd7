// Datasets that the ranks of a host hold in common; the tests run on one host.
#include <gtest/gtest.h>

#include <cstring>

#include "lockstep/core/digest.h"
#include "lockstep/data/dataset.h"
#include "support/expect.h"
#include "support/folder.h"
#include "support/world.h"

namespace lockstep::data {
namespace {

using test::world;

Dataset open(const std::string& name, const std::string& in_memory = "yes") {
  Options options;
  options.dataset = name;
  options.in_memory = in_memory;
  options.generate_train = 41;
  options.generate_test = 10;
  return open_dataset(options, world(), world().size());
}

// Every rank's bytes of every sample, as a digest.
std::string contents_of(const Dataset& dataset) {
  Digest digest;
  for (const auto& [name, split] : splits_of(dataset)) {
    for (int64_t i = 0; i < split->rows(); ++i) {
      const io::Rows rows = rows_of(split->fetch({i}), dataset.info);
      digest.add(rows.inputs.data(), rows.inputs.size());
      digest.add(rows.labels.data(), rows.labels.size() * sizeof(int32_t));
      digest.add(rows.targets.data(), rows.targets.size() * sizeof(float));
    }
  }
  return digest.hex();
}

// A file that all ranks see, written by the first.
class SharedFile : public ::testing::Test {
 protected:
  SharedFile() {
    const std::string mine = folder_ / "data.h5";
    path_ = world().gather_texts(mine)[0];
    if (world().rank() == 0) write();
    world().barrier();
  }
  ~SharedFile() override { world().barrier(); }

  void write() const {
    io::DatasetInfo info;
    info.sample_dims = {3};
    info.type = io::Type::kFloat32;
    info.classes = 4;
    info.target_dims = {2};
    io::DatasetWriter writer(path_, info);
    writer.append("train", rows(70));
    writer.append("validation", rows(3));
    writer.append("test", rows(5));
    writer.finish();
  }
  static io::Rows rows(int64_t count) {
    io::Rows rows;
    rows.count = count;
    rows.inputs.resize(static_cast<size_t>(count) * 12);
    for (int64_t i = 0; i < 3 * count; ++i) {
      const float value = static_cast<float>(i * count) * 0.5f;
      std::memcpy(&rows.inputs[static_cast<size_t>(i) * 4], &value, sizeof value);
    }
    for (int64_t i = 0; i < count; ++i) {
      rows.labels.push_back(static_cast<int32_t>(i % 4));
      rows.targets.insert(rows.targets.end(), {static_cast<float>(i), static_cast<float>(-i)});
    }
    return rows;
  }

  test::Folder folder_;
  std::string path_;
};

TEST_F(SharedFile, IsTheSameOnAllRanksInMemoryOrNot) {
  const Dataset held = open(path_, "yes");
  const Dataset read = open(path_, "no");
  EXPECT_EQ(held.held_by, world().size());
  EXPECT_EQ(held.memory_bytes, 78 * (3 + 2 + 1) * 4);
  EXPECT_EQ(held.digest, read.digest);
  const std::string contents = contents_of(read);
  EXPECT_EQ(contents_of(held), contents);
  EXPECT_EQ(world().gather_texts(contents),
            std::vector<std::string>(static_cast<size_t>(world().size()), contents));
}

TEST(GeneratedDataset, IsThatOfOneRank) {
  const Dataset dataset = open("digits");
  const auto alone = comm::group_of_one();
  Options options;
  options.generate_train = 41;
  options.generate_test = 10;
  const Dataset expected = open_dataset(options, *alone, 1);
  EXPECT_EQ(dataset.digest, expected.digest);
  EXPECT_EQ(contents_of(dataset), contents_of(expected));
  EXPECT_EQ(dataset.held_by, world().size());
  EXPECT_EQ(dataset.memory_bytes, 51 * (28 * 28 + 4));
}

}  // namespace
}  // namespace lockstep::data
