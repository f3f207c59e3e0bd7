#include "lockstep/comm/clock.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace lockstep::comm {

namespace {

constexpr int kTag = 7;

int64_t nanoseconds(auto time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

void send(Group& group, int peer, const std::vector<float>& message) {
  const std::array<Send, 1> sends = {{{peer, message.data(), static_cast<int64_t>(message.size())}}};
  group.exchange(sends, {}, kTag).wait();
}

void receive(Group& group, int peer, std::vector<float>& message) {
  const std::array<Receive, 1> receives = {{{peer, message.data(), static_cast<int64_t>(message.size())}}};
  group.exchange({}, receives, kTag).wait();
}

// Messages of `floats` from rank 0 to each other rank and back, `rounds` times. `there(peer, round)` is
// called on the peer between the two, `back(peer, round, begin, end)` on rank 0 with its clock around them.
template <class There, class Back>
void ping(Group& group, int64_t floats, int rounds, const ReadClock& now, const There& there,
          const Back& back) {
  std::vector<float> message(static_cast<size_t>(floats));
  for (int peer = 1; peer < group.size(); ++peer) {
    for (int round = 0; round < rounds; ++round) {
      if (group.rank() == peer) {
        receive(group, 0, message);
        there(peer, round);
        send(group, 0, message);
      } else if (group.rank() == 0) {
        const int64_t begin = now();
        send(group, peer, message);
        receive(group, peer, message);
        back(peer, round, begin, now());
      }
    }
  }
}

// What rank 0 knows, on all ranks.
template <class Value>
void tell_all(Group& group, std::vector<Value>& values) {
  group.broadcast(values.data(), values.size() * sizeof(Value), 0);
}

}  // namespace

int64_t wall_clock() { return nanoseconds(std::chrono::system_clock::now()); }
int64_t steady_clock() { return nanoseconds(std::chrono::steady_clock::now()); }

std::vector<ClockOffset> clock_offsets(Group& group, const ReadClock& now, int rounds) {
  const size_t ranks = static_cast<size_t>(group.size());
  const size_t each = static_cast<size_t>(rounds);
  struct Question {
    int64_t begin;
    int64_t end;
  };
  std::vector<Question> questions(ranks * each);
  std::vector<int64_t> mine(each);
  ping(
      group, 1, rounds, now, [&](int, int round) { mine[static_cast<size_t>(round)] = now(); },
      [&](int peer, int round, int64_t begin, int64_t end) {
        questions[static_cast<size_t>(peer) * each + static_cast<size_t>(round)] = {begin, end};
      });
  std::vector<int64_t> readings(ranks * each);
  group.allgather(mine.data(), std::vector<uint64_t>(ranks, each * sizeof(int64_t)), readings.data());

  std::vector<ClockOffset> offsets(ranks);
  for (size_t r = 1; r < ranks && each > 0; ++r) {
    const auto first = questions.begin() + static_cast<int64_t>(r * each);
    const auto fastest = std::min_element(first, first + rounds, [](const auto& a, const auto& b) {
      return a.end - a.begin < b.end - b.begin;
    });
    const int64_t length = fastest->end - fastest->begin;
    const int64_t reading = readings[static_cast<size_t>(fastest - questions.begin())];
    offsets[r].ahead =
        (static_cast<double>(reading - fastest->begin) - 0.5 * static_cast<double>(length)) * 1e-9;
    offsets[r].round_trip = static_cast<double>(length) * 1e-9;
    offsets[r].uncertainty = 0.5 * offsets[r].round_trip;
  }
  tell_all(group, offsets);
  return offsets;
}

std::vector<double> message_rates(Group& group, int64_t bytes, int rounds) {
  const int64_t floats = bytes / static_cast<int64_t>(sizeof(float));
  std::vector<double> rates(static_cast<size_t>(group.size()));
  ping(
      group, floats, rounds, steady_clock, [](int, int) {},
      [&](int peer, int, int64_t begin, int64_t end) {
        const double seconds = static_cast<double>(std::max<int64_t>(end - begin, 1)) * 1e-9;
        const double rate = 2 * static_cast<double>(floats) * sizeof(float) / seconds;
        rates[static_cast<size_t>(peer)] = std::max(rates[static_cast<size_t>(peer)], rate);
      });
  tell_all(group, rates);
  return rates;
}

}  // namespace lockstep::comm
