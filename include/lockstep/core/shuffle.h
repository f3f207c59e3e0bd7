// What an epoch's order mixes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lockstep {

// Any sample may follow any other; or, so that a file can be read block by block, neighbours stay together as
// a block, the blocks are shuffled, and then the samples of so many blocks at a time among each other.
struct Shuffle {
  int64_t block = 0;  // samples; 0: there are no blocks
  int64_t pool = 0;   // blocks

  // "samples", or "blocks 512 x 16"; nothing where it is neither.
  static std::optional<Shuffle> parse(const std::string& value);
  // As parse() reads it.
  std::string text() const;
  bool operator==(const Shuffle&) const = default;
};

}  // namespace lockstep
