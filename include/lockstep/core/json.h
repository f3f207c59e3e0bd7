// Texts as JSON has them.
#pragma once

#include <string>
#include <string_view>

namespace lockstep {

// In quotes, with what JSON asks for escaped; bytes that are no UTF-8 become U+FFFD (RFC 8259, RFC 3629).
std::string json_string(std::string_view text);

}  // namespace lockstep
