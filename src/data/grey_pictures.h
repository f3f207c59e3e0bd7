// The pictures of one split of a dataset, in grey.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::data {

// Bytes, 0 black to 255 white: those of uint8 pictures as they are stored; of float32 pictures their values,
// which are to be from 0 to 1. Three channels are red, green and blue, weighed as ITU-R BT.601 says.
class GreyPictures {
 public:
  // Reads them all into memory, a byte a pixel. Fails, naming the file, where there is no such split, or
  // samples that are no pictures of 1 or 3 channels.
  GreyPictures(const std::string& path, const std::string& split);

  void require_at_least(int64_t height, int64_t width) const;
  void require_exactly(int64_t height, int64_t width) const;

  const std::string& name() const { return name_; }  // "mnist.h5 (digest 01af..)"
  int64_t classes() const { return classes_; }       // 0: no labels
  int64_t count() const { return count_; }
  int64_t height() const { return height_; }
  int64_t width() const { return width_; }
  const unsigned char* picture(int64_t i) const { return pixels_.data() + i * height_ * width_; }
  int32_t label(int64_t i) const { return labels_.empty() ? 0 : labels_[static_cast<size_t>(i)]; }

 private:
  std::string path_;
  std::string name_;
  int64_t classes_ = 0;
  int64_t count_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  std::vector<unsigned char> pixels_;
  std::vector<int32_t> labels_;
};

}  // namespace lockstep::data
