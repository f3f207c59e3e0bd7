"""A loss that becomes infinite or NaN: the message names where, and the file it leaves repeats that step alone."""
import os
import re
import unittest

import h5py
import numpy as np

from support import SMALL, SystemTest, copy, digits, file_contents, require_bf16, write_dataset

POISONED = 17  # the sample
CONFIG = """
dataset = own.h5
layer = linear 64
layer = relu
layer = dropout 0.2
layer = linear 3
batch-size = 20
microbatch = 4
threads = 1
epochs = 1
"""
AUTOENCODER = """
layer = corrupt gaussian 0.3
layer = linear 200
layer = sigmoid
layer = l1 0.001
layer = linear 784
loss = squared
target = input
batch-size = 90
microbatch = 8
"""
FROZEN = """
layer = linear 30 name=code learn=no
layer = linear 20 from=code
layer = batchnorm
layer = tanh
layer = linear 30
loss = squared
target = layer:code
batch-size = 90
microbatch = 8
"""


class KnownSampleTest(SystemTest):
    """One sample is so large that the first layer's sums overflow, of that sample alone."""

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.inputs = random.random((60, 400), "float32")
        self.inputs[POISONED] = 3e38
        self.labels = random.integers(0, 3, 60).astype("int32")
        write_dataset(self.path("own.h5"), {"train": {"inputs": self.inputs, "labels": self.labels}})
        self.config = self.configuration(CONFIG)

    def fail_once(self, *arguments, ranks=0):
        result = self.trainer(self.config, *arguments, ranks=ranks)
        self.assert_one_message(result, 1, r"step \d, rank \d", r"microbatch \d", r"of /train in own\.h5", "learning-rate",
                                rf"first that is not finite is the output of layer linear1 \('linear 64', \S*run\.cfg:2\), "
                                rf"of samples {POISONED};")
        return result

    def test_the_same_file_on_any_number_of_ranks_repeats_the_step_without_the_dataset(self):
        files = []
        for ranks in (0, 2, 3):
            result = self.fail_once("--checkpoint", "c.h5", ranks=ranks)
            self.assertIn("trainer replay c.nan.h5", result.err)
            files.append(copy(self.path("c.nan.h5"), self.path(f"{ranks}.h5")))
        place = re.search(r"step (\d), rank \d .*microbatch (\d), samples ([\d, ]+) of", result.err)
        expected = file_contents(files[0], "provenance")
        self.assertIn("step@loss", expected)
        for file in files[1:]:
            self.assertEqual(file_contents(file, "provenance"), expected)
        self.assertLess(os.path.getsize(files[0]), 200_000)
        os.remove(self.path("own.h5"))
        for ranks in (0, 2):
            replayed = self.succeed("replay", files[-1], ranks=ranks)
            self.assertIn(f"step {place[1]} (epoch 0), microbatch {place[2]}, samples {place[3]} of /train in own.h5",
                          replayed.out)
            self.assertRegex(replayed.out, r"(?m)^loss -?(nan|inf): bit for bit the recorded one$")
            self.assertRegex(replayed.out, r"(?m)^gradient \w+: bit for bit the recorded one$")
            self.assertRegex(replayed.out, rf"output of layer linear1 .*of samples {POISONED}\n")
            self.assertRegex(replayed.out, r"(?m)^input +1600 +0 +3e\+38$")
            self.assertRegex(replayed.out, r"(?m)^linear1 output +256 +[1-9]\d* +\S+  <$")

    def test_the_file_has_what_others_need(self):
        """Its samples are the dataset's, and the overflow is where NumPy finds it too."""
        self.fail_once()
        with h5py.File(self.path("lockstep-nan.h5"), "r") as file:
            indices = file["samples/indices"][()]
            np.testing.assert_array_equal(file["samples/inputs"][()], self.inputs[indices])
            np.testing.assert_array_equal(file["samples/labels"][()], self.labels[indices])
            weights = file["parameters/linear1/weights"][()].astype("float64")
            self.assertFalse(np.isfinite(file["step"].attrs["loss"]))
            self.assertIn("linear1", file["step"].attrs["cause"].decode())
        sums = self.inputs[indices].astype("float64") @ weights.T
        beyond = (np.abs(sums) > np.finfo("float32").max).any(axis=1)
        self.assertEqual(indices[beyond].tolist(), [POISONED])
        out = self.succeed("replay", "lockstep-nan.h5").out
        self.assertIn("bit for bit", out)

    def test_what_cannot_be_written_does_not_hide_the_message(self):
        copy(self.path("own.h5"), self.path("lockstep-nan.h5"))
        for ranks in (0, 2):
            result = self.fail_once(ranks=ranks)
            self.assertRegex(result.err, r"no file to repeat it with \(lockstep-nan\.h5: .*'lockstep-dataset'.*left as it is\)")
        self.assertEqual(file_contents(self.path("lockstep-nan.h5")), file_contents(self.path("own.h5")))

    def test_an_infinite_input(self):
        """The stored number is finite; the value that it stands for is not."""
        with h5py.File(self.path("own.h5"), "r+") as file:
            file["train/inputs"].attrs["scale"] = 1e3
        result = self.trainer(self.config, "--learning-rate", "1e-6")
        self.assert_one_message(result, 1, rf"the network's input, of samples {POISONED};")
        self.assertIn("bit for bit", self.succeed("replay", "lockstep-nan.h5").out)


