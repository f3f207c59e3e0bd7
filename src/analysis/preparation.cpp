#include "lockstep/analysis/preparation.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "preparation_file.h"
#include "row_map.h"
#include "shared_writer.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kRows = 256;  // normalised by one thread at once

struct NamedSource {
  std::string name;
  SampleSource source;
};

// The patches that the options ask for; none: whole samples. Collective.
std::optional<PatchPlaces> places_of(const Team& team, const data::Dataset& dataset, const std::string& name,
                                     const data::Split& split, const PreparationOptions& options) {
  if (!options.patches) return std::nullopt;
  const PatchOptions& patches = *options.patches;
  const Shape shape = dataset.shape();
  if (patches.kind == PatchKind::kDense)
    return PatchPlaces::dense(split.rows(), shape, patches.size, patches.stride);
  if (patches.kind == PatchKind::kRandom) {
    const int64_t pictures = dataset.train ? dataset.train->rows() : split.rows();
    const int64_t count = (patches.count * split.rows() + pictures - 1) / pictures;
    return PatchPlaces::random(split.rows(), shape, patches.size, count, options.seed);
  }
  PatchPlaces places =
      PatchPlaces::interest(team, split, dataset.info, patches.size, patches.count, patches.threshold);
  comm::together(team.group, [&] {
    if (places.count() > 0) return;
    fail_usage(dataset.name, ": the ", split.rows(), " pictures of /", name, " have no interest point with ",
               patches.size, "x", patches.size, " pixels around it; lower threshold=", patches.threshold,
               ", or take smaller, random or dense patches");
  });
  return places;
}

std::vector<NamedSource> sources_of(const Team& team, const data::Dataset& dataset,
                                    const PreparationOptions& options) {
  std::vector<NamedSource> sources;
  for (const auto& [name, split] :
       {std::pair{"train", dataset.train.get()}, std::pair{"validation", dataset.validation.get()},
        std::pair{"test", dataset.test.get()}}) {
    if (split == nullptr) continue;
    sources.push_back(
        {name, SampleSource(*split, dataset.info, places_of(team, dataset, name, *split, options))});
  }
  return sources;
}

// Collective. `contrast` is for values, where there is any.
Whitening fit_whitening(const Team& team, const SampleSource& source, std::optional<double> contrast,
                        const WhiteningOptions& options) {
  const int64_t width = source.width();
  const Statistics statistics =
      statistics_of(team, source.count(), width, [&](int64_t first, int64_t count, float* rows) {
        source.read(team.workers, first, count, rows);
        if (!contrast) return;
        team.workers.for_each((count + kRows - 1) / kRows, [&](int64_t i, int) {
          contrast_normalise(std::min(kRows, count - i * kRows), width, *contrast, rows + i * kRows * width,
                             nullptr, nullptr);
        });
      });
  std::optional<Whitening> whitening;
  comm::together(team.group, [&] { whitening.emplace(statistics, options); });
  return std::move(*whitening);
}

void check(const data::Dataset& dataset, const PreparationOptions& options) {
  if (options.patches) picture_shape(dataset.name, dataset.info, options.patches->size);
  if (options.whitening && !dataset.train) {
    fail_usage(dataset.name,
               ": whitening takes the statistics of the training samples, and there is no split /train");
  }
}

std::vector<int64_t> dims_before_whitening(const data::Dataset& dataset, const PreparationOptions& options) {
  if (!options.patches) return dataset.info.sample_dims;
  return {dataset.shape().channels, options.patches->size, options.patches->size};
}

io::DatasetInfo output_info(const data::Dataset& dataset, const PreparationOptions& options,
                            const std::optional<Whitening>& whitening) {
  const bool flat = whitening && !options.whitening->zca;
  io::DatasetInfo info = float_info(
      dataset.info, flat ? std::vector{whitening->outputs()} : dims_before_whitening(dataset, options),
      "prepared: " + options.to_string());
  if (options.patches) {
    info.classes = 0;
    info.target_dims.clear();
  }
  return info;
}

// Collective.
void write_split(const Team& team, const NamedSource& named, std::optional<double> contrast,
                 const std::optional<Whitening>& whitening, SharedWriter& writer) {
  const SampleSource& source = named.source;
  const int64_t width = whitening ? whitening->outputs() : source.width();
  const MapRows map = [&](int64_t, int64_t n, float* rows, float* out, float* mean, float* deviation) {
    if (contrast) contrast_normalise(n, source.width(), *contrast, rows, mean, deviation);
    if (whitening) {
      whitening->forward(n, rows, out);
    } else {
      std::copy_n(rows, n * width, out);
    }
  };
  map_rows(team, source, width, map, [&](const SampleSource::Block& block, const MappedRows& mapped) {
    writer.append(named.name, block, mapped);
    if (contrast) append_contrast(writer.file(), named.name, mapped.mean, mapped.deviation);
  });
}

}  // namespace

void prepare_dataset(const Team& team, const data::Dataset& dataset, const PreparationOptions& options,
                     const std::string& output) {
  comm::together(team.group, [&] { check(dataset, options); });
  SharedWriter writer(team.group, output);
  const std::vector<NamedSource> sources = sources_of(team, dataset, options);
  std::optional<double> contrast;
  if (options.contrast) contrast = contrast_of_values(dataset.info, *options.contrast);
  std::optional<Whitening> whitening;
  if (options.whitening)  // the first is /train
    whitening = fit_whitening(team, sources.front().source, contrast, *options.whitening);
  writer.start(output_info(dataset, options, whitening), [&](io::File& file) {
    write_preparation(file, options, dims_before_whitening(dataset, options), dataset.digest, dataset.shape(),
                      whitening);
    if (!options.patches || options.patches->kind == PatchKind::kDense) return;
    for (const NamedSource& named : sources) write_places(file, named.name, *named.source.places());
  });
  for (const NamedSource& named : sources) write_split(team, named, contrast, whitening, writer);
  writer.finish();
}

}  // namespace lockstep::analysis
