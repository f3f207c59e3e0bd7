// CIFAR-10's binary version: records of one label byte and 3 x 32 x 32 pixel bytes (red, green, blue planes).
#include <algorithm>
#include <cstddef>
#include <filesystem>

#include "importers.h"
#include "lockstep/core/error.h"
#include "lockstep/io/dataset_file.h"
#include "source_file.h"

namespace lockstep::data {
namespace {

constexpr int64_t kClasses = 10;
constexpr size_t kPixels = size_t{3} * 32 * 32;
constexpr size_t kRecord = 1 + kPixels;
constexpr size_t kRecordsPerPiece = 2000;  // about 6 MB

std::vector<std::string> standard_names() {
  return {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
          "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
}

std::vector<std::string> files_in(const std::string& folder) {
  std::filesystem::path place = folder;
  // What the published archive unpacks to.
  if (is_folder(place / "cifar-10-batches-bin")) place /= "cifar-10-batches-bin";
  std::vector<std::string> files;
  std::vector<std::string> missing;
  for (const std::string& name : standard_names()) {
    if (is_there(place / name)) {
      files.push_back((place / name).string());
    } else {
      missing.push_back(name);
    }
  }
  if (files.empty()) {
    fail(folder, ": no images found in this folder; looked for ", join(missing),
         is_there(place / "data_batch_1") ? "; this is CIFAR-10's Python version, fetch the binary version"
                                          : "; give the folder of CIFAR-10's binary version");
  }
  if (!missing.empty()) {
    fail(place.string(), ": found ", files.size(), " of CIFAR-10's 6 files, missing ", join(missing),
         "; to import a part, name its files in place of the folder");
  }
  return files;
}

std::string split_of(const std::string& path) { return is_test_file(path) ? "test" : "train"; }

// Splits whole records into labels and pixels. `first`: the number of the first of them in its file.
io::Rows rows_of(const std::vector<unsigned char>& records, size_t count, size_t first,
                 const std::string& path) {
  io::Rows rows;
  rows.count = static_cast<int64_t>(count);
  rows.inputs.resize(count * kPixels);
  rows.labels.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const unsigned char* const record = records.data() + i * kRecord;
    if (record[0] >= kClasses) {
      fail(path, ": record ", first + i, " has label ", int{record[0]}, "; expected 0..", kClasses - 1,
           "; the file is damaged or is not of CIFAR-10's binary version");
    }
    rows.labels[i] = record[0];
    std::copy(record + 1, record + kRecord, rows.inputs.data() + i * kPixels);
  }
  return rows;
}

void append_file(const std::string& path, io::DatasetWriter& writer) {
  SourceFile file(path);
  file.expect(text("records of ", kRecord, " bytes (a label and 3 x 32 x 32 pixels)"));
  std::vector<unsigned char> records(kRecordsPerPiece * kRecord);
  size_t done = 0;
  for (;;) {
    const size_t got = file.read_some(records.data(), records.size());
    const size_t count = got / kRecord;
    if (count > 0) writer.append(split_of(path), rows_of(records, count, done, path));
    done += count;
    if (got % kRecord != 0) {
      fail(path, ": cut short: record ", done, " has ", got % kRecord, " bytes; expected records of ",
           kRecord, " bytes (a label and 3 x 32 x 32 pixels); fetch it again");
    }
    if (got < records.size()) break;
  }
  if (done == 0) fail(path, ": is empty; expected records of ", kRecord, " bytes; fetch it again");
}

}  // namespace

void import_cifar10(const std::vector<std::string>& sources, const std::string& output) {
  const std::vector<std::string> files =
      sources.size() == 1 && is_folder(sources[0]) ? files_in(sources[0]) : sources;
  std::vector<std::string> names;
  for (const std::string& file : files) names.push_back(file_name(file));
  if (std::all_of(files.begin(), files.end(), is_test_file)) {
    fail("import cifar10: no training file among ", join(files),
         " (a file with \"test\" in its name is a test file); expected at least one, like data_batch_1.bin");
  }
  io::DatasetInfo info;
  info.sample_dims = {3, 32, 32};
  info.type = io::Type::kUint8;
  info.scale = 1.0 / 255;
  info.classes = kClasses;
  info.source = "imported: cifar10 from " + join(names);
  io::DatasetWriter writer(output, info);
  for (const std::string& file : files) append_file(file, writer);
  writer.finish();
}

}  // namespace lockstep::data
