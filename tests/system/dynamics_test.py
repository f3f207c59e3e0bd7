"""`trainer dynamics` and `trainer relation`, checked against numpy, alone and on several ranks."""
import os
import re
import unittest
import xml.etree.ElementTree

import h5py
import numpy as np

from support import REFUSAL, SystemTest, digits, parameters, write_dataset

TIED = """
layer = linear 8 name=a
layer = tanh
layer = linear 4 tied=a name=b
"""
UNTIED = TIED.replace("tied=a ", "")
BINARY = """
layer = linear 8 name=a
layer = sigmoid
layer = linear 4 tied=a name=b
"""
COMMON = "dataset = data.h5\nloss = {loss}\nbatch-size = 40\nmicrobatch = 8\nthreads = 1\nepochs = {epochs}\nlearning-rate = 0.1\n"


def samples(count, seed, binary=False):
    """Heaps around four centres in four dimensions, with a covariance that is far from diagonal."""
    random = np.random.default_rng(seed)
    centres = np.array([[2, 1, 0, 1], [-2, 1, 1, 0], [1, -2, 1, -1], [-1, 0, -2, 1]])
    heaps = centres[random.integers(4, size=count)] + random.normal(0, 0.3, (count, 4))
    return (1 / (1 + np.exp(-heaps)) if binary else heaps).astype(np.float32)


class DynamicsBase(SystemTest):
    def setUp(self):
        super().setUp()
        for name, binary in (("data.h5", False), ("binary.h5", True)):
            write_dataset(self.path(name), {"train": {"inputs": samples(400, 1, binary)},
                                            "test": {"inputs": samples(60, 2, binary)}}, classes=0)

    def train(self, layers, loss="squared", dataset="data.h5", epochs=20, name="c.h5"):
        config = self.configuration(COMMON.format(loss=loss, epochs=epochs) + layers)
        self.succeed(config, "--dataset", dataset, "--checkpoint", name)
        return name

    def dynamics(self, *arguments, **how):
        result = self.succeed("dynamics", "c.h5", *arguments, "--output", "d.h5", "--threads", 1, **how)
        self.assertEqual(result.err, "")
        return result

    def fails(self, *arguments, says=(), code=2, ranks=0):
        self.assert_one_message(self.trainer(*arguments, ranks=ranks, env=REFUSAL), code, *says)

    def map(self, binary=False):
        """r(x) of rows, and its Jacobian at a point, from the checkpoint."""
        p = parameters(self.path("c.h5"))
        w, b, c = p["a/weights"].astype(float), p["a/bias"].astype(float), p["b/bias"].astype(float)
        a = p["b/weights"].astype(float) if "b/weights" in p else w.T
        sigmoid = lambda s: 1 / (1 + np.exp(-s))
        h = sigmoid if binary else np.tanh

        def r(x):
            y = h(x @ w.T + b) @ a.T + c
            return sigmoid(y) if binary else y

        def jacobian(x):
            value = h(w @ x + b)
            inner = a @ np.diag(value * (1 - value) if binary else 1 - value**2) @ w
            return np.diag(r(x) * (1 - r(x))) @ inner if binary else inner

        return r, jacobian


def contents(path):
    with open(path, "rb") as file:
        return file.read()


