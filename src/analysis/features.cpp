#include "lockstep/analysis/features.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lockstep/kernels/gemm.h"
#include "lockstep/kernels/layout.h"
#include "preparation_file.h"
#include "shared_writer.h"

namespace lockstep::analysis {

namespace {

using kernels::Transpose;

constexpr int64_t kMostColumns = 256;  // encoded at once: codes of some hundred features stay in the cache
constexpr int64_t kParts = 4;

}  // namespace

// What one thread needs.
struct DenseFeatures::Scratch {
  std::vector<float> unfolded;  // a patch's values x all columns
  std::vector<float> prepared;  // whitened values x columns of a block
  std::vector<float> sums;      // parts x features
  AddCodes add;
};

DenseFeatures::DenseFeatures(const io::DatasetInfo& pictures, const PreparationOptions& preparation,
                             const std::string& prepared, PatchCode code)
    : picture_(Shape::from_dims(pictures.sample_dims)),
      patch_size_(preparation.patches->size),
      across_(picture_.width - patch_size_ + 1),
      code_(std::move(code)) {
  const int64_t down = picture_.height - patch_size_ + 1;
  columns_ = kernels::columns_for(down * across_);
  const int64_t blocks = (columns_ + kMostColumns - 1) / kMostColumns;
  block_ = kernels::columns_for((columns_ + blocks - 1) / blocks);
  part_.assign(static_cast<size_t>(columns_), -1);
  for (int64_t y = 0; y < down; ++y) {
    for (int64_t x = 0; x < across_; ++x) {
      const bool lower = y >= (down + 1) / 2;
      const bool right = x >= (across_ + 1) / 2;
      part_[static_cast<size_t>(y * across_ + x)] = 2 * lower + right;
    }
  }
  if (preparation.contrast) {
    contrast_ = static_cast<float>(contrast_of_values(pictures, *preparation.contrast));
  }
  if (preparation.whitening) whitening_ = read_inverse(io::File::open(prepared)).whitening;
}

// The patches of a block, one a column, as those that were learned from.
void DenseFeatures::prepare_columns(int64_t first, int64_t columns, Scratch& scratch) const {
  const int64_t values = picture_.channels * patch_size_ * patch_size_;
  const float* in = scratch.unfolded.data() + first;
  float* out = scratch.prepared.data();
  if (!whitening_) {
    for (int64_t i = 0; i < values; ++i) std::copy_n(in + i * columns_, columns, out + i * columns);
    return;
  }
  kernels::gemm(Transpose::kNo, Transpose::kNo, whitening_->outputs(), columns, values,
                whitening_->matrix().data(), values, in, columns_, 0, out, columns);
  kernels::add_to_rows(whitening_->outputs(), columns, whitening_->bias().data(), out, columns);
}

void DenseFeatures::operator()(int64_t count, const float* pictures, float* sums) const {
  const int64_t values = picture_.channels * patch_size_ * patch_size_;
  Scratch scratch;
  scratch.unfolded.resize(static_cast<size_t>(values * columns_));
  scratch.prepared.resize(static_cast<size_t>((whitening_ ? whitening_->outputs() : values) * block_));
  scratch.add = code_.start(block_);
  for (int64_t n = 0; n < count; ++n) {
    unfold_patches(pictures + n * picture_.size(), picture_, patch_size_, columns_, scratch.unfolded.data());
    if (contrast_) contrast_normalise_columns(values, columns_, *contrast_, scratch.unfolded.data());
    scratch.sums.assign(static_cast<size_t>(size()), 0.0f);
    for (int64_t first = 0; first < columns_; first += block_) {
      const int64_t columns = std::min(block_, columns_ - first);
      prepare_columns(first, columns, scratch);
      scratch.add(columns, scratch.prepared.data(), part_.data() + first, scratch.sums.data());
    }
    for (int64_t k = 0; k < code_.features; ++k) {
      for (int64_t p = 0; p < kParts; ++p)
        sums[n * size() + k * kParts + p] = scratch.sums[static_cast<size_t>(p * code_.features + k)];
    }
  }
}

Standardisation standardisation_of(std::span<const float> rows, int64_t width) {
  constexpr double kLeast = 0.01;
  const size_t columns = static_cast<size_t>(width);
  const double count = static_cast<double>(rows.size() / columns);
  Standardisation result{std::vector<double>(columns), std::vector<double>(columns)};
  for (size_t at = 0; at < rows.size(); at += columns) {
    for (size_t i = 0; i < columns; ++i) result.mean[i] += static_cast<double>(rows[at + i]);
  }
  for (double& mean : result.mean) mean /= count;
  for (size_t at = 0; at < rows.size(); at += columns) {
    for (size_t i = 0; i < columns; ++i) {
      const double distance = static_cast<double>(rows[at + i]) - result.mean[i];
      result.deviation[i] += distance * distance;
    }
  }
  for (double& deviation : result.deviation) deviation = std::sqrt(deviation / count + kLeast);
  return result;
}

void standardise(const Standardisation& by, std::span<float> rows) {
  const size_t columns = by.mean.size();
  for (size_t at = 0; at < rows.size(); at += columns) {
    for (size_t i = 0; i < columns; ++i) {
      rows[at + i] = static_cast<float>((static_cast<double>(rows[at + i]) - by.mean[i]) / by.deviation[i]);
    }
  }
}

namespace {

// What rank 0 does with features block by block: those of the training pictures wait until all are there.
class FeatureWriter {
 public:
  FeatureWriter(const Team& team, const data::Dataset& pictures, const DenseFeatures& features,
                const std::string& made_by, const std::string& output)
      : team_(team), pictures_(pictures), features_(features), writer_(team.group, output) {
    info_ = float_info(pictures.info, {features.size() / kParts, 2, 2}, "features: " + made_by);
    info_.target_dims.clear();
  }

