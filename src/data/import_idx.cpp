// IDX, the format of MNIST and its relatives: a big-endian header (a magic number that tells type and number
// of dimensions, then the dimensions), then the bytes. Images and labels lie in files of their own.
#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <optional>
#include <utility>

#include "importers.h"
#include "lockstep/core/error.h"
#include "lockstep/io/dataset_file.h"
#include "source_file.h"

namespace lockstep::data {
namespace {

constexpr uint32_t kImagesMagic = 0x803;  // unsigned bytes, 3 dimensions
constexpr uint32_t kLabelsMagic = 0x801;  // unsigned bytes, 1 dimension
constexpr uint32_t kLargestSide = 1 << 14;
constexpr size_t kPieceBytes = size_t{4} << 20;
constexpr std::array<const char*, 2> kSplits = {"train", "test"};

// One file, its header read and checked.
class IdxFile {
 public:
  explicit IdxFile(const std::string& path) : file_(path) {
    file_.expect("an IDX file, which starts with a header of 8 (labels) or 16 bytes (images)");
    const uint32_t magic = number();
    if (magic != kImagesMagic && magic != kLabelsMagic) {
      fail(path, ": starts with 0x", std::hex, std::setw(8), std::setfill('0'), magic,
           "; expected 0x00000803 (IDX, images of bytes) or 0x00000801 (IDX, labels)");
    }
    images_ = magic == kImagesMagic;
    count_ = number();
    if (images_) read_sides();
    if (count_ == 0) fail(path, ": its header states no records; expected at least one");
    file_.expect(contents());
  }

  const std::string& path() const { return file_.path(); }
  bool has_images() const { return images_; }
  size_t count() const { return count_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  size_t record_bytes() const { return size_t{height_} * width_; }

  void read(unsigned char* out, size_t records) { file_.read(out, records * record_bytes()); }
  void read_end() { file_.read_end(); }

 private:
  uint32_t number() {
    std::array<unsigned char, 4> bytes{};
    file_.read(bytes.data(), bytes.size());
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
  }

  void read_sides() {
    height_ = number();
    width_ = number();
    if (std::min(height_, width_) < 1 || std::max(height_, width_) > kLargestSide) {
      fail(path(), ": its header states images of ", height_, " x ", width_, "; expected sides of 1..",
           kLargestSide, "; it is damaged or of another format");
    }
  }

  std::string contents() const {
    const size_t bytes = (images_ ? 16 : 8) + count_ * record_bytes();
    if (!images_) return text(count_, " labels as its header states, ", bytes, " bytes in all");
    return text(count_, " images of ", height_, " x ", width_, " as its header states, ", bytes,
                " bytes in all");
  }

  SourceFile file_;
  bool images_ = false;
  size_t count_ = 0;
  uint32_t height_ = 1;
  uint32_t width_ = 1;
};

struct Pair {
  std::optional<IdxFile> images;
  std::optional<IdxFile> labels;
  bool empty() const { return !images && !labels; }
};

// "train-images-idx3-ubyte", and how else that name is in circulation.
std::vector<std::string> spellings(const std::string& prefix, const std::string& suffix) {
  const std::string dash = prefix + "-" + suffix;
  const std::string dot = prefix + "." + suffix;
  return {dash, dash + ".gz", dot, dot + ".gz"};
}

std::optional<std::string> find_in(const std::string& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    if (is_there(path)) return path.string();
  }
  return std::nullopt;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const std::string split : {"train", "t10k"}) {
    const std::vector<std::string> image_names = spellings(split + "-images", "idx3-ubyte");
    const std::vector<std::string> label_names = spellings(split + "-labels", "idx1-ubyte");
    const auto images = find_in(folder, image_names);
    const auto labels = find_in(folder, label_names);
    if (split == "t10k" && !images && !labels) continue;  // a test set is optional
    if (!images) fail(folder, ": no images found in this folder; looked for ", join(image_names));
    if (!labels)
      fail(folder, ": no labels found for ", file_name(*images), "; looked for ", join(label_names));
    files.insert(files.end(), {*images, *labels});
  }
  return files;
}

size_t split_of(const std::string& path) { return is_test_file(path) ? 1 : 0; }  // of kSplits

void check_pair(const Pair& pair, const char* split, const std::vector<std::string>& files) {
  for (const bool images : {true, false}) {
    if (images ? pair.images.has_value() : pair.labels.has_value()) continue;
    fail("import idx: no ", split, (images ? " images" : " labels"), " among ", join(files),
         "; expected an images file and a labels file a split (those of the test split have \"t10k\" or "
         "\"test\" in their names)");
  }
  if (pair.images->count() != pair.labels->count()) {
    fail(pair.images->path(), ": holds ", pair.images->count(), " images, but ", pair.labels->path(),
         " holds ", pair.labels->count(), " labels; expected as many; they are not of one set");
  }
}

std::array<Pair, 2> open_pairs(const std::vector<std::string>& files) {
  std::array<Pair, 2> pairs;
  for (const std::string& path : files) {
    IdxFile file(path);
    Pair& pair = pairs[split_of(path)];
    std::optional<IdxFile>& slot = file.has_images() ? pair.images : pair.labels;
    if (slot) {
      fail("import idx: both ", slot->path(), " and ", path, " hold ", kSplits[split_of(path)],
           file.has_images() ? " images" : " labels",
           "; expected one images file and one labels file a split");
    }
    slot = std::move(file);
  }
  check_pair(pairs[0], kSplits[0], files);
  if (pairs[1].empty()) return pairs;
  check_pair(pairs[1], kSplits[1], files);
  const IdxFile& train = *pairs[0].images;
  const IdxFile& test = *pairs[1].images;
  if (test.height() != train.height() || test.width() != train.width()) {
    fail(test.path(), ": holds images of ", test.height(), " x ", test.width(), "; expected ", train.height(),
         " x ", train.width(), " as in ", train.path());
  }
  return pairs;
}

std::vector<unsigned char> read_labels(IdxFile& file) {
  // Grown by pieces: a damaged header may state billions.
  std::vector<unsigned char> labels;
  while (labels.size() < file.count()) {
    const size_t done = labels.size();
    labels.resize(std::min(file.count(), done + kPieceBytes));
    file.read(labels.data() + done, labels.size() - done);
  }
  file.read_end();
  return labels;
}

// The format does not state the number of classes: the training labels do.
void check_labels(const std::vector<unsigned char>& labels, int64_t classes, const std::string& path) {
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](auto label) { return label >= classes; });
  if (wrong == labels.end()) return;
  fail(path, ": record ", wrong - labels.begin(), " has label ", int{*wrong}, "; expected 0..", classes - 1,
       ", the range of the training labels; the files are damaged or not of one set");
}