class DynamicsTest(DynamicsBase):
    def test_what_it_finds_is_what_numpy_finds(self):
        self.train(TIED)
        result = self.dynamics("--points", 50, "--searches", 20)
        r, jacobian = self.map()
        with h5py.File(self.path("d.h5")) as file:
            self.assertIn(file.attrs["format"], ("lockstep-dynamics", b"lockstep-dynamics"))
            starts, ends, steps = (file[f"starts/{name}"][()] for name in ("points", "ends", "steps"))
            np.testing.assert_array_equal(starts, samples(60, 2)[:50])
            for start, end, n in zip(starts, ends, steps):
                x = start
                for _ in range(n):
                    x = r(x)
                np.testing.assert_allclose(end, x, atol=1e-9)
            self.assertTrue(file["starts/converged"][()].all())
            energy = file["starts/energy"][()]
            rises = np.diff(energy, axis=1)
            self.assertTrue((rises[~np.isnan(rises)] >= -1e-12).all())
            self.assertEqual(file["starts/violations"][()].sum(), 0)

            points = file["fixed_points/points"][()]
            self.assertGreater(len(points), 2)
            np.testing.assert_allclose(r(points), points, atol=1e-10)
            basin = np.bincount(file["starts/fixed_point"][()], minlength=len(points))
            np.testing.assert_array_equal(basin, file["fixed_points/basin"][()])
            for i, x in enumerate(points):
                values = np.linalg.eigvals(jacobian(x))
                radius = np.abs(values).max()
                self.assertAlmostEqual(file["fixed_points/radius"][i], radius, places=9)
                self.assertEqual(file["fixed_points/stability"][i], 1 if radius < 1 else -1)
                found = file["fixed_points/eigenvalues"][i]
                np.testing.assert_allclose(sorted(found[:, 0]), sorted(values.real), atol=1e-9)
            self.assertIn(1, file["fixed_points/stability"])
            self.assertIn(-1, file["fixed_points/stability"])
            self.assertLess(file.attrs["largest_curl"], 1e-12)
            self.assertEqual(file.attrs["conservative"], 1)
        self.assertRegex(result.out, r"violated in 0 of \d+ steps")
        self.assertRegex(result.out, "the field is conservative")
        self.assertRegex(result.out, r"fixed points  \d+: \d+ stable, 0 marginal, [1-9]\d* unstable")

    def test_an_untied_network_is_not_conservative(self):
        self.train(UNTIED)
        result = self.dynamics("--points", 20)
        with h5py.File(self.path("d.h5")) as file:
            self.assertGreater(file.attrs["largest_curl"], 1e-3)
            self.assertEqual(file.attrs["conservative"], 0)
            self.assertNotIn("violations", file["starts"])
        self.assertRegex(result.out, "the field is not conservative")
        self.assertRegex(result.out, "line integral")
        self.assertNotRegex(result.out, "bound")

    def test_binary_values_have_the_bound_of_the_divergence(self):
        self.train(BINARY, loss="cross-entropy", dataset="binary.h5")
        result = self.dynamics("--points", 40)
        self.assertRegex(result.out, r"KL\(x, r\(x\)\): violated in 0 of [1-9]\d* steps")
        self.assertRegex(result.out, "of logit r is .*: the field is conservative")
        r, jacobian = self.map(binary=True)
        with h5py.File(self.path("d.h5")) as file:
            for i, x in enumerate(file["fixed_points/points"][()]):
                np.testing.assert_allclose(r(x), x, atol=1e-10)
                self.assertAlmostEqual(file["fixed_points/radius"][i], np.abs(np.linalg.eigvals(jacobian(x))).max(), places=9)

    def test_the_plane_is_the_field_projected(self):
        self.train(TIED)
        data = samples(60, 2).astype(float)
        mean = data.mean(0)
        values, vectors = np.linalg.eigh(np.cov(data.T, bias=True))
        with h5py.File(self.path("two.h5"), "w") as file:
            file["directions"] = [[1.0, 2, 0, 0], [0, 1, 0, 3]]
        planes = {"pca": [vectors[:, 3], vectors[:, 2]], "axes:1,3": [np.eye(4)[1], np.eye(4)[3]],
                  "samples:0,7": [data[0] - mean, data[7] - mean], "file:two.h5": [[1, 2, 0, 0], [0, 1, 0, 3]]}
        r, _ = self.map()
        for name, directions in planes.items():
            with self.subTest(name):
                self.dynamics("--points", 5, "--plane", name, "--grid", 7)
                with h5py.File(self.path("d.h5")) as file:
                    u, v = file["plane/directions"][()]
                    np.testing.assert_allclose([u @ u, v @ v, u @ v], [1, 1, 0], atol=1e-12)
                    for direction in directions:  # lies in the plane
                        rest = direction - (u @ direction) * u - (v @ direction) * v
                        np.testing.assert_allclose(rest, 0, atol=1e-6)
                    np.testing.assert_allclose(file["plane/origin"][()], mean, atol=1e-6)
                    a, b = np.meshgrid(file["plane/a"][()], file["plane/b"][()])
                    x = file["plane/origin"][()] + a[..., None] * u + b[..., None] * v
                    field = r(x) - x
                    np.testing.assert_allclose(file["plane/vectors"][()], np.stack([field @ u, field @ v], -1), atol=1e-9)
                    inside = np.einsum("ijk,kl->ijl", file["plane/vectors"][()], np.stack([u, v]))
                    np.testing.assert_allclose(file["plane/outside"][()], np.linalg.norm(field - inside, axis=-1), atol=1e-7)
                    # The energy's slope along u is the field's component.
                    energy = file["plane/energy"][()]
                    self.assertEqual(energy.shape, (7, 7))
                    self.assertTrue(np.isfinite(energy).all())

    def test_noise_starts_around_the_data(self):
        self.train(TIED)
        self.dynamics("--from", "noise", "--points", 300, "--seed", 3)
        with h5py.File(self.path("d.h5")) as file:
            starts = file["starts/points"][()]
        data = samples(60, 2)
        self.assertEqual(starts.shape, (300, 4))
        np.testing.assert_allclose(starts.mean(0), data.mean(0), atol=0.3)
        np.testing.assert_allclose(starts.std(0), data.std(0), rtol=0.2)
        self.dynamics("--from", "noise", "--points", 300, "--seed", 4)
        with h5py.File(self.path("d.h5")) as file:
            self.assertFalse(np.array_equal(starts, file["starts/points"][()]))

    def test_the_same_bytes_on_any_number_of_ranks_and_threads(self):
        self.train(UNTIED)
        arguments = ["--points", 37, "--svg", "d.svg", "--grid", 9, "--from", "noise"]
        alone = self.dynamics(*arguments)
        files = contents(self.path("d.h5")), contents(self.path("d.svg"))
        for ranks, threads in ((0, 3), (2, 1), (3, 2)):
            with self.subTest(ranks=ranks, threads=threads):
                result = self.dynamics(*arguments, "--threads", threads, ranks=ranks)
                self.assertEqual(result.out, alone.out)
                self.assertEqual((contents(self.path("d.h5")), contents(self.path("d.svg"))), files)

    def test_the_drawing(self):
        self.train(TIED)
        self.dynamics("--points", 10, "--svg", "d.svg")
        root = xml.etree.ElementTree.parse(self.path("d.svg")).getroot()
        text = " ".join(root.itertext())
        for words in ("principal component 1", "principal component 2", "energy", "stable fixed point", "iteration of r"):
            self.assertIn(words, text)

    def test_other_networks_are_told_apart(self):
        """A convolution has no exact Jacobian here; one that reconstructs digits well enough to have a spectrum."""
        layers = "layer = conv 2 kernel=5 stride=3\nlayer = tanh\nlayer = linear 784\n"
        config = self.configuration(f"dataset = {digits(type(self))}\nloss = squared\ntarget = input\nthreads = 1\nsteps = 2\n{layers}")
        self.succeed(config, "--checkpoint", "c.h5")
        arguments = ["--points", 3, "--iterations", 5, "--searches", 0, "--spectra", 1, "--grid", 3]
        alone = self.dynamics(*arguments)
        self.assertRegex(alone.out, "single precision, its Jacobian by central differences")
        file = contents(self.path("d.h5"))
        self.assertEqual(self.dynamics(*arguments, ranks=2).out, alone.out)
        self.assertEqual(contents(self.path("d.h5")), file)

    def test_bad_input(self):
        self.train(TIED)
        run = ("dynamics", "c.h5", "--output", "d.h5")
        for arguments, says in (
                (("--plane", "axes:0,4"), ("axis 4", "outside the data", "4 dimensions", "0 to 3")),
                (("--plane", "axes:2,2"), ("axis 2 and axis 2", "parallel")),
                (("--plane", "axes:1"), ("axes:1", "two whole numbers", "axes:0,1")),
                (("--plane", "samples:0,60"), ("sample 60", "test split", "60 samples", "0 to 59")),
                (("--plane", "samples:3,3"), ("test sample 3 and test sample 3", "parallel")),
                (("--plane", "tilted"), ("tilted", "pca, axes:I,J, samples:I,J, file:F.h5")),
                (("--plane", "none", "--svg", "d.svg"), ("svg", "there is none", "leave out --svg")),
                (("--points", 61), ("points = 61", "60 samples", "1 to 60")),
                (("--from", "memory"), ("from = memory", "data or noise")),
                (("--grid", 1), ("grid = 1", "from 2 to 1000")),
                (("--tolerance", -1), ("tolerance = -1",)),
                (("--split", "validation"), ("no split 'validation'", "train, test")),
                (("--learning-rate", 1), ("nothing reads --learning-rate",)),
                (("--svg", "d.h5"), ("the drawing would be written over the dynamics",)),
                (("--svg", "d.png"), ("d.png", "the drawing is written as svg", "ends in .svg")),
                (("--svg", "c.h5"), ("the drawing would be written over the checkpoint",))):
            for ranks in (0, 2) if arguments[0] == "--plane" else (0,):
                with self.subTest(arguments, ranks=ranks):
                    self.fails(*run, *arguments, says=says, ranks=ranks)
                    self.assertFalse(os.path.exists(self.path("d.h5")))
        with h5py.File(self.path("two.h5"), "w") as file:
            file["directions"] = [[1.0, 2, 0], [0, 1, 0]]
            file["/other/directions"] = [0.0]
        self.fails(*run, "--plane", "file:two.h5", says=("3 values", "the data has 4"))
        with h5py.File(self.path("zero.h5"), "w") as file:
            file["directions"] = [[1.0, 2, 0, 1], [0, 0, 0, 0]]
        self.fails(*run, "--plane", "file:zero.h5", says=(r"zero\.h5/directions\[1\]", "is zero"))
        self.fails(*run, "--plane", "file:data.h5", code=1, says=(r"data\.h5", "directions"))
        self.fails("dynamics", "c.h5", says=("--output",))
        self.fails("dynamics", "c.h5", "--output", "c.h5", says=("the dynamics would be written over the checkpoint",))
        self.fails("dynamics", "c.h5", "--output", "data.h5", says=("the dynamics would be written over the dataset",))

    def test_a_classifier_is_no_autoencoder(self):
        config = self.configuration(f"dataset = {digits(type(self))}\nlayer = linear 10\nsteps = 2\nthreads = 1\n")
        self.succeed(config, "--checkpoint", "c.h5")
        for command in (("dynamics", "c.h5", "--output", "d.h5"), ("relation", "c.h5", "--output", "r.png")):
            self.fails(*command, says=("no autoencoder", "labels"))


