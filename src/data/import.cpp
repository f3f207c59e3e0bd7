#include "lockstep/data/import.h"

#include <cctype>
#include <system_error>

#include "importers.h"
#include "lockstep/core/error.h"

namespace lockstep::data {
namespace {

struct Importer {
  ImportFormat format;
  void (*import)(const std::vector<std::string>& sources, const std::string& output);
};

const std::vector<Importer>& importers() {
  static const std::vector<Importer> kAll = {
      {{"idx",
        "a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte and, if there is a test set, "
        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (gzipped or not), or those files"},
       import_idx},
      {{"cifar10",
        "a folder with data_batch_1.bin .. data_batch_5.bin and test_batch.bin (CIFAR-10's binary version), "
        "or some of those files"},
       import_cifar10},
  };
  return kAll;
}

const Importer& importer(const std::string& format) {
  std::vector<std::string> known;
  for (const Importer& candidate : importers()) {
    if (candidate.format.name == format) return candidate;
    known.push_back(candidate.format.name);
  }
  fail_usage("no import format is called \"", format, "\"; known: ", join(known));
}

}  // namespace

const std::vector<ImportFormat>& import_formats() {
  static const std::vector<ImportFormat> kAll = [] {
    std::vector<ImportFormat> formats;
    for (const Importer& each : importers()) formats.push_back(each.format);
    return formats;
  }();
  return kAll;
}

void import_dataset(const std::string& format, const std::vector<std::string>& sources,
                    const std::string& output) {
  const Importer& chosen = importer(format);
  if (sources.empty()) fail_usage("import ", format, ": no source given; expected ", chosen.format.sources);
  chosen.import(sources, output);
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

std::string join(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

bool is_test_file(const std::string& path) {
  std::string name = file_name(path);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto has = [&](const char* word) { return name.find(word) != std::string::npos; };
  return !has("train") && (has("t10k") || has("test"));
}

}  // namespace lockstep::data
