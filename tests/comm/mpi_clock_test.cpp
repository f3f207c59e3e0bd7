// Clocks of ranks that are set apart, and the speed of messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "lockstep/comm/clock.h"
#include "lockstep/comm/placement.h"
#include "support/world.h"

namespace lockstep::comm {
namespace {

using test::world;

// Ranks of a test run on one host, whose steady clock they share.
TEST(MpiClock, OffsetsAreWhatTheClocksWereSetApart) {
  const auto set_apart = [](int rank) { return 3.25 * rank - 0.5 * rank * rank; };  // seconds
  const int64_t mine = static_cast<int64_t>(1e9 * set_apart(world().rank()));
  const auto offsets = clock_offsets(world(), [mine] { return steady_clock() + mine; });
  ASSERT_EQ(offsets.size(), static_cast<size_t>(world().size()));
  for (int r = 0; r < world().size(); ++r) {
    const ClockOffset& offset = offsets[static_cast<size_t>(r)];
    // A clock reading is rounded to whole nanoseconds.
    EXPECT_LE(std::abs(offset.ahead - set_apart(r)), offset.uncertainty + 2e-9) << r;
    EXPECT_EQ(offset.round_trip > 0, r > 0);
    EXPECT_EQ(offset.uncertainty, 0.5 * offset.round_trip);
  }
}

TEST(MpiClock, AllRanksHaveTheSameResult) {
  const auto offsets = clock_offsets(world(), wall_clock);
  const auto rates = message_rates(world(), 1 << 16);
  std::string mine;
  for (const ClockOffset& offset : offsets) mine += std::to_string(offset.ahead * 1e9) + " ";
  for (const double rate : rates) mine += std::to_string(rate) + " ";
  EXPECT_NO_THROW(require_equal(world(), "result", mine, ""));
  EXPECT_EQ(rates[0], 0);
  for (size_t r = 1; r < rates.size(); ++r) EXPECT_GT(rates[r], 0);
}

TEST(MpiClock, NoRoundsTellNothing) {
  for (const ClockOffset& offset : clock_offsets(world(), wall_clock, 0)) EXPECT_EQ(offset.ahead, 0);
}

TEST(MpiGroup, SaysWhatCarriesMessages) {
  const std::string transport = world().transport();
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) {
    EXPECT_EQ(transport, "none");
  } else {
    EXPECT_NE(transport, "none");
    EXPECT_FALSE(transport.empty());
  }
}

// Whatever a rank was bound to, what its host has left is no less, and binding stays.
TEST(MpiPlacement, UsableCoresIncludeTheRanksOwn) {
  const auto before = placements(world());
  const auto after = placements(world());
  for (size_t r = 0; r < before.size(); ++r) {
    EXPECT_EQ(before[r].cores, after[r].cores);
    EXPECT_TRUE(std::includes(before[r].usable_cores.begin(), before[r].usable_cores.end(),
                              before[r].cores.begin(), before[r].cores.end()));
    EXPECT_GE(before[r].physical_cores, 1);
    EXPECT_LE(static_cast<size_t>(before[r].physical_cores), before[r].cores.size());
  }
}

}  // namespace
}  // namespace lockstep::comm
