#!/usr/bin/python3
"""How much of a run's time is waited for communication, over links of limited rate, in either reduction.

    bench/exposed.py --rate 1gbit --hosts 4        (as root: the hosts are network namespaces)

Trains each network on so many hosts, one rank of one thread each, at a batch of 32 samples a rank, in turns, and prints
medians over the rounds. Where hosts are more than this machine's cores, a rank also waits for others that have no core:
--hosts 2 leaves that out. Nothing else may run meanwhile.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))

from hosts import Hosts  # noqa: E402

NETWORKS = {"LeNet": "lenet", "784-1000-500-250-30 and back": "deep-ae", "ResNet-20": "resnet20", "VGG-like": "vgg"}
LINES = (r"communication: ([0-9.]+) % of the time waited for, ([0-9.]+) % hidden", r"^(\d+) samples/s")


def measured(command):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    waited, hidden = re.search(LINES[0], ended.stdout).groups()
    return float(waited), float(hidden), float(re.search(LINES[1], ended.stdout, re.MULTILINE).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", default=str(ROOT / "build/trainer"))
    parser.add_argument("--mnist", default="datasets/mnist.h5")
    parser.add_argument("--cifar10", default="datasets/cifar10.h5")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--rate", default="1gbit", help="of each host's link, each way, as tc takes it")
    parser.add_argument("--seconds", type=float, default=8, help="about so long a run")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    print("| network | reduction | samples/s | waited for, ms a step | waited for, % | hidden, % |\n|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        hosts = Hosts(options.hosts, folder, rate=options.rate)
        try:
            for name in options.networks:
                dataset = options.cifar10 if NETWORKS[name] in ("resnet20", "vgg") else options.mnist
                batch = 32 * options.hosts
                words = [options.trainer, str(ROOT / f"bench/peers/{NETWORKS[name]}.cfg"), "--dataset", dataset, "--batch-size",
                         str(batch), "--microbatch", "32", "--threads", "1", "--stall-timeout", "0"]
                command = lambda *more: hosts.mpirun("mpirun", options.hosts, hosts.names, [*words, *more])  # noqa: E731
                steps = max(10, int(options.seconds * measured(command("--steps", "10"))[2] / batch))
                found = {"ordered": [], "mpi": []}
                for _ in range(options.rounds):
                    for reduction, rows in found.items():
                        rows.append(measured(command("--steps", str(steps), "--reduction", reduction)))
                for reduction, rows in found.items():
                    waited, hidden, rate = (statistics.median(column) for column in zip(*rows))
                    print(f"| {name} | {reduction} | {rate:,.0f} | {10 * waited * batch / rate:.1f} | {waited:.1f} | {hidden:.1f} |", flush=True)
        finally:
            hosts.remove()


main()
