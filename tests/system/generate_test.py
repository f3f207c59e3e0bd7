"""`generate`: the same file from any number of ranks, made of what the options name, and its bad input."""
import os
import unittest

import h5py
import numpy as np

from bad_input import BadInputTest
from support import SMALL, SystemTest, write_dataset

FEW = ("--generate-train", 40, "--generate-test", 15)
DRAWN = ("rectangles", "rectangles-image", "convex", "digits-rotated", "digits-random-background", "digits-image-background")


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def sources(folder):
    """Digits, which tell their split by their level, and coloured pictures."""
    random = np.random.default_rng(1)
    digits, pictures = os.path.join(folder, "source.h5"), os.path.join(folder, "pictures.h5")
    write_dataset(digits, {split: {"inputs": np.full((30, 1, 28, 28), level, "uint8"), "labels": np.arange(30) % 3}
                           for split, level in (("train", 90), ("test", 210))}, classes=3)
    write_dataset(pictures, {split: {"inputs": random.integers(low, low + 100, (10, 3, 32, 40), "uint8")}
                             for split, low in (("train", 0), ("test", 150))})
    return digits, pictures


class GenerateTest(SystemTest):
    def read(self, name):
        with h5py.File(self.path(name)) as file:
            return {split: (file[f"{split}/inputs"][()], file[f"{split}/labels"][()]) for split in ("train", "test")}

    def test_the_same_file_on_any_number_of_ranks(self):
        digits, pictures = sources(self.folder)
        for name, *options in (*((name,) for name in DRAWN),
                               ("convex", "--min-halfplanes", 2),
                               ("rectangles-image", "--from", pictures),
                               ("digits-image-background", "--from", digits, "--background", pictures)):
            with self.subTest(name, options=options):
                made = []
                for ranks in (0, 1, 2, 3):
                    out = f"{name}-{ranks}.h5"
                    result = self.succeed("generate", name, "--output", out, *FEW, *options, ranks=ranks)
                    made.append((bytes_of(self.path(out)), result.digest_line()))
                self.assertEqual(made, made[:1] * 4)

    def test_files_are_what_training_makes_of_the_name(self):
        for name in DRAWN:
            with self.subTest(name):
                self.succeed("generate", name, "--output", f"{name}.h5", *FEW)
                small = SMALL if name.startswith("digits") else SMALL.replace("linear 10", "linear 2")
                config = self.configuration(f"dataset = {name}\n{small}generate-train = 40\ngenerate-test = 15\nsteps = 2\n")
                drawn = self.succeed(config, ranks=2).digest
                self.assertEqual(self.succeed(config, "--dataset", f"{name}.h5").digest, drawn)

    def test_another_seed_gives_other_samples(self):
        for name in DRAWN:
            with self.subTest(name):
                digests = [self.succeed("generate", name, "--output", "x.h5", *FEW, "--seed", seed).digest_line() for seed in (1, 2)]
                self.assertNotEqual(*digests)

    def test_training_and_test_samples_share_no_source(self):
        digits, pictures = sources(self.folder)
        self.succeed("generate", "digits-rotated", "--from", digits, "--output", "rotated.h5", *FEW)
        for split, level in (("train", 90), ("test", 210)):
            inputs, labels = self.read("rotated.h5")[split]
            self.assertEqual(set(inputs[:, 0, 14, 14]), {level})
            self.assertEqual(set(labels), {0, 1, 2})
        self.succeed("generate", "rectangles-image", "--from", pictures, "--output", "rectangles.h5", *FEW)
        made = self.read("rectangles.h5")
        self.assertLess(made["train"][0].max(), 100)
        self.assertGreaterEqual(made["test"][0].min(), 150)

    def test_min_halfplanes_changes_the_sets(self):
        def all_white(*options):
            self.succeed("generate", "convex", "--output", "c.h5", "--generate-train", 400, "--generate-test", 1, *options)
            return (self.read("c.h5")["train"][0] == 255).all(axis=(1, 2, 3)).mean()

        self.assertGreater(all_white(), 0.1)
        self.assertEqual(all_white("--min-halfplanes", 0), all_white())
        self.assertLess(all_white("--min-halfplanes", 2), 0.02)

    def test_help_names_generators_and_options(self):
        out = self.succeed("--help").out
        for pattern in (*DRAWN, r"--from +generate: ", r"--background +generate: ", r"--min-halfplanes +generate: 0: "):
            self.assertRegex(out, pattern)


class BadGenerateTest(BadInputTest):
    def refuses(self, code, *arguments, says):
        self.fails(code, "generate", *arguments, "--output", "out.h5", *FEW, says=says)
        self.assertFalse(os.path.exists(self.path("out.h5")))
        self.assertEqual([name for name in os.listdir(self.folder) if "partial" in name], [])

    def test_options_that_a_generator_does_not_read(self):
        digits, _ = sources(self.folder)
        for name, option in (("digits", "from"), ("rectangles", "from"), ("convex", "background"), ("digits-rotated", "background"),
                             ("digits-rotated", "min-halfplanes")):
            with self.subTest(name, option=option):
                self.refuses(2, name, f"--{option}", 1 if option == "min-halfplanes" else digits,
                             says=(f"{name} reads no --{option}", "Those that do: "))
        self.fails(2, "run.cfg", "--min-halfplanes", 1, says=("takes no option --min-halfplanes",))

    def test_min_halfplanes_out_of_range(self):
        for value in ("-1", "9", "1.5", "many"):
            with self.subTest(value):
                self.refuses(2, "convex", f"--min-halfplanes={value}", says=("min-halfplanes", value, "from 0 to 8"))

    def test_sources_that_are_no_digits_or_pictures(self):
        digits, pictures = sources(self.folder)
        write_dataset(self.path("vectors.h5"), {"train": {"inputs": np.zeros((5, 784), "uint8")}})
        write_dataset(self.path("white.h5"), {"train": {"inputs": np.full((5, 1, 28, 28), 3.0, "float32")}})
        write_dataset(self.path("train.h5"), {"train": {"inputs": np.zeros((5, 1, 28, 28), "uint8"), "labels": np.arange(5)}})
        with open(self.path("text.h5"), "w") as file:
            file.write("no dataset\n")
        for file, *says in (("nowhere.h5", "cannot be opened", "No such file"),
                            ("text.h5", "HDF5"),
                            ("vectors.h5", "784", "expected pictures"),
                            ("white.h5", "the value 3", "from 0, black, to 1, white"),
                            ("train.h5", "no /test", "--generate-test 0"),
                            (pictures, "32x40", "digits of 28x28")):
            with self.subTest(file):
                self.refuses(1, "digits-rotated", "--from", file, says=(os.path.basename(file), *says))
        write_dataset(self.path("small.h5"), {"train": {"inputs": np.zeros((5, 3, 40, 27), "uint8")}})
        for name, option in (("rectangles-image", "--from"), ("digits-image-background", "--background")):
            with self.subTest(name):
                self.refuses(1, name, option, "small.h5", says=(r"small\.h5", "40x27", "at least 28x28"))

    def test_a_source_is_not_written_over(self):
        digits, _ = sources(self.folder)
        before = bytes_of(digits)
        self.fails(2, "generate", "digits-rotated", "--from", digits, "--output", digits, *FEW, says=("--from",))
        self.assertEqual(bytes_of(digits), before)

    def test_one_message_from_many_ranks(self):
        self.fails(1, "generate", "digits-rotated", "--from", "nowhere.h5", "--output", "out.h5", *FEW, ranks=2,
                   says=(r"nowhere\.h5",))


if __name__ == "__main__":
    unittest.main()
