#!/usr/bin/python3
"""A real Slurm on this machine: jobs of launch/slurm.sbatch are signalled before their limit, requeued, and end as if not.

    bench/slurm.py --build build            as root; installs Debian's slurm-wlm and munge where they are missing

Three hosts (network namespaces, tests/system/hosts.py) run slurmctld and two slurmd, with keys, spools and configuration in
a temporary folder. A job of a minute's limit trains a small network for longer than that, with ranks started by srun and
PMIx, and another with ranks started by mpirun, where PMIx does not work. Each must end, after at least one return to the
queue, with the digest of the same training in one process.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
from hosts import Hosts, run  # noqa: E402

CONFIGURATION = """
ClusterName=lockstep
SlurmctldHost=host1(10.213.7.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits until its old credential is no longer valid.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName=host2 NodeAddr=10.213.7.2 CPUs=2
NodeName=host3 NodeAddr=10.213.7.3 CPUs=2
PartitionName=all Nodes=host2,host3 Default=YES State=UP
"""

# A step exchanges some 25 KB each way, so the links make it take 30 ms, and the run over a minute, whatever the processor.
RATE = "10mbit"
STEPS = 2200
NETWORK = """
dataset = {dataset}
layer = conv 4 kernel=5 stride=2
layer = relu
layer = linear 10
learning-rate = 0.05
momentum = 0.9
batch-size = 90
microbatch = 8
threads = 1
steps = {steps}
"""


def install():
    if shutil.which("slurmctld") and shutil.which("munged"):
        return
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for words in (["update"], ["install", "-y", "--no-install-recommends", "slurm-wlm", "munge"]):
        subprocess.run(["apt-get", *words], check=True, stdout=subprocess.DEVNULL, env=environment)


class Cluster:
    """Lives until leave(); `pmix`: whether srun can start ranks that find each other."""

    def __init__(self, hosts, folder, pmix):
        self.hosts, self.folder = hosts, folder
        for name in ("munge", "state"):
            os.mkdir(os.path.join(folder, name))
        key = Path(folder) / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        os.chmod(folder, 0o755)
        os.chmod(key.parent, 0o755)
        files = [f"--{name}-file={folder}/munge/{name}" for name in ("key", "pid", "log", "seed")]
        self.on("host1", "munged", "--force", f"--socket={folder}/munge/socket", *files)
        for host in hosts.names:
            place = Path(folder) / host
            place.mkdir()
            (place / "slurm.conf").write_text(CONFIGURATION.format(folder=folder))
            # The hosts share /tmp, so each needs a place of its own for PMIx; none, and PMIx fails.
            (place / "mpi.conf").write_text(f"PMIxCliTmpDirBase={place if pmix else '/nowhere'}\n")
        self.on("host1", "slurmctld")
        for host in hosts.names[1:]:
            self.on(host, "slurmd", "-N", host)

    def on(self, host, *words, cwd=None, **environment):
        """Runs a command on a host; returns what it prints."""
        env = dict(os.environ, SLURM_CONF=f"{self.folder}/{host}/slurm.conf", **environment)
        done = subprocess.run(self.hosts.enter(host, words), cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
        if done.returncode != 0:
            self.fail(f"{' '.join(words)} on {host} ended with code {done.returncode}\n{done.stderr}")
        return done.stdout

    def fail(self, what):
        """Ends with this and what Slurm and the last job have to say."""
        sys.exit("slurm.py: " + "\n".join([what, *(path.read_text() for path in sorted(Path(self.folder).glob("*.log")))]))

    def submit(self, trainer, config):
        self.log = os.path.join(self.folder, "job.log")
        # Slurm looks every 30 s and rounds to early, so the signal comes 25 to 55 s after the start.
        out = self.on("host1", "sbatch", "--parsable", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1", "--time=1",
                      "--signal=B:USR1@5", f"--output={self.log}", "launch/slurm.sbatch", config, cwd=ROOT,
                      TRAINER=str(trainer), CHECKPOINT=os.path.join(self.folder, "job.h5"))
        return out.strip()

    def wait(self, job, seconds):
        """Returns how it ended and how often it was requeued."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.on("host1", "scontrol", "show", "job", job)
            state, restarts = (re.search(rf"{name}=(\w+)", shown)[1] for name in ("JobState", "Restarts"))
            if state not in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "CONFIGURING"):
                return state, int(restarts)
            time.sleep(1)
        self.fail(f"job {job} has not ended within {seconds} s")


def prove(cluster, trainer, folder, launcher):
    dataset, config = Path(folder) / "digits.h5", Path(folder) / "run.cfg"
    run(trainer, "generate", "digits", "--output", dataset, "--generate-train", 10000, "--generate-test", 100)
    config.write_text(NETWORK.format(dataset=dataset, steps=STEPS))
    undisturbed = run(trainer, config).splitlines()[-1]
    state, requeued = cluster.wait(cluster.submit(trainer, str(config)), 900)
    log = Path(cluster.log).read_text()
    right = (state == "COMPLETED" and requeued > 0 and log.splitlines()[-1] == undisturbed
             and log.count("stopped by SIGUSR1") == requeued and f"ranks are started by {launcher}" in log)
    if not right:
        cluster.fail(f"expected to be requeued, started by {launcher}, and {undisturbed}; the job is {state}, requeued "
                     f"{requeued} times")
    print(f"{launcher}: {STEPS} steps, signalled before the limit and requeued {requeued} times: {undisturbed}, as "
          "undisturbed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", type=Path, help="folder of the trainer")
    parser.add_argument("--launchers", nargs="*", default=["srun", "mpirun"])
    arguments = parser.parse_args()
    trainer = arguments.build.resolve() / "trainer"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is below is undone
    install()
    for launcher in arguments.launchers:
        with tempfile.TemporaryDirectory(prefix="lockstep-slurm-") as folder:
            hosts = Hosts(3, folder, RATE)
            try:
                prove(Cluster(hosts, folder, pmix=launcher == "srun"), trainer, folder, launcher)
            finally:
                hosts.remove()


if __name__ == "__main__":
    main()
