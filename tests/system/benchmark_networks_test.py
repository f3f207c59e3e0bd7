"""The networks that are measured keep the promise: the same bits on any number of ranks and threads."""
import pathlib
import unittest

import numpy as np

from support import SystemTest, require_bf16, write_dataset

PEERS = pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"
DIGIT, PICTURE = (1, 28, 28), (3, 32, 32)
SHAPES = {"ae": DIGIT, "deep-ae": DIGIT, "lenet": DIGIT, "conv-ae": DIGIT, "cifar-quick": PICTURE, "resnet20": PICTURE,
          "vgg": PICTURE}
# Compared with one thread without mpirun.
LAYOUTS = [(0, 2), (2, 2), (3, 1), (4, 2)]
# 50 samples in steps of 22, 22 and 6: five microbatches of 4 and one of 2, then two, so that two of four ranks have none.
CUT = ("--batch-size", 22, "--microbatch", 4, "--steps", 3)


class BenchmarkNetworksTest(SystemTest):
    def train(self, network, *more, **how):
        return self.succeed(PEERS / f"{network}.cfg", "--dataset", self.path("random.h5"), *CUT, *more, **how)

    def write_random_dataset(self, shape):
        random = np.random.default_rng(1)

        def samples(count):
            return {"inputs": random.random((count, *shape), dtype="float32"),
                    "labels": random.integers(10, size=count, dtype="int32")}

        write_dataset(self.path("random.h5"), {"train": samples(50), "test": samples(9)}, classes=10)

    def test_every_network_of_the_benchmark_is_here(self):
        self.assertEqual({path.stem for path in PEERS.glob("*.cfg")}, set(SHAPES))

    def assert_layouts_agree(self, network, *more, layouts=LAYOUTS):
        self.write_random_dataset(SHAPES[network])
        reference = self.train(network, "--threads", 1, *more)
        for ranks, threads in layouts:
            with self.subTest(ranks=ranks, threads=threads):
                result = self.train(network, "--threads", threads, *more, ranks=ranks)
                self.assertEqual(result.digest, reference.digest)
                self.assertEqual(result.lines[-3], reference.lines[-3])  # error and loss on the test split
        return reference

    def test_autoencoders(self):
        for network in ("ae", "deep-ae", "conv-ae"):
            with self.subTest(network):
                self.assert_layouts_agree(network)

    def test_lenet_and_quick(self):
        for network in ("lenet", "cifar-quick"):
            with self.subTest(network):
                self.assert_layouts_agree(network)

    def test_deep_networks_with_winograds_convolutions(self):
        for network in ("resnet20", "vgg"):
            with self.subTest(network):
                reference = self.assert_layouts_agree(network)
                self.assertNotEqual(self.train(network, "--winograd", "false").digest, reference.digest)

    def test_all_in_bf16(self):
        require_bf16(self)
        for network in SHAPES:
            with self.subTest(network):
                self.assert_layouts_agree(network, "--precision", "bf16", layouts=[(0, 2), (3, 2)])


if __name__ == "__main__":
    unittest.main()