  void write() {
    std::vector<float> training;
    std::vector<int32_t> labels;
    if (team_.group.rank() == 0) {
      training.reserve(static_cast<size_t>(pictures_.train->rows() * features_.size()));
    }
    for_each_block(*pictures_.train, [&](const std::vector<float>& rows, const std::vector<int32_t>& block) {
      training.insert(training.end(), rows.begin(), rows.end());
      labels.insert(labels.end(), block.begin(), block.end());
    });
    if (team_.group.rank() == 0) standardisation_ = standardisation_of(training, features_.size());
    writer_.start(info_, [&](io::File& file) {
      const std::vector<int64_t> dims = info_.sample_dims;
      file.write("/standardisation/mean", io::Type::kFloat64, dims, standardisation_.mean.data());
      file.write("/standardisation/deviation", io::Type::kFloat64, dims, standardisation_.deviation.data());
    });
    comm::together(team_.group, [&] {
      if (team_.group.rank() == 0) append("train", training, labels);
    });
    write_split("validation", pictures_.validation.get());
    write_split("test", pictures_.test.get());
    writer_.finish();
  }

 private:
  using Take = std::function<void(const std::vector<float>& rows, const std::vector<int32_t>& labels)>;

  // Collective; `take` is called on rank 0 alone.
  void for_each_block(const data::Split& split, const Take& take) const {
    const SampleSource source(split, pictures_.info);
    map_rows(
        team_, source, features_.size(),
        [&](int64_t, int64_t count, float* rows, float* out, float*, float*) { features_(count, rows, out); },
        [&](const SampleSource::Block& block, const MappedRows& mapped) {
          take(mapped.values, block.samples().labels);
        });
  }

  void write_split(const char* name, const data::Split* split) {
    if (split == nullptr) return;
    for_each_block(*split, [&](const std::vector<float>& rows, const std::vector<int32_t>& labels) {
      append(name, rows, labels);
    });
  }

  void append(const char* name, std::span<const float> values, std::span<const int32_t> labels) {
    constexpr size_t kRows = 1024;  // at once
    const size_t width = static_cast<size_t>(features_.size());
    const size_t count = values.size() / width;
    for (size_t first = 0; first < count; first += kRows) {
      const size_t n = std::min(kRows, count - first);
      const auto part = values.subspan(first * width, n * width);
      std::vector<float> standard(part.begin(), part.end());
      standardise(standardisation_, standard);
      io::Rows rows;
      rows.count = static_cast<int64_t>(n);
      rows.inputs.resize(standard.size() * sizeof(float));
      std::memcpy(rows.inputs.data(), standard.data(), rows.inputs.size());
      if (!labels.empty()) rows.labels.assign(labels.data() + first, labels.data() + first + n);
      writer_.append(name, rows);
    }
  }

  const Team& team_;
  const data::Dataset& pictures_;
  const DenseFeatures& features_;
  io::DatasetInfo info_;
  Standardisation standardisation_;  // rank 0's
  SharedWriter writer_;
};

}  // namespace

void write_features(const Team& team, const data::Dataset& pictures, const DenseFeatures& features,
                    const std::string& made_by, const std::string& output) {
  FeatureWriter(team, pictures, features, made_by, output).write();
}

}  // namespace lockstep::analysis
