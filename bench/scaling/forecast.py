#!/usr/bin/python3
"""Scaling on clusters that are not at hand: the project's own reduction under SimGrid's SMPI, computing as measured here.

    apt-get install -y --no-install-recommends libsimgrid-dev python3-h5py
    cmake -S . -B build/bench -DLOCKSTEP_BENCH=ON -DLOCKSTEP_TESTS=OFF
    cmake --build build/bench --target scaling_plot scaling_profile scaling_simulation
    bench/scaling/forecast.py --nodes 1 2 4 8 16 --gbits 10 25 100 --modes strong weak

First scaling_profile measures, on one thread, when which part of a rank's gradient is final, and what sums and updates
cost. Then each cluster, a fat tree without bottlenecks above the hosts' links, is simulated: every rank runs src/dist over
src/comm's MPI group, and what it would compute is time that passes. --cores-a-rank N lets a rank stand for N threads,
up to a whole host. FOLDER gets the profiles, results.csv, and strong.svg and weak.svg.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import results
import scaling

# Of a link's rate, what is left to MPI beneath the headers of Ethernet, IP and TCP; no rendezvous or copy costs more. (SimGrid's
# limit of messages at once on a link would save time, but made 4 hosts at 1 Gbit/s 40 % slower; and its choice of collectives
# for Open MPI fails on a single rank.) Sends that SMPI detaches take no less time, but it keeps lists of them that it searches
# from end to end: 128 ranks took hours.
SETTINGS = {"smpi/simulate-computation": "no", "smpi/send-is-detached-thresh": "0", "smpi/bw-factor": "0:0.94",
            "smpi/lat-factor": "0:1", "smpi/test": "0", "smpi/wtime": "0", "smpi/coll-selector": "mpich"}
PLATFORM = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="cluster" prefix="node" suffix="" radical="0-{last}" speed="1Gf" bw="{gbits}Gbps" lat="{latency}us"
           loopback_bw="8GBps" loopback_lat="500ns" topology="FAT_TREE" topo_parameters="2;{leaf},{leaves};1,{up};1,1"
           sharing_policy="SPLITDUPLEX"/>
</platform>
"""
LEAF = 16  # hosts of a switch, which has as many links upwards


