#include "lockstep/comm/group.h"

#include <cstdlib>
#include <cstring>
#include <sstream>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/comm/stall.h"
#include "rank_list.h"
#include "watch_thread.h"

namespace lockstep::comm {

namespace {

// The first line in which two texts differ, of each.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a);
  std::istringstream lines_b(b);
  std::string line_a;
  std::string line_b;
  do {
    if (!std::getline(lines_a, line_a)) line_a = "nothing more";
    if (!std::getline(lines_b, line_b)) line_b = "nothing more";
  } while (line_a == line_b && lines_a && lines_b);
  return {line_a, line_b};
}

}  // namespace

std::vector<std::string> Group::gather_texts(std::string_view mine) {
  const size_t ranks = static_cast<size_t>(size());
  std::vector<uint64_t> lengths(ranks);
  const std::vector<uint64_t> eight(ranks, sizeof(uint64_t));
  const uint64_t length = mine.size();
  allgather(&length, eight, lengths.data());
  uint64_t total = 0;
  for (const uint64_t l : lengths) total += l;
  std::string all(total, '\0');
  allgather(mine.data(), lengths, all.data());
  std::vector<std::string> texts;
  uint64_t at = 0;
  for (const uint64_t l : lengths) {
    texts.push_back(all.substr(at, l));
    at += l;
  }
  return texts;
}

void together(Group& group, const std::function<void()>& action) {
  // First character: '0' all well, '1' or '2' the exit code; then the message. An agreed error inside was
  // thrown by all ranks, so it passes.
  std::string outcome = "0";
  try {
    action();
  } catch (const AgreedError&) {
    throw;
  } catch (const Error& error) {
    outcome = std::to_string(static_cast<int>(error.kind())) + error.what();
  } catch (const std::exception& error) {
    outcome = text("1", error.what());
  }
  const auto outcomes = group.gather_texts(outcome);
  std::vector<int> failed;
  for (size_t r = 0; r < outcomes.size(); ++r) {
    if (outcomes[r][0] != '0') failed.push_back(static_cast<int>(r));
  }
  if (failed.empty()) return;
  const std::string& first = outcomes[static_cast<size_t>(failed[0])];
  const std::string where = failed.size() == outcomes.size() ? "" : rank_list(failed) + ": ";
  throw AgreedError(where + first.substr(1), static_cast<Failure>(first[0] - '0'));
}

void require_equal(Group& group, std::string_view what, std::string_view mine, std::string_view advice) {
  const auto all = group.gather_texts(mine);
  std::vector<int> different;
  for (size_t r = 1; r < all.size(); ++r) {
    if (all[r] != all[0]) different.push_back(static_cast<int>(r));
  }
  if (different.empty()) return;
  const auto [theirs, first] = first_difference(all[static_cast<size_t>(different[0])], all[0]);
  throw AgreedError(text(rank_list(different), different.size() == 1 ? " has" : " have", " another ", what,
                         " than rank 0 ('", theirs, "' against '", first, "'); ", advice));
}

namespace {

class OwnWatch : public StallWatch {
 public:
  explicit OwnWatch(const WatchOrder& order)
      : order_(order), thread_(order.limit, [this](double watched) { look(watched); }) {}

 private:
  void look(double watched) {
    if (watched < order_.limit) return;
    const Whereabouts::Now now = order_.here.now();
    const std::vector<Sighting> ranks = {{now.step, now.doing, now.seconds, 0}};
    if (!is_stall(ranks, order_.limit)) return;
    conclude_stall(ranks, order_, [this] { return save_parts(*order_.salvage, 1, {}); });
    std::_Exit(1);
  }

  WatchOrder order_;
  WatchThread thread_;  // last: it uses the order
};

class GroupOfOne : public Group {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Group& host() override { return *this; }
  std::string transport() const override { return "none"; }
  void barrier() override {}
  void broadcast(void*, uint64_t, int) override {}
  void allgather(const void* mine, std::span<const uint64_t> counts, void* all) override {
    if (counts[0] > 0) std::memcpy(all, mine, counts[0]);
  }
  Request allreduce_sum(float*, int64_t) override { return Request(); }
  Request exchange(std::span<const Send> sends, std::span<const Receive> receives, int) override {
    if (!sends.empty() || !receives.empty()) fail("a group of one was asked to send to another rank");
    return Request();
  }
  void progress() override {}
  std::unique_ptr<StallWatch> watch(const WatchOrder& order) override {
    return std::make_unique<OwnWatch>(order);
  }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }
};

}  // namespace

std::unique_ptr<Group> group_of_one() { return std::make_unique<GroupOfOne>(); }

}  // namespace lockstep::comm
