"""encode, reconstruct, energy, classify: against scikit-learn and numpy, the same bytes on any number of ranks, bad input."""
import os
import re
import unittest

import h5py
import numpy as np
from sklearn.neural_network import BernoulliRBM

from support import SystemTest, digits, parameters, write_dataset

SIDE = 6
PIXELS = SIDE * SIDE

AUTOENCODER = """
target        = input
layer         = linear 20 name=hidden
layer         = {activation} name=active
layer         = linear {pixels} tied=hidden name=back
loss          = {loss}
learning-rate = {rate}
batch-size    = 32
microbatch    = 16
steps         = {steps}
seed          = 3
"""


def autoencoder(activation="sigmoid", loss="cross-entropy", rate=0.1, steps=40, pixels=PIXELS):
    return AUTOENCODER.format(activation=activation, loss=loss, rate=rate, steps=steps, pixels=pixels)


def bars(count, seed):
    """Pictures of a few rows (class 0) or a few columns (class 1)."""
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=count).astype("int32")
    pictures = np.zeros((count, 1, SIDE, SIDE), "uint8")
    for picture, label in zip(pictures, labels):
        lines = random.permutation(SIDE)[:2]
        if label:
            picture[0, :, lines] = 1
        else:
            picture[0, lines, :] = 1
    return {"inputs": pictures, "labels": labels}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def values(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def attributes(path, name="/"):
    with h5py.File(path) as file:
        return dict(file[name].attrs)


def flat(split):
    return split["inputs"].reshape(len(split["inputs"]), -1).astype("float64")


class BarsTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.splits = {"train": bars(300, 1), "validation": bars(50, 2), "test": bars(90, 3)}
        write_dataset(self.path("bars.h5"), self.splits, classes=2)

    def train(self, text, output="c.h5"):
        config = self.configuration(f"dataset = bars.h5\n{text}", output.replace(".h5", ".cfg"))
        self.succeed(config, "--checkpoint", output, "--threads", 1)
        return self.path(output)

    def assert_same_bytes(self, a, b):
        with open(self.path(a), "rb") as left, open(self.path(b), "rb") as right:
            self.assertEqual(left.read(), right.read(), f"{a} and {b}")

    def assert_same_on_ranks(self, output, *arguments, threads=1):
        """What a command prints and writes alone, and on 2 and 3 ranks."""
        alone = self.succeed(*arguments, "--output", output, "--threads", 3)
        for ranks in (2, 3):
            name = f"{ranks}-{output}"
            several = self.succeed(*arguments, "--output", name, "--threads", threads, ranks=ranks)
            self.assertEqual(several.out.replace(name, output), alone.out)
            self.assert_same_bytes(output, name)
        return alone


class EncodeTest(BarsTest):
    def test_codes_are_those_of_numpy(self):
        found = parameters(self.train(autoencoder()))
        result = self.assert_same_on_ranks("codes.h5", "encode", "c.h5")
        for split, content in self.splits.items():
            expected = sigmoid(flat(content) @ found["hidden/weights"].T.astype("float64") + found["hidden/bias"])
            codes = values(self.path("codes.h5"), f"{split}/inputs")
            self.assertEqual(codes.dtype, np.float32)
            np.testing.assert_allclose(codes, expected, atol=1e-5)
            np.testing.assert_array_equal(values(self.path("codes.h5"), f"{split}/labels"), content["labels"])
        self.assertRegex(result.out, r"(?m)^code: layer active \(sigmoid name=active\), 20 units, active where above 0.5$")
        codes = values(self.path("codes.h5"), "train/inputs").astype("float64")
        active = codes > 0.5
        distinct = len(np.unique(active, axis=0))
        line = re.search(r"(?m)^train +300 codes: active ([0-9.]+) %, mean ([0-9.]+), silent units (\d+), distinct patterns "
                         r"(\d+)$", result.out)
        self.assertAlmostEqual(float(line[1]), 100 * active.mean(), delta=0.006)
        self.assertAlmostEqual(float(line[2]), codes.mean(), delta=1e-5)
        self.assertEqual(int(line[3]), (~active.any(axis=0)).sum())
        self.assertEqual(int(line[4]), distinct)
        line = re.search(r"total correlation in nats: of the patterns ([0-9.]+); as of a Gaussian ([0-9.]+|infinite)$",
                         result.out, re.M)
        shares = np.unique(active, axis=0, return_counts=True)[1] / len(active)
        rates = np.array([active.mean(axis=0), 1 - active.mean(axis=0)])
        single = -np.sum(rates * np.log(rates, where=rates > 0, out=np.zeros_like(rates)))
        self.assertAlmostEqual(float(line[1]), single + np.sum(shares * np.log(shares)), delta=1e-4)
        gaussian = -0.5 * np.linalg.slogdet(np.corrcoef(codes.T))[1]
        self.assertAlmostEqual(float(line[2]) / gaussian, 1, delta=1e-4)
        # A dataset like any other.
        config = self.configuration("dataset = codes.h5\nlayer = linear 2\nloss = softmax\nepochs = 1\n", "on.cfg")
        self.assertRegex(self.succeed(config).out, r"test error [0-9.]+ %")

    def test_any_layer_can_be_the_code(self):
        self.train(autoencoder())
        self.succeed("encode", "c.h5", "--output", "codes.h5")
        self.succeed("encode", "c.h5", "--output", "scores.h5", "--code", "hidden")
        np.testing.assert_allclose(values(self.path("codes.h5"), "test/inputs"),
                                   sigmoid(values(self.path("scores.h5"), "test/inputs")), atol=1e-6)

    def test_k_means_has_one_active_unit(self):
        self.succeed("cluster", "bars.h5", "--centres", 7, "--output", "k.h5")
        result = self.succeed("encode", "k.h5", "--output", "codes.h5")
        codes = values(self.path("codes.h5"), "train/inputs")
        self.assertEqual(set(codes.sum(axis=1)), {1.0})
        self.assertRegex(result.out, rf"active {100 / 7:.2f} %, .* distinct patterns 7\n")
        self.assertIn("as of a Gaussian infinite", result.out)

    def test_convolutional_codes_keep_their_shape(self):
        text = """
            target = input
            layer = conv 4 kernel=3 stride=2 pad=1
            layer = relu name=code
            layer = deconv 1 kernel=4 stride=2 pad=1
            loss = cross-entropy
            steps = 5
            """
        self.train(text)
        self.succeed("encode", "c.h5", "--output", "codes.h5")
        self.assertEqual(values(self.path("codes.h5"), "test/inputs").shape, (90, 4, 3, 3))

    def test_reconstructions_are_those_of_numpy(self):
        found = parameters(self.train(autoencoder()))
        result = self.assert_same_on_ranks("r.h5", "reconstruct", "c.h5", "bars.h5")
        for split, content in self.splits.items():
            x = flat(content)
            code = sigmoid(x @ found["hidden/weights"].T.astype("float64") + found["hidden/bias"])
            expected = sigmoid(code @ found["hidden/weights"].astype("float64") + found["back/bias"])
            pictures = values(self.path("r.h5"), f"{split}/inputs")
            self.assertEqual(pictures.shape, content["inputs"].shape)
            np.testing.assert_allclose(pictures.reshape(x.shape), expected, atol=1e-5)
            np.testing.assert_array_equal(values(self.path("r.h5"), f"{split}/targets"), content["inputs"])
            np.testing.assert_array_equal(values(self.path("r.h5"), f"{split}/labels"), content["labels"])
            error = float(re.search(rf"(?m)^{split} +\d+ samples: squared error ([0-9.]+) a sample$", result.out)[1])
            self.assertAlmostEqual(error, np.sum((expected - x) ** 2) / len(x), delta=1e-4)
        score = self.succeed("evaluate", "c.h5").lines[0]
        self.assertAlmostEqual(float(re.match("test squared-error ([0-9.]+) ", score)[1]), error, delta=1e-4)

    def test_bad_input(self):
        self.train(autoencoder())
        before = os.path.getsize(self.path("bars.h5"))
        bad = {
            ("encode", "c.h5", "--output", "o.h5", "--code", "aktive"): ("no layer named 'aktive'", "active"),
            ("encode", "c.h5"): ("no file to write", "--output"),
            ("encode", "c.h5", "--output", "bars.h5"): ("bars.h5", "over the dataset"),
            ("encode", "c.h5", "--output", "c.h5"): ("c.h5", "over the checkpoint"),
            ("reconstruct", "c.h5", "bars.h5", "--output", "./bars.h5"): ("bars.h5", "over the dataset"),
            ("encode", "c.h5", "--output", "o.h5", "--epochs", 3): ("nothing reads --epochs",),
            ("energy", "c.h5", "--output", "c.h5"): ("c.h5", "over the checkpoint"),
            ("energy", "c.h5", "bars.h5", "--output", "bars.h5"): ("bars.h5", "over the dataset"),
            ("energy", "c.h5", "--split", "tset"): ("no split 'tset'", "train, validation, test"),
            ("energy", "c.h5", "--start", "here"): ("start = here", "mean or zero"),
        }
        for arguments, fragments in bad.items():
            for ranks in (0, 2):
                with self.subTest(arguments=arguments, ranks=ranks):
                    self.assert_one_message(self.trainer(*arguments, ranks=ranks), 2, *fragments)
        self.assertEqual(os.path.getsize(self.path("bars.h5")), before)
        self.assert_one_message(self.trainer("encode", "c.h5", "--output", "none/o.h5"), 1, "none")

    def test_a_classifier_is_no_autoencoder(self):
        self.train("layer = linear 20 name=hidden\nlayer = relu\nlayer = linear 2\nloss = softmax\nsteps = 3\n")
        self.succeed("encode", "c.h5", "--output", "features.h5", "--code", "hidden")
        for command in ("reconstruct", "energy"):
            self.assert_one_message(self.trainer(command, "c.h5", "--output", "o.h5"), 2, "no autoencoder", "labels")


class EnergyTest(BarsTest):
    def test_of_binary_data_is_minus_the_free_energy_of_scikit_learn(self):
        found = parameters(self.train(autoencoder(rate=0.5)))
        result = self.assert_same_on_ranks("e.h5", "energy", "c.h5")
        machine = BernoulliRBM(n_components=20)
        machine.components_ = found["hidden/weights"].astype("float64")
        machine.intercept_hidden_ = found["hidden/bias"].astype("float64")
        machine.intercept_visible_ = found["back/bias"].astype("float64")
        for split, content in self.splits.items():
            energies = values(self.path("e.h5"), f"{split}/energy")
            self.assertEqual(energies.dtype, np.float64)
            np.testing.assert_allclose(energies, -machine._free_energy(flat(content)), rtol=0, atol=1e-10)
            np.testing.assert_array_equal(values(self.path("e.h5"), f"{split}/labels"), content["labels"])
            self.assertGreater(np.ptp(energies), 1)
        self.assertRegex(result.out, r"(?m)^energy: closed form, .* entropy of x, I the antiderivative of sigmoid$")
        self.assertEqual(attributes(self.path("e.h5"))["closed"], 1)
        # What is on the screen, by class.
        labels = self.splits["test"]["labels"]
        for label in (0, 1):
            line = re.search(rf"(?m)^test +{label} +(\d+) +([-0-9.e]+) +([-0-9.e]+) +([-0-9.e]+) +([-0-9.e]+)$", result.out)
            of_class = energies[labels == label]
            expected = [len(of_class), of_class.mean(), of_class.std(), of_class.min(), of_class.max()]
            np.testing.assert_allclose([float(number) for number in line.groups()], expected, rtol=1e-5)
        # One split, without a file.
        some = self.succeed("energy", "c.h5", "--split", "test")
        self.assertEqual([line for line in result.lines if line.startswith("test")],
                         [line for line in some.lines if line.startswith("test")])
        self.assertNotIn("train ", some.out)

    def test_with_linear_output_is_that_of_numpy(self):
        """tanh, on normalised values: sum log cosh s - |x - b|^2 / 2."""
        found = parameters(self.train("normalise = dataset\n" + autoencoder("tanh", "squared", 0.01)))
        self.succeed("energy", "c.h5", "--output", "e.h5")
        x = flat(self.splits["test"])
        train = flat(self.splits["train"])
        x = ((x - train.mean()) / train.std()).astype("float32").astype("float64")
        s = x @ found["hidden/weights"].T.astype("float64") + found["hidden/bias"]
        expected = np.sum(softplus(2 * s) - s - np.log(2), axis=1) - np.sum((x - found["back/bias"]) ** 2, axis=1) / 2
        np.testing.assert_allclose(values(self.path("e.h5"), "test/energy"), expected, atol=1e-4)

    def test_of_k_means_is_minus_half_the_squared_distance(self):
        self.succeed("cluster", "bars.h5", "--centres", 7, "--output", "k.h5")
        result = self.succeed("energy", "k.h5", "--output", "e.h5")
        self.assertIn("energy: closed form, max_k s_k - |x - c|^2 / 2", result.out)
        centres = parameters(self.path("k.h5"))["centres/weights"].astype("float64")
        x = flat(self.splits["test"])
        nearest = np.min(np.sum((x[:, None] - centres[None]) ** 2, axis=2), axis=1)
        np.testing.assert_allclose(values(self.path("e.h5"), "test/energy"), -nearest / 2, atol=1e-10)

    def test_of_untied_weights_is_a_line_integral_with_a_warning(self):
        text = autoencoder("softplus", "squared", 0.01).replace(" tied=hidden", "")
        found = parameters(self.train(text))
        result = self.assert_same_on_ranks("e.h5", "energy", "c.h5", "--split", "test")
        self.assertEqual(len(result.err.splitlines()), 1)
        curl = float(re.search(r"curl \|J - J\^T\| / \|J\| is ([0-9.]+)\. ", result.err)[1])
        difference = float(re.search(r"another path they differ by ([0-9.e-]+) ", result.err)[1])
        self.assertRegex(result.err, r"trainer: warning: .* depend on the path: the weights are not tied")
        self.assertRegex(result.out, r"(?m)^energy: line integral of r\(x\) - x$")
        self.assertAlmostEqual(attributes(self.path("e.h5"))["curl"], curl, delta=0.01 * curl)
        self.assertGreater(curl, 0.1)
        self.assertGreater(difference, 1e-3)
        start = values(self.path("e.h5"), "start")
        np.testing.assert_allclose(start, flat(self.splits["train"]).mean(axis=0), atol=1e-12)
        weights = {name: value.astype("float64") for name, value in found.items()}

        def field(x):
            code = softplus(x @ weights["hidden/weights"].T + weights["hidden/bias"])
            return code @ weights["back/weights"].T + weights["back/bias"] - x

        nodes, steps = np.polynomial.legendre.leggauss(20)
        x = flat(self.splits["test"])
        expected = sum(step / 2 * np.sum(field(start + (node + 1) / 2 * (x - start)) * (x - start), axis=1)
                       for node, step in zip(nodes, steps))
        np.testing.assert_allclose(values(self.path("e.h5"), "test/energy"), expected, atol=1e-6)
        zero = self.succeed("energy", "c.h5", "--split", "test", "--start", "zero", "--output", "zero.h5")
        self.assertIn("straight lines from 0", zero.err)
        np.testing.assert_array_equal(values(self.path("zero.h5"), "start"), np.zeros(PIXELS))

    def test_of_convolutions_is_a_line_integral_too(self):
        text = """
            target = input
            layer = conv 4 kernel=3 stride=2 pad=1
            layer = tanh
            layer = deconv 1 kernel=4 stride=2 pad=1
            loss = squared
            steps = 5
            """
        self.train(text)
        result = self.assert_same_on_ranks("e.h5", "energy", "c.h5", "--split", "test")
        self.assertIn("energy: line integral of r(x) - x, in single precision", result.out)
        self.assertIn("depend on the path", result.err)

    def test_of_values_beyond_a_sigmoid(self):
        self.train(autoencoder())
        beyond = {split: {**content, "inputs": content["inputs"].astype("float32")}
                  for split, content in self.splits.items()}
        beyond["test"]["inputs"][7, 0, 2, 3] = 1.5
        write_dataset(self.path("beyond.h5"), beyond, classes=2)
        for ranks in (0, 2):
            self.assert_one_message(self.trainer("energy", "c.h5", "beyond.h5", ranks=ranks), 1, "sample 7 of /test",
                                    "value 1.5", "from 0 to 1")


class ClassifyTest(BarsTest):
    def classify(self, *arguments, text=None, **how):
        config = self.configuration(f"dataset = bars.h5\n{text or autoencoder(rate=0.2, steps=150)}")
        return self.trainer("classify", config, *arguments, **how)

    def test_bars(self):
        result = self.classify("--output", "m.h5", "--threads", 2)
        self.assertEqual(result.code, 0, result)
        error = float(re.search(r"(?m)^test error ([0-9.]+) % loss [0-9.]+$", result.out)[1])
        self.assertLess(error, 5)
        models = self.path("m.h5")
        energies, labels, constants = (values(models, name) for name in ("test/energies", "test/labels", "constants"))
        np.testing.assert_array_equal(labels, self.splits["test"]["labels"])
        answers = np.argmax(energies + constants, axis=1)
        self.assertAlmostEqual(100 * np.mean(answers != labels), error, delta=0.006)
        confusion = np.zeros((2, 2), int)
        np.add.at(confusion, (labels, answers), 1)
        np.testing.assert_array_equal(values(models, "test/confusion"), confusion)
        # The constants are those of softmax regression on the validation split: as many answers as samples of a class.
        odds = values(models, "validation/energies") + constants
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        given = (odds / odds.sum(axis=1, keepdims=True)).sum(axis=0)
        np.testing.assert_allclose(given, np.bincount(self.splits["validation"]["labels"]), atol=1e-6)
        self.assertAlmostEqual(constants.sum(), 0, delta=1e-9)
        # Energies are those of the models in the file, and a model is that of training on its class alone.
        machine = BernoulliRBM(n_components=20)
        train = self.splits["train"]
        alone = {name: values_ for name, values_ in train.items()}
        for label in (0, 1):
            model = {name: values(models, f"models/{label}/{name}") for name in ("hidden/weights", "hidden/bias", "back/bias")}
            machine.components_ = model["hidden/weights"].astype("float64")
            machine.intercept_hidden_ = model["hidden/bias"].astype("float64")
            machine.intercept_visible_ = model["back/bias"].astype("float64")
            np.testing.assert_allclose(energies[:, label], -machine._free_energy(flat(self.splits["test"])), atol=1e-10)
            rows = train["labels"] == label
            write_dataset(self.path("alone.h5"), {"train": {name: array[rows] for name, array in alone.items()}}, classes=2)
            config = self.configuration(f"dataset = alone.h5\n{autoencoder(rate=0.2, steps=150)}", "alone.cfg")
            self.succeed(config, "--checkpoint", "alone.ckpt", "--threads", 1)
            expected = parameters(self.path("alone.ckpt"))
            for name, array in model.items():
                np.testing.assert_array_equal(array, expected[name])

    def test_the_same_bits_on_any_ranks(self):
        alone = self.classify("--output", "1.h5", "--threads", 3)
        self.assertEqual(alone.code, 0, alone)
        for ranks in (2, 3):
            several = self.classify("--output", f"{ranks}.h5", "--threads", 1, ranks=ranks)
            self.assertEqual(several.digest, alone.digest)
            # What comes behind the lines of training, which tell how fast it was.
            self.assertEqual(several.out[several.out.index("energy:"):], alone.out[alone.out.index("energy:"):])
            with h5py.File(self.path("1.h5")) as left, h5py.File(self.path(f"{ranks}.h5")) as right:
                def compare(name, item):
                    self.assertEqual({key: str(value) for key, value in item.attrs.items()},
                                     {key: str(value) for key, value in right[name].attrs.items()})
                    if isinstance(item, h5py.Dataset) and not name.startswith("config"):
                        np.testing.assert_array_equal(item[()], right[name][()], name)
                left.visititems(compare)

    def test_constants_of_the_training_split(self):
        result = self.classify("--output", "m.h5", "--constants", "train")
        self.assertIn("constants, learned on /train:", result.out)

    def test_untied_weights_are_classified_too(self):
        text = autoencoder("tanh", "squared", 0.02, 200).replace(" tied=hidden", "")
        result = self.classify(text=text)
        self.assertEqual(result.code, 0, result)
        self.assertIn("energy: line integral of r(x) - x", result.out)
        self.assertRegex(result.err, r"\Atrainer: warning: these energies depend on the path: .* curl .* is \d\.\d+\. They are integrals")

    def test_bad_input(self):
        nothing = {"train": {"inputs": self.splits["train"]["inputs"]}}
        write_dataset(self.path("unlabelled.h5"), nothing)
        lonely = {"train": {"inputs": np.zeros((5, 1, SIDE, SIDE), "uint8"), "labels": np.zeros(5, "int32")}}
        write_dataset(self.path("lonely.h5"), lonely, classes=2)
        write_dataset(self.path("one.h5"), {"train": lonely["train"]}, classes=1)
        classifier = "layer = linear 2\nloss = softmax\nsteps = 2\n"
        bad = [
            (2, None, ("--dataset", "unlabelled.h5"), ("unlabelled.h5", "no labels", "/train/labels")),
            (1, None, ("--dataset", "lonely.h5"), ("lonely.h5", "no sample of class 1")),
            (2, None, ("--dataset", "one.h5"), ("one.h5", "two classes or more")),
            (2, classifier, (), ("no autoencoder", "target = input")),
            (2, None, ("--checkpoint", "c.h5"), ("keeps no checkpoints", "--output")),
            (2, None, ("--output", "bars.h5"), ("bars.h5", "over the dataset")),
            (2, None, ("--constants", "test"), ("constants = test", "train or validation")),
        ]
        for code, text, arguments, fragments in bad:
            for ranks in (0, 2):
                with self.subTest(arguments=arguments, ranks=ranks):
                    self.assert_one_message(self.classify(*arguments, text=text, ranks=ranks), code, *fragments)


if __name__ == "__main__":
    unittest.main()
