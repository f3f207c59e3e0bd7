#!/bin/sh
# A stack of denoising autoencoders 784-1000-1000-1000 on MNIST, fine-tuned as a classifier (Vincent et al. 2010):
#
#   launch/mnist_denoising_stack.sh FOLDER [--key value ...]
#
# FOLDER gets the checkpoints; the rest goes to every run, such as --dataset F or --threads N. TRAINER is the command to
# run, "build/trainer" unless it is set (TRAINER="mpirun -n 4 build/trainer"). Its last lines are the classifier's.
set -eu
folder=${1:?"usage: launch/mnist_denoising_stack.sh FOLDER [--key value ...]"}
shift
here=$(cd "$(dirname "$0")" && pwd)
# Unquoted, for TRAINER's own arguments.
trainer() { if [ -n "${TRAINER:-}" ]; then $TRAINER "$@"; else "$here/../build/trainer" "$@"; fi; }
mkdir -p "$folder"
trainer "$here/mnist_denoising_1.cfg" --checkpoint "$folder/1.h5" "$@"
trainer "$here/mnist_denoising_2.cfg" --stack-on "$folder/1.h5" --checkpoint "$folder/2.h5" "$@"
trainer "$here/mnist_denoising_3.cfg" --stack-on "$folder/2.h5" --checkpoint "$folder/3.h5" "$@"
trainer "$here/mnist_denoising_classifier.cfg" --start-from "$folder/3.h5" --checkpoint "$folder/classifier.h5" "$@"
