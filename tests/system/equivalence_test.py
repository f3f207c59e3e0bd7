"""The answer does not depend on the machine: the same bits on any number of ranks and threads."""
import itertools
import re
import unittest

import numpy as np

from support import (LENET, SystemTest, checkpoint_contents, digits, history, parameters, require_bf16, state,
                     write_dataset)

# (ranks, threads); 0 ranks: without mpirun.
LAYOUTS = [(0, 2), (0, 4), (1, 1), (2, 1), (2, 2), (3, 1), (4, 2), (16, 1)]
SOME_LAYOUTS = [(0, 4), (2, 1), (3, 2), (5, 1)]

AUTOENCODER = """
layer = linear 100
layer = sigmoid
layer = linear 784
target = input
loss = squared
optimizer = adam
learning-rate = 0.002
"""

TIED = """
layer = linear 30 name=code
layer = tanh
layer = linear 784 tied=code
layer = sigmoid
target = input
loss = squared
learning-rate = 0.01
momentum = 0.9
nesterov = true
"""

# One convolution used twice, and a sum of two paths.
SHARED = """
layer = conv 6 kernel=5
layer = subsample 2
layer = conv 6 kernel=3 pad=1 name=a
layer = softplus name=after-a
layer = conv 6 kernel=3 pad=1 share=a name=b
layer = add from=b,after-a
layer = avgpool 2
layer = linear 10
optimizer = adamw
learning-rate = 0.002
weight-decay = 0.01
"""

CLIPPED = """
layer = conv 6 kernel=5 stride=2
layer = leaky-relu 0.1
layer = dropout 0.3
layer = linear 10
learning-rate = 0.1
momentum = 0.9
clip-norm = 0.05
"""


LAYERWISE = """
layer = conv 6 kernel=5 stride=2
layer = batchnorm
layer = relu
layer = linear 10
optimizer = lamb
learning-rate = 0.05
reference-batch = 50
weight-decay = 0.01
"""

# Batch normalisation within microbatches; the last of them has two samples.
RESIDUAL = """
layer = conv 6 kernel=3 stride=2
layer = batchnorm
layer = relu name=stem
layer = conv 6 kernel=3 pad=1
layer = batchnorm
layer = relu
layer = conv 6 kernel=3 pad=1
layer = batchnorm name=branch momentum=0.8
layer = add from=stem,branch
layer = relu
layer = maxpool 2 edge=keep
layer = globalavgpool
layer = linear 10
learning-rate = 0.3
momentum = 0.9
weight-decay = 1e-3
"""

CONVOLUTIONAL_AUTOENCODER = """
layer = conv 6 kernel=4 stride=2 pad=1
layer = relu
layer = conv 3 kernel=4 stride=2 pad=1
layer = batchnorm
layer = relu
layer = deconv 6 kernel=4 stride=2 pad=1
layer = relu
layer = deconv 1 kernel=4 stride=2 pad=1
target = input
loss = cross-entropy
optimizer = adam
learning-rate = 0.01
clip-norm = 30
"""

# The convolutions' kernels in bf16, and linear layers with a joint gradient; TIED has those without.
BF16 = """
precision = bf16
layer = conv 18 kernel=5 stride=2
layer = relu
layer = conv 34 kernel=3 pad=1
layer = maxpool 2
layer = deconv 5 kernel=2 stride=2
layer = linear 200
layer = relu
layer = linear 10
learning-rate = 0.05
momentum = 0.9
"""

AUGMENTED = """
augment = crop 3, flip
test-augment = flip
normalise = dataset
layer = conv 6 kernel=5 stride=2
layer = relu
layer = linear 10
learning-rate = 0.05
momentum = 0.9
"""


