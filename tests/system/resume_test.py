"""Stopping and going on, anywhere and on any number of ranks, changes no bit."""
import glob
import os
import re
import signal
import time
import unittest

from support import FAULT, LENET, MPIRUN, SMALL, TRAINER, SystemTest, copy, digits, require_bf16, state

ADAM = SMALL.replace("momentum = 0.9\n", "optimizer = adam\n") + """
learning-rate = 0.003
clip-norm = 1
schedule = polynomial
schedule-power = 2
"""

NORMALISED = SMALL.replace("layer = relu", "layer = batchnorm\nlayer = relu")

VARIANTS = {
    "sgd": SMALL.replace("momentum = 0.9\n", ""),
    "nesterov, step schedule": SMALL + "nesterov = true\nschedule = step\nschedule-steps = 10\nweight-decay = 0.001\n",
    "momentum, cosine with warm-up": SMALL + "schedule = cosine\nwarmup-steps = 20\n",
    "adam, clipped, polynomial": ADAM.replace("learning-rate = 0.05\n", ""),
    "batchnorm": NORMALISED + "clip-norm = 0.5\nweight-decay = 0.01\n",
    "batchnorm over the minibatch": NORMALISED.replace("batchnorm", "batchnorm statistics=minibatch"),
    "deconv": "layer = deconv 2 kernel=3 stride=2\n" + NORMALISED,
    "augmented, normalised": SMALL + "augment = crop 4, flip\nnormalise = dataset\n",
    "growing minibatch": SMALL.replace("= 90", "= 40, 90 after 2, 200 after 3, 400 after 5"),
    "adamw": SMALL.replace("momentum = 0.9\n", "optimizer = adamw\nweight-decay = 0.01\n"),
}


class ResumeTest(SystemTest):
    """Five steps make an epoch, the last of them smaller; 17 and 24 lie inside one."""

    def whole_run(self, text):
        config = self.configuration(f"dataset = {digits(type(self))}\n{text}\nepochs = 6\nhistory-steps = 4\n")
        result = self.succeed(config, "--checkpoint", "whole.h5")
        self.assertEqual(state(self.path("whole.h5"))["step"], 30)
        return config, result

    def test_lenet_on_two_then_three_ranks_then_one(self):
        config, whole = self.whole_run(
            LENET + "batch-size = 90\nmicrobatch = 8\nschedule = cosine\nwarmup-steps = 20\nthreads = 1\n")
        part = self.path("part.h5")
        self.succeed(config, "--steps", 17, "--checkpoint", part, ranks=2)
        self.assertEqual((state(part)["step"], state(part)["epoch"], state(part)["position"]), (17, 3, 180))
        self.succeed("resume", part, "--steps", 24, ranks=3)
        self.assertEqual(state(part)["step"], 24)
        last = self.succeed("resume", part, "--steps", 30, "--threads", 2, ranks=1)
        self.assertEqual(last.digest, whole.digest)
        self.assertEqual(last.lines[-3], whole.lines[-3])
        self.assert_same_bits(self.path("whole.h5"), part)

    def test_all_optimizers_and_schedules(self):
        for name, text in VARIANTS.items():
            with self.subTest(name):
                config, whole = self.whole_run(text)
                part = self.path("part.h5")
                self.succeed(config, "--steps", 17, "--checkpoint", part, ranks=2)
                last = self.succeed("resume", part, "--steps", 30, ranks=3)
                self.assertEqual(last.digest, whole.digest)
                self.assert_same_bits(self.path("whole.h5"), part)

    def test_across_changes_of_the_minibatch(self):
        """Epochs of 10, 10, 5, 2, 2 steps and 1: stopped inside of one, between sizes, and where epochs are two steps."""
        config, whole = self.whole_run(VARIANTS["growing minibatch"] + "reference-batch = 90\nschedule = cosine\n")
        part = self.path("part.h5")
        self.succeed(config, "--steps", 7, "--checkpoint", part, ranks=2)
        for steps, ranks, place in ((20, 3, (2, 0)), (26, 1, (3, 200)), (29, 16, (5, 0)), (30, 2, (6, 0))):
            last = self.succeed("resume", part, "--steps", steps, ranks=ranks)
            self.assertEqual((state(part)["epoch"], state(part)["position"]), place)
        self.assertEqual(last.digest, whole.digest)
        self.assert_same_bits(self.path("whole.h5"), part)

    def test_a_minibatch_that_grows_from_here_on(self):
        """A run may get what it has been given from the start; not what would have been another run."""
        config, whole = self.whole_run(VARIANTS["growing minibatch"])
        part = self.path("part.h5")
        self.succeed(config, "--batch-size", 40, "--steps", 20, "--checkpoint", part)
        self.assert_one_message(self.trainer("resume", part, "--steps", 30, "--batch-size", 90), 1, r"step 20 \(epoch 2, sample 0",
                                "batch-size = 90 and", "epoch 4, sample 0", "go on with")
        last = self.succeed("resume", part, "--steps", 30, "--batch-size", "40, 90 after 2, 200 after 3, 400 after 5")
        self.assertEqual(last.digest, whole.digest)

    def test_from_the_end_of_an_epoch_and_from_the_file(self):
        config, _ = self.whole_run(SMALL)
        part = self.path("part.h5")
        self.succeed(config, "--steps", 20, "--checkpoint", part)
        self.assertEqual((state(part)["epoch"], state(part)["position"]), (4, 0))
        self.succeed("resume", part, "--steps", 30, "--in-memory", "no", ranks=2)
        self.assert_same_bits(self.path("whole.h5"), part)

    def test_in_bf16_stays_in_bf16_unless_told_otherwise(self):
        require_bf16(self)
        config, whole = self.whole_run(SMALL + "precision = bf16\n")
        part = self.path("part.h5")
        self.succeed(config, "--steps", 17, "--checkpoint", part, ranks=2)
        other = copy(part, self.path("other.h5"))
        last = self.succeed("resume", part, "--steps", 30, ranks=3)
        self.assertEqual(last.digest, whole.digest)
        self.assert_same_bits(self.path("whole.h5"), part)
        plain = self.succeed("resume", other, "--steps", 30, "--precision", "float32")
        self.assertNotEqual(plain.digest, whole.digest)

    def test_another_momentum_goes_another_way(self):
        """What the comparisons above rest on: a resume that lost the optimizer's state would be seen."""
        config, _ = self.whole_run(SMALL)
        part = self.path("part.h5")
        self.succeed(config, "--steps", 17, "--checkpoint", part)
        self.succeed("resume", part, "--steps", 30, "--momentum", 0.8)
        found = self.trainer("diff", "whole.h5", "part.h5")
        self.assertEqual(found.code, 1, found)
        self.assertRegex(found.out, r"^parameters: linear1/weights differs first at element \d+: \S+ and \S+$")

    def test_a_finished_run_says_so_and_stays(self):
        _, whole = self.whole_run(SMALL)
        with open(self.path("whole.h5"), "rb") as file:
            before = file.read()
        again = self.succeed("resume", "whole.h5", "--steps", 30)
        self.assertEqual(again.digest, whole.digest)
        self.assertEqual(again.lines[-3], whole.lines[-3])
        self.assertRegex(again.out, r"(?i)(finished|nothing).*(--steps|--epochs)")
        with open(self.path("whole.h5"), "rb") as file:
            self.assertEqual(file.read(), before)


