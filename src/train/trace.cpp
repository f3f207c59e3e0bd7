#include "lockstep/train/trace.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "lockstep/comm/clock.h"
#include "lockstep/core/error.h"
#include "lockstep/core/json.h"
#include "lockstep/io/replace.h"

namespace lockstep::train {

namespace {

// "conv1 fprop", "microbatch 3", "loss"
std::string span_name(const TimeSpan& span, const nn::Network& network) {
  const std::string activity = activity_name(span.activity);
  switch (span.activity) {
    case Activity::kFprop:
    case Activity::kBprop:
    case Activity::kGrad:
      return network.nodes()[static_cast<size_t>(span.index)].name + " " + activity;
    default:
      return span.index < 0 ? activity : text(activity, " ", span.index);
  }
}

// Nanoseconds as microseconds.
std::string microseconds(int64_t nanoseconds) {
  const int64_t size = std::abs(nanoseconds);
  char digits[40];
  std::snprintf(digits, sizeof digits, "%s%ld.%03ld", nanoseconds < 0 ? "-" : "",
                static_cast<long>(size / 1000), static_cast<long>(size % 1000));
  return digits;
}

std::string name_event(const char* what, int rank, size_t thread, const std::string& name) {
  return text("{\"name\":\"", what, "\",\"ph\":\"M\",\"pid\":", rank, ",\"tid\":", thread,
              ",\"args\":{\"name\":", json_string(name), "}}");
}

}  // namespace

int64_t beginning(const Recording& recording) {
  int64_t first = INT64_MAX;
  for (const Timeline& timeline : recording.threads) {
    for (const TimeSpan& span : timeline.spans()) first = std::min(first, span.begin);
  }
  return first;
}

std::string trace_events(const Recording& recording, const nn::Network& network, int rank, int64_t origin) {
  std::string events = name_event("process_name", rank, 0, text("rank ", rank));
  for (size_t t = 0; t < recording.threads.size(); ++t) {
    events += ",\n" + name_event("thread_name", rank, t, text("thread ", t));
    for (const TimeSpan& span : recording.threads[t].spans()) {
      events += text(",\n{\"name\":", json_string(span_name(span, network)), ",\"cat\":\"",
                     activity_name(span.activity), "\",\"ph\":\"X\",\"pid\":", rank, ",\"tid\":", t,
                     ",\"ts\":", microseconds(span.begin - origin),
                     ",\"dur\":", microseconds(span.end - span.begin), "}");
    }
  }
  return events;
}

std::string trace_file(const std::vector<std::string>& events_of_ranks) {
  std::string file = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (const std::string& events : events_of_ranks) {
    file += (&events == &events_of_ranks.front() ? "" : ",\n") + events;
  }
  return file + "\n]}\n";
}

TraceRecorder::TraceRecorder(std::string path, int64_t step, const nn::Network& network, int threads,
                             comm::Group& group)
    : path_(std::move(path)), steps_to_go_(step), network_(network), group_(group), recording_(threads) {}

// Each step until the one that is asked for: nobody knows whether a signal makes it the last.
Recording* TraceRecorder::begin_step(int64_t) {
  if (written_) return nullptr;
  recording_.clear();
  return &recording_;
}

void TraceRecorder::end_step(int64_t) {
  if (written_) return;
  recorded_ = true;
  if (--steps_to_go_ == 0) write();
}

void TraceRecorder::finish() {
  if (recorded_ && !written_) write();
}

void TraceRecorder::write() {
  const std::vector<comm::ClockOffset> offsets = comm::clock_offsets(group_, comm::steady_clock);
  int64_t origin = beginning(recording_);
  group_.broadcast(&origin, sizeof origin, 0);
  const double ahead = offsets[static_cast<size_t>(group_.rank())].ahead;
  const std::vector<std::string> events = group_.gather_texts(trace_events(
      recording_, network_, group_.rank(), origin + static_cast<int64_t>(std::llround(1e9 * ahead))));
  comm::together(group_, [&] {
    if (group_.rank() == 0) io::replace_file(path_, trace_file(events), "the trace");
  });
  written_ = true;
}

}  // namespace lockstep::train
