"""Factors of matrices in MJX on a CPU."""

import re
from contextlib import nullcontext
from typing import Any

import jax
import mujoco
import numpy as np

from odes_rl.simulation.factors import factored_one_by_one, mjx
from odes_rl.simulation.models import put_model

mj: Any = mujoco
PENDULUM = """
<mujoco>
  <option jacobian="dense"/>
  <worldbody>
    <body>
      <joint type="hinge" axis="0 1 0" damping="1" limited="true" range="-10 10"/>
      <geom type="capsule" size=".1" fromto="0 0 0 1 0 0"/>
      <body pos="1 0 0">
        <joint type="hinge" axis="0 1 0" damping="1"/>
        <geom type="capsule" size=".1" fromto="0 0 0 1 0 0"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
BATCH = 7
FACTORS = ("lapack_spotrf", "trsm")


def stepped(context):
    """What a batch of steps is lowered to, and the velocities after it."""
    model = put_model("a pendulum", mj.MjModel.from_xml_string(PENDULUM))
    angles = np.random.default_rng(0).uniform(-1, 1, (BATCH, 2)).astype(np.float32)

    def step(angles):
        with context():
            return mjx.step(model, mjx.make_data(model).replace(qpos=angles)).qvel

    lowered = jax.jit(jax.vmap(step)).lower(angles)
    return lowered.as_text(), lowered.compile()(angles)


def factored(program):
    """The shapes that are factored, and solved for."""
    calls = [line for line in program.splitlines() if any(name in line for name in FACTORS)]
    return [
        tuple(map(int, re.findall(r"\d+", shape)))
        for line in calls
        for shape in re.findall(r"tensor<([\dx]*)xf32>", line)
    ]


def test_a_batch_is_factored_one_by_one_to_the_same_velocities():
    plain, velocities = stepped(nullcontext)
    own, ours = stepped(factored_one_by_one)
    assert BATCH in {shape[0] for shape in factored(plain)}
    assert {shape[0] for shape in factored(own)} == {2}
    np.testing.assert_allclose(ours, velocities, rtol=1e-5)
