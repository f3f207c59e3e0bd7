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
    "--invert true --output G";
constexpr double kMostContrast = 1e9;

struct Request {
  Options options;
  analysis::PreparationOptions steps;
  bool invert = false;
  std::string preparation;  // to invert by
  std::string output;
};

bool truth_setting(const Context& context, const std::string& key) {
  const std::string value = setting(context, key, "false");
  if (value == "true" || value == "false") return value == "true";
  fail_usage("the command line: ", key, " = ", value, " cannot be used; expected true or false");
}

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
  request.invert = truth_setting(context, "invert");
  request.preparation = setting(context, "preparation", request.options.dataset);
  request.output = required_output(context);
  if (request.invert && request.steps.any())
    fail_usage("the command line: --invert goes alone: the file says what was done to its samples");
  if (!request.invert && was_given(context, "preparation"))
    fail_usage("the command line: nothing reads --preparation without --invert true");
  if (!request.invert && !request.steps.any()) {
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
  if (request.invert) {
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
