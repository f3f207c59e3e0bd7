#include "lockstep/train/checkpoint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/expect.h"
#include "support/folder.h"
#include "support/values.h"

namespace lockstep::train {
namespace {

ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("linear1", "weights", {3, 4});
  layout.add("linear1", "bias", {3});
  layout.add("conv1", "weights", {2, 1, 5, 5});
  return layout;
}

// Everything that a checkpoint holds, to be changed in one place and written.
struct Contents {
  ParameterLayout layout = small_layout();
  std::vector<float> parameters;
  std::vector<float> momentum;
  State state;
  io::Table history = new_history();
  Attributes provenance = {{"version", "0.1.0"}, {"host", "here"}, {"dataset_digest", "abc"}};

  Contents() {
    parameters = arena(1);
    momentum = arena(2);
    state.step = 17;
    state.epoch = 2;
    state.position = 40;
    state.seed = ~uint64_t{0} - 3;
    state.since_row = {60, 1.0 / 3, 7};
    state.since_epoch = {100, 2.0 / 3, 9};
    add_row(history, 10, 0.5, 0.1, {2.5, 0.25}, {});
    add_row(history, 15, 0.75, 0.1, {1.5, 0.125}, {3.5, 0.5});
  }

  Checkpoint checkpoint() const {
    Checkpoint c;
    c.configuration = "# as written\nseed = 3\n";
    c.resolved = "seed = 3\n";
    c.layout = layout;
    c.parameters = buffer(parameters);
    c.slots.push_back({"momentum", buffer(momentum)});
    c.state = state;
    c.history = history;
    c.provenance = provenance;
    return c;
  }

 private:
  static Buffer buffer(const std::vector<float>& values) {
    Buffer result(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
  }
  // Zero in the padding between parameters, as the trainer keeps it.
  std::vector<float> arena(uint32_t item) const {
    std::vector<float> values(static_cast<size_t>(layout.floats()));
    for (const ParameterInfo& p : layout.parameters()) {
      const auto part = test::random_values(p.size, item + static_cast<uint32_t>(p.offset));
      std::copy(part.begin(), part.end(), values.begin() + p.offset);
    }
    return values;
  }
};

class CheckpointTest : public ::testing::Test {
 protected:
  std::string written(const Contents& contents, const std::string& name = "a.ckpt") const {
    write_checkpoint(folder_ / name, contents.checkpoint());
    return folder_ / name;
  }
  // What first_difference() says of the usual contents and these.
  std::string difference(const Contents& contents) const {
    return first_difference(read_checkpoint(written(Contents(), "usual.ckpt")),
                            read_checkpoint(written(contents, "other.ckpt")));
  }
  test::Folder folder_;
};

std::vector<float> values_of(const Buffer& buffer) { return {buffer.data(), buffer.data() + buffer.size()}; }

TEST_F(CheckpointTest, WhatWasWrittenIsRead) {
  const Contents contents;
  const Checkpoint read = read_checkpoint(written(contents));
  EXPECT_EQ(read.configuration, "# as written\nseed = 3\n");
  EXPECT_EQ(read.resolved, "seed = 3\n");
  ASSERT_EQ(read.layout.parameters().size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read.layout.parameters()[i].layer, contents.layout.parameters()[i].layer);
    EXPECT_EQ(read.layout.parameters()[i].name, contents.layout.parameters()[i].name);
    EXPECT_EQ(read.layout.parameters()[i].dims, contents.layout.parameters()[i].dims);
  }
  EXPECT_TRUE(test::same_bits(values_of(read.parameters), contents.parameters));
  ASSERT_EQ(read.slots.size(), 1u);
  EXPECT_EQ(read.slots[0].name, "momentum");
  EXPECT_TRUE(test::same_bits(values_of(read.slots[0].values), contents.momentum));
  EXPECT_EQ(read.state, contents.state);
  EXPECT_EQ(read.history.columns, contents.history.columns);
  EXPECT_TRUE(test::same_bits(read.history.values, contents.history.values));
  EXPECT_EQ(read.provenance, contents.provenance);
  EXPECT_EQ(read.parameters_digest, contents.layout.digest(contents.parameters.data()));
}

TEST_F(CheckpointTest, OfARunWithoutOptimizerStateIsWholeToo) {
  Checkpoint plain = Contents().checkpoint();
  plain.slots.clear();
  plain.history = new_history();
  const std::string path = folder_ / "plain.ckpt";
  write_checkpoint(path, plain);
  const Checkpoint read = read_checkpoint(path);
  EXPECT_TRUE(read.slots.empty());
  EXPECT_EQ(read.history.rows(), 0);
}

TEST_F(CheckpointTest, NoDifferenceIsFoundWhereThereIsNone) { EXPECT_EQ(difference(Contents()), ""); }

TEST_F(CheckpointTest, TheFirstDifferenceIsNamed) {
  const auto expect_difference = [&](const std::function<void(Contents&)>& change, const std::string& part) {
    Contents contents;
    change(contents);
    const std::string found = difference(contents);
    EXPECT_NE(found.find(part), std::string::npos) << "'" << part << "' is not in: " << found;
  };
  expect_difference([](Contents& c) { c.parameters[5] += 1; },
                    "parameters: linear1/weights differs first at element 5");
  expect_difference([](Contents& c) { c.parameters[static_cast<size_t>(kBlock)] *= -1; },
                    "linear1/bias differs first at element 0");
  expect_difference([](Contents& c) { c.momentum[static_cast<size_t>(2 * kBlock + 49)] = 0; },
                    "optimizer state: momentum/conv1/weights differs first at element 49");
  expect_difference([](Contents& c) { c.state.step = 18; }, "step 17 and step 18");
  expect_difference([](Contents& c) { c.state.since_row.loss += 1e-9; }, "running sums differ");
  expect_difference([](Contents& c) { c.state.seed = 1; }, "seed");
  expect_difference([](Contents& c) { c.history.values[7 + 3] = 0; },
                    "history: train_loss in row 1: 1.5 and 0");
  expect_difference([](Contents& c) { c.history.values.resize(7); }, "history: 2 and 1 rows");
}

TEST_F(CheckpointTest, ASignOfZeroIsADifference) {
  Contents zero;
  zero.parameters[0] = 0.0f;
  Contents minus_zero = zero;
  minus_zero.parameters[0] = -0.0f;
  EXPECT_NE(
      first_difference(read_checkpoint(written(zero, "zero")), read_checkpoint(written(minus_zero, "minus"))),
      "");
}

TEST_F(CheckpointTest, OfAnotherNetworkIsRefusedWithTheFirstDifference) {
  const auto expect_refused = [](const ParameterLayout& saved, const ParameterLayout& wanted,
                                 const std::vector<std::string>& parts) {
    test::expect_error([&] { require_same_network(saved, wanted, {3, 32, 32}, "x.ckpt"); }, parts);
  };
  require_same_network(small_layout(), small_layout(), {1, 28, 28}, "x.ckpt");
  ParameterLayout renamed;
  renamed.add("linear1", "weights", {3, 4});
  renamed.add("last", "bias", {3});
  expect_refused(
      small_layout(), renamed,
      {"x.ckpt", "another network", "linear1/bias 3", "last/bias 3", "samples of 3x32x32", "inspect"});
  ParameterLayout shorter;
  shorter.add("linear1", "weights", {3, 4});
  expect_refused(small_layout(), shorter,
                 {"it has linear1/bias 3 where the configuration, on samples of 3x32x32, has nothing more"});
  expect_refused(shorter, small_layout(),
                 {"it has nothing more where the configuration, on samples of 3x32x32, has linear1/bias 3"});
  ParameterLayout transposed;
  transposed.add("linear1", "weights", {4, 3});
  expect_refused(shorter, transposed, {"linear1/weights 3x4", "linear1/weights 4x3"});
}

TEST_F(CheckpointTest, ParametersThatDivergedDoNotReplaceTheLastGoodOnes) {
  const std::string path = written(Contents());
  const std::string before = test::bytes_of(path);
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    Contents diverged;
    diverged.parameters[static_cast<size_t>(kBlock + 2)] = bad;
    test::expect_error([&] { written(diverged); },
                       {"the bias of layer linear1", "infinite or NaN", "clip-norm"});
    Contents diverged_slot;
    diverged_slot.momentum[3] = bad;
    test::expect_error([&] { written(diverged_slot); },
                       {"the weights of layer linear1", "the optimizer's momentum"});
    EXPECT_EQ(test::bytes_of(path), before);
  }
}

