"""Runs of odes_rl against the clock of `time_to_reward.py`: `odes-rl train` with a task and a policy, and no more."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stopwatch import Policy, Training, Watch

_NEVER = 10**6


def train_ours(policy: str, training: Training, watch: Watch) -> None:
    """A run of odes_rl, with a checkpoint of each generation for the judge, and no evaluations of its own."""
    from odes_rl.start_up import start_up

    start_up()
    from odes_rl.front.launching import train
    from odes_rl.runs.run_directory import RunDirectory

    backend = {"backend": "processes", "workers": training.workers} if training.workers > 1 else {"backend": "serial"}
    options = {"seed": training.seed, "evaluate_every": _NEVER, "evaluation_episodes": 1, "checkpoint_every": 1}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run"
        read: list[Callable[[], Policy]] = []

        def report(metrics: dict[str, Any]) -> None:
            if metrics["generation"]:
                read[:] = read or [_reader(RunDirectory.open(path))]
                watch.lap(metrics["env_steps"], read[0])

        watch.start()
        train(
            {"id": training.task, "max_steps": training.max_steps},
            policy=policy,
            rollouts=backend,
            run={**options, "loggers": []},
            directory=path,
            report=report,
        )


def _reader(run: Any) -> Callable[[], Policy]:
    """What reads the policy of the run's latest checkpoint."""
    from odes_rl.training.evaluate import normalising_moments
    from odes_rl.training.experiment import episode_settings, make_experiment
    from odes_rl.training.restoring import restore_learnt

    made: list[Any] = []

    def read() -> Policy:
        made[:] = made or [make_experiment(run.config)]  # while the clock stands still
        state, _ = restore_learnt(run, made[0], "latest")
        weights = made[0].policy_weights(state.strategy.params)
        return Policy(episode_settings(run.config, made[0].policy), weights, normalising_moments(run.config, state))

    return read
