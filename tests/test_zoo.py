"""Every policy trains: two generations on a task of one suite or the other, from its options to the last metrics."""

import itertools

import jax
import numpy as np
import pytest

from odes_rl.config.layering import layer_values
from odes_rl.policies import POLICIES, policy_config_class
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import initial_state, make_experiment
from odes_rl.training.train import train

TASKS = ["HalfCheetah-v5", "dm_control/swimmer-swimmer6-v0"]
"""Their rewards tell candidates apart from the first step on."""
TINY = {
    "task.max_steps": 8,
    "strategy.population": 4,
    "rollouts.backend": "serial",
    "run.generations": 2,
    "run.evaluate_every": 2,
    "run.evaluation_episodes": 1,
}


@pytest.mark.parametrize(("name", "task"), list(zip(POLICIES, itertools.cycle(TASKS), strict=False)))
def test_a_policy_trains(name, task, tmp_path):
    sized = "hidden" in policy_config_class(name).model_fields
    sizes = {"policy.hidden": 5, "policy.steps": 3} if sized else {}
    config = layer_values({}, TINY | sizes | {"task.id": task, "policy.name": name}, default_directory="unused")
    with RunDirectory.create(tmp_path / "run", config) as run:
        state = train(run, lambda metrics: None)
        lines = run.metrics()
    assert [line["generation"] for line in lines] == [0, 1, 2]
    assert all(np.isfinite(line["return_mean"]) and line["update_norm"] > 0 for line in lines[1:])
    assert lines[-1]["manifold_violation"] < 1e-5
    start = initial_state(make_experiment(config), config.run.seed).strategy.params
    moved = jax.tree.map(lambda after, before: np.any(after != before), state.strategy.params, start)
    assert all(jax.tree.leaves(moved))
