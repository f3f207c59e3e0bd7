"""Ranks that stand still are named, and two runs do not write one checkpoint."""
import os
import re
import signal
import time
import unittest

from support import FAULT, SMALL, SystemTest, digits


class ManySteps(SystemTest):
    """Runs that do not end by themselves; each prints a line an epoch."""

    def setUp(self):
        super().setUp()
        self.config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}epochs = 100000\n")

    def under_way(self, *more, **how):
        job = self.start(self.config, *more, **how)
        job.wait_for("^epoch 2 ")
        return job


class Stall(ManySteps):
    def stop(self, job, rank):
        os.kill(job.trainers()[rank], signal.SIGSTOP)
        result = job.wait(40)
        self.assertEqual(result.code, 1, result)
        self.assertEqual(result.err.count("no progress"), 1, result)
        return result.err

    def test_a_stopped_rank_is_named_with_what_the_others_wait_for(self):
        says = self.stop(self.under_way("--stall-timeout", 3, ranks=3), 2)
        self.assertRegex(says, r"trainer: no progress for \d s \(--stall-timeout 3\)")
        self.assertRegex(says, r"rank 2 \(.*\): stopped, dead or cut off: silent for \d s; before that, step \d+, ")
        self.assertRegex(says, r"ranks? .*0.*: step \d+, waits for the other ranks'")
        self.assertIn("This run has written no checkpoint", says)

    def test_a_stopped_rank_that_all_wait_for_within_a_step(self):
        wide = SMALL.replace("layer = relu", "layer = batchnorm statistics=minibatch\nlayer = relu")
        self.config = self.configuration(f"dataset = {digits(type(self))}\n{wide}epochs = 100000\n")
        says = self.stop(self.under_way("--stall-timeout", 3, ranks=3), 2)
        self.assertRegex(says, r"rank 2 \(.*\): stopped, dead or cut off")
        self.assertRegex(says, r"ranks? .*0.*: step \d+, waits for the other ranks'")

    def test_rank_1_speaks_where_rank_0_is_stopped(self):
        job = self.under_way("--stall-timeout", 3, "--checkpoint", "c.h5", "--checkpoint-epochs", 1, ranks=3)
        job.wait_for("^epoch 4 ")  # by then all ranks know of a checkpoint
        says = self.stop(job, 0)
        self.assertRegex(says, r"rank 0 \(.*\): stopped, dead or cut off")
        self.assertIn("trainer resume c.h5", says)

    def test_what_a_rank_that_cannot_read_on_has_done_is_saved(self):
        """Nothing computed is lost: the run goes on from its last whole step, on other ranks, to the same bits."""
        dataset = digits(type(self), train=16000)  # HDF5 keeps those below 8 MB in memory
        self.config = self.configuration(f"dataset = {dataset}\n{SMALL}epochs = 100000\n")
        for optimizer, reduction in (("sgd", "ordered"), ("adam", "ordered"), ("adam", "mpi")):
            with self.subTest(optimizer=optimizer, reduction=reduction):
                how = ("--in-memory", "no", "--shuffle", "blocks 64 x 2", "--optimizer", optimizer)
                checkpoint, trigger = f"{optimizer}-{reduction}.h5", self.path(f"{optimizer}-{reduction}")
                env = {"LD_PRELOAD": FAULT, "FAULT_MODE": "hang", "FAULT_PATH": dataset, "FAULT_RANK": "1", "FAULT_TRIGGER": trigger}
                job = self.under_way(*how, "--reduction", reduction, "--stall-timeout", 3, "--checkpoint", checkpoint, ranks=3, env=env)
                open(trigger, "w", encoding="utf-8").close()
                result = job.wait(60)
                self.assertEqual(result.code, 1, result)
                self.assertRegex(result.err, r"rank 1 \(.*\): step \d+, waits for its samples")
                saved = re.search(rf"The last whole step, (\d+), is saved in {checkpoint}\.", result.err)
                self.assertTrue(saved, result)
                self.assertIn(f"Go on with: trainer resume {checkpoint}", result.err)
                if reduction == "mpi":
                    continue
                steps = int(saved[1]) + 20
                undisturbed = self.succeed(self.config, *how, "--epochs", 0, "--steps", steps)
                resumed = self.succeed("resume", checkpoint, "--epochs", 0, "--steps", steps, ranks=2)
                self.assertEqual(resumed.digest, undisturbed.digest)

    def test_a_run_that_was_stopped_as_a_whole_goes_on(self):
        job = self.under_way("--stall-timeout", 1, ranks=2)
        ranks = job.trainers()
        for signal_number in (signal.SIGSTOP, signal.SIGCONT):
            for process in ranks:
                os.kill(process, signal_number)
            time.sleep(3)
        job.wait_for(f"^epoch {job.output()[0].count('epoch ') + 5} ")
        self.assertEqual(job.complaints(), "")

    def test_who_moves_on_is_left_alone(self):
        job = self.under_way("--stall-timeout", 1, ranks=2)
        job.wait_for("^epoch 40 ")
        self.assertEqual(job.complaints(), "")


class Lock(ManySteps):
    def test_two_runs_on_one_checkpoint(self):
        first = self.under_way("--checkpoint", "c.h5")
        second = self.trainer(self.config, "--checkpoint", "c.h5", ranks=2)
        self.assert_one_message(second, 1, r"c\.h5: another run is writing this file: process \d+ on host \S+: .*trainer",
                                "--checkpoint FILE")
        first.kill()
        self.assertTrue(os.path.exists(self.path("c.h5.lock")))
        self.succeed(self.config, "--steps", 3, "--checkpoint", "c.h5")  # what a killed run leaves keeps nobody out
        self.assertFalse(os.path.exists(self.path("c.h5.lock")))


if __name__ == "__main__":
    unittest.main()
