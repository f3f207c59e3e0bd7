#include "lockstep/comm/doctor.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "rank_facts.h"

namespace lockstep::comm {

namespace {

constexpr size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;
constexpr size_t kMostDistinct = 8;  // ranks of a host whose values a row names

// "1" where all have that, "1 | 2" where they differ.
template <class Value>
std::string each(const std::vector<RankFacts>& ranks, const std::vector<int>& here, const Value& value) {
  std::vector<std::string> values;
  for (const int rank : here) values.push_back(value(ranks[static_cast<size_t>(rank)]));
  if (std::all_of(values.begin(), values.end(), [&](const auto& v) { return v == values[0]; })) {
    return values[0];
  }
  std::string list = values[0];
  for (size_t i = 1; i < std::min(values.size(), kMostDistinct); ++i) list += " | " + values[i];
  return values.size() > kMostDistinct ? list + " | ..." : list;
}

std::string format(const char* how, auto... values) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, how, values...);
  return buffer;
}

// The host's rank whose messages were fastest tells its clock best. Rank 0 is what others are compared with.
const ClockOffset* best_clock(const std::vector<RankFacts>& ranks, const std::vector<int>& here) {
  const ClockOffset* best = nullptr;
  for (const int rank : here) {
    const ClockOffset& clock = ranks[static_cast<size_t>(rank)].clock;
    if (rank > 0 && (best == nullptr || clock.round_trip < best->round_trip)) best = &clock;
  }
  return best;
}

Row row_of(const std::vector<RankFacts>& ranks, const std::string& host) {
  const auto here = ranks_where(ranks, [&](const RankFacts& r) { return r.placement.host == host; });
  const ClockOffset* clock = best_clock(ranks, here);
  return {host,
          ranges(here),
          each(ranks, here, [](const RankFacts& r) { return std::to_string(r.threads); }),
          each(ranks, here, [](const RankFacts& r) { return ranges(r.placement.cores); }),
          each(ranks, here, [](const RankFacts& r) { return r.instructions; }),
          each(ranks, here, [](const RankFacts& r) { return r.transport; }),
          clock == nullptr ? "" : format("%.1f us", 1e6 * clock->round_trip),
          clock == nullptr ? "" : format("%+.3f ms +- %.3f", 1e3 * clock->ahead, 1e3 * clock->uncertainty)};
}

// What a rank alone knows of itself, as a text to gather.
std::string describe(Group& group, int threads, const SlurmGrant& slurm, const std::string& instructions) {
  std::ostringstream line;
  line << threads << ' ' << slurm.tasks << ' ' << slurm.cores_per_task << ' ' << group.host().size() << ' '
       << instructions << ' ' << group.transport();
  return line.str();
}

RankFacts parse(const std::string& line) {
  std::istringstream words(line);
  RankFacts facts;
  words >> facts.threads >> facts.slurm.tasks >> facts.slurm.cores_per_task >> facts.shares_memory >>
      facts.instructions >> std::ws;
  std::getline(words, facts.transport);
  return facts;
}

}  // namespace

std::vector<RankFacts> examine(Group& group, const std::vector<Placement>& placements, int threads,
                               const std::string& instructions) {
  const SlurmGrant slurm = slurm_grant([](const char* name) -> const char* { return std::getenv(name); });
  const auto clocks = clock_offsets(group, wall_clock);
  std::vector<RankFacts> ranks;
  for (const auto& line : group.gather_texts(describe(group, threads, slurm, instructions))) {
    const size_t r = ranks.size();
    ranks.push_back(parse(line));
    ranks.back().placement = placements[r];
    ranks.back().clock = clocks[r];
  }
  return ranks;
}

std::string doctor_table(const std::vector<RankFacts>& ranks) {
  std::vector<Row> rows = {{"host", "ranks", "threads", "cores of each", "instructions", "MPI by",
                            "round trip", "clock against rank 0's"}};
  for (const auto& host : hosts_of(ranks, ranks_where(ranks, [](const RankFacts&) { return true; }))) {
    rows.push_back(row_of(ranks, host));
  }
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t c = 0; c < kColumns; ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string table;
  for (const Row& row : rows) {
    std::string line;
    for (size_t c = 0; c < kColumns; ++c) {
      line += row[c] + std::string(widths[c] + 2 - row[c].size(), ' ');
    }
    table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return table;
}

std::string start_table(const std::vector<RankFacts>& ranks) {
  return ranks.size() > 1 ? doctor_table(ranks) : "";
}

}  // namespace lockstep::comm
