"""Autoencoders that stand on others: corruptions, penalties, layers that do not learn, a layer as the target, with the
same bits on any number of ranks and threads, resumed, and without the checkpoint that they stand on."""
import os
import unittest

import h5py
import numpy as np

from support import SystemTest, digits, parameters

BELOW = """
layer = corrupt masking 0.25
layer = linear 30 name=first
layer = sigmoid name=code
layer = contractive 1e-3
layer = kl 0.1 0.01
layer = linear 784
target = input
loss = cross-entropy
learning-rate = 0.1
"""

ABOVE = """
layer = corrupt gaussian 0.1
layer = linear 12 name=second
layer = soft-threshold 0.05
layer = saturate 1e-3
layer = l1 1e-4
layer = corrupt salt-and-pepper 0.05
layer = linear 30
target = input
loss = squared
learning-rate = 0.05
momentum = 0.9
weight-decay = 1e-3
clip-norm = 1
"""

CLASSIFIER = """
layer = linear 30 name=first
layer = sigmoid
layer = linear 12 name=second
layer = soft-threshold 0.05
layer = linear 10 name=top
learning-rate = 0.1
"""

SHAPE = "batch-size = 90\nmicrobatch = 8\nhistory-steps = 4\n"


class StackTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = digits(cls)

    def config(self, text, name):
        return self.configuration(f"dataset = {self.data}\n{SHAPE}{text}", name)

    def below(self, *more, name="below.h5", **how):
        path = self.path(name)
        self.succeed(self.config(BELOW, "below.cfg"), "--threads", 1, "--epochs", 2, "--checkpoint", path, *more, **how)
        return path

    def above(self, below, name, *more, threads=1, **how):
        path = self.path(name)
        result = self.succeed(self.config(ABOVE, "above.cfg"), "--stack-on", below, "--threads", threads, "--steps", 11,
                              "--checkpoint", path, *more, **how)
        return result, path

    def test_the_same_bits_on_any_ranks_and_threads(self):
        below = self.below()
        for ranks in (2, 3, 16):
            with self.subTest(ranks=ranks):
                self.assert_same_bits(below, self.below(name=f"below-{ranks}.h5", ranks=ranks))
        reference, checkpoint = self.above(below, "above.h5")
        for ranks, threads in [(0, 3), (1, 1), (2, 1), (3, 2), (16, 1)]:
            with self.subTest(ranks=ranks, threads=threads):
                result, other = self.above(below, f"above-{ranks}-{threads}.h5", threads=threads, ranks=ranks)
                self.assertEqual(result.digest, reference.digest)
                self.assertEqual(result.lines[-3], reference.lines[-3])
                self.assert_same_bits(checkpoint, other)
        for name in ("first/weights", "first/bias"):
            np.testing.assert_array_equal(parameters(checkpoint)[name], parameters(below)[name])

    def test_goes_on_without_what_it_stands_on(self):
        below = self.below()
        whole, checkpoint = self.above(below, "whole.h5")
        _, half = self.above(below, "half.h5", "--steps", 6)
        os.remove(below)
        evaluated = self.succeed("evaluate", half)
        self.assertIn("squared-error", evaluated.lines[0])
        for ranks in (0, 3):
            with self.subTest(ranks=ranks):
                rest = self.path(f"rest-{ranks}.h5")
                result = self.succeed("resume", half, "--steps", 11, "--checkpoint", rest, ranks=ranks)
                self.assertEqual(result.digest, whole.digest)
                self.assert_same_bits(checkpoint, rest)
        self.succeed("encode", checkpoint, "--code", "second", "--output", self.path("codes.h5"))
        with h5py.File(checkpoint, "r") as file:
            resolved = file["config/resolved"][()].decode()
        self.assertNotIn("stack-on", resolved)
        self.assertIn("target = layer:code", resolved)

    # What a stack is trained towards is the code of the clean input: the loss of an evaluation is that of a network
    # trained on the encoded dataset, computed here with numpy.
    def test_the_target_is_the_clean_code(self):
        below = self.below()
        _, checkpoint = self.above(below, "above.h5")
        p = parameters(checkpoint)
        with h5py.File(self.data, "r") as file:
            inputs = file["test/inputs"]
            x = inputs[()].reshape(len(inputs), -1) * inputs.attrs.get("scale", 1.0) + inputs.attrs.get("offset", 0.0)
        code = 1 / (1 + np.exp(-(x @ p["first/weights"].T + p["first/bias"])))
        s = code @ p["second/weights"].T + p["second/bias"]
        h = np.sign(s) * np.maximum(np.abs(s) - 0.05, 0)
        decoder = next(name for name in p if name.endswith("/weights") and name.split("/")[0] not in ("first", "second"))
        r = h @ p[decoder].T + p[decoder.replace("weights", "bias")]
        expected = ((r - code) ** 2).sum(axis=1).mean()
        found = float(self.succeed("evaluate", checkpoint).lines[0].split()[2])
        self.assertAlmostEqual(found, expected, delta=1e-3 * expected + 1e-4)

    def test_fine_tuning_starts_from_the_stack(self):
        below = self.below()
        _, stack = self.above(below, "above.h5")
        config = self.config(CLASSIFIER, "classifier.cfg")
        start = self.path("start.h5")
        self.succeed(config, "--start-from", f"{below},{stack}", "--steps", 1, "--learning-rate", 0, "--checkpoint", start)
        for layer in ("first", "second"):
            for name in ("weights", "bias"):
                np.testing.assert_array_equal(parameters(start)[f"{layer}/{name}"], parameters(stack)[f"{layer}/{name}"])
        one = self.succeed(config, "--start-from", f"{below},{stack}", "--epochs", 2, "--threads", 1)
        three = self.succeed(config, "--start-from", f"{below},{stack}", "--epochs", 2, ranks=3)
        self.assertEqual(one.digest, three.digest)

    def test_bad_input(self):
        below = self.below()
        above = self.config(ABOVE, "above.cfg")
        classifier = self.config(CLASSIFIER, "classifier.cfg")
        wide = self.config(CLASSIFIER.replace("linear 30", "linear 31"), "wide.cfg")
        other = self.config(CLASSIFIER.replace("first", "uno").replace("second", "due"), "other.cfg")
        taken = self.config(ABOVE.replace("second", "first"), "taken.cfg")
        normalised = self.below("--normalise", "dataset", "--loss", "squared", name="normalised.h5")
        moving = self.config(BELOW.replace("target = input", "target = layer:code"), "moving.cfg")
        for words, code, *parts in [
            ((above, "--stack-on", self.path("none.h5")), 1, "none.h5"),
            ((above, "--stack-on", self.data), 1, "is not a checkpoint"),
            ((above, "--stack-on", below, "--stack-code", "cod"), 2, "no layer named 'cod'", "'code'"),
            ((above, "--stack-code", "code"), 2, "nothing reads stack-code", "add stack-on"),
            ((taken, "--stack-on", below), 2, "the name 'first' is taken by a layer of", "another name="),
            ((above, "--stack-on", below, "--checkpoint", below), 2, "a checkpoint that the run starts from"),
            ((wide, "--start-from", below), 1, "cannot take first/", "another name="),
            ((other, "--start-from", below), 1, "finds no layer of this network", "the same name="),
            ((classifier, "--start-from", normalised), 2, "normalise = 0", "this run has normalise = none"),
            ((moving,), 2, "target = layer:code depends on layer", "acts in training only"),
            ((classifier, "--target", "layer:frist"), 2, "there is no layer 'frist'", "did you mean 'first'"),
            (("resume", below, "--stack-on", below), 2, "nothing reads stack-on here"),
        ]:
            with self.subTest(words=words):
                self.assert_one_message(self.trainer(*words), code, *parts)
                self.assert_one_message(self.trainer(*words, ranks=2), code, *parts)

    def test_a_penalty_without_its_activation_is_one_message(self):
        for penalty, activation, parts in [
            ("kl 0.1 1", "tanh", ["it reads 'tanh', which need not lie between 0 and 1", "expected a sigmoid"]),
            ("contractive 0.1", "dropout", ["it reads 'dropout'; expected a linear layer, or an activation"]),
            ("saturate 0.1", "sigmoid", ["it reads 'sigmoid', which is flat nowhere", "relu, soft-threshold or"]),
        ]:
            config = self.config(f"layer = linear 5\nlayer = {activation}\nlayer = {penalty}\nlayer = linear 784\n"
                                 "target = input\nloss = squared\n", "bad.cfg")
            with self.subTest(penalty=penalty):
                self.assert_one_message(self.trainer(config, ranks=3), 2, rf"bad\.cfg:\d+: layer '{penalty}'", *parts)


if __name__ == "__main__":
    unittest.main()
