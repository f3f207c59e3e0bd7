// Sums over a minibatch in the middle of a step, on all ranks, and ranks that leave it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lockstep/dist/minibatch_sums.h"
#include "lockstep/kernels/gemm.h"
#include "naive_tree.h"
#include "support/world.h"

namespace lockstep::dist {
namespace {

using test::world;

std::vector<double> terms_of(int64_t microbatch, int64_t width) {
  std::vector<double> terms;
  for (const float value : leaf_values(microbatch, width)) terms.push_back(1.0 / static_cast<double>(value));
  return terms;
}

// Of all microbatches of this rank.
std::vector<double> my_terms(const Plan& plan, int64_t width) {
  std::vector<double> terms;
  const Range mine = plan.of_rank(world().rank());
  for (int64_t m = mine.begin; m < mine.end; ++m) {
    const std::vector<double> more = terms_of(m, width);
    terms.insert(terms.end(), more.begin(), more.end());
  }
  return terms;
}

class MinibatchSumsTest : public ::testing::Test {
 protected:
  MinibatchSumsTest()
      : sums_(world(), workers_, {3, 1}, [this](bool begins) { waits_ += begins ? 1 : 100; }) {}

  parallel::Workers workers_{1, kernels::use_one_thread};
  int waits_ = 0;
  MinibatchSums sums_;
};

// With fewer microbatches than ranks too.
TEST_F(MinibatchSumsTest, AreThoseOfTheTreeOnAllRanks) {
  for (const int64_t microbatches : {1, 2, 3, 7, 12}) {
    const Plan plan(microbatches, 1, world().size());
    sums_.begin(plan);
    for (const int64_t width : {3, 1}) {
      const auto found = sums_.sum(my_terms(plan, width));
      ASSERT_TRUE(found);
      EXPECT_EQ(*found, naive_sum<double>({0, microbatches}, [&](int64_t m) { return terms_of(m, width); }))
          << microbatches;
    }
    EXPECT_FALSE(sums_.first_not_finite());
  }
  EXPECT_EQ(waits_, 5 * 2 * 101);
  EXPECT_GT(sums_.waited_seconds(), 0);
}

TEST_F(MinibatchSumsTest, OfARankThatLeavesEndTheStepOnAll) {
  const Plan plan(7, 1, world().size());
  for (int leaving = 0; leaving < world().size(); ++leaving) {
    for (const int meeting : {0, 1}) {
      sums_.begin(plan);
      const bool leaves = world().rank() == leaving;
      if (meeting == 1) {
        EXPECT_TRUE(sums_.sum(my_terms(plan, 3)));
      }
      if (leaves) {
        sums_.leave();
      } else {
        EXPECT_FALSE(sums_.sum(my_terms(plan, meeting == 0 ? 3 : 1)));
      }
      sums_.leave();  // nobody waits for anybody any more
    }
  }
  sums_.begin(plan);
  EXPECT_TRUE(sums_.sum(my_terms(plan, 3))) << "the next step is as any";
  EXPECT_TRUE(sums_.sum(my_terms(plan, 1)));
  sums_.leave();  // after the last meeting
}

TEST_F(MinibatchSumsTest, NameTheFirstMicrobatchThatBroughtNan) {
  const Plan plan(7, 1, world().size());
  sums_.begin(plan);
  std::vector<double> terms = my_terms(plan, 3);
  const Range mine = plan.of_rank(world().rank());
  for (const int64_t bad : {4, 6}) {
    if (bad >= mine.begin && bad < mine.end)
      terms[static_cast<size_t>(3 * (bad - mine.begin) + 2)] = std::nan("");
  }
  const auto found = sums_.sum(terms);
  ASSERT_TRUE(found);
  EXPECT_TRUE(std::isfinite((*found)[1]));
  EXPECT_TRUE(std::isnan((*found)[2]));
  EXPECT_EQ(sums_.first_not_finite(), 4);
  std::vector<double> all_bad(static_cast<size_t>(mine.size()), std::numeric_limits<double>::infinity());
  sums_.sum(all_bad);
  EXPECT_EQ(sums_.first_not_finite(), 4) << "what follows from it is not asked";
  sums_.begin(plan);
  EXPECT_FALSE(sums_.first_not_finite());
  sums_.leave();
}

}  // namespace
}  // namespace lockstep::dist