class ScheduleOfCheckpointsTest(SystemTest):
    def steps_written(self, *options):
        """At which steps a run of 30 wrote a checkpoint."""
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}")
        folder = self.path("checkpoints")
        os.makedirs(folder, exist_ok=True)
        for old in os.listdir(folder):
            os.remove(os.path.join(folder, old))
        path = os.path.join(folder, "c.h5")
        self.succeed(config, "--checkpoint", path, *options,
                     env={"LD_PRELOAD": FAULT, "FAULT_PATH": folder, "FAULT_MODE": "keep"})
        kept = sorted(glob.glob(path + ".kept*"), key=lambda p: int(p.rsplit("kept", 1)[1]))
        return [int(state(p)["step"]) for p in kept]

    def test_every_so_many_steps(self):
        self.assertEqual(self.steps_written("--epochs", 6, "--checkpoint-steps", 7), [7, 14, 21, 28, 30])

    def test_every_so_many_epochs(self):
        self.assertEqual(self.steps_written("--epochs", 5, "--checkpoint-epochs", 2), [10, 20, 25])

    def test_both(self):
        self.assertEqual(self.steps_written("--steps", 12, "--checkpoint-steps", 4, "--checkpoint-epochs", 1),
                         [4, 5, 8, 10, 12])

    def test_at_the_end_where_nothing_else_is_said(self):
        self.assertEqual(self.steps_written("--steps", 3), [3])

    def test_every_so_many_minutes(self):
        written = self.steps_written("--steps", 2000, "--checkpoint-minutes", 0.005)
        self.assertGreaterEqual(len(written), 2)
        self.assertEqual(written[-1], 2000)
        self.assertEqual(written, sorted(set(written)))

    def test_each_is_a_place_to_go_on_from(self):
        self.steps_written("--epochs", 6, "--checkpoint-steps", 13)
        kept = self.path("checkpoints/c.h5.kept1")
        self.assertEqual(state(kept)["step"], 13)
        part = copy(kept, self.path("part.h5"))
        self.succeed("resume", part, "--checkpoint-steps", 0)
        self.assert_same_bits(part, self.path("checkpoints/c.h5"))


