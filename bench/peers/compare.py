#!/usr/bin/python3
"""Lockstep beside PyTorch: training speed of the same networks, measured in turns in one session.

Every round runs each PyTorch setting and each Lockstep setting once, so that a change in the machine's mood meets
all of them; the table has the medians over the rounds. PyTorch runs in every setting that may be its best: one
thread, all threads, one process a core (DDP over gloo), each memory format, with the installed and with the tuned
environment (see TUNED). The ratio is Lockstep's best against the best of them all. Beside each speed stands the peak
memory of the run's largest process: of one of two ranks, or of two processes, not of both.

    compare.py --build build                                # everything
    compare.py --networks lenet --rounds 5
    compare.py --no-lockstep                                # the PyTorch side alone
    compare.py --lockstep '2 ranks=mpirun -n 2 build/trainer {config} --threads 1 {options}'
"""

import argparse
import json
import math
import os
import platform
import re
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import typing
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEAK = str(HERE / "peak.py")
BATCHES = {"lenet": 64, "ae": 128, "deep-ae": 128, "conv-ae": 64, "cifar-quick": 100, "resnet20": 128, "vgg": 64}
DENSE = {"ae", "deep-ae"}  # no convolutions, hence no memory format to try
WHOLE_BATCH = {"resnet20"}  # PyTorch takes the statistics of the whole minibatch: compared with one microbatch of that size
DATASET_SAMPLES = 4096
NOTABLE_FLAGS = ("avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_tile", "sve")


def tuned():
    """Environment that makes PyTorch faster than it comes.

    OpenBLAS chooses its kernels by CPU model and falls back to AVX2 for one newer than itself, where the machine may
    well have AVX-512; and with glibc's defaults large tensors are returned to the system and faulted in again in
    every step.
    """
    environment = {"MALLOC_MMAP_THRESHOLD_": str(10**9), "MALLOC_TRIM_THRESHOLD_": str(10**10),
                   "MALLOC_TOP_PAD_": str(10**8)}
    if "avx512f" in cpu()["flags"]:
        environment["OPENBLAS_CORETYPE"] = "SkylakeX"
    return environment


# ---- settings: each is a label and a function that runs it once and returns a Run

def torch_settings(network, batch, options):
    """Every combination that may be PyTorch's best on this machine."""
    parallel = [("1 thread", [])]
    if options.cores > 1:
        parallel += [(f"{options.cores} threads", ["--threads", str(options.cores)])]
        if batch % options.cores == 0:
            parallel += [(f"{options.cores} processes", ["--processes", str(options.cores), "--bind"])]
    formats = ["contiguous"] if network in DENSE else ["contiguous", "channels_last"]
    settings = {}
    for environment_name, environment in options.environments.items():
        # TorchScript fuses some element-wise work; like the environment, few use it, so it counts as tuning.
        for jit in ("none", "script") if environment else ("none",):
            for label, extra in parallel:
                for memory_format in formats:
                    words = [label, *([memory_format] if len(formats) > 1 else []), environment_name,
                             *(["scripted"] if jit == "script" else [])]
                    command = [options.python, str(HERE / "torch_train.py"), "--network", network,
                               "--batch", str(batch), "--format", memory_format, "--jit", jit,
                               "--seconds", str(options.seconds), "--repetitions", "3", *extra]
                    settings["PyTorch, " + ", ".join(words)] = TorchRun(command, environment)
    return settings


class Run(typing.NamedTuple):
    speed: float  # samples a second
    memory: float  # megabytes, at the peak of its largest process


class TorchRun:
    def __init__(self, command, environment):
        self.command, self.environment = command, environment

    def __call__(self):
        *lines, memory = run([PEAK, *self.command], self.environment)
        return Run(json.loads(lines[-1])["samples_per_second"], float(memory))

    def __str__(self):
        return " ".join([f"{k}={v}" for k, v in self.environment.items()] + [shlex.join(self.command)])


class LockstepRun:
    """One training command; the number of steps is found in a first, short run that also warms the caches."""

    def __init__(self, command, batch, seconds):
        self.command, self.batch, self.seconds, self.steps = command, batch, seconds, None

    def __call__(self):
        if self.steps is None:
            self.steps = 20
            self.steps = max(20, math.ceil(self.measure().speed * 3 * self.seconds / self.batch))
        return self.measure()

    def measure(self):
        *lines, memory = run([PEAK, *self.full_command()])
        return Run(samples_per_second(lines), float(memory))

    def full_command(self):
        return shlex.split(self.command) + ["--steps", str(self.steps)]

    def __str__(self):
        return shlex.join(self.full_command())


def samples_per_second(lines):
    """Speed from the trainer's last lines: `12345 samples/s: compute 91 %, ...`."""
    for line in reversed(lines):
        match = re.match(r"([0-9.]+) samples/s", line)
        if match:
            return float(match.group(1))
    raise RuntimeError("the trainer printed no line with samples/s; its last lines:\n" + "\n".join(lines[-5:]))


