// Procedural datasets: every sample is a function of (name, seed, index) alone, and of the files that the
// settings name, so that any rank makes any sample.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/io/dataset_file.h"

namespace lockstep::data {

// What a generator may be told beside the seed. Which of it one reads is in its `settings`.
struct GeneratorSettings {
  std::string from;                       // a dataset file with digits or pictures; empty: they are drawn
  std::string background;                 // a dataset file with pictures; empty: they are drawn
  std::optional<int64_t> min_halfplanes;  // of a convex set, 0 to kMostMinHalfplanes
};

inline constexpr int64_t kMinHalfplanes = 0;  // where nothing is said
inline constexpr int64_t kMostMinHalfplanes = 8;

// Makes the samples of one split, any of them, in any order. Thread safe.
struct SampleMaker {
  std::string name;      // the generator's
  io::DatasetInfo info;  // shape, type, scale, classes, source
  // Writes one sample's input (in the stored type, sample_dims) and returns its label.
  std::function<int32_t(uint64_t seed, uint64_t index, unsigned char* input)> draw;
};

struct Generator {
  std::string name;                   // "digits"
  std::string description;            // for people
  std::vector<std::string> settings;  // those it reads: "from", "background", "min-halfplanes"
  SampleMaker (*open)(const GeneratorSettings& settings, const std::string& split);
};

// The table of generators; an unknown name is an Error that lists the known ones.
const std::vector<Generator>& generators();
const Generator& generator(const std::string& name);
bool is_generator(const std::string& name);

// Reads what the settings name, of its split `split` alone: "train" or "test". A usage error names a setting
// that the generator does not read, or a value out of range; an Error a file that is missing, or does not
// hold what the generator needs, with what was found and expected.
SampleMaker open_generator(const std::string& name, const GeneratorSettings& settings = {},
                           const std::string& split = "train");

// `count` samples from `first` on.
io::Rows generate_rows(const SampleMaker& maker, uint64_t seed, int64_t first, int64_t count);

// Writes a dataset file: train has the samples 0..train-1, made of the files' training splits; test those
// that follow, made of their test splits.
void generate_dataset(const std::string& name, const GeneratorSettings& settings, uint64_t seed,
                      int64_t train, int64_t test, const std::string& output);

}  // namespace lockstep::data
