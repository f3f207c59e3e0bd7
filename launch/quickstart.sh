#!/usr/bin/env bash
# From a fresh Debian 12 to a trained network: installs what is missing, builds, generates the digits, trains LeNet on
# 2 ranks, evaluates, prints the digest of the parameters.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
say() { printf '\n== %s\n' "$*"; }

say "packages and build (launch/build.sh)"
launch/build.sh
say "the digits (trainer generate digits --output datasets/digits.h5)"
build/trainer generate digits --output datasets/digits.h5
say "training on 2 ranks (launch/local.sh 2 launch/digits_lenet.cfg --dataset datasets/digits.h5 ...)"
launch/local.sh 2 launch/digits_lenet.cfg --dataset datasets/digits.h5 --checkpoint build/quickstart.h5
say "evaluation (trainer evaluate build/quickstart.h5)"
build/trainer evaluate build/quickstart.h5
