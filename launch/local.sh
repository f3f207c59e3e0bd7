#!/usr/bin/env bash
# Runs the trainer on this machine with so many ranks, each bound to its share of the cores.
# usage: launch/local.sh RANKS ARGUMENTS_OF_TRAINER...      e.g. launch/local.sh 4 launch/mnist_lenet.cfg
#
# What it adds to plain `mpirun -n RANKS build/trainer ...`:
#   --map-by, --bind-to core  a rank's threads share its cores and nobody else's
#   --oversubscribe           where ranks are more than cores, then without binding
#   OMPI_ALLOW_RUN_AS_ROOT    in containers, where everybody is root
#   Ctrl-C and SIGTERM        become SIGUSR1, which mpirun passes on at once: the ranks write a last checkpoint. mpirun
#                             itself would kill them
#   fewer words               mpirun's report of a non-zero exit code, which the trainer has explained, is left out
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

# mpirun frames each report with lines of dashes.
without_exit_codes() {
  awk '/^-+$/ { if (framed) { if (report !~ /non-zero/) printf "%s", report; framed = 0 } else { framed = 1; report = "" }
                next }
       /^mpirun: Forwarding signal/ { next }
       framed { report = report $0 "\n"; next }
       { print; fflush() }
       END { if (framed) printf "%s", report }'
}

set -m # mpirun gets a process group of its own, so that Ctrl-C reaches this script alone
mpirun -n "$ranks" "${placement[@]}" "$trainer" "$@" 2> >(without_exit_codes >&2) &
job=$!
trap 'kill -USR1 "$job" 2>/dev/null' INT TERM
code=0
while kill -0 "$job" 2>/dev/null; do
  code=0
  wait "$job" || code=$? # a signal interrupts the wait, not the job
done
exit "$code"