class EquivalenceTest(SystemTest):
    # 400 samples in steps of 90 are four steps and a tail of 40; 90 is 11 microbatches of 8 and one of 2, 40 is 5.
    SHAPE = "batch-size = 90\nmicrobatch = 8\nhistory-steps = 4\n"

    def train(self, name, config, *more, ranks=0, threads=1):
        checkpoint = self.path(f"{name}-{ranks}-{threads}.h5")
        result = self.succeed(config, "--threads", threads, "--checkpoint", checkpoint, *more, ranks=ranks)
        return result, checkpoint

    def assert_layouts_agree(self, text, layouts, *more):
        config = self.configuration(f"dataset = {digits(type(self))}\n{self.SHAPE}{text}")
        reference, checkpoint = self.train("reference", config, *more)
        for ranks, threads in layouts:
            with self.subTest(ranks=ranks, threads=threads):
                result, other = self.train("other", config, *more, ranks=ranks, threads=threads)
                self.assertEqual(result.digest, reference.digest)
                self.assertEqual(result.lines[-3], reference.lines[-3])  # error and loss on the test split
                self.assert_same_bits(checkpoint, other)
        return reference, checkpoint

    def test_lenet_with_dropout(self):
        _, checkpoint = self.assert_layouts_agree(LENET, LAYOUTS, "--steps", 30)
        # What was compared is a run that learned, with metrics of several kinds.
        rows = history(checkpoint)
        self.assertEqual(int(rows["step"][-1]), 30)
        self.assertLess(rows["train_loss"][-1], 0.5 * rows["train_loss"][0])
        self.assertTrue(np.isfinite(rows["evaluation_loss"][rows["step"] % 5 == 0]).all())
        self.assertEqual(state(checkpoint)["epoch"], 6)
        self.assertIn("optimizer/momentum/conv1/weights", checkpoint_contents(checkpoint))

    def test_autoencoder_with_adam(self):
        _, checkpoint = self.assert_layouts_agree(AUTOENCODER, LAYOUTS, "--steps", 30)
        rows = history(checkpoint)
        self.assertLess(rows["train_loss"][-1], 0.8 * rows["train_loss"][0])
        names = checkpoint_contents(checkpoint)
        self.assertIn("optimizer/mean/linear1/weights", names)
        self.assertIn("optimizer/square/linear2/bias", names)

    def test_tied_weights(self):
        _, checkpoint = self.assert_layouts_agree(TIED, SOME_LAYOUTS, "--steps", 12)
        self.assertNotIn("linear1/weights", parameters(checkpoint))  # the decoder has a bias and no weights

    def test_shared_parameters_in_a_graph(self):
        _, checkpoint = self.assert_layouts_agree(SHARED, SOME_LAYOUTS, "--steps", 12)
        names = parameters(checkpoint)
        self.assertIn("a/weights", names)
        self.assertNotIn("b/weights", names)

    def test_clipped_gradient(self):
        clipped, _ = self.assert_layouts_agree(CLIPPED, SOME_LAYOUTS, "--steps", 12)
        free = self.succeed(self.path("run.cfg"), "--steps", 12, "--clip-norm", 0)
        self.assertNotEqual(free.digest, clipped.digest)  # the limit was met

    def test_minibatches_that_grow_and_shrink(self):
        # 12, 12, 5, 1 and 6 steps: of 5 and 1 microbatches, of 12 and 5, of all 50, and of 9 and 7.
        sizes = "35, 90 after 2, 400 after 3, 70 after 4"
        reference, checkpoint = self.assert_layouts_agree(CLIPPED, LAYOUTS, "--epochs", 5, "--batch-size", sizes,
                                                          "--reference-batch", 90, "--warmup-steps", 5)
        self.assertRegex(reference.out, r"batch 35 = 5 microbatches of 8 "
                                        r"\(90 after 2 epochs, 400 after 3 epochs, 70 after 4 epochs\), \S+, 36 steps")
        rows = history(checkpoint)
        ends = [list(rows["step"]).index(step) for step in (12, 24, 29, 30, 36)]
        np.testing.assert_allclose(rows["epoch"][ends], (1, 2, 3, 4, 5))
        rate = rows["learning_rate"][ends[0]] / 35
        np.testing.assert_allclose(rows["learning_rate"][ends], [rate * size for size in (35, 35, 90, 400, 70)])

    def test_steps_by_layers_own_norms(self):
        self.assert_layouts_agree(LAYERWISE, SOME_LAYOUTS, "--steps", 12)
        lars = LAYERWISE.replace("lamb", "lars")
        self.assert_layouts_agree(lars, SOME_LAYOUTS, "--steps", 12, "--momentum", 0.9, "--learning-rate", 5)

    def test_residual_network_with_batchnorm(self):
        reference, checkpoint = self.assert_layouts_agree(RESIDUAL, SOME_LAYOUTS, "--steps", 60)
        rows = history(checkpoint)
        self.assertLess(rows["train_loss"][-1], 0.8 * rows["train_loss"][0])
        found = parameters(checkpoint)
        self.assertTrue((found["branch/running-variance"] > 0).all())
        self.assertTrue((found["batchnorm1/running-mean"] != 0).all())
        # Evaluation rests on the statistics that the checkpoint holds, on any number of ranks.
        for ranks, threads in ((0, 1), (0, 2), (3, 1)):
            evaluated = self.succeed("evaluate", checkpoint, "--threads", threads, ranks=ranks)
            self.assertIn(reference.lines[-3], evaluated.lines)

    def test_residual_network_with_batchnorm_over_the_minibatch(self):
        synchronised = re.sub("(layer = batchnorm.*)", r"\1 statistics=minibatch", RESIDUAL)
        _, checkpoint = self.assert_layouts_agree(synchronised, LAYOUTS, "--steps", 30)
        rows = history(checkpoint)
        self.assertLess(rows["train_loss"][-1], 0.9 * rows["train_loss"][0])
        # Its microbatches are a matter of rounding, which they are not where statistics are theirs.
        config = self.path("run.cfg")
        cut = {size: self.train(f"cut-{size}", config, "--steps", 5, "--microbatch", size)[1] for size in (8, 32, 90)}
        expected = parameters(cut[90])
        for size in (8, 32):
            for name, values in parameters(cut[size]).items():
                np.testing.assert_allclose(values, expected[name], atol=2e-4, err_msg=f"{size} {name}")
        config = self.configuration(f"dataset = {digits(type(self))}\n{self.SHAPE}{RESIDUAL}")
        other = parameters(self.train("ghost", config, "--steps", 5)[1])
        self.assertGreater(abs(other["conv1/weights"] - expected["conv1/weights"]).max(), 2e-3)

    def test_more_ranks_than_microbatches_of_a_minibatch_that_is_normalised(self):
        config = self.configuration(f"dataset = {digits(type(self))}\nbatch-size = 20\nmicrobatch = 8\n"
                                    f"{CLIPPED}layer = batchnorm statistics=minibatch\n")
        reference, checkpoint = self.train("one", config, "--steps", 6)
        result, other = self.train("more", config, "--steps", 6, ranks=5)
        self.assertEqual(result.digest, reference.digest)
        self.assert_same_bits(checkpoint, other)

    def test_convolutional_autoencoder(self):
        _, checkpoint = self.assert_layouts_agree(CONVOLUTIONAL_AUTOENCODER, LAYOUTS, "--steps", 30)
        rows = history(checkpoint)
        self.assertLess(rows["train_loss"][-1], 0.8 * rows["train_loss"][0])
        self.assertEqual(parameters(checkpoint)["deconv1/weights"].shape, (3, 6, 4, 4))

    def test_augmentation_and_normalisation(self):
        augmented, _ = self.assert_layouts_agree(AUGMENTED, LAYOUTS, "--steps", 12)
        for option in ("--augment", "--normalise"):
            self.assertNotEqual(self.succeed(self.path("run.cfg"), "--steps", 12, option, "none").digest, augmented.digest)

    def test_views_change_scores_alone(self):
        both, checkpoint = self.assert_layouts_agree(AUGMENTED, [], "--steps", 12)
        one = self.succeed(self.path("run.cfg"), "--steps", 12, "--test-augment", "none")
        self.assertEqual(one.digest, both.digest)
        scores = [result.lines[-3] for result in (both, one)]
        self.assertRegex(scores[0], r"^test error \S+ % loss \S+, scored by pictures and their mirror images$")
        self.assertRegex(scores[1], r"^test error \S+ % loss \S+$")
        for views, score in zip(("flip", "none"), scores):
            self.assertEqual(self.succeed("evaluate", checkpoint, "--test-augment", views).lines[0], score)

    def test_an_autoencoder_of_augmented_pictures(self):
        self.assert_layouts_agree(AUTOENCODER + "augment = flip, crop 2\nnormalise = dataset\n", SOME_LAYOUTS, "--steps", 6)

    def test_augmentation_of_a_dataset_read_from_the_file(self):
        self.assert_memory_and_file_agree(AUGMENTED, 12, [3])

    def test_products_in_bf16(self):
        require_bf16(self)
        reference, checkpoint = self.assert_layouts_agree(BF16, LAYOUTS, "--steps", 30)
        self.assertEqual({values.dtype.str for values in parameters(checkpoint).values()}, {"<f4"})
        rows = history(checkpoint)
        self.assertLess(rows["train_loss"][-1], 0.8 * rows["train_loss"][0])
        # It is another arithmetic, of nearly the same result.
        plain = self.succeed(self.path("run.cfg"), "--steps", 1, "--precision", "float32", "--checkpoint", "plain.h5")
        rounded = self.succeed(self.path("run.cfg"), "--steps", 1, "--checkpoint", "rounded.h5")
        self.assertNotEqual(plain.digest, rounded.digest)
        left, right = parameters(self.path("plain.h5")), parameters(self.path("rounded.h5"))
        for name, values in left.items():
            np.testing.assert_allclose(right[name], values, atol=2e-3, err_msg=name)

    def test_tied_weights_in_bf16(self):
        require_bf16(self)
        self.assert_layouts_agree(TIED + "precision = bf16\n", SOME_LAYOUTS, "--steps", 12)

    def test_many_buckets(self):
        self.assert_layouts_agree(TIED, SOME_LAYOUTS, "--steps", 6, "--bucket-kilobytes", 4)

    def assert_memory_and_file_agree(self, lines, steps, file_ranks=(0, 3)):
        config = self.configuration(f"dataset = {digits(type(self))}\n{self.SHAPE}{lines}")
        reference, checkpoint = self.train("memory", config, "--steps", steps, "--in-memory", "yes")
        for ranks in file_ranks:
            with self.subTest(ranks=ranks):
                result, other = self.train("file", config, "--steps", steps, "--in-memory", "no", ranks=ranks)
                self.assertEqual(result.digest, reference.digest)
                self.assert_same_bits(checkpoint, other)
        return config, reference

    def test_dataset_streamed_in_blocks(self):
        config, reference = self.assert_memory_and_file_agree(CLIPPED + "shuffle = blocks 16 x 3\n", 30)
        self.assertNotEqual(self.succeed(config, "--steps", 30, "--shuffle", "samples").digest, reference.digest)

    def test_dataset_read_from_the_file(self):
        self.assert_memory_and_file_agree(CLIPPED, 12)

    def test_generated_dataset(self):
        config = self.configuration(f"dataset = digits\ngenerate-train = 100\ngenerate-test = 30\n{self.SHAPE}{CLIPPED}")
        reference, checkpoint = self.train("one", config, "--epochs", 2)
        for ranks in (2, 3):
            result, other = self.train("more", config, "--epochs", 2, ranks=ranks)
            self.assertEqual(result.digest, reference.digest)
            self.assert_same_bits(checkpoint, other)

    def test_more_ranks_than_microbatches(self):
        config = self.configuration(f"dataset = {digits(type(self))}\nbatch-size = 20\nmicrobatch = 8\n{CLIPPED}")
        reference, checkpoint = self.train("one", config, "--steps", 12)
        for ranks in (4, 16):
            with self.subTest(ranks=ranks):
                result, other = self.train("more", config, "--steps", 12, ranks=ranks)
                self.assertEqual(result.digest, reference.digest)
                self.assert_same_bits(checkpoint, other)

    def test_another_seed_gives_other_bits(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{self.SHAPE}{CLIPPED}")
        one, checkpoint_one = self.train("one", config, "--steps", 6)
        two, checkpoint_two = self.train("two", config, "--steps", 6, "--seed", 2)
        self.assertNotEqual(one.digest, two.digest)
        found = self.trainer("diff", checkpoint_one, checkpoint_two)
        self.assertEqual(found.code, 1, found)

    def test_plain_reduction_runs_and_says_what_it_lacks(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{self.SHAPE}{CLIPPED}")
        ordered, checkpoint = self.train("ordered", config, "--steps", 12, ranks=2)
        plain, other = self.train("plain", config, "--steps", 12, "--reduction", "mpi", ranks=3)
        self.assertRegex(plain.out, r"reduction mpi: .*bits may change with the number of ranks")
        self.assertNotRegex(ordered.out, "reduction mpi")
        left, right = parameters(checkpoint), parameters(other)
        for name, values in left.items():
            np.testing.assert_allclose(right[name], values, rtol=1e-3, atol=1e-5, err_msg=name)


class TailTest(SystemTest):
    """The last, smaller step of an epoch is trained exactly: nothing dropped, nothing padded."""

    CONFIG = "dataset = seven.h5\nlayer = linear 2\nloss = squared\nlearning-rate = 0.1\nbatch-size = 4\nmicrobatch = 2\n"

    def write(self, inputs, targets):
        write_dataset(self.path("seven.h5"), {"train": {"inputs": inputs, "targets": targets}})

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        self.inputs = random.normal(size=(7, 3)).astype("float32")
        self.targets = random.normal(size=(7, 2)).astype("float32")
        self.write(self.inputs, self.targets)
        self.config = self.configuration(self.CONFIG)

    def test_every_sample_counts(self):
        whole = self.succeed(self.config, "--epochs", 1).digest
        for sample in range(7):
            with self.subTest(sample=sample):
                targets = self.targets.copy()
                targets[sample] += 1
                self.write(self.inputs, targets)
                self.assertNotEqual(self.succeed(self.config, "--epochs", 1).digest, whole)

    def test_an_epoch_is_a_step_of_four_and_one_of_three(self):
        self.succeed(self.config, "--steps", 1, "--learning-rate", 0, "--checkpoint", "start.h5")
        self.succeed(self.config, "--epochs", 1, "--checkpoint", "end.h5", ranks=2)
        self.assertEqual(state(self.path("end.h5"))["step"], 2)
        start, end = parameters(self.path("start.h5")), parameters(self.path("end.h5"))

        def step(weights, bias, samples):  # gradient descent on the mean over samples of |Wx + b - t|^2 / 2
            x, t = self.inputs[samples].astype(float), self.targets[samples].astype(float)
            delta = (x @ weights.T + bias - t) / len(samples)
            return weights - 0.1 * delta.T @ x, bias - 0.1 * delta.sum(axis=0)

        def distance(first):
            rest = [s for s in range(7) if s not in first]
            weights, bias = step(start["linear1/weights"], start["linear1/bias"], list(first))
            weights, bias = step(weights, bias, rest)
            return max(abs(weights - end["linear1/weights"]).max(), abs(bias - end["linear1/bias"]).max())

        # Which four come first is the sampler's; exactly one choice explains the result.
        distances = sorted(distance(first) for first in itertools.combinations(range(7), 4))
        self.assertLess(distances[0], 1e-6)
        self.assertGreater(distances[1], 1e-4)


if __name__ == "__main__":
    unittest.main()
