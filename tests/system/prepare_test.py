"""Data prepared for learning features: patches, contrast normalisation, whitening, PCA, beside numpy and scikit-learn."""
import filecmp
import os
import re
import unittest

import h5py
import numpy as np
from sklearn.decomposition import PCA

from support import REFUSAL, SystemTest, digits, write_dataset

SHAPE = (3, 9, 11)


def smooth_pictures(count, seed, shape=SHAPE):
    """Bytes whose neighbours depend on each other, as in pictures of things."""
    generator = np.random.default_rng(seed)
    channels, height, width = shape
    noise = generator.normal(size=(count, channels, height + 2, width + 2))
    smooth = sum(noise[:, :, y:y + height, x:x + width] for y in range(3) for x in range(3)) / 3
    common = generator.normal(size=(count, 1, 1, 1))
    return np.clip(120 + 30 * (smooth + common), 0, 255).astype(np.uint8)


def read(path, *names):
    with h5py.File(path, "r") as file:
        found = [file[name][()] for name in names]
    return found[0] if len(found) == 1 else found


def attributes(path, name):
    with h5py.File(path, "r") as file:
        return dict(file[name].attrs)


def flat(samples):
    return samples.reshape(len(samples), -1).astype(float)


class PrepareTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.dataset = self.path("d.h5")
        self.train, self.test = smooth_pictures(700, 1), smooth_pictures(90, 2)
        labels = np.arange(700) % 5
        write_dataset(self.dataset, {"train": {"inputs": self.train, "labels": labels},
                                     "test": {"inputs": self.test, "labels": labels[:90]}}, classes=5)
        with h5py.File(self.dataset, "a") as file:
            for split in ("train", "test"):
                file[f"{split}/inputs"].attrs["scale"] = 1 / 255

    def prepare(self, *steps, source=None, name="p.h5", **how):
        path = self.path(name)
        self.succeed("prepare", source or self.dataset, "--output", path, *steps, **how)
        return path

    def values(self, which="train"):
        return flat(getattr(self, which)) / 255

    def expected(self, steps, reach):
        """The steps by numpy: contrast, then whitening by (method, epsilon, components)."""
        train, test = self.values("train"), self.values("test")
        if "contrast" in steps:
            def normalised(x):
                return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + steps["contrast"] / 255**2)
            train, test = normalised(train), normalised(test)
        if "whiten" in steps:
            method, epsilon, components = steps["whiten"]
            mean = train.mean(0)
            values, vectors = np.linalg.eigh(np.cov(train.T, bias=True))
            values, vectors = values[::-1][:components], vectors[:, ::-1][:, :components]
            vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])])
            transform = vectors / np.sqrt(values + epsilon)
            if method == "zca":
                transform = transform @ vectors.T
            train, test = (train - mean) @ transform, (test - mean) @ transform
        return {"train": train, "test": test}[reach]

    def test_the_steps_by_numpy(self):
        for words, steps in (
                (["--contrast", 10], {"contrast": 10}),
                (["--whiten", "zca epsilon=0.01"], {"whiten": ("zca", 0.01, None)}),
                (["--whiten", "pca epsilon=0.001 components=20"], {"whiten": ("pca", 0.001, 20)}),
                (["--contrast", 10, "--whiten", "zca epsilon=0.1"], {"contrast": 10, "whiten": ("zca", 0.1, None)}),
                (["--contrast", 3, "--whiten", "zca components=9"], {"contrast": 3, "whiten": ("zca", 0, 9)})):
            with self.subTest(words):
                path = self.prepare(*words)
                for split in ("train", "test"):
                    found = read(path, f"{split}/inputs")
                    self.assertEqual(found.dtype, np.float32)
                    np.testing.assert_allclose(flat(found), self.expected(steps, split), atol=1e-4)
                self.assertEqual(read(path, "train/inputs").shape[1:], (20,) if "pca" in str(words) else SHAPE)
                np.testing.assert_array_equal(read(path, "train/labels"), np.arange(700) % 5)

    def test_whitening_is_that_of_scikit_learn(self):
        """Up to signs, and to the variance's divisor, which there is one less than the count."""
        found = flat(read(self.prepare("--whiten", "pca components=25"), "test/inputs"))
        expected = PCA(25, whiten=True, svd_solver="full").fit(self.values()).transform(self.values("test"))
        expected *= np.sqrt(700 / 699) * np.sign((expected * found).sum(0))
        np.testing.assert_allclose(found, expected, atol=2e-4)

    def test_whitened_training_samples_have_the_identity_as_their_covariance(self):
        for epsilon in (0, 0.05):
            path = self.prepare("--whiten", f"pca epsilon={epsilon}")
            eigenvalues = read(path, "preparation/whitening/eigenvalues")
            covariance = np.cov(flat(read(path, "train/inputs")).T, bias=True)
            np.testing.assert_allclose(covariance, np.diag(eigenvalues / (eigenvalues + epsilon)), atol=1e-5)
        path = self.prepare("--whiten", "zca")
        np.testing.assert_allclose(np.cov(flat(read(path, "train/inputs")).T, bias=True), np.eye(297), atol=1e-5)

    def test_patches(self):
        path = self.prepare("--patches", "dense 4 stride=3")
        expected = [p[:, y:y + 4, x:x + 4] for p in self.train for y in (0, 3) for x in (0, 3, 6)]
        np.testing.assert_allclose(read(path, "train/inputs"), np.array(expected) / 255, atol=1e-7)
        path = self.prepare("--patches", "random 5 count=1401", "--seed", 3)
        for split, count in (("train", 1401), ("test", 181)):  # as many a picture, rounded up
            found, places = read(path, f"{split}/inputs", f"preparation/patches/places/{split}")
            self.assertEqual(found.shape, (count, 3, 5, 5))
            for patch, (n, y, x) in zip(found, places):
                np.testing.assert_allclose(patch, getattr(self, split)[n, :, y:y + 5, x:x + 5] / 255, atol=1e-7)
        self.assertGreater(len(np.unique(places[:, 0])), 50)
        other = self.prepare("--patches", "random 5 count=1401", "--seed", 4, name="other.h5")
        self.assertFalse(np.array_equal(read(other, "preparation/patches/places/train"),
                                        read(path, "preparation/patches/places/train")))
        with h5py.File(path, "r") as file:
            self.assertNotIn("labels", file["train"])

    def test_patches_around_interest_points(self):
        row, column = np.mgrid[:40, :40]
        places = [(12, 20), (25, 9), (30, 30)]
        pictures = [60 + 150 * np.exp(-((row - y) ** 2 + (column - x) ** 2) / 9) for y, x in places] + [np.full((40, 40), 60)]
        write_dataset(self.dataset, {"train": {"inputs": np.array(pictures).astype(np.uint8)[:, None]}})
        path = self.prepare("--patches", "interest 7 count=10")
        found = read(path, "preparation/patches/places/train")
        self.assertEqual(found.tolist(), [[i, y - 3, x - 3] for i, (y, x) in enumerate(places)])

    def test_the_way_back(self):
        """To the values of the original, or of its patches."""
        for words in (["--contrast", 10], ["--whiten", "zca epsilon=0.1"], ["--whiten", "pca"],
                      ["--contrast", 10, "--whiten", "zca epsilon=0.1"], ["--contrast", 10, "--whiten", "pca epsilon=0.01"]):
            with self.subTest(words):
                path = self.prepare(*words)
                back = self.prepare("--invert", path, source=path, name="back.h5")
                for split in ("train", "test"):
                    found = read(back, f"{split}/inputs")
                    self.assertEqual(found.shape[1:], SHAPE)
                    np.testing.assert_allclose(flat(found), self.values(split), atol=1e-5)
                np.testing.assert_array_equal(read(back, "test/labels"), np.arange(90) % 5)
        patches = self.prepare("--patches", "dense 4 stride=2", name="patches.h5")
        path = self.prepare("--patches", "dense 4 stride=2", "--contrast", 10, "--whiten", "zca epsilon=0.1")
        back = self.prepare("--invert", path, source=path, name="back.h5")
        np.testing.assert_allclose(read(back, "test/inputs"), read(patches, "test/inputs"), atol=1e-5)

    def test_the_way_back_of_a_reconstruction(self):
        """Samples like those of a prepared file, in a file without a preparation of its own."""
        path = self.prepare("--contrast", 10, "--whiten", "pca epsilon=0.01 components=12")
        samples = read(path, "test/inputs")
        write_dataset(self.path("r.h5"), {"test": {"inputs": samples}})
        np.testing.assert_array_equal(
            read(self.prepare("--invert", path, source=self.path("r.h5"), name="1.h5"), "test/inputs"),
            read(self.prepare("--invert", path, source=path, name="2.h5"), "test/inputs"))

    def test_what_the_file_holds(self):
        path = self.prepare("--patches", "random 4 count=2000", "--contrast", 10, "--whiten", "zca epsilon=0.1")
        self.assertEqual(attributes(path, "preparation")["steps"].decode(),
                         "patches random 4 count=2000; contrast 10; whiten zca epsilon=0.1")
        self.assertEqual(read(path, "preparation/sample_dims").tolist(), [3, 4, 4])
        self.assertEqual({k: v for k, v in attributes(path, "preparation/patches").items()},
                         {"kind": b"random", "size": 4, "channels": 3, "height": 9, "width": 11, "count": 2000, "seed": 1})
        self.assertEqual(attributes(path, "preparation/contrast"), {"constant": 10})
        self.assertEqual(attributes(path, "preparation/whitening"), {"method": b"zca", "epsilon": 0.1})
        mean, values, vectors, transform, inverse = (
            read(path, f"preparation/whitening/{name}")
            for name in ("mean", "eigenvalues", "eigenvectors", "transform", "inverse"))
        np.testing.assert_allclose(transform, vectors.T @ np.diag(1 / np.sqrt(values + 0.1)) @ vectors, atol=1e-12)
        np.testing.assert_allclose(transform @ inverse, np.eye(48), atol=1e-12)
        np.testing.assert_array_equal(transform, transform.T)
        # Everything by hand, from what the file says.
        places = read(path, "preparation/patches/places/test")
        patches = flat(np.array([self.test[n, :, y:y + 4, x:x + 4] for n, y, x in places])) / 255
        m, d = (read(path, f"preparation/contrast/test/{name}").astype(float)[:, None] for name in ("mean", "deviation"))
        np.testing.assert_allclose(flat(read(path, "test/inputs")), ((patches - m) / d - mean) @ transform.T, atol=1e-5)

    def test_the_same_file_on_any_number_of_ranks_and_threads(self):
        for i, words in enumerate((["--patches", "random 5 count=900", "--contrast", 10, "--whiten", "zca epsilon=0.1"],
                                   ["--patches", "interest 3 count=4 threshold=0.005", "--whiten", "pca retain=0.9"],
                                   ["--patches", "dense 6 stride=2", "--contrast", 1],
                                   ["--contrast", 10, "--whiten", "pca epsilon=0.1"])):
            expected = self.prepare(*words, "--threads", 1, name=f"{i}.h5")
            back = self.prepare("--invert", expected, source=expected, name=f"{i}-back.h5")
            for ranks, threads in ((0, 2), (1, 1), (2, 1), (3, 2)):
                with self.subTest(words=words, ranks=ranks, threads=threads):
                    found = self.prepare(*words, "--threads", threads, ranks=ranks)
                    self.assertTrue(filecmp.cmp(found, expected, shallow=False))
                    found = self.prepare("--invert", expected, "--threads", threads, source=expected, ranks=ranks)
                    self.assertTrue(filecmp.cmp(found, back, shallow=False))

    def test_samples_that_are_read_when_they_are_needed(self):
        source = digits(type(self))
        words = ["--patches", "random 5 count=900", "--contrast", 10, "--whiten", "zca epsilon=0.1"]
        held = self.prepare(*words, source=source)
        read_again = self.prepare(*words, "--in-memory", "no", source=source, name="q.h5")
        self.assertTrue(filecmp.cmp(held, read_again, shallow=False))

    def test_networks_train_on_it(self):
        path = self.prepare("--patches", "random 5 count=900", "--contrast", 10, "--whiten", "zca epsilon=0.1")
        result = self.succeed("--dataset", path, "--layer", "linear 20", "--layer", "tanh", "--layer", "linear 75", "--target",
                              "input", "--loss", "squared", "--steps", 5)
        self.assertRegex(result.out, r"test squared-error [0-9.]+")


