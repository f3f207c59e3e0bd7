#include "register_tile.h"

#include "lockstep/kernels/permute.h"

namespace lockstep::kernels {

namespace {

using LaneNumbers = int32_t __attribute__((vector_size(kLanes * sizeof(int32_t))));

// Exchanges the blocks of kDistance lanes that lie across the diagonal of two rows' square.
template <int kDistance>
void exchange(Vector& upper, Vector& lower) {
  LaneNumbers of_upper;
  LaneNumbers of_lower;
  for (int l = 0; l < kLanes; ++l) {
    const bool right = (l & kDistance) != 0;
    of_upper[l] = right ? static_cast<int>(kLanes) + l - kDistance : l;
    of_lower[l] = right ? static_cast<int>(kLanes) + l : l + kDistance;
  }
  const Vector u = permute(upper, lower, of_upper);
  lower = permute(upper, lower, of_lower);
  upper = u;
}

template <int kDistance>
void exchange_rows(Vector (&rows)[kLanes]) {
  for (int r = 0; r < kLanes; ++r) {
    if ((r & kDistance) == 0) exchange<kDistance>(rows[r], rows[r + kDistance]);
  }
}

}  // namespace

void transpose(Vector (&rows)[kLanes]) {
  if constexpr (kLanes > 8) exchange_rows<8>(rows);
  if constexpr (kLanes > 4) exchange_rows<4>(rows);
  exchange_rows<2>(rows);
  exchange_rows<1>(rows);
}

}  // namespace lockstep::kernels
