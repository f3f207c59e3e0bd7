"""Where the time goes: the table of `trainer time`, and one step of a run as a trace."""
import itertools
import json
import os
import re
import unittest

from bad_input import BadInputTest
from support import LENET, SMALL, SystemTest, digits

ROW = r"(?m)^{name} +{direction} +[0-9.]+ +[0-9.]+ % +[0-9.]+ +[0-9.]+ %  {kernel}$"
PART = r"(?m)^{name} +([0-9.]+) +([0-9.]+) %$"


class TimeTest(SystemTest):
    def assert_table(self, result):
        """Of a network as SMALL has it."""
        for name, direction, kernel in (("conv1", "fprop", "pixel by pixel: 25 terms or more"),
                                        ("conv1", "grad", "own kernel: 4608 weights or fewer"), ("relu1", "fprop", "vector code"),
                                        ("relu1", "bprop", "vector code"), ("dropout1", "fprop", "vector code; .*"),
                                        ("dropout1", "bprop", "vector code"), ("linear1", "fprop", "own kernel: 10x16, 576 deep"),
                                        ("linear1", "bprop", "own kernel: 576x16, 10 deep"),
                                        ("linear1", "grad", "own kernel: several microbatches at once")):
            self.assertRegex(result.out, ROW.format(name=name, direction=direction, kernel=kernel))
        for name in ("unpack input", "loss", "merge gradients", "reduction", "update", "agree with ranks", "wait for input",
                     "wait for work", "wait for ranks"):
            self.assertRegex(result.out, PART.format(name=name))
        self.assertRegex(result.lines[0], r"one thread's peak is [0-9.]+ GFLOP/s")
        self.assertGreater(float(re.search(r"peak is ([0-9.]+)", result.out).group(1)), 1)
        self.assertRegex(result.lines[-1], r"\A[0-9]+ samples/s\Z")
        waits = ("wait for input", "wait for work", "agree with ranks", "wait for ranks", "left over: idle")
        parts = {name: [float(x) for x in re.search(PART.format(name=name), result.out).groups()]
                 for name in ("sum", *waits, "threads x time")}
        self.assertAlmostEqual(parts["threads x time"][1], 100)
        self.assertAlmostEqual(sum(parts[name][0] for name in ("sum", *waits)), parts["threads x time"][0], delta=0.01)
        self.assertGreater(parts["sum"][0], 0)

    def test_table(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 7\ncheckpoint = c.h5\n")
        for ranks, threads in ((0, 2), (2, 1)):
            with self.subTest(ranks=ranks, threads=threads):
                result = self.succeed("time", config, "--steps", 30, "--threads", threads, ranks=ranks)
                self.assertEqual(result.err, "")
                self.assert_table(result)
                self.assertRegex(result.lines[1], rf"\Arank 0 of {ranks or 1}, {threads} threads, .*: 30 steps after \d+ to warm up")
        self.assertEqual(os.listdir(self.folder), ["run.cfg"])  # it writes no checkpoint

    def test_without_a_configuration(self):
        result = self.succeed("time", "--steps", 5, "--generate-train", 600, "--generate-test", 0)
        for layer in ("conv1", "maxpool1", "conv2", "maxpool2", "linear1", "relu1", "linear2"):
            self.assertRegex(result.out, rf"(?m)^{layer} +fprop ")
        self.assertRegex(result.out, r"(?m)^conv1 +grad .*own kernel: 4608 weights or fewer$")
        self.assertRegex(result.out, r"(?m)^conv2 +bprop .*pixel by pixel: 25 terms or more$")

    def test_some_seconds_without_steps(self):
        """The length of the training in the file is not that of the measurement."""
        result = self.succeed("time", self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 3\n"))
        steps, milliseconds = (float(re.search(pattern, result.out, re.M).group(1))
                               for pattern in (r": (\d+) steps after", r"^threads x time +([0-9.]+)"))
        self.assertGreater(steps, 3)
        self.assertLess(steps * milliseconds, 30e3)


class TraceTest(SystemTest):
    def trace(self, *arguments, **how):
        result = self.succeed(*arguments, "--trace", "trace.json", **how)
        with open(self.path("trace.json"), encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        return result, [e for e in events if e["ph"] == "X"], [e for e in events if e["ph"] == "M"]

    def assert_inside(self, spans, step):
        """All within the step, and those of one thread side by side or inside each other."""
        rounding = 0.002  # microseconds: begin and length are rounded each
        for span in spans:
            self.assertGreaterEqual(span["ts"], step["ts"] - rounding)
            self.assertLessEqual(span["ts"] + span["dur"], step["ts"] + step["dur"] + rounding)
        for thread in {span["tid"] for span in spans}:
            open_until = []
            for span in sorted((s for s in spans if s["tid"] == thread), key=lambda s: (s["ts"], -s["dur"])):
                end = span["ts"] + span["dur"]
                while open_until and open_until[-1] <= span["ts"] + rounding:
                    open_until.pop()
                if open_until:
                    self.assertLessEqual(end, open_until[-1] + rounding, span)
                open_until.append(end)

    def assert_one_clock(self, spans):
        """No rank knows what all agreed on before each has begun to ask."""
        agree = [span for span in spans if span["cat"] == "agree"]
        self.assertEqual(sorted(span["pid"] for span in agree), sorted({span["pid"] for span in spans}))
        self.assertGreater(min(span["ts"] + span["dur"] for span in agree), max(span["ts"] for span in agree) - 1000)

    def test_all_threads_of_a_step(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{LENET}\nbatch-size = 400\nmicrobatch = 8\nsteps = 12\n")
        plain = self.succeed(config, "--threads", 3)
        for ranks, microbatches in ((0, range(50)), (2, range(25))):
            with self.subTest(ranks=ranks):
                result, spans, names = self.trace(config, "--threads", 3, ranks=ranks)
                self.assertEqual(result.digest, plain.digest)
                threads = set(itertools.product(range(max(ranks, 1)), range(3)))
                self.assertEqual({(e["pid"], e["tid"]) for e in names if e["name"] == "thread_name"}, threads)
                self.assertEqual({(span["pid"], span["tid"]) for span in spans}, threads)
                self.assert_one_clock(spans)
                spans = [span for span in spans if span["pid"] == 0]
                steps = [span for span in spans if span["cat"] == "step"]
                self.assertEqual([span["name"] for span in steps], ["step 9"])  # the tenth
                self.assert_inside(spans, steps[0])
                found = [span["name"] for span in spans]
                self.assertEqual(sorted(name for name in found if name.startswith("microbatch ")),
                                 sorted(f"microbatch {m}" for m in microbatches))
                for name in ("conv1 fprop", "conv1 grad", "conv2 bprop", "dropout1 bprop", "linear2 bprop", "loss",
                             "unpack input"):
                    self.assertEqual(found.count(name), len(microbatches), name)
                self.assertGreater(found.count("linear2 grad"), len(microbatches))  # each, and several at once
                for name in ("merge gradients", "wait for input", "agree", "reduction", "reduce", "update"):
                    self.assertIn(name, found)
                if ranks == 0:
                    self.assertNotIn("wait for ranks", found)

    def test_waiting_for_messages(self):
        """In memory that they share, ranks may find everything there; of messages each knows when they are over."""
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 4\nreduction = mpi\n")
        spans = self.trace(config, ranks=2)[1]
        self.assertEqual({span["pid"] for span in spans if span["name"] == "wait for ranks"}, {0, 1})

    def test_the_step_that_is_asked_for_or_the_last(self):
        config = self.configuration(f"dataset = {digits(type(self))}\n{SMALL}\nsteps = 6\ncheckpoint = c.h5\n")
        for arguments, step in ((("--trace-step", 1), "step 0"), ((), "step 5")):
            spans = self.trace(config, *arguments)[1]
            self.assertEqual([span["name"] for span in spans if span["cat"] == "step"], [step])
        # Resumed runs count from where they begin.
        spans = self.trace("resume", "c.h5", "--steps", 9, "--trace-step", 2)[1]
        self.assertEqual([span["name"] for span in spans if span["cat"] == "step"], ["step 7"])

    def test_names_that_need_escapes(self):
        config = self.configuration(f"dataset = {digits(type(self))}\nlayer = linear 10 name=a\"b\\c\nsteps = 1\n")
        spans = self.trace(config)[1]
        self.assertIn('a"b\\c fprop', [span["name"] for span in spans])


class BadTraceTest(BadInputTest):
    def test_a_file_that_cannot_be_written(self):
        for ranks in (0, 2):
            for target, *says in (("nowhere/t.json", r"nowhere/t\.json", "does not exist"), (".", "folder|name of a file"),
                                  ("/sys/t.json", "/sys", "cannot be written|cannot be created")):
                with self.subTest(target, ranks=ranks):
                    result = self.fails(1, self.config, "--trace", target, ranks=ranks, says=says)
                    self.assertEqual(result.out, "")  # before training

    def test_unusable_options(self):
        for step in ("0", "-1", "many", "1.5", ""):
            with self.subTest(step):
                self.fails(2, self.config, "--trace", "t.json", f"--trace-step={step}", says=["trace-step", "whole number|follow"])
        self.fails(2, self.config, "--trace-step", 3, says=["trace-step", "--trace FILE"])
        for command in ("evaluate", "time"):
            self.fails(2, command, self.config, "--trace", "t.json", says=[command, "takes no option --trace"])

    def test_unusable_commands(self):
        self.fails(2, "time", self.config, "more", says=["trainer time"])
        self.fails(2, "time", "missing.cfg", says=[r"missing\.cfg"])
        self.fails(1, "time", self.config, "--dataset", "missing.h5", says=[r"missing\.h5"])


if __name__ == "__main__":
    unittest.main()
