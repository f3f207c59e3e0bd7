"""The ranks of a host hold the dataset once, where the system lets them."""
import re
import subprocess
import unittest

import numpy as np

from support import MPIRUN, TRAINER, SystemTest, write_dataset

ROWS, WIDTH = 4000, 2000
BYTES = ROWS * (WIDTH + 1) * 4
CONFIG = """
dataset = large.h5
layer = linear 3
learning-rate = 0.01
batch-size = 400
microbatch = 50
epochs = 6
threads = 1
"""


def memory_in_common(pid):
    """Bytes that a process sees of memory made for several, and its share of them, where each has its part."""
    seen = share = 0
    here = False
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                here = "/memfd:lockstep" in line
            elif here and line.startswith("Rss:"):
                seen += 1024 * int(line.split()[1])
            elif here and line.startswith("Pss:"):
                share += 1024 * int(line.split()[1])
    return seen, share


class DatasetTest(SystemTest):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(1)
        write_dataset(self.path("large.h5"), {"train": {"inputs": random.random((ROWS, WIDTH), "float32"),
                                                        "labels": random.integers(0, 3, ROWS, dtype=np.int32)}}, classes=3)
        self.config = self.configuration(CONFIG)

    def reported(self, result):
        return re.search(r"memory of rank 0: estimated (\d+) MB, measured at most (\d+) MB(.*)", result.out).groups()

    def test_four_ranks_hold_it_once(self):
        alone = self.succeed(self.config)
        self.assertEqual(self.reported(alone)[2], "")
        job = self.start(self.config, ranks=4)
        job.wait_for("^epoch 1 ")
        found = [memory_in_common(pid) for pid in job.trainers()]
        together = job.wait()
        self.assertEqual(together.digest, alone.digest)
        self.assertEqual(len(found), 4)
        for seen, _ in found:
            self.assertGreater(seen, 0)  # each has fetched some
        self.assertAlmostEqual(sum(share for _, share in found) / BYTES, 1, delta=0.1)
        estimated, measured, once = self.reported(together)
        self.assertRegex(once, "; the dataset's 32 MB of it are there once for the 4 ranks of the host")
        self.assertLess(int(measured), 1.5 * int(estimated))

    def test_ranks_that_may_not_see_each_other_hold_one_each(self):
        """As in containers of their own, whose process numbers mean nothing outside."""
        apart = ["unshare", "--pid", "--fork"]
        if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no process number spaces of one's own are to be had")
        words = [MPIRUN, "-q", "--oversubscribe", "-n", "2", *apart, TRAINER, self.config]
        # Open MPI's own shared memory takes process numbers for those of the host.
        result = self.start_words(words, env={"OMPI_MCA_btl": "self,tcp"}).wait()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.digest, self.succeed(self.config).digest)
        self.assertEqual(self.reported(result)[2], "")
        self.assertRegex("\n".join(result.advice), "ranks 0, 1 cannot share memory, so each holds the dataset for itself")


if __name__ == "__main__":
    unittest.main()
