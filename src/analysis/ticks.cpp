// Where axes have their marks, and how these are written.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "lockstep/analysis/plot.h"

namespace lockstep::analysis {

namespace {

// digit x 10^exponent, rounded once.
double scaled(double digit, int exponent) {
  return exponent < 0 ? digit / std::pow(10.0, -exponent) : digit * std::pow(10.0, exponent);
}

std::vector<double> linear_ticks(double low, double high, int64_t about, bool whole) {
  const double rough = (high - low) / static_cast<double>(std::max<int64_t>(about, 1));
  int exponent = static_cast<int>(std::floor(std::log10(rough)));
  const double lead = rough / std::pow(10.0, exponent);
  int digit = lead <= 1.5 ? 1 : lead <= 3.5 ? 2 : lead <= 7.5 ? 5 : 10;
  if (whole && exponent < 0) {
    digit = 1;
    exponent = 0;
  }
  const double step = scaled(digit, exponent);
  std::vector<double> places;
  constexpr double kSlack = 1e-9;  // of a step: what is as good as on the end is on it
  for (auto i = std::ceil(low / step - kSlack); i * step <= high + kSlack * step; ++i) {
    places.push_back(i == 0 ? 0 : scaled(i * digit, exponent));
  }
  return places;
}

std::vector<double> logarithmic_ticks(double low, double high, int64_t about) {
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  const double decades = std::log10(high / low);
  const int stride = std::max(1, static_cast<int>(std::lround(decades / static_cast<double>(about))));
  std::vector<int> digits = {1};
  if (decades < 3) digits = {1, 2, 5};
  std::vector<double> places;
  for (int e = first - first % stride; e <= last; e += stride) {
    for (const int digit : digits) {
      const double place = scaled(digit, e);
      if (place >= low * (1 - 1e-9) && place <= high * (1 + 1e-9)) places.push_back(place);
    }
  }
  return places;
}

}  // namespace

std::vector<double> ticks(double low, double high, bool logarithmic, int64_t about, bool whole) {
  if (!(high > low)) return {low};
  if (logarithmic && low > 0) {
    std::vector<double> places = logarithmic_ticks(low, high, about);
    if (places.size() > 1) return places;
  }
  return linear_ticks(low, high, about, whole);
}

std::string tick_text(double value) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 6).ptr;
  std::string result(digits, end);
  const size_t e = result.find('e');
  if (e == std::string::npos) return result;
  // "2e+06" as "2e6".
  const bool negative = result[e + 1] == '-';
  const size_t number = result.find_first_not_of("+-0", e + 1);
  return result.substr(0, e + 1) + (negative ? "-" : "") + result.substr(number);
}

Histogram histogram_of(std::span<const float> values, int64_t bins) {
  Histogram histogram;
  double low = 0;
  double high = 0;
  bool any = false;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    low = any ? std::min<double>(low, value) : value;
    high = any ? std::max<double>(high, value) : value;
    any = true;
  }
  if (low == high) {
    const double half = low == 0 ? 0.5 : std::abs(low) / 2;
    low -= half;
    high += half;
    bins = 1;
  }
  histogram.low = low;
  histogram.high = high;
  histogram.counts.assign(static_cast<size_t>(bins), 0);
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double place = (value - low) / (high - low) * static_cast<double>(bins);
    ++histogram.counts[static_cast<size_t>(std::clamp<int64_t>(static_cast<int64_t>(place), 0, bins - 1))];
  }
  return histogram;
}

}  // namespace lockstep::analysis
