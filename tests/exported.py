"""Exported policies for tests, and what they do where they go."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnxruntime

from odes_rl.config.layering import layer_values
from odes_rl.export import PortablePolicy
from odes_rl.front.trained import TrainedPolicy
from odes_rl.policies import policy_config_class
from odes_rl.rollouts.protocol import Moments
from odes_rl.training.experiment import make_experiment, restorable_state
from odes_rl.training.restoring import Restored
from tests.snippets import blocks

ALONE = """
import json, sys
import numpy as np
import numpy_policy
for archive, observations in json.load(sys.stdin).items():
    np.save(archive + ".npy", numpy_policy.act(dict(np.load(archive)), np.load(observations)))
print(*{name.partition(".")[0] for name in sys.modules})
"""
"""Acts with archives, by what docs/export.md says; says which modules it has loaded."""


def made_up(directory: Path, policy: str, task: str = "Hopper-v5", **changes: Any) -> TrainedPolicy:
    """A small policy of made-up parameters and moments, with dotted options changed (write `__` for a dot)."""
    known = policy_config_class(policy).model_fields
    sizes = {f"policy.{name}": value for name, value in {"hidden": 6, "steps": 3}.items() if name in known}
    options = sizes | {"policy.output_scale": 0.1} | {name.replace("__", "."): value for name, value in changes.items()}
    config = layer_values({}, {"task.id": task, "policy.name": policy, **options}, default_directory=str(directory))
    experiment = make_experiment(config)
    state, n = restorable_state(experiment), experiment.task.observation_size
    draw = np.random.default_rng(n)
    moments = Moments(np.array(100.0), draw.normal(3.0, 2.0, n), 100 * draw.uniform(0.1, 2.0, n) ** 2)
    params = jax.tree.map(
        lambda leaf: draw.normal(scale=0.4, size=leaf.shape).astype(leaf.dtype), state.strategy.params
    )
    strategy = state.strategy._replace(params=params, generation=3)
    return TrainedPolicy.of(Restored(config, experiment, state._replace(strategy=strategy, moments=moments), "made up"))


def observations_of(policy: TrainedPolicy, count: int = 5) -> np.ndarray:
    """[count, n] near what the policy's moments tell."""
    moments = policy.restored.state.moments
    spread = np.sqrt(moments.squares / max(float(moments.count), 1.0))
    return moments.mean + spread * np.random.default_rng(count).normal(size=(count, moments.mean.size))


def kernel_actions(policy: PortablePolicy, observations: np.ndarray) -> np.ndarray:
    """Outputs [B, m] of a rule's kernel for normalised observations [B, n]."""
    outputs = np.empty((len(observations), policy.head.size), np.float32)
    for observation, output in zip(observations.astype(np.float32), outputs, strict=True):
        policy.rule.kernel(policy.weights, observation, output)
    return outputs


def act_alone(directory: Path, questions: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], set[str]]:
    """Actions of each archive in `directory` for its observations, by NumPy alone; and the modules it took."""
    (page,) = [block for block in blocks("docs/export.md") if block.file == "numpy_policy.py"]
    (directory / "numpy_policy.py").write_text(page.text, encoding="utf-8")
    for name, observations in questions.items():
        np.save(directory / f"{name}.observations.npy", observations)
    asked = json.dumps({name: f"{name}.observations.npy" for name in questions})
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=directory, input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name: np.load(directory / f"{name}.npy") for name in questions}, set(done.stdout.split())


def act_by_onnx(file: Path, observations: np.ndarray) -> np.ndarray:
    """Actions of the model in that file."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["actions"], {"observations": observations})[0])


def act_by_jax(file: Path, observations: np.ndarray) -> np.ndarray:
    """Actions of the function in that file."""
    exported = jax.export.deserialize(bytearray(file.read_bytes()))
    with jax.enable_x64(True):
        return np.asarray(exported.call(observations))


ACT = {"onnx": act_by_onnx, "stablehlo": act_by_jax}
