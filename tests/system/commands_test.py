"""Each command as its users meet it, and files that others can read."""
import gzip
import os
import pty
import re
import struct
import subprocess
import time
import unittest

import h5py
import numpy as np

from support import SMALL, TRAINER, SystemTest, copy, digits, environment, history, parameters, state, write_dataset

COMMUNICATION = r"(?m)^communication: [0-9.]+ % of the time waited for, [0-9.]+ % hidden behind computing$"
CLOSING_LINES = (r"test error [0-9.]+ % loss [0-9.]+",
                 r"[0-9]+ samples/s: compute [0-9]+ %, reduction [0-9]+ %, input [0-9]+ %, checkpoint [0-9]+ %, other [0-9]+ %",
                 r"digest [0-9a-f]+")


class TrainTest(SystemTest):
    def assert_closing_lines(self, result):
        self.assertGreaterEqual(len(result.lines), 3, result)
        self.assertRegex(result.out, COMMUNICATION)
        for line, pattern in zip(result.lines[-3:], CLOSING_LINES):
            self.assertRegex(line, rf"\A{pattern}\Z")
        shares = [int(share) for share in re.findall(r"([0-9]+) %", result.lines[-2])]
        self.assertAlmostEqual(sum(shares), 100, delta=3)  # each is rounded

    def test_output_in_a_file(self):
        """One plain line an epoch, and three closing lines that scripts read."""
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nepochs = 4\n")
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                result = self.succeed(config, ranks=ranks)
                self.assertEqual(result.err, "")
                self.assertNotRegex(result.out, r"[\r\033]")
                epochs = [line for line in result.lines if line.startswith("epoch ")]
                self.assertEqual([line.split()[1] for line in epochs], ["1", "2", "3", "4"])
                self.assertEqual(len([line for line in result.lines if "samples/s" in line]), 5)
                self.assert_closing_lines(result)

    def test_output_on_a_terminal(self):
        """One line that is written anew, with rate and time left."""
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 4000\n")
        near, far = pty.openpty()
        process = subprocess.Popen([TRAINER, config], stdout=far, stderr=far, stdin=far, env=environment(self.shared),
                                   start_new_session=True)
        self.addCleanup(os.close, near)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(far)
        seen = b""
        pattern = rb"\rstep \d+ of 4000  [^\r\n]*loss [0-9.]+ [^\r\n]* \d+ samples/s  [^\r\n]* left"
        end = time.monotonic() + 30
        while not re.search(pattern, seen):
            self.assertLess(time.monotonic(), end, seen)
            try:
                seen += os.read(near, 4096)
            except OSError:  # the other end is closed
                self.fail(f"ended without a progress line: {seen}")

    def test_without_a_configuration(self):
        result = self.succeed("--epochs", 1, "--generate-train", 600, "--generate-test", 200)
        self.assert_closing_lines(result)
        self.assertEqual(os.listdir(self.folder), [])  # no file needed, none left
        self.assertEqual(self.succeed("train", "--epochs", 1, "--generate-train", 600, "--generate-test", 200).digest,
                         result.digest)

    def test_the_command_line_wins_over_the_file(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 3\nseed = 5\n")
        self.succeed(config, "--seed", 6, "--momentum=0.5", "--checkpoint", "c.h5")
        with h5py.File(self.path("c.h5")) as file:
            resolved = file["config/resolved"][()].decode().splitlines()
            text = file["config/text"][()].decode()
        self.assertIn("seed = 6", resolved)
        self.assertIn("momentum = 0.5", resolved)
        self.assertIn("steps = 3", resolved)
        with open(config) as file:
            self.assertEqual(text, file.read())
        # What is in the file is a configuration that gives the same run.
        again = self.configuration("\n".join(resolved), "again.cfg")
        self.succeed(again, "--checkpoint", "again.h5")
        self.assert_same_bits(self.path("c.h5"), self.path("again.h5"))

    def test_help_lists_every_option(self):
        # The program names all of its options where one is like none of them.
        known = self.trainer("--quizzical", 1).err.split("known: ")[1].strip().split(", ")
        names = set(known) - {"layer", "output", "help", "version"}
        self.assertGreater(len(names), 30)
        self.assertLessEqual({"dataset", "batch-size", "microbatch", "epochs", "steps", "threads", "seed", "checkpoint",
                              "checkpoint-steps", "checkpoint-epochs", "checkpoint-minutes", "reduction"}, names)
        for arguments in (("--help",), ("train", "--help")):
            result = self.succeed(*arguments)
            for name in names:
                self.assertRegex(result.out, rf"(?m)^ +--{name} .*\(.+\)$")
            for command in ("train", "time", "resume", "evaluate", "import", "generate", "inspect", "diff", "selftest"):
                self.assertRegex(result.out, rf"(?m)^ +trainer \[?{command}")
            for layer in ("conv CHANNELS kernel=K", "maxpool WINDOW", "contractive LAMBDA", "add from=A,B"):
                self.assertIn(f"\n  {layer}", result.out)
        self.assertRegex(self.succeed("--version").out, r"\Atrainer \d+\.\d+\.\d+\n\Z")


class LookTest(SystemTest):
    """inspect, diff, evaluate."""

    def setUp(self):
        super().setUp()
        self.dataset = digits(type(self))
        self.config = self.configuration(f"dataset = {self.dataset}\n{SMALL}\nepochs = 2\n")
        self.end = self.succeed(self.config, "--checkpoint", "c.h5")

    def test_inspect_a_checkpoint(self):
        result = self.succeed("inspect", "c.h5")
        self.assertEqual(result.digest, self.end.digest)
        for pattern in (r"step +10 \(epoch 2, sample 0\)", r"finished +yes", r"conv1/weights +4x1x5x5", r"linear1/weights +10x576",
                        r"optimizer +momentum", r"batch-size = 90", r"history +\d+ rows", r"dataset_digest +[0-9a-f]{32}",
                        r"ranks +1$"):
            self.assertRegex(result.out, re.compile(pattern, re.M))

    def test_inspect_a_dataset(self):
        result = self.succeed("inspect", self.dataset)
        for pattern in ("1x28x28 uint8", r"train +400 samples", r"test +100 samples", r"10 classes", "generated: digits",
                        r"digest +[0-9a-f]{32} \(as stated\)"):
            self.assertRegex(result.out, pattern)

    def test_diff(self):
        copy(self.path("c.h5"), self.path("same.h5"))
        same = self.succeed("diff", "c.h5", "same.h5")
        self.assertRegex(same.out, rf"\Athe same bits: .*{self.end.digest}")
        # The same training by other means.
        self.succeed(self.config, "--checkpoint", "ranks.h5", ranks=3)
        self.succeed("diff", "c.h5", "ranks.h5")
        for options, said in ((("--seed", 2), r"\Aparameters: \w+/\w+ differs first at element \d+: \S+ and \S+\n"),
                              (("--steps", 9), r"\Aposition: step 10 and step 9\n"),
                              (("--layer", "linear 10"), r"\Anetworks: .* and .*\n"),
                              (("--history-steps", 3), r"\Ahistory: 2 and \d rows\n")):
            with self.subTest(options):
                self.succeed(self.config, *options, "--checkpoint", "other.h5")
                result = self.trainer("diff", "c.h5", "other.h5")
                self.assertEqual(result.code, 1, result)
                self.assertEqual(result.err, "")
                self.assertRegex(result.out, said)

    def test_evaluate(self):
        expected = [self.end.lines[-3], self.end.lines[-1]]
        for ranks in (0, 1, 3):
            with self.subTest(ranks=ranks):
                self.assertEqual(self.succeed("evaluate", "c.h5", ranks=ranks).lines, expected)
        self.assertEqual(self.succeed("evaluate", "c.h5", self.dataset, "--threads", 4).lines, expected)

    def test_evaluate_normalises_as_the_run_did(self):
        """By the statistics of its training split: on other files too, and after a resume, also on other samples."""
        config = self.configuration(f"dataset = {self.dataset}\nnormalise = dataset\naugment = crop 2, flip\n{SMALL}\nepochs = 2\n",
                                    "normalised.cfg")
        self.succeed(config, "--steps", 7, "--checkpoint", "n.h5")
        with h5py.File(self.dataset) as file:
            pixels = file["train/inputs"][()] / 255
            test = {name: file[f"test/{name}"][()] for name in ("inputs", "labels")}

        def assert_statistics():
            with h5py.File(self.path("n.h5")) as file:
                resolved = dict(line.split(" = ", 1) for line in file["config/resolved"][()].decode().splitlines())
            mean, deviation = map(float, resolved["normalise"].split("/"))
            self.assertAlmostEqual(mean, pixels.mean(), places=12)
            self.assertAlmostEqual(deviation, pixels.std(), places=12)

        assert_statistics()
        end = self.succeed("resume", "n.h5", "--steps", 10)
        assert_statistics()
        # The same test split, beside a training split of other statistics, with other words for the same values.
        dark = {"inputs": np.full((10, 1, 28, 28), 3, "uint8"), "labels": np.arange(10)}
        write_dataset(self.path("dark.h5"), {"train": dark, "test": test}, classes=10)
        with h5py.File(self.path("dark.h5"), "a") as file:
            for split in ("train", "test"):
                file[f"{split}/inputs"].attrs["scale"] = 1 / 255
        for dataset in (self.dataset, self.path("dark.h5")):
            self.assertEqual(self.succeed("evaluate", "n.h5", dataset).lines, [end.lines[-3], end.lines[-1]])
        self.assertNotEqual(self.succeed("evaluate", "n.h5", "--normalise", "none").lines[0], end.lines[-3])
        result = self.trainer("evaluate", "n.h5", "dark.h5", "--normalise", "dataset")
        self.assert_one_message(result, 2, r"dark\.h5", "channel 0", "deviation is 0", r"normalise = [0-9.]+/1\b")

    def test_evaluate_on_another_dataset(self):
        self.succeed("generate", "digits", "--seed", 9, "--output", "other.h5", "--generate-train", 10, "--generate-test", 80)
        one = self.succeed("evaluate", "c.h5", "other.h5").lines
        self.assertNotEqual(one[0], self.end.lines[-3])
        self.assertEqual(self.succeed("evaluate", "c.h5", "other.h5", ranks=2).lines, one)

    def test_evaluate_on_a_dataset_of_test_samples_alone(self):
        with h5py.File(self.dataset) as file:
            split = {name: file["test"][name][()] for name in file["test"]}
        write_dataset(self.path("test.h5"), {"test": split}, classes=10)
        with h5py.File(self.path("test.h5"), "a") as file:
            file["test/inputs"].attrs["scale"] = 1 / 255
        self.assertEqual(self.succeed("evaluate", "c.h5", "test.h5").lines[0], self.end.lines[-3])


class ReadElsewhereTest(SystemTest):
    """A checkpoint holds all that another program needs to use the network."""

    def test_convolutional_network_in_numpy(self):
        dataset = digits(type(self), 600, 150)
        self.succeed(self.configuration(f"""
dataset = {dataset}
layer = conv 6 kernel=5 stride=2 pad=2
layer = tanh
layer = maxpool 2
layer = conv 8 kernel=3 pad=1
layer = relu
layer = linear 10
learning-rate = 0.05
momentum = 0.9
epochs = 3
checkpoint = c.h5
"""))
        with h5py.File(dataset) as file:
            inputs, labels = file["test/inputs"], file["test/labels"][()]
            x = inputs[()] * inputs.attrs["scale"] + inputs.attrs["offset"]
        p = {name: values.astype(float) for name, values in parameters(self.path("c.h5")).items()}
        self.assertEqual(p["conv1/weights"].shape, (6, 1, 5, 5))
        self.assertEqual(p["conv2/weights"].shape, (8, 6, 3, 3))
        self.assertEqual(p["linear1/weights"].shape, (10, 8 * 7 * 7))

        def convolve(x, weights, bias, stride, pad):
            x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
            kernel = weights.shape[2]
            windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
            return np.einsum("nihwkl,oikl->nohw", windows, weights) + bias[:, None, None]

        x = np.tanh(convolve(x, p["conv1/weights"], p["conv1/bias"], 2, 2))
        x = x.reshape(*x.shape[:2], 7, 2, 7, 2).max(axis=(3, 5))
        x = np.maximum(convolve(x, p["conv2/weights"], p["conv2/bias"], 1, 1), 0)
        x = x.reshape(len(x), -1) @ p["linear1/weights"].T + p["linear1/bias"]
        losses = np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), labels]
        wrong = (x.argmax(axis=1) != labels).mean()

        row = history(self.path("c.h5"))[-1]
        self.assertLess(wrong, 0.5)
        self.assertEqual(row["evaluation_error"], wrong)
        self.assertLess(abs(row["evaluation_loss"] - losses.mean()) / losses.mean(), 1e-5)
        line = self.succeed("evaluate", "c.h5").lines[0]
        self.assertEqual(line, f"test error {100 * wrong:.2f} % loss {row['evaluation_loss']:.4f}")

    def test_own_data_with_targets(self):
        """float32 [N, D] made with h5py and /train/targets: a linear map is learned."""
        random = np.random.default_rng(3)
        x = random.normal(size=(300, 8)).astype("float32")
        y = (x @ random.normal(size=(8, 3)) + 0.5).astype("float32")
        write_dataset(self.path("own.h5"), {"train": {"inputs": x[:260], "targets": y[:260]}, "test": {"inputs": x[260:],
                                                                                                     "targets": y[260:]}})
        config = self.configuration("dataset = own.h5\nlayer = linear 3\nloss = squared\nlearning-rate = 0.1\nbatch-size = 32\n"
                                    "microbatch = 8\nepochs = 5\ncheckpoint = c.h5\n")
        result = self.succeed(config, ranks=2)
        p = parameters(self.path("c.h5"))
        difference = x[260:] @ p["linear1/weights"].T + p["linear1/bias"] - y[260:]
        loss = 0.5 * (difference.astype(float)**2).sum(axis=1).mean()
        rows = history(self.path("c.h5"))
        last = rows[-1]
        self.assertLess(last["evaluation_loss"], 0.1 * rows["evaluation_loss"][rows["step"] == 9][0])
        self.assertLess(abs(last["evaluation_loss"] - loss), 1e-5 * loss + 1e-9)
        self.assertRegex(result.lines[-3], r"^test \S+ [0-9.]+ loss [0-9.]+$")

    def test_provenance(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}")
        self.succeed(config, "--steps", 2, "--checkpoint", "c.h5", ranks=2)
        with h5py.File(self.path("c.h5")) as file:
            said = {name: value.decode() if isinstance(value, bytes) else str(value)
                    for name, value in file["provenance"].attrs.items()}
            self.assertEqual(file["digest"][()].decode(), self.succeed("inspect", "c.h5").digest)
        self.assertEqual((said["ranks"], said["threads"]), ("2", "1"))
        self.assertIn("--steps 2 --checkpoint c.h5", said["command"])
        self.assertRegex(said["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        with h5py.File(digits(type(self))) as file:
            stated = file.attrs["digest"]
        self.assertEqual(said["dataset_digest"], stated.decode() if isinstance(stated, bytes) else stated)


class MakeTest(SystemTest):
    """import and generate."""

    def idx(self, name, array, open_file=open):
        with open_file(self.path(name), "wb") as file:
            file.write(struct.pack(">I", 0x800 + array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())

    def assert_trains(self, dataset, *layers):
        lines = "".join(f"layer = {layer}\n" for layer in layers)
        config = self.configuration(f"dataset = {dataset}\n{lines}batch-size = 32\nlearning-rate = 0.05\nsteps = 4\n")
        one = self.succeed(config)
        self.assertEqual(self.succeed(config, ranks=2).digest, one.digest)

    def test_idx(self):
        random = np.random.default_rng(4)
        arrays = {"train-images-idx3-ubyte": random.integers(0, 256, (70, 9, 7), "uint8"),
                  "train-labels-idx1-ubyte": (np.arange(70) % 5).astype("uint8"),
                  "t10k-images-idx3-ubyte": random.integers(0, 256, (20, 9, 7), "uint8"),
                  "t10k-labels-idx1-ubyte": (np.arange(20) % 5).astype("uint8")}
        digest = {}
        for suffix, open_file in (("", open), (".gz", gzip.open)):
            with self.subTest(suffix or "plain"):
                for name, array in arrays.items():
                    self.idx(name + suffix, array, open_file)
                result = self.succeed("import", "idx", self.folder, "--output", "out.h5")
                digest[suffix] = result.digest_line()
                self.assertRegex(result.out, r"1x9x7 uint8")
                with h5py.File(self.path("out.h5")) as file:
                    np.testing.assert_array_equal(file["train/inputs"][:, 0], arrays["train-images-idx3-ubyte"])
                    np.testing.assert_array_equal(file["test/inputs"][:, 0], arrays["t10k-images-idx3-ubyte"])
                    np.testing.assert_array_equal(file["train/labels"], arrays["train-labels-idx1-ubyte"])
                    self.assertEqual(file["train/labels"].dtype, np.int32)
                    self.assertEqual(file.attrs["classes"], 5)
                    self.assertAlmostEqual(file["train/inputs"].attrs["scale"], 1 / 255)
                for name in arrays:
                    os.remove(self.path(name + suffix))
        self.assertEqual(digest[""], digest[".gz"])
        self.assert_trains("out.h5", "conv 3 kernel=3", "relu", "linear 5")

    def test_cifar10(self):
        random = np.random.default_rng(5)
        records = {}
        for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
            records[name] = random.integers(0, 256, (12, 3073), "uint8")
            records[name][:, 0] = np.arange(12) % 10
            records[name].tofile(self.path(name))
        self.succeed("import", "cifar10", self.folder, "--output", "out.h5")
        train = np.concatenate([records[f"data_batch_{i}.bin"] for i in range(1, 6)])
        with h5py.File(self.path("out.h5")) as file:
            np.testing.assert_array_equal(file["train/inputs"], train[:, 1:].reshape(60, 3, 32, 32))
            np.testing.assert_array_equal(file["train/labels"], train[:, 0])
            np.testing.assert_array_equal(file["test/inputs"], records["test_batch.bin"][:, 1:].reshape(12, 3, 32, 32))
        self.assert_trains("out.h5", "conv 4 kernel=3 stride=2", "relu", "linear 10")

    def test_an_import_that_fails_leaves_the_old_file(self):
        self.idx("train-images-idx3-ubyte", np.zeros((5, 4, 4), "uint8"))
        self.idx("train-labels-idx1-ubyte", np.zeros(5, "uint8"))
        self.succeed("import", "idx", self.folder, "--output", "out.h5")
        before = self.succeed("inspect", "out.h5").out
        os.truncate(self.path("train-images-idx3-ubyte"), 60)
        self.assert_one_message(self.trainer("import", "idx", self.folder, "--output", "out.h5"), 1,
                                "train-images-idx3-ubyte", "cut short", "5 images of 4 x 4")
        self.assertEqual(self.succeed("inspect", "out.h5").out, before)
        self.assertEqual([name for name in os.listdir(self.folder) if "partial" in name], [])

    def test_generate(self):
        def make(name, *options):
            self.succeed("generate", "digits", "--output", name, "--generate-train", 60, "--generate-test", 20, *options)
            with h5py.File(self.path(name)) as file:
                self.assertEqual(file["train/inputs"].shape, (60, 1, 28, 28))
                return file["train/inputs"][()], file["test/inputs"][()], file["train/labels"][()]

        one, again, other = make("one.h5"), make("again.h5"), make("other.h5", "--seed", 2)
        for a, b in zip(one, again):
            np.testing.assert_array_equal(a, b)
        self.assertFalse((one[0] == other[0]).all())
        self.assertEqual(set(one[2]), set(range(10)))
        # The file is what training makes of the name.
        config = self.configuration(f"dataset = digits\n{SMALL}\ngenerate-train = 60\ngenerate-test = 20\nsteps = 3\n")
        self.assertEqual(self.succeed(config).digest, self.succeed(config, "--dataset", "one.h5").digest)

    def test_selftest(self):
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                start = time.monotonic()
                result = self.succeed("selftest", ranks=ranks, timeout=120)
                self.assertNotRegex(result.out, "FAILED")
                for pattern in ("gradient", "threads", r"(?m)^ok +"):
                    self.assertRegex(result.out, pattern)
                self.assertLess(time.monotonic() - start, 60)  # under 30 s where nobody else uses the machine


if __name__ == "__main__":
    unittest.main()
