#!/usr/bin/python3
"""Strong and weak scaling of training, measured on the machine or cluster at hand.

    bench/scaling/scaling.py                                        # 1x1, 1x2 and 2x1 on this machine
    bench/scaling/scaling.py --arrangements 1x8 2x8 4x8 8x8 16x8 --modes strong weak --batch-size 1024 \\
        --launch 'mpirun --hostfile HOSTS -n {ranks} --map-by slot:PE={threads} --bind-to core'
    ... --launch 'srun --mpi=pmix -n {ranks} --cpus-per-task={threads} --cpu-bind=cores'     # in an sbatch or salloc

An arrangement is RANKSxTHREADS, threads of each rank; the first one is what the others are compared with. Strong scaling
keeps the batch-size; weak scaling multiplies it with ranks x threads, from --batch-size at the first arrangement. Every
round runs each arrangement once, in turns, so that a change in the machine's mood meets all of them; tables have medians
over the rounds. Nothing else may run meanwhile.

FOLDER gets results.csv, and strong.svg and weak.svg; and while it runs the generated data, so all hosts must see it.
"""
import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import results

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench/peers"
DIGIT, PICTURE = (1, 28, 28), (3, 32, 32)
SHAPES = {"lenet": DIGIT, "deep-ae": DIGIT, "ae": DIGIT, "conv-ae": DIGIT, "resnet20": PICTURE, "vgg": PICTURE,
          "cifar-quick": PICTURE}


def arrangement(text):
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is no arrangement; expected RANKSxTHREADS, such as 2x8")
    return int(match[1]), int(match[2])


def batch_of(mode, batch_size, workers, base_workers):
    """The global batch-size; that of weak scaling keeps a worker's share."""
    if mode == "strong":
        return batch_size
    if batch_size * workers % base_workers:
        sys.exit(f"--batch-size {batch_size} at {base_workers} ranks x threads is no whole number at {workers}; take a multiple")
    return batch_size * workers // base_workers


def write_random_dataset(path, shape, samples):
    """Pictures and labels without a pattern: for speed alone. No test split, so that none is evaluated."""
    import h5py
    import numpy as np
    random = np.random.default_rng(1)
    with h5py.File(path, "w", libver="v110") as f:
        f.attrs["format"] = np.bytes_("lockstep-dataset")
        f.attrs["version"] = 1
        inputs = f.create_dataset("train/inputs", data=random.integers(256, size=(samples, *shape), dtype="uint8"),
                                  chunks=(min(samples, 64), *shape))
        inputs.attrs["scale"], inputs.attrs["offset"] = np.float32(1 / 255), np.float32(0)
        f.create_dataset("train/labels", data=random.integers(10, size=samples, dtype="int32"))


def parse(output):
    """What a run says of itself."""
    waited, hidden = re.search(r"^communication: ([0-9.]+) % of the time waited for, ([0-9.]+) % hidden", output, re.M).groups()
    hosts = re.search(r"^host +ranks +threads .*\n((?:(?!epoch |memory ).+\n)+)", output, re.M)
    rows = hosts[1].splitlines() if hosts else [""]
    by = re.findall(r"\w+ over [\w, ]+?(?=  )", rows[0])
    return {"rate": float(re.search(r"^(\d+) samples/s", output, re.M)[1]), "waited": float(waited), "hidden": float(hidden),
            "hosts": len(rows), "transport": by[0] if by else "none"}


