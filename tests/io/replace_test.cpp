#include "lockstep/io/replace.h"

#include <chrono>

#include "errors.h"

namespace lockstep::io {
namespace {

namespace fs = std::filesystem;

class ReplaceTest : public test::FolderTest {
 protected:
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
  }
};

std::string name_by(const std::string& target, const std::string& host, pid_t process) {
  return "." + target + ".partial-" + host + "-" + std::to_string(process) + "-0";
}

std::string this_host() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

// The number of a process that was and is no more.
pid_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

TEST_F(ReplaceTest, CommitPutsTheNewFileInPlaceOfTheOld) {
  put_bytes(path("a"), "old");
  Replacement replacement(path("a"));
  put_bytes(replacement.path(), "new");
  EXPECT_EQ(bytes_of(path("a")), "old");
  replacement.commit();
  EXPECT_EQ(bytes_of(path("a")), "new");
  EXPECT_EQ(files(), 1u);
}

TEST_F(ReplaceTest, WithoutCommitTheOldFileStaysAndNothingElse) {
  put_bytes(path("a"), "old");
  {
    Replacement replacement(path("a"));
    put_bytes(replacement.path(), "new");
  }
  EXPECT_EQ(bytes_of(path("a")), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(ReplaceTest, TheNameToWriteLiesInTheFolderOfTheTarget) {
  Replacement replacement(path("a"));
  EXPECT_EQ(fs::path(replacement.path()).parent_path(), folder_.path());
  EXPECT_TRUE(fs::exists(replacement.path()));
}

TEST_F(ReplaceTest, ATargetWithoutFolderIsInTheCurrentOne) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());
  {
    Replacement replacement("a");
    put_bytes(replacement.path(), "new");
    replacement.commit();
  }
  fs::current_path(before);
  EXPECT_EQ(bytes_of(path("a")), "new");
}

TEST_F(ReplaceTest, LeftoversOfKilledProcessesGoAndThoseOfLivingOnesStay) {
  const pid_t dead = dead_process();
  put_bytes(path(name_by("a", this_host(), dead)), "partial");
  put_bytes(path(name_by("b", this_host(), dead)), "of another target");
  put_bytes(path(name_by("a", this_host(), ::getppid())), "under way");
  const Replacement replacement(path("a"));
  EXPECT_FALSE(fs::exists(path(name_by("a", this_host(), dead))));
  EXPECT_TRUE(fs::exists(path(name_by("b", this_host(), dead))));
  EXPECT_TRUE(fs::exists(path(name_by("a", this_host(), ::getppid()))));
}

TEST_F(ReplaceTest, LeftoversOfAnotherHostGoWhenNothingWroteThemForAnHour) {
  put_bytes(path(name_by("a", "elsewhere", 1)), "under way");
  put_bytes(path(name_by("a", "elsewhere", 2)), "abandoned");
  fs::last_write_time(path(name_by("a", "elsewhere", 2)),
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  const Replacement replacement(path("a"));
  EXPECT_TRUE(fs::exists(path(name_by("a", "elsewhere", 1))));
  EXPECT_FALSE(fs::exists(path(name_by("a", "elsewhere", 2))));
}

TEST_F(ReplaceTest, TwoUnderWayForOneTargetDoNotMeet) {
  Replacement first(path("a"));
  Replacement second(path("a"));
  ASSERT_NE(first.path(), second.path());
  put_bytes(first.path(), "first");
  put_bytes(second.path(), "second");
  first.commit();
  second.commit();
  EXPECT_EQ(bytes_of(path("a")), "second");
}

TEST_F(ReplaceTest, ALinkStaysALinkToTheNewFile) {
  fs::create_directory(path("store"));
  put_bytes(path("store/real"), "old");
  fs::create_symlink("store/real", path("a"));
  Replacement replacement(path("a"));
  put_bytes(replacement.path(), "new");
  replacement.commit();
  EXPECT_TRUE(fs::is_symlink(path("a")));
  EXPECT_EQ(bytes_of(path("store/real")), "new");
}

TEST_F(ReplaceTest, WhatCannotBeReplacedIsRefusedBeforeTheWork) {
  const std::string missing = message_of([&] { Replacement(path("absent/a")); });
  EXPECT_MESSAGE(missing, "the folder " + path("absent") + " does not exist");
  EXPECT_MESSAGE(message_of([&] { Replacement replacement(folder()); }), "it is a folder");
  EXPECT_MESSAGE(message_of([&] { Replacement(""); }), "not the name of a file");
  EXPECT_MESSAGE(message_of([&] { Replacement("/dev/null"); }), "no regular file");
  put_bytes(path("file"), "");
  EXPECT_MESSAGE(message_of([&] { Replacement(path("file/a")); }), "Not a directory");
  EXPECT_MESSAGE(message_of([&] { Replacement("/proc/a"); }), "no file can be created in /proc");
}

TEST_F(ReplaceTest, ACommitThatFailsLeavesTheOldFile) {
  put_bytes(path("a"), "old");
  Replacement replacement(path("a"));
  fs::remove(replacement.path());
  EXPECT_MESSAGE(message_of([&] { replacement.commit(); }), "cannot be replaced");
  EXPECT_EQ(bytes_of(path("a")), "old");
}

TEST_F(ReplaceTest, AWholeFileAtOnce) {
  put_bytes(path("a"), "old");
  replace_file(path("a"), std::string_view("n\0w", 3), "the thing");
  EXPECT_EQ(bytes_of(path("a")), std::string("n\0w", 3));
  EXPECT_EQ(files(), 1u);
  EXPECT_MESSAGE(message_of([&] { replace_file(path("none/a"), "x", "the thing"); }), "does not exist");
}

}  // namespace
}  // namespace lockstep::io
