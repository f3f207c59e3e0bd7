#include "lockstep/core/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep {
namespace {

TEST(Utf8Length, OfEveryLength) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  EXPECT_EQ(utf8_length(text, 0), 1u);
  EXPECT_EQ(utf8_length(text, 1), 2u);
  EXPECT_EQ(utf8_length(text, 3), 3u);
  EXPECT_EQ(utf8_length(text, 6), 4u);
  EXPECT_EQ(utf8_length(text, 2), 0u);               // inside one
  EXPECT_EQ(utf8_length(text, 10), 0u);              // behind the last
  EXPECT_EQ(utf8_length(text.substr(0, 8), 6), 0u);  // cut short
  EXPECT_EQ(utf8_length(std::string(1, '\0'), 0), 1u);
}

}  // namespace
}  // namespace lockstep
