// The ranks that train together: a real MPI group, or a group of one that needs no MPI. The only way to other
// ranks.
//
// "Collective" means: every rank calls it, in the same order, from the thread that made the group.
// exchange(), progress() and what requests offer may be called by any thread. Counts are 64-bit everywhere;
// messages beyond what MPI counts are cut in pieces inside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::comm {

class StallWatch;   // stall.h
struct WatchOrder;  // likewise

struct Send {
  int peer;
  const float* data;
  int64_t count;
};

struct Receive {
  int peer;
  float* data;
  int64_t count;
};

// Communication under way. Its memory stays untouched until it is over.
class Request {
 public:
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual bool test() = 0;
    virtual void wait() = 0;
  };
  Request() = default;
  explicit Request(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}
  // Whether it is over. MPI moves all that is under way while it is asked, and hardly otherwise.
  bool test() {
    if (pending_ && pending_->test()) pending_.reset();
    return pending_ == nullptr;
  }
  void wait() {
    if (pending_) pending_->wait();
    pending_.reset();
  }

 private:
  std::unique_ptr<Pending> pending_;
};

class Group {
 public:
  virtual ~Group() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // The ranks of this rank's host, itself included, in their order, as a group of their own, whose host() is
  // itself. They can share memory (shared_memory.h); where the system keeps processes from that, each rank is
  // a host of its own here. Lives as long as this group.
  virtual Group& host() = 0;

  // Collective.
  virtual void barrier() = 0;
  virtual void broadcast(void* data, uint64_t bytes, int root) = 0;
  // Rank r's counts[r] bytes, one rank after the other, into `all` on every rank.
  virtual void allgather(const void* mine, std::span<const uint64_t> counts, void* all) = 0;
  // Collective; not blocking; `values` is replaced by its sum over the ranks, in an order that MPI chooses.
  virtual Request allreduce_sum(float* values, int64_t count) = 0;

  // Not blocking. Messages between two ranks are matched in the order in which both name them, within one
  // tag. Peers never include this rank itself.
  virtual Request exchange(std::span<const Send> sends, std::span<const Receive> receives, int tag) = 0;

  // Lets all communication of this rank that is under way go on. For those who wait for what no request
  // tells.
  virtual void progress() = 0;

  // Collective. Watches over all ranks as long as the result lives.
  virtual std::unique_ptr<StallWatch> watch(const WatchOrder& order) = 0;

  // Ends all ranks at once, for a failure that only this rank knows of. Does not return.
  [[noreturn]] virtual void abort(int exit_code) = 0;

  // What carries this rank's messages, for people ("ob1 over tcp, vader"); "none" where there is nobody to
  // tell.
  virtual std::string transport() const = 0;

  // Collective, over allgather(): every rank's text, by rank.
  std::vector<std::string> gather_texts(std::string_view mine);
};

// A failure that every rank has been told of: one of them prints it, and all end in good order.
class AgreedError;

// Collective. Runs `action` on every rank. Where it fails on any rank, every rank throws one and the same
// error: the message of the lowest rank that failed, with the ranks it concerns where that is not all of
// them.
void together(Group& group, const std::function<void()>& action);

// Collective. Fails on every rank, naming the ranks that differ from rank 0, where `mine` is not the same on
// all. `what` is what is compared ("the configuration"), `advice` what to do.
void require_equal(Group& group, std::string_view what, std::string_view mine, std::string_view advice);

// The ranks of an MPI launch (mpirun, srun with PMIx), else a group of one. MPI lives as long as the result.
// Fails where a launcher started several tasks that cannot find each other.
std::unique_ptr<Group> join_group(int& argc, char**& argv);

// A group of one: nothing to wait for, nobody to ask.
std::unique_ptr<Group> group_of_one();

// Which MPI, for provenance ("Open MPI v4.1.4").
std::string library_version();

}  // namespace lockstep::comm