TEST_F(CheckpointTest, NothingTakesItsPlaceBeforeItIsWhole) {
  const std::string path = written(Contents());
  const std::string before = test::bytes_of(path);
  Checkpoint broken = Contents().checkpoint();
  broken.slots.push_back({"momentum", Contents().checkpoint().parameters});  // a name that is taken
  EXPECT_THROW(write_checkpoint(path, broken), Error);
  EXPECT_EQ(test::bytes_of(path), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1)
      << "nothing else is left";
}

TEST_F(CheckpointTest, OtherFilesAreNotCheckpoints) {
  const std::string path = folder_ / "x";
  test::expect_error([&] { read_checkpoint(path); }, {path});
  test::put_bytes(path, "not HDF5 at all");
  test::expect_error([&] { read_checkpoint(path); }, {path});
  io::File::create(path).close();
  test::expect_error([&] { read_checkpoint(path); },
                     {path, "not a checkpoint", "missing", "lockstep-checkpoint"});
  io::File file = io::File::create(path);
  file.set_attribute("/", "format", std::string_view("lockstep-dataset"));
  file.close();
  test::expect_error([&] { read_checkpoint(path); }, {path, "not a checkpoint", "'lockstep-dataset'"});
}

TEST_F(CheckpointTest, OfALaterVersionIsRefused) {
  const std::string path = folder_ / "later";
  io::File file = io::File::create(path);
  file.set_attribute("/", "format", std::string_view("lockstep-checkpoint"));
  file.set_attribute("/", "version", int64_t{2});
  file.close();
  test::expect_error([&] { read_checkpoint(path); }, {path, "version 2", "reads version 1"});
}

