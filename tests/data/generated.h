// What the tests of generators share: samples one by one, and datasets to make them from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/generators.h"
#include "lockstep/data/generate.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::test {

struct Sample {
  data::Picture picture{};
  int32_t label = -1;
  bool operator==(const Sample&) const = default;
};

inline Sample draw(const data::SampleMaker& maker, uint64_t seed, uint64_t index) {
  Sample sample;
  sample.label = maker.draw(seed, index, sample.picture.data());
  return sample;
}

inline std::vector<Sample> draw_many(const data::SampleMaker& maker, uint64_t seed, uint64_t count) {
  std::vector<Sample> samples;
  for (uint64_t i = 0; i < count; ++i) samples.push_back(draw(maker, seed, i));
  return samples;
}

// A picture of one level.
inline std::vector<unsigned char> flat(unsigned char level, size_t pixels = data::kPixels) {
  return std::vector<unsigned char>(pixels, level);
}

// One split of a dataset: pictures, and a label for each where there are classes.
struct Content {
  std::string split;
  std::vector<std::vector<unsigned char>> pictures;
};

// Writes a dataset of uint8 pictures; the i-th of each split has the label i % classes.
inline std::string write_pictures(const std::string& path, std::vector<int64_t> dims, int64_t classes,
                                  const std::vector<Content>& contents) {
  io::DatasetInfo info;
  info.sample_dims = std::move(dims);
  info.scale = 1.0 / 255;
  info.classes = classes;
  io::DatasetWriter writer(path, info);
  for (const Content& content : contents) {
    io::Rows rows;
    for (const auto& picture : content.pictures) {
      rows.inputs.insert(rows.inputs.end(), picture.begin(), picture.end());
      if (classes > 0) rows.labels.push_back(static_cast<int32_t>(rows.count % classes));
      ++rows.count;
    }
    writer.append(content.split, rows);
  }
  writer.finish();
  return path;
}

}  // namespace lockstep::test
