// Checkpoints beside the training, which goes on as soon as what they hold is copied.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/comm/group.h"
#include "lockstep/dist/reducer.h"
#include "lockstep/optim/optimizer.h"
#include "lockstep/parallel/background.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

// Every rank copies what it owns of the optimizer's state, rank 0 the parameters too; the state travels to
// rank 0 between steps, and a thread of rank 0 writes the file. One at a time.
class BackgroundCheckpoint {
 public:
  // Keeps references to all three.
  BackgroundCheckpoint(const comm::Group& group, dist::Reducer& reducer, const ParameterLayout& layout)
      : group_(group), reducer_(reducer), layout_(layout) {}

  // Collective; none may be under way. Returns when `parameters` and the slots may change. `record` is what
  // the file holds beside these two and the layout; on rank 0 it counts.
  void begin(const std::string& path, Checkpoint record, const float* parameters,
             const std::vector<optim::Slot>& slots);

  // Lets what is under way go on, without waiting. Fails, on rank 0, where the file could not be written.
  void advance();
  // Waits until it is written, on rank 0, or this rank's part is on its way. Fails likewise.
  void finish();

  // By any thread, for a run that ends by it: writes this one behind the one that is being written, if any;
  // none is written after it. Fails where it could not be written; at once where another thread does not come
  // out of HDF5.
  void write_last(const std::string& path, const Checkpoint& last);

  int64_t begun() const { return begun_; }
  int64_t written() const { return written_; }  // 0 on other ranks than 0
  double seconds_written() const { return seconds_; }

 private:
  void take_slots(const std::vector<optim::Slot>& slots);
  void start_writing();
  void write();
  void end_writing();

  const comm::Group& group_;
  dist::Reducer& reducer_;
  const ParameterLayout& layout_;
  std::string path_;
  bool under_way_ = false;
  Checkpoint copy_;                     // kept from one to the next, with its memory
  std::vector<comm::Request> travels_;  // of the slots, one each
  std::optional<parallel::Background::Handle> writing_;
  std::mutex file_mutex_;  // whoever has it writes
  bool last_is_written_ = false;
  int64_t begun_ = 0;
  int64_t written_ = 0;
  double seconds_ = 0;           // of the thread
  parallel::Background thread_;  // last: it ends before what it uses
};

}  // namespace lockstep::train
