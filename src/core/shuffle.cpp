#include "lockstep/core/shuffle.h"

#include <sstream>

namespace lockstep {

std::optional<Shuffle> Shuffle::parse(const std::string& value) {
  if (value == "samples") return Shuffle();
  std::istringstream words(value);
  std::string blocks;
  std::string times;
  std::string more;
  Shuffle shuffle;
  words >> blocks >> shuffle.block >> times >> shuffle.pool;
  const bool read = !words.fail() && !(words >> more);
  if (!read || blocks != "blocks" || times != "x" || shuffle.block < 1 || shuffle.pool < 1)
    return std::nullopt;
  return shuffle;
}

std::string Shuffle::text() const {
  if (block == 0) return "samples";
  return "blocks " + std::to_string(block) + " x " + std::to_string(pool);
}

}  // namespace lockstep
