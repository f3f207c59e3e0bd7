"""The scripts of launch/ that start ranks; where they need a queue, the test plays it."""
import os
import signal
import time
import unittest
from pathlib import Path

from support import SMALL, TRAINER, SystemTest, digits

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
PBS = LAUNCH / "pbs.sh"


class Pbs(SystemTest):
    def job(self, number, arguments, ranks=1, stop_after=300):
        """Runs the script as the queue would; what it submits is a line of submitted.txt."""
        qsub = Path(self.path("qsub"))
        qsub.write_text(f'#!/bin/sh\necho "$*" "$ARGUMENTS" "$CHECKPOINT" >> {self.path("submitted.txt")}\n')
        qsub.chmod(0o755)
        if not os.path.exists(self.path("launch")):
            os.symlink(LAUNCH, self.path("launch"))
        Path(self.path("nodes")).write_text("localhost\n" * ranks)
        return self.start_words(["bash", str(PBS)], env={
            "PATH": f"{self.folder}:{os.environ['PATH']}", "PBS_O_WORKDIR": self.folder, "PBS_JOBID": f"{number}.server",
            "PBS_NODEFILE": self.path("nodes"), "TRAINER": TRAINER, "THREADS": "1", "STOP_AFTER": str(stop_after),
            "ARGUMENTS": arguments, "CHECKPOINT": "" if number == 7 else "lockstep-7.h5"}).wait(250)

    def submitted(self):
        file = Path(self.path("submitted.txt"))
        return file.read_text().splitlines() if file.exists() else []

    def test_a_job_at_its_limit_is_submitted_again_and_ends_as_if_there_were_none(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}steps = 10000\n")
        first = self.job(7, config, stop_after=3)  # time for mpirun to start, and not enough to end
        self.assertEqual(first.code, 0, first)
        self.assertIn("not finished; submitting it again", first.out)
        self.assertEqual(self.submitted(), [f"launch/pbs.sh {config} lockstep-7.h5"])
        second = self.job(8, config, ranks=min(2, os.cpu_count()))
        self.assertEqual(second.code, 0, second)
        self.assertEqual(len(self.submitted()), 1)
        self.assertEqual(second.digest, self.trainer(config, timeout=250).digest)

    def test_bad_input(self):
        self.assertRegex(self.job(7, "").err, "^usage: qsub -v ARGUMENTS=")
        self.assertNotEqual(self.job(7, "no.cfg").code, 0)
        self.assertEqual(self.job(7, "some.cfg --checkpoint mine.h5").code, 2)
        self.assertEqual(self.submitted(), [])


class Mpirun(SystemTest):
    """launch/run.sh around an mpirun that the test plays."""

    REPORT = "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)."

    def played(self, script, expected):
        """Its exit code, and after how many seconds it came; `expected`: what is to be said."""
        mpirun = Path(self.path("mpirun"))
        mpirun.write_text(f"#!/bin/sh\n{script}\n")
        mpirun.chmod(0o755)
        started = time.monotonic()
        job = self.start_words(["bash", str(LAUNCH / "run.sh"), str(mpirun)])
        job.process.wait(30)
        seconds = time.monotonic() - started
        while job.complaints() != expected and time.monotonic() < started + 30:
            time.sleep(0.01)  # what filters them may be a little behind
        self.assertEqual(job.complaints(), expected)
        return job.wait().code, seconds

    def test_one_that_hangs_after_its_report_is_ended(self):
        code, seconds = self.played(f"echo '{self.REPORT}' >&2; exec sleep 600",
                                    f"{self.REPORT}\nrun.sh: mpirun has not ended 10 s after that, and is killed\n")
        self.assertEqual(code, 128 + signal.SIGKILL)
        self.assertLess(seconds, 20)

    def test_one_that_ends_after_its_report_has_its_own_code_at_once(self):
        for pause in (0, 0.003, 0.01, 0.03, 0.2):
            with self.subTest(pause=pause):
                code, seconds = self.played(f"echo '{self.REPORT}' >&2; sleep {pause}; exit 3", f"{self.REPORT}\n")
                self.assertEqual(code, 3)
                self.assertLess(seconds, 5)

    def test_one_that_is_only_slow_to_say_more_is_let_alone(self):
        code, seconds = self.played("echo 'trainer: no report of mpirun noticed that process rank 1' >&2; sleep 11",
                                    "trainer: no report of mpirun noticed that process rank 1\n")
        self.assertEqual(code, 0)
        self.assertGreater(seconds, 10.5)


