// dynamics: an autoencoder as a dynamical system.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "autoencoder_session.h"
#include "commands.h"
#include "distinct_files.h"
#include "lockstep/analysis/portrait.h"
#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"
#include "lockstep/core/random.h"
#include "lockstep/io/replace.h"
#include "lockstep/train/evaluate.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer dynamics CHECKPOINT [DATASET] --output F.h5";
constexpr int64_t kMost = int64_t{1} << 31;

struct Request {
  std::string checkpoint;
  std::string dataset;  // may be empty
  std::string output;
  std::string svg;  // may be empty
  bool noise = false;
  int64_t points = 0;  // 0: a hundred, or as many as there are
  std::string plane;   // may be empty
  analysis::PortraitOptions options;
};

Request read_request(const Context& context) {
  require_words(context, 1, 2, kUsage);
  require_run_options(context, {"threads", "seed", "in-memory"}, kUsage);
  const auto& words = context.arguments.words;
  Request request;
  request.checkpoint = words[0];
  if (words.size() > 1) request.dataset = words[1];
  request.output = required_output(context, "dynamics.h5");
  request.svg = setting(context, "svg", "");
  const std::string from = setting(context, "from", "data");
  if (from != "data" && from != "noise") {
    fail_usage("the command line: from = ", from, " cannot be used; expected data or noise");
  }
  request.noise = from == "noise";
  request.points = whole_setting(context, "points", 1, kMost, 0);
  request.plane = setting(context, "plane", "");
  analysis::PortraitOptions& options = request.options;
  options.iteration.iterations = whole_setting(context, "iterations", 1, kMost, options.iteration.iterations);
  options.iteration.tolerance = real_setting(context, "tolerance", 0, 1e6, options.iteration.tolerance);
  options.fixed_points.tolerance = options.iteration.tolerance;
  options.fixed_points.merge = real_setting(context, "merge", 0, 1e6, options.fixed_points.merge);
  options.fixed_points.searches = whole_setting(context, "searches", 0, kMost, options.fixed_points.searches);
  options.fixed_points.examined = whole_setting(context, "spectra", 0, kMost, options.fixed_points.examined);
  options.grid = whole_setting(context, "grid", 2, 1000, options.grid);
  return request;
}

void check_files(const Context& context, const Request& request, const std::string& dataset) {
  require_distinct({{"the dynamics", request.output}, {"the drawing", request.svg}},
                   {{"the checkpoint", request.checkpoint}, {"the dataset", dataset}});
  require_ending({"the drawing", request.svg}, ".svg");
  if (context.group.rank() != 0) return;
  for (const std::string& path : {request.output, request.svg}) {
    if (!path.empty()) io::Replacement probe(path);
  }
}

// The first samples of the split.
std::vector<analysis::Point> data_starts(AutoencoderSession& session, const std::string& split,
                                         int64_t points) {
  constexpr int64_t kUsual = 100;
  const int64_t rows = session.split(split).rows();
  const int64_t count = points > 0 ? points : std::min(rows, kUsual);
  comm::together(session.team().group, [&] {
    if (count > rows) {
      fail_usage("the command line: points = ", points, " cannot be used: ", session.dataset().name, " has ",
                 rows, " samples in its ", split, " split; expected a whole number from 1 to ", rows);
    }
  });
  return session.points(split, 0, count);
}

// Independent normal numbers with each value's mean and deviation over the split; for binary values cut off
// at 0 and 1.
std::vector<analysis::Point> noise_starts(const analysis::Statistics& statistics, bool binary, uint64_t seed,
                                          int64_t points) {
  constexpr int64_t kUsual = 100;
  std::vector<analysis::Point> starts;
  for (int64_t i = 0; i < (points > 0 ? points : kUsual); ++i) {
    RandomStream stream(seed, Purpose::kDynamics, static_cast<uint32_t>(i));
    analysis::Point x = statistics.mean;
    for (size_t d = 0; d < x.size(); ++d) {
      const double variance = std::max(statistics.covariance[d * x.size() + d], 0.0);
      x[d] += std::sqrt(variance) * static_cast<double>(stream.normal());
      if (binary) x[d] = std::clamp(x[d], 0.0, 1.0);
    }
    starts.push_back(std::move(x));
  }
  return starts;
}

// The two whole numbers of "3,17".
std::array<int64_t, 2> pair_of(const std::string& value, const std::string& plane) {
  std::array<int64_t, 2> numbers{};
  const char* at = value.data();
  const char* end = value.data() + value.size();
  for (const size_t i : {0, 1}) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    const bool good = error == std::errc() && (i == 0 ? next != end && *next == ',' : next == end);
    if (!good) {
      fail_usage("the command line: plane = ", plane, " cannot be used; expected two whole numbers, such as ",
                 plane.substr(0, plane.find(':')), ":0,1");
    }
    at = next + 1;
  }
  return numbers;
}

