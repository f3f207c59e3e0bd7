"""Whatever moment a run dies, or the disk refuses: the last whole checkpoint is there, and going on from it gives the same bits."""
import errno
import os
import random
import re
import signal
import socket
import subprocess
import time
import unittest

from support import FAULT, MPIRUN, SMALL, TRAINER, SystemTest, copy, digits, processes_of_session, state

WRITES = ("write", "pwrite", "ftruncate")


class FaultTest(SystemTest):
    """A checkpoint of step 4 is replaced by one of step 6, and every call that does so goes wrong once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.config = os.path.join(cls.shared, "run.cfg")
        with open(cls.config, "w") as file:
            file.write(f"dataset = {digits(cls)}\n{SMALL}")

    def setUp(self):
        super().setUp()
        self.checkpoints = self.path("checkpoints")
        os.mkdir(self.checkpoints)
        self.file = os.path.join(self.checkpoints, "c.h5")
        self.old = self.path("old.h5")
        self.old_digest = self.succeed(self.config, "--steps", 4, "--checkpoint", self.old).digest
        self.new_digest = self.succeed(self.config, "--steps", 6, "--checkpoint", "new.h5").digest
        self.end_digest = self.succeed(self.config, "--steps", 8).digest
        self.assertEqual(len({self.old_digest, self.new_digest, self.end_digest}), 3)

    def replace(self, mode, at=0, error=0, log="", steps=6):
        """Writes step 6 over step 4 with a fault on the way."""
        for name in os.listdir(self.checkpoints):
            os.remove(os.path.join(self.checkpoints, name))
        copy(self.old, self.file)
        env = {"LD_PRELOAD": FAULT, "FAULT_PATH": self.checkpoints, "FAULT_MODE": mode, "FAULT_AT": str(at),
               "FAULT_ERRNO": str(error)}
        if log:
            env["FAULT_LOG"] = log
        return self.trainer("resume", self.file, "--steps", steps, env=env)

    def calls(self):
        """What a replacement does to the folder's files, in order: [("pwrite", path), ..]"""
        log = self.path("log")
        result = self.replace("log", log=log)
        self.assertEqual(result.digest, self.new_digest)
        with open(log) as file:
            return [tuple(line.rstrip("\n").split(" ", 1)) for line in file]

    def assert_old_or_new(self):
        """Returns the digest."""
        seen = self.succeed("inspect", self.file).digest
        self.assertIn(seen, (self.old_digest, self.new_digest))
        return seen

    def assert_goes_on(self):
        resumed = self.succeed("resume", self.file, "--steps", 8)
        self.assertEqual(resumed.digest, self.end_digest)
        self.assertEqual(os.listdir(self.checkpoints), ["c.h5"])  # leftovers are gone

    def test_what_is_renamed_is_on_the_disk(self):
        calls = self.calls()
        renames = [i for i, (call, _) in enumerate(calls) if call == "rename"]
        self.assertEqual(len(renames), 1, calls)
        name = calls[renames[0]][1]
        self.assertNotEqual(name, self.file)
        before, after = calls[:renames[0]], calls[renames[0] + 1:]
        synced = max(i for i, call in enumerate(before) if call[0] in ("fsync", "fdatasync") and call[1] == name)
        written = max(i for i, call in enumerate(before) if call[0] in WRITES and call[1] == name)
        self.assertLess(written, synced)
        self.assertIn(("fsync", self.checkpoints), after)  # the new name too
        self.assertFalse([call for call in calls if call[0] in WRITES and call[1] == self.file], "written in place")

    def test_killed_at_every_call(self):
        calls = self.calls()
        self.assertGreater(len(calls), 10)
        seen = []
        for at in range(1, len(calls) + 1):
            with self.subTest(at=at, call=calls[at - 1]):
                result = self.replace("kill", at)
                self.assertEqual(result.code, -signal.SIGKILL, result)
                seen.append(self.assert_old_or_new())
                self.assert_goes_on()
        self.assertEqual(set(seen), {self.old_digest, self.new_digest})
        self.assertEqual(seen, sorted(seen, key=[self.old_digest, self.new_digest].index), "new, then old again")

    def test_killed_in_the_middle_of_every_write(self):
        calls = self.calls()
        writes = [i + 1 for i, (call, _) in enumerate(calls) if call in ("write", "pwrite")]
        for at in writes:
            with self.subTest(at=at):
                result = self.replace("short", at)
                self.assertEqual(result.code, -signal.SIGKILL, result)
                self.assertEqual(self.assert_old_or_new(), self.old_digest)
                self.assert_goes_on()

    def test_writes_that_do_half(self):
        """The system may write less than it was asked to."""
        result = self.replace("halve")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.assert_old_or_new(), self.new_digest)
        self.assert_same_bits(self.file, self.path("new.h5"))

    def assert_refused(self, result, *words):
        self.assert_one_message(result, 1, re.escape("c.h5"), *words)
        self.assertEqual(os.listdir(self.checkpoints), ["c.h5"])

    def test_disk_full_from_every_call_on(self):
        calls = self.calls()
        last = max(i for i, (call, _) in enumerate(calls) if call in WRITES)
        for at in range(1, last + 2):
            with self.subTest(at=at, call=calls[at - 1]):
                result = self.replace("full", at, errno.ENOSPC)
                self.assert_refused(result, "No space left on device")
                self.assertEqual(self.assert_old_or_new(), self.old_digest)
        self.assertRegex(result.err, "make room in")
        self.assert_goes_on()

    def test_every_call_fails_once(self):
        calls = self.calls()
        renamed = [call for call, _ in calls].index("rename")
        for at, (call, path) in enumerate(calls, 1):
            if call in ("close", "unlink"):
                continue
            with self.subTest(at=at, call=call, path=path):
                result = self.replace("fail", at, errno.EIO)
                self.assert_refused(result, "Input/output error")
                expected = self.old_digest if at <= renamed + 1 else self.new_digest
                self.assertEqual(self.assert_old_or_new(), expected)
        self.assert_goes_on()

    def test_closing_fails_once(self):
        """Data that a close could not write is missed, or was synced before; a broken file is never in its place."""
        closes = [i + 1 for i, (call, _) in enumerate(self.calls()) if call == "close"]
        codes = set()
        for at in closes:
            with self.subTest(at=at):
                result = self.replace("fail", at, errno.EIO)
                codes.add(result.code)
                seen = self.assert_old_or_new()
                if result.code == 0:
                    self.assertEqual(seen, self.new_digest)
                    self.assertEqual(os.listdir(self.checkpoints), ["c.h5"])
                else:
                    self.assert_refused(result, "Input/output error")
        self.assertIn(1, codes)  # that of the file as HDF5 wrote it
        self.assert_goes_on()

    def test_datasets_are_written_as_safely(self):
        """`generate` over an older file, on a full disk."""
        target = os.path.join(self.checkpoints, "d.h5")
        env = {"LD_PRELOAD": FAULT, "FAULT_PATH": self.checkpoints, "FAULT_MODE": "log", "FAULT_LOG": self.path("log")}
        make = ("generate", "digits", "--output", target, "--generate-train", 50, "--generate-test", 5)
        old = self.succeed(*make, "--seed", 7).lines
        new = self.succeed(*make, env=env).lines
        self.assertNotEqual(old, new)
        self.succeed(*make, "--seed", 7)
        with open(self.path("log")) as file:
            calls = [line.split()[0] for line in file]
        last = max(i for i, call in enumerate(calls) if call in WRITES)
        for at in range(1, last + 2):
            with self.subTest(at=at):
                result = self.trainer(*make, env=dict(env, FAULT_MODE="full", FAULT_AT=str(at), FAULT_ERRNO=str(errno.ENOSPC)))
                self.assert_one_message(result, 1, "d.h5", "No space left on device", "make room")
                self.assertEqual(os.listdir(self.checkpoints), ["d.h5"])
                self.assertEqual(self.succeed("inspect", target).lines[1:], old[1:])


