// Expectations that tests of all folders share: messages of errors, arrays of the same bits.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lockstep/core/error.h"

namespace lockstep::test {

// The message of the Error that `action` ends in; empty, and a failed test, where it ends in none.
inline std::string message_of(const std::function<void()>& action,
                              std::optional<Failure> kind = std::nullopt) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind.value_or(error.kind())) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was reported";
  return "";
}

inline void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' is not in: " << message;
  }
}

// Expects an Error whose message has all these parts.
inline void expect_error(const std::function<void()>& action, const std::vector<std::string>& parts) {
  expect_parts(message_of(action), parts);
}

inline void expect_usage_error(const std::function<void()>& action, const std::vector<std::string>& parts) {
  expect_parts(message_of(action, Failure::kUsage), parts);
}

// Where two arrays of numbers differ first, in bits; -1 where nowhere.
template <class Number>
int64_t first_difference(std::span<const Number> a, std::span<const Number> b) {
  if (a.size() != b.size()) return static_cast<int64_t>(std::min(a.size(), b.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(Number)) != 0) return static_cast<int64_t>(i);
  }
  return -1;
}

template <class Numbers>
::testing::AssertionResult same_bits(const Numbers& a, const Numbers& b) {
  using Number = std::remove_cvref_t<decltype(*std::data(a))>;
  const std::span<const Number> left(std::data(a), std::size(a));
  const std::span<const Number> right(std::data(b), std::size(b));
  const int64_t at = first_difference(left, right);
  if (at < 0) return ::testing::AssertionSuccess();
  const size_t i = static_cast<size_t>(at);
  if (i >= left.size() || i >= right.size()) {
    return ::testing::AssertionFailure() << left.size() << " and " << right.size() << " numbers";
  }
  return ::testing::AssertionFailure()
         << "number " << at << " of " << left.size() << " is " << left[i] << " and " << right[i];
}

}  // namespace lockstep::test