class DivergingTest(SystemTest):
    """Whatever makes a step hard to repeat: its replay has the same bits."""

    def diverge(self, text, *arguments, ranks=0, dataset=None):
        config = self.configuration(f"dataset = {dataset or digits(type(self))}\n{text}")
        result = self.trainer(config, "--steps", 60, *arguments, ranks=ranks)
        self.assert_one_message(result, 1, r"step \d+, rank \d", "first that is not finite is", r"trainer replay lockstep-nan\.h5")
        replayed = self.succeed("replay", "lockstep-nan.h5")
        self.assertEqual(replayed.out.count("bit for bit the recorded one"), 2, replayed)
        found = re.search(r"the first that is not finite is [^;]*", result.err).group()
        words = re.sub(r"\(.*\)", "", found)
        self.assertIn(words, re.sub(r"\(.*\)", "", replayed.out))
        return found

    def test_dropout_and_augmentation(self):
        self.diverge(SMALL, "--augment", "crop 3, flip", "--normalise", "dataset", "--learning-rate", "1e15", ranks=2)

    def test_corruption_penalties_and_joint_gradients(self):
        self.diverge(AUTOENCODER, "--learning-rate", "1e12", "--threads", 2)

    def test_layers_that_do_not_learn_and_a_layer_as_target(self):
        self.diverge(FROZEN, "--learning-rate", "1e25", ranks=3)

    def test_bf16(self):
        require_bf16(self)
        self.diverge(SMALL, "--precision", "bf16", "--learning-rate", "1e25")

    def test_targets(self):
        random = np.random.default_rng(1)
        arrays = {"inputs": random.random((50, 12), "float32"), "targets": random.random((50, 5), "float32")}
        write_dataset(self.path("own.h5"), {"train": arrays})
        self.diverge("layer = linear 5\nloss = squared\nlearning-rate = 1e10", dataset="own.h5")

    def test_parameters_that_the_step_before_made_infinite(self):
        """Its loss was finite, so it went unnoticed."""
        found = self.diverge(SMALL, "--learning-rate", "1e39")
        self.assertRegex(found, r"the (weights|bias) of layer \w+ \(.*\), from the update of the step before")


class OtherFilesTest(SystemTest):
    def refused(self, name, *says):
        self.assert_one_message(self.trainer("replay", name), 1, re.escape(name), *says)

    def test_other_files(self):
        self.refused("none.h5", "No such file")
        copy(digits(type(self)), self.path("d.h5"))
        self.refused("d.h5", "not a failed step", "lockstep-dataset", "lockstep-failed-step")
        config = self.configuration(f"dataset = d.h5\n{SMALL}")
        result = self.trainer(config, "--learning-rate", "1e20", "--steps", 50)
        self.assertEqual(result.code, 1, result)
        with open(self.path("lockstep-nan.h5"), "rb") as file:
            whole = file.read()
        with open(self.path("cut.h5"), "wb") as file:
            file.write(whole[:len(whole) // 2])
        self.refused("cut.h5")

    def test_another_programs_change_is_found(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}")
        self.trainer(config, "--learning-rate", "1e20", "--steps", 50)
        with h5py.File(self.path("lockstep-nan.h5"), "r+") as file:
            file["step"].attrs["microbatch"] = 0 if file["step"].attrs["microbatch"] else 1
        self.refused("lockstep-nan.h5", "damaged", "digest")

    def test_usage(self):
        self.assert_one_message(self.trainer("replay"), 2, "trainer replay FILE")
        self.assert_one_message(self.trainer("replay", "a.h5", "--threads", 2), 2, "takes no option --threads")


if __name__ == "__main__":
    unittest.main()