class BesideTrainingTest(SystemTest):
    """Checkpoints are written while training goes on."""

    def setUp(self):
        super().setUp()
        self.config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}")
        self.folder_of_checkpoints = self.path("checkpoints")
        os.mkdir(self.folder_of_checkpoints)
        self.file = os.path.join(self.folder_of_checkpoints, "c.h5")

    def faulty(self, mode, at=0):
        return {"LD_PRELOAD": FAULT, "FAULT_PATH": self.folder_of_checkpoints, "FAULT_MODE": mode, "FAULT_AT": str(at),
                "FAULT_ERRNO": str(errno.ENOSPC)}

    def test_a_slow_disk_holds_nobody_up(self):
        asked = ("--steps", 3000, "--checkpoint", self.file, "--checkpoint-steps", 1000)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                result = self.succeed(self.config, *asked, ranks=ranks, env=self.faulty("slow"))
                said = re.search(r"checkpoints: 3, for each training stood still ([\d.]+) ms; writing took ([\d.]+) ms", result.out)
                self.assertIsNotNone(said, result)
                stood_still, writing = map(float, said.groups())
                self.assertGreater(writing, 200)  # the file, and its folder
                self.assertLess(stood_still, writing / 2)

    def test_a_disk_that_fills_up_ends_the_run(self):
        for ranks in (0, 3):
            with self.subTest(ranks=ranks):
                self.succeed(self.config, "--steps", 2, "--checkpoint", self.file)
                before = self.succeed("inspect", self.file).digest
                result = self.trainer(self.config, "--steps", 100000, "--checkpoint", self.file, "--checkpoint-steps", 10,
                                      ranks=ranks, env=self.faulty("full", 5))
                self.assert_one_message(result, 1, re.escape("c.h5"), "No space left on device", "make room in")
                self.assertEqual(os.listdir(self.folder_of_checkpoints), ["c.h5"])
                self.assertEqual(self.succeed("inspect", self.file).digest, before)


