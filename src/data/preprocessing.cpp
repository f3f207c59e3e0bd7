#include "lockstep/data/preprocessing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <sstream>

#include "lockstep/core/error.h"
#include "lockstep/core/near.h"

namespace lockstep::data {

namespace {

// A complaint about one of the two options, with the place where it stood.
template <class... Parts>
[[noreturn]] void complain(const Options& options, const std::string& key, const Parts&... parts) {
  const std::string& value = key == "augment" ? options.augment : options.normalise;
  fail_usage(options.origin(key), ": ", key, " = ", value, ": ", parts...);
}

std::vector<std::string> split(const std::string& whole, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(whole + separator);
  for (std::string part; std::getline(stream, part, separator);) {
    const size_t begin = part.find_first_not_of(" \t");
    const size_t end = part.find_last_not_of(" \t") + 1;
    parts.push_back(begin == std::string::npos ? "" : part.substr(begin, end - begin));
  }
  return parts;
}

template <class Number>
bool parse(const std::string& value, Number& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

int64_t channels_of(const io::DatasetInfo& info) {
  return info.sample_dims.size() == 1 ? 1 : Shape::from_dims(info.sample_dims).channels;
}

void read_crop(const Options& options, const std::string& value, const io::DatasetInfo& info,
               Augmentation& augmentation) {
  const Shape shape = Shape::from_dims(info.sample_dims);
  const int64_t most = std::min(shape.height, shape.width) - 1;  // beyond it, some crops would be all padding
  if (parse(value, augmentation.crop) && augmentation.crop >= 1 && augmentation.crop <= most) return;
  if (most < 1) {
    complain(options, "augment", "pictures of ", shape.height, "x", shape.width,
             " cannot be cropped; take crop out");
  }
  complain(options, "augment", "crop needs a padding from 1 to ", most, " for pictures of ", shape.height,
           "x", shape.width, ", as in 'crop 4'; found ", value.empty() ? "nothing" : "'" + value + "'");
}

std::vector<double> read_numbers(const Options& options, const std::string& list, const char* what,
                                 int64_t channels, double above) {
  std::vector<double> numbers;
  for (const std::string& word : split(list, ',')) {
    double number = 0;
    if (!parse(word, number) || !std::isfinite(number) || number <= above) {
      complain(options, "normalise", "'", word, "' cannot be a ", what, "; expected a number",
               std::isfinite(above) ? " above 0" : "");
    }
    numbers.push_back(number);
  }
  if (static_cast<int64_t>(numbers.size()) != channels) {
    complain(options, "normalise", "found ", numbers.size(), " value(s) for the ", what, ", expected ",
             channels, ", one a channel of ", options.dataset);
  }
  return numbers;
}

// Sums over one channel. Values are taken relative to the first one, so that a constant channel has no
// deviation at all and no digits are lost far from 0; sixteen sums, always added in the same order, give the
// same bits on any machine, and exact ones for bytes.
struct ChannelSums {
  double origin = 0;
  std::array<double, 16> sum{};
  std::array<double, 16> squares{};

  template <class Value>
  void add(const Value* values, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) {
      const int64_t lanes = std::min<int64_t>(count - i, 16);
      for (int64_t l = 0; l < lanes; ++l) {
        const double value = static_cast<double>(values[i + l]) - origin;
        sum[static_cast<size_t>(l)] += value;
        squares[static_cast<size_t>(l)] += value * value;
      }
    }
  }
};

template <class Value>
std::vector<ChannelSums> sums_over(const Split& split, int64_t channels, int64_t plane) {
  constexpr int64_t kSet = 256;  // samples fetched at once
  std::vector<ChannelSums> sums(static_cast<size_t>(channels));
  for (int64_t first = 0; first < split.rows(); first += kSet) {
    std::vector<int64_t> indices(static_cast<size_t>(std::min(kSet, split.rows() - first)));
    std::iota(indices.begin(), indices.end(), first);
    const Samples samples = split.fetch(std::move(indices));
    for (size_t n = 0; n < samples.inputs.size(); ++n) {
      const Value* values = reinterpret_cast<const Value*>(samples.inputs[n]);
      for (ChannelSums& channel : sums) {
        if (first == 0 && n == 0) channel.origin = static_cast<double>(values[0]);
        channel.add(values, plane);
        values += plane;
      }
    }
  }
  return sums;
}

Normalisation statistics(const Dataset& dataset) {
  const int64_t channels = channels_of(dataset.info);
  const int64_t plane = dataset.shape().size() / channels;
  const auto sums = dataset.info.type == io::Type::kUint8
                        ? sums_over<unsigned char>(*dataset.train, channels, plane)
                        : sums_over<float>(*dataset.train, channels, plane);
  const double count = static_cast<double>(dataset.train->rows() * plane);
  Normalisation result;
  for (const ChannelSums& channel : sums) {
    const double mean = std::accumulate(channel.sum.begin(), channel.sum.end(), 0.0) / count;
    const double square = std::accumulate(channel.squares.begin(), channel.squares.end(), 0.0) / count;
    const double deviation = std::sqrt(std::max(square - mean * mean, 0.0));
    result.mean.push_back((mean + channel.origin) * dataset.info.scale + dataset.info.offset);
    result.deviation.push_back(deviation * std::abs(dataset.info.scale));
  }
  return result;
}

// Digits enough to give the same double again.
std::string list(const std::vector<double>& numbers) {
  std::string result;
  for (const double number : numbers) {
    char digits[32];
    const std::string printed(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    result += (result.empty() ? "" : ",") + printed;
  }
  return result;
}

}  // namespace

Augmentation augmentation_of(const Options& options, const io::DatasetInfo& info) {
  Augmentation augmentation;
  if (options.augment == "none") return augmentation;
  for (const std::string& item : split(options.augment, ',')) {
    const std::string name = item.substr(0, item.find_first_of(" \t"));
    const std::string value = name.size() < item.size() ? split(item.substr(name.size()), '\n')[0] : "";
    if (name != "crop" && name != "flip") {
      complain(options, "augment", "there is no augmentation '", name, "'; ",
               suggestion(name, {"crop", "flip"}));
    }
    if (info.sample_dims.size() != 3) {
      complain(options, "augment", name, " is for pictures (samples [C, H, W]); the samples of ",
               options.dataset, " are plain vectors of ", Shape::from_dims(info.sample_dims).to_string());
    }
    if (name == "crop" ? augmentation.crop > 0 : augmentation.flip)
      complain(options, "augment", name, " is given twice");
    if (name == "crop") {
      read_crop(options, value, info, augmentation);
    } else {
      if (!value.empty()) complain(options, "augment", "'", value, "' is more than flip takes");
      augmentation.flip = true;
    }
  }
  return augmentation;
}

Normalisation normalisation_of(const Options& options, const io::DatasetInfo& info) {
  if (options.normalise == "none") return {};
  const std::vector<std::string> parts = split(options.normalise, '/');
  if (parts.size() != 2) {
    complain(options, "normalise", "expected dataset, none, or means/deviations with a number a channel, ",
             "such as 0.49,0.48,0.45/0.25,0.24,0.26");
  }
  const int64_t channels = channels_of(info);
  const Normalisation found{read_numbers(options, parts[0], "mean", channels, -HUGE_VAL),
                            read_numbers(options, parts[1], "deviation", channels, 0)};
  for (size_t c = 0; c < found.mean.size(); ++c) {
    const double scale = info.scale / found.deviation[c];
    const double offset = (info.offset - found.mean[c]) / found.deviation[c];
    if (std::isfinite(static_cast<float>(scale)) && std::isfinite(static_cast<float>(offset))) continue;
    complain(options, "normalise", "channel ", c, " less ", found.mean[c], " over ", found.deviation[c],
             " is beyond single precision; expected the channel's mean and deviation");
  }
  return found;
}

std::string views_text(bool both_views) {
  return both_views ? ", scored by pictures and their mirror images" : "";
}

Options with_statistics(Options options, const Dataset& dataset) {
  if (options.normalise != "dataset") return options;
  if (!dataset.train || dataset.train->rows() == 0) {
    complain(options, "normalise", options.dataset,
             " has no samples in /train to take means and deviations from; give numbers instead");
  }
  Normalisation found = statistics(dataset);
  for (size_t c = 0; c < found.deviation.size(); ++c) {
    if (found.deviation[c] > 0) continue;
    const double value = found.mean[c];
    for (double& deviation : found.deviation) deviation = deviation > 0 ? deviation : 1;
    complain(options, "normalise", "channel ", c, " of ", options.dataset, " is ", value,
             " everywhere in /train, so its deviation is 0; to go on with 1 in its place, say normalise = ",
             list(found.mean), "/", list(found.deviation));
  }
  options.normalise = list(found.mean) + "/" + list(found.deviation);
  return options;
}

}  // namespace lockstep::data
