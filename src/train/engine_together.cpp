// Engine: a step whose microbatches go side by side, since layers of the network need sums over all of them.
#include "engine_step.h"
#include "lockstep/nn/together.h"

namespace lockstep::train {

std::vector<double> Engine::train_together(const Step& step, dist::MinibatchSums& minibatch_sums) {
  // All at once: a rank that waits for sums does nothing for those who wait for parameters.
  if (step.needs) step.needs(0);
  std::vector<dist::Branch> branches;  // of one microbatch each
  while (const auto branch = step.tree.next()) branches.push_back(*branch);
  std::vector<nn::Member> members(branches.size());
  std::vector<double> sums(branches.size() * kSumsPerMicrobatch);
  const auto number = [&](size_t m) { return branches[m].microbatches.begin; };

  nn::Company company;
  company.sum = [&](std::span<const double> terms) { return minibatch_sums.sum(terms); };
  company.for_each = [&](const std::function<void(size_t)>& task) {
    workers_.for_each(static_cast<int64_t>(members.size()), [&](int64_t index, int) {
      const size_t m = static_cast<size_t>(index);
      const Timed timed(workers_.timeline(), Activity::kMicrobatch, number(m));
      members[m].pass.timeline = workers_.timeline();
      task(m);
    });
  };

  company.for_each([&](size_t m) {
    nn::Member& member = members[m];
    member.pass = load_to_train(step, number(m), slots_[m]);
    member.pass.together = true;
    member.workspace = &slots_[m].workspace;
    member.gradient = branches[m].gradient;
    member.reached = [&, m](int64_t floats) {
      step.tree.reached(branches[m], floats);
      step.moved();
    };
  });
  if (!model_.network.fprop_together(step.parameters, members, company)) return {};
  company.for_each([&](size_t m) { take_loss(step, number(m), members[m].pass, slots_[m], sums); });
  if (!model_.network.backward_together(step.parameters, members, company)) return {};
  for (const dist::Branch& branch : branches) step.tree.add(branch);
  step.moved();
  return sums;
}

}  // namespace lockstep::train