class KillTest(SystemTest):
    CONFIG = SMALL + "schedule = cosine\nepochs = 5000\ncheckpoint = c.h5\ncheckpoint-steps = 2\n"

    def setUp(self):
        super().setUp()
        self.config = self.configuration(f"dataset = {digits(type(self))}\n{self.CONFIG}")
        self.file = self.path("c.h5")

    def test_whole_job_at_random_moments(self):
        """Ten times, on changing numbers of ranks; then as many steps as were done are done without a break."""
        seed = random.randrange(1 << 32)
        moments = random.Random(seed)
        done = []
        with self.subTest(seed=seed):
            for kill in range(10):
                words = ("resume", self.file) if os.path.exists(self.file) else (self.config,)
                job = self.start(*words, ranks=1 + kill % 3)
                # From before MPI is up to well within training.
                if kill % 2 == 0:
                    job.wait_for("^epoch ")
                time.sleep(moments.uniform(0, 0.3) if kill % 2 == 0 else moments.uniform(0.05, 1.2))
                self.assertIsNone(job.process.poll(), job.output())
                job.kill()
                if os.path.exists(self.file):
                    self.succeed("inspect", self.file)
                    done.append(int(state(self.file)["step"]))
            self.assertEqual(done, sorted(done))
            self.assertGreater(len(set(done)), 2, "too few checkpoints for this to tell anything")
            self.assertTrue(all(step % 2 == 0 for step in done), done)
            end = done[-1] + 5
            resumed = self.succeed("resume", self.file, "--steps", end, ranks=2)
            undisturbed = self.succeed(self.config, "--steps", end, "--checkpoint", "undisturbed.h5", "--checkpoint-steps", 0)
            self.assertEqual(resumed.digest, undisturbed.digest)
            self.assert_same_bits(self.file, self.path("undisturbed.h5"))
            self.assertEqual([name for name in os.listdir(self.folder) if "partial" in name], [])

    def test_one_rank(self):
        """The others stop within seconds, and the name of the dead one is told."""
        for rank in (0, 2):
            with self.subTest(rank=rank):
                job = self.start_words([MPIRUN, "--oversubscribe", "-n", "3", TRAINER, self.config])
                job.wait_for("^epoch 3 ")
                pids = job.trainers()
                self.assertEqual(len(pids), 3)
                os.kill(pids[rank], signal.SIGKILL)
                ended = job.wait(10)
                self.assertNotEqual(ended.code, 0, ended)
                self.assertRegex(ended.err, rf"rank {rank} .*signal 9", ended)
                self.assertEqual(processes_of_session(job.process.pid), {})
                self.succeed("inspect", self.file)

    def test_mpirun_itself(self):
        """Ranks do not stay behind."""
        job = self.start(self.config, ranks=3)
        job.wait_for("^epoch 3 ")
        job.process.kill()
        end = time.monotonic() + 10
        while processes_of_session(job.process.pid):
            self.assertLess(time.monotonic(), end, processes_of_session(job.process.pid))
            time.sleep(0.05)
        self.succeed("inspect", self.file)


class LeftoverTest(SystemTest):
    """What a killed writer left is removed by the next; what another is writing now is not."""

    def assert_leftover(self, process, age, stays):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}")
        leftover = self.path(f".c.h5.partial-{socket.gethostname()}-{process}-1")
        with open(leftover, "w") as file:
            file.write("cut sho")
        then = time.time() - age
        os.utime(leftover, (then, then))
        self.succeed(config, "--steps", 1, "--checkpoint", "c.h5")
        self.assertEqual(os.path.exists(leftover), stays)

    def sleeper(self):
        process = subprocess.Popen(["sleep", "100"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_of_a_process_that_is_no_more(self):
        process = self.sleeper()
        process.kill()
        process.wait()
        self.assert_leftover(process.pid, 0, stays=False)

    def test_of_a_dead_process_that_nobody_has_asked_for(self):
        """As after kill -9 in a container, whose first process collects the dead late or never."""
        process = self.sleeper()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        self.assert_leftover(process.pid, 0, stays=False)

    def test_of_long_ago_whose_process_number_has_a_new_owner(self):
        """As after a restart of the machine."""
        self.assert_leftover(self.sleeper().pid, 24 * 3600, stays=False)

    def test_of_a_process_at_work(self):
        self.assert_leftover(self.sleeper().pid, 0, stays=True)


if __name__ == "__main__":
    unittest.main()
