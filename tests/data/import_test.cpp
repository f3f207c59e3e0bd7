#include "lockstep/data/import.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "lockstep/core/error.h"
#include "lockstep/io/dataset_file.h"
#include "support/folder.h"

namespace lockstep::data {
namespace {

namespace fs = std::filesystem;

class ImportTest : public test::FolderTest {
 protected:
  ImportTest() { fs::create_directory(folder_ / "out"); }

  // A name that ends in .gz is gzipped.
  std::string put(const std::string& name, const std::string& bytes) const {
    if (!name.ends_with(".gz")) {
      std::ofstream(path(name), std::ios::binary) << bytes;
      return path(name);
    }
    gzFile file = gzopen(path(name).c_str(), "wb");
    EXPECT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())),
              static_cast<int>(bytes.size()));
    EXPECT_EQ(gzclose(file), Z_OK);
    return path(name);
  }

  std::string bytes_of(const std::string& name) const { return test::bytes_of(path(name)); }

  // Without sources: of the test's folder.
  io::DatasetReader imported(const std::string& format, std::vector<std::string> sources = {}) const {
    if (sources.empty()) sources = {folder()};
    import_dataset(format, sources, output_);
    return io::DatasetReader(output_);
  }

  // Expects an Error whose message has all these parts, and nothing left behind.
  void expect_refused(const std::string& format, const std::vector<std::string>& sources,
                      const std::vector<std::string>& parts) const {
    try {
      import_dataset(format, sources, output_);
      ADD_FAILURE() << "no error was reported";
    } catch (const Error& error) {
      const std::string message = error.what();
      for (const std::string& part : parts) {
        EXPECT_NE(message.find(part), std::string::npos) << "\"" << part << "\" is not in: " << message;
      }
    }
    EXPECT_TRUE(fs::is_empty(folder_ / "out")) << "something was left behind";
  }

  const std::string output_ = path("out/data.h5");
};

// ---- IDX ----

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

unsigned char pixel(size_t i) { return static_cast<unsigned char>(i * 7 % 251); }

std::string idx_images(uint32_t count, uint32_t height = 3, uint32_t width = 2) {
  std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width);
  for (size_t i = 0; i < size_t{count} * height * width; ++i) bytes += static_cast<char>(pixel(i));
  return bytes;
}

std::string idx_labels(uint32_t count, uint32_t classes = 10) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % classes);
  return bytes;
}

// `rows` first samples of what idx_images() and idx_labels() make.
void expect_samples(const io::DatasetReader& file, const std::string& split, int64_t rows, size_t bytes = 6) {
  ASSERT_EQ(file.rows(split), rows);
  const io::Rows read = file.read(split, 0, rows);
  for (size_t i = 0; i < static_cast<size_t>(rows) * bytes; ++i) ASSERT_EQ(read.inputs[i], pixel(i)) << i;
  for (size_t i = 0; i < static_cast<size_t>(rows); ++i) ASSERT_EQ(read.labels[i], i % 10) << i;
}

class IdxTest : public ImportTest {
 protected:
  void put_train(const std::string& ending = "") const {
    put("train-images-idx3-ubyte" + ending, idx_images(20));
    put("train-labels-idx1-ubyte" + ending, idx_labels(20));
  }
  void put_test(const std::string& ending = "") const {
    put("t10k-images-idx3-ubyte" + ending, idx_images(12));
    put("t10k-labels-idx1-ubyte" + ending, idx_labels(12));
  }
};

TEST_F(IdxTest, AFolderOfPlainFilesGivesTrainAndTest) {
  put_train();
  put_test();
  const io::DatasetReader file = imported("idx");
  EXPECT_EQ(file.info().sample_dims, (std::vector<int64_t>{1, 3, 2}));
  EXPECT_EQ(file.info().type, io::Type::kUint8);
  EXPECT_EQ(file.info().scale, 1.0 / 255);
  EXPECT_EQ(file.info().offset, 0);
  EXPECT_EQ(file.info().classes, 10);
  EXPECT_NE(file.info().source.find("train-images-idx3-ubyte"), std::string::npos);
  expect_samples(file, "train", 20);
  expect_samples(file, "test", 12);
}

TEST_F(IdxTest, GzippedFilesAreAsGood) {
  put_train(".gz");
  put_test(".gz");
  const io::DatasetReader file = imported("idx");
  expect_samples(file, "train", 20);
  expect_samples(file, "test", 12);
}

