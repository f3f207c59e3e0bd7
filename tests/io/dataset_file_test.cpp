#include "lockstep/io/dataset_file.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "errors.h"

namespace lockstep::io {
namespace {

class DatasetFileTest : public test::FolderTest {
 protected:
  const std::string file_ = path("data.h5");
};

DatasetInfo image_info() {
  DatasetInfo info;
  info.sample_dims = {1, 2, 3};
  info.scale = 1.0 / 255;
  info.offset = -0.5;
  info.classes = 10;
  info.source = "made for tests";
  return info;
}

DatasetInfo vector_info() {
  DatasetInfo info;
  info.sample_dims = {4};
  info.type = Type::kFloat32;
  info.target_dims = {2};
  return info;
}

// `count` samples from number `first` on, of which no two are alike.
Rows make_rows(const DatasetInfo& info, int64_t first, int64_t count) {
  int64_t size = 1;
  for (const int64_t dim : info.sample_dims) size *= dim;
  Rows rows;
  rows.count = count;
  for (int64_t i = first * size; i < (first + count) * size; ++i) {
    if (info.type == Type::kUint8) {
      rows.inputs.push_back(static_cast<unsigned char>(i * 7 % 251));
      continue;
    }
    const float value = static_cast<float>(i) * 0.25f;
    unsigned char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    rows.inputs.insert(rows.inputs.end(), bytes, bytes + sizeof value);
  }
  for (int64_t i = first; i < first + count; ++i) {
    if (info.classes > 0) rows.labels.push_back(static_cast<int32_t>(i % info.classes));
    for (int64_t j = 0; j < (info.target_dims.empty() ? 0 : info.target_dims[0]); ++j) {
      rows.targets.push_back(static_cast<float>(i - j));
    }
  }
  return rows;
}

void expect_equal(const Rows& a, const Rows& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.targets, b.targets);
}

void write_dataset(const std::string& path, const DatasetInfo& info, int64_t train = 20, int64_t part = 20) {
  DatasetWriter writer(path, info);
  for (int64_t first = 0; first < train; first += part) {
    writer.append("train", make_rows(info, first, std::min(part, train - first)));
  }
  writer.append("test", make_rows(info, 100, 5));
  writer.finish();
}

// A file as a user may write it with other tools: only what `change` does not leave out or put in its place.
class Foreign {
 public:
  explicit Foreign(const std::string& path) : file_(File::create(path)) {
    file_.set_attribute("/", "format", std::string_view("lockstep-dataset"));
    file_.set_attribute("/", "version", int64_t{1});
  }
  void inputs(const std::string& split, const std::vector<int64_t>& dims, Type type = Type::kFloat32) {
    size_t count = 1;
    for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
    file_.write("/" + split + "/inputs", type, dims, std::vector<double>(count + 1, 0).data());
  }
  void labels(const std::string& split, const std::vector<int64_t>& values) {
    file_.write("/" + split + "/labels", Type::kInt64, {static_cast<int64_t>(values.size())}, values.data());
  }
  File& file() { return file_; }
  std::string error() {
    const std::string path = file_.path();
    file_.close();
    return message_of([&] {
      const DatasetReader reader(path);
      if (reader.has("train")) reader.read("train", 0, reader.rows("train"));
    });
  }