def lockstep_settings(network, batch, dataset, options):
    values = {"config": HERE / f"{network}.cfg", "options": f"--dataset {dataset} --batch-size {batch}"}
    return {f"Lockstep, {label}": LockstepRun(command.format(**values), batch, options.seconds)
            for label, command in options.lockstep.items()}


def default_lockstep(build, cores):
    """Lockstep in the same arrangements as PyTorch: one thread, all threads, one rank a core."""
    trainer = shlex.quote(f"{build}/trainer")
    commands = {"1 thread": f"{trainer} {{config}} --threads 1 {{options}}"}
    if cores > 1:
        root = " --allow-run-as-root" if os.geteuid() == 0 else ""
        commands[f"{cores} threads"] = f"{trainer} {{config}} --threads {cores} {{options}}"
        commands[f"{cores} ranks"] = f"mpirun{root} -n {cores} {trainer} {{config}} --threads 1 {{options}}"
    return commands


def undisturbed(action, options, progress):
    """Result of the action in a run during which nobody else used the machine, as far as that can be had.

    Programs whose threads wait for each other lose far more than the share of the cores that somebody else takes, so
    a disturbed run says nothing of either program. Returns the result and the cores that others used meanwhile: of
    the first run within the limit, or of the least disturbed one.
    """
    attempts = []
    for _ in range(options.attempts):
        wait_for_quiet(options)
        start, before = time.perf_counter(), others_cpu_seconds()
        result = action()
        others = (others_cpu_seconds() - before) / (time.perf_counter() - start)
        attempts.append((others, result))
        if others <= options.disturbance:
            break
        progress(f"others used {others:.2f} cores meanwhile ({result.speed:.0f} samples/s)")
    others, result = min(attempts)
    return result, others


def wait_for_quiet(options):
    """Return once others have left the cores alone for a second, or when patience ends."""
    end = time.perf_counter() + options.patience
    while time.perf_counter() < end:
        before = others_cpu_seconds()
        time.sleep(1)
        if others_cpu_seconds() - before <= options.disturbance:
            return


