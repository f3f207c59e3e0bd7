#!/usr/bin/env bash
# Installs what the build needs and builds a Release into build/. More arguments go to CMake.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/launch/install_packages.sh" build
cmake -S "$root" -B "$root/build" -DCMAKE_BUILD_TYPE=Release -DLOCKSTEP_TESTS=OFF "$@" >/dev/null
cmake --build "$root/build" --parallel "$(nproc)" --target trainer