def platform(nodes, gbits, latency):
    """SimGrid's description of so many hosts; `latency`: of a link, of which a message takes two or four."""
    if nodes > LEAF and nodes % LEAF:
        sys.exit(f"{nodes} nodes do not fill switches of {LEAF}; take at most {LEAF}, or a multiple")
    leaves = max(1, nodes // LEAF)
    return PLATFORM.format(last=nodes - 1, gbits=gbits, latency=latency, leaf=min(nodes, LEAF), leaves=leaves,
                           up=LEAF if leaves > 1 else 1)


def hosts(nodes, ranks_a_node):
    return "".join(f"node{n}\n" * ranks_a_node for n in range(nodes))


def waves(batch, microbatch, ranks, cores):
    """The passes that ranks make, one microbatch a core at a time; runs of ranks differ by one where none is even."""
    microbatches = -(-batch // microbatch)
    return sorted({-(-run // cores) for run in (microbatches // ranks, -(-microbatches // ranks)) if run > 0})


def microbatch_of(configuration):
    found = re.search(r"^microbatch\s*=\s*(\d+)", configuration.read_text(encoding="utf-8"), re.M)
    return int(found[1]) if found else 32


def parse(output):
    """Seconds of a step, and of them computing, and sums and updates."""
    numbers = re.search(r"^step (\S+) computed (\S+) summed (\S+)", output, re.M)
    return tuple(map(float, numbers.groups()))


class Forecast:
    def __init__(self, configuration, mode, options):
        self.configuration, self.mode, self.options = configuration, mode, options
        self.microbatch = microbatch_of(configuration)
        self.profile = options.output / f"{configuration.stem}.profile"

    def batch(self, nodes):
        share = self.options.weak_microbatches * self.microbatch
        return self.options.batch_size if self.mode == "strong" else share * self.workers(nodes)

    def workers(self, nodes):
        return nodes * self.options.ranks_a_node * self.options.cores_a_rank

    def passes(self):
        return {wave for nodes in self.options.nodes
                for wave in waves(self.batch(nodes), self.microbatch, nodes * self.options.ranks_a_node, self.options.cores_a_rank)}

    def simulated(self, nodes, gbits):
        folder = self.options.output
        (folder / "platform.xml").write_text(platform(nodes, gbits, self.options.latency), encoding="utf-8")
        (folder / "hosts").write_text(hosts(nodes, self.options.ranks_a_node), encoding="utf-8")
        command = ["smpirun", "-np", str(nodes * self.options.ranks_a_node), "-platform", str(folder / "platform.xml"), "-hostfile",
                   str(folder / "hosts"), "--log=root.thres:error", *(f"--cfg={key}:{value}" for key, value in SETTINGS.items()),
                   str(Path(self.options.programs) / "simulated_step"), str(self.profile), str(self.batch(nodes)),
                   self.options.reduction, str(self.options.cores_a_rank), "1"]
        # join_group() takes a rank that no launcher names for one that runs alone.
        return parse(run(command, dict(os.environ, PMI_RANK="0")))

    def rows(self, gbits):
        found = {nodes: self.simulated(nodes, gbits) for nodes in self.options.nodes}
        base = self.options.nodes[0]
        base_rate = self.batch(base) / found[base][0]
        return [self.row(nodes, gbits, base_rate, *found[nodes]) for nodes in self.options.nodes]

    def row(self, nodes, gbits, base_rate, seconds, computed, summed):
        rate = self.batch(nodes) / seconds
        used = results.efficiency(rate, self.workers(nodes), base_rate, self.workers(self.options.nodes[0]))
        return {"mode": self.mode, "configuration": self.configuration.stem, "reduction": self.options.reduction, "gbits": gbits,
                "nodes": nodes, "ranks": nodes * self.options.ranks_a_node, "cores": self.workers(nodes), "batch": self.batch(nodes),
                "samples_per_second": round(rate, 1), "efficiency_percent": round(100 * used, 1), "step_ms": round(1e3 * seconds, 3),
                "computed_ms": round(1e3 * computed, 3), "summed_ms": round(1e3 * summed, 3),
                "waited_percent": round(max(0, 100 * (seconds - computed - summed) / seconds), 1)}


def run(command, environment=None):
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    except FileNotFoundError:
        sys.exit(f"there is no {command[0]}; the first lines of --help say what to install and to build")
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\nended with exit code {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


COLUMNS = {
    "configuration": lambda row: row["configuration"],
    "Gbit/s": lambda row: str(row["gbits"]),
    "nodes": lambda row: str(row["nodes"]),
    "ranks": lambda row: str(row["ranks"]),
    "cores": lambda row: str(row["cores"]),
    "batch": lambda row: f"{row['batch']:,}",
    "samples/s": lambda row: f"{row['samples_per_second']:,.0f}",
    "efficiency, %": lambda row: f"{row['efficiency_percent']:.1f}",
    "step, ms": lambda row: f"{row['step_ms']:.1f}",
    "computing": lambda row: f"{row['computed_ms']:.1f}",
    "sums, update": lambda row: f"{row['summed_ms']:.1f}",
    "waited for, %": lambda row: f"{row['waited_percent']:.1f}",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configurations", nargs="+", type=Path,
                        default=[scaling.PEERS / f"{name}.cfg" for name in ("lenet", "resnet20", "vgg", "deep-ae")],
                        help="of bench/peers")
    parser.add_argument("--nodes", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument("--ranks-a-node", type=int, default=1)
    parser.add_argument("--cores-a-rank", type=int, default=1, help="threads that a rank stands for")
    parser.add_argument("--gbits", nargs="+", type=float, default=[10, 25, 100], help="of each host's link, each way")
    parser.add_argument("--latency", type=float, default=5, help="microseconds, of each link")
    parser.add_argument("--modes", nargs="+", choices=["strong", "weak"], default=["strong"])
    parser.add_argument("--batch-size", type=int, default=1024, help="of strong scaling")
    parser.add_argument("--weak-microbatches", type=int, default=4, help="of a core, in weak scaling")
    parser.add_argument("--reduction", choices=["ordered", "mpi"], default="ordered")
    parser.add_argument("--programs", default=str(scaling.ROOT / "build/bench/bench"), metavar="FOLDER")
    parser.add_argument("--keep-profiles", action="store_true", help="use those in FOLDER, of the same command, again")
    parser.add_argument("--output", type=Path, default=Path("forecast"), metavar="FOLDER")
    return parser.parse_args()


def measure_profile(configuration, options):
    """For all modes together."""
    passes = sorted(set().union(*(Forecast(configuration, mode, options).passes() for mode in options.modes)))
    if configuration.stem not in scaling.SHAPES:
        sys.exit(f"{configuration}: the shape of its samples is not known; expected one of bench/peers: {', '.join(scaling.SHAPES)}")
    shape = scaling.SHAPES[configuration.stem]
    dataset = options.output / f"{'x'.join(map(str, shape))}.h5"
    if not dataset.exists():
        scaling.write_random_dataset(dataset, shape, 1024)
    text = run([str(Path(options.programs) / "scaling_profile"), str(configuration), str(dataset), *map(str, passes)])
    (options.output / f"{configuration.stem}.profile").write_text(text, encoding="utf-8")


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    for configuration in options.configurations:
        if not (options.keep_profiles and (options.output / f"{configuration.stem}.profile").exists()):
            measure_profile(configuration, options)
    rows = []
    for mode in options.modes:
        for configuration in options.configurations:
            for gbits in options.gbits:
                rows += Forecast(configuration, mode, options).rows(gbits)
                results.write_csv(options.output / "results.csv", rows)
        ours = [row for row in rows if row["mode"] == mode]
        print(f"\n{mode} scaling, a forecast\n\n{results.table(ours, COLUMNS)}", flush=True)
        results.draw(str(Path(options.programs) / "scaling_plot"), options.output / f"{mode}.svg", f"{mode} scaling, a forecast",
                     "cores", results.points(ours, lambda row: row["cores"],
                                             lambda row: f"{row['configuration']}; {row['gbits']:g} Gbit/s", scaling.PANELS))


if __name__ == "__main__":
    main()
