"""The start-up doctor: what it tells of hosts and ranks, what it warns of, and which ranks it lets work together."""
import os
import re
import shutil
import unittest

import numpy as np

from bad_input import BadInputTest
from support import MPIRUN, TRAINER, write_dataset

HEADING = r"host +ranks +threads +cores of each +instructions +MPI by +round trip +clock against rank 0's"
CORES = sorted(os.sched_getaffinity(0))


def ranges(cores):
    return ",".join(str(c) for c in cores) if len(cores) == 1 else f"{cores[0]}-{cores[-1]}"


class DoctorTest(BadInputTest):
    def mpirun(self, *parts, options=(), env=None):
        """Ranks of several kinds: (number, words of mpirun and the program's)."""
        words = [MPIRUN, "-q", "--oversubscribe", *options]
        for i, (ranks, *rest) in enumerate(parts):
            words += ([":"] if i else []) + ["-n", str(ranks), *map(str, rest)]
        return self.start_words(words, env=env).wait()

    def run_on(self, *parts, **how):
        result = self.mpirun(*parts, **how)
        self.assertEqual((result.code, result.err), (0, ""), result)
        return result

    def row(self, result):
        """The table's only row, as this machine is one host, and that there is one table."""
        self.assertEqual(len(re.findall(HEADING, result.out)), 1, result)
        at = next(i for i, line in enumerate(result.lines) if re.match(HEADING, line))
        return re.split(r" {2,}", result.lines[at + 1])


class TableTest(DoctorTest):
    def test_a_run_of_several_ranks_has_a_row_for_each_host(self):
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                result = self.run_on((ranks, TRAINER, self.config, "--steps", 2), options=["--bind-to", "none"])
                row = self.row(result)
                self.assertEqual(row[:4], [os.uname().nodename, f"0-{ranks - 1}", "1", ranges(CORES)], result)
                self.assertRegex(row[5], r"\A(ob1 over .*vader|ucx|cm)")
                self.assertRegex(row[6], r"\A[0-9.]+ us\Z")
                ahead, uncertainty = map(float, re.fullmatch(r"([+-][0-9.]+) ms \+- ([0-9.]+)", row[7]).groups())
                # One clock serves all ranks of a host; the system may set it a little meanwhile.
                self.assertLessEqual(abs(ahead), uncertainty + 0.1, result)

    def test_ranks_that_differ(self):
        first, last = CORES[0], CORES[-1]
        result = self.run_on((1, "taskset", "-c", first, TRAINER, self.config, "--steps", 1),
                             (1, "taskset", "-c", last, TRAINER, self.config, "--steps", 1, "--threads", 3))
        row = self.row(result)
        self.assertEqual(row[2], "1 | 3")
        if first != last:
            self.assertEqual(row[3], f"{first} | {last}")
            self.assertRegex("\n".join(result.advice), "rank 1 has 3 threads for 1 core, .* --threads 1")

    def test_transports(self):
        for btl, name in (("tcp,self", "tcp"), ("vader,self", "vader")):
            result = self.run_on((2, TRAINER, self.config, "--steps", 1), options=["--mca", "pml", "ob1", "--mca", "btl", btl])
            self.assertEqual(self.row(result)[5], f"ob1 over {name}")

    def test_a_run_of_one_rank_has_none(self):
        self.assertNotRegex(self.succeed(self.config, "--steps", 1).out, HEADING)
        self.assertNotRegex(self.succeed(self.config, "--steps", 1, ranks=1).out, HEADING)


class WarningTest(DoctorTest):
    def advice(self, *parts, **how):
        return self.run_on(*parts, **how).advice

    def test_ranks_that_share_a_core(self):
        words = ("taskset", "-c", CORES[0], TRAINER, self.config, "--steps", 1)
        advice = self.advice((2, *words))
        self.assertEqual(len(advice), 1, advice)
        self.assertRegex(advice[0], rf"ranks 0, 1 share core {CORES[0]}, so they wait for each other: .*(--map-by slot:PE=|at most 1 rank)")

    def test_ranks_with_cores_of_their_own(self):
        if len(CORES) > 1:
            words = (TRAINER, self.config, "--steps", 1)
            each = [(1, "taskset", "-c", ",".join(map(str, half)), *words) for half in (CORES[::2], CORES[1::2])]
            self.assertEqual(self.advice(*each), [])

    @unittest.skipIf(len(CORES) < 2, "there is one core")
    def test_one_rank_on_one_of_several_cores(self):
        # As plain mpirun -n 1 binds it.
        advice = self.advice((1, TRAINER, self.config, "--steps", 1), options=["--bind-to", "core"])
        self.assertRegex(advice[0], r"rank 0 has one core, and .* no rank: .* --map-by slot:PE=\d+ --bind-to core")
        self.assertEqual(self.advice((1, TRAINER, self.config, "--steps", 1), options=["--bind-to", "none"]), [])
        by_hand = self.start_words(["taskset", "-c", str(CORES[0]), TRAINER, self.config, "--steps", "1"]).wait()
        self.assertEqual((by_hand.code, by_hand.err, by_hand.advice), (0, "", []), by_hand)

    def test_more_threads_than_cores(self):
        result = self.succeed(self.config, "--steps", 1, "--threads", len(CORES) + 1)
        self.assertEqual(len(result.advice), 1)
        self.assertRegex(result.advice[0], rf"rank 0 has {len(CORES) + 1} threads for {len(CORES)} core.* --threads {len(CORES)}")

    def test_evaluation_at_the_end_is_not_disturbed(self):
        result = self.succeed("time", self.config, "--steps", 5, "--threads", len(CORES) + 1)
        self.assertEqual(len(result.advice), 1)

    def test_slurm_granted_otherwise(self):
        env = {"SLURM_NTASKS": "4", "SLURM_CPUS_PER_TASK": "4096"}
        for ranks, how in ((0, "srun --mpi=pmix, or mpirun"), (2, "leave out mpirun's -n")):
            with self.subTest(ranks=ranks):
                result = self.trainer(self.config, "--steps", 1, ranks=ranks, env=env)
                self.assertEqual(result.code, 0, result)
                self.assertRegex(result.err, rf"\Atrainer: warning: Slurm granted 4 tasks \(SLURM_NTASKS\)[^\n]* {max(ranks, 1)} ranks?: [^\n]*{how}[^\n]*\n\Z")
                self.assertRegex("\n".join(result.advice), r"Slurm granted 4096 a task \(SLURM_CPUS_PER_TASK\)")
        agreed = self.succeed(self.config, "--steps", 1, ranks=2, env={"SLURM_NTASKS": "2", "SLURM_CPUS_PER_TASK": "1"})
        self.assertEqual(agreed.err, "")

    def test_commands_that_need_one_process_do_not_mind_slurm(self):
        self.checkpoint()
        for words in (("inspect", "c.h5"), ("evaluate", "c.h5")):
            result = self.succeed(*words, env={"SLURM_NTASKS": "4"})
            self.assertEqual(result.err, "", result)


