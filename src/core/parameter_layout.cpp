#include "lockstep/core/parameter_layout.h"

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"

namespace lockstep {

int64_t ParameterLayout::add(std::string layer, std::string name, std::vector<int64_t> dims,
                             std::optional<float> keep, bool learns) {
  if (learns && learned_floats_ != floats_) {
    fail("the layout of the parameters has ", layer, "/", name, ", which learns, behind one that does not");
  }
  int64_t size = 1;
  for (const int64_t d : dims) size *= d;
  parameters_.push_back({std::move(layer), std::move(name), std::move(dims), floats_, size, keep, learns});
  floats_ += (size + kBlock - 1) / kBlock * kBlock;
  if (learns) learned_floats_ = floats_;
  return static_cast<int64_t>(parameters_.size()) - 1;
}

int64_t ParameterLayout::count() const {
  int64_t numbers = 0;
  for (const auto& parameter : parameters_) numbers += parameter.size;
  return numbers;
}

int64_t ParameterLayout::learned_count() const {
  int64_t numbers = 0;
  for (const auto& parameter : parameters_) numbers += parameter.learns ? parameter.size : 0;
  return numbers;
}

std::string ParameterLayout::digest(const float* arena) const {
  Digest digest;
  for (const auto& parameter : parameters_) {
    digest.add(parameter.layer);
    digest.add(parameter.name);
    for (const int64_t d : parameter.dims) digest.add(d);
    digest.add(arena + parameter.offset, static_cast<uint64_t>(parameter.size) * sizeof(float));
  }
  return digest.hex();
}

}  // namespace lockstep
