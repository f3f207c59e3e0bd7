// What forecast.py has to know of a network: when, in a rank's step, which parameters are read and which part
// of the gradient is final, and what a float costs to sum and to update, as measured on one thread.
//
//   scaling_profile CONFIG DATASET MICROBATCHES... > NAME.profile
//
// Writes lines of a word and numbers:
//   floats N, width N, microbatch N, sum_seconds S, update_seconds S
//   pass MICROBATCHES MOMENTS, then so many lines SECONDS FROM FLOATS: parameters are needed from FROM on,
//   and so many floats of the gradient are final
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/data/preprocessing.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/optim/optimizer.h"
#include "lockstep/train/engine.h"

namespace {

using namespace lockstep;

constexpr double kLeastSeconds = 2;  // of all repetitions of one measurement
constexpr int kLeastRepetitions = 5;

// Of this thread's processor time, which others on the machine take nothing from.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Moment {
  double seconds;  // since the pass began
  int64_t from;    // where the parameters begin that have been read so far
  int64_t floats;  // of the gradient that are final
};
using Moments = std::vector<Moment>;

// The repetition whose end is the median.
template <class Measure>
Moments typical(const Measure& measure) {
  std::vector<Moments> all;
  measure();  // the first one fetches memory
  for (double sum = 0; sum < kLeastSeconds || all.size() < kLeastRepetitions;
       sum += all.back().back().seconds)
    all.push_back(measure());
  std::sort(all.begin(), all.end(),
            [](const Moments& a, const Moments& b) { return a.back().seconds < b.back().seconds; });
  return all[all.size() / 2];
}

Options options_of(const std::string& configuration, const std::string& dataset) {
  std::ifstream file(configuration);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file) fail_usage(configuration, ": cannot be read; expected a configuration");
  Options options;
  apply_configuration(options, content.str(), configuration);
  options.dataset = dataset;
  return options;
}

class Profile {
 public:
  Profile(const Options& options, comm::Group& group)
      : dataset_(data::open_dataset(options, group, 1)),
        options_(data::with_statistics(options, dataset_)),
        model_(train::make_model(options_, dataset_.info)),
        unpacker_(options_, dataset_.info),
        engine_(model_, unpacker_, workers_, options_.microbatch,
                1),  // none of these goes together with others
        parameters_(model_.network.layout().floats()) {
    model_.network.initialise(options_.seed, parameters_.data());
  }

  int64_t floats() const { return model_.network.layout().learned_floats(); }
  int64_t width() const { return engine_.plan().width; }
  int64_t microbatch() const { return options_.microbatch; }

  // Of so many microbatches, one after the other.
  Moments pass(int64_t microbatches) {
    const dist::Plan plan(microbatches * microbatch(), microbatch(), 1);
    dist::GradientTree tree(floats(), dist::GradientTree::buffers_needed(1, plan, 0, width()), width());
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < plan.samples(); ++i) indices.push_back(i % dataset_.train->rows());
    const data::Samples samples = dataset_.train->fetch(indices);
    return typical([&] {
      Moments moments;
      tree.begin(plan, 0);
      int64_t read_from = floats();
      const double start = now();
      engine_.train(
          plan, 0, samples, options_.seed, 0, 0, parameters_.data(), tree,
          [&] {
            moments.push_back({now() - start, read_from, tree.final_floats()});
          },
          [&](int64_t from) {
            read_from = std::min(read_from, from);
            moments.push_back({now() - start, read_from, 0});
          });
      return moments;
    });
  }

  // A float that is read while partial sums are added.
  double sum_seconds() {
    constexpr int64_t kPartials = 8;
    std::vector<Buffer> buffers;
    std::vector<dist::Partial<float>> partials;
    for (int64_t i = 0; i < kPartials; ++i) {
      partials.push_back({{i, i + 1}, buffers.emplace_back(floats()).data()});
      std::fill_n(partials.back().values, floats(), 1.0f);
    }
    const auto sum = [&] { dist::sum_node({0, kPartials}, partials, 0, floats(), buffers[0].data()); };
    return each(sum) / kPartials;
  }

  double update_seconds() {
    const auto optimizer = optim::make_optimizer(options_, floats());
    Buffer gradient(floats());
    const auto update = [&] { optimizer->update(0, floats(), gradient.data(), 0, 0, parameters_.data()); };
    return each(update);
  }

 private:
  // Seconds a float of an action on all of them.
  template <class Action>
  double each(const Action& action) {
    const Moments found = typical([&] {
      const double start = now();
      action();
      return Moments{{now() - start, 0, 0}};
    });
    return found.back().seconds / static_cast<double>(floats());
  }

  data::Dataset dataset_;
  Options options_;
  train::Model model_;
  data::Unpacker unpacker_;
  parallel::Workers workers_{1, kernels::use_one_thread};
  train::Engine engine_;
  Buffer parameters_;
};

void print(Profile& profile, const std::vector<int64_t>& passes) {
  std::printf("floats %ld\nwidth %ld\nmicrobatch %ld\n", static_cast<long>(profile.floats()),
              static_cast<long>(profile.width()), static_cast<long>(profile.microbatch()));
  std::printf("sum_seconds %.4g\nupdate_seconds %.4g\n", profile.sum_seconds(), profile.update_seconds());
  for (const int64_t microbatches : passes) {
    const Moments moments = profile.pass(microbatches);
    std::printf("pass %ld %zu\n", static_cast<long>(microbatches), moments.size());
    for (const Moment& m : moments) {
      std::printf("%.9f %ld %ld\n", m.seconds, static_cast<long>(m.from), static_cast<long>(m.floats));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 4) fail_usage("usage: scaling_profile CONFIG DATASET MICROBATCHES... > NAME.profile");
    std::vector<int64_t> passes;
    for (int i = 3; i < argc; ++i) passes.push_back(std::atol(argv[i]));
    const std::unique_ptr<comm::Group> group = comm::group_of_one();
    Profile profile(options_of(argv[1], argv[2]), *group);
    print(profile, passes);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
}
