#!/usr/bin/python3
"""Same weights, same data, same losses: that Lockstep and the PyTorch network are the same computation.

A comparison of speeds means something only between programs that do the same work. PyTorch starts from the weights
that Lockstep starts from, trains on the same file, and has to report the same loss in every step. The data file
holds exactly one minibatch, so that every step sees all of it and the order of the shuffle does not matter. A step
with learning rate 0 leaves a checkpoint with the initial weights.

    verify.py data lenet 64 one-batch.h5
    trainer lenet.cfg --dataset one-batch.h5 --steps 1 --learning-rate 0 --checkpoint start.h5
    trainer lenet.cfg --dataset one-batch.h5 --steps 10 --checkpoint end.h5
    verify.py losses lenet --start start.h5 --end end.h5 --dataset one-batch.h5
"""

import argparse
import sys

import h5py
import numpy as np

SCALE = 1 / 256  # exact in binary, so that both programs see the same values


def write_dataset(path, network, samples, seed=1):
    """A dataset of random bytes (and labels, for a classifier) in the format of datasets/README.md."""
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.attrs.update(format="lockstep-dataset", version=1, classes=network.classes,
                          source="random bytes for the comparison with PyTorch")
        for split, count in (("train", samples), ("test", min(samples, 100))):
            group = file.create_group(split)
            shape = (count, *network.shape)
            inputs = group.create_dataset("inputs", data=random.integers(256, size=shape, dtype=np.uint8),
                                          chunks=(min(count, 64), *network.shape))
            inputs.attrs.update(scale=SCALE, offset=0.0)
            if network.classes:
                group.create_dataset("labels", data=random.integers(network.classes, size=count, dtype=np.int32))


def read_dataset(path):
    """All training samples as (inputs, targets) tensors; targets are the inputs where there are no labels."""
    import torch
    with h5py.File(path) as file:
        inputs = file["train/inputs"]
        scale, offset = inputs.attrs.get("scale", 1.0), inputs.attrs.get("offset", 0.0)
        values = torch.from_numpy(inputs[...].astype(np.float32) * np.float32(scale) + np.float32(offset))
        labels = file.get("train/labels")
        return values, values if labels is None else torch.from_numpy(labels[...].astype(np.int64))


def read_options(checkpoint):
    """Every resolved option of the run that wrote a checkpoint; of a repeated one, the last."""
    with h5py.File(checkpoint) as file:
        lines = file["config/resolved"][()].decode().splitlines()
    pairs = (line.split("=", 1) for line in lines)
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def read_history(checkpoint, steps):
    """The first rows of /history, which has a row for every step where an epoch is one step."""
    with h5py.File(checkpoint) as file:
        rows = file["history"][:steps]
    if rows["step"].tolist() != list(range(1, steps + 1)):
        raise ValueError(f"/history in {checkpoint} has the steps {rows['step'].tolist()}; expected 1 to {steps}: "
                         "the dataset has to be one minibatch")
    return rows


def load_weights(model, checkpoint):
    """Copy /parameters/LAYER/{weights,bias} into the layer of that name; every layer has to be there, and no other."""
    import torch
    from torch_networks import named_layers
    with h5py.File(checkpoint) as file, torch.no_grad():
        stored = file["parameters"]
        layers = dict(named_layers(model))
        if set(stored) != set(layers):
            raise ValueError(f"{checkpoint} has the layers {sorted(stored)}, the PyTorch network {sorted(layers)}")
        for name, layer in layers.items():
            for ours, theirs in (("weights", layer.weight), ("bias", layer.bias)):
                if theirs is None and ours not in stored[name]:
                    continue
                values = torch.from_numpy(stored[name][ours][...])
                if values.shape != theirs.shape:
                    raise ValueError(f"{name}/{ours} is {tuple(values.shape)} in {checkpoint}, "
                                     f"{tuple(theirs.shape)} in the PyTorch network")
                theirs.copy_(values)


def torch_losses(network, checkpoint, dataset, learning_rates, momentum, weight_decay):
    """Loss of each step, before its update, of SGD on the whole dataset as one minibatch."""
    import torch
    model = network.build()
    load_weights(model, checkpoint)
    inputs, targets = read_dataset(dataset)
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=momentum, weight_decay=weight_decay)
    losses = []
    for learning_rate in learning_rates:
        optimizer.param_groups[0]["lr"] = learning_rate
        optimizer.zero_grad(set_to_none=True)
        loss = network.loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def differences(ours, theirs):
    """Relative difference, step by step."""
    return [abs(a - b) / max(abs(a), abs(b), 1e-30) for a, b in zip(ours, theirs, strict=True)]


def verify(network, start, end, dataset, steps=10, tolerance=1e-5):
    """Losses of both programs and whether they agree; rounding alone leaves 1e-7 to 1e-6.

    The options come from the checkpoint and the learning rates from its history, so that no schedule has to be
    written a second time here.
    """
    options, history = read_options(end), read_history(end, steps)
    theirs = torch_losses(network, start, dataset, history["learning_rate"].tolist(), float(options["momentum"]),
                          float(options["weight-decay"]))
    ours = history["train_loss"].tolist()
    worst = max(differences(ours, theirs))
    return {"lockstep": ours, "torch": theirs, "worst": worst, "same": worst <= tolerance}


def main():
    from torch_networks import NETWORKS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data", help="write a dataset of random samples")
    data.add_argument("network", choices=NETWORKS)
    data.add_argument("samples", type=int)
    data.add_argument("output")
    losses = commands.add_parser("losses", help="compare the losses of both programs")
    losses.add_argument("network", choices=NETWORKS)
    for name in ("--start", "--end", "--dataset"):
        losses.add_argument(name, required=True)
    losses.add_argument("--steps", type=int, default=10)
    losses.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()
    if options.command == "data":
        return write_dataset(options.output, NETWORKS[options.network], options.samples)
    result = verify(NETWORKS[options.network], options.start, options.end, options.dataset, options.steps,
                    options.tolerance)
    print("step      Lockstep       PyTorch")
    for step, (ours, theirs) in enumerate(zip(result["lockstep"], result["torch"]), 1):
        print(f"{step:4d}  {ours:12.6f}  {theirs:12.6f}")
    print(f"{'same' if result['same'] else 'DIFFERENT'}: largest relative difference {result['worst']:.1e}")
    return 0 if result["same"] else 1


if __name__ == "__main__":
    sys.exit(main())
