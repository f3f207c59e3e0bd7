#include "lockstep/core/digest.h"

#include <gtest/gtest.h>

#include <set>

namespace lockstep {
namespace {

template <class... Values>
std::string digest_of(const Values&... values) {
  Digest digest;
  (digest.add(values), ...);
  return digest.hex();
}

TEST(Digest, OfNothingIsTheOneThatXxhPublishes) {
  EXPECT_EQ(Digest().hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Digest, IsOfTheBytesAndNotOfThePiecesTheyCameIn) {
  const std::string bytes(100000, 'x');
  Digest whole;
  whole.add(bytes.data(), bytes.size());
  Digest pieces;
  for (size_t at = 0; at < bytes.size(); at += 37)
    pieces.add(&bytes[at], std::min<size_t>(37, bytes.size() - at));
  EXPECT_EQ(whole.hex(), pieces.hex());
}

TEST(Digest, GoesOnAfterItWasAsked) {
  Digest digest;
  digest.add(int64_t{1});
  EXPECT_EQ(digest.hex(), digest.hex());
  digest.add(int64_t{2});
  EXPECT_EQ(digest.hex(), digest_of(int64_t{1}, int64_t{2}));
}

TEST(Digest, TellsTextsApartThatReadTheSameInARow) {
  const std::set<std::string> different = {
      digest_of(std::string_view("ab"), std::string_view("c")),
      digest_of(std::string_view("a"), std::string_view("bc")),
      digest_of(std::string_view("abc")),
      digest_of(std::string_view("abc"), std::string_view("")),
      digest_of(std::string_view("")),
      Digest().hex(),
  };
  EXPECT_EQ(different.size(), 6u);
}

TEST(Digest, ChangesWithEveryBit) {
  std::string bytes(64, '\0');
  std::set<std::string> digests;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(1 << (bit % 8));
    Digest digest;
    digest.add(flipped.data(), flipped.size());
    digests.insert(digest.hex());
  }
  EXPECT_EQ(digests.size(), 8 * bytes.size());
}

TEST(Digest, TellsNegativeZeroFromZero) { EXPECT_NE(digest_of(0.0), digest_of(-0.0)); }

}  // namespace
}  // namespace lockstep
