#!/usr/bin/env bash
# Runs the trainer on this machine with so many ranks, each bound to its share of the cores.
# usage: launch/local.sh RANKS ARGUMENTS_OF_TRAINER...      e.g. launch/local.sh 4 launch/mnist_lenet.cfg
#        CHECKPOINT=FILE launch/local.sh RANKS ARGUMENTS... goes on from FILE where it is there, also where a rank is killed
#
# What it adds to `launch/run.sh mpirun -n RANKS build/trainer ...`, which minds signals and messages:
#   --map-by, --bind-to core  a rank's threads share its cores and nobody else's
#   --oversubscribe           where ranks are more than cores, then without binding
#   CHECKPOINT                a checkpoint every 15 minutes, or as the arguments say (--checkpoint-minutes N). A run that is
#                             killed, as the system does where memory runs out, goes on from it with a rank less, as long as
#                             it gets further; a failure that the trainer explains ends it
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ $# -lt 1 ] || ! [[ "$1" =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi
ranks=$1
shift
source "$root/launch/run.sh"

# Those that this shell may run on: cores as Open MPI binds to them, not hardware threads.
count_cores() {
  sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status | tr ',' '\n' | while IFS=- read -r first last; do
    for cpu in $(seq "$first" "${last:-$first}"); do
      cat "/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" 2>/dev/null || echo "$cpu"
    done
  done | sort -u | wc -l
}

run_ranks() { # arguments of the trainer
  local cores placement
  cores=$(count_cores)
  if [ "$ranks" -le "$cores" ]; then
    placement=(--map-by "slot:PE=$((cores / ranks))" --bind-to core)
  else
    placement=(--oversubscribe --bind-to none)
  fi
  run mpirun -n "$ranks" "${placement[@]}" "${TRAINER:-$root/build/trainer}" "$@"
}

if [ -z "${CHECKPOINT:-}" ]; then
  run_ranks "$@"
  exit
fi

# Each checkpoint is a new file; nothing where there is none.
identity() { if [ -e "$CHECKPOINT" ]; then stat -c '%i %y' "$CHECKPOINT"; fi; }
while true; do
  before=$(identity)
  go_on_or_begin "$CHECKPOINT" "$@"
  code=0
  run_ranks "${what[@]}" || code=$?
  # What a signal has ended, a rank or mpirun, has a code above 128.
  if [ "$code" -le 128 ] || [ -n "$passed_on" ] || [ "$(identity)" = "$before" ]; then exit "$code"; fi
  ranks=$((ranks > 1 ? ranks - 1 : 1))
  echo "launch/local.sh: killed (exit code $code); going on from $CHECKPOINT on $ranks rank(s)" >&2
done
