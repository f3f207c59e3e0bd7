#!/usr/bin/python3
"""Kills training runs at random moments and resumes them on random numbers of ranks: does each end with the same digest?

    bench/kills.py --build build --kills 200

A run trains a small network and writes a checkpoint every three steps. It is killed (SIGKILL) up to ten times: one of its
ranks, the whole job, or either as soon as a checkpoint is being written. After each kill the checkpoint must be whole, and
the run goes on from it on 1 to 4 ranks. At its end its digest must be that of the undisturbed run. Exit code 1 and the seed
where something fails; the moments are drawn from the seed, what they hit depends on the machine.
"""
import argparse
import glob
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = str(ROOT / "launch/run.sh")  # for an mpirun that hangs where a rank is killed as it starts
sys.path.insert(0, str(ROOT / "tests/system"))

STEPS = 600
KINDS = ("a rank", "the job", "a rank, in a checkpoint", "the job, in a checkpoint")


class Run:
    """One training run, through all its kills."""

    def __init__(self, folder, config, chance, seconds):
        """`seconds`: what it takes without kills, by the number of ranks."""
        self.folder, self.config, self.chance, self.seconds = folder, config, chance, seconds
        self.checkpoint = os.path.join(folder, "c.h5")

    def start(self, ranks):
        self.old = self.partials()
        what = ["resume", self.checkpoint] if os.path.exists(self.checkpoint) else \
            [self.config, "--checkpoint", self.checkpoint, "--checkpoint-steps", "3"]
        launcher = [] if ranks == 1 else [LAUNCH, support.MPIRUN, "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]
        return support.Job([*launcher, support.TRAINER, *what], self.folder)

    def partials(self):
        return set(glob.glob(os.path.join(self.folder, ".c.h5.partial-*")))

    def writes(self):
        return bool(self.partials() - self.old)

    def await_moment(self, job, kind, seconds):
        """So long after the start, then, where asked for, until a checkpoint is being written. False: it ended before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or ("checkpoint" in kind and not self.writes()):
            if job.process.poll() is not None:
                return False
            time.sleep(0.0005)
        return job.process.poll() is None

    def kill(self, job, kind):
        """Returns the result of a job that came to its end all the same."""
        ranks = job.trainers()
        if kind.startswith("the job") or not ranks:
            job.kill()
            return None
        try:
            os.kill(self.chance.choice(ranks), signal.SIGKILL)
        except ProcessLookupError:
            pass  # it had just ended
        result = job.wait(30)
        return result if result.code == 0 else None

    def play(self, kills, table):
        """Is killed so many times and then let alone. Returns what it ends with, or a checkpoint's refusal."""
        while True:
            ranks = self.chance.choice(list(self.seconds))
            kind = self.chance.choice(KINDS)
            job = self.start(ranks)
            # Within a sixth of its time, so that a run sees several kills.
            if kills == 0 or not self.await_moment(job, kind, self.chance.uniform(0, self.seconds[ranks] / 6)):
                return job.wait(600)
            begin = time.monotonic()
            ended = self.kill(job, kind)
            if ended:
                return ended
            kills -= 1
            self.note(table[kind], time.monotonic() - begin)
            if os.path.exists(self.checkpoint):
                whole = support.Job([support.TRAINER, "inspect", self.checkpoint], self.folder).wait()
                if whole.code != 0:
                    return whole

    def note(self, row, seconds):
        row["kills"] += 1
        row["in a write"] += self.writes()
        row["no checkpoint yet"] += not os.path.exists(self.checkpoint)
        row["seconds"] = max(row["seconds"], seconds)


def killed(table):
    return sum(row["kills"] for row in table.values())


def print_table(table, runs, digest):
    print("\n| killed | times | in the middle of a write | no checkpoint yet | longest until all had ended, s |")
    print("|---|---:|---:|---:|---:|")
    for kind in KINDS:
        row = table[kind]
        print(f"| {kind} | {row['kills']} | {row['in a write']} | {row['no checkpoint yet']} | {row['seconds']:.1f} |")
    writes = sum(row["in a write"] for row in table.values())
    print(f"\n{killed(table)} kills in {runs} runs, {writes} of them in the middle of writing a checkpoint: every run ended "
          f"with digest {digest}")


def play_all(folder, chance, kills):
    """Returns the table, how many runs there were, the digest that all had, and what the first that failed said."""
    table = defaultdict(Counter)
    config, dataset = os.path.join(folder, "run.cfg"), os.path.join(folder, "digits.h5")
    support.Job([support.TRAINER, "generate", "digits", "--output", dataset, "--generate-train", "400", "--generate-test",
                 "100"], folder).wait()
    Path(config).write_text(f"dataset = {dataset}\n{support.SMALL}steps = {STEPS}\n")
    digest = support.Job([support.TRAINER, config], folder).wait().digest
    seconds = {}
    for ranks in range(1, 5):
        begin = time.monotonic()
        result = Run(tempfile.mkdtemp(dir=folder), config, chance, seconds).start(ranks).wait(600)
        if result.code != 0 or result.digest != digest:
            return table, 0, digest, result
        seconds[ranks] = time.monotonic() - begin
    runs = 0
    while killed(table) < kills:
        run = Run(tempfile.mkdtemp(dir=folder), config, chance, seconds)
        result = run.play(min(kills - killed(table), chance.randint(1, 10)), table)
        runs += 1
        if result.code != 0 or result.digest != digest:
            return table, runs, digest, result
        print(f"run {runs}: {killed(table)} kills so far", flush=True)
    return table, runs, digest, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", type=Path, help="folder of the trainer")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ.update(TRAINER=str(arguments.build.resolve() / "trainer"), FAULT="", MPIRUN=shutil.which("mpirun"))
    global support
    import support  # which reads these

    with tempfile.TemporaryDirectory(prefix="lockstep-kills-") as folder:
        table, runs, digest, failure = play_all(folder, random.Random(arguments.seed), arguments.kills)
    print_table(table, runs, digest) if failure is None else sys.exit(
        f"kills.py: seed {arguments.seed}, run {runs}, after {killed(table)} kills: expected digest {digest}\n{failure}")


if __name__ == "__main__":
    main()
