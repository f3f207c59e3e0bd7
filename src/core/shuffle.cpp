#include "lockstep/core/shuffle.h"

#include <sstream>

namespace lockstep {

namespace {
constexpr int64_t kMost = 1'000'000'000;  // so that products with sizes of samples are numbers
}

std::optional<Shuffle> Shuffle::parse(const std::string& value) {
  if (value == "samples") return Shuffle();
  std::istringstream words(value);
  std::string blocks;
  std::string times;
  std::string more;
  Shuffle shuffle;
  words >> blocks >> shuffle.block >> times >> shuffle.pool;
  const bool read = !words.fail() && !(words >> more);
  const auto is_count = [](int64_t number) { return number >= 1 && number <= kMost; };
  if (!read || blocks != "blocks" || times != "x" || !is_count(shuffle.block) || !is_count(shuffle.pool))
    return std::nullopt;
  return shuffle;
}

std::string Shuffle::text() const {
  if (block == 0) return "samples";
  return "blocks " + std::to_string(block) + " x " + std::to_string(pool);
}

}  // namespace lockstep
