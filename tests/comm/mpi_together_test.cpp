// Failures that every rank learns of.
#include <gtest/gtest.h>

#include <stdexcept>

#include "lockstep/comm/agreed_error.h"
#include "support/expect.h"
#include "support/world.h"

namespace lockstep::comm {
namespace {

using test::world;

struct Agreed {
  std::string message;
  Failure kind = Failure::kRuntime;
};

// The error that every rank throws together; the test fails where one throws none or another.
Agreed agreed_error(const std::function<void()>& action) {
  Agreed result;
  try {
    action();
    ADD_FAILURE() << "no error was reported";
  } catch (const AgreedError& error) {
    result = {error.what(), error.kind()};
  }
  const std::vector<std::string> same(static_cast<size_t>(world().size()), result.message);
  EXPECT_EQ(world().gather_texts(result.message), same);
  return result;
}

TEST(Together, WithoutAFailureNothingHappens) {
  int runs = 0;
  together(world(), [&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(Together, OneRanksFailureIsEverybodys) {
  for (int failing = 0; failing < world().size(); ++failing) {
    const Agreed error = agreed_error([&] {
      together(world(), [&] {
        if (world().rank() == failing) fail_usage("no such file");
      });
    });
    const std::string where = world().size() == 1 ? "" : "rank " + std::to_string(failing) + ": ";
    EXPECT_EQ(error.message, where + "no such file");
    EXPECT_EQ(error.kind, Failure::kUsage);
  }
}

TEST(Together, WhereAllFailTheMessageNamesNoRank) {
  const Agreed error =
      agreed_error([] { together(world(), [] { fail("rank ", world().rank(), " has no memory"); }); });
  EXPECT_EQ(error.message, "rank 0 has no memory");
  EXPECT_EQ(error.kind, Failure::kRuntime);
}

TEST(Together, WhereSomeFailTheMessageNamesThem) {
  const auto fails = [](int rank) { return rank % 2 == 1; };
  if (world().size() < 2) return;
  const Agreed error = agreed_error([&] {
    together(world(), [&] {
      if (fails(world().rank())) fail("message of ", world().rank());
    });
  });
  EXPECT_EQ(error.message, world().size() < 4 ? "rank 1: message of 1" : "ranks 1, 3: message of 1");
}

TEST(Together, OtherExceptionsAreFailuresToo) {
  const Agreed error =
      agreed_error([] { together(world(), [] { throw std::out_of_range("somewhere else"); }); });
  EXPECT_EQ(error.message, "somewhere else");
}

TEST(Together, AnAgreedErrorInsidePassesAsItIs) {
  const Agreed error = agreed_error([] {
    together(world(), [] {
      together(world(), [] {
        if (world().rank() == 0) fail("inner");
      });
    });
  });
  EXPECT_EQ(error.message, world().size() == 1 ? "inner" : "rank 0: inner");
}

TEST(Together, AfterAFailureTheRanksGoOn) {
  agreed_error([] {
    together(world(), [] {
      if (world().rank() == 0) fail("once");
    });
  });
  EXPECT_EQ(world().gather_texts("x").size(), static_cast<size_t>(world().size()));
}

TEST(RequireEqual, PassesWhereAllAreEqual) { require_equal(world(), "seed", "1", "take one seed"); }

TEST(RequireEqual, NamesTheRanksThatDifferFromTheFirst) {
  const int last = world().size() - 1;
  if (last == 0) return;
  const Agreed one = agreed_error(
      [&] { require_equal(world(), "seed", world().rank() == last ? "2" : "1", "take one seed"); });
  EXPECT_EQ(one.message, "rank " + std::to_string(last) +
                             " has another seed than rank 0 ('2' against '1'); take one seed");
  const Agreed others =
      agreed_error([&] { require_equal(world(), "seed", world().rank() == 0 ? "1" : "2", "take one seed"); });
  test::expect_parts(others.message, {last == 1   ? "rank 1 has another seed"
                                      : last == 2 ? "ranks 1, 2 have another seed"
                                                  : "ranks 1 to 3 have another seed",
                                      "('2' against '1')"});
}

TEST(RequireEqual, OfLongTextsShowsTheFirstLineThatDiffers) {
  if (world().size() == 1) return;
  const std::string mine = text("seed = 1\nepochs = ", world().rank() == 0 ? 5 : 6,
                                "\nmicrobatch = ", world().rank() == 0 ? 7 : 8, "\n");
  const Agreed error =
      agreed_error([&] { require_equal(world(), "configuration", mine, "start all alike"); });
  test::expect_parts(error.message,
                     {"another configuration", "('epochs = 6' against 'epochs = 5'); start all alike"});
  EXPECT_EQ(error.message.find("microbatch"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::comm
