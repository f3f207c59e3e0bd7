// What is saved of a run that stands still.
#include "lockstep/train/last_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/parallel/workers.h"
#include "support/expect.h"
#include "support/folder.h"

namespace lockstep::train {
namespace {

ParameterLayout one_parameter() {
  ParameterLayout layout;
  layout.add("linear1", "weights", {10, 10});
  return layout;
}

// A rank that has all to itself; its parameters and momentum are 1, 2, 3, ... and their negatives.
struct Rank {
  explicit Rank(std::string file = "") : path(std::move(file)) {
    slots.push_back({"momentum", Buffer(layout.floats())});
    for (int64_t i = 0; i < 100; ++i) {
      parameters.data()[i] = static_cast<float>(i + 1);
      slots[0].values.data()[i] = static_cast<float>(-i - 1);
    }
  }

  Checkpoint record_of(const State& state) const {
    Checkpoint record;
    record.state = state;
    record.history = new_history();
    return record;
  }

  std::string path;
  ParameterLayout layout = one_parameter();
  Buffer parameters{layout.floats()};
  std::vector<optim::Slot> slots;
  std::unique_ptr<comm::Group> group = comm::group_of_one();
  parallel::Workers workers{2, [] {}};
  std::unique_ptr<dist::Reducer> reducer =
      dist::make_reducer("ordered", *group, workers, layout.floats(), layout.floats());
  std::atomic<int> told = 0;
  LastStep last{
      {path, layout, parameters, slots, [this](const State& s) { return record_of(s); }, [this] { ++told; }},
      *reducer};
};

State at_step(int64_t step) {
  State state;
  state.step = step;
  return state;
}

TEST(LastStep, IsSavedWithWhatTheRankOwns) {
  const test::Folder folder;
  Rank rank(folder / "c.h5");
  rank.last.reach(at_step(7));
  rank.last.add(rank.last.part().value());
  EXPECT_EQ(rank.told, 0);
  test::expect_parts(rank.last.save(), {"last whole step, 7,", rank.path});
  EXPECT_EQ(rank.told, 1);
  const Checkpoint saved = read_checkpoint(rank.path);
  EXPECT_EQ(saved.state, at_step(7));
  ASSERT_EQ(saved.slots.size(), 1U);
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(saved.parameters.data()[i], static_cast<float>(i + 1));
    EXPECT_EQ(saved.slots[0].values.data()[i], static_cast<float>(-i - 1));
  }
}

TEST(LastStep, IsNotThereWhileTheNextIsMade) {
  Rank rank;
  EXPECT_FALSE(rank.last.part());  // before the run begins
  rank.last.reach(at_step(7));
  rank.last.leave();
  EXPECT_FALSE(rank.last.part());
  rank.last.reach(at_step(8));
  EXPECT_TRUE(rank.last.part());
}

TEST(LastStep, StaysTheLastOneOnceItIsTaken) {
  static Rank* const rank = new Rank;  // which a thread waits in until the process ends
  static std::atomic<bool> left = false;
  rank->last.reach(at_step(7));
  ASSERT_TRUE(rank->last.part());
  std::thread([] {
    rank->last.leave();
    left = true;
  }).detach();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(left);
}

TEST(LastStep, OfRanksAtSeveralStepsIsNone) {
  Rank here;
  Rank there;
  here.last.reach(at_step(7));
  there.last.reach(at_step(8));
  here.last.add(here.last.part().value());
  test::expect_error([&] { here.last.add(there.last.part().value()); }, {"steps 7 and 8"});
}

TEST(LastStep, OfAPartThatIsCutShortIsNone) {
  Rank rank;
  rank.last.reach(at_step(7));
  std::vector<char> part = rank.last.part().value();
  part.resize(part.size() - 1);
  test::expect_error([&] { rank.last.add(part); }, {"too short"});
}

}  // namespace
}  // namespace lockstep::train
