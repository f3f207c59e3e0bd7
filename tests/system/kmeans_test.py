"""K-means: scikit-learn's numbers, the same bits on any number of ranks, and a checkpoint like any other."""
import re
import unittest

import h5py
import numpy as np
from sklearn.cluster import KMeans

from support import SystemTest, history, parameters, state, write_dataset

SAMPLES, WIDTH, CENTRES = 1500, 20, 12


def heaps(count, seed):
    """Heaps that overlap, so that Lloyd's iterations have something to do."""
    random = np.random.default_rng(seed)
    places = np.random.default_rng(1).normal(size=(CENTRES, WIDTH))
    return (places[random.integers(CENTRES, size=count)] + 0.7 * random.normal(size=(count, WIDTH))).astype("float32")


def iterations(result):
    """Inertia at the start and after each iteration."""
    return [float(inertia) for inertia in re.findall(r"^(?:start|iteration \d+): inertia ([0-9.e+]+)", result.out, re.M)]


def centres(path):
    return parameters(path)["centres/weights"].astype("float64")


def sklearn_inertia(samples, of):
    samples = samples.astype("float64")
    judge = KMeans(n_clusters=len(of), init=of, n_init=1, max_iter=1, tol=0).fit(samples)
    judge.cluster_centers_ = of
    return -judge.score(samples)


class ClusterTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.samples = heaps(SAMPLES, 2)
        write_dataset(self.path("heaps.h5"), {"train": {"inputs": self.samples}})

    def cluster(self, output, *more, **how):
        return self.succeed("cluster", "heaps.h5", "--centres", CENTRES, "--output", output, "--threads", 1, *more, **how)

    def test_cost_is_the_inertia_of_scikit_learn(self):
        result = self.cluster("k.h5", "--iterations", 3)
        expected = sklearn_inertia(self.samples, centres(self.path("k.h5")))
        found = float(re.search(r"^inertia ([0-9.]+) after 3 iterations \(as many as were asked for\)", result.out, re.M)[1])
        self.assertAlmostEqual(found / expected, 1, delta=1e-6)
        self.assertEqual(iterations(result)[-1], found)
        # The network's squared error is that, a sample, and its loss half of it.
        score = self.succeed("evaluate", "k.h5").lines[0]
        error, loss = map(float, re.fullmatch(r"train squared-error ([0-9.]+) loss ([0-9.]+)", score).groups())
        self.assertAlmostEqual(error, expected / SAMPLES, delta=1e-4)
        self.assertAlmostEqual(loss, expected / SAMPLES / 2, delta=1e-4)
        self.assertAlmostEqual(history(self.path("k.h5"))["train_error"][-1], expected / SAMPLES, delta=1e-6)

    def test_lloyd_from_the_same_start_is_that_of_scikit_learn(self):
        self.cluster("start.h5", "--iterations", 0)
        start = centres(self.path("start.h5"))
        for sample in start:
            self.assertTrue((self.samples == sample.astype("float32")).all(axis=1).any(), "a start is a sample")
        for most in (1, 5, 300):
            with self.subTest(iterations=most):
                expected = KMeans(n_clusters=CENTRES, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=most).fit(
                    self.samples.astype("float64"))
                self.cluster("k.h5", "--iterations", most)
                np.testing.assert_allclose(centres(self.path("k.h5")), expected.cluster_centers_, atol=1e-4)

    def test_inertia_falls_in_every_iteration(self):
        for seed in range(5):
            inertia = iterations(self.cluster("k.h5", "--seed", seed))
            self.assertGreater(len(inertia), 4)
            self.assertEqual(inertia, sorted(set(inertia), reverse=True))

    def test_same_bits_on_any_number_of_ranks_and_threads(self):
        alone = self.cluster("1.h5")
        for ranks, threads in ((2, 1), (3, 1), (2, 2)):
            with self.subTest(ranks=ranks, threads=threads):
                result = self.succeed("cluster", "heaps.h5", "--centres", CENTRES, "--output", "n.h5", "--threads", threads,
                                      ranks=ranks)
                self.assertEqual(result.lines[1:], alone.lines[1:])
                self.assertEqual(result.err, "")
                self.assert_same_bits(self.path("n.h5"), self.path("1.h5"))

    def test_a_code_has_exactly_one_active_unit_that_of_the_nearest_centre(self):
        self.cluster("k.h5")
        self.succeed("encode", "k.h5", "--output", "codes.h5")
        with h5py.File(self.path("codes.h5"), "r") as file:
            codes = file["train/inputs"][()].reshape(SAMPLES, CENTRES)
        of = centres(self.path("k.h5"))
        nearest = ((self.samples[:, None].astype("float64") - of) ** 2).sum(axis=2).argmin(axis=1)
        np.testing.assert_array_equal(codes, np.eye(CENTRES)[nearest])
        self.assertEqual(set(nearest), set(range(CENTRES)), "every centre has samples")

    def test_reconstructions_are_the_centres(self):
        self.cluster("k.h5", "--iterations", 2)
        self.succeed("reconstruct", "k.h5", "--output", "r.h5")
        with h5py.File(self.path("r.h5"), "r") as file:
            found = file["train/inputs"][()].reshape(SAMPLES, WIDTH)
        of = parameters(self.path("k.h5"))["centres/weights"]
        distances = ((self.samples[:, None].astype("float64") - of) ** 2).sum(axis=2)
        np.testing.assert_array_equal(found, of[distances.argmin(axis=1)])

    def test_more_centres_than_heaps_leave_none_without_samples(self):
        """Half of the samples are one and the same: most centres start elsewhere, and none ends up empty."""
        samples = self.samples[:60].copy()
        samples[:30] = samples[0]
        write_dataset(self.path("twins.h5"), {"train": {"inputs": samples}})
        self.succeed("cluster", "twins.h5", "--centres", 31, "--output", "k.h5")
        found = centres(self.path("k.h5"))
        distances = ((samples[:, None].astype("float64") - found) ** 2).sum(axis=2)
        self.assertEqual(len(set(distances.argmin(axis=1))), 31)
        self.assertLess(distances.min(axis=1).max(), 1e-9)

    def test_normalisation_is_kept_with_the_centres(self):
        self.cluster("k.h5", "--normalise", "dataset")
        normal = (self.samples.astype("float64") - self.samples.mean(dtype="float64")) / self.samples.std(dtype="float64")
        score = self.succeed("evaluate", "k.h5").lines[0]
        error = float(re.match(r"train squared-error ([0-9.]+) ", score)[1])
        self.assertAlmostEqual(error, sklearn_inertia(normal, centres(self.path("k.h5"))) / SAMPLES, delta=1e-4)

    def test_training_goes_on_by_sgd(self):
        self.cluster("k.h5", "--iterations", 2, "--batch-size", 100, "--learning-rate", 0.5)
        before = history(self.path("k.h5"))["train_error"][-1]
        self.assertEqual(state(self.path("k.h5"))["step"], 2 * 15)
        done = self.succeed("resume", "k.h5", "--checkpoint", "same.h5")
        self.assertIn("nothing to do: the run is finished after step 30", done.out)
        digests = {self.succeed("resume", "k.h5", "--epochs", 12, "--checkpoint", "on.h5", "--threads", 1, ranks=ranks).digest
                   for ranks in (0, 2, 3)}
        self.assertEqual(len(digests), 1)
        self.assertEqual(state(self.path("on.h5"))["step"], 12 * 15)
        self.assertLess(history(self.path("on.h5"))["train_error"][-1], before)

    def test_bad_input(self):
        few = np.repeat(self.samples[:4], 5, axis=0)
        write_dataset(self.path("few.h5"), {"train": {"inputs": few}})
        write_dataset(self.path("none.h5"), {"test": {"inputs": few}})
        given = ["--centres", 5, "--output", "k.h5"]
        for arguments, says in (
                (["heaps.h5", "--centres", SAMPLES + 1, "--output", "k.h5"],
                 r"1501 centres are more than there are samples \(1500\)"),
                (["few.h5", *given], r"5 centres are more than there are distinct samples \(4 among 20\); take that many"),
                (["heaps.h5", "--output", "k.h5"], r"add --centres K"),
                (["heaps.h5", "--centres", 5], r"add --output FILE"),
                (["heaps.h5", "--centres", 0, "--output", "k.h5"], r"centres = 0 cannot be used; expected a whole number"),
                (["heaps.h5", "--centres", "many", "--output", "k.h5"], r"centres = many cannot be used"),
                (["heaps.h5", *given, "--iterations", -1], r"iterations = -1 cannot be used; expected a whole number from 0"),
                (["heaps.h5", "--centres", 5, "--output", "heaps.h5"], r"would be written over the dataset"),
                (["heaps.h5", *given, "--layer", "linear 5"], r"makes the layers itself"),
                (["heaps.h5", *given, "--loss", "softmax"], r"takes no option --loss"),
                (["heaps.h5", *given, "--test-augment", "flip"], r"takes no option --test-augment"),
                (["none.h5", *given], r"there is no split 'train'; the dataset has test"),
                ([*given], r"takes 1 word\(s\), 0 were given"),
                (["heaps.h5", *given, "--centers", 5], r"there is no option 'centers'; did you mean 'centres'")):
            # Under mpirun too what is found while ranks work together.
            for ranks in (0, 2) if "more than" in says or "split" in says else (0,):
                with self.subTest(says=says, ranks=ranks):
                    result = self.trainer("cluster", *arguments, ranks=ranks)
                    self.assert_one_message(result, 2, says)


