#include "lockstep/train/provenance.h"

#include <ctime>

#include "lockstep/core/version.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::train {

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return buffer;
}

}  // namespace

Attributes provenance_of(const comm::Group& group, const comm::Placement& first, int threads,
                         const data::Dataset& dataset, const std::string& command) {
  return {{"version", kVersion},
          {"host", first.host},
          {"ranks", std::to_string(group.size())},
          {"threads", std::to_string(threads)},
          {"dataset", dataset.name},
          {"dataset_digest", dataset.digest},
          {"command", command},
          {"time", utc_now()},
          {"mpi", comm::library_version()},
          {"onednn", kernels::library_version()},
          {"instruction_set", kernels::instruction_set()},
          {"compiler", kCompiler}};
}

}  // namespace lockstep::train
