"""Bad datasets and checkpoints get one clear message and lose nothing."""
import os
import random
import re
import unittest

import h5py
import numpy as np

from bad_input import LINEAR, BadInputTest
from support import copy, digits, write_dataset


class DatasetTest(BadInputTest):
    """All of these fail before or in the first epoch, whether the dataset is held in memory or read bit by bit."""

    def write(self, inputs=None, labels=None, **more):
        random_inputs = np.random.default_rng(0).random((40, 12), "float32")
        arrays = {"inputs": random_inputs if inputs is None else inputs}
        if labels is not None:
            arrays["labels"] = labels
        write_dataset(self.path("own.h5"), {"train": arrays}, **more)

    def rejected(self, *says, ranks=0):
        config = self.configuration("dataset = own.h5\n" + LINEAR, "own.cfg")
        for how in ("yes", "no"):
            with self.subTest(in_memory=how):
                self.fails(1, config, "--in-memory", how, "--epochs", 1, ranks=ranks, says=(r"own\.h5", *says))

    def test_no_file(self):
        self.rejected("No such file")

    def test_folder_and_device(self):
        self.fails(1, self.config, "--dataset", self.folder, says=("folder", "HDF5"))
        self.fails(1, self.config, "--dataset", "/dev/null", says=("/dev/null", "regular file", "HDF5"))

    def test_foreign_files(self):
        with open(self.path("own.h5"), "w") as file:
            file.write("label,pixel\n1,2\n")
        self.rejected("not an HDF5 file")
        open(self.path("own.h5"), "w").close()
        self.rejected("empty")
        with h5py.File(self.path("own.h5"), "w") as file:
            file["data"] = [1, 2]
        self.rejected("format", "lockstep-dataset", "/data", r"datasets/README\.md")
        copy(self.checkpoint(), self.path("own.h5"))
        self.rejected("lockstep-checkpoint", "lockstep-dataset")

    def test_shapes_and_types(self):
        for arrays, *says in (
                ({"inputs": np.zeros((40, 3, 4), "uint8")}, "40x3x4|40, 3, 4", r"\[N, C, H, W\]"),
                ({"inputs": np.zeros((40, 12), "float64")}, "float64", "uint8 or float32"),
                ({"inputs": np.zeros((0, 12), "uint8")}, "no samples"),
                ({"inputs": np.zeros((40, 12), "uint8"), "labels": np.zeros(39, "int32")}, "39 labels", "40 samples"),
                ({"inputs": np.zeros((40, 12), "uint8"), "labels": np.zeros(40, "float32")}, "labels", "float32", "integer"),
                ({"inputs": np.zeros((40, 12), "uint8"), "targets": np.zeros((41, 2), "float32")}, "targets", "41", "40"),
                ({"images": np.zeros((40, 12), "uint8")}, "/train without /train/inputs|/train/inputs"),
        ):
            with self.subTest(str(says)):
                write_dataset(self.path("own.h5"), {"train": arrays})
                self.rejected(*says)

    def test_values_in_other_files(self):
        """Where one of them is missing, HDF5 reads zeros."""
        write_dataset(self.path("part.h5"), {"train": {"inputs": np.zeros((40, 12), "uint8")}})
        write_dataset(self.path("own.h5"), {"train": {"inputs": np.zeros((40, 12), "uint8")}})
        layout = h5py.VirtualLayout((40, 12), "uint8")
        layout[:] = h5py.VirtualSource("part.h5", "train/inputs", (40, 12))
        with h5py.File(self.path("own.h5"), "a") as file:
            attributes = dict(file["train/inputs"].attrs)
            del file["train/inputs"]
            file.create_virtual_dataset("train/inputs", layout)
            file["train/inputs"].attrs.update(attributes)
        self.rejected("/train/inputs", "other files", "copy them into this one")

    def test_splits(self):
        inputs = np.zeros((40, 12), "uint8")
        write_dataset(self.path("own.h5"), {"train": {"inputs": inputs}, "test": {"inputs": inputs[:, :9]}})
        self.rejected("/train and /test differ", "12", "9")
        write_dataset(self.path("own.h5"), {"train": {"inputs": inputs}, "val": {"inputs": inputs}})
        self.rejected("/val/inputs", "/validation")
        write_dataset(self.path("own.h5"), {"test": {"inputs": inputs, "labels": np.arange(40) % 10}})
        self.rejected("no samples in /train")

    def test_labels_out_of_range(self):
        labels = np.arange(40) % 10
        labels[17] = 10
        self.write(labels=labels, classes=10)
        self.rejected("/train/", "sample 17", "hold 10", "0 to 9")
        labels[17] = -1
        self.write(labels=labels)
        self.rejected("/train/", "sample 17", "hold -1")

    def test_values_that_are_no_numbers(self):
        for value, name in ((np.nan, "nan"), (np.inf, "inf")):
            inputs = np.zeros((40, 12), "float32")
            inputs[23, 5] = value
            self.write(inputs, np.arange(40) % 10)
            self.rejected("/train/inputs", "sample 23", name, "position 5", "finite")
        # Where one rank comes to read it, while the others train.
        self.rejected("/train/inputs", "sample 23", "finite", ranks=3)

    def test_targets_that_are_no_numbers(self):
        targets = np.zeros((40, 10), "float32")
        targets[31, 2] = np.nan
        write_dataset(self.path("own.h5"), {"train": {"inputs": np.zeros((40, 12), "uint8"), "targets": targets}})
        self.configuration("dataset = own.h5\nloss = squared\n" + LINEAR, "own.cfg")
        self.fails(1, "own.cfg", says=("/train/targets", "sample 31", "finite"))

    def test_values_that_the_loss_does_not_take(self):
        """Bytes without a scale, for a loss of values from 0 to 1: every rank meets one."""
        write_dataset(self.path("own.h5"), {"train": {"inputs": np.full((40, 12), 200, "uint8")}})
        config = self.configuration("dataset = own.h5\ntarget = input\nloss = cross-entropy\n" +
                                    LINEAR.replace("linear 10", "linear 12"), "own.cfg")
        for ranks in (0, 1, 3):
            with self.subTest(ranks=ranks):
                self.fails(1, config, ranks=ranks, says=("cross-entropy", "200", "0 to 1", "scale"))

    def test_truncated(self):
        size = os.path.getsize(self.dataset)
        for length in (1, 100, 1000, size // 2, size - 1000, size - 1):
            with self.subTest(length=length):
                copy(digits(type(self)), self.path("own.h5"))
                os.truncate(self.path("own.h5"), length)
                self.rejected()

    def test_flipped_bits(self):
        """Each is found, or lies where nothing is stored and changes nothing."""
        whole = self.succeed("inspect", "digits.h5").digest_line()
        with open(self.dataset, "rb") as file:
            content = file.read()
        moments = random.Random(1)
        harmless = 0
        for _ in range(60):
            at = moments.randrange(len(content))
            with self.subTest(at=at):
                damaged = bytearray(content)
                damaged[at] ^= 1 << moments.randrange(8)
                with open(self.path("own.h5"), "wb") as file:
                    file.write(damaged)
                result = self.trainer("inspect", "own.h5")
                if result.code == 0:
                    harmless += 1
                    self.assertEqual(result.digest_line(), whole, result)
                else:
                    self.assert_one_message(result, 1, r"own\.h5")
        self.assertLess(harmless, 6)

    def test_flipped_bits_while_training(self):
        with h5py.File(self.dataset) as file:
            chunk = file["train/inputs"].id.get_chunk_info(0)
        with open(self.dataset, "r+b") as file:
            file.seek(chunk.byte_offset + chunk.size // 2)
            value = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([value ^ 4]))
        for how in ("yes", "no"):
            with self.subTest(in_memory=how):
                self.fails(1, self.config, "--epochs", 1, "--in-memory", how, says=(r"digits\.h5", "/train/inputs", "damaged"))
        # Found by some ranks, while others wait for their part of the minibatch's statistics.
        config = self.configuration("dataset = digits.h5\nlayer = linear 9\nlayer = batchnorm statistics=minibatch\n" + LINEAR, "sums.cfg")
        for ranks in (0, 3):
            self.fails(1, config, "--epochs", 1, "--in-memory", "no", ranks=ranks, says=(r"digits\.h5", "damaged"))

    def test_contents_that_are_not_those_of_the_digest(self):
        """A file without checksums: the digest of its contents tells."""
        with h5py.File(self.dataset) as source, h5py.File(self.path("own.h5"), "w") as target:
            for name, value in source.attrs.items():
                target.attrs[name] = value
            for split in source:
                for name, values in source[split].items():
                    copied = target.create_dataset(f"{split}/{name}", data=values[()])
                    for key, value in values.attrs.items():
                        copied.attrs[key] = value
        self.succeed(self.config, "--dataset", "own.h5", "--steps", 1)
        with h5py.File(self.path("own.h5"), "a") as file:
            file["train/inputs"][7, 0, 3, 3] ^= 1
        self.fails(1, self.config, "--dataset", "own.h5", "--steps", 1, says=(r"own\.h5", "damaged", "digest"))
        self.fails(1, "inspect", "own.h5", says=(r"own\.h5", "damaged", "digest"))


class CheckpointTest(BadInputTest):
    def rejected(self, path, *says):
        for command in (("inspect", path), ("evaluate", path), ("resume", path, "--steps", 6), ("diff", path, path)):
            with self.subTest(command=command[0]):
                self.fails(1, *command, says=(re.escape(path), *says))

    def test_missing_foreign_and_truncated(self):
        self.rejected("missing.h5", "No such file")
        self.rejected(".", "folder")
        self.fails(1, "resume", "digits.h5", says=("not a checkpoint", "lockstep-dataset", "lockstep-checkpoint"))
        self.fails(1, "resume", "run.cfg", says="not an HDF5 file")
        size = os.path.getsize(self.checkpoint())
        for length in (1, 100, size // 2, size - 1):
            with self.subTest(length=length):
                os.truncate(copy(self.path("c.h5"), self.path("cut.h5")), length)
                self.rejected("cut.h5")

    def test_flipped_bits(self):
        whole = self.succeed("inspect", self.checkpoint())
        with open(self.path("c.h5"), "rb") as file:
            content = file.read()
        moments = random.Random(2)
        for _ in range(60):
            at = moments.randrange(len(content))
            with self.subTest(at=at):
                damaged = bytearray(content)
                damaged[at] ^= 1 << moments.randrange(8)
                with open(self.path("c.h5"), "wb") as file:
                    file.write(damaged)
                result = self.trainer("inspect", self.path("c.h5"))
                if result.code == 0:
                    self.assertEqual(result.out, whole.out)
                else:
                    self.assert_one_message(result, 1, r"c\.h5")

    def test_another_number_in_it(self):
        for name in ("parameters/linear1/weights", "optimizer/momentum/linear1/weights"):
            with self.subTest(name):
                with h5py.File(self.checkpoint(), "a") as file:
                    file[name][3, 5] *= 1.5
                self.rejected("c.h5", "damaged", "digest")

    def test_of_another_network(self):
        self.checkpoint()
        self.fails(1, "resume", "c.h5", "--steps", 6, "--layer", "linear 10",
                   says=(r"c\.h5", "another network", "10x784", "10x576", "configuration"))

    def test_of_another_optimizer_batch_or_dataset(self):
        self.checkpoint()
        self.fails(1, "resume", "c.h5", "--steps", 6, "--optimizer", "adam", says=(r"c\.h5", "adam", "optimizer"))
        self.fails(1, "resume", "c.h5", "--steps", 6, "--batch-size", 64, says=(r"c\.h5", "batch-size"))
        self.succeed("generate", "digits", "--seed", 2, "--generate-train", 400, "--generate-test", 100, "--output", "digits.h5")
        self.fails(1, "resume", "c.h5", "--steps", 6, says=(r"digits\.h5", "has changed", "--dataset"))

    def test_evaluated_on_a_dataset_that_does_not_fit(self):
        self.checkpoint()
        split = {"inputs": np.zeros((9, 1, 8, 8), "uint8"), "labels": np.arange(9)}
        write_dataset(self.path("small.h5"), {"train": split, "test": split}, classes=10)
        self.fails(1, "evaluate", "c.h5", "small.h5", says=(r"c\.h5", "10x576", "10x16"))
        write_dataset(self.path("flat.h5"), {"train": {"inputs": np.zeros((9, 784), "uint8"), "labels": np.arange(9)}}, classes=10)
        self.fails(2, "evaluate", "c.h5", "flat.h5", says=("conv 4 kernel=5 stride=2", "784"))


if __name__ == "__main__":
    unittest.main()
