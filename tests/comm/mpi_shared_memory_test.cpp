// Memory that the ranks of a host have in common; the tests run on one host.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "lockstep/comm/shared_memory.h"
#include "support/expect.h"
#include "support/world.h"

namespace lockstep::comm {
namespace {

using test::world;

TEST(MpiGroup, HasTheRanksOfItsHostAsAGroup) {
  Group& host = world().host();
  EXPECT_EQ(host.size(), world().size());
  EXPECT_EQ(host.rank(), world().rank());
  EXPECT_EQ(&host.host(), &host);
}

int64_t* numbers(const SharedMemory& memory) { return reinterpret_cast<int64_t*>(memory.data()); }

TEST(SharedMemory, HasZerosAndThenWhatAnyRankWroteThere) {
  constexpr int64_t kEach = 300000;  // numbers of a rank: they end within pages, and within huge ones
  const SharedMemory memory(world().host(), world().size() * kEach * 8, "numbers");
  EXPECT_EQ(memory.bytes(), world().size() * kEach * 8);
  for (int64_t i = 0; i < world().size() * kEach; ++i) ASSERT_EQ(numbers(memory)[i], 0);
  world().barrier();
  for (int64_t i = 0; i < kEach; ++i) numbers(memory)[world().rank() * kEach + i] = 7 * world().rank() + i;
  world().barrier();
  for (int64_t i = 0; i < world().size() * kEach; ++i)
    ASSERT_EQ(numbers(memory)[i], 7 * (i / kEach) + i % kEach);
}

TEST(SharedMemory, StaysWhereItMovesAndWhereOthersLetGo) {
  SharedMemory memory(world().host(), 4096, "a page");
  if (world().rank() == 0) std::memset(memory.data(), 5, 4096);
  world().barrier();
  if (world().rank() == 0) memory = SharedMemory();
  world().barrier();
  const SharedMemory moved = std::move(memory);
  if (world().rank() != 0) {
    EXPECT_EQ(static_cast<int>(moved.data()[4095]), 5);
  }
}

TEST(SharedMemory, OfNoBytesIsNone) { EXPECT_EQ(SharedMemory(world().host(), 0, "nothing").data(), nullptr); }

TEST(SharedMemory, ThatCannotBeHadIsAnErrorOfAllRanks) {
  test::expect_error(
      [] { SharedMemory(world().host(), std::numeric_limits<int64_t>::max() / 4096 * 4096, "the dataset"); },
      {"no memory for the dataset"});
  // And the ranks are still together.
  EXPECT_EQ(world().gather_texts("x").size(), static_cast<size_t>(world().size()));
}

}  // namespace
}  // namespace lockstep::comm
