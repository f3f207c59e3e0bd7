#!/usr/bin/python3
"""Trains one configuration with several seeds and prints each result and the median error.

    bench/accuracy.py launch/mnist_lenet.cfg --seeds 1 2 3
"""

import argparse
import re
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configuration")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    options, extra = parser.parse_known_args()
    errors = []
    for seed in options.seeds:
        command = [options.trainer, options.configuration, "--seed", str(seed), *extra]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        print(f"seed {seed}: {lines[-3]}; {lines[-2]}; {lines[-1]}", flush=True)
        errors.append(float(re.search(r"error ([0-9.]+)", lines[-3]).group(1)))
    print(f"median error {statistics.median(errors)}")


main()
