#include "lockstep/io/file.h"

#include <cstring>
#include <numeric>
#include <optional>
#include <thread>

#include "errors.h"

namespace lockstep::io {
namespace {

using FileTest = test::FolderTest;

std::vector<float> counting(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.5f);
  return values;
}

// A little of everything that a checkpoint or dataset holds.
void write_sample(const std::string& path) {
  File file = File::create(path);
  file.set_attribute("/", "format", std::string_view("sample"));
  file.set_attribute("/", "version", int64_t{7});
  file.set_attribute("/", "rate", 0.25);
  file.write("/parameters/conv1/weights", Type::kFloat32, {5, 2, 3}, counting(30).data());
  file.write_string("/config", "layer = conv 20\n");
  file.write_table("/history", {{"step", "loss"}, {1, 0.5, 2, 0.25, 3, 0.125}});
  const int64_t step = 42;
  file.write("/state/step", Type::kInt64, {}, &step);
  file.create_rows("/rows", Type::kUint8, {4});
  file.append("/rows", 3, "abcdefghijkl");
  file.close();
}

// All of it that the file states, as text; an Error where the file is damaged.
std::string everything(const std::string& path) {
  const File file = File::open(path);
  std::string all = file.string_attribute("/", "format") +
                    std::to_string(file.int_attribute("/", "version")) +
                    std::to_string(file.float_attribute("/", "rate")) + file.read_string("/config");
  for (const std::string& child : file.children("/")) all += "," + child;
  for (const std::string& child : file.children("/parameters/conv1")) all += "," + child;
  const ArrayInfo info = file.info("/parameters/conv1/weights");
  for (const int64_t dim : info.dims) all += " " + std::to_string(dim);
  std::vector<float> weights(30);
  file.read_all("/parameters/conv1/weights", Type::kFloat32, weights.data());
  for (const float weight : weights) all += " " + std::to_string(weight);
  const Table table = file.read_table("/history");
  for (const std::string& column : table.columns) all += " " + column;
  for (const double value : table.values) all += " " + std::to_string(value);
  int64_t step = 0;
  file.read_all("/state/step", Type::kInt64, &step);
  std::string rows(12, ' ');
  file.read_rows("/rows", 0, 3, Type::kUint8, rows.data());
  return all + std::to_string(step) + rows;
}

TEST_F(FileTest, WhatWasWrittenIsRead) {
  write_sample(path("a.h5"));
  const File file = File::open(path("a.h5"));
  EXPECT_EQ(file.string_attribute("/", "format"), "sample");
  EXPECT_EQ(file.int_attribute("/", "version"), 7);
  EXPECT_EQ(file.float_attribute("/", "rate"), 0.25);
  EXPECT_EQ(file.read_string("/config"), "layer = conv 20\n");
  std::vector<float> weights(30);
  file.read_all("/parameters/conv1/weights", Type::kFloat32, weights.data());
  EXPECT_EQ(weights, counting(30));
  int64_t step = 0;
  file.read_all("/state/step", Type::kInt64, &step);
  EXPECT_EQ(step, 42);
  const Table table = file.read_table("/history");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"step", "loss"}));
  EXPECT_EQ(table.values, (std::vector<double>{1, 0.5, 2, 0.25, 3, 0.125}));
  EXPECT_EQ(table.rows(), 3);
}

TEST_F(FileTest, TheSameContentsGiveTheSameBytes) {
  write_sample(path("a.h5"));
  write_sample(path("b.h5"));
  EXPECT_EQ(bytes_of(path("a.h5")), bytes_of(path("b.h5")));
}

