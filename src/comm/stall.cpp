#include "lockstep/comm/stall.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <future>
#include <map>
#include <memory>
#include <thread>

#include "lockstep/core/error.h"
#include "rank_list.h"

namespace lockstep::comm {

namespace {

// Ranks are heard of many times within the limit. The silent one is to be known as such when those that wait
// for it reach the limit, and they may have begun to wait before its last word.
bool is_silent(const Sighting& s, double limit) { return s.silent > limit / 2; }

// The order of lines: who is silent, who is at work, who waits.
int urgency(const Sighting& s, double limit) {
  if (is_silent(s, limit)) return 0;
  return s.doing.rfind("waits", 0) == 0 ? 2 : 1;
}

std::string words(const Sighting& s, double limit) {
  if (is_silent(s, limit)) {
    return text("stopped, dead or cut off: silent for ", std::lround(s.silent), " s; before that, step ",
                s.step, ", ", s.doing);
  }
  return text("step ", s.step, ", ", s.doing);
}

// What came of saving, for people. A thread of its own, since what made the run stand still, a disk or a
// network, may hold this up as well, for ever.
std::string saved_within(double limit, const std::function<std::string()>& save) {
  auto promise = std::make_shared<std::promise<std::string>>();
  std::future<std::string> saved = promise->get_future();
  try {
    std::thread([promise, save] {
      try {
        promise->set_value(save());
      } catch (...) {
        promise->set_exception(std::current_exception());
      }
    }).detach();
    if (saved.wait_for(std::chrono::duration<double>(limit)) != std::future_status::ready) {
      return text("The last whole step was not saved within ", limit, " s");
    }
    return saved.get();
  } catch (const std::exception& error) {
    return text("The last whole step could not be saved: ", error.what());
  }
}

}  // namespace

bool is_stall(const std::vector<Sighting>& ranks, double limit) {
  return std::any_of(ranks.begin(), ranks.end(),
                     [&](const Sighting& s) { return s.seconds + s.silent > limit; });
}

std::string stall_report(const std::vector<Sighting>& ranks, const std::vector<Placement>& placements,
                         double limit) {
  // By urgency, then what they are at.
  std::map<std::pair<int, std::string>, std::vector<int>> lines;
  double longest = 0;
  for (size_t r = 0; r < ranks.size(); ++r) {
    lines[{urgency(ranks[r], limit), words(ranks[r], limit)}].push_back(static_cast<int>(r));
    longest = std::max(longest, ranks[r].seconds + ranks[r].silent);
  }
  std::string report = text("no progress for ", std::lround(longest), " s (--stall-timeout ", limit, ")");
  for (const auto& [what, who] : lines) {
    report += "\n  " + rank_list(who);
    if (who.size() == 1) report += " (" + placements[static_cast<size_t>(who[0])].host + ")";
    report += ": " + what.second;
  }
  return report;
}

std::vector<int> silent_ranks(const std::vector<Sighting>& ranks, double limit) {
  std::vector<int> silent;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (is_silent(ranks[r], limit)) silent.push_back(static_cast<int>(r));
  }
  return silent;
}

std::string save_parts(Salvage& salvage, int ranks,
                       const std::function<std::vector<char>(int rank)>& part_of) {
  constexpr auto kNone =
      " had none at hand: it has done none in this run, was within an update or an evaluation, or was short "
      "of "
      "memory";
  if (!salvage.begin()) fail("rank 0", kNone);
  for (int r = 1; r < ranks; ++r) {
    const std::vector<char> part = part_of(r);
    if (part.empty()) fail("rank ", r, kNone);
    salvage.add(part);
  }
  return salvage.save();
}

void conclude_stall(const std::vector<Sighting>& ranks, const WatchOrder& order,
                    const std::function<std::string()>& save) {
  std::fflush(stdout);
  std::fprintf(stderr, "trainer: %s\n", stall_report(ranks, order.placements, order.limit).c_str());
  if (order.salvage != nullptr) std::fprintf(stderr, "%s\n", saved_within(order.limit, save).c_str());
  std::fprintf(stderr, "%s\n", order.advice().c_str());
  std::fflush(stderr);
}

}  // namespace lockstep::comm
