#include "team_board.h"

#include <algorithm>
#include <atomic>

namespace lockstep::dist {

TeamBoard::TeamBoard(comm::Group& group, const Teams& teams)
    : group_(group),
      teams_(teams),
      members_(teams.own(group.rank())),
      common_(group.host(), counts_before(teams.count()) * static_cast<int64_t>(sizeof(Counts)),
              "what the ranks of a host exchange"),
      counts_(reinterpret_cast<Counts*>(common_.data()) + counts_before(teams.team_of(group.rank()))) {}

bool TeamBoard::is_here(int team) const {
  const Range members = teams_.of(team);
  return members.size() > 1 && teams_.share_host(static_cast<int>(members.begin), group_.rank());
}

int64_t TeamBoard::counts_before(int team) const {
  int64_t counts = 0;
  for (int t = 0; t < team; ++t) {
    if (is_here(t)) counts += teams_.of(t).size();
  }
  return counts;
}

void TeamBoard::share(Buffer& values) const {
  for (int t = 0; t < teams_.count(); ++t) {
    if (!is_here(t)) continue;
    comm::SharedMemory memory(group_.host(), values.size() * static_cast<int64_t>(sizeof(float)),
                              "the parameters that the ranks of a host have in common");
    if (t != teams_.team_of(group_.rank())) continue;
    Buffer shared = std::move(memory).release();
    if (group_.rank() == members_.begin) std::copy_n(values.data(), values.size(), shared.data());
    values = std::move(shared);
  }
  group_.host().barrier();
}

void TeamBoard::show(Buffer& own) {
  comm::Group& host = group_.host();
  std::vector<int64_t> floats(static_cast<size_t>(host.size()));
  const int64_t mine = own.size();
  host.allgather(&mine, std::vector<uint64_t>(floats.size(), sizeof mine), floats.data());
  of_others_.clear();
  shown_.clear();
  int on_host = -1;  // the rank's number there
  for (int r = 0; r < teams_.ranks(); ++r) {
    if (!teams_.share_host(r, group_.rank())) continue;
    ++on_host;
    if (!is_here(teams_.team_of(r))) continue;
    const int64_t bytes = floats[static_cast<size_t>(on_host)] * static_cast<int64_t>(sizeof(float));
    comm::SharedMemory memory(host, bytes, "the gradients that the ranks of a host see", on_host);
    if (teams_.team_of(r) != teams_.team_of(group_.rank())) continue;
    shown_.push_back(reinterpret_cast<float*>(memory.data()));
    if (r == group_.rank()) {
      own = std::move(memory).release();
    } else {
      of_others_.push_back(std::move(memory));
    }
  }
}

void TeamBoard::set_node(size_t n, const float* values) {
  if (members_.size() == 1) return;
  const int64_t member = group_.rank() - members_.begin;
  counts_[member].nodes[n] = values - shown_[static_cast<size_t>(member)];
}

float* TeamBoard::node(int rank, size_t n) const {
  const int64_t member = rank - members_.begin;
  return shown_[static_cast<size_t>(member)] + counts_[member].nodes[n];
}

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