TEST_F(FileTest, InfoTellsTypeAndShape) {
  write_sample(path("a.h5"));
  const File file = File::open(path("a.h5"));
  const ArrayInfo info = file.info("/parameters/conv1/weights");
  EXPECT_EQ(info.type, Type::kFloat32);
  EXPECT_EQ(info.dims, (std::vector<int64_t>{5, 2, 3}));
  EXPECT_EQ(info.stored_type, "float32");
  EXPECT_FALSE(info.is_integer);
  EXPECT_EQ(file.info("/state/step").dims, std::vector<int64_t>{});
  EXPECT_EQ(file.info("/rows").type, Type::kUint8);
  EXPECT_EQ(file.info("/config").type, Type::kString);
  EXPECT_EQ(file.info("/history").stored_type, "compound");
}

TEST_F(FileTest, ChildrenComeInTheOrderOfCreation) {
  File file = File::create(path("a.h5"));
  const std::vector<std::string> names = {"z", "b", "a", "y", "c", "m", "d", "x", "k", "e", "f", "w"};
  for (const std::string& name : names) file.write_string("/layers/" + name + "/text", name);
  file.create_group("/before");
  file.close();
  EXPECT_EQ(File::open(path("a.h5")).children("/layers"), names);
  EXPECT_EQ(File::open(path("a.h5")).children("/"), (std::vector<std::string>{"layers", "before"}));
}

TEST_F(FileTest, ObjectsAreToldApart) {
  write_sample(path("a.h5"));
  const File file = File::open(path("a.h5"));
  EXPECT_TRUE(file.exists("/"));
  EXPECT_TRUE(file.exists("/parameters/conv1"));
  EXPECT_FALSE(file.exists("/parameters/conv2/weights"));
  EXPECT_FALSE(file.exists("/config/below-an-array"));
  EXPECT_TRUE(file.is_group("/parameters"));
  EXPECT_TRUE(file.is_group("/"));
  EXPECT_FALSE(file.is_group("/config"));
  EXPECT_FALSE(file.is_group("/nowhere"));
  EXPECT_TRUE(file.has_attribute("/", "rate"));
  EXPECT_FALSE(file.has_attribute("/", "speed"));
}

TEST_F(FileTest, RowsAppendedInPiecesAreReadInOtherPieces) {
  const std::vector<float> values = counting(5000 * 6);
  File file = File::create(path("a.h5"));
  file.create_rows("/rows", Type::kFloat32, {2, 3});
  for (int64_t first = 0, rows = 1; first < 5000;
       first += rows, rows = std::min<int64_t>(rows * 2, 5000 - first)) {
    file.append("/rows", std::min<int64_t>(rows, 5000 - first), values.data() + first * 6);
  }
  file.close();
  const File read = File::open(path("a.h5"));
  ASSERT_EQ(read.info("/rows").dims, (std::vector<int64_t>{5000, 2, 3}));
  for (const int64_t first : {0, 1, 1023, 1024, 4000}) {
    std::vector<float> part(900 * 6);
    read.read_rows("/rows", first, 900, Type::kFloat32, part.data());
    EXPECT_EQ(std::memcmp(part.data(), values.data() + first * 6, part.size() * sizeof(float)), 0) << first;
  }
}

TEST_F(FileTest, AnArrayOfManyChunksComesBackWhole) {
  const std::vector<float> values = counting(3 * 1000 * 700);
  File file = File::create(path("a.h5"));
  file.write("/wide", Type::kFloat32, {3, 700000}, values.data());
  file.write("/tall", Type::kFloat32, {700000, 3}, values.data());
  file.close();
  for (const char* name : {"/wide", "/tall"}) {
    std::vector<float> read(values.size());
    File::open(path("a.h5")).read_all(name, Type::kFloat32, read.data());
    EXPECT_EQ(read, values) << name;
  }
}