class RefusalTest(DoctorTest):
    def refuse(self, first, second, *says):
        """Ranks 0 and 1 start with `first`, rank 2 with `second`."""
        self.assert_one_message(self.mpirun((2, *first), (1, *second)), 1, "rank 2 has another", *says)

    def test_programs_of_any_command(self):
        other = shutil.copy(TRAINER, self.path("trainer"))
        with open(other, "ab") as file:
            file.write(b"\n")
        for words in ([self.config], ["pca", "digits.h5", "--components", 3], ["selftest"]):
            with self.subTest(words):
                self.refuse([TRAINER, *words], [other, *words], "program", "same build")

    def test_options_of_a_command(self):
        words = [TRAINER, "pca", "digits.h5", "--components"]
        self.refuse([*words, 3], [*words, 4], "command", "'--components 4' against '--components 3'")

    def test_run_options_of_a_command_that_does_not_train(self):
        words = [TRAINER, "pca", "digits.h5", "--components", 3]
        self.refuse([*words, "--in-memory", "yes"], [*words, "--in-memory", "no"], "configuration", "in-memory = no")
        self.run_on((1, *words, "--threads", 1), (1, *words, "--threads", 2))

    def test_instruction_sets(self):
        words = [TRAINER, self.config, "--steps", 2]
        old = ["-x", "DNNL_MAX_CPU_ISA=SSE41", *words]
        self.refuse(words, old, "instruction set", "'sse41' against", "hosts of one kind", "--reduction mpi")
        mpi = ["--reduction", "mpi"]
        result = self.mpirun((2, *words, *mpi), (1, *old, *mpi))
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.err, r"\Atrainer: warning: rank 2 has another instruction set [^\n]*\n\Z")
        self.assertRegex(self.row(result)[4], r"\A(\w+) \| \1 \| sse41\Z")

    def test_datasets_without_a_digest(self):
        """Of files that no rank reads whole, a few samples are compared."""
        random = np.random.default_rng(1)
        splits = {name: {"inputs": random.integers(0, 256, (rows, 1, 28, 28), dtype=np.uint8),
                         "labels": random.integers(0, 10, rows, dtype=np.int32)} for name, rows in (("train", 90), ("test", 20))}
        folder = self.path("other")
        os.mkdir(folder)
        words = [TRAINER, self.config, "--dataset", "own.h5", "--in-memory", "no", "--steps", 1]
        write_dataset(self.path("own.h5"), splits, classes=10)
        write_dataset(os.path.join(folder, "own.h5"), splits, classes=10)
        self.run_on((1, *words), (1, "-wdir", folder, *words))
        for split, array, change in (("test", "labels", lambda a: (a + 1) % 10), ("train", "inputs", lambda a: a ^ 1),
                                     ("test", "inputs", lambda a: a[:-1])):
            other = {name: dict(arrays) for name, arrays in splits.items()}
            if array == "inputs" and split == "test":
                other[split]["labels"] = change(other[split]["labels"])
            other[split][array] = change(other[split][array])
            write_dataset(os.path.join(folder, "own.h5"), other, classes=10)
            self.refuse(words, ["-wdir", folder, *words], "dataset", "same file", r"own\.h5")

    def test_nothing_is_lost(self):
        """A refused run leaves the checkpoint that it was to replace as it was."""
        path = self.checkpoint()
        with open(path, "rb") as file:
            before = file.read()
        words = [TRAINER, "resume", "c.h5", "--steps", 8]
        self.refuse(words, [*words, "--learning-rate", "0.5"], "configuration", "learning-rate = 0.5")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)


class SelftestTest(DoctorTest):
    def test_selftest_tells_of_machines_and_messages(self):
        result = self.mpirun((2, TRAINER, "selftest"), options=["--bind-to", "none"])
        self.assertEqual(result.code, 0, result)
        self.row(result)
        self.assertRegex(result.out, r"(?m)^messages of 1 MB between rank 0 and rank 1 on \S+: [0-9.]+ GB/s$")


if __name__ == "__main__":
    unittest.main()
