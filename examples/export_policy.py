"""Export a policy to npz, ONNX and StableHLO, and act with each of them. See docs/export.md.

`python export_policy.py [DIRECTORY]` writes to that directory, or to a new one.
"""

import sys
import tempfile
from pathlib import Path

import gymnasium
import jax
import numpy as np
import onnxruntime

import odes_rl

directory = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
directory.mkdir(parents=True, exist_ok=True)
policy = odes_rl.train(
    "Pendulum-v1",
    policy={"name": "ode_to_ode", "hidden": 8, "steps": 5, "activation": "tanh"},
    run={"generations": 2},
)
for ending in ("npz", "onnx", "stablehlo"):
    policy.export(directory / f"policy.{ending}")

environment = gymnasium.make("Pendulum-v1")
observations = np.array([environment.reset(seed=seed)[0] for seed in range(8)], np.float64)  # [batch, n], raw
actions = {"odes_rl": policy(observations)}

session = onnxruntime.InferenceSession(directory / "policy.onnx")
(actions["onnx"],) = session.run(["actions"], {"observations": observations})

exported = jax.export.deserialize(bytearray((directory / "policy.stablehlo").read_bytes()))
with jax.enable_x64(True):
    actions["stablehlo"] = np.asarray(exported.call(observations))

# With NumPy alone. These lines are for ODEtoODE and its kin; docs/export.md has those for every policy.
p = dict(np.load(directory / "policy.npz"))
s = np.clip((observations - p["mean"]) / p["deviation"], -p["clip"], p["clip"]).astype(np.float32)
x = s @ p["weights.input"].T
for W, b in zip(p["weights.layers"], p["weights.biases"], strict=True):
    x = x + p["weights.step"] * np.tanh(x @ W.T + b)
outputs = x @ p["weights.output"].T + s @ p["weights.path"].T + p["weights.bias"]
middle, half = (p["high"] + p["low"]) / 2, (p["high"] - p["low"]) / 2
actions["npz"] = np.clip(middle + half * outputs, p["low"], p["high"])

for name, values in actions.items():
    print(f"{name:10}", np.ravel(values).round(4))
    assert np.allclose(values, actions["odes_rl"], atol=1e-5)