TEST_F(IdxTest, ADotBeforeIdxIsAsGood) {
  put("train-images.idx3-ubyte", idx_images(20));
  put("train-labels.idx1-ubyte.gz", idx_labels(20));
  expect_samples(imported("idx"), "train", 20);
}

TEST_F(IdxTest, ATestSetIsOptional) {
  put_train();
  EXPECT_FALSE(imported("idx").has("test"));
}

TEST_F(IdxTest, FilesAreToldApartByContentAndName) {
  const std::string a = put("my-test-set.y", idx_labels(12));
  const std::string b = put("T10K.x", idx_images(12));
  const std::string c = put("latest-train.gz", idx_labels(20));
  const std::string d = put("pictures", idx_images(20));
  const io::DatasetReader file = imported("idx", {a, b, c, d});
  expect_samples(file, "train", 20);
  expect_samples(file, "test", 12);
}

TEST_F(IdxTest, ManyPiecesMakeOneSet) {
  put("train-images-idx3-ubyte.gz", idx_images(3000, 50, 40));  // 6 MB
  put("train-labels-idx1-ubyte.gz", idx_labels(3000));
  expect_samples(imported("idx"), "train", 3000, 50 * 40);
}

TEST_F(IdxTest, TheTrainingLabelsTellTheNumberOfClasses) {
  put("train-images-idx3-ubyte", idx_images(60));
  put("train-labels-idx1-ubyte", idx_labels(60, 26));
  EXPECT_EQ(imported("idx").info().classes, 26);
}

