#include "lockstep/data/generate.h"

#include <algorithm>
#include <cstddef>

#include "digits.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr int64_t kRowsPerPiece = 4096;  // of a file being written: a few MB

Generator digits() {
  Generator digits;
  digits.name = "digits";
  digits.description = "ten digits in many hands, 28 x 28, noisy: drawn from strokes, not collected";
  digits.info.sample_dims = {1, kDigitSize, kDigitSize};
  digits.info.type = io::Type::kUint8;
  digits.info.scale = 1.0 / 255;
  digits.info.classes = kDigitClasses;
  digits.info.source = "generated: digits";
  digits.sample = draw_digit;
  return digits;
}

size_t sample_bytes(const io::DatasetInfo& info) {
  size_t bytes = info.type == io::Type::kFloat32 ? sizeof(float) : 1;
  for (const int64_t dim : info.sample_dims) bytes *= static_cast<size_t>(dim);
  return bytes;
}

void append_samples(const Generator& generator, uint64_t seed, int64_t first, int64_t count,
                    const std::string& split, io::DatasetWriter& writer) {
  for (int64_t done = 0; done < count; done += kRowsPerPiece) {
    const int64_t rows = std::min(kRowsPerPiece, count - done);
    writer.append(split, generate_rows(generator, seed, first + done, rows));
  }
}

}  // namespace

const std::vector<Generator>& generators() {
  static const std::vector<Generator> kAll = {digits()};
  return kAll;
}

const Generator& generator(const std::string& name) {
  std::string known;
  for (const Generator& candidate : generators()) {
    if (candidate.name == name) return candidate;
    known += (known.empty() ? "" : ", ") + candidate.name;
  }
  fail_usage("no generator is called \"", name, "\"; known: ", known);
}

bool is_generator(const std::string& name) {
  const auto& all = generators();
  return std::any_of(all.begin(), all.end(), [&](const Generator& g) { return g.name == name; });
}

io::Rows generate_rows(const Generator& generator, uint64_t seed, int64_t first, int64_t count) {
  if (first < 0 || count < 0) {
    fail_usage(generator.name, ": cannot generate ", count, " samples from ", first, " on; both start at 0");
  }
  const size_t bytes = sample_bytes(generator.info);
  io::Rows rows;
  rows.count = count;
  rows.inputs.resize(static_cast<size_t>(count) * bytes);
  rows.labels.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    const uint64_t index = static_cast<uint64_t>(first) + i;
    rows.labels[i] = generator.sample(seed, index, rows.inputs.data() + i * bytes);
  }
  if (generator.info.classes == 0) rows.labels.clear();
  return rows;
}

void generate_dataset(const std::string& name, uint64_t seed, int64_t train, int64_t test,
                      const std::string& output) {
  const Generator& chosen = generator(name);
  if (train < 1 || test < 0) {
    fail_usage(name, ": cannot generate ", train, " training and ", test,
               " test samples; expected at least 1 and 0");
  }
  io::DatasetInfo info = chosen.info;
  info.source = text(info.source, ", seed ", seed);
  io::DatasetWriter writer(output, info);
  append_samples(chosen, seed, 0, train, "train", writer);
  append_samples(chosen, seed, train, test, "test", writer);
  writer.finish();
}

}  // namespace lockstep::data
