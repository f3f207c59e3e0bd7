"""bench/scaling: what its scripts work out, and that a small measurement ends in the files that it promises."""
import os
import pathlib
import subprocess
import sys
import unittest

from support import TRAINER, SystemTest

SCALING = pathlib.Path(__file__).resolve().parents[2] / "bench/scaling"
sys.path.insert(0, str(SCALING))

import forecast  # noqa: E402
import results  # noqa: E402
import scaling  # noqa: E402

OUTPUT = """lockstep 0.1.0: 431080 parameters, 4 ranks x 8 threads, batch 1024 = 32 microbatches of 32, random.h5, 20 steps
host   ranks  threads  cores of each  instructions  MPI by               round trip  clock against rank 0's
node1  0-1    8        0-7 | 8-15     avx512_core   ob1 over tcp, vader  0.4 us      +0.000 ms +- 0.000
node2  2-3    8        0-7 | 8-15     avx512_core   ob1 over tcp, vader  38.2 us     +1.204 ms +- 0.019
epoch 1  step 20  train loss 2.2 error 80.00 %  600 samples/s
memory of rank 0: estimated 42 MB, measured at most 51 MB
communication: 5.3 % of the time waited for, 1.0 % hidden behind computing
train error 70.72 % loss 2.1558
632 samples/s: compute 90 %, reduction 6 %, input 3 %, checkpoint 0 %, other 0 %
digest 0793e68677c2bf3ff987a06277ef80b0
"""


class ScalingTest(SystemTest):
    def test_what_a_run_says_is_read(self):
        self.assertEqual(scaling.parse(OUTPUT), {"rate": 632, "waited": 5.3, "hidden": 1.0, "hosts": 2,
                                                 "transport": "ob1 over tcp, vader"})

    def test_weak_scaling_keeps_a_workers_share_of_the_batch(self):
        self.assertEqual(scaling.batch_of("strong", 256, 12, 2), 256)
        self.assertEqual(scaling.batch_of("weak", 256, 12, 2), 1536)
        self.assertRaises(SystemExit, scaling.batch_of, "weak", 100, 4, 3)

    def test_efficiency_is_against_multiplied_workers(self):
        self.assertAlmostEqual(results.efficiency(3000, 8, 1000, 2), 0.75)

    def test_passes_are_those_that_ranks_make(self):
        self.assertEqual(forecast.waves(1024, 32, 16, 1), [2])
        self.assertEqual(forecast.waves(1024, 32, 3, 1), [10, 11])
        self.assertEqual(forecast.waves(1024, 32, 4, 3), [3])
        self.assertEqual(forecast.waves(64, 32, 4, 1), [1])  # two ranks have none

    def test_a_platform_has_every_host(self):
        self.assertIn('topo_parameters="2;8,1;1,1;1,1"', forecast.platform(8, 25, 5))
        self.assertIn('radical="0-63"', forecast.platform(64, 25, 5))
        self.assertIn('topo_parameters="2;16,4;1,16;1,1"', forecast.platform(64, 25, 5))
        self.assertRaises(SystemExit, forecast.platform, 24, 25, 5)
        self.assertEqual(forecast.hosts(2, 2), "node0\nnode0\nnode1\nnode1\n")

    def test_a_measurement(self):
        out = pathlib.Path(self.path("out"))
        done = subprocess.run(
            [sys.executable, SCALING / "scaling.py", "--configurations", SCALING.parent / "peers/lenet.cfg", "--trainer", TRAINER,
             "--arrangements", "1x1", "2x1", "--modes", "weak", "--batch-size", "32", "--rounds", "2", "--seconds", "0.01",
             "--launch", f"{os.environ['MPIRUN']} --oversubscribe --bind-to none -n {{ranks}}", "--plot", "/no/plot",
             "--output", out], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = results.read_csv(out / "results.csv")
        self.assertEqual([(row["ranks"], row["batch"], row["rounds"]) for row in rows], [("1", "32", "2"), ("2", "64", "2")])
        for row in rows:
            self.assertLessEqual(float(row["lowest"]), float(row["samples_per_second"]))
            self.assertGreater(float(row["efficiency_percent"]), 0)
        self.assertIn("| lenet | ordered | 2 x 1 | 1 | 64 |", done.stdout)
        self.assertIn("weak.svg is not drawn: there is no /no/plot", done.stderr)
        self.assertEqual([path.name for path in out.iterdir()], ["results.csv"])


if __name__ == "__main__":
    unittest.main()
