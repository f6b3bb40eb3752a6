"""Edits of MuJoCo's models for MJX, each beside the unedited model, in MuJoCo itself."""

from typing import Any

import mujoco
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.physics.finding import describe_physics
from odes_rl.simulation.models import EDITS, declared_edits, edited, needed_edits, put_model

mj: Any = mujoco
NEEDED = {
    "Swimmer-v5": [],
    "dm_control/cheetah-run-v0": [],
    "dm_control/cartpole-swingup-v0": ["no idle collisions", "no energy"],
    "dm_control/acrobot-swingup-v0": ["no idle collisions", "no energy"],
    "dm_control/swimmer-swimmer6-v0": ["no idle collisions"],
    "dm_control/fish-swim-v0": ["no idle collisions"],
    "Humanoid-v5": ["Newton for PGS"],
}


def physics_of(task):
    environment = make_environment(task)
    physics = describe_physics(environment)
    assert physics is not None
    return environment, physics


def stepped(model, data, controls, steps):
    """qpos and qvel after `steps` steps of `model` from the state of `data`."""
    here = mj.MjData(model)
    here.qpos[:], here.qvel[:], here.act[:] = data.qpos, data.qvel, data.act
    here.qacc_warmstart[:] = data.qacc_warmstart
    for control in controls:
        here.ctrl[:] = control
        mj.mj_step(model, here, steps)
    return np.concatenate([here.qpos, here.qvel])


@pytest.mark.parametrize("task", NEEDED)
def test_a_model_gets_the_edits_that_it_needs_and_no_others(task):
    _, (_, model, data) = physics_of(task)
    names = needed_edits(model)
    assert names == NEEDED[task]
    result = edited(model)
    assert needed_edits(result) == []
    assert needed_edits(model) == names, "the environment's own model was changed"
    controls = np.random.default_rng(0).uniform(-1, 1, (20, model.nu))
    mine, theirs = stepped(result, data, controls, 2), stepped(model, data, controls, 2)
    if all(EDITS[name].is_neutral for name in names):
        np.testing.assert_array_equal(mine, theirs)
        assert declared_edits(model) == []
    else:
        assert declared_edits(model) == [EDITS["Newton for PGS"].reason]
        assert np.abs(mine - theirs).max() > 0


def test_newton_solves_what_pgs_comes_near_to():
    environment, (_, model, data) = physics_of("Humanoid-v5")
    patient = edited(model)
    patient.opt.solver, patient.opt.iterations = model.opt.solver, 2000
    patient.opt.tolerance = 0
    worst = {"PGS": 0.0, "patient PGS": 0.0}
    generator = np.random.default_rng(0)
    for _ in range(20):
        environment.step(generator.uniform(-0.4, 0.4, model.nu).astype(np.float32))
        control = generator.uniform(-0.4, 0.4, (1, model.nu))
        newton = stepped(edited(model), data, control, 1)
        for name, other in (("PGS", model), ("patient PGS", patient)):
            worst[name] = max(worst[name], np.abs(stepped(other, data, control, 1) - newton).max())
    assert worst["patient PGS"] < 1e-5
    assert worst["patient PGS"] < worst["PGS"] < 1e-2


def test_what_mjx_would_ignore_without_a_word_is_refused():
    _, (_, model, _) = physics_of("Swimmer-v5")
    slipless = edited(model)
    slipless.opt.noslip_iterations = 4
    with pytest.raises(UserError, match=r"mjx cannot run Swimmer-v5: noslip .*; use rollouts.backend: processes"):
        put_model("Swimmer-v5", slipless)
