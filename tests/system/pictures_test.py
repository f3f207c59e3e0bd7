"""Looking at trained networks: the report, and single pictures, read by independent readers."""
import base64
import os
import re
import struct
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

import h5py
import numpy as np

from bad_input import BadInputTest
from support import SMALL, SystemTest, copy, digits, history, parameters, write_dataset

SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"

# A comment with what markup takes for itself.
CLASSIFIER = "# a <b> & \"c\"\n" + SMALL.lstrip() + "epochs = 6\nhistory-steps = 3\n"
AUTOENCODER = """target = input
layer = linear 30 name=code
layer = linear 784
loss = cross-entropy
optimizer = adam
learning-rate = 0.003
batch-size = 50
microbatch = 10
epochs = 3
threads = 1
"""


def read_png(data):
    """Pixels as [height, width, channels], by the standard (ISO 15948)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, kinds = 8, b"", []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (0, 2) and not interlaced
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
    channels = {0: 1, 2: 3}[colour]
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    rows, above = [], np.zeros(width * channels, np.uint8)
    for line in raw:
        above = unfiltered(line[0], line[1:], above, channels)
        rows.append(above)
    return np.array(rows).reshape(height, width, channels)


def unfiltered(kind, line, above, channels):
    row = np.zeros(len(line) + channels, int)  # with what stands left of the first pixel
    for i, value in enumerate(line.tolist()):
        left, up, corner = row[i], int(above[i]), int(above[i - channels]) if i >= channels else 0
        nearest = min((left, up, corner), key=lambda p: abs(left + up - corner - p))  # the first of equals: Paeth's order
        row[i + channels] = (value + (0, left, up, (left + up) // 2, nearest)[kind]) % 256
    return row[channels:].astype(np.uint8)


def tiles(image, shape, zoom, margin=2, together=0):
    """A grid's tiles as [rows, columns, height, width, channels], each of its pixels read in the middle."""
    height, width = shape
    rows, columns, top = [], (image.shape[1] - margin) // (width * zoom + margin), margin
    while top < image.shape[0]:
        rows.append([image[top + zoom // 2:top + height * zoom:zoom, left + zoom // 2:left + width * zoom:zoom]
                     for left in (margin + c * (width * zoom + margin) for c in range(columns))])
        top += height * zoom + margin
        if together and len(rows) % together == 0:
            top += 3 * margin
    return np.array(rows)


def numbers(path):
    return np.array([float(x) for x in re.findall(r"[-0-9.]+", path)]).reshape(-1, 2)


def of_class(root, name):
    return [e for e in root.iter() if e.get("class") == name]


class PicturesTest(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = digits(cls, 600, 200)

    def trained(self, text, name, *more):
        """A checkpoint that the tests of a class share."""
        path = os.path.join(type(self).shared, name + ".h5")
        if not os.path.exists(path):
            self.succeed(self.configuration(f"dataset = {self.data}\n{text}"), "--checkpoint", path, *more)
        return path

    def picture(self, checkpoint, kind, ending, *more, **how):
        self.succeed("picture", checkpoint, kind, "--output", "p" + ending, *more, **how)
        with open(self.path("p" + ending), "rb") as file:
            return file.read()

    def drawing(self, *arguments, **how):
        return ElementTree.fromstring(self.picture(*arguments[:2], ".svg", *arguments[2:], **how))

    def report(self, checkpoint, *more, **how):
        self.succeed("report", checkpoint, "--output", "page.html", *more, **how)
        with open(self.path("page.html"), encoding="utf-8") as file:
            return file.read()


class ReportTest(PicturesTest):
    def assert_self_contained(self, page):
        """Well-formed, without a script, and nothing in it has to be fetched."""
        root = ElementTree.fromstring(page)
        without_names = page.replace('xmlns="http://www.w3.org/2000/svg"', "").replace('xmlns="http://www.w3.org/1999/xhtml"', "")
        self.assertNotRegex(without_names, r"https?://|<script|<link|@import|url\(")
        for element in root.iter():
            for name, value in element.attrib.items():
                if name.split("}")[-1] in ("src", "href"):
                    self.assertTrue(value.startswith("data:image/png;base64,"), value[:60])
                    read_png(base64.b64decode(value.split(",")[1], validate=True))
        return root

    def assert_facts(self, root, page, checkpoint, configuration):
        with h5py.File(checkpoint) as file:
            digest, resolved = file["digest"][()].decode(), file["config/resolved"][()].decode()
            command = file["provenance"].attrs["command"]
        by_id = {e.get("id"): e for e in root.iter() if e.get("id")}
        self.assertEqual(by_id["digest"].text, digest)
        self.assertEqual(by_id["configuration"].text, configuration)
        self.assertEqual(by_id["resolved"].text, resolved)
        self.assertIn(command if isinstance(command, str) else command.decode(), [e.text for e in root.iter(HTML + "td")])
        return by_id

    def headline(self, root):
        return {term.text: term_value.text for term, term_value in zip(root.iter(HTML + "dt"), root.iter(HTML + "dd"))}

    def test_of_a_classifier(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        page = self.report(checkpoint)
        root = self.assert_self_contained(page)
        by_id = self.assert_facts(root, page, checkpoint, f"dataset = {self.data}\n{CLASSIFIER}")
        figures = [e.get("id") for e in root.iter(HTML + "figure")]
        self.assertEqual(figures, ["curves", "filters", "mistakes", "histogram", "confusion", "embedding"])
        images = {name: len(list(by_id[name].iter(SVG + "image"))) + len(list(by_id[name].iter(HTML + "img"))) for name in figures}
        self.assertEqual(images, {"curves": 0, "filters": 1, "mistakes": 30, "histogram": 0, "confusion": 1, "embedding": 0})
        error, loss = re.search(r"test error (.*) loss (.*)", self.succeed("evaluate", checkpoint).out).groups()
        headline = self.headline(root)
        self.assertEqual((headline["test error"], headline["test loss"]), (error, loss))
        self.assertEqual((headline["task"], headline["steps"], headline["epochs"]), ("classifier", "42", "6"))
        self.assertEqual(headline["parameters"], f"{sum(p.size for p in parameters(checkpoint).values()):,}")

    def test_of_an_autoencoder(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        page = self.report(checkpoint, "--split", "train")
        root = self.assert_self_contained(page)
        by_id = self.assert_facts(root, page, checkpoint, f"dataset = {self.data}\n{AUTOENCODER}")
        figures = [e.get("id") for e in root.iter(HTML + "figure")]
        self.assertEqual(figures, ["curves", "reconstructions", "filters", "decoder", "histogram", "embedding", "field"])
        for name in ("reconstructions", "filters", "decoder"):
            self.assertEqual(len(list(by_id[name].iter(HTML + "img"))), 1)
        self.assertEqual(self.headline(root)["task"], "autoencoder")
        self.assertIn("train squared error", self.headline(root))

    def test_same_bytes_on_any_number_of_ranks_and_threads(self):
        for text, name in ((CLASSIFIER, "classifier"), (AUTOENCODER, "autoencoder")):
            checkpoint = self.trained(text, name)
            pages = [self.report(checkpoint, "--threads", threads, ranks=ranks)
                     for ranks, threads in ((0, 1), (0, 3), (2, 1), (3, 2))]
            for page in pages[1:]:
                self.assertEqual(page, pages[0])

    def test_holds_the_single_pictures(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        page = self.report(checkpoint)
        for kind in ("curves", "histogram", "embedding"):
            self.assertIn(self.picture(checkpoint, kind, ".svg").decode(), page)
        for kind in ("reconstructions", "filters", "decoder"):
            self.assertIn(base64.b64encode(self.picture(checkpoint, kind, ".png")).decode(), page)

    def test_of_a_run_that_is_under_way(self):
        path = self.path("early.h5")
        self.succeed(self.configuration(f"dataset = {self.data}\n{SMALL}"), "--steps", 2, "--checkpoint", path)
        headline = self.headline(self.assert_self_contained(self.report(path)))
        self.assertEqual((headline["steps"], headline["epochs"]), ("2", "0.30"))

    def test_of_vectors(self):
        """No pictures of them, but of everything else."""
        values = np.random.default_rng(1).normal(size=(60, 7)).astype(np.float32)
        write_dataset(self.path("v.h5"), {"train": {"inputs": values}})
        self.succeed(self.configuration("dataset = v.h5\nlayer = linear 2\nlayer = linear 7\nloss = squared\nsteps = 30\nhistory-steps = 5\n"),
                     "--checkpoint", "c.h5")
        root = self.assert_self_contained(self.report("c.h5"))
        self.assertEqual([e.get("id") for e in root.iter(HTML + "figure")], ["curves", "histogram", "embedding", "field"])
        # The code of two units is drawn as it is.
        weights = parameters(self.path("c.h5"))
        code = values @ weights["linear1/weights"].T + weights["linear1/bias"]
        circles = list(of_class(self.drawing("c.h5", "embedding"), "points")[0].iter(SVG + "circle"))
        found = np.array([[float(c.get("cx")), -float(c.get("cy"))] for c in circles])
        scale = np.ptp(found, axis=0) / np.ptp(code, axis=0)
        np.testing.assert_allclose(scale[0], scale[1], rtol=1e-3)
        np.testing.assert_allclose((found - found[0]) / scale, code - code[0], atol=0.05 / scale[0])


class SinglePictureTest(PicturesTest):
    def test_filters_of_a_convolution(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        weights = parameters(checkpoint)["conv1/weights"][:, 0]
        found = tiles(read_png(self.picture(checkpoint, "filters", ".png")), (5, 5), 11)[0, ..., 0]
        largest = np.abs(weights).max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(found, 127.5 * (weights / largest + 1), atol=0.51)

    def test_filters_of_dense_layers(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        weights = parameters(checkpoint)
        for kind, rows in (("filters", weights["code/weights"]), ("decoder", weights["linear2/weights"].T)):
            found = tiles(read_png(self.picture(checkpoint, kind, ".png")), (28, 28), 2).reshape(-1, 784)[:30]
            np.testing.assert_allclose(found, 127.5 * (rows / np.abs(rows).max(axis=1, keepdims=True) + 1), atol=0.51)

    def test_filters_of_transposed_and_tied_layers(self):
        text = ("target = input\nlayer = conv 3 kernel=4 stride=2\nlayer = deconv 1 kernel=4 stride=2\nloss = squared\n"
                "learning-rate = 1e-4\nbatch-size = 50\nsteps = 5\nthreads = 1\n")
        checkpoint = self.trained(text, "deconv")
        kernels = parameters(checkpoint)["deconv1/weights"][:, 0]
        found = tiles(read_png(self.picture(checkpoint, "decoder", ".png")), (4, 4), 14)[0, ..., 0]
        np.testing.assert_allclose(found, 127.5 * (kernels / np.abs(kernels).max(axis=(1, 2), keepdims=True) + 1), atol=0.51)
        tied = self.trained("target = input\nlayer = linear 4\nlayer = sigmoid\nlayer = linear 784 tied=linear1\nloss = squared\n"
                            "batch-size = 50\nsteps = 5\nthreads = 1\n", "tied")
        self.assertEqual(self.picture(tied, "filters", ".png"), self.picture(tied, "decoder", ".png"))

    def test_reconstructions_beside_originals(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        found = tiles(read_png(self.picture(checkpoint, "reconstructions", ".png")), (28, 28), 2, together=2)[..., 0]
        self.assertEqual(found.shape, (6, 16, 28, 28))
        with h5py.File(self.data) as file:
            chosen = file["test/inputs"][()][[i * 200 // 48 for i in range(48)], 0]
        np.testing.assert_array_equal(found[0::2].reshape(48, 28, 28), chosen)
        p = parameters(checkpoint)
        code = chosen.reshape(48, 784) / 255 @ p["code/weights"].T + p["code/bias"]
        output = 1 / (1 + np.exp(-(code @ p["linear2/weights"].T + p["linear2/bias"])))
        np.testing.assert_allclose(found[1::2].reshape(48, 784), 255 * output, atol=0.52)

    def test_samples_are_shown_without_normalisation(self):
        checkpoint = self.trained(AUTOENCODER.replace("cross-entropy", "squared") + "normalise = dataset\n", "normalised")
        found = tiles(read_png(self.picture(checkpoint, "reconstructions", ".png")), (28, 28), 2, together=2)[..., 0]
        with h5py.File(self.data) as file:
            np.testing.assert_array_equal(found[0, 0], file["test/inputs"][0, 0])
            np.testing.assert_array_equal(found[4, 15], file["test/inputs"][47 * 200 // 48, 0])
        self.assertGreater(np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1], 0.6)

    def test_colours_and_other_channels(self):
        for channels in (3, 2):
            inputs = np.random.default_rng(channels).integers(0, 256, (40, channels, 8, 9), dtype=np.uint8)
            write_dataset(self.path("c.h5"), {"train": {"inputs": inputs}})
            with h5py.File(self.path("c.h5"), "a") as file:
                file["train/inputs"].attrs.update(scale=1 / 255, offset=0.0)
            text = f"dataset = c.h5\nlayer = conv 5 kernel=3\nlayer = linear {channels * 72}\nloss = squared\nlearning-rate = 1e-3\nsteps = 3\n"
            self.succeed(self.configuration(text), "--checkpoint", "m.h5")
            weights = parameters(self.path("m.h5"))["conv1/weights"]
            grey = 127.5 * (weights / np.abs(weights).max(axis=(1, 2, 3), keepdims=True) + 1)
            image = read_png(self.picture("m.h5", "filters", ".png"))
            original = read_png(self.picture("m.h5", "reconstructions", ".png"))
            if channels == 3:
                np.testing.assert_allclose(tiles(image, (3, 3), 19)[0], grey.transpose(0, 2, 3, 1), atol=0.51)
                np.testing.assert_array_equal(tiles(original, (8, 9), 6, together=2)[0, 0], inputs[0].transpose(1, 2, 0))
            else:  # side by side
                np.testing.assert_allclose(tiles(image, (3, 6), 19)[0, ..., 0], np.concatenate([grey[:, 0], grey[:, 1]], axis=2), atol=0.51)
                np.testing.assert_array_equal(tiles(original, (8, 18), 3, together=2)[0, 0, ..., 0],
                                              np.concatenate([inputs[0, 0], inputs[0, 1]], axis=1))

    def test_curves_go_through_the_history(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        root = self.drawing(checkpoint, "curves")
        rows = history(checkpoint)
        ends = rows[np.isfinite(rows["evaluation_loss"])]
        self.assertGreater(len(rows), len(ends))
        panels = of_class(root, "area")
        self.assertEqual(len(panels), 2)
        for panel, quantity in zip(panels, ("loss", "error")):
            training, test = of_class(panel, "line")
            found = numbers(training.find(SVG + "path").get("d"))
            self.assertEqual(len(found), len(rows))
            self.assertEqual(len(list(test.iter(SVG + "circle"))), len(ends))
            ends_found = numbers(test.find(SVG + "path").get("d"))
            # One scale for both lines, linear in the epoch.
            epochs = np.concatenate([rows["epoch"], ends["epoch"]])
            x = np.concatenate([found[:, 0], ends_found[:, 0]])
            np.testing.assert_allclose(np.polyval(np.polyfit(epochs, x, 1), epochs), x, atol=0.02)
            values = np.concatenate([rows["train_" + quantity], ends["evaluation_" + quantity]])
            y = np.concatenate([found[:, 1], ends_found[:, 1]])
            straight = np.log(values) if values.max() > 10 * values[values > 0].min() else values
            shown = np.isfinite(straight)
            slope, offset = np.polyfit(straight[shown], y[shown], 1)
            self.assertLess(slope, 0)  # y runs down
            np.testing.assert_allclose(slope * straight[shown] + offset, y[shown], atol=0.02)

    def test_confusion_matrix(self):
        self.assert_confusion_matrix(self.trained(CLASSIFIER, "classifier"))
        both, plain = self.trained(CLASSIFIER + "test-augment = flip\n", "both-views"), ("--test-augment", "none")
        self.assertNotEqual(self.assert_confusion_matrix(both), self.assert_confusion_matrix(both, *plain))
        # Headline, curves, mistakes and confusion say so; then the curves alone, which are of the run.
        self.assertEqual([self.report(both, *views).count("and their mirror images") for views in ((), plain)], [4, 1])

    def assert_confusion_matrix(self, checkpoint, *more):
        root = self.drawing(checkpoint, "confusion", *more)
        counts = of_class(root, "counts")[0].findall(SVG + "text")
        self.assertEqual(sum(int(t.text) for t in counts), 200)
        diagonal = sum(int(t.text) for t in counts if abs(float(t.get("x")) - 56 - (float(t.get("y")) - 12)) < 1)
        error = float(re.search(r"test error ([0-9.]+)", self.succeed("evaluate", checkpoint, *more).out).group(1))
        self.assertAlmostEqual(100 - diagonal / 2, error)
        self.assertEqual(read_png(base64.b64decode(root.find(SVG + "image").get("href").split(",")[1])).shape, (10, 10, 3))
        return error

    def test_worst_samples_come_first(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        root = self.drawing(checkpoint, "mistakes")
        words = [t.text for t in root.iter(SVG + "text")]
        losses = [float(w.split()[1]) for w in words if w.startswith("loss")]
        self.assertEqual(len(losses), 30)
        self.assertEqual(losses, sorted(losses, reverse=True))
        p = parameters(checkpoint)
        with h5py.File(self.data) as file:
            inputs, labels = file["test/inputs"][()], file["test/labels"][()]
        outputs = self.outputs(inputs[:, 0] / 255, p)
        expected = np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(200), labels]
        worst = int(np.argmax(expected))
        self.assertAlmostEqual(losses[0], expected[worst], delta=0.01 * losses[0])
        self.assertEqual(words[0], f"label {labels[worst]}, found {np.argmax(outputs[worst])}")
        href = root.find(SVG + "image").get("href")
        np.testing.assert_array_equal(read_png(base64.b64decode(href.split(",")[1]))[..., 0], inputs[worst, 0])

    @staticmethod
    def outputs(pictures, p):
        """What SMALL's network gives, by numpy."""
        windows = np.lib.stride_tricks.sliding_window_view(pictures, (5, 5), axis=(1, 2))[:, ::2, ::2]
        maps = np.einsum("nyxij,oij->noyx", windows, p["conv1/weights"][:, 0]) + p["conv1/bias"][:, None, None]
        return np.maximum(maps, 0).reshape(len(pictures), -1) @ p["linear1/weights"].T + p["linear1/bias"]

    def test_embedding_by_principal_components(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        with h5py.File(self.data) as file:
            inputs, labels = file["test/inputs"][()].reshape(200, 784) / 255, file["test/labels"][()]
        p = parameters(checkpoint)
        code = inputs @ p["code/weights"].T + p["code/bias"]
        code -= code.mean(axis=0)
        u, s, _ = np.linalg.svd(code, full_matrices=False)
        points = of_class(self.drawing(checkpoint, "embedding"), "points")[0]
        seen = 0
        for label in range(10):
            circles = of_class(points, f"class-{label}")[0].findall(SVG + "circle")
            self.assertEqual(len(circles), int(np.sum(labels == label)))
            found = np.array([[float(c.get("cx")), float(c.get("cy"))] for c in circles])
            for k in range(2):
                expected = u[labels == label, k] * s[k]
                self.assertGreater(abs(np.corrcoef(found[:, k], expected)[0, 1]), 0.9999)
            seen += len(circles)
        self.assertEqual(seen, 200)

    def test_histogram_of_the_code(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        bars = [b.findall(SVG + "rect") for b in of_class(self.drawing(checkpoint, "histogram", "--split", "train"), "bars")]
        self.assertEqual(len(bars), 2)  # of values, of the units' means
        p = parameters(checkpoint)
        with h5py.File(self.data) as file:
            inputs = file["train/inputs"][()].reshape(600, 784) / 255
        counts = np.histogram((inputs @ p["code/weights"].T + p["code/bias"]).ravel(), 40)[0]
        heights = np.array([float(b.get("height")) for b in bars[0]])
        np.testing.assert_allclose(heights / heights.max(), counts[counts > 0] / counts.max(), atol=2e-3)

    def test_another_layer_as_code(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        default = self.succeed("picture", checkpoint, "histogram", "--output", "a.svg").out
        other = self.succeed("picture", checkpoint, "histogram", "--output", "b.svg", "--code", "conv1").out
        self.assertIn("relu1", default)
        self.assertIn("conv1", other)

    def test_an_image_inside_a_drawing(self):
        checkpoint = self.trained(CLASSIFIER, "classifier")
        root = self.drawing(checkpoint, "filters")
        held = base64.b64decode(root.find(SVG + "image").get("href").split(",")[1])
        self.assertEqual(held, self.picture(checkpoint, "filters", ".png"))

    def test_same_bytes_on_any_number_of_ranks(self):
        checkpoint = self.trained(AUTOENCODER, "autoencoder")
        for kind, ending in (("reconstructions", ".png"), ("embedding", ".svg")):
            alone = self.picture(checkpoint, kind, ending)
            for ranks in (2, 3):
                self.assertEqual(self.picture(checkpoint, kind, ending, ranks=ranks), alone)


class BadPictureTest(BadInputTest):
    def setUp(self):
        super().setUp()
        self.model = self.checkpoint("--history-steps", 2)

    def autoencoder(self):
        self.succeed(self.configuration("dataset = digits.h5\n" + AUTOENCODER, "a.cfg"), "--epochs", 1, "--checkpoint", "a.h5")
        return "a.h5"

    def test_what_the_network_cannot_give(self):
        for ranks in (0, 2):
            self.fails(2, "picture", self.model, "reconstructions", "--output", "p.png", ranks=ranks,
                       says=["no picture 'reconstructions'", "no autoencoder", "there are curves, filters"])
        self.fails(2, "picture", self.model, "decoder", "--output", "p.png", says=["'decoder'", "no decoder"])
        self.fails(2, "picture", self.autoencoder(), "confusion", "--output", "p.svg", says=["'confusion'", "does not classify"])
        self.fails(2, "picture", "a.h5", "mistakes", "--output", "p.svg", says=["'mistakes'", "does not classify"])

    def test_unknown_names(self):
        self.fails(2, "picture", self.model, "filter", "--output", "p.png", says=["no picture 'filter'", "did you mean 'filters'"])
        self.fails(2, "picture", self.model, "photograph", "--output", "p.png", says=["known: curves, "])
        for command in (("picture", self.model, "histogram", "--output", "p.svg"), ("report", self.model, "--output", "p.html")):
            self.fails(2, *command, "--code", "conv9", says=["no layer named 'conv9'", "conv1"])
            self.fails(2, *command, "--split", "tset", says=["no split 'tset'", "train, test"])

    def test_unusable_outputs(self):
        for name in ("p.jpg", "p", "png"):
            self.fails(2, "picture", self.model, "filters", "--output", name, says=[name, r"\.png or \.svg"])
        self.fails(2, "picture", self.model, "curves", "--output", "p.png", says=["'curves' is a drawing", r"\.svg"])
        self.fails(2, "picture", self.model, "filters", says=["--output", r"filters\.png"])
        self.fails(2, "report", self.model, says=["--output", r"report\.html"])
        for ranks in (0, 2):
            self.fails(1, "report", self.model, "--output", "nowhere/p.html", ranks=ranks, says=["nowhere", "does not exist"])
        self.fails(1, "picture", self.model, "filters", "--output", "nowhere/p.png", says=["nowhere", "does not exist"])

    def test_what_it_reads_is_not_written_over(self):
        with open(self.model, "rb") as file:
            before = file.read()
        self.fails(2, "report", "c.h5", "--output", "./c.h5", says=["over the checkpoint"])
        self.fails(2, "report", "c.h5", "--output", "digits.h5", says=["over the dataset"])
        os.link(self.model, self.path("link.png"))
        self.fails(2, "picture", "c.h5", "filters", "--output", "link.png", says=["over the checkpoint"])
        with open(self.model, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_unusable_arguments(self):
        self.fails(2, "picture", self.model, "--output", "p.png", says=["takes 2 word", "CHECKPOINT KIND"])
        self.fails(2, "report", "--output", "p.html", says=["takes 1 word", "CHECKPOINT"])
        self.fails(1, "report", "missing.h5", "--output", "p.html", says=r"missing\.h5")
        self.fails(1, "report", copy(self.dataset, self.path("d.h5")), "--output", "p.html", says=["not a checkpoint"])
        self.fails(2, "report", self.model, "--output", "p.html", "--learning-rate", 1, says=["learning-rate"])
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("p.")], [])


if __name__ == "__main__":
    unittest.main()
