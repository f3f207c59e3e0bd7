#!/usr/bin/python3
"""What features are worth that were learned in different ways: the accuracy of one configuration's pipeline, a row for
each learner.

    bench/features.py launch/cifar10_kmeans.cfg --dataset datasets/cifar10.h5
    bench/features.py launch/cifar10_kmeans.cfg --learners "kmeans 1600" --threads 1
"""

import argparse
import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEARNERS = ["kmeans 400 iterations=50", "random-patches 400", "random-vectors 400"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configuration")
    parser.add_argument("--learners", nargs="+", default=LEARNERS)
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    options, extra = parser.parse_known_args()
    print(f"{'learner':30} {'accuracy':>9} {'seconds':>8}  digest")
    for learner in options.learners:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.monotonic()
            command = [options.trainer, "features", options.configuration, "--output", f"{folder}/features.h5", "--learn",
                       learner, *extra]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
            error = float(re.search(r"test error ([0-9.]+) %", lines[-3]).group(1))
            seconds = time.monotonic() - begin
            print(f"{learner:30} {100 - error:7.2f} % {seconds:8.0f}  {lines[-1].split()[1]}", flush=True)


main()
