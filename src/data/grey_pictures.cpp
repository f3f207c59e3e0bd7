#include "grey_pictures.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "lockstep/core/error.h"
#include "lockstep/io/dataset_file.h"

namespace lockstep::data {
namespace {

constexpr int64_t kRowsPerPiece = 1024;

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string result;
  for (const int64_t d : dims) result += (result.empty() ? "" : "x") + std::to_string(d);
  return result;
}

// The stored values of some samples as levels from 0 to 255.
std::vector<unsigned char> levels_of(const io::DatasetReader& reader, const std::string& split, int64_t first,
                                     io::Rows rows) {
  const io::DatasetInfo& info = reader.info();
  if (info.type == io::Type::kUint8) return std::move(rows.inputs);
  std::vector<unsigned char> levels(rows.inputs.size() / sizeof(float));
  const size_t row_size = levels.size() / static_cast<size_t>(rows.count);
  for (size_t i = 0; i < levels.size(); ++i) {
    float raw = 0;
    std::memcpy(&raw, rows.inputs.data() + i * sizeof raw, sizeof raw);
    const double value = raw * info.scale + info.offset;
    if (!(value >= 0 && value <= 1)) {
      fail(reader.path(), ": sample ", first + static_cast<int64_t>(i / row_size), " of ", split,
           " has the value ", value, "; expected float32 pictures of values from 0, black, to 1, white");
    }
    levels[i] = static_cast<unsigned char>(std::floor(255 * value + 0.5));
  }
  return levels;
}

unsigned char grey_of(int red, int green, int blue) {
  return static_cast<unsigned char>((299 * red + 587 * green + 114 * blue + 500) / 1000);
}

void append_grey(const std::vector<unsigned char>& levels, int64_t channels, int64_t plane,
                 std::vector<unsigned char>& grey) {
  if (channels == 1) {
    grey.insert(grey.end(), levels.begin(), levels.end());
    return;
  }
  for (auto red = levels.begin(); red != levels.end(); red += 3 * plane) {
    for (int64_t i = 0; i < plane; ++i) grey.push_back(grey_of(red[i], red[plane + i], red[2 * plane + i]));
  }
}

}  // namespace

GreyPictures::GreyPictures(const std::string& path, const std::string& split) : path_(path) {
  const io::DatasetReader reader(path);
  const std::vector<int64_t>& dims = reader.info().sample_dims;
  if (dims.size() != 3 || (dims[0] != 1 && dims[0] != 3)) {
    fail(path, ": its samples are ", dims_text(dims),
         "; expected pictures: 1 or 3 channels x height x width");
  }
  if (!reader.has(split)) {
    fail(path, ": it has no /", split, ", of which the ", split, " samples are to be made; ",
         split == "test" ? "add --generate-test 0, or " : "", "give a dataset that has one");
  }
  name_ = std::filesystem::path(path).filename().string();
  if (reader.stated_digest()) name_ += text(" (digest ", *reader.stated_digest(), ")");
  classes_ = reader.info().classes;
  count_ = reader.rows(split);
  height_ = dims[1];
  width_ = dims[2];
  pixels_.reserve(static_cast<size_t>(count_ * height_ * width_));
  for (int64_t first = 0; first < count_; first += kRowsPerPiece) {
    io::Rows rows = reader.read(split, first, std::min(kRowsPerPiece, count_ - first));
    labels_.insert(labels_.end(), rows.labels.begin(), rows.labels.end());
    append_grey(levels_of(reader, split, first, std::move(rows)), dims[0], height_ * width_, pixels_);
  }
}

void GreyPictures::require_at_least(int64_t height, int64_t width) const {
  if (height_ >= height && width_ >= width) return;
  fail(path_, ": its pictures are ", height_, "x", width_, "; expected at least ", height, "x", width,
       ", to cut patches from");
}

void GreyPictures::require_exactly(int64_t height, int64_t width) const {
  if (height_ == height && width_ == width) return;
  fail(path_, ": its pictures are ", height_, "x", width_, "; expected digits of ", height, "x", width,
       ", such as MNIST's");
}

}  // namespace lockstep::data