TEST_F(FileTest, NumbersAreConvertedToTheTypeAskedFor) {
  const std::vector<int32_t> values = {-3, 0, 100000};
  File file = File::create(path("a.h5"));
  file.write("/numbers", Type::kInt32, {3}, values.data());
  file.set_attribute("/", "whole", 10.0);
  file.set_attribute("/", "large", int64_t{9007199254740993});
  file.close();
  const File read = File::open(path("a.h5"));
  std::vector<double> doubles(3);
  read.read_all("/numbers", Type::kFloat64, doubles.data());
  EXPECT_EQ(doubles, (std::vector<double>{-3, 0, 100000}));
  EXPECT_EQ(read.int_attribute("/", "whole"), 10);
  EXPECT_EQ(read.int_attribute("/", "large"), 9007199254740993);
}

TEST_F(FileTest, EmptyThingsAndLongTextsComeBack) {
  const std::string longer(200000, 'x');
  File file = File::create(path("a.h5"));
  file.write_string("/empty", "");
  file.write_string("/long", longer);
  file.write("/none", Type::kFloat32, {0, 3}, nullptr);
  file.write_table("/history", {{"step"}, {}});
  file.set_attribute("/", "source", std::string_view(""));
  file.set_attribute("/", "source", std::string_view("gr\xC3\xBC\xC3\x9F"));
  file.close();
  const File read = File::open(path("a.h5"));
  EXPECT_EQ(read.read_string("/empty"), "");
  EXPECT_EQ(read.read_string("/long"), longer);
  EXPECT_EQ(read.info("/none").dims, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(read.read_table("/history").rows(), 0);
  EXPECT_EQ(read.string_attribute("/", "source"), "gr\xC3\xBC\xC3\x9F");
}

TEST_F(FileTest, MessagesNameFileAndObject) {
  write_sample(path("a.h5"));
  const File file = File::open(path("a.h5"));
  float value = 0;
  const std::string absent = message_of([&] { file.read_all("/parameters/conv2", Type::kFloat32, &value); });
  EXPECT_MESSAGE(absent, path("a.h5"));
  EXPECT_MESSAGE(absent, "has no /parameters/conv2");
  EXPECT_MESSAGE(message_of([&] { file.read_all("/config", Type::kFloat32, &value); }),
                 "/config is of type string");
  EXPECT_MESSAGE(message_of([&] { file.read_all("/state", Type::kFloat32, &value); }), "/state is no array");
  EXPECT_MESSAGE(message_of([&] { file.read_rows("/rows", 2, 2, Type::kUint8, &value); }),
                 "/rows has 3 rows");
  EXPECT_MESSAGE(message_of([&] { file.read_rows("/rows", -1, 1, Type::kUint8, &value); }),
                 "/rows has 3 rows");
  EXPECT_MESSAGE(message_of([&] { file.read_string("/rows"); }), "expected one string");
  EXPECT_MESSAGE(message_of([&] { file.read_table("/rows"); }), "expected a table");
  EXPECT_MESSAGE(message_of([&] { file.children("/rows"); }), "/rows is no group");
  EXPECT_MESSAGE(message_of([&] { file.int_attribute("/", "format"); }), "expected a number");
  EXPECT_MESSAGE(message_of([&] { file.int_attribute("/", "rate"); }), "expected a whole number");
  EXPECT_MESSAGE(message_of([&] { file.string_attribute("/", "rate"); }), "expected a string");
  EXPECT_MESSAGE(message_of([&] { file.string_attribute("/", "speed"); }), "no attribute `speed`");
}

TEST_F(FileTest, WhatCannotBeOpenedIsExplained) {
  EXPECT_MESSAGE(message_of([&] { File::open(path("a.h5")); }), "No such file");
  EXPECT_MESSAGE(message_of([&] { File::open(folder()); }), "is a folder");
  put_bytes(path("empty.h5"), "");
  EXPECT_MESSAGE(message_of([&] { File::open(path("empty.h5")); }), "is empty");
  put_bytes(path("text.h5"), "layer = conv 20\n");
  EXPECT_MESSAGE(message_of([&] { File::open(path("text.h5")); }), "not an HDF5 file");
  EXPECT_MESSAGE(message_of([&] { File::create(path("absent/a.h5")); }), "does not exist");
  EXPECT_MESSAGE(message_of([&] { File::create(folder()); }), "Is a directory");
}

TEST_F(FileTest, ATruncatedFileIsAlwaysAnError) {
  write_sample(path("a.h5"));
  const std::string whole = bytes_of(path("a.h5"));
  for (size_t length = 0; length < whole.size(); length += 1 + length / 50) {
    put_bytes(path("b.h5"), whole.substr(0, length));
    EXPECT_NE(message_of([&] { everything(path("b.h5")); }), "") << length;
  }
  put_bytes(path("b.h5"), whole.substr(0, whole.size() - 1));
  EXPECT_MESSAGE(message_of([&] { everything(path("b.h5")); }), "is cut short");
}

TEST_F(FileTest, AFlippedBitIsAnErrorOrChangesNothing) {
  write_sample(path("a.h5"));
  const std::string whole = bytes_of(path("a.h5"));
  const std::string expected = everything(path("a.h5"));
  int found = 0;
  for (size_t bit = 0; bit < whole.size() * 8; bit += 41) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    put_bytes(path("b.h5"), damaged);
    try {
      EXPECT_EQ(everything(path("b.h5")), expected) << "bit " << bit << " changes what is read";
    } catch (const Error&) {
      ++found;
    }
  }
  EXPECT_GT(found, 0);
}