def others_cpu_seconds():
    """CPU time spent so far by all but this program's finished children, time stolen by other guests included."""
    ticks = [int(value) for value in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = ticks
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - own.ru_utime - own.ru_stime


def run(command, environment=None):
    """Lines of standard output of a command that has to succeed."""
    result = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{shlex.join(command)} exited with {result.returncode}:\n{result.stderr[-2000:]}")
    return result.stdout.strip().splitlines()


# ---- measuring

def measure(settings, options, progress):
    """Runs of each setting, one a round; every other round goes backwards, so that no one always follows the same."""
    runs = {name: [] for name in settings}
    worst = 0
    for number in range(options.rounds):
        for name in (list(settings) if number % 2 == 0 else reversed(settings)):
            result, others = undisturbed(settings[name], options, progress)
            runs[name].append(result)
            worst = max(worst, others)
            progress(f"round {number + 1}/{options.rounds}: {name}: {result.speed:.0f} samples/s, {result.memory:.0f} MB")
    return runs, worst


def median_speed(runs):
    return statistics.median(one.speed for one in runs)


def cells_of(runs):
    """What the tables say of a setting: its median speed, the range, and the most memory of any run."""
    speeds = [one.speed for one in runs]
    return [f"{median_speed(runs):.0f}", f"{min(speeds):.0f} .. {max(speeds):.0f}", f"{max(one.memory for one in runs):.0f}"]


def best(runs, prefix):
    """Name and median speed of the fastest setting whose name starts so; (None, None) where there is none."""
    medians = {name: median_speed(values) for name, values in runs.items() if name.startswith(prefix)}
    name = max(medians, key=medians.get, default=None)
    return name, medians.get(name)


# ---- verification before timing

def verify_network(network, batch, options):
    """A line that says that both report the same losses from the same weights and data; fails where they do not."""
    sys.path.insert(0, str(HERE))
    import verify
    from torch_networks import NETWORKS
    config = HERE / f"{network}.cfg"
    with tempfile.TemporaryDirectory() as folder:
        dataset, start, end = (f"{folder}/{name}.h5" for name in ("data", "start", "end"))
        verify.write_dataset(dataset, NETWORKS[network], batch)
        common = [f"{options.build}/trainer", str(config), "--dataset", dataset, "--batch-size", str(batch)]
        if network in WHOLE_BATCH:
            common += ["--microbatch", str(batch)]
        run([*common, "--steps", "1", "--learning-rate", "0", "--checkpoint", start])
        run([*common, "--steps", "10", "--checkpoint", end])
        result = verify.verify(NETWORKS[network], start, end, dataset)
    if not result["same"]:
        raise RuntimeError(f"{network}: not the same computation, so not timed: largest relative difference of the "
                           f"losses {result['worst']:.1e}\nLockstep {result['lockstep']}\nPyTorch  {result['torch']}")
    return f"same losses in 10 steps from the same weights, largest relative difference {result['worst']:.1e}"


# ---- reporting

def cpu():
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^(model name|cpu family|model|flags|cpu MHz)\s*: (.*)$", text, re.MULTILINE))
    return {"name": fields.get("model name", platform.processor()), "family": fields.get("cpu family"),
            "model": fields.get("model"), "flags": fields.get("flags", "").split()}


def first_line(command):
    try:
        return run(command)[0]
    except (OSError, RuntimeError, IndexError):
        return "none"


def machine(options):
    """What the numbers depend on."""
    processor = cpu()
    torch = first_line([options.python, "-c", "import torch; print(torch.__version__, '(oneDNN', "
                        "torch.__config__.show().split('MKL-DNN v')[1].split()[0] + ')')"])
    blas = Path("/etc/alternatives/libblas.so.3-x86_64-linux-gnu").resolve()
    package = first_line(["dpkg-query", "-S", str(blas)]).split(":")[0]
    version = first_line(["dpkg-query", "-W", "-f", "${Version}", package])
    flags = [flag for flag in NOTABLE_FLAGS if flag in processor["flags"]]
    return [f"CPU: {processor['name']}, family {processor['family']}, model {processor['model']}, "
            f"{os.cpu_count()} cores, {' '.join(flags)}",
            f"load average before: {os.getloadavg()[0]:.2f}",
            f"system: {platform.system()} {platform.release()}, {first_line(['g++', '--version'])}",
            f"PyTorch: {torch}; BLAS: {package} {version}",
            *(f"environment '{name}': {' '.join(f'{k}={v}' for k, v in values.items()) or 'nothing set'}"
              for name, values in options.environments.items()),
            f"command: {shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])}"]


def details(network, batch, runs, others):
    lines = [f"### {network}, minibatch {batch}", "",
             f"Other programs used at most {others:.2f} cores during a run that counts.", "",
             "| setting | samples/s | min .. max | peak MB of the largest process |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {' | '.join(cells_of(values))} |" for name, values in runs.items()]
    return lines + [""]


def summary(results):
    columns = "samples/s | min .. max | peak MB"
    lines = [f"| network | minibatch | PyTorch's best setting | {columns} | Lockstep's best setting | {columns} | ratio |",
             "|---|---:|---|---:|---:|---:|---|---:|---:|---:|---:|"]
    for network, (batch, runs, _) in results.items():
        cells, medians = [], []
        for prefix in ("PyTorch, ", "Lockstep, "):
            name, median = best(runs, prefix)
            medians.append(median)
            cells += [name.removeprefix(prefix), *cells_of(runs[name])] if name else [""] * 4
        ratio = f"{medians[1] / medians[0]:.2f}" if all(medians) else ""
        lines.append(f"| {network} | {batch} | {' | '.join(cells)} | {ratio} |")
    return lines


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=BATCHES, default=["lenet", "ae", "deep-ae"])
    parser.add_argument("--batch", type=int, help="minibatch for all networks in place of each one's own")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one repetition; three make a run")
    parser.add_argument("--disturbance", type=float, default=0.06, metavar="CORES",
                        help="repeat a run during which other programs used more than this")
    parser.add_argument("--patience", type=float, default=60, metavar="SECONDS",
                        help="wait at most so long before a run for other programs to finish")
    parser.add_argument("--attempts", type=int, default=5, help="at most so many times")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--build", default="build", help="folder of the trainer")
    parser.add_argument("--lockstep", action="append", metavar="LABEL=COMMAND",
                        help="a Lockstep setting, in place of the default ones; {config} and {options} are filled in")
    parser.add_argument("--no-lockstep", action="store_true", help="measure PyTorch alone")
    parser.add_argument("--no-verify", action="store_true", help="do not check first that the losses agree")
    parser.add_argument("--only-tuned", action="store_true", help="leave PyTorch's installed environment out")
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python that has torch")
    parser.add_argument("--json", help="write every single run, as speed and peak, to this file")
    options = parser.parse_args()
    options.environments = {"tuned": tuned()} if options.only_tuned else {"as installed": {}, "tuned": tuned()}
    if options.no_lockstep:
        options.lockstep = {}
    elif options.lockstep:
        options.lockstep = dict(setting.split("=", 1) for setting in options.lockstep)
    else:
        options.lockstep = default_lockstep(options.build, options.cores)
    return options


def compare(network, options):
    batch = options.batch or BATCHES[network]
    say = lambda text: print(f"{network}: {text}", file=sys.stderr, flush=True)
    if options.lockstep and not options.no_verify:
        say(verify_network(network, batch, options))
    with tempfile.TemporaryDirectory() as folder:
        dataset = f"{folder}/random.h5"
        settings = torch_settings(network, batch, options)
        if options.lockstep:
            run([options.python, str(HERE / "verify.py"), "data", network, str(DATASET_SAMPLES), dataset])
            settings |= lockstep_settings(network, batch, dataset, options)
        runs, others = measure(settings, options, say)
    return batch, runs, others


def main():
    options = arguments()
    header = machine(options)
    results = {network: compare(network, options) for network in options.networks}
    print("\n".join(f"- {line}" for line in header), "\n")
    for network, result in results.items():
        print("\n".join(details(network, *result)))
    print("\n".join(summary(results)))
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": header, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
