#include "lockstep/core/recording.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

namespace lockstep {
namespace {

using namespace std::chrono_literals;

TEST(Timed, RecordsNothingWithoutATimeline) { const Timed timed(nullptr, Activity::kFprop, 3); }

TEST(Timed, SpansNestAndKnowWhatIsTheirOwn) {
  Timeline timeline;
  {
    const Timed outer(&timeline, Activity::kMicrobatch, 7);
    std::this_thread::sleep_for(2ms);
    for (const int64_t layer : {0, 1}) {
      const Timed inner(&timeline, Activity::kFprop, layer);
      const Timed innermost(&timeline, Activity::kLoss);
      std::this_thread::sleep_for(1ms);
    }
  }
  const auto& spans = timeline.spans();
  ASSERT_EQ(spans.size(), 5u);  // as they ended: loss, fprop, loss, fprop, microbatch
  const TimeSpan& outer = spans[4];
  EXPECT_EQ(outer.activity, Activity::kMicrobatch);
  EXPECT_EQ(outer.index, 7);
  for (const size_t i : {size_t{1}, size_t{3}}) {
    EXPECT_EQ(spans[i].activity, Activity::kFprop);
    EXPECT_GE(spans[i].begin, outer.begin);
    EXPECT_LE(spans[i].end, outer.end);
    EXPECT_EQ(spans[i].inner, spans[i - 1].end - spans[i - 1].begin);
  }
  EXPECT_EQ(spans[0].index, -1);
  EXPECT_EQ(spans[0].inner, 0);
  EXPECT_GE(spans[0].own(), 1000000);
  EXPECT_LE(spans[1].end, spans[3].begin);
  EXPECT_EQ(outer.inner, spans[1].end - spans[1].begin + spans[3].end - spans[3].begin);
  EXPECT_GE(outer.own(), 2000000);
  // Each moment is some span's own.
  int64_t own = 0;
  for (const TimeSpan& span : spans) own += span.own();
  EXPECT_EQ(own, outer.end - outer.begin);
}

TEST(Recording, HasATimelineAThreadAndForgets) {
  Recording recording(3);
  ASSERT_EQ(recording.threads.size(), 3u);
  { const Timed timed(&recording.threads[1], Activity::kUpdate); }
  EXPECT_EQ(recording.threads[0].spans().size(), 0u);
  EXPECT_EQ(recording.threads[1].spans().size(), 1u);
  recording.clear();
  EXPECT_EQ(recording.threads[1].spans().size(), 0u);
}

TEST(ActivityName, EachHasOneOfItsOwn) {
  std::set<std::string> names;
  for (int a = 0; a < static_cast<int>(Activity::kCount); ++a) {
    names.insert(activity_name(static_cast<Activity>(a)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Activity::kCount));
  EXPECT_EQ(names.count(""), 0u);
}

}  // namespace
}  // namespace lockstep
