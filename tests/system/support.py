"""What the tests of the whole program share: running it as users do, and looking at what it leaves behind.

Everything is generated, and every process that a test starts lies in a session of its own, so that what hangs can be
named and ended with all its ranks.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

# ctest sets these; see CMakeLists.txt.
TRAINER = os.environ["TRAINER"]
FAULT = os.environ["FAULT"]  # the shared library made of fault.c
MPIRUN = os.environ["MPIRUN"]
# mpirun gives ranks a second to end after the first has failed. Those that refuse what they are given have ended by then.
REFUSAL = {"OMPI_MCA_odls_base_sigkill_timeout": "0"}
SLOW = 60  # seconds after which a run that should take two is called hung

LENET = """
layer = conv 20 kernel=5
layer = maxpool 2
layer = conv 50 kernel=5
layer = maxpool 2
layer = linear 500
layer = relu
layer = dropout 0.5
layer = linear 10
learning-rate = 0.05
momentum = 0.9
weight-decay = 5e-4
"""

# Small enough that a run takes a fifth of a second.
SMALL = """
layer = conv 4 kernel=5 stride=2
layer = relu
layer = dropout 0.25
layer = linear 10
learning-rate = 0.05
momentum = 0.9
batch-size = 90
microbatch = 8
threads = 1
"""


# What is said of the machine that a test happens to run on, such as that it has fewer cores than ranks.
OF_MACHINES = re.compile(r"^trainer: warning: (on \S+(?: and \d+ more hosts?)?, .*)\n", re.M)


class Result:
    """A run that ended. Warnings of the machine are in `advice`, not in `err`."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out = command, code, out
        self.err = OF_MACHINES.sub("", err)
        self.advice = OF_MACHINES.findall(err)
        self.lines = out.splitlines()

    @property
    def digest(self):
        found = re.fullmatch(r"digest ([0-9a-f]+)", self.lines[-1] if self.lines else "")
        if not found:
            raise AssertionError(f"the last line is no digest\n{self}")
        return found.group(1)

    def digest_line(self):
        """The line that begins with it, as `inspect` has one of a dataset."""
        return [line for line in self.lines if line.startswith("digest")]

    def __str__(self):
        advice = "".join(f"({line})\n" for line in self.advice)
        return f"$ {self.command}\nexit code {self.code}\n{self.out}{self.err}{advice}"


def environment(folder, extra=None):
    """The caller's, less what a surrounding MPI or Slurm job put there; leftovers of killed jobs go to `folder`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMIX_", "PMI_", "SLURM_"))}
    # ob1 is what Open MPI takes on one host, once it has tried the others, at a fifth of a second a run.
    clean.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", TMPDIR=folder,
                 OMPI_MCA_btl_vader_backing_directory=folder, OMPI_MCA_pml="ob1")
    clean.update(extra or {})
    return clean


def processes_of_session(session):
    """Process ids and names, zombies left out."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                name, rest = re.search(r"\((.*)\) (.*)", file.read(), re.S).groups()
        except OSError:
            continue
        fields = rest.split()  # state, parent, group, session, ...
        if int(fields[3]) == session and fields[0] != "Z":
            found[int(entry)] = name
    return found


class Job:
    """A run under way. Its output goes to files, as with a batch system."""

    def __init__(self, words, folder, cwd=None, env=None, **how):
        self.command = " ".join(words)
        self.out = tempfile.TemporaryFile("w+", dir=folder)
        self.err = tempfile.TemporaryFile("w+", dir=folder)
        self.process = subprocess.Popen(words, cwd=cwd or folder, env=environment(folder, env), stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err, start_new_session=True, **how)

    def output(self):
        # os.pread, as the position of the file belongs to the job too.
        return tuple(os.pread(f.fileno(), 1 << 24, 0).decode(errors="replace") for f in (self.out, self.err))

    def complaints(self):
        """Standard error so far, less what is said of the machine."""
        return OF_MACHINES.sub("", self.output()[1])

    def trainers(self):
        """Process ids of the ranks, in the order of their start, which is that of ranks."""
        name = os.path.basename(TRAINER)[:15]
        return sorted(p for p, n in processes_of_session(self.process.pid).items() if n == name)

    def hung(self, what):
        left = processes_of_session(self.process.pid)
        out, err = self.output()
        self.end()
        raise AssertionError(f"{what}\n$ {self.command}\nprocesses: {left}\n{out}{err}")

    def wait_for(self, pattern, timeout=SLOW):
        """Until a line of the standard output matches."""
        end = time.monotonic() + timeout
        while not re.search(pattern, self.output()[0], re.M):
            if self.process.poll() is not None and not re.search(pattern, self.output()[0], re.M):
                self.hung(f"ended with code {self.process.returncode} without printing '{pattern}'")
            if time.monotonic() > end:
                self.hung(f"no '{pattern}' within {timeout} s")
            time.sleep(0.005)

    def kill(self):
        """kill -9 of everything that the job consists of."""
        end = time.monotonic() + 20
        while (left := processes_of_session(self.process.pid)) and time.monotonic() < end:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.005)
        self.process.wait()

    def wait(self, timeout=SLOW):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.hung(f"still running after {timeout} s")
        result = Result(self.command, self.process.returncode, *self.output())
        self.end()
        return result

    def end(self):
        """Nothing is left of it."""
        self.kill()
        self.out.close()
        self.err.close()


