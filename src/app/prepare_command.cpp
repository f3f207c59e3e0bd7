// prepare: patches, contrast normalisation and whitening, and the way back.
#include <cstdio>

#include "commands.h"
#include "data_session.h"
#include "distinct_files.h"
#include "lockstep/analysis/preparation.h"
#include "lockstep/comm/group.h"
#include "lockstep/core/error.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage =
    "trainer prepare DATASET --output F [--patches ...] [--contrast C] [--whiten ...], or trainer prepare F "
    "--invert F --output G";
constexpr double kMostContrast = 1e9;

struct Request {
  Options options;
  analysis::PreparationOptions steps;
  std::string preparation;  // to invert by; empty: the way forward
  std::string output;
};

analysis::PreparationOptions steps_of(const Context& context, uint64_t seed) {
  analysis::PreparationOptions steps;
  const auto origin = [](const char* key) { return text("the command line: --", key); };
  if (was_given(context, "patches"))
    steps.patches = analysis::patch_options(setting(context, "patches", ""), origin("patches"));
  if (was_given(context, "contrast")) steps.contrast = real_setting(context, "contrast", 0, kMostContrast, 0);
  if (was_given(context, "whiten"))
    steps.whitening = analysis::whitening_options(setting(context, "whiten", ""), origin("whiten"));
  steps.seed = seed;
  return steps;
}

Request read_request(const Context& context) {
  require_words(context, 1, 1, kUsage);
  require_run_options(context, {"threads", "seed", "in-memory", "generate-train", "generate-test"}, kUsage);
  Request request;
  apply_settings(request.options, context.arguments, command_keys());
  request.options.dataset = context.arguments.words[0];
  request.steps = steps_of(context, request.options.seed);
  request.preparation = setting(context, "invert", "");
  request.output = required_output(context);
  const bool invert = !request.preparation.empty();
  if (invert && request.steps.any())
    fail_usage("the command line: --invert goes alone: the file says what was done to its samples");
  if (!invert && !request.steps.any()) {
    fail_usage(
        "the command line: there is nothing to do; add --patches, --contrast or --whiten, such as --whiten "
        "\"zca epsilon=0.1\"");
  }
  require_distinct({{"the prepared dataset", request.output}},
                   {{"the dataset", request.options.dataset}, {"the preparation", request.preparation}});
  return request;
}

}  // namespace

int prepare_command(const Context& context) {
  Request request;
  comm::together(context.group, [&] { request = read_request(context); });
  DataSession session(context.group, request.options);
  if (!request.preparation.empty()) {
    analysis::invert_dataset(session.team(), session.dataset(), request.preparation, request.output);
  } else {
    analysis::prepare_dataset(session.team(), session.dataset(), request.steps, request.output);
  }
  return on_first_rank(context, [&] {
    inspect_dataset(request.output);
    return 0;
  });
}

}  // namespace lockstep::app