NETWORK = f"""
dataset       = heaps.h5
layer         = centres {CENTRES} name=centres
layer         = winner name=code
layer         = linear {WIDTH} tied=centres bias=no
loss          = squared
learning-rate = 2
batch-size    = 100
epochs        = 20
threads       = 1
"""


class WinnerTakeAllTest(SystemTest):
    """The same network, trained by SGD from a random start."""

    def test_comes_near_to_k_means(self):
        samples = heaps(SAMPLES, 2)
        write_dataset(self.path("heaps.h5"), {"train": {"inputs": samples}})
        config = self.configuration(NETWORK)
        results = [self.succeed(config, "--checkpoint", "n.h5", ranks=ranks) for ranks in (0, 2, 3)]
        self.assertEqual(len({result.digest for result in results}), 1)
        errors = history(self.path("n.h5"))["train_error"]
        best = KMeans(n_clusters=CENTRES, n_init=5, random_state=1).fit(samples).inertia_ / SAMPLES
        one = ((samples - samples.mean(axis=0)) ** 2).sum() / SAMPLES
        self.assertLess(errors[-1], (best + one) / 2)
        self.assertAlmostEqual(sklearn_inertia(samples, centres(self.path("n.h5"))) / SAMPLES,
                               float(re.match(r"train squared-error ([0-9.]+) ", results[0].lines[-3])[1]), delta=1e-4)


unittest.main()