TEST_F(IdxTest, AFolderWithoutImagesIsToldWhatWasLookedFor) {
  expect_refused("idx", {folder()},
                 {folder(), "no images", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte"});
}

TEST_F(IdxTest, AFolderWithImagesAloneIsToldWhatIsMissing) {
  put("train-images-idx3-ubyte", idx_images(20));
  expect_refused("idx", {folder()}, {"no labels", "train-images-idx3-ubyte", "train-labels.idx1-ubyte"});
  put_train();
  put("t10k-labels-idx1-ubyte", idx_labels(12));
  expect_refused("idx", {folder()}, {"no images", "t10k-images-idx3-ubyte"});
}

TEST_F(IdxTest, AMissingFileIsRefused) {
  put_train();
  expect_refused("idx", {path("train-images-idx3-ubyte"), path("labels")}, {path("labels"), "no such file"});
  expect_refused("idx", {path("nowhere")}, {path("nowhere"), "no such file"});
}

TEST_F(IdxTest, AFolderAmongFilesIsRefused) {
  put_train();
  expect_refused("idx", {path("train-images-idx3-ubyte"), folder()}, {folder(), "is a folder"});
}

TEST_F(IdxTest, AnotherMagicNumberIsRefused) {
  put_train();
  const std::string other = put("other", big_endian(0xd03) + std::string(100, '\0'));
  expect_refused("idx", {other, path("train-labels-idx1-ubyte")},
                 {other, "0x00000d03", "0x00000803", "0x00000801"});
}

TEST_F(IdxTest, APlainFileThatIsCutShortIsRefused) {
  put_train();
  put("train-images-idx3-ubyte", idx_images(20).substr(0, 100));
  expect_refused("idx", {folder()},
                 {"train-images-idx3-ubyte", "cut short", "100 bytes", "20 images of 3 x 2", "136 bytes"});
  put_train();
  put("train-labels-idx1-ubyte", idx_labels(20).substr(0, 27));
  expect_refused("idx", {folder()},
                 {"train-labels-idx1-ubyte", "cut short", "27 bytes", "20 labels", "28 bytes"});
}

TEST_F(IdxTest, AFileThatIsCutShortWithinItsHeaderIsRefused) {
  put_train();
  for (const size_t bytes : {0, 3, 7, 13}) {
    put("train-images-idx3-ubyte", idx_images(20).substr(0, bytes));
    expect_refused("idx", {folder()}, {"train-images-idx3-ubyte", "cut short", "header"});
  }
}

TEST_F(IdxTest, AGzipFileThatIsCutShortAnywhereIsRefused) {
  put_train(".gz");
  const std::string whole = bytes_of("train-images-idx3-ubyte.gz");
  for (size_t bytes = 2; bytes < whole.size(); ++bytes) {
    std::ofstream(path("train-images-idx3-ubyte.gz"), std::ios::binary) << whole.substr(0, bytes);
    expect_refused("idx", {folder()}, {"train-images-idx3-ubyte.gz", "cut short", "fetch it again"});
  }
}

TEST_F(IdxTest, AGzipFileWithAWrongChecksumIsRefused) {
  put_train(".gz");
  std::string bytes = bytes_of("train-images-idx3-ubyte.gz");
  bytes[bytes.size() - 6] ^= 1;
  std::ofstream(path("train-images-idx3-ubyte.gz"), std::ios::binary) << bytes;
  expect_refused("idx", {folder()}, {"train-images-idx3-ubyte.gz", "damaged", "fetch it again"});
}

TEST_F(IdxTest, MoreBytesThanTheHeaderStatesAreRefused) {
  put_train();
  put("train-images-idx3-ubyte", idx_images(20) + "x");
  expect_refused("idx", {folder()}, {"train-images-idx3-ubyte", "goes on after 136 bytes"});
  put_train();
  put("train-labels-idx1-ubyte", idx_labels(20) + "x");
  expect_refused("idx", {folder()}, {"train-labels-idx1-ubyte", "goes on after 28 bytes"});
}

TEST_F(IdxTest, AHeaderThatCannotBeIsRefused) {
  put_train();
  put("train-images-idx3-ubyte", idx_images(0));
  expect_refused("idx", {folder()}, {"train-images-idx3-ubyte", "no records"});
  put("train-images-idx3-ubyte", idx_images(20, 0, 2));
  expect_refused("idx", {folder()}, {"train-images-idx3-ubyte", "0 x 2"});
  put("train-images-idx3-ubyte", big_endian(0x803) + std::string(12, '\xff'));
  expect_refused("idx", {folder()}, {"train-images-idx3-ubyte", "4294967295 x 4294967295"});
}

TEST_F(IdxTest, AHeaderOfBillionsIsRefusedWithoutTheMemoryForThem) {
  put("train-images-idx3-ubyte", big_endian(0x803) + big_endian(~0u) + big_endian(28) + big_endian(28));
  put("train-labels-idx1-ubyte", big_endian(0x801) + big_endian(~0u));
  expect_refused("idx", {folder()}, {"cut short", "4294967295 labels"});
}

TEST_F(IdxTest, CountsOfImagesAndLabelsThatDifferAreRefused) {
  put_train();
  put("train-labels-idx1-ubyte", idx_labels(19));
  expect_refused("idx", {folder()},
                 {"train-images-idx3-ubyte", "20 images", "train-labels-idx1-ubyte", "19 labels"});
}

TEST_F(IdxTest, ATestLabelThatNoTrainingSampleHasIsRefused) {
  put_train();
  put_test();
  std::string labels = idx_labels(12);
  labels[8 + 7] = 11;
  put("t10k-labels-idx1-ubyte", labels);
  expect_refused("idx", {folder()}, {"t10k-labels-idx1-ubyte", "record 7", "label 11", "0..9"});
}

TEST_F(IdxTest, TestImagesOfAnotherSizeAreRefused) {
  put_train();
  put_test();
  put("t10k-images-idx3-ubyte", idx_images(12, 2, 3));
  expect_refused("idx", {folder()}, {"t10k-images-idx3-ubyte", "2 x 3", "3 x 2"});
}

TEST_F(IdxTest, TwoFilesForOneRoleAndNoneForAnotherAreRefused) {
  put_train();
  put_test();
  const std::string images = path("train-images-idx3-ubyte");
  const std::string other = put("more", idx_images(3));
  expect_refused("idx", {images, other}, {"both", images, other, "train images"});
  expect_refused("idx", {images}, {"no train labels", images});
  expect_refused("idx", {path("t10k-images-idx3-ubyte"), path("t10k-labels-idx1-ubyte")},
                 {"no train images"});
}

// ---- CIFAR-10 ----

// `count` records; record i has label (first + i) % 10 and pixels that depend on first + i.
std::string cifar_records(size_t count, size_t first = 0) {
  std::string bytes;
  for (size_t i = first; i < first + count; ++i) {
    bytes += static_cast<char>(i % 10);
    for (size_t j = 0; j < 3072; ++j) bytes += static_cast<char>(pixel(i * 3072 + j));
  }
  return bytes;
}

class CifarTest : public ImportTest {
 protected:
  void put_all(const std::string& folder = "") const {
    for (size_t batch = 1; batch <= 5; ++batch) {
      put(folder + "data_batch_" + std::to_string(batch) + ".bin", cifar_records(10, 10 * (batch - 1)));
    }
    put(folder + "test_batch.bin", cifar_records(7));
  }
};

TEST_F(CifarTest, AFolderGivesTheFiveBatchesInOrderAndTheTestBatch) {
  put_all();
  const io::DatasetReader file = imported("cifar10");
  EXPECT_EQ(file.info().sample_dims, (std::vector<int64_t>{3, 32, 32}));
  EXPECT_EQ(file.info().scale, 1.0 / 255);
  EXPECT_EQ(file.info().classes, 10);
  expect_samples(file, "train", 50, 3072);
  expect_samples(file, "test", 7, 3072);
}

TEST_F(CifarTest, TheFolderAroundTheUnpackedArchiveIsAsGood) {
  fs::create_directory(path("cifar-10-batches-bin"));
  put_all("cifar-10-batches-bin/");
  expect_samples(imported("cifar10"), "train", 50, 3072);
}

TEST_F(CifarTest, FilesByNameAndManyPiecesAreAsGood) {
  const std::string train = put("data_batch_1.bin.gz", cifar_records(4500));
  const std::string test = put("test_batch.bin", cifar_records(3));
  const io::DatasetReader file = imported("cifar10", {test, train});
  expect_samples(file, "train", 4500, 3072);
  expect_samples(file, "test", 3, 3072);
}

TEST_F(CifarTest, AFolderWithoutImagesIsToldWhatWasLookedFor) {
  expect_refused("cifar10", {folder()}, {folder(), "no images", "data_batch_1.bin"});
  put("data_batch_1", "\x80\x02}q");
  expect_refused("cifar10", {folder()}, {"no images", "Python version"});
}

TEST_F(CifarTest, AFolderWithAPartIsToldWhatIsMissing) {
  put_all();
  fs::remove(path("data_batch_3.bin"));
  expect_refused("cifar10", {folder()}, {"5 of CIFAR-10's 6 files", "missing data_batch_3.bin"});
}

TEST_F(CifarTest, ARecordThatIsCutShortIsRefused) {
  put_all();
  put("data_batch_2.bin", cifar_records(10).substr(0, 3 * 3073 + 100));
  expect_refused("cifar10", {folder()}, {"data_batch_2.bin", "cut short", "record 3", "100 bytes", "3073"});
}

TEST_F(CifarTest, AnEmptyFileIsRefused) {
  put_all();
  put("data_batch_2.bin", "");
  expect_refused("cifar10", {folder()}, {"data_batch_2.bin", "empty", "3073"});
}

TEST_F(CifarTest, ALabelOutOfRangeIsRefused) {
  std::string records = cifar_records(2500);
  records[size_t{2100} * 3073] = 10;
  const std::string file = put("data_batch_1.bin", records);
  expect_refused("cifar10", {file}, {file, "record 2100", "label 10", "0..9"});
}

TEST_F(CifarTest, AMissingFileAndATestFileAloneAreRefused) {
  expect_refused("cifar10", {path("data_batch_9.bin")}, {path("data_batch_9.bin"), "no such file"});
  const std::string test = put("test_batch.bin", cifar_records(3));
  expect_refused("cifar10", {test}, {test, "no training file"});
}

// ---- The table ----

TEST_F(ImportTest, AnUnknownFormatIsAnErrorThatListsTheKnownOnes) {
  expect_refused("png", {folder()}, {"\"png\"", "idx, cifar10"});
}

TEST_F(ImportTest, NoSourceIsAnErrorThatSaysWhatIsExpected) {
  for (const ImportFormat& format : import_formats()) {
    expect_refused(format.name, {}, {format.name, "no source", format.sources});
  }
}

TEST_F(ImportTest, AnImportThatFailsLeavesTheOldDatasetAsItWas) {
  put("train-images-idx3-ubyte", idx_images(20));
  put("train-labels-idx1-ubyte", idx_labels(20));
  import_dataset("idx", {folder()}, output_);
  put("train-images-idx3-ubyte", idx_images(20).substr(0, 50));
  EXPECT_THROW(import_dataset("idx", {folder()}, output_), Error);
  expect_samples(io::DatasetReader(output_), "train", 20);
}

}  // namespace
}  // namespace lockstep::data
