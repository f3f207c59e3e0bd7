#!/usr/bin/python3
"""The denoising stack of launch/mnist_denoising_stack.sh, with fine-tuning; prints the classifier's test error, and with
--plain that of the same classifier from a random start.

    bench/denoising_stack.py datasets/mnist.h5 --plain
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def last_lines(command, **how):
    lines = subprocess.run(command, check=True, capture_output=True, text=True, **how).stdout.splitlines()
    return "; ".join(lines[-3:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    parser.add_argument("--plain", action="store_true")
    options, extra = parser.parse_known_args()
    settings = ["--dataset", options.dataset, *extra]
    with tempfile.TemporaryDirectory() as folder:
        stack = [str(ROOT / "launch/mnist_denoising_stack.sh"), folder, *settings]
        print("stack:", last_lines(stack, env={**os.environ, "TRAINER": options.trainer}), flush=True)
    if options.plain:
        print("plain:", last_lines([options.trainer, str(ROOT / "launch/mnist_denoising_classifier.cfg"), *settings]))


main()
