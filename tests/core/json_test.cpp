#include "lockstep/core/json.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(JsonString, LeavesPlainTextAndUtf8AsTheyAre) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("conv1 fprop"), "\"conv1 fprop\"");
  for (const char* text :
       {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(json_string(text), "\"" + std::string(text) + "\"");
  }
}

TEST(JsonString, EscapesWhatJsonAsksFor) {
  EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_string("a\nb\tc\x01"), R"("a\u000ab\u0009c\u0001")");
  EXPECT_EQ(json_string(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(JsonString, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(json_string("a\xFF"
                        "b"),
            R"("a\ufffdb")");
  EXPECT_EQ(json_string("\xC3"), R"("\ufffd")");            // cut short
  EXPECT_EQ(json_string("\xC3("), R"("\ufffd(")");          // not followed by what it announces
  EXPECT_EQ(json_string("\xC0\x80"), R"("\ufffd\ufffd")");  // longer than needed
  EXPECT_EQ(json_string("\xE0\x80\x80"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json_string("\xED\xA0\x80"), R"("\ufffd\ufffd\ufffd")");            // half of a surrogate pair
  EXPECT_EQ(json_string("\xF4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
}

}  // namespace
}  // namespace lockstep