analysis::Plane file_plane(const analysis::Statistics& statistics, const std::string& path) {
  const io::File file = io::File::open(path);
  const io::ArrayInfo info = file.info("/directions");
  if (info.dims.size() != 2 || info.dims[0] != 2) {
    fail_usage(path, ": /directions cannot be used as a plane; expected an array of 2 directions, 2 x ",
               statistics.width);
  }
  const auto width = static_cast<size_t>(info.dims[1]);
  std::vector<double> values(2 * width);
  file.read_all("/directions", io::Type::kFloat64, values.data());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(width);
  return analysis::plane_of(statistics,
                            {analysis::Point(values.begin(), middle), analysis::Point(middle, values.end())},
                            {path + "/directions[0]", path + "/directions[1]"});
}

// Collective.
analysis::Plane sample_plane(AutoencoderSession& session, const analysis::Statistics& statistics,
                             const std::string& split, const std::array<int64_t, 2>& samples) {
  const int64_t rows = session.split(split).rows();
  std::array<analysis::Point, 2> points;
  std::array<std::string, 2> names;
  for (const size_t i : {0, 1}) {
    comm::together(session.team().group, [&] {
      if (samples[i] < 0 || samples[i] >= rows) {
        fail_usage("the plane's sample ", samples[i], " is not in the ", split, " split, which has ", rows,
                   " samples; expected numbers from 0 to ", rows - 1);
      }
    });
    points[i] = session.points(split, samples[i], 1).front();
    names[i] = text(split, " sample ", samples[i]);
  }
  std::optional<analysis::Plane> plane;
  comm::together(session.team().group, [&] { plane = analysis::points_plane(statistics, points, names); });
  return *plane;
}

// Collective. What --plane asks for; without it the principal components, where the data has two.
std::optional<analysis::Plane> plane_of(AutoencoderSession& session, const analysis::Statistics& statistics,
                                        const std::string& split, const std::string& request) {
  if (request == "none" || (request.empty() && statistics.width < 2)) return std::nullopt;
  const std::string kind = request.empty() ? "pca" : request.substr(0, request.find(':'));
  const std::string rest = kind.size() < request.size() ? request.substr(kind.size() + 1) : "";
  std::optional<analysis::Plane> plane;
  std::array<int64_t, 2> pair{};
  comm::together(session.team().group, [&] {
    if (kind == "axes" || kind == "samples") pair = pair_of(rest, request);
    if (kind == "pca" && rest.empty()) {
      plane = analysis::principal_plane(statistics);
    } else if (kind == "axes") {
      plane = analysis::axes_plane(statistics, pair[0], pair[1]);
    } else if (kind == "file" && !rest.empty()) {
      plane = file_plane(statistics, rest);
    } else if (kind != "samples") {
      fail_usage("the command line: plane = ", request,
                 " cannot be used; expected pca, axes:I,J, samples:I,J, file:F.h5 or none");
    }
  });
  if (kind == "samples") plane = sample_plane(session, statistics, split, pair);
  return plane;
}

void write_files(const Request& request, const analysis::Portrait& portrait) {
  io::Replacement replacement(request.output);
  io::File file = io::File::create(replacement.path());
  analysis::write_portrait(portrait, file);
  file.close();
  replacement.commit();
  if (request.svg.empty()) return;
  io::replace_file(request.svg, analysis::portrait_svg(portrait, "r(x) - x of " + request.checkpoint),
                   "the drawing");
}

}  // namespace

int dynamics_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] { request = read_request(context); });
  AutoencoderSession session(context, request.checkpoint, request.dataset);
  const std::string split = setting(context, "split", train::scored_split(session.dataset()).name);
  comm::together(context.group, [&] { check_files(context, request, session.options().dataset); });
  const analysis::Statistics statistics = session.statistics(split);
  const auto plane = plane_of(session, statistics, split, request.plane);
  comm::together(context.group, [&] {
    if (!plane && !request.svg.empty()) {
      fail_usage(
          "the command line: svg draws a plane, and there is none; add --plane axes:0,1 or the like, or "
          "leave "
          "out --svg");
    }
  });
  const analysis::Energy energy = session.energy(statistics.mean);
  const auto starts = request.noise
                          ? noise_starts(statistics, energy.binary(), session.options().seed, request.points)
                          : data_starts(session, split, request.points);
  analysis::Portrait portrait =
      analysis::portrait_of(session.team(), session.reconstruction(), analysis::landscape_of(energy), starts,
                            plane, request.options);
  portrait.energy = energy.description();
  portrait.source =
      request.noise ? "noise like the " + split + " split" : "the " + split + " split's samples";
  return on_first_rank(context, [&] {
    write_files(request, portrait);
    std::printf("%s", analysis::portrait_text(portrait).c_str());
    return 0;
  });
}

}  // namespace lockstep::app
