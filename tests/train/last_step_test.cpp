// What is saved of a run that stands still.
#include "lockstep/train/last_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/parallel/workers.h"
#include "lockstep/train/background_checkpoint.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::train {
namespace {

ParameterLayout one_parameter() {
  ParameterLayout layout;
  layout.add("linear1", "weights", {10, 10});
  return layout;
}

// A rank that has all to itself; its parameters and momentum are n, n + 1, n + 2, ... and their negatives.
struct Rank {
  explicit Rank(int number = 0, const std::string& reduction = "ordered", int first = 1)
      : reducer(dist::make_reducer(reduction, *group, workers, layout.floats(), layout.floats())),
        last({layout, parameters, slots, [this](const State& s) { return record_of(s); },
              [this](const Checkpoint& c) { writer.write_last(folder / "c.h5", c); }},
             *reducer, number) {
    slots.push_back({"momentum", Buffer(layout.floats())});
    for (int i = 0; i < 100; ++i) {
      parameters.data()[i] = static_cast<float>(first + i);
      slots[0].values.data()[i] = static_cast<float>(-first - i);
    }
  }

  Checkpoint record_of(const State& state) const {
    Checkpoint record;
    record.state = state;
    record.history = new_history();
    return record;
  }

  Checkpoint written() const { return read_checkpoint(folder / "c.h5"); }

  const test::Folder folder;
  ParameterLayout layout = one_parameter();
  Buffer parameters{layout.floats()};
  std::vector<optim::Slot> slots;
  std::unique_ptr<comm::Group> group = comm::group_of_one();
  parallel::Workers workers{2, [] {}};
  std::unique_ptr<dist::Reducer> reducer;
  BackgroundCheckpoint writer{*group, *reducer, layout};
  LastStep last;
};

void expect_from(int first, const Checkpoint& saved) {
  ASSERT_EQ(saved.slots.size(), 1U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(saved.parameters.data()[i], static_cast<float>(first + i));
    EXPECT_EQ(saved.slots[0].values.data()[i], static_cast<float>(-first - i));
  }
}

State at_step(int64_t step) {
  State state;
  state.step = step;
  return state;
}

TEST(LastStep, IsSavedWithWhatTheRankOwns) {
  Rank rank;
  rank.last.reach(at_step(7));
  ASSERT_TRUE(rank.last.begin());
  test::expect_parts(rank.last.save(), {"last whole step, 7,"});
  const Checkpoint saved = rank.written();
  EXPECT_EQ(saved.state, at_step(7));
  expect_from(1, saved);
}

// Rank 0 may not have the others' new parameters yet.
TEST(LastStep, IsSavedWithWhatOtherRanksOwn) {
  Rank here;
  Rank there(1, "ordered", 1001);
  here.last.reach(at_step(7));
  there.last.reach(at_step(7));
  ASSERT_TRUE(here.last.begin());
  here.last.add(there.last.part());
  here.last.save();
  expect_from(1001, here.written());
}

// The disk that made the run stand still may hold up an earlier one too.
TEST(LastStep, IsNotReplacedByACheckpointThatWasUnderWay) {
  Rank rank;
  rank.last.reach(at_step(7));
  ASSERT_TRUE(rank.last.begin());
  rank.last.save();
  rank.writer.begin(rank.folder / "c.h5", rank.record_of(at_step(5)), rank.parameters.data(), rank.slots);
  rank.writer.finish();
  EXPECT_EQ(rank.written().state, at_step(7));
}

TEST(LastStep, IsNotThereBeforeTheFirstNorWhileTheNextIsMade) {
  Rank rank;
  EXPECT_FALSE(rank.last.begin());
  EXPECT_TRUE(rank.last.part().empty());
  rank.last.leave();
  EXPECT_FALSE(rank.last.begin());
  EXPECT_TRUE(rank.last.part().empty());
  rank.last.reach(at_step(8));
  EXPECT_FALSE(rank.last.part().empty());
  EXPECT_TRUE(rank.last.begin());
}

TEST(LastStep, WhereAllOwnAllIsRank0s) {
  Rank here(0, "mpi");
  Rank there(1, "mpi");
  here.last.reach(at_step(7));
  there.last.reach(at_step(7));
  EXPECT_LT(there.last.part().size(), 200U);
  ASSERT_TRUE(here.last.begin());
  here.last.add(there.last.part());
  here.last.save();
  expect_from(1, here.written());
  there.last.reach(at_step(8));
  test::expect_error([&] { here.last.add(there.last.part()); }, {"steps 7 and 8"});
}

[[noreturn]] void leave_what_is_taken() {
  Rank rank;
  rank.last.reach(at_step(7));
  const bool taken = rank.last.begin();
  std::atomic<bool> leaves{false};
  std::atomic<bool> left{false};
  std::thread([&] {
    leaves = true;
    rank.last.leave();
    left = true;
  }).detach();
  while (!leaves) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  std::filesystem::remove_all(rank.folder.path());
  std::_Exit(taken && !left ? 0 : 1);
}

// In a process of its own, with which the thread ends that would wait for ever.
TEST(LastStepDeathTest, StaysTheLastOneOnceItIsTaken) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(leave_what_is_taken(), ::testing::ExitedWithCode(0), "");
}

TEST(LastStep, OfAPartThatIsCutShortIsNone) {
  Rank rank;
  rank.last.reach(at_step(7));
  ASSERT_TRUE(rank.last.begin());
  std::vector<char> part = rank.last.part();
  part.resize(part.size() - 1);
  test::expect_error([&] { rank.last.add(part); }, {"too short"});
}

}  // namespace
}  // namespace lockstep::train