class Local(SystemTest):
    def under_way(self, *more, **environment):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}epochs = 100000\n")
        job = self.start_words(["bash", str(LAUNCH / "local.sh"), "3", config, *more],
                               env={"TRAINER": TRAINER, **environment})
        job.wait_for("^epoch 2 ")
        return job

    def test_told_to_stop_it_saves(self):
        job = self.under_way("--checkpoint", "c.h5")
        os.kill(job.process.pid, signal.SIGTERM)
        result = job.wait()
        self.assertEqual((result.code, result.err), (0, ""), result)
        self.assertIn("stopped by SIGUSR1", result.lines[-1])
        self.succeed("inspect", "c.h5")

    def test_a_killed_rank_is_one_message(self):
        job = self.under_way()
        os.kill(job.trainers()[1], signal.SIGKILL)
        result = job.wait(10)
        self.assertNotEqual(result.code, 0, result)
        self.assertRegex(result.err, r"\Ampirun noticed that process rank 1 .* exited on signal 9 \(Killed\)\.\n\Z", result)

    def local(self, ranks, config, checkpoint):
        return self.start_words(["bash", str(LAUNCH / "local.sh"), str(ranks), config],
                                env={"TRAINER": TRAINER, "CHECKPOINT": checkpoint})

    def test_a_killed_run_goes_on_from_its_checkpoint_on_fewer_ranks(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}steps = 1500\ncheckpoint-steps = 20\n")
        job = self.local(3, config, "c.h5")
        job.wait_for("^epoch 9 ")  # 45 steps
        os.kill(job.trainers()[2], signal.SIGKILL)
        result = job.wait(250)
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.err, r"killed \(exit code 137\); going on from c\.h5 on 2 rank\(s\)\n")
        self.assertEqual(result.digest, self.trainer(config, "--checkpoint", "undisturbed.h5", timeout=250).digest)
        again = self.local(2, config, "c.h5").wait().out
        self.assertTrue(again.startswith(f"going on from c.h5, as it says itself; not read: {config}\n"), again)
        self.assertIn("nothing to do", again)

    def test_the_users_arguments_count_whatever_their_order(self):
        self.start_words(["bash", str(LAUNCH / "local.sh"), "1", "--checkpoint-minutes", "2", "--dataset", digits(type(self)),
                          "--steps", "2"], env={"TRAINER": TRAINER, "CHECKPOINT": "c.h5"}).wait()
        self.assertRegex(self.succeed("inspect", "c.h5").out, "checkpoint-minutes = 2\n")

    def test_a_checkpoint_has_one_name(self):
        for how in (["--checkpoint", "mine.h5"], ["--checkpoint=mine.h5"]):
            result = self.start_words(["bash", str(LAUNCH / "local.sh"), "1", *how],
                                      env={"TRAINER": TRAINER, "CHECKPOINT": "c.h5"}).wait()
            self.assertEqual(result.code, 2, result)
            self.assertRegex(result.err, r"\Alaunch: name the checkpoint by CHECKPOINT=FILE in place of --checkpoint.*\n\Z")

    def test_a_run_that_gets_no_further_ends(self):
        job = self.under_way(CHECKPOINT="c.h5")
        os.kill(job.trainers()[1], signal.SIGKILL)
        result = job.wait(10)
        self.assertEqual(result.code, 137, result)
        self.assertNotIn("going on", result.err)

    def test_a_bad_configuration_is_one_message(self):
        result = self.start_words(["bash", str(LAUNCH / "local.sh"), "2", "no.cfg"], env={"TRAINER": TRAINER}).wait()
        self.assert_one_message(result, 2, "no.cfg")


if __name__ == "__main__":
    unittest.main()
