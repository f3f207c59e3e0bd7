// Which ranks combine what they send, and who of them sends it.
#include "lockstep/dist/teams.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace lockstep::dist {
namespace {

std::vector<Range> members(const Teams& teams) {
  std::vector<Range> all;
  for (int t = 0; t < teams.count(); ++t) all.push_back(teams.of(t));
  return all;
}

using Ranges = std::vector<Range>;

TEST(Teams, AreNeighboursOnOneHost) {
  EXPECT_EQ(members(Teams({0})), (Ranges{{0, 1}}));
  EXPECT_EQ(members(Teams({0, 0, 0})), (Ranges{{0, 3}}));
  EXPECT_EQ(members(Teams({0, 0, 2, 2, 2, 5})), (Ranges{{0, 2}, {2, 5}, {5, 6}}));
  EXPECT_EQ(members(Teams({0, 1, 0, 1})), (Ranges{{0, 1}, {1, 2}, {2, 3}, {3, 4}})) << "--map-by node";
  EXPECT_EQ(members(Teams({0, 0, 2, 0})), (Ranges{{0, 2}, {2, 3}, {3, 4}}));
}

TEST(Teams, HaveTheirRanksMicrobatchesAsOneRun) {
  const Teams teams({0, 0, 2, 2, 2});
  for (const int64_t microbatches : {1, 3, 8, 37}) {
    const Plan plan(microbatches, 1, 5);
    EXPECT_EQ(teams.run_of(plan, 0), (Range{0, plan.of_rank(1).end}));
    EXPECT_EQ(teams.run_of(plan, 1), (Range{plan.of_rank(2).begin, microbatches}));
  }
}

// Messages are shared out: no member of a team carries two more than another.
TEST(Teams, HaveOneCourierForEachOutsider) {
  for (const std::vector<int>& hosts : {std::vector{0, 0, 2, 2}, {0, 0, 0, 3}, {0, 1, 1, 1, 1, 5, 5}}) {
    const Teams teams(hosts);
    for (int t = 0; t < teams.count(); ++t) {
      std::map<int, int64_t> carried;
      for (int r = 0; r < teams.ranks(); ++r) {
        if (teams.team_of(r) == t) continue;
        const int courier = teams.courier(t, r);
        EXPECT_EQ(teams.team_of(courier), t);
        ++carried[courier];
      }
      const int64_t even = (teams.ranks() - teams.of(t).size()) / teams.of(t).size();
      for (const auto& [courier, count] : carried) EXPECT_LE(count, even + 1) << courier;
    }
  }
}

}  // namespace
}  // namespace lockstep::dist
