#include "lockstep/train/background_checkpoint.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lockstep::train {

void BackgroundCheckpoint::begin(const std::string& path, Checkpoint record, const float* parameters,
                                 const std::vector<optim::Slot>& slots) {
  path_ = path;
  under_way_ = true;
  ++begun_;
  take_slots(slots);
  if (group_.rank() != 0) return;
  record.layout = layout_;
  record.parameters = std::move(copy_.parameters);
  record.slots = std::move(copy_.slots);
  copy_ = std::move(record);
  if (copy_.parameters.size() == 0) copy_.parameters = Buffer(layout_.floats());
  std::copy_n(parameters, layout_.floats(), copy_.parameters.data());
  advance();  // where nothing has to travel, it is written at once
}

void BackgroundCheckpoint::take_slots(const std::vector<optim::Slot>& slots) {
  if (copy_.slots.empty()) {
    for (const optim::Slot& slot : slots)
      copy_.slots.push_back({slot.name, Buffer(layout_.floats(), Pages::kSmall)});
  }
  for (size_t s = 0; s < slots.size(); ++s) {
    float* copy = copy_.slots[s].values.data();
    reducer_.for_each_owned([&](dist::Range range) {
      std::copy_n(slots[s].values.data() + range.begin, range.size(), copy + range.begin);
    });
    travels_.push_back(reducer_.collect(copy));
  }
}

void BackgroundCheckpoint::advance() {
  if (!under_way_) return;
  if (writing_) {
    if (writing_->is_done()) end_writing();
    return;
  }
  while (!travels_.empty() && travels_.back().test()) travels_.pop_back();
  if (!travels_.empty()) return;
  if (group_.rank() == 0) {
    start_writing();
  } else {
    under_way_ = false;
  }
}

void BackgroundCheckpoint::finish() {
  if (!under_way_) return;
  for (comm::Request& travel : travels_) travel.wait();
  travels_.clear();
  if (group_.rank() == 0 && !writing_) start_writing();
  if (writing_) end_writing();
  under_way_ = false;
}

void BackgroundCheckpoint::start_writing() {
  writing_ = thread_.run([this] {
    const auto start = std::chrono::steady_clock::now();
    write();
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  });
}

void BackgroundCheckpoint::write() {
  const std::lock_guard lock(file_mutex_);
  if (!last_is_written_) write_checkpoint(path_, copy_);
}

void BackgroundCheckpoint::write_last(const std::string& path, const Checkpoint& last) {
  io::require_library();
  const std::lock_guard lock(file_mutex_);
  write_checkpoint(path, last);
  last_is_written_ = true;
}

void BackgroundCheckpoint::end_writing() {
  under_way_ = false;
  parallel::Background::Handle writing = *std::exchange(writing_, std::nullopt);
  writing.wait();
  ++written_;
}

}  // namespace lockstep::train
