// A group whose ranks lie on hosts that a test chooses.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/comm/stall.h"

namespace lockstep::test {

// Everything but what a host has of its own goes to the whole group.
class GroupOver : public comm::Group {
 public:
  explicit GroupOver(comm::Group& whole) : whole_(whole) {}
  int rank() const override { return whole_.rank(); }
  int size() const override { return whole_.size(); }
  void barrier() override { whole_.barrier(); }
  void broadcast(void* data, uint64_t bytes, int root) override { whole_.broadcast(data, bytes, root); }
  void allgather(const void* mine, std::span<const uint64_t> counts, void* all) override {
    whole_.allgather(mine, counts, all);
  }
  comm::Request allreduce_sum(float* values, int64_t count) override {
    return whole_.allreduce_sum(values, count);
  }
  comm::Request exchange(std::span<const comm::Send> sends, std::span<const comm::Receive> receives,
                         int tag) override {
    return whole_.exchange(sends, receives, tag);
  }
  void progress() override { whole_.progress(); }
  std::unique_ptr<comm::StallWatch> watch(const comm::WatchOrder& order) override {
    return whole_.watch(order);
  }
  [[noreturn]] void abort(int exit_code) override {
    whole_.abort(exit_code);
    std::abort();
  }
  std::string transport() const override { return whole_.transport(); }

 protected:
  comm::Group& whole_;
};

// Some ranks of a group, by messages between them.
class SomeRanks : public GroupOver {
 public:
  SomeRanks(comm::Group& whole, std::vector<int> ranks) : GroupOver(whole), ranks_(std::move(ranks)) {}
  int rank() const override {
    return static_cast<int>(std::find(ranks_.begin(), ranks_.end(), whole_.rank()) - ranks_.begin());
  }
  int size() const override { return static_cast<int>(ranks_.size()); }
  comm::Group& host() override { return *this; }
  void broadcast(void* data, uint64_t bytes, int root) override {
    std::vector<uint64_t> counts(ranks_.size());
    counts[static_cast<size_t>(root)] = bytes;
    const std::string mine(rank() == root ? std::string(static_cast<char*>(data), bytes) : std::string());
    allgather(mine.data(), counts, data);
  }
  void allgather(const void* mine, std::span<const uint64_t> counts, void* all) override {
    char* out = static_cast<char*>(all);
    for (int r = 0; r < size(); ++r) {
      const uint64_t bytes = counts[static_cast<size_t>(r)];
      std::vector<float> message(bytes / sizeof(float) + 1);
      if (r == rank()) std::memcpy(message.data(), mine, bytes);
      pass_on(r, message);
      std::memcpy(out, message.data(), bytes);
      out += bytes;
    }
  }

 private:
  void pass_on(int root, std::vector<float>& message) {
    constexpr int kTag = 17;
    const int64_t count = static_cast<int64_t>(message.size());
    std::vector<comm::Send> sends;
    std::vector<comm::Receive> receives;
    for (int r = 0; r < size() && root == rank(); ++r) {
      if (r != root) sends.push_back({ranks_[static_cast<size_t>(r)], message.data(), count});
    }
    if (root != rank()) receives.push_back({ranks_[static_cast<size_t>(root)], message.data(), count});
    whole_.exchange(sends, receives, kTag).wait();
  }

  std::vector<int> ranks_;
};

class OnHosts : public GroupOver {
 public:
  // By rank, a number for its host.
  OnHosts(comm::Group& whole, const std::vector<int>& hosts) : GroupOver(whole) {
    std::vector<int> here;
    for (size_t r = 0; r < hosts.size(); ++r) {
      if (hosts[r] == hosts[static_cast<size_t>(whole.rank())]) here.push_back(static_cast<int>(r));
    }
    host_ = std::make_unique<SomeRanks>(whole, here);
  }
  comm::Group& host() override { return *host_; }

 private:
  std::unique_ptr<comm::Group> host_;
};

}  // namespace lockstep::test
