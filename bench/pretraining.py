#!/usr/bin/python3
"""MNIST error of a convolutional classifier that starts from a convolutional autoencoder's encoder, and from a random
start (Masci et al. 2011), with several seeds.

    bench/pretraining.py --dataset datasets/mnist.h5 --seeds 1 2 3
"""

import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    options, extra = parser.parse_known_args()

    def error(configuration, *more):
        command = [options.trainer, str(ROOT / "launch" / configuration), *more, *extra]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return float(re.search(r"(?:squared-)?error ([0-9.]+)", lines[-3]).group(1))

    errors = {"plain": [], "pretrained": []}
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            encoder = f"{folder}/encoder.h5"
            error("mnist_conv_autoencoder.cfg", "--seed", str(seed), "--checkpoint", encoder)
            errors["plain"].append(error("mnist_conv_classifier.cfg", "--seed", str(seed)))
            errors["pretrained"].append(error("mnist_conv_classifier.cfg", "--seed", str(seed), "--start-from", encoder))
        print(f"seed {seed}: plain {errors['plain'][-1]} %, pretrained {errors['pretrained'][-1]} %", flush=True)
    for start, found in errors.items():
        print(f"{start}: median error {statistics.median(found)} %")


main()