def measured(command):
    done = subprocess.run([str(ROOT / "launch/run.sh"), *command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\nended with exit code {done.returncode}:\n{done.stderr.strip()}")
    return parse(done.stdout)


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def setting_of(options):
    """What all figures of a session have in common."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    launcher = shlex.split(options.launch)[0]
    return {"machine": f"{os.cpu_count()} cores of {model[1] if model else 'an unknown processor'}",
            "versions": f"{first_line(options.trainer, '--version')}; {first_line(launcher, '--version')}"}


class Measurement:
    """One configuration in one mode: all arrangements and reductions, a run each a round."""

    def __init__(self, configuration, dataset, mode, options):
        self.configuration, self.dataset, self.mode, self.options = configuration, dataset, mode, options
        ranks, threads = options.arrangements[0]
        self.base_workers = ranks * threads
        few = 3
        rate = measured(self.command(ranks, threads, options.reductions[0], few))["rate"]
        self.steps = max(few, round(options.seconds * rate / options.batch_size))

    def batch(self, ranks, threads):
        return batch_of(self.mode, self.options.batch_size, ranks * threads, self.base_workers)

    def command(self, ranks, threads, reduction, steps):
        launch = shlex.split(self.options.launch.format(ranks=ranks, threads=threads))
        return [*launch, self.options.trainer, str(self.configuration), "--dataset", str(self.dataset), "--threads", str(threads),
                "--batch-size", str(self.batch(ranks, threads)), "--reduction", reduction, "--steps", str(steps)]

    def steps_of(self, ranks, threads):
        """About as many seconds a run everywhere: samples a worker stay the same."""
        share = self.batch(ranks, threads) * self.base_workers / (ranks * threads)
        return max(1, round(self.steps * self.options.batch_size / share))

    def rows(self):
        settings = [(a, reduction) for a in self.options.arrangements for reduction in self.options.reductions]
        runs = {setting: [] for setting in settings}
        for _ in range(self.options.rounds):
            for (ranks, threads), reduction in settings:
                steps = self.steps_of(ranks, threads)
                runs[(ranks, threads), reduction].append(measured(self.command(ranks, threads, reduction, steps)))
        base = statistics.median(run["rate"] for run in runs[settings[0]])
        return [self.row(ranks, threads, reduction, found, base) for ((ranks, threads), reduction), found in runs.items()]

    def row(self, ranks, threads, reduction, runs, base):
        median = {key: statistics.median(run[key] for run in runs) for key in ("rate", "waited", "hidden")}
        workers = ranks * threads
        return {"mode": self.mode, "configuration": self.configuration.stem, "reduction": reduction, "ranks": ranks,
                "threads": threads, "hosts": runs[0]["hosts"], "batch": self.batch(ranks, threads),
                "samples_per_second": round(median["rate"], 1), "lowest": min(run["rate"] for run in runs),
                "highest": max(run["rate"] for run in runs), "times": round(median["rate"] / base, 3),
                "efficiency_percent": round(100 * results.efficiency(median["rate"], workers, base, self.base_workers), 1),
                "waited_percent": median["waited"], "hidden_percent": median["hidden"], "rounds": len(runs),
                "transport": runs[0]["transport"]}


COLUMNS = {
    "configuration": lambda row: row["configuration"],
    "reduction": lambda row: row["reduction"],
    "ranks x threads": lambda row: f"{row['ranks']} x {row['threads']}",
    "hosts": lambda row: str(row["hosts"]),
    "batch": lambda row: f"{row['batch']:,}",
    "samples/s": lambda row: f"{row['samples_per_second']:,.0f}",
    "lowest .. highest": lambda row: f"{row['lowest']:,.0f} .. {row['highest']:,.0f}",
    "times": lambda row: f"{row['times']:.2f}",
    "efficiency, %": lambda row: f"{row['efficiency_percent']:.1f}",
    "waited for, %": lambda row: f"{row['waited_percent']:.1f}",
    "hidden, %": lambda row: f"{row['hidden_percent']:.1f}",
    "MPI by": lambda row: row["transport"],
}

PANELS = {
    "samples/s": ("logarithmic", lambda row: row["samples_per_second"]),
    "efficiency in %": ("linear", lambda row: row["efficiency_percent"]),
    "communication waited for in %": ("linear", lambda row: row["waited_percent"]),
}


def series_of(row):
    return f"{row['configuration']}; {row['threads']} a rank" + ("; mpi" if row["reduction"] == "mpi" else "")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configurations", nargs="+", type=Path,
                        default=[PEERS / f"{name}.cfg" for name in ("lenet", "resnet20", "vgg", "deep-ae")])
    parser.add_argument("--dataset", help="a file for all configurations; without it random data of the shape that those in "
                        "bench/peers are for")
    parser.add_argument("--arrangements", nargs="+", type=arrangement, default=[(1, 1), (1, 2), (2, 1)], metavar="RANKSxTHREADS")
    parser.add_argument("--modes", nargs="+", choices=["strong", "weak"], default=["strong"])
    parser.add_argument("--reductions", nargs="+", choices=["ordered", "mpi"], default=["ordered"])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="about so long a run")
    parser.add_argument("--launch", default="mpirun -n {ranks} --map-by slot:PE={threads} --bind-to core")
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    parser.add_argument("--plot", default=str(ROOT / "build/bench/bench/scaling_plot"), help="the program that draws")
    parser.add_argument("--output", type=Path, default=Path("scaling"), metavar="FOLDER")
    options = parser.parse_args()
    for configuration in options.configurations:
        if options.dataset is None and configuration.stem not in SHAPES:
            parser.error(f"{configuration} wants --dataset: random data is for {', '.join(SHAPES)}")
    return options


def generated(configuration, options, folder):
    path = Path(folder) / f"{'x'.join(map(str, SHAPES[configuration.stem]))}.h5"
    if not path.exists():
        workers = [ranks * threads for ranks, threads in options.arrangements]
        largest = max(batch_of(mode, options.batch_size, most, workers[0]) for mode in options.modes for most in workers)
        write_random_dataset(path, SHAPES[configuration.stem], max(8192 // largest, 2) * largest)
    return path


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    setting = setting_of(options)
    print("\n".join(f"- {name}: {value}" for name, value in setting.items()), f"\n- command: {shlex.join(sys.argv)}", flush=True)
    rows = []
    with tempfile.TemporaryDirectory(dir=options.output) as folder:
        for mode in options.modes:
            print(f"\n{mode} scaling\n", flush=True)
            for configuration in options.configurations:
                dataset = options.dataset or generated(configuration, options, folder)
                rows += [row | setting for row in Measurement(configuration, dataset, mode, options).rows()]
                results.write_csv(options.output / "results.csv", rows)
            ours = [row for row in rows if row["mode"] == mode]
            print(results.table(ours, COLUMNS), flush=True)
            results.draw(options.plot, options.output / f"{mode}.svg", f"{mode} scaling", "ranks x threads",
                         results.points(ours, lambda row: row["ranks"] * row["threads"], series_of, PANELS))


if __name__ == "__main__":
    main()