 private:
  File file_;
};

TEST_F(DatasetFileTest, ImagesWithLabelsComeBack) {
  write_dataset(file_, image_info());
  const DatasetReader reader(file_);
  EXPECT_EQ(reader.info().sample_dims, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(reader.info().type, Type::kUint8);
  EXPECT_EQ(reader.info().scale, 1.0 / 255);
  EXPECT_EQ(reader.info().offset, -0.5);
  EXPECT_EQ(reader.info().classes, 10);
  EXPECT_EQ(reader.info().source, "made for tests");
  EXPECT_EQ(reader.rows("train"), 20);
  EXPECT_EQ(reader.rows("test"), 5);
  EXPECT_EQ(reader.rows("validation"), 0);
  EXPECT_TRUE(reader.has("test"));
  EXPECT_FALSE(reader.has("validation"));
  expect_equal(reader.read("train", 3, 11), make_rows(image_info(), 3, 11));
  expect_equal(reader.read("test", 0, 5), make_rows(image_info(), 100, 5));
  expect_equal(reader.read("test", 5, 0), make_rows(image_info(), 0, 0));
}

TEST_F(DatasetFileTest, VectorsWithTargetsAndNoLabelsComeBack) {
  write_dataset(file_, vector_info());
  const DatasetReader reader(file_);
  EXPECT_EQ(reader.info().classes, 0);
  EXPECT_EQ(reader.info().target_dims, std::vector<int64_t>{2});
  expect_equal(reader.read("train", 0, 20), make_rows(vector_info(), 0, 20));
}

TEST_F(DatasetFileTest, TheDigestIsOfTheContentsAndNotOfHowTheyWereAppended) {
  for (const DatasetInfo& info : {image_info(), vector_info()}) {
    write_dataset(path("a.h5"), info, 3000, 3000);
    write_dataset(path("b.h5"), info, 3000, 7);
    const DatasetReader a(path("a.h5"));
    const DatasetReader b(path("b.h5"));
    EXPECT_EQ(a.stated_digest(), a.compute_digest());
    EXPECT_EQ(a.stated_digest(), b.stated_digest());
  }
}

TEST_F(DatasetFileTest, TheDigestTellsDifferentContentsApart) {
  write_dataset(path("a.h5"), image_info(), 20);
  write_dataset(path("b.h5"), image_info(), 19);
  DatasetInfo scaled = image_info();
  scaled.scale = 1;
  write_dataset(path("c.h5"), scaled, 20);
  const std::string a = DatasetReader(path("a.h5")).compute_digest();
  EXPECT_NE(a, DatasetReader(path("b.h5")).compute_digest());
  EXPECT_NE(a, DatasetReader(path("c.h5")).compute_digest());
}

TEST_F(DatasetFileTest, AWriterThatDoesNotFinishLeavesWhatWasThere) {
  put_bytes(file_, "old");
  {
    DatasetWriter writer(file_, image_info());
    writer.append("train", make_rows(image_info(), 0, 20));
  }
  EXPECT_EQ(bytes_of(file_), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(DatasetFileTest, TheWriterRefusesWhatTheReaderWould) {
  DatasetWriter writer(file_, image_info());
  const Rows good = make_rows(image_info(), 0, 4);
  Rows rows = good;
  rows.labels[2] = 10;
  EXPECT_MESSAGE(message_of([&] { writer.append("train", rows); }),
                 "/train/labels of sample 2 hold 10; expected 0 to 9");
  writer.append("train", good);
  EXPECT_MESSAGE(message_of([&] { writer.append("train", rows); }), "sample 6");
  rows = good;
  rows.labels.pop_back();
  EXPECT_MESSAGE(message_of([&] { writer.append("train", rows); }), "3 labels; 4 expected");
  rows = good;
  rows.inputs.push_back(0);
  EXPECT_MESSAGE(message_of([&] { writer.append("train", rows); }), "25 bytes of inputs; 24 expected");
  EXPECT_MESSAGE(message_of([&] { writer.append("val", good); }), "expected train, validation or test");
  DatasetInfo info = image_info();
  info.sample_dims = {2, 3};
  EXPECT_MESSAGE(message_of([&] { DatasetWriter(path("b.h5"), info); }), "shape [2, 3]");
  EXPECT_MESSAGE(message_of([&] { DatasetWriter(path("b.h5"), image_info()).finish(); }), "without samples");
}

TEST_F(DatasetFileTest, AUsersFileNeedsOnlyFormatVersionAndInputs) {
  {
    Foreign foreign(file_);
    foreign.inputs("train", {3, 4});
    foreign.labels("train", {0, 6, 2});
    foreign.inputs("test", {1, 4});
    foreign.labels("test", {7});
    foreign.file().close();
  }
  const DatasetReader reader(file_);
  EXPECT_EQ(reader.info().scale, 1);
  EXPECT_EQ(reader.info().offset, 0);
  EXPECT_EQ(reader.info().classes, 8);
  EXPECT_EQ(reader.stated_digest(), std::nullopt);
  EXPECT_EQ(reader.read("train", 1, 2).labels, (std::vector<int32_t>{6, 2}));
}

TEST_F(DatasetFileTest, ForeignFilesAreCalledSo) {
  {
    File file = File::create(file_);
    file.write_string("/images", "none");
    file.close();
  }
  const std::string message = message_of([&] { DatasetReader reader(file_); });
  EXPECT_MESSAGE(message, file_);
  EXPECT_MESSAGE(message, "holds /images");
  EXPECT_MESSAGE(message, "datasets/README.md");
  Foreign other(path("b.h5"));
  other.file().set_attribute("/", "format", std::string_view("lockstep-checkpoint"));
  EXPECT_MESSAGE(other.error(), "`format` is \"lockstep-checkpoint\"");
  Foreign newer(path("c.h5"));
  newer.file().set_attribute("/", "version", int64_t{2});
  EXPECT_MESSAGE(newer.error(), "has version 2 of the dataset format; this program reads version 1");
  Foreign empty(path("d.h5"));
  EXPECT_MESSAGE(empty.error(), "has none of /train/inputs");
  put_bytes(path("e.h5"), "no HDF5");
  EXPECT_MESSAGE(message_of([&] { DatasetReader reader(path("e.h5")); }), "not an HDF5 file");
  EXPECT_MESSAGE(message_of([&] { DatasetReader reader(path("f.h5")); }), "No such file");
}

TEST_F(DatasetFileTest, WrongShapesAndTypesAreExplained) {
  Foreign three(path("a.h5"));
  three.inputs("train", {3, 4, 4});
  EXPECT_MESSAGE(three.error(), "/train/inputs has type float32 and shape [3, 4, 4]; expected [N, C, H, W]");
  Foreign doubles(path("b.h5"));
  doubles.inputs("train", {3, 4}, Type::kFloat64);
  EXPECT_MESSAGE(doubles.error(), "has type float64 and shape [3, 4]; expected uint8 or float32");
  Foreign none(path("c.h5"));
  none.inputs("train", {0, 4});
  EXPECT_MESSAGE(none.error(), "holds no samples");
  Foreign misnamed(path("d.h5"));
  misnamed.inputs("train", {3, 4});
  misnamed.inputs("val", {3, 4});
  EXPECT_MESSAGE(misnamed.error(), "has /val/inputs; a split is called /train, /validation or /test");
  Foreign lonely(path("e.h5"));
  lonely.inputs("train", {3, 4});
  lonely.labels("test", {1});
  EXPECT_MESSAGE(lonely.error(), "has /test without /test/inputs");
}

TEST_F(DatasetFileTest, SplitsHaveToBeAlike) {
  Foreign shapes(path("a.h5"));
  shapes.inputs("train", {3, 4});
  shapes.inputs("test", {3, 5});
  EXPECT_MESSAGE(shapes.error(), "/train and /test differ in the shape of samples: [4] and [5]");
  Foreign types(path("b.h5"));
  types.inputs("train", {3, 4});
  types.inputs("test", {3, 4}, Type::kUint8);
  EXPECT_MESSAGE(types.error(), "differ in the type of inputs: float32 and uint8");
  Foreign scales(path("c.h5"));
  scales.inputs("train", {3, 4});
  scales.inputs("test", {3, 4});
  scales.file().set_attribute("/train/inputs", "scale", 0.5);
  EXPECT_MESSAGE(scales.error(), "differ in the attribute `scale`: 0.5 and 1");
  Foreign labels(path("d.h5"));
  labels.inputs("train", {3, 4});
  labels.labels("train", {0, 1, 2});
  labels.inputs("test", {3, 4});
  EXPECT_MESSAGE(labels.error(), "differ in labels: present and none");
}

TEST_F(DatasetFileTest, WrongLabelsAreNamedBySplitAndSample) {
  Foreign fewer(path("a.h5"));
  fewer.inputs("train", {3, 4});
  fewer.labels("train", {0, 1});
  EXPECT_MESSAGE(fewer.error(), "/train/labels has 2 labels, but /train/inputs has 3 samples");
  Foreign outside(path("b.h5"));
  outside.inputs("train", {3, 4});
  outside.labels("train", {0, 5, 1});
  outside.file().set_attribute("/", "classes", int64_t{5});
  EXPECT_MESSAGE(outside.error(), "/train/labels of sample 1 hold 5; expected 0 to 4");
  Foreign negative(path("c.h5"));
  negative.inputs("train", {3, 4});
  negative.labels("train", {0, 1, -1});
  EXPECT_MESSAGE(negative.error(), "/train/labels of sample 2 hold -1");
  Foreign huge(path("d.h5"));
  huge.inputs("train", {1, 4});
  huge.labels("train", {int64_t{1} << 40});
  huge.file().set_attribute("/", "classes", int64_t{5});
  EXPECT_MESSAGE(huge.error(), "/train/labels of sample 0");
  Foreign fractions(path("e.h5"));
  fractions.inputs("train", {3, 4});
  fractions.file().write("/train/labels", Type::kFloat32, {3}, std::vector<float>(3, 0).data());
  EXPECT_MESSAGE(fractions.error(), "/train/labels has type float32 and shape [3]; expected one integer");
  Foreign none(path("f.h5"));
  none.inputs("train", {3, 4});
  none.labels("train", {0, 1, 2});
  none.file().set_attribute("/", "classes", int64_t{0});
  EXPECT_MESSAGE(none.error(), "the attribute `classes` of / is 0");
}

TEST_F(DatasetFileTest, ValuesThatAreNoNumbersAreNamedBySplitAndSample) {
  for (const float bad :
       {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(12, 1);
    values[9] = bad;
    Foreign inputs(path("a.h5"));
    inputs.file().write("/train/inputs", Type::kFloat32, {3, 4}, values.data());
    EXPECT_MESSAGE(inputs.error(), "/train/inputs of sample 2 hold");
    EXPECT_MESSAGE(message_of([&] { DatasetReader(path("a.h5")).compute_digest(); }),
                   "/train/inputs of sample 2 hold");
    Foreign targets(path("b.h5"));
    targets.inputs("train", {3, 4});
    targets.file().write("/train/targets", Type::kFloat32, {3, 4}, values.data());
    EXPECT_MESSAGE(targets.error(), "/train/targets of sample 2 hold");
    Foreign scale(path("c.h5"));
    scale.inputs("train", {3, 4});
    scale.file().set_attribute("/train/inputs", "scale", static_cast<double>(bad));
    EXPECT_MESSAGE(scale.error(), "the attribute `scale` of /train/inputs is");
  }
}

TEST_F(DatasetFileTest, RowsThatAreNotThereCannotBeRead) {
  write_dataset(file_, image_info());
  const DatasetReader reader(file_);
  EXPECT_MESSAGE(message_of([&] { reader.read("train", 15, 6); }), "/train has 20 samples; 6 from 15");
  EXPECT_MESSAGE(message_of([&] { reader.read("train", 0, int64_t{1} << 60); }), "/train has 20 samples");
  EXPECT_MESSAGE(message_of([&] { reader.read("validation", 0, 1); }), "has no split /validation");
}

TEST_F(DatasetFileTest, AFlippedBitIsAnErrorOrChangesNothing) {
  write_dataset(file_, image_info());
  const std::string whole = bytes_of(file_);
  const std::string digest = *DatasetReader(file_).stated_digest();
  int found = 0;
  for (size_t bit = 0; bit < whole.size() * 8; bit += 211) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    put_bytes(path("b.h5"), damaged);
    try {
      const DatasetReader reader(path("b.h5"));
      EXPECT_EQ(reader.compute_digest(), digest) << "bit " << bit << " changes what is read";
    } catch (const Error&) {
      ++found;
    }
  }
  EXPECT_GT(found, 100);
}

TEST_F(DatasetFileTest, ATruncatedDatasetIsAlwaysAnError) {
  write_dataset(file_, image_info());
  const std::string whole = bytes_of(file_);
  for (size_t length = 0; length < whole.size(); length += 1 + whole.size() / 100) {
    put_bytes(path("b.h5"), whole.substr(0, length));
    EXPECT_NE(message_of([&] { DatasetReader reader(path("b.h5")); }), "") << length;
  }
}

TEST_F(DatasetFileTest, AFullDiskLeavesNothingBehind) {
  const std::string message =
      error_with_little_disk(100000, [&] { write_dataset(file_, image_info(), 100000, 500); });
  EXPECT_MESSAGE(message, "cannot be written: File too large");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(DatasetFileTest, TwoThreadsReadAtOnceWithReadersOfTheirOwn) {
  const DatasetInfo info = image_info();
  write_dataset(file_, info, 5000, 1000);
  std::vector<int> good(2, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&, i] {
      const DatasetReader reader(file_);
      for (int64_t turn = 0; turn < 200; ++turn) {
        const int64_t first = turn * 23 + static_cast<int64_t>(i) * 100;
        good[i] += reader.read("train", first, 64).inputs == make_rows(info, first, 64).inputs ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(good.size(), 200));
}

}  // namespace
}  // namespace lockstep::io
