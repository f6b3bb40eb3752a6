"""The experiment as a config describes it: every choice is there, and five generations compile once."""

import math
from typing import Any, Literal, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.act.linear import LinearWeights
from odes_rl.config.layering import layer_values
from odes_rl.config.schema import RunConfig, TaskConfig
from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.optimizers import learning_rate_at, make_optimizer, sigma_at
from odes_rl.es.strategy import make_strategy
from odes_rl.flows.lie_solvers import LIE_SOLVERS
from odes_rl.flows.lie_steps import LIE_STEPS
from odes_rl.manifolds import Orthogonal, Stiefel
from odes_rl.manifolds.schedules import OPTIMIZERS
from odes_rl.policies import POLICIES, make_policy, policy_config_class
from odes_rl.rollouts.backends import BACKENDS
from odes_rl.rollouts.choosing import choose_backend, make_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.device_actor import DeviceActor
from odes_rl.training.experiment import initial_state, make_experiment
from odes_rl.training.restoring import Checkpoint
from odes_rl.training.train import observation_weight, train
from tests.made_runs import create_run


def build_schedule(option: str, choice: str) -> bool:
    """A constant stays as it starts, and any other schedule falls."""
    config = StrategyConfig(**{f"{option}_schedule": choice})  # pyright: ignore[reportArgumentType]
    at, start = {"sigma": (sigma_at, config.sigma), "learning_rate": (learning_rate_at, config.rate)}[option]
    first, fourth = (float(at(config, jnp.int32(generation), generation / 10)) for generation in (0, 3))
    later = fourth == pytest.approx(first) if choice == "constant" else 0 < fourth < first
    return first == pytest.approx(start) and later


def test_a_cosine_without_a_horizon_falls_over_the_run():
    config = StrategyConfig(sigma=2.0, sigma_schedule="cosine")
    along = [float(sigma_at(config, jnp.int32(7), progress)) for progress in (0.0, 0.5, 1.0)]
    assert along == pytest.approx([2.0, 1.01, 0.02])


def test_progress_is_the_larger_part_of_generations_and_steps():
    run = RunConfig(directory="x", generations=10, env_steps=1000)
    assert run.progress(5, 100) == 0.5
    assert run.progress(5, 800) == 0.8
    assert run.progress(20, 0) == 1.0
    assert RunConfig(directory="x", generations=None, env_steps=1000).progress(5, 100) == 0.1