// The contents as a file whose every HDF5 checksum is right, with the digests that another file states.
void write_with_digests_of(const Contents& contents, const std::string& stating, const std::string& path) {
  const io::File other = io::File::open(stating);
  io::File file = io::File::create(path);
  file.set_attribute("/", "format", std::string_view("lockstep-checkpoint"));
  file.set_attribute("/", "version", int64_t{1});
  file.write_string("/config/text", "# as written\nseed = 3\n");
  file.write_string("/config/resolved", "seed = 3\n");
  for (const ParameterInfo& p : contents.layout.parameters()) {
    const std::string name = "/" + p.layer + "/" + p.name;
    file.write("/parameters" + name, io::Type::kFloat32, p.dims,
               &contents.parameters[static_cast<size_t>(p.offset)]);
    file.write("/optimizer/momentum" + name, io::Type::kFloat32, p.dims,
               &contents.momentum[static_cast<size_t>(p.offset)]);
  }
  const State& state = contents.state;
  file.create_group("/state");
  file.set_attribute("/state", "step", state.step);
  file.set_attribute("/state", "epoch", state.epoch);
  file.set_attribute("/state", "position", state.position);
  file.set_attribute("/state", "seed", static_cast<int64_t>(state.seed));
  file.set_attribute("/state", "finished", int64_t{state.finished});
  for (const auto& [name, sums] :
       {std::pair("since_row", state.since_row), std::pair("since_epoch", state.since_epoch)}) {
    file.set_attribute("/state", std::string(name) + "_samples", sums.samples);
    file.set_attribute("/state", std::string(name) + "_loss", sums.loss);
    file.set_attribute("/state", std::string(name) + "_error", sums.error);
  }
  file.write_table("/history", contents.history);
  file.create_group("/provenance");
  file.write_string("/digest", other.read_string("/digest"));
  file.set_attribute("/digest", "contents", std::string_view(other.string_attribute("/digest", "contents")));
  file.close();
}

TEST_F(CheckpointTest, ContentsThatDoNotHaveTheStatedDigestAreRefused) {
  const std::string usual = written(Contents(), "usual.ckpt");
  const std::string path = folder_ / "changed.ckpt";
  write_with_digests_of(Contents(), usual, path);
  EXPECT_EQ(first_difference(read_checkpoint(path), read_checkpoint(usual)), "");
  const std::vector<std::function<void(Contents&)>> changes = {
      [](Contents& c) { c.parameters[0] += 1; },
      [](Contents& c) { c.momentum[static_cast<size_t>(2 * kBlock + 49)] += 1; },
      [](Contents& c) { c.state.step += 1; },
      [](Contents& c) { c.state.position += 1; },
      [](Contents& c) { c.state.seed += 1; },
      [](Contents& c) { c.state.finished = true; },
      [](Contents& c) { c.state.since_row.loss += 1; },
      [](Contents& c) { c.state.since_epoch.error += 1; },
      [](Contents& c) { c.history.values[3] += 1; },
      [](Contents& c) { c.history.columns[3] = "other"; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Contents contents;
    changes[i](contents);
    write_with_digests_of(contents, usual, path);
    EXPECT_NE(test::message_of([&] { read_checkpoint(path); }).find("damaged"), std::string::npos)
        << "change " << i;
  }
}

TEST_F(CheckpointTest, CutShortAnywhereIsAnError) {
  const std::string whole = test::bytes_of(written(Contents()));
  const std::string path = folder_ / "cut";
  for (size_t bytes = 0; bytes < whole.size(); bytes += 1 + whole.size() / 200) {
    test::put_bytes(path, whole.substr(0, bytes));
    test::expect_error([&] { read_checkpoint(path); }, {path});
  }
  test::put_bytes(path, whole.substr(0, whole.size() - 1));
  test::expect_error([&] { read_checkpoint(path); }, {path});
}

// A flip in what belongs to nothing changes nothing; any other is found.
TEST_F(CheckpointTest, AFlippedBitIsAnErrorOrChangesNothing) {
  const std::string path = written(Contents());
  const Checkpoint expected = read_checkpoint(path);
  const std::string whole = test::bytes_of(path);
  const std::string damaged = folder_ / "damaged";
  size_t found = 0;
  size_t flips = 0;
  for (size_t byte = 0; byte < whole.size(); byte += 1 + whole.size() / 1500) {
    std::string bytes = whole;
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << (byte % 8)));
    test::put_bytes(damaged, bytes);
    ++flips;
    try {
      const Checkpoint read = read_checkpoint(damaged);
      EXPECT_EQ(first_difference(expected, read), "") << "byte " << byte;
      EXPECT_EQ(read.configuration, expected.configuration) << "byte " << byte;
      EXPECT_EQ(read.resolved, expected.resolved) << "byte " << byte;
      EXPECT_EQ(read.provenance, expected.provenance) << "byte " << byte;
    } catch (const Error& error) {
      ++found;
      EXPECT_NE(std::string(error.what()).find(damaged), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(found, flips / 4) << "much of the file is contents";
}

}  // namespace
}  // namespace lockstep::train
