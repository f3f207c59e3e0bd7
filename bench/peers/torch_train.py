#!/usr/bin/python3
"""Training speed of PyTorch on one network: prints one line of JSON with samples per second.

A step is what a training step is: forward, loss, backward, update (SGD with momentum 0.9). The data are random
and already float tensors in memory, a minibatch is a view into them: no loader, no copy, no conversion is
timed, so the figure is an upper bound of what a PyTorch script reaches.

    torch_train.py --network lenet --batch 64 --threads 2 --format channels_last
    torch_train.py --network ae --batch 128 --processes 2       # DistributedDataParallel over gloo
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

SAMPLES = 4096  # as many minibatches as fit are cycled through, so that no cache holds all inputs


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", required=True)
    parser.add_argument("--batch", type=int, required=True, help="global minibatch, split between processes")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--format", choices=("contiguous", "channels_last"), default="contiguous")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--foreach", choices=("on", "off"), default="on", help="SGD's multi-tensor update")
    parser.add_argument("--jit", choices=("none", "script", "trace"), default="none")
    parser.add_argument("--bucket-mb", type=int, default=25, help="gradient bucket of DDP")
    parser.add_argument("--bind", action="store_true", help="each process on its own cores")
    options = parser.parse_args(argv)
    if options.batch % options.processes:
        parser.error(f"--batch {options.batch} cannot be split evenly between {options.processes} processes")
    return options


def prepare_process(options, rank):
    """Settle threads and cores. Comes before the first import of torch, whose OpenMP reads the environment then."""
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if options.bind:
        cores = sorted(os.sched_getaffinity(0))
        first = rank * options.threads
        os.sched_setaffinity(0, cores[first:first + options.threads] or cores)
    import torch
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)


class Trainer:
    """One process's share of the training: `step()` is the only thing that is timed."""

    def __init__(self, options):
        import torch
        from torch_networks import NETWORKS
        network = NETWORKS[options.network]
        memory_format = getattr(torch, f"{options.format}_format" if options.format == "contiguous" else options.format)
        self.share = options.batch // options.processes
        self.loss = network.loss
        self.inputs = torch.rand(max(SAMPLES // self.share, 1) * self.share, *network.shape)
        model = network.build()
        if network.has_images:
            self.inputs = self.inputs.contiguous(memory_format=memory_format)
            model = model.to(memory_format=memory_format)
        self.targets = (torch.randint(network.classes, (len(self.inputs),)) if network.classes else self.inputs)
        self.model = self.distribute(self.compile(model, options.jit), options)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=network.learning_rate, momentum=0.9,
                                         foreach=options.foreach == "on")
        self.position = 0

    def compile(self, model, jit):
        import torch
        if jit == "script":
            return torch.jit.script(model)
        if jit == "trace":
            return torch.jit.trace(model, self.inputs[:self.share])
        return model

    @staticmethod
    def distribute(model, options):
        if options.processes == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel
        return DistributedDataParallel(model, gradient_as_bucket_view=True, broadcast_buffers=False,
                                       static_graph=options.jit == "none", bucket_cap_mb=options.bucket_mb)

    def step(self):
        rows = slice(self.position, self.position + self.share)
        self.position = (self.position + self.share) % len(self.inputs)
        # DDP with gradient_as_bucket_view keeps its buckets either way; setting to None saves a pass over them.
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.inputs[rows]), self.targets[rows])
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self, steps):
        """Seconds for so many steps."""
        start = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
        seconds = time.perf_counter() - start
        self.last_loss = loss.item()
        return seconds


def agreed(value, processes):
    """Rank 0's value on all ranks: every rank has to take the same number of steps."""
    if processes == 1:
        return value
    import torch
    tensor = torch.tensor([value])
    torch.distributed.broadcast(tensor, 0)
    return int(tensor.item())


def measure(options):
    """Warm up for at least a second and 20 steps, then time repetitions of at least --seconds each."""
    trainer = Trainer(options)
    trainer.run(20)
    speed = 20 / trainer.run(20)
    warm_up = agreed(max(int(speed), 1), options.processes)
    speed = warm_up / trainer.run(warm_up)
    steps = agreed(max(int(speed * options.seconds * 1.05) + 1, 10), options.processes)
    cpu = time.process_time()
    seconds = [trainer.run(steps) for _ in range(options.repetitions)]
    cpu = time.process_time() - cpu
    rates = [steps * options.batch / s for s in seconds]
    return {"samples_per_second": round(statistics.median(rates), 1), "min": round(min(rates), 1),
            "max": round(max(rates), 1), "rates": [round(r, 1) for r in rates], "steps": steps,
            "cores_used": round(cpu / sum(seconds), 2), "loss": round(trainer.last_loss, 4)}


def train(rank, options, store):
    """Body of one process; rank 0 prints the result."""
    prepare_process(options, rank)
    import torch
    if options.processes > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank,
                                             world_size=options.processes)
    result = measure(options)
    if rank == 0:
        result = {**vars(options), **result, "torch": torch.__version__,
                  "cpu_capability": torch.__config__.show().split("CPU capability usage: ")[1].split()[0]}
        print(json.dumps(result), flush=True)
    if options.processes > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def main():
    options = arguments()
    if options.processes == 1:
        return train(0, options, None)
    import multiprocessing
    context = multiprocessing.get_context("spawn")  # a forked OpenMP runtime does not work
    with tempfile.TemporaryDirectory() as folder:
        workers = [context.Process(target=train, args=(rank, options, os.path.join(folder, "store")))
                   for rank in range(options.processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return max(abs(worker.exitcode) for worker in workers)


if __name__ == "__main__":
    sys.exit(main())
