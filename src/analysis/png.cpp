// The only file that sees libpng.
#include <png.h>

#include <csetjmp>

#include "lockstep/analysis/image.h"
#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

// What libpng hands back to us; plain, since it leaves its functions by longjmp.
struct Target {
  std::string* bytes;
  bool out_of_memory;
  char message[120];
};

void on_error(png_structp png, png_const_charp message) {
  auto* target = static_cast<Target*>(png_get_error_ptr(png));
  std::snprintf(target->message, sizeof target->message, "%s", message);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_bytes(png_structp png, png_bytep data, png_size_t count) {
  auto* target = static_cast<Target*>(png_get_io_ptr(png));
  try {
    target->bytes->append(reinterpret_cast<const char*>(data), count);
  } catch (...) {
    target->out_of_memory = true;
  }
  if (target->out_of_memory) png_error(png, "out of memory");
}

// Nothing in here has a destructor that a longjmp would pass over.
bool write_picture(png_structp png, png_infop info, Target* target, const Image* image) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  constexpr int kSmallest = 9;  // of zlib's levels
  png_set_write_fn(png, target, on_bytes, nullptr);
  png_set_compression_level(png, kSmallest);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image->width()), static_cast<png_uint_32>(image->height()),
               8, image->channels() == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  const int64_t row = image->width() * image->channels();
  for (int64_t y = 0; y < image->height(); ++y) png_write_row(png, image->bytes().data() + y * row);
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

std::string Image::png() const {
  std::string bytes;
  Target target{&bytes, false, "out of memory"};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &target, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  const bool done = info != nullptr && write_picture(png, info, &target, this);
  png_destroy_write_struct(&png, &info);
  if (!done) fail("a picture of ", width_, "x", height_, " pixels cannot be made into PNG: ", target.message);
  return bytes;
}

}  // namespace lockstep::analysis
