#!/usr/bin/python3
"""Classification by energies, one autoencoder a class, beside a linear classifier and scikit-learn's RBF SVM.

    bench/energies.py --sets rectangles convex

Generates each set, trains launch/SET_energies.cfg by `trainer classify`, a linear softmax classifier by `trainer`, and the
SVM. All have the same training pictures. The SVM's C and gamma are chosen on the last sixth of these, and it is then
trained on all; the linear classifier has no choices. The test pictures serve for the errors alone.
"""
import argparse
import re
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np
from sklearn.svm import SVC

ROOT = Path(__file__).resolve().parent.parent

LINEAR = """
dataset       = {dataset}
layer         = linear 2
loss          = softmax
optimizer     = sgd
learning-rate = 0.01
momentum      = 0.9
batch-size    = 20
microbatch    = 20
epochs        = 100
"""


def test_error(words):
    """What the trainer says of the test split, in per cent."""
    out = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout
    return float(re.search(r"(?m)^test error ([0-9.]+) %", out)[1])


def load(path, split):
    with h5py.File(path) as file:
        inputs, labels = file[f"{split}/inputs"][()], file[f"{split}/labels"][()]
    return inputs.reshape(len(inputs), -1) / 255.0, labels


def svm_error(path):
    x, y = load(path, "train")
    cut = len(x) * 5 // 6
    choices = []
    for gamma in (0.001, 0.003, 0.01, 0.03, 0.1):
        for c in (1, 10, 100, 1000):
            accuracy = SVC(C=c, gamma=gamma).fit(x[:cut], y[:cut]).score(x[cut:], y[cut:])
            choices.append((-accuracy, gamma, c))
    _, gamma, c = min(choices)
    accuracy = SVC(C=c, gamma=gamma).fit(x, y).score(*load(path, "test"))
    return 100 * (1 - accuracy), f"C={c} gamma={gamma}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["rectangles", "convex"])
    parser.add_argument("--train", type=int, default=1200)
    parser.add_argument("--test", type=int, default=10000)
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets:
            dataset, linear = Path(folder, f"{name}.h5"), Path(folder, f"{name}.cfg")
            subprocess.run([options.trainer, "generate", name, "--output", dataset, "--generate-train", str(options.train),
                            "--generate-test", str(options.test)], check=True, stdout=subprocess.DEVNULL)
            linear.write_text(LINEAR.format(dataset=dataset))
            energies = test_error([options.trainer, "classify", ROOT / f"launch/{name}_energies.cfg", "--dataset", dataset,
                                   "--threads", options.threads])
            straight = test_error([options.trainer, linear, "--threads", options.threads])
            svm, choice = svm_error(dataset)
            rows.append(f"| {name} | {energies:.2f} | {straight:.2f} | {svm:.2f} ({choice}) |")
            print(rows[-1], flush=True)
    print(f"\n{options.train} training and {options.test} test pictures, test error in %\n")
    print("| set | energies | linear | RBF SVM |\n|---|---:|---:|---:|")
    print("\n".join(rows))


main()
