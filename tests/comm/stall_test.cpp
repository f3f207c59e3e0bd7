// What is said of ranks that do not move on.
#include "lockstep/comm/stall.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"
#include "support/expect.h"

namespace lockstep::comm {
namespace {

constexpr double kLimit = 60;

std::vector<Placement> on_two_hosts(size_t ranks) {
  std::vector<Placement> all(ranks);
  for (size_t r = 0; r < ranks; ++r) all[r].host = r < ranks / 2 ? "node1" : "node2";
  return all;
}

TEST(Stall, IsARankThatStaysWhereItIsOrIsSilent) {
  EXPECT_FALSE(is_stall({{5, "computes", 59, 0}, {5, "waits", 30, 20}}, kLimit));
  EXPECT_TRUE(is_stall({{5, "computes", 61, 0}, {5, "waits", 1, 0}}, kLimit));
  EXPECT_TRUE(is_stall({{5, "computes", 1, 0}, {5, "waits", 1, 61}}, kLimit));
}

TEST(Stall, ReportNamesWhoIsSilentBeforeWhoWorksBeforeWhoWaits) {
  std::vector<Sighting> ranks(6, {12, "waits for losses", 61, 0});
  ranks[4] = {12, "computes gradients", 62, 0};
  ranks[5] = {11, "computes gradients", 3, 64};
  const std::string report = stall_report(ranks, on_two_hosts(6), kLimit);
  EXPECT_EQ(report,
            "no progress for 67 s (--stall-timeout 60)\n"
            "  rank 5 (node2): stopped, dead or cut off: silent for 64 s; before that, step 11, computes "
            "gradients\n"
            "  rank 4 (node2): step 12, computes gradients\n"
            "  ranks 0 to 3: step 12, waits for losses");
}

// Those who wait may reach the limit a moment before the silence of the one they wait for does.
TEST(Stall, ReportKnowsTheSilentRankBeforeItsSilenceReachesTheLimit) {
  const std::vector<Sighting> ranks = {{12, "waits for losses", 60.1, 0}, {12, "waits for losses", 1, 58}};
  ASSERT_TRUE(is_stall(ranks, kLimit));
  test::expect_parts(stall_report(ranks, on_two_hosts(2), kLimit),
                     {"rank 1 (node2): stopped, dead or cut off"});
}

TEST(Stall, ReportOfARankThatWasNeverHeardOfSaysSo) {
  std::vector<Sighting> ranks(2);
  ranks[1].silent = 70;
  test::expect_parts(stall_report(ranks, on_two_hosts(2), kLimit),
                     {"rank 1 (node2)", "has not been heard of"});
}

TEST(StallDeathTest, AGroupOfOneWatchesItself) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stand_still = [] {
    const auto group = group_of_one();
    Whereabouts here;
    here.at(3, "computes gradients");
    const std::vector<Placement> placements = on_two_hosts(1);
    const auto watch =
        group->watch({here, 0.2, placements, nullptr, [] { return std::string("Start again."); }});
    std::this_thread::sleep_for(std::chrono::seconds(20));
  };
  EXPECT_EXIT(stand_still(), ::testing::ExitedWithCode(1),
              "no progress.*step 3, computes gradients\nStart again");
}

// What a run can save is up to its parts.
class SomeSalvage : public Salvage {
 public:
  bool is_whole = true;
  std::function<std::string()> write = [] { return std::string("Saved."); };
  bool begin() override { return is_whole; }
  std::vector<char> part() override { return {}; }
  void add(const std::vector<char>&) override {}
  std::string save() override { return write(); }
};

[[noreturn]] void stand_still_with(SomeSalvage salvage, double limit = 1) {
  const auto group = group_of_one();
  const Whereabouts here;
  const std::vector<Placement> placements = on_two_hosts(1);
  const auto watch = group->watch({here, limit, placements, &salvage, [] { return std::string("Go on."); }});
  std::this_thread::sleep_for(std::chrono::seconds(20));
  std::abort();
}

TEST(StallDeathTest, WhatCanBeSavedIsSavedBeforeTheEnd) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(stand_still_with({}), ::testing::ExitedWithCode(1), "no progress.*\nSaved\\.\nGo on\\.");
}

TEST(StallDeathTest, WhatCannotBeSavedIsSaidWithTheReason) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  SomeSalvage full;
  full.write = []() -> std::string { fail("the disk is full"); };
  EXPECT_EXIT(stand_still_with(full), ::testing::ExitedWithCode(1),
              "could not be saved: the disk is full\nGo on\\.");
  SomeSalvage within;
  within.is_whole = false;
  EXPECT_EXIT(stand_still_with(within), ::testing::ExitedWithCode(1),
              "could not be saved: rank 0 had none at hand: .*\nGo on\\.");
}

// What the run waits for may hold up the saving for ever.
TEST(StallDeathTest, SavingHasAsLongAsTheLimit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  SomeSalvage stuck;
  stuck.write = [] {
    std::this_thread::sleep_for(std::chrono::hours(1));
    return std::string();
  };
  EXPECT_EXIT(stand_still_with(stuck, 0.2), ::testing::ExitedWithCode(1),
              "was not saved within 0\\.2 s\nGo on\\.");
}

TEST(Stall, WhoMovesOnIsLeftAlone) {
  const auto group = group_of_one();
  Whereabouts here;
  const std::vector<Placement> placements = on_two_hosts(1);
  const auto watch = group->watch({here, 0.5, placements, nullptr, [] { return std::string(); }});
  for (int step = 0; step < 12; ++step) {
    here.at(step, "computes gradients");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace
}  // namespace lockstep::comm
