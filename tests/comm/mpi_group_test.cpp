// What a group of ranks gives, on as many as the launcher started, or on one without any.
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <vector>

#include "lockstep/comm/placement.h"
#include "support/expect.h"
#include "support/world.h"

namespace lockstep::comm {
namespace {

using test::world;

size_t ranks() { return static_cast<size_t>(world().size()); }

TEST(MpiGroup, HasTheRanksOfTheLauncher) {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(world().size(), size == nullptr ? 1 : std::atoi(size));
  EXPECT_EQ(world().rank(), rank == nullptr ? 0 : std::atoi(rank));
}

TEST(MpiGroup, GatherTextsGivesEveryRanksTextByRank) {
  const auto text_of = [](int rank) {
    return std::string(static_cast<size_t>(rank * 1000), 'x') + std::to_string(rank);
  };
  const auto texts = world().gather_texts(text_of(world().rank()));
  ASSERT_EQ(texts.size(), ranks());
  for (int r = 0; r < world().size(); ++r) EXPECT_EQ(texts[static_cast<size_t>(r)], text_of(r));
}

TEST(MpiGroup, GatherTextsTakesEmptyTextsAndZeroBytes) {
  EXPECT_EQ(world().gather_texts(""), std::vector<std::string>(ranks()));
  const std::string zeros("a\0b", 3);
  EXPECT_EQ(world().gather_texts(zeros), std::vector<std::string>(ranks(), zeros));
}

TEST(MpiGroup, BroadcastGivesTheRootsBytesToAll) {
  for (int root = 0; root < world().size(); ++root) {
    std::vector<int> values(1000, world().rank());
    world().broadcast(values.data(), values.size() * sizeof(int), root);
    EXPECT_EQ(values, std::vector<int>(1000, root));
  }
}

TEST(MpiGroup, AllgatherTakesAnotherCountFromEachRank) {
  // Rank r gives r % 3 * 5 numbers: some ranks none.
  const auto count_of = [](int rank) { return rank % 3 * 5; };
  std::vector<uint64_t> bytes;
  std::vector<int> expected;
  for (int r = 0; r < world().size(); ++r) {
    bytes.push_back(static_cast<uint64_t>(count_of(r)) * sizeof(int));
    for (int i = 0; i < count_of(r); ++i) expected.push_back(100 * r + i);
  }
  std::vector<int> mine(static_cast<size_t>(count_of(world().rank())));
  std::iota(mine.begin(), mine.end(), 100 * world().rank());
  std::vector<int> all(expected.size());
  world().allgather(mine.data(), bytes, all.data());
  EXPECT_EQ(all, expected);
}

TEST(MpiGroup, AllreduceAddsTheRanksValuesInPlace) {
  std::vector<float> values(10000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i % 100 + 1) * static_cast<float>(world().rank() + 1);
  auto request = world().allreduce_sum(values.data(), static_cast<int64_t>(values.size()));
  request.wait();
  const float sum = static_cast<float>(ranks() * (ranks() + 1) / 2);
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(i % 100 + 1) * sum) << i;
}

float message(int from, int to, int number, int64_t place) {
  return static_cast<float>(from * 100000 + to * 10000 + number * 1000) + static_cast<float>(place);
}

// Messages of a pair are matched in the order in which both name them, whatever the other pairs do.
TEST(MpiGroup, ExchangeMatchesMessagesInOrder) {
  constexpr int kMessages = 4;
  const int here = world().rank();
  std::vector<std::vector<float>> memory;
  std::vector<Send> sends;
  std::vector<Receive> receives;
  const auto length = [](int number) { return int64_t{1} + 200 * number; };
  for (int number = 0; number < kMessages; ++number) {
    for (int peer = 0; peer < world().size(); ++peer) {
      if (peer == here) continue;
      memory.emplace_back(static_cast<size_t>(length(number)));
      for (int64_t i = 0; i < length(number); ++i)
        memory.back()[static_cast<size_t>(i)] = message(here, peer, number, i);
      sends.push_back({peer, memory.back().data(), length(number)});
      memory.emplace_back(static_cast<size_t>(length(number)));
      receives.push_back({peer, memory.back().data(), length(number)});
    }
  }
  world().exchange(sends, receives, 5).wait();
  size_t at = 0;
  for (int number = 0; number < kMessages; ++number) {
    for (int peer = 0; peer < world().size(); ++peer) {
      if (peer == here) continue;
      const Receive& received = receives[at++];
      for (int64_t i = 0; i < received.count; ++i)
        ASSERT_EQ(received.data[i], message(peer, here, number, i));
    }
  }
}

TEST(MpiGroup, ExchangesWithOtherTagsDoNotMeet) {
  if (world().size() == 1) {
    world().exchange({}, {}, 1).wait();
    return;
  }
  // Around a ring, two tags at once, waited for in the other order.
  const int next = (world().rank() + 1) % world().size();
  const int previous = (world().rank() + world().size() - 1) % world().size();
  const std::vector<float> one(300, static_cast<float>(world().rank()));
  const std::vector<float> two(300, 100 + static_cast<float>(world().rank()));
  std::vector<float> first(300);
  std::vector<float> second(300);
  const std::vector<Send> send_one = {{next, one.data(), 300}};
  const std::vector<Send> send_two = {{next, two.data(), 300}};
  const std::vector<Receive> receive_one = {{previous, first.data(), 300}};
  const std::vector<Receive> receive_two = {{previous, second.data(), 300}};
  auto a = world().exchange(send_one, receive_one, 1);
  auto b = world().exchange(send_two, receive_two, 2);
  b.wait();
  a.wait();
  EXPECT_EQ(first, std::vector<float>(300, static_cast<float>(previous)));
  EXPECT_EQ(second, std::vector<float>(300, 100 + static_cast<float>(previous)));
}

TEST(MpiGroup, PlacementsAreTheSameOnAllRanksAndShareTheCores) {
  const std::vector<Placement> all = placements(world());
  ASSERT_EQ(all.size(), ranks());
  std::string summary;
  for (const Placement& one : all) {
    EXPECT_FALSE(one.host.empty());
    EXPECT_FALSE(one.cores.empty());
    EXPECT_GE(one.fair_threads, 1);
    EXPECT_LE(one.ranks_on_same_cores, one.ranks_on_host);
    EXPECT_GE(one.ranks_on_same_cores, 1);
    EXPECT_EQ(one.ranks_on_host, world().size()) << "the tests run on one machine";
    const int cores = static_cast<int>(one.cores.size());
    EXPECT_EQ(one.cores_are_shared, one.ranks_on_same_cores > cores);
    EXPECT_LE(one.fair_threads, std::max(1, cores / one.ranks_on_same_cores));
    summary += one.host + std::to_string(one.fair_threads) + " ";
  }
  EXPECT_EQ(world().gather_texts(summary), std::vector<std::string>(ranks(), summary));
}

}  // namespace
}  // namespace lockstep::comm
