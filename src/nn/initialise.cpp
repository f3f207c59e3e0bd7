#include "lockstep/nn/initialise.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/random.h"

namespace lockstep::nn {

const std::vector<std::string>& initialisation_names() {
  static const std::vector<std::string> names = {"he", "glorot", "uniform"};
  return names;
}

bool is_initialisation(const std::string& name) {
  const auto& names = initialisation_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

void initialise_parameter(const ParameterSpec& spec, const std::string& initialisation, uint64_t seed,
                          uint32_t layer, uint32_t place, float* values, int64_t count) {
  if (spec.fan_in == 0) {
    std::fill_n(values, count, spec.constant);
    return;
  }
  RandomStream stream(seed, Purpose::kInitialise, place, 0, layer);
  const double in = static_cast<double>(spec.fan_in);
  const double out = static_cast<double>(spec.fan_out);
  if (initialisation == "he") {
    const float deviation = static_cast<float>(std::sqrt(2.0 / in));
    for (int64_t i = 0; i < count; ++i) values[i] = deviation * stream.normal();
    return;
  }
  const float bound =
      static_cast<float>(initialisation == "glorot" ? std::sqrt(6.0 / (in + out)) : 1 / std::sqrt(in));
  for (int64_t i = 0; i < count; ++i) values[i] = stream.uniform(-bound, bound);
}

}  // namespace lockstep::nn