@pytest.mark.parametrize("choice", OPTIMIZERS)
def test_every_optimizer_can_be_built(choice):
    config = StrategyConfig(optimizer=choice, learning_rate=0.01)
    params = {"matrix": np.eye(3, 2, dtype=np.float32)}
    gradient = {"matrix": np.array([[0, 1], [0, 0], [-1, -1]], np.float32)}
    optimizer = make_optimizer(config, {"matrix": Stiefel()})
    step, _ = optimizer.update(gradient, optimizer.init(params), params)
    length = 0.5 / np.sqrt(6) if choice == "clip_up" else 1.0
    np.testing.assert_allclose(
        jax.tree.leaves(step)[0], length * np.array([[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]), atol=1e-5
    )


def build_metric(choice: str) -> bool:
    """A square matrix turns twice as far in the canonical metric."""
    manifold, turns = Orthogonal(), {}
    for metric in ("canonical", choice):
        config = StrategyConfig(metric=metric, population=2)  # pyright: ignore[reportArgumentType]
        strategy = make_strategy(config, manifold)
        turns[metric] = float(
            strategy.tell(strategy.init(jax.random.key(0), jnp.eye(3)), jnp.arange(2.0))[1].update_norm
        )
    return turns[choice] == pytest.approx(turns["canonical"] * (1.0 if choice == "canonical" else 0.5), rel=1e-5)


def build_space(choice: str) -> bool:
    """Tangent candidates lie on the manifold, ambient ones do not."""
    config = StrategyConfig(space=choice, population=2, sigma=0.3)  # pyright: ignore[reportArgumentType]
    manifold, key = Stiefel(), jax.random.key(0)
    strategy = make_strategy(config, manifold)
    candidates = strategy.ask(strategy.init(key, manifold.random(key, (3, 2))))
    return (float(manifold.violation(candidates[0])) < 1e-5) == (choice == "tangent")


def steps_taken(config: RolloutsConfig, actor: DeviceActor | None = None) -> int:
    """Environment steps of an episode of at most two."""
    weights, seeds = LinearWeights(np.zeros((1, 2, 8), np.float32)), np.zeros((1, 1), np.int64)
    with make_backend(config, EpisodeSettings("Swimmer-v5", 2, "linear", "clip"), 1, actor) as backend:
        return int(backend.evaluate(weights, Moments.empty(8), seeds).lengths.sum())


def build_inference(choice: str) -> bool:
    config = RolloutsConfig(inference=choice, workers=1)  # pyright: ignore[reportArgumentType]
    return steps_taken(config, DeviceActor("linear") if choice == "device" else None) == 2


def build_flow(options: dict[str, str]) -> bool:
    """Each choice of a weights' flow gives the parameters that it needs."""
    gated = {"initial", "gates", "matrices"}
    parameters = {
        "isospectral": {"initial", "Q", "N"},
        "gated": gated,
        "none": {"W"} if "gate_inputs" not in options else gated,
        "t": gated | {"inner", "biases", "outer"},
        "t_W": gated | {"inner", "biases", "outer"},
    }
    config = policy_config_class("ode_to_ode").model_validate({"name": "ode_to_ode", "hidden": 3, **options})
    params = jax.eval_shape(make_policy(config, 4, 2).init, jax.random.key(0))
    return params["trajectory"].keys() == parameters[list(options.values())[-1]]


def build_initial_checkpoint(choice: str) -> bool:
    """Each choice is a checkpoint that a policy is restored from."""
    options = {"directory": "x", "initial": "y", "initial_checkpoint": choice}
    return RunConfig.model_validate(options).initial_checkpoint in get_args(Checkpoint)


def build_actions(choice: str) -> bool:
    """Only sampled actions are drawn."""
    lane = Lane(EpisodeSettings("CartPole-v1", None, "linear", "clip", math.inf, actions=choice))
    generator = lane.acting.generator(3)
    lane.environment.close()
    return (generator is None) == (choice == "greedy")


def build_observation_weights(choice: str) -> bool:
    """Late observations count less unless all are equal."""
    options = {"task.id": "Hopper-v5", "task.observation_weights": choice}
    config = layer_values({}, options, default_directory="x")
    first, later = observation_weight(config, 0, 0.0), observation_weight(config, 3, 0.3)
    return first == 1.0 and (later < 1.0) == (choice == "learning_rate")


def build_sigma_per_leaf(choice: str) -> bool:
    """Scales are part of the state where leaves have some."""
    config = StrategyConfig(sigma_per_leaf=choice, population=2)  # pyright: ignore[reportArgumentType]
    strategy = make_strategy(config, Orthogonal())
    scales = strategy.init(jax.random.key(0), jnp.eye(3)).scales
    return scales is None if choice == "none" else float(scales) == 1.0


BUILDERS = {
    "sigma_schedule": lambda choice: build_schedule("sigma", choice),
    "learning_rate_schedule": lambda choice: build_schedule("learning_rate", choice),
    "space": build_space,
    "flow": lambda choice: build_flow({"flow": choice}),
    "gate_inputs": lambda choice: build_flow({"flow": "gated", "gate_inputs": choice}),
    "inference": build_inference,
    "metric": build_metric,
    "initial_checkpoint": build_initial_checkpoint,
    "actions": build_actions,
    "observation_weights": build_observation_weights,
    "sigma_per_leaf": build_sigma_per_leaf,
}


def choices() -> dict[str, set[str]]:
    """Every option of the config's sections whose type is a Literal, and all values that it takes somewhere."""
    found: dict[str, set[str]] = {}
    models = [TaskConfig, StrategyConfig, RolloutsConfig, RunConfig, *(family.config for family in POLICIES.values())]
    for model in models:
        for option, field in model.model_fields.items():
            if get_origin(field.annotation) is Literal and option != "name":
                found.setdefault(option, set()).update(get_args(field.annotation))
    return found


def test_every_option_with_choices_is_tied_to_what_they_name():
    assert choices().keys() == BUILDERS.keys()
    assert LIE_SOLVERS.keys() == LIE_STEPS.keys()


@pytest.mark.parametrize("choice", BACKENDS)
def test_every_backend_can_be_built(choice):
    config = RolloutsConfig(backend=choice, workers=1)
    if choice == "ray":  # which would start a cluster: tests/rollouts/test_ray.py does
        assert choose_backend(config, 1).backend == "ray"
    else:
        assert steps_taken(config) == 2


@pytest.mark.parametrize(("option", "choice"), [(o, c) for o in BUILDERS for c in sorted(choices()[o])])
def test_choices_can_be_built(option, choice):
    assert BUILDERS[option](choice)


def test_five_generations_compile_once_also_when_resumed(tmp_path, caplog):
    names = ("candidate_weights", "estimate", "step", "policy_weights")

    def compilations(run: RunDirectory) -> list[int]:
        caplog.clear()
        with run, jax.log_compiles():
            train(run, lambda line: None)
        return [sum(f"Compiling jit({name})" in record.getMessage() for record in caplog.records) for name in names]

    assert compilations(create_run(tmp_path / "run", run__generations=5)) == [1, 1, 1, 1]
    assert compilations(RunDirectory.open(tmp_path / "run", {"run.generations": 10})) == [1, 1, 1, 1]


def test_parameters_of_a_policy_that_do_not_lie_on_their_manifolds_are_told():
    config = layer_values({}, {"task.id": "Pendulum-v1", "policy.hidden": "4"}, default_directory="x")
    experiment = make_experiment(config)
    policy = experiment.policy

    def init(key: jax.Array) -> Any:
        return jax.tree.map(jnp.ones_like, policy.init(key))

    with pytest.raises(UserError, match=r"the policy's params.* off the manifold .*: its init must give a point of it"):
        initial_state(experiment._replace(policy=policy._replace(init=init)), 0)