TEST_F(FileTest, DamageInAnArrayIsToldByItsName) {
  write_sample(path("a.h5"));
  std::string damaged = bytes_of(path("a.h5"));
  const size_t at = damaged.find("abcdefghijkl");
  ASSERT_NE(at, std::string::npos);
  damaged[at + 5] = 'F';
  put_bytes(path("a.h5"), damaged);
  const std::string message = message_of([&] { everything(path("a.h5")); });
  EXPECT_MESSAGE(message, "/rows is damaged");
  EXPECT_MESSAGE(message, "checksum");
  EXPECT_MESSAGE(message, "restore the file from a copy or create it again");
}

TEST_F(FileTest, AFullDiskIsOneErrorWhereverItStrikes) {
  for (const rlim_t bytes : {100, 1000, 5000, 100000, 3000000}) {
    const std::string message = error_with_little_disk(bytes, [&] {
      File file = File::create(path("a.h5"));
      const std::vector<float> values = counting(1 << 20);
      file.write("/weights", Type::kFloat32, {1 << 10, 1 << 10}, values.data());
      file.create_rows("/rows", Type::kFloat32, {1 << 10});
      file.append("/rows", 1 << 10, values.data());
      file.close();
    });
    EXPECT_MESSAGE(message, path("a.h5"));
    EXPECT_MESSAGE(message, "cannot be written: File too large");
  }
}

TEST_F(FileTest, AfterAFullDiskOtherFilesCanBeWritten) {
  const std::string message = error_with_little_disk(50000, [&] {
    std::optional<Error> error;
    try {
      File file = File::create(path("large.h5"));
      file.write("/weights", Type::kFloat32, {1 << 20}, counting(1 << 20).data());
      file.close();
    } catch (const Error& caught) {
      error = caught;
    }
    write_sample(path("small.h5"));
    if (error) throw *error;
  });
  EXPECT_MESSAGE(message, "large.h5");
  EXPECT_NE(everything(path("small.h5")), "");
  EXPECT_EQ(std::filesystem::file_size(path("large.h5")), 0u) << "its space is not given back";
}

TEST_F(FileTest, ThreadsWithFilesOfTheirOwnDoNotDisturbEachOther) {
  write_sample(path("a.h5"));
  const std::string expected = everything(path("a.h5"));
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int turn = 0; turn < 50; ++turn) {
        if (i % 2 == 1) write_sample(path("b" + std::to_string(i)));
        good[i] += everything(path(i % 2 == 1 ? "b" + std::to_string(i) : "a.h5")) == expected ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(good.size(), 50));
}

}  // namespace
}  // namespace lockstep::io
