"""Hosts on one machine: network namespaces, each with a name and an address, on one switch by links of limited rate.

The switch is a bridge in a namespace of its own, so nothing of it is seen, filtered or left outside, and deleting the
namespaces deletes everything. Their names hold the process that made them; what a killed one left, the next removes.
Open MPI starts its daemons on them by a stand-in for ssh.
"""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

RUN = Path(__file__).resolve().parents[2] / "launch/run.sh"
SUBNET = "10.213.7.0/24"

# Enters a host and takes its name: what ssh would do.
AGENT = """#!/bin/sh
host=$1
shift
exec nsenter --net=/run/netns/{prefix}$host unshare --uts sh -c 'hostname "$0" && exec sh -c "$1"' "$host" "$*"
"""


class NotAllowed(Exception):
    """This machine does not let the caller make namespaces, links or rates; the text says what it said."""


def run(*words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if done.returncode != 0:
        raise NotAllowed(f"`{done.args[0]} {' '.join(done.args[1:])}`: {done.stderr.strip()}")
    return done.stdout


def address(number):
    return SUBNET.replace("0/24", str(number))


def namespaces():
    return [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line]


def remove(namespace):
    """With the processes in it."""
    for pid in run("ip", "netns", "pids", namespace).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    run("ip", "netns", "delete", namespace)


def remove_leftovers():
    for name in namespaces():
        owner = re.fullmatch(r"lockstep-(\d+)-\w+", name)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            remove(name)


class Hosts:
    """host1, host2, ...; `folder` holds what Open MPI needs to start processes there; `rate`: of a link, each way."""

    def __init__(self, count, folder, rate="200mbit"):
        for tool in ("ip", "tc", "nsenter", "unshare"):
            if shutil.which(tool) is None:
                raise NotAllowed(f"there is no `{tool}`; install iproute2 and util-linux")
        self.prefix = f"lockstep-{os.getpid()}-"
        self.names = [f"host{n}" for n in range(1, count + 1)]
        remove_leftovers()
        try:
            self._make_switch()
            for n, name in enumerate(self.names, 1):
                self._connect(name, address(n) + "/24", rate)
            for name in self.names:
                self.wait_for_link(name)
        except NotAllowed:
            self.remove()
            raise
        self.agent = os.path.join(folder, "agent")
        Path(self.agent).write_text(AGENT.format(prefix=self.prefix))
        os.chmod(self.agent, 0o755)

    def _make_switch(self):
        self.switch = self.prefix + "switch"
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "bridge", "up")

    def _connect(self, name, where, rate):
        host = self.prefix + name
        run("ip", "netns", "add", host)
        run("ip", "-n", self.switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "-n", self.switch, "link", "set", name, "master", "bridge", "up")
        run("ip", "-n", host, "address", "add", where, "dev", "eth0")
        for namespace, device in ((self.switch, name), (host, "eth0")):
            run("tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "tbf", "rate", rate, "burst", "256kb",
                "latency", "50ms")
        for device in ("lo", "eth0"):
            run("ip", "-n", host, "link", "set", device, "up")

    def remove(self):
        for name in namespaces():
            if name.startswith(self.prefix):
                remove(name)

    def cut(self, name):
        run("ip", "-n", self.switch, "link", "set", name, "down")

    def mend(self, name):
        run("ip", "-n", self.switch, "link", "set", name, "up")
        self.wait_for_link(name)

    def wait_for_link(self, name):
        """Until every other host answers it. The kernel takes up to a second to notice a carrier, and as long for a
        neighbour that it has given up."""
        end = time.monotonic() + 15
        for number, other in enumerate(self.names, 1):
            knock = f"echo > /dev/tcp/{address(number)}/9"  # where nobody listens: refused by who is there
            while other != name and "refused" not in subprocess.run(
                    self.enter(name, ["timeout", "1", "bash", "-c", knock]), capture_output=True, text=True).stderr:
                if time.monotonic() > end:
                    raise NotAllowed(f"{name} does not reach {other} within 15 s")
                time.sleep(0.05)

    def processes(self, name, command=None):
        """Process ids on that host, in the order of their start; `command`: of these alone."""
        found = []
        for pid in run("ip", "netns", "pids", self.prefix + name).split():
            try:
                comm, state = re.search(r"\((.*)\) (\w)", Path(f"/proc/{pid}/stat").read_text(), re.S).groups()
            except OSError:
                continue
            if state != "Z" and command in (None, comm):
                found.append(int(pid))
        return sorted(found)

    def wait_until_idle(self, seconds):
        """Whether nothing is left at work on any of them within that time."""
        end = time.monotonic() + seconds
        while any(self.processes(name) for name in self.names):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def enter(self, name, words):
        """The command that runs `words` on that host."""
        return ["nsenter", f"--net=/run/netns/{self.prefix}{name}", "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', name, *words]

    def mpirun(self, mpirun, ranks, names, words):
        """The command that runs `words` on these hosts, rank 0 on the first, where mpirun runs too."""
        places = ",".join(f"{name}:{-(-ranks // len(names))}" for name in names)
        return self.enter(names[0], [
            str(RUN), mpirun, "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", self.agent,
            "--mca", "btl_tcp_if_include", SUBNET, "--mca", "oob_tcp_if_include", SUBNET,
            "--mca", "mpi_yield_when_idle", "1", "--bind-to", "none", "--map-by", "node", "-H", places,
            "-n", str(ranks), *words])
