#include "lockstep/core/json.h"

#include <cstdio>

#include "lockstep/core/utf8.h"

namespace lockstep {

std::string json_string(std::string_view text) {
  std::string result = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    const unsigned byte = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      result += "\\ufffd";
    } else if (byte == '"' || byte == '\\') {
      (result += '\\') += text[at];
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      result += escape;
    } else {
      result += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return result + "\"";
}

}  // namespace lockstep
