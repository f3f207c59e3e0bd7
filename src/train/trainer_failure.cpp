// What a run leaves behind where its loss becomes infinite or NaN: a message that says where, and a file that
// repeats it.
#include <algorithm>
#include <cstring>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/train/examination.h"
#include "lockstep/train/trainer.h"
#include "run_file.h"

namespace lockstep::train {

std::string Trainer::spoiled_parameters() const {
  const ParameterInfo* bad = first_not_finite(model_.network.layout(), parameters_.data());
  return bad == nullptr ? "" : text("the ", bad->name, " of layer ", bad->layer);
}

void Trainer::report_nan(const dist::Plan& plan, const BadMicrobatch& bad, data::Loader& loader) {
  const dist::Range range = plan.samples_of(bad.number);
  const std::vector<int64_t> indices = cut_.order.indices(state_.step, range.begin, range.end);
  const Place place{state_.epoch, state_.step, plan.samples(), bad.number, cut_.microbatch};
  std::string found;
  during(Phase::kCompute, "finds out where the loss became infinite or NaN", [&] {
    if (group_.rank() == 0) found = leave_failed_step(place, indices, bad.loss, loader);
    found = group_.gather_texts(found)[0];
  });
  const int owner = plan.rank_of(bad.number);
  const std::string good = last_checkpoint();
  throw comm::AgreedError(text(
      "step ", state_.step, ", rank ", owner, " (", placements_[static_cast<size_t>(owner)].host,
      "): the loss became infinite or NaN on microbatch ", bad.number, ", samples ", numbers_text(indices),
      " of /train in ", options_.dataset, "; ", found, "; ",
      good.empty() ? std::string("this run has written no checkpoint yet")
                   : "the last good checkpoint is " + good,
      "; lower the learning-rate, warm up (warmup-steps), clip the gradient (clip-norm), or look at these "
      "samples"));
}

// Rank 0 has all parameters and can read all samples, so it needs nobody. What goes wrong here is said beside
// what has gone wrong before, not in its place.
std::string Trainer::leave_failed_step(const Place& place, const std::vector<int64_t>& indices, double loss,
                                       data::Loader& loader) {
  const std::string path = failed_step_path(options_);
  const ParameterLayout& layout = model_.network.layout();
  std::string words;
  try {
    const data::Samples samples = loader.fetch(indices);
    const Examination found =
        examine(model_, engine_, tree_, place, samples, options_.seed, parameters_.data());
    FailedStep failed;
    failed.cause = cause_text(found, model_.network, indices);
    words = failed.cause;
    if (std::memcmp(&found.loss, &loss, sizeof loss) != 0) {
      words += text(", but the loss ", loss, " was ", found.loss,
                    " when repeated: a processor or its memory may be at fault");
    }
    failed.resolved = configuration_text(options_);
    failed.info = dataset_.info;
    failed.layout = layout;
    failed.parameters = Buffer(layout.floats());
    std::copy_n(parameters_.data(), layout.floats(), failed.parameters.data());
    failed.place = place;
    failed.rows = data::rows_of(samples, dataset_.info);
    failed.indices = indices;
    failed.loss = loss;
    failed.gradient_digest = found.gradient_digest;
    failed.provenance = provenance();
    write_failed_step(path, failed);
    return words + "; repeat it alone with: trainer replay " + path;
  } catch (const std::exception& error) {
    return text(words, words.empty() ? "" : "; ", "there is no file to repeat it with (", error.what(), ")");
  }
}

}  // namespace lockstep::train
