// replay: the microbatch that ended a run, repeated alone, layer by layer.
#include <cstdio>
#include <cstring>

#include "commands.h"
#include "lockstep/core/error.h"
#include "lockstep/core/version.h"
#include "lockstep/kernels/gemm.h"
#include "lockstep/train/replay.h"

namespace lockstep::app {

namespace {

constexpr const char* kUsage = "trainer replay FILE";

std::string provenance_value(const train::FailedStep& step, const std::string& name) {
  for (const auto& [key, value] : step.provenance) {
    if (key == name) return value;
  }
  return "";
}

void print_head(const train::FailedStep& step, const std::string& path) {
  const train::Place& place = step.place;
  std::printf("%s: step %ld (epoch %ld), microbatch %ld, samples %s of /train in %s\n", path.c_str(),
              static_cast<long>(place.step), static_cast<long>(place.epoch),
              static_cast<long>(place.microbatch), train::numbers_text(step.indices).c_str(),
              provenance_value(step, "dataset").c_str());
  for (const auto& [name, here] :
       {std::pair<const char*, std::string>{"instruction_set", kernels::instruction_set()},
        {"compiler", kCompiler},
        {"version", kVersion}}) {
    const std::string there = provenance_value(step, name);
    if (there == here) continue;
    std::printf("the run had another %s (%s; here %s), so bits may differ from its own\n", name,
                there.c_str(), here.c_str());
  }
}

// Whether both are the same bits, said in words.
bool compare(const train::FailedStep& step, const train::Examination& found) {
  const bool loss = std::memcmp(&found.loss, &step.loss, sizeof step.loss) == 0;
  const bool gradient = found.gradient_digest == step.gradient_digest;
  std::printf(
      "loss %g: %s\n", found.loss,
      loss ? "bit for bit the recorded one" : text("not the bits of the recorded one, ", step.loss).c_str());
  std::printf(
      "gradient %s: %s\n", found.gradient_digest.c_str(),
      gradient ? "bit for bit the recorded one" : ("not the recorded one, " + step.gradient_digest).c_str());
  return loss && gradient;
}

}  // namespace

int replay_command(const Context& context) {
  return on_first_rank(context, [&] {
    require_words(context, 1, 1, kUsage);
    const std::string& path = context.arguments.words[0];
    const train::FailedStep step = train::read_failed_step(path);
    print_head(step, path);
    const train::Replayed replayed = train::replay(step, path);
    std::printf("\n%s\n%s\n", train::replay_table(replayed).c_str(),
                train::cause_text(replayed.found, replayed.model.network, step.indices).c_str());
    return compare(step, replayed.found) ? 0 : 1;
  });
}

}  // namespace lockstep::app
