#include "lockstep/core/buffer.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "support/expect.h"

namespace lockstep {
namespace {

int64_t resident_pages(const Buffer& buffer) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t bytes = buffer.size() * static_cast<int64_t>(sizeof(float));
  std::vector<unsigned char> resident(static_cast<size_t>((bytes + page - 1) / page));
  EXPECT_EQ(mincore(const_cast<float*>(buffer.data()), static_cast<size_t>(bytes), resident.data()), 0);
  return std::count_if(resident.begin(), resident.end(),
                       [](unsigned char flags) { return (flags & 1) != 0; });
}

TEST(Buffer, IsZeroAndStartsAtAPage) {
  for (const int64_t floats : {int64_t{1}, int64_t{1000}, int64_t{3} << 20}) {
    const Buffer buffer(floats);
    EXPECT_EQ(buffer.size(), floats);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), 0u);
    EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + floats, [](float value) { return value == 0; }));
  }
}

TEST(Buffer, WhatIsNotTouchedTakesNoMemory) {
  Buffer buffer(int64_t{1} << 24, Pages::kSmall);
  EXPECT_EQ(resident_pages(buffer), 0);
  buffer.data()[12345678] = 1;
  EXPECT_EQ(resident_pages(buffer), 1);
}

TEST(Buffer, OfNothingHasNoMemory) {
  EXPECT_EQ(Buffer().data(), nullptr);
  EXPECT_EQ(Buffer(0).data(), nullptr);
}

TEST(Buffer, MovesWithItsContents) {
  Buffer first(10);
  first.data()[3] = 7;
  const float* data = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  Buffer third(5);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 10);
  EXPECT_EQ(third.data()[3], 7);
}

TEST(Buffer, TooMuchMemoryIsAnErrorWithTheSizeAndWhatToDo) {
  test::expect_error([] { Buffer buffer(int64_t{1} << 50); },
                     {"no memory", "4.5036e+09 MB", "smaller microbatch"});
}

}  // namespace
}  // namespace lockstep
