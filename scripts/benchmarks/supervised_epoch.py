"""An epoch of supervised learning beside the same networks in plain PyTorch, on random images of MNIST's size.

    .venv/bin/python scripts/benchmarks/supervised_epoch.py [--examples 6000] [--repeats 5]

Both sides train the same architecture with Adam on the same batches, all cores to each, in turns; what is compared is
the median time of an epoch after everything has been compiled. PyTorch's ODEtoODE computes W_i with one matrix
exponential and a loop of products, as one would write it; Adam then moves W_0 freely, which spares it the manifold.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import torch
from torch import nn

from odes_rl.supervised.config import OptimizerConfig
from odes_rl.supervised.learner import make_learner
from odes_rl.supervised.models import make_model, model_config_class

PIXELS, CLASSES, STEPS = 784, 10, 100
NETWORKS = {
    "Dense-1": {"name": "dense", "depth": 1},
    "Dense-10": {"name": "dense", "depth": 10},
    "NODE": {"name": "node"},
    "NANODE-10": {"name": "nanode", "degree": 10},
    "HyperNet-1": {"name": "hyper_net", "gates": 1},
    "ODEtoODE-1": {"name": "ode_to_ode", "gates": 1},
}


class Flow(nn.Module):
    """Affine, x ← x + |W_i x + b| / L, affine; `weights()` gives W_1, …, W_L."""

    def __init__(self, width: int, trajectory: nn.Module) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(PIXELS, width), nn.Linear(width, CLASSES)
        self.bias, self.trajectory = nn.Parameter(torch.zeros(width)), trajectory

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Module wants it."""
        x = self.first(x)
        for W in self.trajectory():
            x = x + torch.addmm(self.bias, x, W.T).abs() / STEPS
        return self.last(x)


class Constant(nn.Module):
    """One matrix for all times."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(width, width) / width**0.5)

    def forward(self) -> list[torch.Tensor]:
        """As nn.Module wants it."""
        return [self.W] * STEPS


class Trigonometric(nn.Module):
    """Trigonometric polynomials of time."""

    def __init__(self, width: int, degree: int) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.randn(2 * degree + 1, width * width) / (width * (1 + degree)) ** 0.5)
        angles = torch.arange(STEPS)[:, None] / STEPS * torch.arange(1, degree + 1)
        self.register_buffer("basis", torch.cat([torch.ones(STEPS, 1), angles.cos(), angles.sin()], dim=1))
        self.width = width

    def forward(self) -> torch.Tensor:
        """As nn.Module wants it."""
        return (self.basis @ self.coefficients).view(STEPS, self.width, self.width)


class Straight(nn.Module):
    """W_0 + t a f, HyperNet with one constant gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.gate, self.f = nn.Parameter(torch.ones(1)), nn.Parameter(0.3 * torch.randn(width, width) / width**0.5)
        self.register_buffer("times", torch.arange(STEPS)[:, None, None] / STEPS)

    def forward(self) -> torch.Tensor:
        """As nn.Module wants it."""
        return self.W + self.times * (self.gate * self.f)


class Geodesic(nn.Module):
    """W_0 exp(t a (f − fᵀ)), ODEtoODE with one constant gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.linalg.qr(torch.randn(width, width))[0])
        self.gate, self.f = nn.Parameter(torch.ones(1)), nn.Parameter(torch.randn(width, width) / (8 * width) ** 0.5)

    def forward(self) -> list[torch.Tensor]:
        """As nn.Module wants it."""
        factor = torch.linalg.matrix_exp(self.gate * (self.f - self.f.T) / STEPS)
        matrices, W = [], self.W
        for _ in range(STEPS):
            W = W @ factor
            matrices.append(W)
        return matrices


def in_torch(label: str, width: int) -> nn.Module:
    """The network called `label`, in plain PyTorch."""
    if label.startswith("Dense"):
        sizes = [PIXELS, *[width] * int(label.split("-")[1])]
        layers = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m), Absolute())]
        return nn.Sequential(*layers, nn.Linear(width, CLASSES))
    trajectories: dict[str, Callable[[], nn.Module]] = {
        "NODE": lambda: Constant(width),
        "NANODE-10": lambda: Trigonometric(width, 10),
        "HyperNet-1": lambda: Straight(width),
        "ODEtoODE-1": lambda: Geodesic(width),
    }
    return Flow(width, trajectories[label]())


class Absolute(nn.Module):
    """The nonlinearity."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Module wants it."""
        return x.abs()


def torch_epoch(label: str, images: np.ndarray, labels: np.ndarray, width: int, batch: int) -> Callable[[], Any]:
    """A function that trains for one epoch."""
    network = in_torch(label, width)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    x, y = torch.from_numpy(images), torch.from_numpy(labels).long()

    def epoch() -> None:
        for rows in torch.randperm(len(y))[: len(y) // batch * batch].view(-1, batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[rows] / 255), y[rows]).backward()
            optimizer.step()

    return epoch


def our_epoch(label: str, images: np.ndarray, labels: np.ndarray, width: int, batch: int) -> Callable[[], Any]:
    """Likewise."""
    options = NETWORKS[label]
    model = make_model(model_config_class(options["name"]).model_validate(options | {"width": width}), PIXELS, CLASSES)
    learner = make_learner(OptimizerConfig(learning_rate=0.003, batch_size=batch), model)
    state = learner.init(jax.random.key(0), model.init(jax.random.key(1)))
    run, examples = jax.jit(learner.epoch), jax.device_put((images, labels))

    def epoch() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(run(state, examples))

    return epoch


def seconds(epoch: Callable[[], Any]) -> float:
    started = time.perf_counter()
    epoch()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=6000, help="of an epoch")
    parser.add_argument("--repeats", type=int, default=5, help="epochs that are timed of each")
    parser.add_argument("--width", type=int, default=128, help="hidden units")
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 250], help="sizes of a batch")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (options.examples, PIXELS), np.uint8)
    labels = generator.integers(0, CLASSES, options.examples, np.int32)
    print("| network | batch | odes_rl, s | PyTorch, s | PyTorch / odes_rl |\n| --- | ---: | ---: | ---: | ---: |")
    for label in NETWORKS:
        for batch in options.batches:
            pair = [make(label, images, labels, options.width, batch) for make in (our_epoch, torch_epoch)]
            for epoch in pair:
                epoch()
            times = [[seconds(epoch) for epoch in pair] for _ in range(options.repeats)]
            ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"| {label} | {batch} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
