#include "lockstep/analysis/statistics.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"

namespace lockstep::analysis {

namespace {

constexpr int64_t kBlock = 1024;  // rows at once
constexpr int64_t kStrip = 64;    // columns of a tile

struct Tile {
  int64_t strip_of_rows;
  int64_t strip_of_columns;
};

// The lower triangle, which says it all.
std::vector<Tile> tiles_of(int64_t strips) {
  std::vector<Tile> tiles;
  for (int64_t r = 0; r < strips; ++r) {
    for (int64_t c = 0; c <= r; ++c) tiles.push_back({r, c});
  }
  return tiles;
}

// Sums of products of all pairs of columns: samples go in block by block, relative to the first block's mean,
// so that no digits are lost far from 0.
class ProductSums {
 public:
  ProductSums(const Team& team, int64_t width)
      : team_(team),
        width_(width),
        strips_((width + kStrip - 1) / kStrip),
        tiles_(tiles_of(strips_)),
        first_(first_item(team.group, tile_count(), team.group.rank())),
        mine_(first_item(team.group, tile_count(), team.group.rank() + 1) - first_),
        origin_(static_cast<size_t>(strips_ * kStrip)),
        sums_(origin_.size()),
        columns_(static_cast<size_t>(strips_ * kStrip * kBlock)),
        products_(static_cast<size_t>(mine_ * kStrip * kStrip)),
        scratch_(static_cast<size_t>(team.workers.threads() * kStrip * kStrip)) {}

  void add(int64_t count, const float* rows, bool is_first) {
    team_.workers.for_each(strips_, [&](int64_t strip, int) {
      if (is_first) set_origin(strip, count, rows);
      take_strip(strip, count, rows);
    });
    team_.workers.for_each(mine_, [&](int64_t tile, int slot) { add_products(tile, count, slot); });
  }

  // Collective.
  Statistics finish(int64_t count) const {
    const std::vector<double> products = gather_items(team_, tile_count(), kStrip * kStrip, products_);
    const double n = static_cast<double>(count);
    Statistics result{count, width_, {}, std::vector<double>(static_cast<size_t>(width_ * width_))};
    for (int64_t i = 0; i < width_; ++i) result.mean.push_back(origin_[at(i)] + sums_[at(i)] / n);
    const double* product = products.data();
    for (const Tile& tile : tiles_) {
      for (int64_t r = 0; r < kStrip; ++r) {
        for (int64_t c = 0; c < kStrip; ++c, ++product) {
          const int64_t i = tile.strip_of_rows * kStrip + r;
          const int64_t j = tile.strip_of_columns * kStrip + c;
          if (i >= width_ || j > i) continue;
          const double covariance = *product / n - (sums_[at(i)] / n) * (sums_[at(j)] / n);
          result.covariance[at(i * width_ + j)] = covariance;
          result.covariance[at(j * width_ + i)] = covariance;
        }
      }
    }
    return result;
  }

 private:
  static size_t at(int64_t i) { return static_cast<size_t>(i); }
  int64_t tile_count() const { return static_cast<int64_t>(tiles_.size()); }
  int64_t end_of(int64_t strip) const { return std::min((strip + 1) * kStrip, width_); }

  void set_origin(int64_t strip, int64_t count, const float* rows) {
    for (int64_t i = strip * kStrip; i < end_of(strip); ++i) {
      double sum = 0;
      for (int64_t n = 0; n < count; ++n) sum += static_cast<double>(rows[n * width_ + i]);
      origin_[at(i)] = sum / static_cast<double>(count);
    }
  }

  // Each strip of columns in one piece, count x kStrip; those beyond the width stay 0.
  void take_strip(int64_t strip, int64_t count, const float* rows) {
    double* to = columns_.data() + strip * kStrip * kBlock;
    for (int64_t n = 0; n < count; ++n, to += kStrip) {
      for (int64_t i = strip * kStrip; i < end_of(strip); ++i) {
        const double value = static_cast<double>(rows[n * width_ + i]) - origin_[at(i)];
        to[i - strip * kStrip] = value;
        sums_[at(i)] += value;
      }
    }
  }

  void add_products(int64_t tile, int64_t count, int slot) {
    const Tile& place = tiles_[at(first_ + tile)];
    double* part = scratch_.data() + slot * kStrip * kStrip;
    kernels::multiply(true, kStrip, kStrip, count, columns_.data() + place.strip_of_rows * kStrip * kBlock,
                      columns_.data() + place.strip_of_columns * kStrip * kBlock, part);
    double* sum = products_.data() + tile * kStrip * kStrip;
    for (int64_t i = 0; i < kStrip * kStrip; ++i) sum[i] += part[i];
  }

  Team team_;
  int64_t width_;
  int64_t strips_;
  std::vector<Tile> tiles_;
  int64_t first_;  // of this rank's tiles
  int64_t mine_;
  std::vector<double> origin_;
  std::vector<double> sums_;      // of each column
  std::vector<double> columns_;   // one block, strip by strip
  std::vector<double> products_;  // of this rank's tiles
  std::vector<double> scratch_;   // a tile a thread
};

// The covariance, its tiles from all ranks and what a decomposition takes.
void require_memory(int64_t width) {
  const int64_t matrix = width * width * static_cast<int64_t>(sizeof(double));
  const int64_t available = available_memory();
  if (4 * matrix <= available) return;
  fail("the covariance of samples of ", width, " values, and what is computed with it, takes ",
       bytes_text(4 * matrix), " of memory, and ", bytes_text(available),
       " are left; take smaller samples, such as patches");
}

}  // namespace

Statistics statistics_of(const Team& team, int64_t count, int64_t width, const ReadRows& read) {
  comm::together(team.group, [&] {
    if (count < 1) fail_usage("there are no samples to take a mean and a covariance of");
    require_memory(width);
  });
  ProductSums sums(team, width);
  std::vector<float> rows(static_cast<size_t>(std::min(kBlock, count) * width));
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t n = std::min(kBlock, count - first);
    comm::together(team.group, [&] {
      read(first, n, rows.data());
      sums.add(n, rows.data(), first == 0);
    });
  }
  return sums.finish(count);
}

Statistics statistics_of(const Team& team, const Rows& rows) {
  return statistics_of(team, rows.count, rows.width, [&](int64_t first, int64_t count, float* out) {
    std::copy_n(rows.values.data() + first * rows.width, count * rows.width, out);
  });
}

kernels::SymmetricEigen principal_components(const Statistics& statistics) {
  auto result = kernels::symmetric_eigen(statistics.width, statistics.covariance.data());
  for (double& value : result.values) value = std::max(value, 0.0);
  return result;
}

}  // namespace lockstep::analysis
