// What a rank's threads do in a step: microbatches, and pieces of the sums of their gradients.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

#include "lockstep/dist/gradient_tree.h"

namespace lockstep::dist {

// Either a microbatch to take through the network, or, with piece >= 0, a part of the gradient of a branch
// whose microbatches have all left what that part is made of.
struct Work {
  Branch branch;
  int64_t microbatch = 0;
  int64_t slot = 0;  // of the microbatch: a number that no other has until the branch is done
  int64_t piece = -1;
  std::vector<int64_t> slots;  // of all the branch's microbatches, in their order, where this is a piece
};

// With no pieces, a microbatch's gradient is written to its branch's buffer, and branches must be one
// microbatch wide. With pieces, microbatches leave what the pieces need in their slots, and the pieces fill
// the buffer. Those of the last layers are to be had before the first layers' are: while the branch's last
// microbatch is still on its way back.
class WorkQueue {
 public:
  struct Sizes {
    int64_t slots;  // at least the width of a branch
    // One a piece, ascending: with it and those before it, so many floats of the branch's gradient are there.
    std::vector<int64_t> pieces;
    int branches;  // most that are under way at once
  };
  // Keeps a reference to the tree, whose begin() was called.
  WorkQueue(GradientTree& tree, const Sizes& sizes);

  // Thread safe. None when there is nothing left to do, or after cancel(). A thread does what it got and
  // gives it back with done() before it asks again. Waiting and merging are recorded on the timeline, where
  // one is given.
  std::optional<Work> next(Timeline* timeline = nullptr);
  void done(const Work& work);
  // Thread safe. Of a microbatch under way: what pieces that end within so many floats need of it is left.
  void reached(const Work& microbatch, int64_t floats);
  // For a thread in the middle of a microbatch: a piece to do before it goes on, and to give back with
  // done(). None where another thread has pieces or nothing to do: with this microbatch, more of them are to
  // be had.
  std::optional<Work> next_piece();
  // For when a thread fails: next() returns none to all.
  void cancel();

 private:
  struct Open {
    Branch branch;
    std::vector<int64_t> reached;  // floats, one a microbatch that was handed out
    int64_t finished = 0;          // microbatches
    size_t pieces_handed_out = 0;
    size_t pieces_finished = 0;
    std::vector<bool> finished_pieces;
    size_t pieces_in_order = 0;  // finished, with all before them
    std::vector<int64_t> slots;
  };
  std::optional<Work> take_piece();
  std::optional<Work> take_microbatch();
  Open& open_of(const Work& work);
  bool has_piece(const Open& open) const;
  void open_one(std::unique_lock<std::mutex>& lock, Timeline* timeline);
  void finish_piece(Open& open, size_t piece);

  GradientTree& tree_;
  Sizes sizes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Open> open_;
  int opening_ = 0;  // branches that a thread is asking the tree for
  int waiting_ = 0;  // threads in next()
  int pieces_under_way_ = 0;
  bool exhausted_ = false;
  bool cancelled_ = false;
  std::vector<int64_t> free_slots_;
};

}  // namespace lockstep::dist
