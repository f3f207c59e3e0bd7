#!/usr/bin/python3
"""PCA of a dataset by trainer and by numpy: the mean summed squared error of a test sample, and what both differ by.

    bench/pca.py datasets/mnist.h5 --components 30
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MOST = 1e-4  # that the two may differ by


def values(file, split):
    array = file[f"{split}/inputs"]
    raw = array[()].reshape(array.shape[0], -1).astype(float)
    return raw * array.attrs.get("scale", 1) + array.attrs.get("offset", 0)


def by_numpy(path, components):
    with h5py.File(path, "r") as file:
        train, test = values(file, "train"), values(file, "test")
    mean = train.mean(0)
    train -= mean
    test -= mean
    eigenvalues, vectors = np.linalg.eigh(train.T @ train / len(train))
    kept = vectors[:, ::-1][:, :components]
    lost = test - test @ kept @ kept.T
    return (lost ** 2).sum(1).mean(), eigenvalues[::-1][components:].sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--components", type=int, default=30)
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    options, extra = parser.parse_known_args()
    command = [options.trainer, "pca", options.dataset, "--components", str(options.components), *extra]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    print(line)
    found = [float(x) for x in re.search(r"squared-error ([0-9.]+) discarded-eigenvalues ([0-9.]+)", line).groups()]
    expected = by_numpy(options.dataset, options.components)
    print("numpy: test squared-error %.4f discarded-eigenvalues %.4f" % expected)
    differences = [abs(a - b) for a, b in zip(found, expected)]
    print("differences %.1e %.1e" % tuple(differences))
    if max(differences) > MOST:
        sys.exit(f"the two differ by more than {MOST}")


main()
