// The gradients of this rank's microbatches, on their way into one sum.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "lockstep/core/buffer.h"
#include "lockstep/core/recording.h"
#include "lockstep/dist/tree.h"

namespace lockstep::dist {

// A node of the tree still to be done, and an empty buffer for the sum of its microbatches' gradients.
struct Branch {
  Range microbatches;
  float* gradient;
};

// Threads ask for the next branch, fill its buffer and give it back. When buffers run out, whole neighbouring
// nodes are merged, so a few of them serve any number of microbatches. Which merges happen when depends on
// timing; their result does not, since only the two halves of one node are ever added.
class GradientTree {
 public:
  // Buffers with which so many branches can always be under way: one each, and what the finished microbatches
  // of a rank's run can be merged down to at any moment. About branches + log2 of the run, and up to twice
  // the logarithm for a run that starts inside the tree.
  static int buffers_needed(int branches, const Plan& plan, int rank, int64_t width = 1);

  // `width`, a power of two: the most microbatches of a branch.
  GradientTree(int64_t parameters, int buffers, int64_t width = 1);

  // All its buffers. Between steps they may be moved to other memory of that size.
  Buffer& storage() { return storage_; }

  // Before each step: the leaves are this rank's microbatches.
  void begin(const Plan& plan, int rank);

  // Thread safe. The next branch, in ascending order; none when all are handed out or after cancel(). The
  // buffer's contents are undefined. The buffer is there before the branch is handed out, so all branches
  // under way can end, and a thread that waits here always gets one.
  // Merging and waiting are recorded on the timeline, where one is given.
  std::optional<Branch> next(Timeline* timeline = nullptr);
  // Thread safe: the first `floats` of the branch's gradient will not change any more.
  void reached(const Branch& branch, int64_t floats);
  void add(const Branch& branch);
  // Makes next() return none, and nothing final, for when a thread fails and its branch will not come back.
  void cancel();

  // Thread safe. The floats, from the arena's start, that will not change any more in any of partials(). 0
  // as long as there are branches to hand out, or merges under way, and after cancel(); all of them after the
  // last add().
  int64_t final_floats() const;
  // Once final_floats() is above 0: what there is, from left to right, branches under way included. Each is a
  // node of the tree; they may be finer than nodes_of() gives, since the last merges are left to whoever
  // reads them, in one pass.
  std::vector<Partial<float>> partials() const;
  // Memory of `parameters()` floats, with anything in it.
  float* any_buffer() { return storage_.data(); }

  int64_t parameters() const { return parameters_; }

 private:
  struct Entry {
    Partial<float> partial;
    int64_t final_floats;
    bool is_back;  // add() was called
  };
  bool merge_one_pair(std::unique_lock<std::mutex>& lock, Timeline* timeline);
  void insert(const Entry& entry);
  Entry& entry_of(const Branch& branch);

  int64_t parameters_;
  int64_t width_;
  int buffers_;
  Buffer storage_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<float*> free_;
  std::vector<Entry> entries_;  // sorted by leaves
  int merging_ = 0;             // pairs that are in no entry meanwhile
  bool cancelled_ = false;
  int64_t leaves_ = 0;        // of the whole tree
  std::vector<Range> to_do_;  // branches not yet handed out, the next one last
};

}  // namespace lockstep::dist