class RelationTest(DynamicsBase):
    def relation(self, *arguments, **how):
        result = self.succeed("relation", "c.h5", *arguments, "--output", "r.png", "--numbers", "r.h5", "--threads", 1, **how)
        self.assertEqual(result.err, "")
        return result

    def test_the_prediction_is_numpys(self):
        self.train(UNTIED)
        p = parameters(self.path("c.h5"))
        w, a = p["a/weights"].astype(float), p["b/weights"].astype(float)
        values, vectors = np.linalg.eigh(np.cov(samples(400, 1).astype(float).T, bias=True))
        for arguments, kept in (((), 4), (("--components", 2), 2)):
            result = self.relation(*arguments)
            u = vectors[:, 4 - kept:]
            smoothed = w @ u @ np.diag(values[4 - kept:]) @ u.T
            factors = (smoothed * a.T).sum(1) / (smoothed**2).sum(1)
            rest = a.T - factors[:, None] * smoothed
            with h5py.File(self.path("r.h5")) as file:
                np.testing.assert_allclose(file["predicted"][()], factors[:, None] * smoothed, atol=1e-5)
                np.testing.assert_allclose(file["decoder"][()], a.T, atol=1e-7)
                np.testing.assert_allclose(file["encoder"][()], w, atol=1e-7)
                residuals = np.linalg.norm(rest, axis=1) / np.linalg.norm(a, axis=0)
                np.testing.assert_allclose(file["residuals"][()], residuals, atol=1e-5)
                whole = np.linalg.norm(rest) / np.linalg.norm(a)
                self.assertAlmostEqual(file.attrs["residual"], whole, places=5)
                self.assertEqual(file.attrs["components"], kept)
            shown = float(re.search(r"residual +([0-9.]+) % of the decoder as C W\^T", result.out).group(1))
            self.assertAlmostEqual(shown, 100 * whole, delta=0.01)

    def test_on_whitened_data_with_tied_weights_it_is_exact(self):
        self.succeed("prepare", "data.h5", "--whiten", "pca epsilon=0.05 components=3", "--output", "white.h5")
        self.train(TIED.replace("linear 4", "linear 3"), dataset="white.h5")
        result = self.relation()
        with h5py.File(self.path("r.h5")) as file:
            self.assertLess(file.attrs["residual"], 1e-12)
            self.assertGreater(file.attrs["residual_without_covariance"], 0.1)
            np.testing.assert_allclose(file["factors"][()], 1, atol=1e-12)
            self.assertEqual(file["encoder"].shape, (8, 4))
        self.assertRegex(result.out, "components, epsilon 0.05")

    def test_the_same_bytes_on_any_number_of_ranks(self):
        self.train(UNTIED)
        alone = self.relation()
        files = contents(self.path("r.h5")), contents(self.path("r.png"))
        self.assertTrue(files[1].startswith(b"\x89PNG"))
        for ranks in (2, 3):
            self.assertEqual(self.relation(ranks=ranks).out, alone.out)
            self.assertEqual((contents(self.path("r.h5")), contents(self.path("r.png"))), files)

    def test_bad_input(self):
        self.train(UNTIED)
        run = ("relation", "c.h5", "--output", "r.png")
        self.fails(*run, "--components", 5, says=("components = 5", "1 to 4"), ranks=2)
        self.fails("relation", "c.h5", "--output", "data.h5", says=("the picture would be written over the dataset",))
        self.fails("relation", "c.h5", "--output", "r.png", "--numbers", "r.png", says=("the residuals would be written over",))
        self.fails("relation", "c.h5", says=("--output",))
        self.fails("relation", "c.h5", "--output", "r.svg", says=("r.svg", "the picture is written as png", "ends in .png"))
        self.train("layer = linear 8 name=a\nlayer = linear 3\nlayer = linear 4\n")
        self.fails(*run, says=("8 units", "reads 3 values", "one hidden layer"))
        self.train("layer = linear 8 name=a\nlayer = linear 8 name=b from=input\nlayer = add from=a,b\nlayer = linear 4\n")
        self.fails(*run, says=("other layers than dense ones",))
        self.assertFalse(os.path.exists(self.path("r.png")))


if __name__ == "__main__":
    unittest.main()
