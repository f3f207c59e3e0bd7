#!/usr/bin/python3
"""Threads and ranks beside one thread, and the ordered reduction beside MPI's, on this machine.

Every round runs each arrangement once, in turns, so that a change in the machine's mood meets all of them; the tables
have medians over the rounds and ratios of medians. Nothing else may run meanwhile.

    bench/scaling.py                       # LeNet at batch 256, on generated digits
    bench/scaling.py --configuration bench/peers/ae.cfg --dataset datasets/mnist.h5 --batch-size 256
"""

import argparse
import os
import re
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def rate(command):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return float(re.search(r"^(\d+) samples/s", output, re.MULTILINE).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configuration", default=str(ROOT / "launch/digits_lenet.cfg"))
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--batch-size", default="256")
    parser.add_argument("--steps", default="500")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    options = parser.parse_args()

    trainer = [options.trainer, options.configuration, "--dataset", options.dataset, "--batch-size",
               options.batch_size, "--steps", options.steps]
    if options.dataset == "digits":
        trainer += ["--generate-test", "0"]
    two_ranks = ["mpirun", "-q", "-n", "2", "--bind-to", "core", *trainer, "--threads", "1"]
    arrangements = {
        "1 rank x 1 thread": [*trainer, "--threads", "1"],
        "1 rank x 2 threads": [*trainer, "--threads", "2"],
        "2 ranks x 1 thread, ordered": two_ranks,
        "2 ranks x 1 thread, mpi": [*two_ranks, "--reduction", "mpi"],
    }
    rates = {name: [] for name in arrangements}
    for _ in range(options.rounds):
        for name, command in arrangements.items():
            rates[name].append(rate(command))
    base = statistics.median(rates["1 rank x 1 thread"])
    print(f"{'arrangement':30} {'samples/s':>10} {'min':>8} {'max':>8} {'times 1 x 1':>12}")
    for name, values in rates.items():
        median = statistics.median(values)
        print(f"{name:30} {median:10.0f} {min(values):8.0f} {max(values):8.0f} {median / base:12.2f}")


main()
