#!/usr/bin/env bash
# Runs the trainer on this machine with so many ranks, each bound to its share of the cores.
# usage: launch/local.sh RANKS ARGUMENTS_OF_TRAINER...      e.g. launch/local.sh 4 launch/mnist_lenet.cfg
#
# What it adds to plain `mpirun -n RANKS build/trainer ...`:
#   -q                        only the trainer's own message when a run fails
#   --map-by, --bind-to core  a rank's threads share its cores and nobody else's
#   --oversubscribe           where ranks are more than cores, then without binding
#   odls_base_sigkill_timeout time for a last checkpoint when mpirun itself is told to stop (default: 1 s)
#   OMPI_ALLOW_RUN_AS_ROOT    in containers, where everybody is root
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ $# -lt 1 ] || ! [[ "$1" =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,3s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
ranks=$1
shift
trainer="${TRAINER:-$root/build/trainer}"
cores=$(nproc)
if [ "$ranks" -le "$cores" ]; then
  placement=(--map-by "slot:PE=$((cores / ranks))" --bind-to core)
else
  placement=(--oversubscribe --bind-to none)
fi
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
exec mpirun -q -n "$ranks" "${placement[@]}" --mca odls_base_sigkill_timeout 60 "$trainer" "$@"
