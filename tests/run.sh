#!/usr/bin/env bash
# Installs what is missing, builds, and passes every test: first the unit and MPI tests under the address and
# undefined-behaviour sanitizers, by clang++, which takes half of g++'s time for that and sees other mistakes; then
# everything in the Release build by g++. tests/lsan.supp names what MPI itself leaks.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/launch/install_packages.sh" build test

build() { # folder, targets, CMake's arguments
  local folder=$1 targets=$2
  shift 2
  cmake -S "$root" -B "$folder" -DLOCKSTEP_TESTS=ON -DCMAKE_COMPILE_WARNING_AS_ERROR=ON "$@" >/dev/null
  # shellcheck disable=SC2086  # several targets
  cmake --build "$folder" --parallel "$(nproc)" --target $targets
}

# One more at a time than there are cores: many wait a good part of their time.
run_tests() { # folder, ctest's arguments
  ctest --test-dir "$1" --output-on-failure --parallel "$(($(nproc) + 1))" --no-tests=error "${@:2}"
}

build "$root/build/sanitize-clang" "unit_tests mpi_tests" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLOCKSTEP_SANITIZE=ON \
  -DCMAKE_CXX_COMPILER=clang++
run_tests "$root/build/sanitize-clang" --exclude-regex "^(system|architecture)"

build "$root/build/tests" all -DCMAKE_BUILD_TYPE=Release
run_tests "$root/build/tests"
