// What is left for a process, as the kernel's files have it.
#include "lockstep/core/memory.h"

#include <gtest/gtest.h>

#include "support/folder.h"

namespace lockstep {
namespace {

constexpr int64_t kMega = 1000000;

class AvailableMemory : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    test::put_bytes(path.string(), text);
  }
  void put_machine(const std::string& groups) const {
    put("proc/meminfo",
        "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"
        "Buffers:          200000 kB\n");
    put("proc/self/cgroup", groups);
  }
  void put_version2(const std::string& group, const std::string& limit, int64_t usage) const {
    const std::string at = "sys/fs/cgroup" + group;
    put(at + "/memory.max", limit + "\n");
    put(at + "/memory.current", std::to_string(usage) + "\n");
    put(at + "/memory.stat", "anon 5\nfile 300000000\ninactive_file 200000000\nactive_file 100000000\n");
  }
  int64_t available() const { return available_memory(folder_.path()); }

  test::Folder folder_;
  const int64_t machine_ = int64_t{8000000} * 1024;
};

TEST_F(AvailableMemory, IsTheMachinesWithoutALimit) {
  put_machine("");
  EXPECT_EQ(available(), machine_);
  put_machine("4:memory:/job\n0::/job\n");
  EXPECT_EQ(available(), machine_) << "groups of which there are no files";
  put_machine("0::/job\n");
  put_version2("/job", "max", 900 * kMega);
  EXPECT_EQ(available(), machine_);
}

TEST_F(AvailableMemory, IsWhatALimitOfVersion2LeavesCacheBeingFree) {
  put_machine("0::/job\n");
  put_version2("/job", "1000000000", 900 * kMega);
  EXPECT_EQ(available(), 400 * kMega);
}

TEST_F(AvailableMemory, IsTheLeastOfAllGroupsAround) {
  put_machine("0::/slice/job/step\n");
  put_version2("/slice", "2000000000", 2100 * kMega);
  put_version2("/slice/job", "3000000000", 900 * kMega);
  put_version2("/slice/job/step", "max", 900 * kMega);
  EXPECT_EQ(available(), 200 * kMega);
  put_version2("", "1500000000", 1700 * kMega);
  EXPECT_EQ(available(), 100 * kMega);
}

TEST_F(AvailableMemory, IsWhatALimitOfVersion1Leaves) {
  put_machine("5:cpu,cpuacct:/job\n4:hugetlb,memory:/job\n0::/\n");
  const std::string at = "sys/fs/cgroup/memory/job";
  put(at + "/memory.limit_in_bytes", "3000000000\n");
  put(at + "/memory.usage_in_bytes", "1000000000\n");
  put(at + "/memory.stat",
      "inactive_file 7\nactive_file 7\ntotal_inactive_file 150000000\ntotal_active_file 50000000\n");
  EXPECT_EQ(available(), 2200 * kMega);
  put(at + "/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(available(), machine_) << "what version 1 says for no limit";
}

// The path is the host's, the files are the container's own.
TEST_F(AvailableMemory, OfAContainerIsItsOutermostGroups) {
  put_machine("0::/system.slice/container.scope\n");
  put_version2("", "1000000000", 700 * kMega);
  EXPECT_EQ(available(), 600 * kMega);
}

TEST_F(AvailableMemory, IsNothingWhereALimitIsPassed) {
  put_machine("0::/job\n");
  put_version2("/job", "1000000000", 1900 * kMega);
  EXPECT_EQ(available(), 0);
}

TEST(AvailableMemoryHere, IsSomeMemory) {
  EXPECT_GT(available_memory(), 10 * kMega);
  EXPECT_LT(available_memory(), int64_t{1} << 50);
}

TEST(BytesText, HasAUnitThatFits) {
  EXPECT_EQ(bytes_text(0), "0 MB");
  EXPECT_EQ(bytes_text(850 * kMega), "850 MB");
  EXPECT_EQ(bytes_text(12345 * kMega), "12.3 GB");
}

}  // namespace
}  // namespace lockstep
