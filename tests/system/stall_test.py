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

    # Everything that a checkpoint holds: statistics, what does not learn, norms of the whole gradient, histories.
    RICH = SMALL.replace("layer = relu", "layer = batchnorm\nlayer = relu").replace(
        "layer = linear 10", "layer = linear 20 learn=no\nlayer = relu\nlayer = linear 10").replace(
        "momentum = 0.9\n", "") + "clip-norm = 1\noptimizer = adam\nhistory-steps = 7\n"

    def cannot_read_on(self, rank, network, *more, ranks):
        """A run that goes on until `rank` waits for its dataset for ever. Returns it and how to start it elsewhere."""
        dataset = digits(type(self), train=16000)  # HDF5 keeps those below 8 MB in memory
        trigger = self.path("now")
        self.config = self.configuration(f"dataset = {dataset}\n{network}epochs = 100000\n")
        how = (self.config, "--in-memory", "no", "--shuffle", "blocks 64 x 2", *more)
        env = {"LD_PRELOAD": FAULT, "FAULT_MODE": "hang", "FAULT_PATH": dataset, "FAULT_RANK": str(rank), "FAULT_TRIGGER": trigger}
        job = self.start(*how, "--stall-timeout", 5, "--checkpoint", "c.h5", ranks=ranks, env=env)
        job.wait_for("^epoch 2 ")
        open(trigger, "w", encoding="utf-8").close()
        result = job.wait(60)
        os.remove(trigger)
        self.assertEqual(result.code, 1, result)
        self.assertRegex(result.err, rf"rank {rank} .*: step \d+, waits for its samples")
        return result, how

    def saved_step(self, result):
        saved = re.search(r"^The last whole step, (\d+), is saved\.\nAll ranks are ended\. Go on with: trainer resume c\.h5$", result.err, re.M)
        self.assertTrue(saved, result)
        return int(saved[1])

    def assert_saved_as_undisturbed(self, result, how, ranks, name="undisturbed.h5"):
        """Nothing computed is lost: the file is that of a run that wrote one there, to the bit."""
        step = self.saved_step(result)
        undisturbed = self.path(name)
        self.succeed(*how, "--epochs", 0, "--steps", step + 1, "--checkpoint", undisturbed, "--checkpoint-steps", step,
                     env={"LD_PRELOAD": FAULT, "FAULT_PATH": self.folder, "FAULT_MODE": "keep"}, ranks=ranks)
        self.assert_same_bits(undisturbed + ".kept1", self.path("c.h5"))

    def test_what_a_run_has_done_whose_rank_cannot_read_on_is_saved(self):
        for name, network in (("small", SMALL), ("rich", self.RICH)):
            with self.subTest(network=name):
                result, how = self.cannot_read_on(1, network, "--checkpoint-steps", 1, ranks=3)
                self.assert_saved_as_undisturbed(result, how, 0, name + ".h5")

    def test_what_is_saved_goes_on_to_the_same_bits(self):
        result, how = self.cannot_read_on(1, SMALL, ranks=2)
        further = ("--epochs", 0, "--steps", self.saved_step(result) + 20)
        self.assertEqual(self.succeed("resume", "c.h5", *further, ranks=3).digest, self.succeed(*how, *further).digest)

    def test_where_every_rank_owns_everything_rank_0_saves_it(self):
        result, how = self.cannot_read_on(1, SMALL, "--reduction", "mpi", ranks=2)
        self.assert_saved_as_undisturbed(result, how, 2)  # a sum of two has one order

    def test_where_rank_0_cannot_read_on_the_reason_is_said_at_once(self):
        """HDF5 serves one thread at a time, and that one never comes out of it."""
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                result, _ = self.cannot_read_on(0, SMALL, ranks=ranks)
                self.assertIn("could not be saved: a thread is still reading or writing a file through HDF5", result.err)
                self.assertIn("This run has written no checkpoint; next time add --checkpoint-minutes M", result.err)
                self.assertFalse(os.path.exists(self.path("c.h5")))

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