void append_split(IdxFile& images, const std::vector<unsigned char>& labels, const char* split,
                  io::DatasetWriter& writer) {
  const size_t piece = std::max<size_t>(kPieceBytes / images.record_bytes(), 1);
  io::Rows rows;
  for (size_t done = 0; done < images.count();) {
    const size_t count = std::min(piece, images.count() - done);
    rows.count = static_cast<int64_t>(count);
    rows.inputs.resize(count * images.record_bytes());
    images.read(rows.inputs.data(), count);
    const auto first = labels.begin() + static_cast<std::ptrdiff_t>(done);
    rows.labels.assign(first, first + static_cast<std::ptrdiff_t>(count));
    writer.append(split, rows);
    done += count;
  }
  images.read_end();
}

}  // namespace

void import_idx(const std::vector<std::string>& sources, const std::string& output) {
  const std::vector<std::string> files =
      sources.size() == 1 && is_folder(sources[0]) ? files_in(sources[0]) : sources;
  std::array<Pair, 2> pairs = open_pairs(files);
  std::array<std::vector<unsigned char>, 2> labels;
  for (size_t split = 0; split < pairs.size(); ++split) {
    if (pairs[split].labels) labels[split] = read_labels(*pairs[split].labels);
  }
  std::vector<std::string> names;
  for (const std::string& file : files) names.push_back(file_name(file));
  io::DatasetInfo info;
  info.sample_dims = {1, pairs[0].images->height(), pairs[0].images->width()};
  info.type = io::Type::kUint8;
  info.scale = 1.0 / 255;
  info.classes = 1 + int64_t{*std::max_element(labels[0].begin(), labels[0].end())};
  info.source = "imported: idx from " + join(names);
  if (pairs[1].labels) check_labels(labels[1], info.classes, pairs[1].labels->path());
  io::DatasetWriter writer(output, info);
  for (size_t split = 0; split < pairs.size(); ++split) {
    if (pairs[split].images) append_split(*pairs[split].images, labels[split], kSplits[split], writer);
  }
  writer.finish();
}

}  // namespace lockstep::data
