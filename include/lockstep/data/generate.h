// Procedural datasets: every sample is a function of (name, seed, index) alone, so that any rank makes any
// sample.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/io/dataset_file.h"

namespace lockstep::data {

struct Generator {
  std::string name;         // "digits"
  std::string description;  // for people
  io::DatasetInfo info;     // shape, type, scale, classes, source
  // Writes one sample's input (in the stored type, sample_dims) and returns its label.
  int32_t (*sample)(uint64_t seed, uint64_t index, unsigned char* input);
};

// The table of generators; an unknown name is an Error that lists the known ones.
const std::vector<Generator>& generators();
const Generator& generator(const std::string& name);
bool is_generator(const std::string& name);

// `count` samples from `first` on.
io::Rows generate_rows(const Generator& generator, uint64_t seed, int64_t first, int64_t count);

// Writes a dataset file: train has the samples 0..train-1, test those that follow.
void generate_dataset(const std::string& name, uint64_t seed, int64_t train, int64_t test,
                      const std::string& output);

}  // namespace lockstep::data
