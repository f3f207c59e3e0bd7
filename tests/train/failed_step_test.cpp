#include "lockstep/train/failed_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "support/expect.h"
#include "support/folder.h"
#include "support/values.h"

namespace lockstep::train {
namespace {

FailedStep small_step() {
  FailedStep step;
  step.resolved = "seed = 3\n";
  step.info = {{2, 3}, io::Type::kFloat32, 0.1, -1.0 / 3, 4, {5}, ""};
  step.layout.add("linear1", "weights", {3, 4});
  step.layout.add("linear1", "bias", {3});
  step.parameters = Buffer(step.layout.floats());
  for (const ParameterInfo& p : step.layout.parameters()) {
    const auto part = test::random_values(p.size, static_cast<uint32_t>(p.offset));
    std::copy(part.begin(), part.end(), step.parameters.data() + p.offset);
  }
  step.parameters.data()[3] = std::nanf("");
  step.place = {2, 17, 40, 3, 8};
  step.rows.count = 3;
  std::vector<float> inputs = test::random_values(18, 5);
  inputs[4] = std::numeric_limits<float>::infinity();
  const auto* bytes = reinterpret_cast<const unsigned char*>(inputs.data());
  step.rows.inputs.assign(bytes, bytes + 18 * sizeof(float));
  step.rows.labels = {3, 0, 1};
  step.rows.targets = test::random_values(15, 6);
  step.indices = {41, 7, 12};
  step.loss = -std::numeric_limits<double>::quiet_NaN();
  step.gradient_digest = "0123";
  step.cause = "the loss itself";
  step.provenance = {{"version", "0.1.0"}, {"host", "here"}};
  return step;
}

class FailedStepTest : public test::FolderTest {
 protected:
  std::string written(const FailedStep& step, const std::string& name = "a.nan.h5") const {
    write_failed_step(path(name), step);
    return path(name);
  }
};

TEST_F(FailedStepTest, WhatWasWrittenIsRead) {
  const FailedStep step = small_step();
  const FailedStep read = read_failed_step(written(step));
  EXPECT_EQ(read.resolved, step.resolved);
  EXPECT_EQ(read.info.sample_dims, step.info.sample_dims);
  EXPECT_EQ(read.info.type, step.info.type);
  EXPECT_EQ(read.info.scale, step.info.scale);
  EXPECT_EQ(read.info.offset, step.info.offset);
  EXPECT_EQ(read.info.classes, step.info.classes);
  EXPECT_EQ(read.info.target_dims, step.info.target_dims);
  ASSERT_EQ(read.layout.parameters().size(), 2u);
  EXPECT_EQ(read.layout.digest(read.parameters.data()), step.layout.digest(step.parameters.data()));
  EXPECT_EQ(read.place, step.place);
  EXPECT_EQ(read.rows.count, 3);
  EXPECT_EQ(read.rows.inputs, step.rows.inputs);
  EXPECT_EQ(read.rows.labels, step.rows.labels);
  EXPECT_EQ(read.rows.targets, step.rows.targets);
  EXPECT_EQ(read.indices, step.indices);
  EXPECT_EQ(std::memcmp(&read.loss, &step.loss, sizeof read.loss), 0) << "the sign of a NaN too";
  EXPECT_EQ(read.gradient_digest, step.gradient_digest);
  EXPECT_EQ(read.cause, step.cause);
  EXPECT_EQ(read.provenance, step.provenance);
}

TEST_F(FailedStepTest, OfBytesWithoutLabelsAndTargetsToo) {
  FailedStep step = small_step();
  step.info = {{2, 2, 3}, io::Type::kUint8, 1, 0, 0, {}, ""};
  step.rows.labels.clear();
  step.rows.targets.clear();
  step.rows.inputs.resize(36);
  const FailedStep read = read_failed_step(written(step));
  EXPECT_EQ(read.info.sample_dims, step.info.sample_dims);
  EXPECT_EQ(read.rows.inputs, step.rows.inputs);
  EXPECT_TRUE(read.rows.labels.empty());
  EXPECT_TRUE(read.rows.targets.empty());
}

TEST_F(FailedStepTest, LiesBesideTheCheckpoint) {
  Options options;
  EXPECT_EQ(failed_step_path(options), "lockstep-nan.h5");
  options.checkpoint = "runs/a.h5";
  EXPECT_EQ(failed_step_path(options), "runs/a.nan.h5");
  options.checkpoint = "runs/a.ckpt";
  EXPECT_EQ(failed_step_path(options), "runs/a.ckpt.nan.h5");
}

TEST_F(FailedStepTest, ReplacesAnEarlierOneAndNothingElse) {
  FailedStep step = small_step();
  written(step);
  step.place.step = 18;
  EXPECT_EQ(read_failed_step(written(step)).place.step, 18);
  io::File file = io::File::create(path("data.h5"));
  file.set_attribute("/", "format", std::string_view("lockstep-dataset"));
  file.close();
  const std::string before = test::bytes_of(path("data.h5"));
  test::expect_error([&] { written(step, "data.h5"); }, {"data.h5", "'lockstep-dataset'", "left as it is"});
  EXPECT_EQ(test::bytes_of(path("data.h5")), before);
}

TEST_F(FailedStepTest, OtherFilesAreRefused) {
  test::expect_error([&] { read_failed_step(path("none.h5")); }, {"none.h5", "No such file"});
  io::File file = io::File::create(path("data.h5"));
  file.set_attribute("/", "format", std::string_view("lockstep-checkpoint"));
  file.close();
  test::expect_error([&] { read_failed_step(path("data.h5")); },
                     {"data.h5", "not a failed step", "'lockstep-checkpoint'", "lockstep-failed-step"});
  io::File later = io::File::create(path("later.h5"));
  later.set_attribute("/", "format", std::string_view("lockstep-failed-step"));
  later.set_attribute("/", "version", int64_t{2});
  later.close();
  test::expect_error([&] { read_failed_step(path("later.h5")); }, {"version 2", "reads version 1"});
}

TEST_F(FailedStepTest, CutShortAnywhereIsAnError) {
  const std::string whole = test::bytes_of(written(small_step()));
  for (size_t bytes = 0; bytes < whole.size(); bytes += 1 + whole.size() / 100) {
    test::put_bytes(path("cut"), whole.substr(0, bytes));
    test::expect_error([&] { read_failed_step(path("cut")); }, {path("cut")});
  }
}

// A flip in what belongs to nothing changes nothing; any other is found.
TEST_F(FailedStepTest, AFlippedBitIsAnErrorOrChangesNothing) {
  const std::string whole = test::bytes_of(written(small_step()));
  size_t found = 0;
  size_t flips = 0;
  for (size_t byte = 0; byte < whole.size(); byte += 1 + whole.size() / 800, ++flips) {
    std::string bytes = whole;
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << (byte % 8)));
    test::put_bytes(path("damaged"), bytes);
    try {
      const FailedStep read = read_failed_step(path("damaged"));
      EXPECT_EQ(read.provenance, small_step().provenance) << "byte " << byte;
    } catch (const Error& error) {
      ++found;
      EXPECT_NE(std::string(error.what()).find(path("damaged")), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(found, flips / 4) << "much of the file is contents";
}

TEST_F(FailedStepTest, TheDigestIsOfEverythingThatIsRepeated) {
  const std::vector<std::function<void(FailedStep&)>> changes = {
      [](FailedStep& s) { s.resolved = "seed = 4\n"; }, [](FailedStep& s) { s.parameters.data()[0] += 1; },
      [](FailedStep& s) { s.place.epoch += 1; },        [](FailedStep& s) { s.place.microbatch += 1; },
      [](FailedStep& s) { s.place.minibatch += 1; },    [](FailedStep& s) { s.info.scale *= 2; },
      [](FailedStep& s) { s.info.classes += 1; },       [](FailedStep& s) { s.rows.inputs[0] ^= 1; },
      [](FailedStep& s) { s.rows.labels[0] = 2; },      [](FailedStep& s) { s.rows.targets[0] += 1; },
      [](FailedStep& s) { s.indices[0] += 1; },         [](FailedStep& s) { s.loss = 1; },
      [](FailedStep& s) { s.gradient_digest = "9"; },   [](FailedStep& s) { s.cause = "?"; },
  };
  std::set<std::string> digests;
  const auto digest_of = [&](const FailedStep& step) {
    return io::File::open(written(step)).read_string("/digest");
  };
  digests.insert(digest_of(small_step()));
  for (const auto& change : changes) {
    FailedStep step = small_step();
    change(step);
    digests.insert(digest_of(step));
  }
  EXPECT_EQ(digests.size(), changes.size() + 1) << "each has a digest of its own";
}

}  // namespace
}  // namespace lockstep::train
