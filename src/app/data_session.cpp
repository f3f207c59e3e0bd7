#include "data_session.h"

#include "agreement.h"
#include "lockstep/core/error.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::app {

DataSession::DataSession(comm::Group& group, const Options& options)
    : group_(group), placements_(comm::placements(group)) {
  require_same_setup(group, options);
  const comm::Placement& here = placements_[static_cast<size_t>(group.rank())];
  dataset_ = data::open_dataset(options, group, here.ranks_on_host);
  require_same_dataset(group, dataset_);
  comm::together(group, [&] {
    const int threads = options.threads > 0 ? static_cast<int>(options.threads) : here.fair_threads;
    workers_ = std::make_unique<parallel::Workers>(threads, kernels::use_one_thread);
  });
}

const data::Split& DataSession::split(const std::string& name) const {
  std::string known;
  for (const auto& [split, data] :
       {std::pair{"train", dataset_.train.get()}, std::pair{"validation", dataset_.validation.get()},
        std::pair{"test", dataset_.test.get()}}) {
    if (data == nullptr) continue;
    if (name == split) return *data;
    known += (known.empty() ? "" : ", ") + std::string(split);
  }
  fail_usage(dataset_.name, ": there is no split '", name, "'; the dataset has ", known);
}

}  // namespace lockstep::app
