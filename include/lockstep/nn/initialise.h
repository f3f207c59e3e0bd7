// Where parameters start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/nn/layer.h"

namespace lockstep::nn {

// he: normal with variance 2 / fan_in (He et al. 2015, eq. 10); glorot: uniform within sqrt(6 / (fan_in +
// fan_out)) (Glorot, Bengio 2010, eq. 16); uniform: within 1 / sqrt(fan_in).
const std::vector<std::string>& initialisation_names();
bool is_initialisation(const std::string& name);

// Fills one parameter; the values follow from seed, layer, place and the position in the parameter.
void initialise_parameter(const ParameterSpec& spec, const std::string& initialisation, uint64_t seed,
                          uint32_t layer, uint32_t place, float* values, int64_t count);

}  // namespace lockstep::nn