class SignalTest(SystemTest):
    """A signal ends the run after the step at hand, with a checkpoint and a word on how to go on."""

    MESSAGE = r"^stopped by {} after step (\d+) of (\d+); go on with: trainer resume (\S+)$"

    def setUp(self):
        super().setUp()
        # Epochs enough for minutes; the schedule runs over them, so `steps` alone may be lowered later.
        self.config = self.configuration(
            f"dataset = {digits(type(self))}\n{SMALL}\nschedule = cosine\nepochs = 5000\ncheckpoint = c.h5\n")

    def assert_goes_on(self, stopped, name, ranks=0):
        self.assertEqual(stopped.code, 0, stopped)
        self.assertEqual(stopped.err, "", stopped)
        found = re.search(self.MESSAGE.format(name), stopped.out, re.M)
        self.assertIsNotNone(found, stopped)
        self.assertEqual(len(re.findall("^stopped by", stopped.out, re.M)), 1)
        step, path = int(found.group(1)), os.path.join(self.folder, found.group(3))
        self.assertEqual(state(path)["step"], step)
        self.assertEqual(state(path)["finished"], 0)
        end = step + 7
        resumed = self.succeed("resume", path, "--steps", end, ranks=ranks)
        undisturbed = self.succeed(self.config, "--steps", end, "--checkpoint", "undisturbed.h5")
        self.assertEqual(resumed.digest, undisturbed.digest)
        self.assert_same_bits(path, self.path("undisturbed.h5"))

    def test_one_process(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            with self.subTest(number.name):
                job = self.start(self.config)
                job.wait_for("^epoch 2 ")
                job.process.send_signal(number)
                self.assert_goes_on(job.wait(10), number.name, ranks=2)

    def test_one_rank_of_three(self):
        for rank in (0, 2):
            with self.subTest(rank=rank):
                job = self.start(self.config, ranks=3)
                job.wait_for("^epoch 2 ")
                pids = job.trainers()
                self.assertEqual(len(pids), 3)
                os.kill(pids[rank], signal.SIGUSR1)
                self.assert_goes_on(job.wait(20), "SIGUSR1")

    def test_every_rank_at_once(self):
        job = self.start(self.config, ranks=2)
        job.wait_for("^epoch 2 ")
        for pid in job.trainers():
            os.kill(pid, signal.SIGUSR1)
        self.assert_goes_on(job.wait(20), "SIGUSR1")

    def test_to_mpirun(self):
        """As a batch system does it: mpirun passes it on."""
        job = self.start(self.config, ranks=2)
        job.wait_for("^epoch 2 ")
        job.process.send_signal(signal.SIGUSR1)
        self.assert_goes_on(job.wait(20), "SIGUSR1")

    def test_mpirun_told_to_stop(self):
        """mpirun waits, sends SIGTERM, waits again, and kills; the time in between is enough for a checkpoint."""
        # Epochs of some length: mpirun no longer takes what is printed, and little fits between the two.
        config = self.configuration(f"dataset = {digits(type(self), 2000, 10)}\n{LENET}\nbatch-size = 90\nepochs = 500\n"
                                    "checkpoint = c.h5\n")
        job = self.start_words([MPIRUN, "-q", "--oversubscribe", "--mca", "odls_base_sigkill_timeout", "2", "-n", "2", TRAINER,
                                config])
        job.wait_for("^epoch 1 ")
        job.process.terminate()
        stopped = job.wait(30)
        step = int(re.search(self.MESSAGE.format("SIGTERM"), stopped.out, re.M).group(1))
        self.assertEqual(state(self.path("c.h5"))["step"], step)
        self.succeed("inspect", "c.h5")

    def test_a_storm_of_signals(self):
        """A handler's frame must not land on the data of a kernel that uses the stack pointer for other things."""
        # Thousands of signals within one step of about a second, as one after the run's end would end the process.
        text = f"dataset = {digits(type(self), 4000, 10)}\n{LENET}\nbatch-size = 4000\nepochs = 500\nthreads = 1\n"
        config = self.configuration(text)
        job = self.start(config, "--checkpoint", "c.h5")
        job.wait_for("^epoch 1 ")
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            job.process.send_signal(signal.SIGUSR1)
        stopped = job.wait(30)
        self.assertEqual(stopped.code, 0, stopped)
        self.assertRegex(stopped.out, r"(?m)^stopped by SIGUSR1 after step \d ")
        steps = state(self.path("c.h5"))["step"]
        self.assertEqual(self.succeed("inspect", "c.h5").digest, self.succeed(config, "--steps", steps).digest)

    def test_without_a_checkpoint(self):
        job = self.start(self.config, "--checkpoint", "")
        job.wait_for("^epoch 2 ")
        job.process.send_signal(signal.SIGTERM)
        stopped = job.wait(10)
        self.assertEqual(stopped.code, 0, stopped)
        self.assertRegex(stopped.out, r"stopped by SIGTERM after step \d+ of \d+; no checkpoint was asked for.*--checkpoint FILE")


if __name__ == "__main__":
    unittest.main()
