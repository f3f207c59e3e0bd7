"""Training over TCP on four hosts, one of which is cut off, then loses a rank, then is done without: the same bits."""
import errno
import os
import re
import signal
import unittest

from hosts import Hosts, NotAllowed
from support import FAULT, LENET, MPIRUN, SMALL, TRAINER, SystemTest, digits, state

# What Open MPI or the trainer say of a lost host or rank, and of a full disk.
CUT_OFF = r"ORTE has lost communication with a remote daemon|no progress for"
DEAD = r"noticed that process rank"
FULL = r"No space left on device"
SLOW_LINKS = 120  # seconds after which a run that should take ten, on cores that are shared, is called hung


class FourHosts(SystemTest):
    STEPS = 150
    # A link is missed after some 5 s. If Open MPI does not miss it, the stall watch does.
    QUICK = {"OMPI_MCA_oob_tcp_keepalive_time": "2", "OMPI_MCA_oob_tcp_keepalive_intvl": "1",
             "OMPI_MCA_oob_tcp_keepalive_probes": "3"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.hosts = Hosts(4, cls.shared)
        except NotAllowed as reason:
            raise unittest.SkipTest(f"hosts as network namespaces are not to be had: {reason}") from None
        cls.addClassCleanup(cls.hosts.remove)

    def on(self, names, ranks, *words, **environment):
        return self.start_words(self.hosts.mpirun(MPIRUN, ranks, names, [TRAINER, *map(str, words)]),
                                env=dict(self.QUICK, **environment))

    def assert_ends(self, job, seconds, message, *fragments):
        """Within that time on all hosts, with this message and no other that says why; the checkpoint is whole."""
        ended = job.wait(seconds)
        self.assertNotEqual(ended.code, 0, ended)
        self.assertEqual(len(re.findall(f"{CUT_OFF}|{DEAD}|{FULL}", ended.err)), 1, ended)
        for fragment in (message, *fragments):
            self.assertRegex(ended.err, fragment, ended)
        self.assertNotRegex(ended.err, "MPI_ABORT|MPI_Finalize|MPI_FINALIZE|help message|Segmentation", ended)
        self.assertTrue(self.hosts.wait_until_idle(10), "processes stay behind")
        self.succeed("inspect", self.file)
        return int(state(self.file)["step"])

    def test_cut_killed_and_on_three_hosts(self):
        config = self.configuration(f"dataset = {digits(type(self), 2000)}\n{SMALL}steps = {self.STEPS}\n")
        self.file = self.path("c.h5")
        undisturbed = self.succeed(config)
        names = self.hosts.names
        together = self.on(names, 8, config).wait(SLOW_LINKS)
        self.assertEqual(together.code, 0, together)
        self.assertEqual(together.digest, undisturbed.digest)

        job = self.on(names, 4, config, "--checkpoint", self.file, "--checkpoint-steps", 5, "--stall-timeout", 15)
        job.wait_for("^epoch 2 ")
        self.hosts.cut("host3")
        cut = self.assert_ends(job, 30, CUT_OFF, "host3")
        self.assertLess(cut, self.STEPS)
        self.hosts.mend("host3")

        job = self.on(names, 4, "resume", self.file)
        job.wait_for(r"^epoch .*\nepoch ")  # an epoch is 23 steps, so a checkpoint has been written
        rank, = self.hosts.processes("host3", os.path.basename(TRAINER))
        os.kill(rank, signal.SIGKILL)
        killed = self.assert_ends(job, 10, DEAD, r"rank 2 .* host3 .*signal 9")
        self.assertLess(cut, killed)
        self.assertLess(killed, self.STEPS)

        rest = self.on([name for name in names if name != "host3"], 6, "resume", self.file).wait(SLOW_LINKS)
        self.assertEqual(rest.code, 0, rest)
        self.assertEqual(rest.digest, undisturbed.digest)

    def test_a_disk_that_fills_while_parameters_travel_ends_the_run_with_one_message(self):
        config = self.configuration(f"dataset = {digits(type(self), 400)}\n{LENET}batch-size = 64\nmicrobatch = 16\n")
        folder = self.path("checkpoints")
        os.mkdir(folder)
        self.file = os.path.join(folder, "c.h5")
        # Rank 0 writes, beside the steps; all agree to end in the step after, whose parameters are still on their way.
        job = self.on(self.hosts.names, 4, config, "--steps", 100, "--checkpoint", self.file, "--checkpoint-steps", 1,
                      LD_PRELOAD=FAULT, FAULT_PATH=folder, FAULT_MODE="full", FAULT_AT="60", FAULT_ERRNO=str(errno.ENOSPC))
        step = self.assert_ends(job, SLOW_LINKS, FULL, r"\Atrainer: rank 0: ")
        self.assertLess(step, 100)


if __name__ == "__main__":
    unittest.main()
