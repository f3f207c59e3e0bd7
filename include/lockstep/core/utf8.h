// Characters of UTF-8 (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace lockstep {

// Bytes of the character that begins at `at`; 0 where none does.
size_t utf8_length(std::string_view text, size_t at);

}  // namespace lockstep
