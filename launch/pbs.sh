#!/usr/bin/env bash
# A training job under PBS (OpenPBS, PBS Professional) that checkpoints before its time limit and goes on in the next one.
# usage: qsub -v ARGUMENTS="CONFIG [ARGUMENTS_OF_TRAINER...]" launch/pbs.sh   (in this project's folder, after launch/build.sh)
#
# PBS gives a warning that MPI's ranks do not hear, so this script keeps the time: STOP_AFTER seconds after its start, two
# minutes before the limit below, every rank gets SIGUSR1 and finishes its step, together they write the checkpoint, and the
# job is submitted again. That one, and one that PBS ran again after it lost a node, goes on from the checkpoint
# (lockstep-JOB.h5, or what CHECKPOINT names), on any number of nodes. Adapt the numbers, THREADS and STOP_AFTER with them,
# in this file, since the next job does not see what stands on qsub's command line; the bits of the result do not depend on
# any. Settings with blanks or commas belong in CONFIG.
#PBS -N lockstep
#PBS -l select=2:ncpus=16:mpiprocs=2
#PBS -l walltime=01:00:00
#PBS -r y
#PBS -j oe
#PBS -V
set -euo pipefail
if [ -z "${ARGUMENTS:-}" ]; then
  echo "usage: qsub -v ARGUMENTS=\"CONFIG [ARGUMENTS_OF_TRAINER...]\" launch/pbs.sh" >&2
  exit 2
fi
cd "$PBS_O_WORKDIR"
trainer="${TRAINER:-$PWD/build/trainer}"
export CHECKPOINT="${CHECKPOINT:-lockstep-${PBS_JOBID%%.*}.h5}" # the next job's too
export ARGUMENTS

# A line of PBS_NODEFILE is a rank; its threads have cores of their own.
run=(mpirun --hostfile "$PBS_NODEFILE" -n "$(wc -l <"$PBS_NODEFILE")" --map-by "slot:PE=${THREADS:-8}" --bind-to core)
source launch/run.sh
read -ra arguments <<<"$ARGUMENTS"
go_on_or_begin "$CHECKPOINT" "${arguments[@]}"
timeout --foreground --preserve-status --signal=USR1 "${STOP_AFTER:-3480}" launch/run.sh "${run[@]}" "$trainer" "${what[@]}"

# A run that a signal stopped has ended well, but not finished.
state=$("$trainer" inspect "$CHECKPOINT")
if ! grep -q '^finished *yes' <<<"$state"; then
  echo "not finished; submitting it again"
  qsub launch/pbs.sh
fi
