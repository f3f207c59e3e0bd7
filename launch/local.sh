#!/usr/bin/env bash
# Runs the trainer on this machine with so many ranks, each bound to its share of the cores.
# usage: launch/local.sh RANKS ARGUMENTS_OF_TRAINER...      e.g. launch/local.sh 4 launch/mnist_lenet.cfg
#
# What it adds to `launch/run.sh mpirun -n RANKS build/trainer ...`, which minds signals and messages:
#   --map-by, --bind-to core  a rank's threads share its cores and nobody else's
#   --oversubscribe           where ranks are more than cores, then without binding
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ $# -lt 1 ] || ! [[ "$1" =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
ranks=$1
shift
cores=$(nproc)
if [ "$ranks" -le "$cores" ]; then
  placement=(--map-by "slot:PE=$((cores / ranks))" --bind-to core)
else
  placement=(--oversubscribe --bind-to none)
fi
exec "$root/launch/run.sh" mpirun -n "$ranks" "${placement[@]}" "${TRAINER:-$root/build/trainer}" "$@"
