// The way back from a prepared dataset, or a reconstruction of it.
#include <algorithm>

#include "lockstep/analysis/preparation.h"
#include "lockstep/core/error.h"
#include "preparation_file.h"
#include "row_map.h"
#include "shared_writer.h"

namespace lockstep::analysis {

namespace {

void check_width(const data::Dataset& dataset, const std::string& preparation, const Inverse& inverse) {
  const int64_t expected =
      inverse.whitening ? inverse.whitening->outputs() : Shape::from_dims(inverse.sample_dims).size();
  if (dataset.shape().size() == expected) return;
  fail_usage(dataset.name, ": has samples of ", dataset.shape().size(), " values, and ", preparation,
             " can invert those of ", expected, "; give the file that was made of these samples");
}

void check_rows(const data::Dataset& dataset, const io::File& file, const std::string& split, int64_t rows) {
  const int64_t known = contrast_rows(file, split);
  if (known == rows) return;
  fail_usage(dataset.name, ": has ", rows, " samples in /", split, ", and ", file.path(),
             " holds the mean and deviation of ", known, "; give the file that was made of these samples");
}

// Collective.
void invert_split(const Team& team, const std::string& name, const SampleSource& source, const io::File& file,
                  const Inverse& inverse, SharedWriter& writer) {
  Contrast contrast;
  comm::together(team.group, [&] {
    if (inverse.has_contrast) contrast = read_contrast(file, name, 0, source.count());
  });
  const int64_t width = Shape::from_dims(inverse.sample_dims).size();
  const MapRows map = [&](int64_t first, int64_t n, float* rows, float* out, float*, float*) {
    if (inverse.whitening) {
      inverse.whitening->backward(n, rows, out);
    } else {
      std::copy_n(rows, n * width, out);
    }
    if (inverse.has_contrast)
      contrast_restore(n, width, contrast.mean.data() + first, contrast.deviation.data() + first, out);
  };
  map_rows(team, source, width, map, [&](const SampleSource::Block& block, const MappedRows& mapped) {
    writer.append(name, block, mapped);
  });
}

}  // namespace

void invert_dataset(const Team& team, const data::Dataset& dataset, const std::string& preparation,
                    const std::string& output) {
  std::optional<io::File> file;
  Inverse inverse;
  std::vector<std::pair<std::string, SampleSource>> sources;
  comm::together(team.group, [&] {
    file = io::File::open(preparation);
    inverse = read_inverse(*file);
    check_width(dataset, preparation, inverse);
    for (const auto& [name, split] :
         {std::pair{"train", dataset.train.get()}, std::pair{"validation", dataset.validation.get()},
          std::pair{"test", dataset.test.get()}}) {
      if (split == nullptr) continue;
      if (inverse.has_contrast) check_rows(dataset, *file, name, split->rows());
      sources.emplace_back(name, SampleSource(*split, dataset.info));
    }
  });
  SharedWriter writer(team.group, output);
  writer.start(float_info(dataset.info, inverse.sample_dims, "inverted"), [](io::File&) {});
  for (const auto& [name, source] : sources) invert_split(team, name, source, *file, inverse, writer);
  writer.finish();
}

}  // namespace lockstep::analysis
