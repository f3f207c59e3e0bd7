#!/usr/bin/env bash
# Runs mpirun or srun so that signals save the run, failures are told in few words, and a lost host ends the run.
# usage: launch/run.sh mpirun --hostfile HOSTS -n 16 --map-by slot:PE=8 --bind-to core build/trainer CONFIG
#        source launch/run.sh; run mpirun ...                                 (as the other launchers do)
#
# What it adds to the command alone:
#   Ctrl-C, SIGTERM, SIGUSR1  become SIGUSR1, which both pass on at once: the ranks write a last checkpoint. mpirun itself
#                             would kill them
#   keep-alive                mpirun misses a host whose link is cut after 30 s, and names it. Its default is 8 minutes; and
#                             where the stall watch speaks first, mpirun waits for that host as long as TCP does, 15 minutes
#   fewer words               of Open MPI's reports, those that only follow from what another one has said are left out
#   an end                    mpirun that has told of a lost rank or host, and is still there 10 s later, is killed: that of
#                             Open MPI 4.1 may stay for ever where a rank was killed while it made itself known
#   OMPI_ALLOW_RUN_AS_ROOT    in containers, where everybody is root

# mpirun frames each report with lines of dashes. A rank that ends takes connections with it: of these errors, those that say
# only that a socket is half closed, or a process gone (errno 3), are echoes, and those of a network that refuses are none.
# (Debian's awk would hold back what it reads until the end.)
is_echo() {
  [[ "$1" =~ non-zero|MPI_ABORT\ was\ invoked|peer\ process\ has\ unexpectedly\ disconnected ]] ||
    [[ "$1" =~ failed\ to\ TCP\ connect && "$1" =~ \((22|107|115)\) ]]
}
tells_of_a_loss() { [[ "$1" =~ ^[a-z]+\ noticed\ that\ process\ rank|^ORTE\ has\ lost\ communication ]]; }

kill_if_it_stays() { # process
  for _ in {1..100}; do
    sleep 0.1
    kill -0 "$1" 2>/dev/null || return 0
  done
  echo "run.sh: mpirun has not ended 10 s after that, and is killed" >&2
  kill -KILL "$1"
}

# The first line is the process that writes the others.
without_echoes() {
  local line report="" framed=false lost=false job
  local chatter='^mpirun: Forwarding signal|Read -1, expected [0-9]+, errno = 3$'
  chatter+='|sent help message help-mpi-(btl-tcp|api)|"orte_base_help_aggregate" to 0'
  read -r job
  while IFS= read -r line || [ -n "$line" ]; do
    if ! $lost && tells_of_a_loss "$line"; then
      lost=true
      kill_if_it_stays "$job" &
    fi
    if [[ "$line" =~ ^-+$ ]]; then
      if $framed; then
        is_echo "$report" || printf '%s' "$report"
        framed=false
      else
        framed=true
      fi
      report=""
    elif $framed; then
      report+=$line$'\n'
    elif ! [[ "$line" =~ $chatter ]]; then
      printf '%s\n' "$line"
    fi
  done
  printf '%s' "$report"
}
run() {
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  export OMPI_MCA_oob_tcp_keepalive_time="${OMPI_MCA_oob_tcp_keepalive_time:-10}"
  export OMPI_MCA_oob_tcp_keepalive_intvl="${OMPI_MCA_oob_tcp_keepalive_intvl:-5}"
  export OMPI_MCA_oob_tcp_keepalive_probes="${OMPI_MCA_oob_tcp_keepalive_probes:-4}"
  set -m # the job gets a process group of its own, so that Ctrl-C reaches this script alone
  {
    echo "$BASHPID" >&2
    exec "$@"
  } 2> >(without_echoes >&2) &
  local job=$! code=0 again=0 signal
  # shellcheck disable=SC2034  # the first signal that came: the other launchers ask why the run has ended
  passed_on=""
  for signal in INT TERM USR1; do
    # shellcheck disable=SC2064  # the signal's name is to be that of now
    trap "passed_on=\${passed_on:-$signal}; kill -USR1 $job 2>/dev/null" "$signal"
  done
  while kill -0 "$job" 2>/dev/null; do
    code=0
    wait "$job" 2>/dev/null || code=$? # a signal interrupts the wait, not the job
  done
  if [ "$code" -gt 128 ]; then # perhaps that of a signal, as which the job has ended
    wait "$job" 2>/dev/null || again=$?
    [ "$again" -eq 127 ] || code=$again # 127: bash has forgotten it
  fi
  trap - INT TERM USR1
  return "$code"
}

# For launchers that go on from their checkpoint: what the trainer is to do, as the array `what`. Of settings the last one
# counts, so the user's do.
go_on_or_begin() { # checkpoint, the user's arguments
  local checkpoint=$1 argument
  shift
  for argument in "$@"; do
    [[ "$argument" =~ ^--checkpoint(=.*)?$ ]] || continue
    echo "launch: name the checkpoint by CHECKPOINT=FILE in place of --checkpoint, for the run to be found when it goes on" >&2
    exit 2
  done
  if [ -e "$checkpoint" ]; then
    echo "going on from $checkpoint, as it says itself; not read: $*"
    what=(resume "$checkpoint")
  else
    # shellcheck disable=SC2034  # for those who source this
    what=(--checkpoint "$checkpoint" --checkpoint-minutes 15 "$@")
  fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  if [ $# -lt 1 ]; then
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
  fi
  run "$@"
fi
