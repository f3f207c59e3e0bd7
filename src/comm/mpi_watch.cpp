// Each rank tells two keepers where it is, several times within the limit: rank 0, and rank 1 in case it is
// rank 0 that stopped. Messages go over MPI, from a thread of their own, so they need no other network than
// training does, and come through while the main thread computes, reads or waits. A rank whose messages stay
// out is stopped, dead or cut off.
#include "mpi_watch.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "lockstep/core/error.h"
#include "mpi_calls.h"
#include "rank_list.h"
#include "watch_thread.h"

namespace lockstep::comm {

namespace {

constexpr int kKeepers = 2;

// Tags: a beat, rank 0's question for a part, a part.
constexpr int kBeat = 0;
constexpr int kAsk = 1;
constexpr int kPart = 2;

struct Beat {
  int64_t step;
  double seconds;
  std::array<char, 64> doing;
};

Beat beat_of(const Whereabouts::Now& now) {
  Beat beat{now.step, now.seconds, {}};
  std::strncpy(beat.doing.data(), now.doing, beat.doing.size() - 1);
  return beat;
}

class MpiWatch : public StallWatch {
 public:
  MpiWatch(MPI_Comm world, const WatchOrder& order)
      : world_(world), order_(order), ranks_(order.placements.size()) {
    MPI_Comm_dup(world, &comm_);
    MPI_Comm_rank(world, &rank_);
    seen_.assign(ranks_.size(), Clock::now());
    thread_ = std::make_unique<WatchThread>(order.limit, [this](double watched) { look(watched); });
  }

  ~MpiWatch() override {
    thread_.reset();
    if (giving_.joinable()) giving_.join();
    for (MPI_Request& request : requests_) {
      if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
    }
    MPI_Comm_free(&comm_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void look(double watched) {
    const Beat mine = beat_of(order_.here.now());
    note(rank_, mine);
    tell(mine);
    listen();
    give_part();
    if (!reports() || watched < order_.limit) return;
    for (size_t r = 0; r < ranks_.size(); ++r) {
      ranks_[r].silent = std::chrono::duration<double>(Clock::now() - seen_[r]).count();
    }
    if (is_stall(ranks_, order_.limit)) end();
  }

  // Rank 0 speaks for all, and rank 1 where rank 0 has fallen silent. Where it has asked for parts it may
  // save for as long as the limit before it ends all ranks.
  bool reports() const {
    if (rank_ == 0) return true;
    const double silent = std::chrono::duration<double>(Clock::now() - seen_[0]).count();
    return rank_ == 1 && silent > (asked_ ? 3 : 1) * order_.limit;
  }

  void note(int rank, const Beat& beat) {
    Sighting& sighting = ranks_[static_cast<size_t>(rank)];
    sighting = {beat.step, beat.doing.data(), beat.seconds, 0};
    seen_[static_cast<size_t>(rank)] = Clock::now();
  }

  void tell(const Beat& beat) {
    for (int keeper = 0; keeper < std::min<int>(kKeepers, static_cast<int>(ranks_.size())); ++keeper) {
      MPI_Request& request = requests_[static_cast<size_t>(keeper)];
      int done = 1;
      if (request != MPI_REQUEST_NULL) MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (!done || keeper == rank_) continue;
      sent_[static_cast<size_t>(keeper)] = beat;
      MPI_Isend(&sent_[static_cast<size_t>(keeper)], sizeof(Beat), MPI_BYTE, keeper, kBeat, comm_, &request);
    }
  }

  void listen() {
    if (rank_ >= kKeepers) return;
    int there = 0;
    MPI_Status status;
    while (MPI_Iprobe(MPI_ANY_SOURCE, kBeat, comm_, &there, &status) == MPI_SUCCESS && there) {
      Beat beat;
      MPI_Recv(&beat, sizeof beat, MPI_BYTE, status.MPI_SOURCE, kBeat, comm_, MPI_STATUS_IGNORE);
      note(status.MPI_SOURCE, beat);
    }
  }

  // What rank 0 asks for where it finds a stall. Sent on a thread of its own, for rank 1 to watch on: rank 0
  // may stop before it has it. Where a message fails that one waits in vain, no longer than the limit.
  void give_part() {
    int there = 0;
    if (rank_ == 0) return;
    MPI_Iprobe(0, kAsk, comm_, &there, MPI_STATUS_IGNORE);
    if (!there) return;
    asked_ = true;
    MPI_Recv(nullptr, 0, MPI_BYTE, 0, kAsk, comm_, MPI_STATUS_IGNORE);
    std::vector<char> part;
    try {
      part = order_.salvage->part();
    } catch (const std::bad_alloc&) {  // then there is none
    }
    try {
      giving_ = std::thread([this, part = std::move(part)] { send(part); });
    } catch (const std::system_error&) {  // no thread is to be had
    }
  }

  void send(const std::vector<char>& part) const {
    const uint64_t bytes = part.size();
    MPI_Send(&bytes, 1, MPI_UINT64_T, 0, kPart, comm_);
    in_pieces(bytes, kLongestMessage,
              [&](uint64_t at, int count) { MPI_Send(part.data() + at, count, MPI_BYTE, 0, kPart, comm_); });
  }

  std::vector<char> part_of(int rank) const {
    constexpr auto kWhat = "collect the last whole step";
    uint64_t bytes = 0;
    check(MPI_Recv(&bytes, 1, MPI_UINT64_T, rank, kPart, comm_, MPI_STATUS_IGNORE), kWhat);
    std::vector<char> part(bytes);
    in_pieces(bytes, kLongestMessage, [&](uint64_t at, int count) {
      check(MPI_Recv(part.data() + at, count, MPI_BYTE, rank, kPart, comm_, MPI_STATUS_IGNORE), kWhat);
    });
    return part;
  }

  // By rank 0; rank 1 speaks only where that one is silent.
  std::string save() const {
    const std::vector<int> silent = silent_ranks(ranks_, order_.limit);
    if (!silent.empty()) fail("there is no answer from ", rank_list(silent));
    const int ranks = static_cast<int>(ranks_.size());
    for (int r = 1; r < ranks; ++r) {
      check(MPI_Send(nullptr, 0, MPI_BYTE, r, kAsk, comm_), "ask for the last whole step");
    }
    return save_parts(*order_.salvage, ranks, [this](int rank) { return part_of(rank); });
  }

  [[noreturn]] void end() {
    conclude_stall(ranks_, order_, [this] { return save(); });
    MPI_Abort(world_, 1);
    std::_Exit(1);
  }

  MPI_Comm world_;
  WatchOrder order_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  bool asked_ = false;  // for its part
  std::vector<Sighting> ranks_;
  std::vector<Clock::time_point> seen_;
  std::array<Beat, kKeepers> sent_{};
  std::array<MPI_Request, kKeepers> requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  std::thread giving_;
  std::unique_ptr<WatchThread> thread_;
};

}  // namespace

std::unique_ptr<StallWatch> watch_over_mpi(MPI_Comm world, const WatchOrder& order) {
  return std::make_unique<MpiWatch>(world, order);
}

}  // namespace lockstep::comm
