#include "lockstep/core/digest.h"

#include <xxhash.h>

#include <cstring>
#include <new>

namespace lockstep {

struct Digest::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Digest::Digest() : state_(std::make_unique<State>()) {
  if (state_->xxh == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state_->xxh);
}

Digest::~Digest() = default;

void Digest::add(const void* data, uint64_t bytes) { XXH3_128bits_update(state_->xxh, data, bytes); }

void Digest::add(std::string_view text) {
  add(static_cast<int64_t>(text.size()));
  add(text.data(), text.size());
}

void Digest::add(int64_t value) { add(&value, sizeof value); }

void Digest::add(double value) { add(&value, sizeof value); }

std::string Digest::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  std::string result;
  for (const unsigned char byte : canonical.digest) {
    result += "0123456789abcdef"[byte >> 4];
    result += "0123456789abcdef"[byte & 15];
  }
  return result;
}

}  // namespace lockstep