class SystemTest(unittest.TestCase):
    """Gives each class a folder for what its tests share, and each test one of its own."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="lockstep-")
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.shared)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *arguments, ranks=0, **how):
        """`ranks` 0: without mpirun. `how`: cwd, env, and what else subprocess.Popen takes."""
        words = [TRAINER, *map(str, arguments)]
        if ranks:
            words = [MPIRUN, "-q", "--oversubscribe", "-n", str(ranks)] + words
        return self.start_words(words, **how)

    def start_words(self, words, cwd=None, **how):
        job = Job(words, self.shared, cwd=cwd or self.folder, **how)
        self.addCleanup(job.end)
        return job

    def trainer(self, *arguments, timeout=SLOW, **how):
        return self.start(*arguments, **how).wait(timeout)

    def succeed(self, *arguments, **how):
        result = self.trainer(*arguments, **how)
        self.assertEqual(result.code, 0, result)
        return result

    def configuration(self, text, name="run.cfg"):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text.lstrip())
        return path

    def assert_same_bits(self, a, b):
        """Two checkpoints, by the program's own word and by an independent reader."""
        found = self.trainer("diff", a, b)
        self.assertEqual(found.code, 0, found)
        left, right = checkpoint_contents(a), checkpoint_contents(b)
        self.assertEqual(left.keys(), right.keys())
        for name, value in left.items():
            self.assertEqual(value, right[name], f"{name} differs between {a} and {b}")

    def assert_one_message(self, result, code, *fragments):
        """One line on standard error, by the program, that holds all fragments (regular expressions)."""
        self.assertEqual(result.code, code, result)
        self.assertRegex(result.err, r"\Atrainer: [^\n]+\n\Z", result)
        for fragment in fragments:
            self.assertRegex(result.err, fragment, result)


_generated = {}


def digits(cls, train=400, test=100):
    """A small dataset of generated digits, made once for a test class."""
    path = os.path.join(cls.shared, f"digits-{train}-{test}.h5")
    if path not in _generated:
        subprocess.run([TRAINER, "generate", "digits", "--output", path, "--generate-train", str(train), "--generate-test",
                        str(test)], check=True, stdout=subprocess.DEVNULL)
        _generated[path] = True
    return path


def write_dataset(path, splits, **attributes):
    """{"train": {"inputs": .., "labels": ..}, ..} as README files tell users to write their own."""
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "lockstep-dataset"
        file.attrs["version"] = 1
        for name, value in attributes.items():
            file.attrs[name] = value
        for split, arrays in splits.items():
            for name, values in arrays.items():
                file[f"{split}/{name}"] = values


def file_contents(path, *left_out):
    """Attributes and arrays as bytes, by name, less the groups that are left out."""
    contents = {}

    def add(name, item):
        if name.split("/")[0] in left_out:
            return
        for key, value in item.attrs.items():
            contents[f"{name}@{key}"] = np.asarray(value).tobytes()
        if isinstance(item, h5py.Dataset):
            contents[name] = (item.dtype.str, item.shape, np.asarray(item[()]).tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return contents


def checkpoint_contents(path):
    """Everything that two equal runs must have in common, as bytes: all but provenance and the configuration, which says
    how many threads there were and which file was written, and the digest of the two with the rest."""
    contents = file_contents(path, "provenance", "config")
    contents.pop("digest@contents")
    return contents


def parameters(path):
    """{"conv1/weights": array, ..}"""
    found = {}
    with h5py.File(path, "r") as file:
        for layer, group in file["parameters"].items():
            for name, values in group.items():
                found[f"{layer}/{name}"] = values[()]
    return found


def history(path):
    with h5py.File(path, "r") as file:
        return file["history"][()]


def state(path):
    with h5py.File(path, "r") as file:
        return dict(file["state"].attrs)


def require_bf16(test):
    """Skips a test where the machine or the build lacks what `--precision bf16` needs."""
    result = test.trainer("--precision", "bf16", "--steps", 1, "--generate-train", 100, "--generate-test", 1)
    if result.code == 2 and "avx512_bf16" in result.err:
        test.skipTest(result.err.strip())
    test.assertEqual(result.code, 0, result)


def copy(source, target):
    shutil.copyfile(source, target)
    return target