class PcaTest(SystemTest):
    def test_what_numpy_and_scikit_learn_find(self):
        path = digits(type(self), 900, 150)
        train, test = (flat(read(path, f"{split}/inputs")) / 255 for split in ("train", "test"))
        for components in (1, 30, 784):
            model = PCA(components, svd_solver="full").fit(train)
            lost = ((model.inverse_transform(model.transform(test)) - test) ** 2).sum(1).mean()
            values = np.linalg.eigvalsh(np.cov(train.T, bias=True))[::-1]
            with self.subTest(components):
                line = self.succeed("pca", path, "--components", components).out
                found = re.fullmatch(rf"pca {components}: test squared-error ([0-9.]+) discarded-eigenvalues ([0-9.]+) "
                                     r"of ([0-9.]+)\n", line)
                self.assertTrue(found, line)
                for number, expected in zip(found.groups(), (lost, values[components:].sum(), values.sum())):
                    self.assertAlmostEqual(float(number), expected, delta=1e-4)

    def test_the_same_on_any_number_of_ranks_and_threads(self):
        path = digits(type(self), 900, 150)
        expected = self.succeed("pca", path, "--threads", 1, "--output", self.path("a.h5"))
        self.assertRegex(expected.out, r"\Apca 30: test squared-error ")
        for ranks, threads in ((0, 2), (2, 1), (3, 1)):
            found = self.succeed("pca", path, "--threads", threads, "--output", self.path("b.h5"), ranks=ranks)
            self.assertEqual(found.out, expected.out)
            self.assertTrue(filecmp.cmp(self.path("a.h5"), self.path("b.h5"), shallow=False))
        mean, values, vectors = read(self.path("a.h5"), "mean", "eigenvalues", "components")
        train = flat(read(path, "train/inputs")) / 255
        np.testing.assert_allclose(mean, train.mean(0), atol=1e-7)
        np.testing.assert_allclose(vectors @ np.cov(train.T, bias=True) @ vectors.T, np.diag(values[:30]), atol=1e-6)

    def test_the_split_that_there_is(self):
        samples = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
        write_dataset(self.path("d.h5"), {"train": {"inputs": samples}})
        result = self.succeed("pca", self.path("d.h5"), "--components", 2)
        found = re.match(r"pca 2: train squared-error ([0-9.]+) discarded-eigenvalues ([0-9.]+) ", result.out)
        self.assertTrue(found, result)
        self.assertEqual(found.group(1), found.group(2))


class BadInputTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.dataset = self.path("d.h5")
        pictures = smooth_pictures(60, 1)
        pictures[:, 0, 0, 0] = 7  # the same everywhere
        write_dataset(self.dataset, {"train": {"inputs": pictures}})
        write_dataset(self.path("v.h5"), {"train": {"inputs": pictures.reshape(60, -1)}})

    def fails(self, *arguments, says, code=2):
        for ranks in (0, 2):
            with self.subTest(arguments=arguments, ranks=ranks):
                result = self.trainer(*arguments, ranks=ranks, env=REFUSAL)
                self.assert_one_message(result, code, *says)
        self.assertFalse(os.path.exists(self.path("p.h5")))

    def prepare_fails(self, *words, says, source=None, **how):
        self.fails("prepare", source or self.dataset, "--output", self.path("p.h5"), *words, says=says, **how)

    def test_whitening(self):
        self.prepare_fails("--whiten", "zca", says=("238 of the 297 eigenvalues", "zero", "epsilon=", "components=59"))
        self.prepare_fails("--whiten", "zca components=298 epsilon=0.1", says=("298 components", "these have 297"))
        self.prepare_fails("--whiten", "zcaa", says=("--whiten", "'zcaa'", "did you mean 'zca'"))
        self.prepare_fails("--whiten", "pca eps=0.1", says=("no 'eps='", "epsilon"))
        self.prepare_fails("--whiten", "pca epsilon=-1", says=("epsilon = -1", "from 0"))
        self.prepare_fails("--whiten", "pca retain=1.5", says=("retain = 1.5", "below 1"))
        self.prepare_fails("--whiten", "pca retain=0.9 components=3", says=("components= and retain=", "one of them"))
        write_dataset(self.path("t.h5"), {"test": {"inputs": smooth_pictures(9, 1)}})
        self.prepare_fails("--whiten", "pca", source=self.path("t.h5"), says=("t.h5", "no split /train"))

    def test_patches(self):
        self.prepare_fails("--patches", "random 10 count=5", says=("10x10", "d.h5", "9x11", "9 or less"))
        self.prepare_fails("--patches", "dense 4", source=self.path("v.h5"), says=("v.h5", "vectors of 297"))
        self.prepare_fails("--patches", "rndom 4 count=5", says=("--patches", "'rndom'", "did you mean 'random'"))
        self.prepare_fails("--patches", "random 4", says=("needs count=",))
        self.prepare_fails("--patches", "random count=4", says=("needs a number", "size"))
        self.prepare_fails("--patches", "random 4 cuont=5", says=("needs count=", "'cuont='", "did you mean 'count'"))
        self.prepare_fails("--patches", "dense 4 stride=0", says=("stride = 0", "from 1"))
        self.prepare_fails("--patches", "dense 4 5", says=("'5' is more",))
        self.prepare_fails("--patches", " ", says=("is empty", "kind of preparation"))
        self.prepare_fails("--patches", "interest 4 threshold=5", says=("60 pictures of /train", "no interest point", "threshold=5"))

    def test_steps_and_files(self):
        self.prepare_fails(says=("nothing to do", "--patches, --contrast or --whiten"))
        self.prepare_fails("--contrast", "ten", says=("contrast = ten", "a number"))
        self.prepare_fails("--contrast", 10, "--learning-rate", 1, says=("nothing reads --learning-rate",))
        self.prepare_fails("--contrast", 10, source=self.path("no.h5"), code=1, says=(r"no\.h5",))
        self.fails("prepare", self.dataset, "--contrast", 10, says=("--output",))
        self.fails("prepare", "--contrast", 10, "--output", self.path("p.h5"), says=("1 word", "usage: trainer prepare"))
        self.fails("prepare", self.dataset, "--contrast", 10, "--output", self.dataset, says=("written over the dataset",))
        self.fails("prepare", self.dataset, "--contrast", 10, "--output", "/no/p.h5", code=1, says=("/no",))

    def test_the_way_back(self):
        good, few, wide = (self.path(name) for name in ("good.h5", "few.h5", "wide.h5"))
        self.succeed("prepare", self.dataset, "--output", good, "--contrast", 10)
        write_dataset(few, {"train": {"inputs": np.zeros((59, 3, 9, 11), np.float32)}})
        write_dataset(wide, {"train": {"inputs": np.zeros((60, 298), np.float32)}})
        self.prepare_fails("--invert", self.dataset, says=(r"d\.h5: has no /preparation", "trainer prepare"))
        self.prepare_fails("--invert", good, "--contrast", 10, source=good, says=("--invert goes alone",))
        self.prepare_fails("--invert", good, source=few, says=("59 samples in /train", "deviation of 60"))
        self.prepare_fails("--invert", good, source=wide, says=("samples of 298 values", "those of 297"))
        self.fails("prepare", few, "--invert", good, "--output", good, says=("written over the preparation",))

    def test_pca(self):
        self.fails("pca", self.dataset, "--components", 298, says=("components = 298", "297 values", "1 to 297"))
        self.fails("pca", self.dataset, "--components", 0, says=("components = 0", "from 1"))
        self.fails("pca", self.dataset, "--epochs", 3, says=("nothing reads --epochs",))
        self.fails("pca", self.dataset, "--output", "/no/p.h5", code=1, says=("/no",))
        write_dataset(self.path("t.h5"), {"test": {"inputs": smooth_pictures(9, 1)}})
        self.fails("pca", self.path("t.h5"), says=("t.h5", "no split /train"))


if __name__ == "__main__":
    unittest.main()
