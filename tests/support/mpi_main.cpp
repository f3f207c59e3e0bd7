// main of mpi_tests: joins the ranks, watches each test, and agrees on the exit code.
//
//   --seconds=N  how long one test may take (60)
//   --stall=R    rank R stands still in its first test, and
//   --fail=R     rank R alone fails it: how the watchdog and the exit code are tested themselves
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "watchdog.h"
#include "world.h"

namespace lockstep::test {

namespace {

comm::Group* the_world = nullptr;

struct Flags {
  int seconds = 60;
  int stall = -1;
  int fail = -1;
};

Flags parse(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const int value = equals == std::string::npos ? 0 : std::atoi(argument.c_str() + equals + 1);
    if (name == "--seconds") {
      flags.seconds = value;
    } else if (name == "--stall") {
      flags.stall = value;
    } else if (name == "--fail") {
      flags.fail = value;
    } else {
      std::fprintf(stderr, "mpi_tests: there is no flag %s\n", argument.c_str());
      std::exit(2);
    }
  }
  return flags;
}

class Listener : public ::testing::EmptyTestEventListener {
 public:
  Listener(int rank, const Flags& flags, Watchdog& watchdog)
      : rank_(rank), flags_(flags), watchdog_(watchdog) {}

  void OnTestStart(const ::testing::TestInfo& test) override {
    watchdog_.begin(std::string(test.test_suite_name()) + "." + test.name());
    if (flags_.stall == rank_) std::this_thread::sleep_for(std::chrono::hours(1));
    if (flags_.fail == rank_) ADD_FAILURE() << "as --fail asked for";
  }
  void OnTestEnd(const ::testing::TestInfo&) override { watchdog_.begin("what comes between tests"); }

  // Rank 0 prints as usual; of the others one wants to know failures alone.
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (rank_ == 0 || !result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_,
                 result.file_name() == nullptr ? "?" : result.file_name(), result.line_number(),
                 result.message());
  }

 private:
  int rank_;
  Flags flags_;
  Watchdog& watchdog_;
};

int run(comm::Group& group, const Flags& flags) {
  Watchdog watchdog(group.rank(), std::chrono::seconds(flags.seconds));
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (group.rank() != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new Listener(group.rank(), flags, watchdog));
  const int32_t mine = RUN_ALL_TESTS();
  watchdog.begin("agreeing on the exit code");
  const std::vector<uint64_t> counts(static_cast<size_t>(group.size()), sizeof mine);
  std::vector<int32_t> all(counts.size());
  group.allgather(&mine, counts, all.data());
  return *std::max_element(all.begin(), all.end());
}

// While MPI's plugins are still loaded, so that lsan.supp can name them; there is no second check at the end.
void look_for_leaks() {
#if defined(__SANITIZE_ADDRESS__)
  __lsan_do_leak_check();
#endif
}

}  // namespace

comm::Group& world() { return *the_world; }

int main_of_mpi_tests(int argc, char** argv) {
  const auto group = comm::join_group(argc, argv);
  the_world = group.get();
  ::testing::InitGoogleTest(&argc, argv);
  const int exit_code = run(*group, parse(argc, argv));
  look_for_leaks();
  return exit_code;
}

}  // namespace lockstep::test

int main(int argc, char** argv) { return lockstep::test::main_of_mpi_tests(argc, argv); }
