"""Contacts of capsules, beside MuJoCo's own."""

from typing import Any

import jax
import mujoco
import numpy as np
import pytest

from odes_rl.simulation.collisions import capsules_as_in_mujoco, mjx
from odes_rl.simulation.models import put_model

mj: Any = mujoco
BODIES = """
<mujoco>
  <worldbody>
    <geom type="plane" size="5 5 1"/>
    <body><freejoint/><geom type="capsule" size=".3 .005"/></body>
    <body><freejoint/><geom type="capsule" size=".2 .6"/></body>
    <body><freejoint/><geom type="sphere" size=".4"/></body>
  </worldbody>
</mujoco>
"""


def poses(generator):
    """qpos of three bodies near the plane and each other, the second nearly upright."""
    places = generator.uniform([-0.4, -0.4, 0], [0.4, 0.4, 0.6], (3, 3))
    turns = generator.normal(size=(3, 4))
    turns[1] = [1, *generator.uniform(-0.2, 0.2, 3)]
    return np.hstack([places, turns / np.linalg.norm(turns, axis=1, keepdims=True)]).ravel()


def theirs(model, qpos):
    data = mj.MjData(model)
    data.qpos[:] = qpos
    mj.mj_fwdPosition(model, data)
    return grouped((c.geom.tolist(), c.dist, c.pos, c.frame) for c in data.contact)


def grouped(contacts):
    """Distance, position and frame of each contact [k, 13] of a pair of geoms, the deepest first."""
    groups = {}
    for geoms, dist, pos, frame in contacts:
        groups.setdefault(tuple(sorted(geoms)), []).append([dist, *pos, *np.ravel(frame)])
    return {geoms: np.array(sorted(rows)) for geoms, rows in groups.items()}


@pytest.fixture(scope="module")
def model():
    return mj.MjModel.from_xml_string(BODIES)


def test_contacts_and_their_frames_are_those_of_mujoco(model):
    generator, found = np.random.default_rng(0), set()
    with jax.enable_x64(True), capsules_as_in_mujoco():
        put = put_model("bodies", model)
        empty = mjx.make_data(put)
        collide = jax.jit(lambda qpos: mjx.collision(put, mjx.kinematics(put, empty.replace(qpos=qpos)))._impl.contact)
        for _ in range(40):
            qpos = poses(generator)
            contact = jax.device_get(collide(qpos))
            rows = zip(contact.geom.tolist(), contact.dist, contact.pos, contact.frame, strict=True)
            ours = grouped(row for row in rows if row[1] < 0)
            for geoms, expected in theirs(model, qpos).items():
                np.testing.assert_allclose(ours[geoms], expected, atol=1e-9, err_msg=str(geoms))
                found.add(geoms)
    assert found == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}
