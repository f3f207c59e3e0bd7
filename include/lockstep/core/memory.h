// How much memory this process could still get.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lockstep {

// Bytes that can be had without swapping: what the kernel calls available, or what the limits of this
// process' control groups leave (versions 1 and 2, each group and those around it) where that is less. Page
// cache counts as free, since it can be dropped. `root` is where proc and sys are found.
int64_t available_memory(const std::filesystem::path& root = "/");

// "850 MB", "12.3 GB".
std::string bytes_text(int64_t bytes);

}  // namespace lockstep
