// From the gradients of all ranks' microbatches to one sum, and from each rank's new parameters to
// everybody's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/core/buffer.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/dist/gradient_tree.h"
#include "lockstep/dist/teams.h"
#include "lockstep/parallel/workers.h"

namespace lockstep::dist {

// Receives the summed gradient of parameters that this rank owns: `gradient[0]` belongs to parameter
// `range.begin`. Ranges are whole blocks. Called from several threads at once, on ranges that do not overlap.
using Consumer = std::function<void(Range range, const float* gradient)>;

class Reducer {
 public:
  virtual ~Reducer() = default;

  // A step's reduction is begin(), any number of advance(), then finish(), or abandon() where the step failed
  // on some rank.
  //
  // Behind the tree's own begin(), with the same plan, and before its first branch. Collective; waits for
  // those of the team who still read the tree's buffers; keeps a reference to the tree, which is shared.
  virtual void begin(GradientTree& tree, const Plan& plan) = 0;
  // From any thread, while gradients are computed: sends what is final, and lets MPI go on with what is under
  // way. Returns at once where another thread is at it.
  virtual void advance() = 0;
  // Collective, when the tree is whole. Sums the trees of all ranks and hands the sum of each owned range to
  // `consumer`. Where `gathered` is given, gather() of it begins.
  virtual void finish(const Consumer& consumer, float* gathered) = 0;
  // Collective. Lets end what any rank has begun, whatever is in the trees.
  virtual void abandon() = 0;

  // Collective. Moves a flat vector, the same on every rank, to where the ranks of a team have it in common.
  // From then on a rank writes there what it owns alone, and then completes it. Something that waits for all
  // ranks has to lie between the last time that any reads what others own and the first time that any writes.
  // The last vector is the shared one. Fails on every rank of a host that has not the memory.
  virtual void share(Buffer& values) = 0;
  // Collective, before the first begin(). Moves the tree's buffers to where the ranks of a team see them, and
  // so need no copies. Fails likewise.
  virtual void share(GradientTree& tree) = 0;
  // Collective. Begins to complete the shared vector, of which every rank has what it owns: from its end to
  // its start, as the next step's way forward reads parameters. Until a rank has awaited all of it, the
  // vector has to live and to stay as it is; that comes before its next finish() or gather().
  virtual void gather(float* values) = 0;
  // From any thread. Lets that go on. Whether it is complete from float `from` on.
  virtual bool has_gathered(int64_t from) = 0;
  // From any thread. Waits until it is. `share`: what part of the threads at work waits here.
  virtual void await_gathered(int64_t from, double share = 1) = 0;

  // Whether every rank owns everything, so that none has any part alone.
  virtual bool all_own_all() const = 0;
  // Calls consumer(range) for all that this rank owns, from several threads.
  virtual void for_each_owned(const std::function<void(Range)>& consumer) = 0;

  // Collective. Completes one double a block (of parameters / kBlock) in place, of which every rank has what
  // it owns.
  virtual void gather_blocks(std::vector<double>& values) = 0;

  // Collective, not blocking. Completes on rank 0 a flat vector of which every rank has what it owns.
  virtual comm::Request collect(float* values) = 0;

  // Seconds since it was made: that this rank has spent waiting for others, by its threads' shares, and that
  // something was under way while it did not wait, as far as calls have seen.
  virtual double waited_seconds() const = 0;
  virtual double hidden_seconds() const = 0;
};

// Floats of a bucket for bucket-kilobytes. By rule (0), an eighth of the parameters, so that most of a
// gradient travels while the rest of it is computed; but each rank's slice is 16 KB or more, and a bucket at
// most 4 MB.
int64_t bucket_floats(int64_t kilobytes, int64_t parameters, int ranks);

// "ordered": along the fixed tree, the same bits on any number of ranks; every rank owns a slice of each
// bucket, and what a team sends leaves its host once. "mpi": MPI_Iallreduce, in whatever order MPI takes;
// every rank owns everything.
std::unique_ptr<Reducer> make_reducer(const std::string& kind, comm::Group& group, parallel::Workers& workers,
                                      int64_t parameters, int64_t bucket_floats);

// Floats of the buffers that such a reducer keeps for steps of this plan.
int64_t reducer_floats(const std::string& kind, const Plan& plan, int rank, const Teams& teams,
                       int64_t parameters, int64_t bucket_floats);

}  // namespace lockstep::dist
