"""The networks of the comparison, written for PyTorch.

Each entry of NETWORKS describes what the Lockstep configuration of the same name describes: same layers, same
order, same loss. Adding a network is adding an entry.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Callable

import torch
from torch import nn
from torch.nn import functional


class Chain(nn.Sequential):
    """A network written as a chain of calls that knows its output shape, so that nobody has to compute it."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape  # of one sample: (channels, height, width) or (features,)

    def then(self, layer):
        """Append a layer and follow the shape by running one zero sample through it."""
        with torch.no_grad():
            was_training = layer.training
            self.shape = tuple(layer.eval()(torch.zeros(1, *self.shape)).shape[1:])
            layer.train(was_training)
        self.append(layer)
        return self

    def conv(self, maps, kernel=3, pad=0, stride=1, bias=True):
        return self.then(nn.Conv2d(self.shape[0], maps, kernel, stride, pad, bias=bias))

    def linear(self, features):
        if len(self.shape) > 1:
            self.then(nn.Flatten())
        return self.then(nn.Linear(self.shape[0], features))

    def maxpool(self, size, stride=None):
        # ceil_mode is Caffe's convention and changes nothing where the size divides.
        return self.then(nn.MaxPool2d(size, stride, ceil_mode=True))

    def avgpool(self, size, stride=None):
        return self.then(nn.AvgPool2d(size, stride, ceil_mode=True, count_include_pad=False))

    def relu(self):
        return self.then(nn.ReLU(inplace=True))

    def sigmoid(self):
        return self.then(nn.Sigmoid())

    def batchnorm(self):
        return self.then(nn.BatchNorm2d(self.shape[0]))

    def deconv(self, maps, kernel, pad=0, stride=1):
        return self.then(nn.ConvTranspose2d(self.shape[0], maps, kernel, stride, pad))

    def residual(self, maps, stride=1):
        return self.then(Residual(self.shape, maps, stride))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, shape, maps, stride):
        super().__init__()
        self.body = (Chain(*shape).conv(maps, 3, pad=1, stride=stride, bias=False).batchnorm().relu()
                     .conv(maps, 3, pad=1, bias=False).batchnorm())
        same = self.body.shape == tuple(shape)
        self.shortcut = nn.Identity() if same else Chain(*shape).conv(maps, 1, stride=stride, bias=False).batchnorm()

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x), inplace=True)


def dense_autoencoder(*sizes):
    """Sigmoid layers throughout; only the code, a hidden layer narrower than the input, is linear."""
    net = Chain(sizes[0])
    code = min(sizes[1:-1])
    for size in sizes[1:]:
        net.linear(size)
        if size != code or code >= sizes[0]:
            net.sigmoid()
    return net


def resnet20():
    net = Chain(3, 32, 32).conv(16, 3, pad=1, bias=False).batchnorm().relu()
    for maps, stride in ((16, 1), (32, 2), (64, 2)):
        net.residual(maps, stride).residual(maps).residual(maps)
    return net.avgpool(8).linear(10)


def vgg():
    net = Chain(3, 32, 32)
    for maps in (64, 128, 256):
        net.conv(maps, 3, pad=1).relu().conv(maps, 3, pad=1).relu().maxpool(2)
    return net.linear(512).relu().linear(10)


def squared_error(outputs, targets):
    """Half the squared error, summed over a sample's values and averaged over the minibatch."""
    return functional.mse_loss(outputs, targets, reduction="sum") * (0.5 / outputs.shape[0])


@dataclass
class Network:
    shape: tuple                 # of one input sample
    build: Callable              # makes the torch module
    classes: int = 10            # 0: an autoencoder, whose targets are its inputs
    learning_rate: float = 0.01  # small enough for random data not to diverge, which would distort timings

    @property
    def loss(self):
        return functional.cross_entropy if self.classes else squared_error

    @property
    def has_images(self):
        """Whether there are convolutions, for which the memory format makes a difference."""
        return len(self.shape) == 3


NETWORKS = {
    "lenet": Network((1, 28, 28), lambda: Chain(1, 28, 28).conv(20, 5).maxpool(2).conv(50, 5).maxpool(2)
                     .linear(500).relu().linear(10)),
    "ae": Network((784,), lambda: dense_autoencoder(784, 1000, 784), classes=0, learning_rate=1e-3),
    "deep-ae": Network((784,), lambda: dense_autoencoder(784, 1000, 500, 250, 30, 250, 500, 1000, 784),
                       classes=0, learning_rate=1e-3),
    "conv-ae": Network((1, 28, 28), lambda: Chain(1, 28, 28)
                       .conv(32, 3, pad=1, stride=2).relu().conv(64, 3, pad=1, stride=2).relu()
                       .deconv(32, 4, pad=1, stride=2).relu().deconv(1, 4, pad=1, stride=2).sigmoid(), classes=0, learning_rate=1e-4),
    "cifar-quick": Network((3, 32, 32), lambda: Chain(3, 32, 32)
                           .conv(32, 5, pad=2).maxpool(3, 2).relu().conv(32, 5, pad=2).relu().avgpool(3, 2)
                           .conv(64, 5, pad=2).relu().avgpool(3, 2).linear(64).linear(10)),
    "resnet20": Network((3, 32, 32), resnet20),
    "vgg": Network((3, 32, 32), vgg),
}


LAYER_NAMES = {nn.Conv2d: "conv", nn.ConvTranspose2d: "deconv", nn.Linear: "linear", nn.BatchNorm2d: "batchnorm"}


def named_layers(model):
    """Layers with parameters under Lockstep's default names: the type, then a number that counts that type."""
    count = Counter()
    for module in model.modules():
        kind = LAYER_NAMES.get(type(module))
        if kind:
            count[kind] += 1
            yield f"{kind}{count[kind]}", module
