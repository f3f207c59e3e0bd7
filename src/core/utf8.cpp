#include "lockstep/core/utf8.h"

#include <cstdint>

namespace lockstep {

namespace {

uint32_t byte_at(std::string_view text, size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

}  // namespace

size_t utf8_length(std::string_view text, size_t at) {
  const uint32_t first = byte_at(text, at);
  if (first < 0x80) return at < text.size() ? 1 : 0;
  const size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte_at(text, at + k) & 0xC0) != 0x80) return 0;
  }
  const uint32_t two = first << 8 | byte_at(text, at + 1);
  const bool overlong = (two >= 0xE080 && two < 0xE0A0) || (two >= 0xF080 && two < 0xF090);
  const bool surrogate = two >= 0xEDA0 && two < 0xEE00;
  const bool too_large = two >= 0xF490;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace lockstep
