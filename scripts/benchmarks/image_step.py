"""A training step of models of images, and a convolution, beside the same in plain PyTorch, on random images.

    .venv/bin/python scripts/benchmarks/image_step.py [--batch 64] [--steps 10] [--repeats 5]

Images have CIFAR's size. Both sides have the same layers, group normalisation and Adam, all cores to each, in turns;
what is compared is the median time after everything has been compiled. PyTorch's tensors are [B, c, h, w], as it
prefers them.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import gcd
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from odes_rl.continuous import convolve
from odes_rl.supervised import OptimizerConfig, Point, make_learner, make_model, model_config_class

SIDE, COLOURS, CLASSES = 32, 3, 10
MODELS = {
    "Auto": {"name": "image_auto"},
    "Uncon. ResNet": {"name": "image_uncon_res_net"},
    "T-NANODE-10": {"name": "image_t_nanode", "degree": 10},
}


class Normalised(nn.Module):
    """Group normalisation, then relu."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(gcd(8, channels), channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Module wants it."""
        return self.norm(x).relu()


class Block(nn.Module):
    """x ← x + η K_i ∗ relu(N(x)), with kernels Σ_j basis[i, j] coefficients[j]."""

    def __init__(self, channels: int, basis: torch.Tensor, length: float) -> None:
        super().__init__()
        self.register_buffer("basis", basis)
        self.coefficients = nn.Parameter(torch.randn(basis.shape[1], channels * channels * 9) / (9 * channels) ** 0.5)
        self.normalised, self.channels, self.length = Normalised(channels), channels, length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Module wants it."""
        for kernel in (self.basis @ self.coefficients).view(-1, self.channels, self.channels, 3, 3):
            x = x + self.length * nn.functional.conv2d(self.normalised(x), kernel, padding=1)
        return x


def in_torch(label: str, width: int, steps: int) -> nn.Module:
    """The network called `label`, in plain PyTorch."""
    times = torch.arange(steps)[:, None] / steps * torch.arange(1, 11)
    basis = {
        "Auto": torch.ones(steps, 1),
        "Uncon. ResNet": torch.eye(steps),
        "T-NANODE-10": torch.cat([torch.ones(steps, 1), times.cos(), times.sin()], dim=1),
    }[label]
    length = 1.0 if label == "Uncon. ResNet" else 1 / steps
    channels = [width, 2 * width, 4 * width]
    layers: list[nn.Module] = [nn.Conv2d(COLOURS, width, 3, padding=1, bias=False)]
    for inside, outside in pairwise(channels):
        layers += [Block(inside, basis, length), Normalised(inside), nn.Conv2d(inside, outside, 2, 2, bias=False)]
    layers += [Block(channels[-1], basis, length), Normalised(channels[-1])]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], CLASSES))


def torch_step(label: str, images: np.ndarray, labels: np.ndarray, width: int, steps: int) -> Callable[[], Any]:
    """A function that makes one step of training."""
    network = in_torch(label, width, steps)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    x, y = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels).long()

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(4 * (x / 255 - 0.5)), y).backward()
        optimizer.step()

    return step


def our_step(label: str, images: np.ndarray, labels: np.ndarray, width: int, steps: int) -> Callable[[], Any]:
    """Likewise."""
    options = MODELS[label] | {"width": width, "steps": steps}
    model = make_model(model_config_class(options["name"]).model_validate(options), (SIDE, SIDE, COLOURS), CLASSES)
    learner = make_learner(OptimizerConfig(batch_size=len(labels)), model)
    state = learner.init(jax.random.key(0), jax.jit(model.init)(jax.random.key(1)))
    point, program = Point(state.params, state.optimizer), jax.jit(learner.step, donate_argnums=0)
    x, y, key, rate = jax.device_put((images, labels, jax.random.key(2), np.float32(0.003)))

    def step() -> None:
        nonlocal point
        point, _ = jax.block_until_ready(program(point, (x, y), key, rate))

    return step


def seconds(step: Callable[[], Any]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def convolutions(batch: int, width: int) -> Iterator[tuple[int, int, list[Callable[[], Any]]]]:
    """Side, channels, and functions that make a convolution of each stage: ours, as one product by XLA, PyTorch's."""
    generator = np.random.default_rng(0)
    for stage in range(3):
        side, channels = SIDE >> stage, width << stage
        shapes = (batch, side, side, channels), (3, 3, channels, channels), (batch * side**2, 9 * channels)
        x, kernel, rows = (generator.normal(size=shape).astype(np.float32) for shape in shapes)
        ours, product = jax.jit(convolve), jax.jit(jnp.matmul)
        given, factors = jax.device_put((x, kernel)), jax.device_put((rows, kernel.reshape(-1, channels)))
        theirs = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
        filters = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
        yield (
            side,
            channels,
            [
                lambda f=ours, a=given: jax.block_until_ready(f(*a)),
                lambda f=product, a=factors: jax.block_until_ready(f(*a)),
                lambda x=theirs, k=filters: nn.functional.conv2d(x, k, padding=1),
            ],
        )


def medians(functions: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Seconds of each, the median of several in turns, after one that compiles."""
    for function in functions:
        function()
    times = [[seconds(function) for function in functions] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, help="images of a step")
    parser.add_argument("--width", type=int, default=16, help="channels of the first of three stages")
    parser.add_argument("--steps", type=int, default=10, help="of each block")
    parser.add_argument("--repeats", type=int, default=5, help="training steps that are timed of each")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (options.batch, SIDE, SIDE, COLOURS), np.uint8)
    labels = generator.integers(0, CLASSES, options.batch, np.int32)
    print("| network | odes_rl, s | PyTorch, s | PyTorch / odes_rl |\n| --- | ---: | ---: | ---: |")
    for label in MODELS:
        pair = [make(label, images, labels, options.width, options.steps) for make in (our_step, torch_step)]
        ours, theirs = medians(pair, options.repeats)
        print(f"| {label} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.2f} |", flush=True)
    print(
        "\n| a convolution of | odes_rl, ms | product of the same size, ms | PyTorch, ms |\n| --- "
        + "| ---: " * 3
        + "|"
    )
    with torch.no_grad():
        for side, channels, functions in convolutions(options.batch, options.width):
            times = " | ".join(f"{1000 * time:.1f}" for time in medians(functions, 10 * options.repeats))
            print(f"| {options.batch} × {side} × {side} × {channels} | {times} |", flush=True)


if __name__ == "__main__":
    main()
