#include "lockstep/data/generate.h"

#include <algorithm>
#include <cstddef>

#include "digits.h"
#include "generators.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

constexpr int64_t kRowsPerPiece = 4096;  // of a file being written: a few MB

SampleMaker open_digits(const GeneratorSettings&, const std::string&) {
  return {"digits", picture_info(kDigitClasses, "digits"), draw_digit};
}

void append_samples(const SampleMaker& maker, uint64_t seed, int64_t first, int64_t count,
                    const std::string& split, io::DatasetWriter& writer) {
  for (int64_t done = 0; done < count; done += kRowsPerPiece) {
    const int64_t rows = std::min(kRowsPerPiece, count - done);
    writer.append(split, generate_rows(maker, seed, first + done, rows));
  }
}

bool reads(const Generator& generator, const std::string& setting) {
  const auto& all = generator.settings;
  return std::find(all.begin(), all.end(), setting) != all.end();
}

void require_read(const Generator& generator, const std::string& setting, bool given) {
  if (!given || reads(generator, setting)) return;
  std::string readers;
  for (const Generator& candidate : generators()) {
    if (reads(candidate, setting)) readers += (readers.empty() ? "" : ", ") + candidate.name;
  }
  fail_usage("the generator ", generator.name, " reads no --", setting,
             "; leave it out. Those that do: ", readers);
}

}  // namespace

const std::vector<Generator>& generators() {
  static const std::vector<Generator> kAll = {digits_generator(),           rectangles_generator(),
                                              rectangles_image_generator(), convex_generator(),
                                              rotated_digits_generator(),   random_background_generator(),
                                              image_background_generator()};
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

SampleMaker open_generator(const std::string& name, const GeneratorSettings& settings,
                           const std::string& split) {
  const Generator& chosen = generator(name);
  require_read(chosen, "from", !settings.from.empty());
  require_read(chosen, "background", !settings.background.empty());
  require_read(chosen, "min-halfplanes", settings.min_halfplanes.has_value());
  return chosen.open(settings, split);
}

io::Rows generate_rows(const SampleMaker& maker, uint64_t seed, int64_t first, int64_t count) {
  if (first < 0 || count < 0) {
    fail_usage(maker.name, ": cannot generate ", count, " samples from ", first, " on; both start at 0");
  }
  const size_t bytes = static_cast<size_t>(io::sample_bytes(maker.info));
  io::Rows rows;
  rows.count = count;
  rows.inputs.resize(static_cast<size_t>(count) * bytes);
  rows.labels.resize(static_cast<size_t>(count));
  for (size_t i = 0; i < rows.labels.size(); ++i) {
    const uint64_t index = static_cast<uint64_t>(first) + i;
    rows.labels[i] = maker.draw(seed, index, rows.inputs.data() + i * bytes);
  }
  if (maker.info.classes == 0) rows.labels.clear();
  return rows;
}

void generate_dataset(const std::string& name, const GeneratorSettings& settings, uint64_t seed,
                      int64_t train, int64_t test, const std::string& output) {
  if (train < 1 || test < 0) {
    fail_usage(name, ": cannot generate ", train, " training and ", test,
               " test samples; expected at least 1 and 0");
  }
  const SampleMaker of_train = open_generator(name, settings, "train");
  const SampleMaker of_test = test > 0 ? open_generator(name, settings, "test") : of_train;
  io::DatasetInfo info = of_train.info;
  info.source = text(info.source, ", seed ", seed);
  io::DatasetWriter writer(output, info);
  append_samples(of_train, seed, 0, train, "train", writer);
  append_samples(of_test, seed, train, test, "test", writer);
  writer.finish();
}

Generator digits_generator() {
  return {"digits", "ten digits in many hands, noisy: drawn from strokes, not collected", {}, open_digits};
}

}  // namespace lockstep::data
