"""Features of pictures as one configuration: learned on patches, pooled, classified; the same bits on any number of ranks."""
import os
import re
import unittest

import h5py
import numpy as np

from support import SystemTest, state, write_dataset

CLASSES, SIZE = 3, 12

CONFIG = """
dataset       = pictures.h5
learn         = kmeans 9 iterations=5
patches       = random 4 count=600
contrast      = 10
whiten        = zca epsilon=0.1
layer         = linear 3
loss          = softmax
optimizer     = adamw
learning-rate = 0.01
weight-decay  = 0.01
batch-size    = 32
epochs        = 8
threads       = 1
"""


def pictures(count, seed):
    """Stripes that run in the direction of the class, in any phase and colour, with noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(CLASSES, size=count)
    y, x = np.mgrid[:SIZE, :SIZE]
    phase = random.uniform(0, 2 * np.pi, (count, 1, 1))
    angle = (labels * np.pi / CLASSES)[:, None, None]
    waves = np.sin(1.6 * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    colours = random.uniform(0.3, 1, (count, 3, 1, 1))
    values = 128 + 60 * colours * waves[:, None] + 15 * random.normal(size=(count, 3, SIZE, SIZE))
    return {"inputs": values.clip(0, 255).astype("uint8"), "labels": labels.astype("int32")}


class FeaturesTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.splits = {"train": pictures(240, 1), "test": pictures(90, 2)}
        write_dataset(self.path("pictures.h5"), self.splits, classes=CLASSES, scale=1 / 255)
        self.config = self.configuration(CONFIG)

    def features(self, output, *more, **how):
        return self.succeed("features", self.config, "--output", output, *more, **how)

    def contents(self, path):
        with h5py.File(self.path(path), "r") as file:
            return {f"{split}/{name}": file[f"{split}/{name}"][()] for split in ("train", "test", "standardisation")
                    for name in file[split]}

    def test_learns_what_tells_the_classes_apart(self):
        result = self.features("f.h5")
        self.assertEqual(result.err, "")
        error = float(re.fullmatch(r"test error ([0-9.]+) % loss [0-9.]+", result.lines[-3])[1])
        self.assertLess(error, 25)  # of three classes: guessing gives 67
        self.assertEqual(sorted(os.listdir(self.folder)), ["f.h5", "pictures.h5", "run.cfg"], "no patches are left behind")

    def test_a_dataset_of_standardised_features(self):
        self.features("f.h5")
        found = self.contents("f.h5")
        self.assertEqual(found["train/inputs"].shape, (240, 9, 2, 2))
        self.assertEqual(found["test/inputs"].shape, (90, 9, 2, 2))
        for split in ("train", "test"):
            self.assertTrue((found[f"{split}/labels"] == self.splits[split]["labels"]).all())
        train = found["train/inputs"].astype("float64")
        np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
        deviation = found["standardisation/deviation"]
        self.assertEqual(deviation.shape, (9, 2, 2))
        # sqrt(variance + 0.01) was divided by.
        np.testing.assert_allclose(train.var(axis=0), 1 - 0.01 / deviation**2, rtol=1e-4, atol=1e-6)
        self.assertTrue((train * deviation + found["standardisation/mean"] > -1e-4).all(), "sums of what is no negative")
        self.assertIn("learn kmeans 9", self.succeed("inspect", "f.h5").out)

    def test_the_classifier_is_that_of_a_training_on_these_features(self):
        result = self.features("f.h5", "--checkpoint", "c.h5")
        lines = "\n".join(line for line in CONFIG.splitlines() if line.split(" ")[0] not in (
            "dataset", "learn", "patches", "contrast", "whiten"))
        again = self.succeed(self.configuration("dataset = f.h5\n" + lines, "classifier.cfg"))
        self.assertEqual(again.digest, result.digest)
        self.assertEqual(self.succeed("evaluate", "c.h5").digest, result.digest)
        self.assertEqual(state(self.path("c.h5"))["finished"], 1)

    def test_same_bits_on_any_number_of_ranks_for_every_learner(self):
        for learner in ("kmeans 9 iterations=5", "random-patches 9", "random-vectors 9", "autoencoder 9 epochs=2"):
            alone = self.features("1.h5", "--learn", learner)
            expected = self.contents("1.h5")
            for ranks, threads in ((2, 1), (3, 1), (2, 2)):
                with self.subTest(learner=learner, ranks=ranks, threads=threads):
                    result = self.features("n.h5", "--learn", learner, "--threads", threads, ranks=ranks)
                    self.assertEqual(result.digest, alone.digest)
                    found = self.contents("n.h5")
                    self.assertEqual(found.keys(), expected.keys())
                    for name, values in found.items():
                        self.assertEqual(values.tobytes(), expected[name].tobytes(), name)

    def test_the_command_line_wins(self):
        self.features("f.h5", "--learn", "random-patches 5", "--patches", "random 5 count=50", "--whiten", "none",
                      "--contrast", "none")
        self.assertEqual(self.contents("f.h5")["train/inputs"].shape, (240, 5, 2, 2))
        self.assertIn("patches random 5 count=50; learn random-patches 5", self.succeed("inspect", "f.h5").out)

    def test_bad_input(self):
        no_labels = {"train": {"inputs": self.splits["train"]["inputs"]}}
        write_dataset(self.path("unlabelled.h5"), no_labels)
        write_dataset(self.path("vectors.h5"), {"train": {"inputs": np.zeros((5, 7), "float32"), "labels": np.arange(5) % 3}})
        f = ["--output", "f.h5"]
        for arguments, says in (
                (["run.cfg"], r"add --output FILE"),
                (f, r"takes 1 word\(s\), 0 were given"),
                (["run.cfg", "--output", "pictures.h5"], r"written over the dataset"),
                (["run.cfg", *f, "--learn", "none"], r"does not say what is learned; add learn ="),
                (["run.cfg", *f, "--learn", "kmean 9"], r"learner 'kmean 9'.*did you mean 'kmeans'"),
                (["run.cfg", *f, "--learn", "kmeans 601"], r"601 centres are more than there are samples \(600\)"),
                (["run.cfg", *f, "--learn", "random-patches 601"], r"601 patches cannot be picked from 600"),
                (["run.cfg", *f, "--patches", "none"], r"needs patches to learn from; add patches ="),
                (["run.cfg", *f, "--patches", "random 13 count=5"], r"patches of 13x13 do not fit"),
                (["run.cfg", *f, "--contrast", "much"], r"contrast = much cannot be used; expected none, or a number"),
                (["run.cfg", *f, "--whiten", "zcb"], r"did you mean 'zca'"),
                (["run.cfg", *f, "--layer", "linear 4"], r"gives 4 outputs; f.h5 with loss = softmax needs 3"),
                (["run.cfg", *f, "--normalise", "dataset"], r"nothing reads normalise here"),
                (["run.cfg", *f, "--test-augment", "flip"], r"nothing reads test-augment here"),
                (["run.cfg", *f, "--dataset", "unlabelled.h5"], r"have no labels"),
                (["run.cfg", *f, "--dataset", "vectors.h5"], r"plain vectors of 7 values")):
            # Under mpirun too what is found while ranks work together.
            for ranks in (0, 2) if "601" in says or "labels" in says or "13x13" in says else (0,):
                with self.subTest(says=says, ranks=ranks):
                    self.assert_one_message(self.trainer("features", *arguments, ranks=ranks), 2, says)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("f.h5")], [])

    def test_training_alone_reads_none_of_it(self):
        self.assert_one_message(self.trainer("run.cfg"), 2, r"run.cfg:2: nothing reads learn = kmeans 9 iterations=5 where one "
                                r"network is trained; it is for 'trainer features'")
        config = self.configuration("dataset = pictures.h5\nlayer = linear 3\npatches = random 4 count=6\n", "plain.cfg")
        self.assert_one_message(self.trainer(config), 2, r"nothing reads patches with learn = none; it is for learn = kmeans")


unittest.main()
