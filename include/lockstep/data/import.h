// Foreign formats into the dataset format.
#pragma once

#include <string>
#include <vector>

namespace lockstep::data {

// The formats that import_dataset() knows, each with a line that says what its sources are.
struct ImportFormat {
  std::string name;     // "idx", "cifar10"
  std::string sources;  // "a folder with train-images-idx3-ubyte, ... (gzipped or not), or those files"
};
const std::vector<ImportFormat>& import_formats();

// Reads the sources and writes one dataset file. An unknown format, a missing, cut short or foreign source,
// counts of images and labels that differ: an Error that names the file, what was found and what was
// expected.
void import_dataset(const std::string& format, const std::vector<std::string>& sources,
                    const std::string& output);

}  // namespace lockstep::data
