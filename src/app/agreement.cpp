#include "agreement.h"

#include <gnu/libc-version.h>

#include <cstdio>
#include <fstream>
#include <vector>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/data/identity.h"
#include "lockstep/kernels/gemm.h"

namespace lockstep::app {

namespace {

std::string program_digest() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::vector<char> block(1 << 20);
  Digest digest;
  do {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    digest.add(block.data(), static_cast<uint64_t>(file.gcount()));
  } while (file);
  return digest.hex();
}

void warn(const comm::Group& group, const std::string& what) {
  if (group.rank() == 0) std::fprintf(stderr, "trainer: warning: %s\n", what.c_str());
}

}  // namespace

void require_same_program(comm::Group& group) {
  comm::require_equal(group, "program", program_digest(), "start the same build on all ranks");
  // Sums and roundings are the libraries' too.
  comm::require_equal(
      group, "library",
      text(kernels::library_version(), "\n", comm::library_version(), "\nglibc ", gnu_get_libc_version()),
      "choose hosts with the same versions installed");
}

void require_same_setup(comm::Group& group, const Options& options) {
  comm::require_equal(group, "configuration", configuration_text(options, true),
                      "start all ranks with the same configuration and options");
  try {
    comm::require_equal(group, "instruction set", kernels::instruction_set(),
                        "the promise of bits holds on one kind of processor; choose hosts of one kind, or "
                        "give it up with --reduction mpi");
  } catch (const comm::AgreedError& error) {
    if (options.reduction != "mpi") throw;
    warn(group, error.what());
  }
}

void require_same_dataset(comm::Group& group, const data::Dataset& dataset) {
  std::string identity;
  comm::together(group, [&] { identity = data::identity_of(dataset); });
  comm::require_equal(group, "dataset", identity, "let all ranks see the same file under " + dataset.name);
}

void print_warnings(const comm::Group& group, const std::vector<comm::RankFacts>& facts) {
  for (const std::string& warning : comm::doctor_warnings(facts)) warn(group, warning);
}

}  // namespace lockstep::app
