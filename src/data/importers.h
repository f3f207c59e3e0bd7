// The importers behind import_dataset(), one a format.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lockstep::data {

// `sources` is not empty.
void import_idx(const std::vector<std::string>& sources, const std::string& output);
void import_cifar10(const std::vector<std::string>& sources, const std::string& output);

// Both say no, too, where a folder on the way may not be looked into; opening the file then tells why.
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
// File names joined for messages and for the dataset's `source`: "a, b, c".
std::string join(const std::vector<std::string>& names);
// The last part of a path.
std::string file_name(const std::string& path);
// By its name: with "t10k" or "test" in it, but not "train" (other words contain "test").
bool is_test_file(const std::string& path);

}  // namespace lockstep::data
