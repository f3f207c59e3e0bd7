#include "lockstep/train/last_step.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "lockstep/core/error.h"

namespace lockstep::train {

namespace {

// A part: its step, how many ranges, the ranges; then of the parameters, and of each slot, what lies in them.
template <class T>
void append(std::vector<char>& bytes, std::span<const T> values) {
  const char* first = reinterpret_cast<const char*>(values.data());
  bytes.insert(bytes.end(), first, first + values.size_bytes());
}

class PartReader {
 public:
  explicit PartReader(const std::vector<char>& bytes) : rest_(bytes) {}

  template <class T>
  void take(std::span<T> values) {
    if (values.size_bytes() > rest_.size()) fail("a rank's part of the last whole step is too short");
    std::copy_n(rest_.data(), values.size_bytes(), reinterpret_cast<char*>(values.data()));
    rest_ = rest_.subspan(values.size_bytes());
  }

 private:
  std::span<const char> rest_;
};

int64_t floats_of(const std::vector<dist::Range>& ranges) {
  int64_t floats = 0;
  for (const dist::Range range : ranges) floats += range.size();
  return floats;
}

std::span<const float> of(const Buffer& values, dist::Range range) {
  return {values.data() + range.begin, static_cast<size_t>(range.size())};
}

std::span<float> of(Buffer& values, dist::Range range) {
  return {values.data() + range.begin, static_cast<size_t>(range.size())};
}

}  // namespace

LastStep::LastStep(Sources sources, dist::Reducer& reducer, int rank) : sources_(std::move(sources)) {
  reducer.for_each_owned([this](dist::Range range) {
    const std::lock_guard lock(mutex_);
    owned_.push_back(range);
  });
  std::sort(owned_.begin(), owned_.end(),
            [](const dist::Range& a, const dist::Range& b) { return a.begin < b.begin; });
  if (rank != 0 && reducer.all_own_all()) owned_.clear();  // rank 0 has it
}

void LastStep::leave() {
  std::unique_lock lock(mutex_);
  never_.wait(lock, [this] { return !held_; });
  whole_ = false;
}

void LastStep::reach(const State& state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  whole_ = true;
}

std::vector<char> LastStep::part() {
  const std::lock_guard lock(mutex_);
  if (!whole_) return {};
  held_ = true;
  const std::array<int64_t, 2> head = {state_.step, static_cast<int64_t>(owned_.size())};
  std::vector<char> bytes;
  bytes.reserve(sizeof head + owned_.size() * sizeof(dist::Range) +
                static_cast<size_t>(floats_of(owned_)) * (1 + sources_.slots.size()) * sizeof(float));
  append(bytes, std::span<const int64_t>(head));
  append(bytes, std::span<const dist::Range>(owned_));
  for (const dist::Range range : owned_) append(bytes, of(sources_.parameters, range));
  for (const optim::Slot& slot : sources_.slots) {
    for (const dist::Range range : owned_) append(bytes, of(slot.values, range));
  }
  return bytes;
}

bool LastStep::begin() {
  const std::lock_guard lock(mutex_);
  if (!whole_) return false;
  held_ = true;
  saved_ = sources_.record(state_);
  saved_.layout = sources_.layout;
  // Of the others' they are perhaps not complete yet. Those that do not learn are nobody's, and on every
  // rank.
  saved_.parameters = Buffer(sources_.layout.floats());
  std::copy_n(sources_.parameters.data(), sources_.layout.floats(), saved_.parameters.data());
  for (const optim::Slot& slot : sources_.slots) {
    saved_.slots.push_back({slot.name, Buffer(sources_.layout.floats(), Pages::kSmall)});
    for (const dist::Range range : owned_)
      std::ranges::copy(of(slot.values, range), of(saved_.slots.back().values, range).begin());
  }
  return true;
}

void LastStep::add(const std::vector<char>& part) {
  PartReader reader(part);
  std::array<int64_t, 2> head;
  reader.take(std::span<int64_t>(head));
  if (head[0] != state_.step) fail("ranks were at steps ", state_.step, " and ", head[0]);
  std::vector<dist::Range> ranges(static_cast<size_t>(head[1]));
  reader.take(std::span<dist::Range>(ranges));
  for (const dist::Range range : ranges) reader.take(of(saved_.parameters, range));
  for (SavedSlot& slot : saved_.slots) {
    for (const dist::Range range : ranges) reader.take(of(slot.values, range));
  }
}

std::string LastStep::save() {
  sources_.write(saved_);
  return text("The last whole step, ", state_.step, ", is saved.");
}

}  // namespace lockstep::train
