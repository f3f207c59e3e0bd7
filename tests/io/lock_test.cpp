// One file, one writer.
#include "lockstep/io/lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "errors.h"

namespace lockstep::io {
namespace {

using LockTest = test::FolderTest;

TEST_F(LockTest, ASecondClaimNamesTheHolderOfTheFirst) {
  const Lock first(path("c.h5"), "host node7, process 42");
  test::expect_error([&] { Lock(path("c.h5"), "me"); }, {path("c.h5"), "node7, process 42", "--checkpoint"});
  const Lock other(path("d.h5"), "me");
}

TEST_F(LockTest, LeavesNothingBehindAndCanBeTakenAgain) {
  {
    const Lock lock(path("c.h5"), "first");
    EXPECT_TRUE(std::filesystem::exists(path("c.h5.lock")));
  }
  EXPECT_FALSE(std::filesystem::exists(path("c.h5.lock")));
  const Lock again(path("c.h5"), "second");
}

TEST_F(LockTest, OfAKilledProcessKeepsNobodyOut) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = std::make_unique<Lock>(path("c.h5"), "the child");
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  test::expect_error([&] { Lock(path("c.h5"), "me"); }, {"the child"});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(path("c.h5.lock"))) << "nobody was there to take it away";
  const Lock lock(path("c.h5"), "me");
}

TEST_F(LockTest, WhereNoFileCanBeMadeIsAnErrorThatNamesIt) {
  test::expect_error([&] { Lock(path("nowhere/c.h5"), "me"); }, {"nowhere/c.h5.lock", "No such file"});
}

}  // namespace
}  // namespace lockstep::io
