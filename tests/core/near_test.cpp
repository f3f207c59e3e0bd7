#include "lockstep/core/near.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Suggestion, NamesWhatIsASmallMistakeAway) {
  EXPECT_EQ(suggestion("momentun", {"momentum", "epochs"}), "did you mean 'momentum'?");
  EXPECT_EQ(suggestion("kernal", {"kernel", "stride"}), "did you mean 'kernel'?");
  EXPECT_EQ(suggestion("liner", {"linear", "relu"}), "did you mean 'linear'?");
}

TEST(Suggestion, NamesAllThatAreNearInTheirOrder) {
  EXPECT_EQ(suggestion("adam", {"sgd", "adamw", "adap"}), "did you mean 'adamw' or 'adap'?");
}

TEST(Suggestion, NamesWhatHoldsTheWordOrBeginsIt) {
  EXPECT_EQ(suggestion("rate", {"learning-rate", "seed"}), "did you mean 'learning-rate'?");
  EXPECT_EQ(suggestion("conv2d-layer", {"conv", "linear"}), "did you mean 'conv'?");
}

TEST(Suggestion, ListsEverythingWhereNothingIsNear) {
  EXPECT_EQ(suggestion("xyzzy", {"alpha", "beta"}), "known: alpha, beta");
  EXPECT_EQ(suggestion("xyzzy", {}), "known: ");
}

}  // namespace
}  // namespace lockstep
