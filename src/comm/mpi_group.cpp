// Open MPI behind comm::Group.
#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/comm/group.h"
#include "lockstep/comm/shared_memory.h"
#include "lockstep/core/error.h"
#include "mpi_calls.h"
#include "mpi_transport.h"
#include "mpi_watch.h"

namespace lockstep::comm {

namespace {

class MpiPending : public Request::Pending {
 public:
  explicit MpiPending(std::vector<MPI_Request> requests) : requests_(std::move(requests)) {}
  ~MpiPending() override {
    // Only an exception leaves requests behind; the run is then ending, and MPI with it.
  }
  bool test() override {
    int over = 0;
    check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &over, MPI_STATUSES_IGNORE),
          "go on with an exchange between ranks");
    return over != 0;
  }
  void wait() override {
    check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
          "finish an exchange between ranks");
  }

 private:
  std::vector<MPI_Request> requests_;
};

bool can_share_memory(Group& host) {
  try {
    SharedMemory(host, 1, "a trial");
    return true;
  } catch (const Error&) {
    return false;
  }
}

MPI_Comm ranks_of_host(MPI_Comm comm) {
  MPI_Comm host = MPI_COMM_NULL;
  check(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host), "find the ranks of a host");
  return host;
}

// Over TCP, Open MPI asks before it sends more than so much, 64 KB by itself; question and answer then wait
// behind all that is under way between the two ranks. What a bucket has for a rank shall go at once. A
// setting of the user's stands.
void send_buckets_at_once() { setenv("OMPI_MCA_btl_tcp_eager_limit", "1048576", /*overwrite=*/0); }

// What MPI_Init and MPI_Finalize enclose.
class MpiLife {
 public:
  MpiLife(int& argc, char**& argv) {
    // Several threads: the stall watch's, and workers that see to gradients between two layers.
    int provided = MPI_THREAD_SINGLE;
    send_buckets_at_once();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
    if (provided < MPI_THREAD_MULTIPLE) {
      fail("this MPI library serves one thread at a time (level ", provided,
           " of MPI_Init_thread); MPI_THREAD_MULTIPLE is needed: take Open MPI 3 or later");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  ~MpiLife() { MPI_Finalize(); }
  MpiLife(const MpiLife&) = delete;
  MpiLife& operator=(const MpiLife&) = delete;
};

class MpiGroup : public Group {
 public:
  // Collective over `comm`, which it takes over.
  explicit MpiGroup(MPI_Comm comm) : comm_(comm) {
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &size_);
    MPI_Comm host = ranks_of_host(comm_);
    int ranks = 0;
    MPI_Comm_size(host, &ranks);
    if (ranks < size_) {
      host_ = std::make_unique<MpiGroup>(host);
      return;
    }
    MPI_Comm_free(&host);
    if (!can_share_memory(*this)) host_ = group_of_one();
  }

  ~MpiGroup() override { MPI_Comm_free(&comm_); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Group& host() override { return host_ ? host_->host() : *this; }
  std::string transport() const override { return mpi_transport(); }

  void barrier() override { check(MPI_Barrier(comm_), "wait for all ranks"); }

  void broadcast(void* data, uint64_t bytes, int root) override {
    in_pieces(bytes, kLongestMessage, [&](uint64_t at, int count) {
      check(MPI_Bcast(static_cast<char*>(data) + at, count, MPI_BYTE, root, comm_), "broadcast");
    });
  }

  void allgather(const void* mine, std::span<const uint64_t> counts, void* all) override {
    uint64_t total = 0;
    for (const uint64_t count : counts) total += count;
    if (total > kLongestMessage) return allgather_by_broadcasts(mine, counts, all);
    std::vector<int> int_counts(counts.begin(), counts.end());
    std::vector<int> offsets(counts.size());
    for (size_t r = 1; r < counts.size(); ++r) offsets[r] = offsets[r - 1] + int_counts[r - 1];
    check(MPI_Allgatherv(mine, int_counts[static_cast<size_t>(rank_)], MPI_BYTE, all, int_counts.data(),
                         offsets.data(), MPI_BYTE, comm_),
          "gather from all ranks");
  }

  Request allreduce_sum(float* values, int64_t count) override {
    std::vector<MPI_Request> requests;
    in_pieces(static_cast<uint64_t>(count), kLongestMessage / sizeof(float), [&](uint64_t at, int n) {
      check(MPI_Iallreduce(MPI_IN_PLACE, values + at, n, MPI_FLOAT, MPI_SUM, comm_, &requests.emplace_back()),
            "start an allreduce");
    });
    return Request(std::make_unique<MpiPending>(std::move(requests)));
  }

  Request exchange(std::span<const Send> sends, std::span<const Receive> receives, int tag) override {
    std::vector<MPI_Request> requests;
    constexpr uint64_t kLongest = kLongestMessage / sizeof(float);
    for (const Receive& r : receives) {
      in_pieces(static_cast<uint64_t>(r.count), kLongest, [&](uint64_t at, int n) {
        check(MPI_Irecv(r.data + at, n, MPI_FLOAT, r.peer, tag, comm_, &requests.emplace_back()), "receive");
      });
    }
    for (const Send& s : sends) {
      in_pieces(static_cast<uint64_t>(s.count), kLongest, [&](uint64_t at, int n) {
        check(MPI_Isend(s.data + at, n, MPI_FLOAT, s.peer, tag, comm_, &requests.emplace_back()), "send");
      });
    }
    return Request(std::make_unique<MpiPending>(std::move(requests)));
  }

  void progress() override {
    int any = 0;
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &any, MPI_STATUS_IGNORE),
          "go on with what is under way");
  }

  std::unique_ptr<StallWatch> watch(const WatchOrder& order) override { return watch_over_mpi(comm_, order); }

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  void allgather_by_broadcasts(const void* mine, std::span<const uint64_t> counts, void* all) {
    char* out = static_cast<char*>(all);
    for (int r = 0; r < size_; ++r) {
      const uint64_t count = counts[static_cast<size_t>(r)];
      if (r == rank_) std::copy_n(static_cast<const char*>(mine), count, out);
      broadcast(out, count, r);
      out += count;
    }
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<Group> host_;  // none where it is this group itself
};

MPI_Comm own_world() {
  MPI_Comm world = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &world), "set up its communicator");
  return world;
}

class MpiWorld : private MpiLife, public MpiGroup {
 public:
  MpiWorld(int& argc, char**& argv) : MpiLife(argc, argv), MpiGroup(own_world()) {}
};

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

}  // namespace

std::unique_ptr<Group> join_group(int& argc, char**& argv) {
  // Each of these is set by a launcher that lets the processes find each other.
  if (is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMIX_RANK") || is_set("PMI_RANK")) {
    auto group = std::make_unique<MpiWorld>(argc, argv);
    for (const char* size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
      if (group->size() > 1 || !is_set(size) || std::atoi(std::getenv(size)) < 2) continue;
      fail_usage("the launcher started ", std::getenv(size), " tasks (", size,
                 "), but they cannot find each other: it ",
                 "speaks another protocol than this program's Open MPI; use Open MPI's own mpirun, or srun "
                 "--mpi=pmix");
    }
    return group;
  }
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  if (tasks != nullptr && std::atoi(tasks) > 1) {
    fail_usage("srun started ", tasks,
               " tasks, but gave them no way to find each other (no PMIx); use srun "
               "--mpi=pmix, or mpirun inside the job");
  }
  return group_of_one();
}

std::string library_version() {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
  const std::string full(version, static_cast<size_t>(length));
  return full.substr(0, full.find(','));
}

}  // namespace lockstep::comm
