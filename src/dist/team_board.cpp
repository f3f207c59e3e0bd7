#include "team_board.h"

#include <algorithm>
#include <atomic>

namespace lockstep::dist {

TeamBoard::TeamBoard(comm::Group& group, const Teams& teams, int64_t parameters)
    : group_(group),
      teams_(teams),
      parameters_(parameters),
      members_(teams.own(group.rank())),
      common_(group.host(), bytes_before(teams.count()), "what the ranks of a host exchange"),
      counts_(reinterpret_cast<Counts*>(common_.data() + bytes_before(teams.team_of(group.rank())))),
      places_(static_cast<size_t>(teams.ranks()) + 1) {}

// Bytes of counts and parameters, of the teams of this host up to before `team`.
int64_t TeamBoard::bytes_before(int team) const {
  int64_t bytes = 0;
  for (int t = 0; t < team; ++t) {
    const Range members = teams_.of(t);
    if (members.size() == 1 || !teams_.share_host(static_cast<int>(members.begin), group_.rank())) continue;
    bytes += members.size() * static_cast<int64_t>(sizeof(Counts)) +
             parameters_ * static_cast<int64_t>(sizeof(float));
  }
  return bytes;
}

void TeamBoard::make_room(const std::vector<int64_t>& floats) {
  bool fits = true;
  std::vector<int64_t> places = {0};
  for (int r = 0; r < teams_.ranks(); ++r) {
    const int64_t room = teams_.share_host(r, group_.rank()) ? floats[static_cast<size_t>(r)] : 0;
    const size_t rank = static_cast<size_t>(r);
    fits = fits && room <= places_[rank + 1] - places_[rank];
    places.push_back(places.back() + std::max(room, places_[rank + 1] - places_[rank]));
  }
  if (fits) return;
  places_ = std::move(places);
  areas_ = comm::SharedMemory();
  areas_ = comm::SharedMemory(group_.host(), places_.back() * static_cast<int64_t>(sizeof(float)),
                              "the sums that the ranks of a host exchange");
}

float* TeamBoard::area(int rank) const {
  return reinterpret_cast<float*>(areas_.data()) + places_[static_cast<size_t>(rank)];
}

float* TeamBoard::parameters() const { return reinterpret_cast<float*>(counts_ + members_.size()); }

uint64_t& TeamBoard::count_of(int64_t rank, Count what) const {
  return counts_[rank - members_.begin].of[static_cast<size_t>(what)];
}

void TeamBoard::add(Count what, uint64_t more) {
  if (members_.size() == 1) return;
  std::atomic_ref<uint64_t>(count_of(group_.rank(), what)).fetch_add(more, std::memory_order_release);
}

bool TeamBoard::others_have(Count what, uint64_t count) const {
  for (int64_t r = members_.begin; r < members_.end; ++r) {
    if (r == group_.rank()) continue;
    if (std::atomic_ref<uint64_t>(count_of(r, what)).load(std::memory_order_acquire) < count) return false;
  }
  return true;
}

}  // namespace lockstep::dist
