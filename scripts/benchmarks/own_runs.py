"""Runs of odes_rl against the clock of `time_to_reward.py`: `odes-rl train` with a task and a policy, and no more."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from stopwatch import Policy, Training, Watch

_NEVER = 10**6


def train_ours(policy: str, training: Training, watch: Watch) -> None:
    """A run of odes_rl, with a checkpoint of each generation for the judge, and no evaluations of its own."""
    from odes_rl.start_up import start_up

    start_up()  # before JAX is imported, as the program does
    from odes_rl.front.launching import train
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.experiment import make_experiment

    rollouts = {"backend": "processes", "workers": training.workers} if training.workers > 1 else {"backend": "serial"}
    options = {"seed": training.seed, "evaluate_every": _NEVER, "evaluation_episodes": 1, "checkpoint_every": 1}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        experiment = cache(lambda: make_experiment(RunDirectory.open(path).config))  # while the clock stands still

        def report(metrics: dict[str, Any]) -> None:
            if metrics["generation"]:
                watch.lap(metrics["env_steps"], lambda: _policy_of(RunDirectory.open(path), experiment()))

        watch.start()
        train(
            {"id": training.task, "max_steps": training.max_steps},
            policy=policy,
            rollouts=rollouts,
            run={**options, "loggers": []},
            directory=path,
            report=report,
        )


def _policy_of(run: Any, experiment: Any) -> Policy:
    """The policy in the latest checkpoint of a run of that experiment."""
    from odes_rl.training.evaluate import normalising_moments
    from odes_rl.training.experiment import episode_settings
    from odes_rl.training.restoring import restore_learnt

    state, _ = restore_learnt(run, experiment, "latest")
    weights = experiment.policy_weights(state.strategy.params)
    return Policy(episode_settings(run.config, experiment.policy), weights, normalising_moments(run.config, state))
