"""The command `evaluate`."""

from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.records.run_directory import RunDirectory
    from odes_rl.rollouts.base import Rollouts


class Evaluate(BaseModel):
    """Roll out a run's policy, unperturbed, on episodes that training never sees."""

    model_config = STRICT

    run: str
    """Run directory."""
    episodes: int = Field(default=20, ge=1)
    """Episodes to roll out."""
    checkpoint: Literal["best", "latest"] = "best"
    """The checkpoint that holds the policy: of the best evaluation, or the latest."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the episodes, which neither training nor the run's own evaluations have seen."""
    video: str | None = None
    """MP4 file for a film of the first episode, rendered off-screen by EGL or OSMesa; MUJOCO_GL chooses."""


def evaluate(command: Evaluate, overrides: Mapping[str, str]) -> int:
    """Roll out a run's policy and print its return; film the first episode, if asked to.

    Raises:
        UserError: no run, no usable checkpoint, a film that cannot be made.
        EnvironmentFailure: if an environment raises.
    """
    from odes_rl.evaluate import evaluate_run
    from odes_rl.records.run_directory import RunDirectory

    if command.video is not None:
        _check_video(command.video)
    run = RunDirectory.open(command.run)
    rollouts = evaluate_run(run, command.episodes, command.seed, command.checkpoint)
    for line in describe_returns(rollouts):
        print(line)
    if command.video is not None:
        _film(run, command, int(rollouts.lengths[0, 0]))
    return 0


def _film(run: "RunDirectory", command: Evaluate, steps: int) -> None:
    """Film the first episode, which has so many steps, showing how far it is."""
    from rich.progress import Progress

    from odes_rl.evaluate import film_run

    assert command.video is not None
    with Progress(transient=True) as progress:
        task = progress.add_task("filming", total=steps)
        total = film_run(
            run, command.video, command.seed, command.checkpoint, lambda step: progress.update(task, completed=step)
        )
    print(f"{command.video}: an episode {'that failed' if isnan(total) else f'of return {total:.2f}'}")


def _check_video(path: str) -> None:
    if Path(path).suffix.lower() != ".mp4":
        raise UserError(f"video is {path!r}, but must end in .mp4")
    if not Path(path).absolute().parent.is_dir():
        raise UserError(f"video is {path!r}, but there is no directory {str(Path(path).parent)!r}: make it first")


def describe_returns(rollouts: "Rollouts") -> list[str]:
    """Lines that tell what episodes returned; failed ones are counted, and left out of the statistics."""
    failed = f"failed, and left out: {int(rollouts.failed.sum())} of {rollouts.failed.size} episodes"
    returns = rollouts.returns[~rollouts.failed]
    if not returns.size:
        return [failed]
    mean, deviation, count = returns.mean(), returns.std(), returns.size
    steps = rollouts.lengths[~rollouts.failed].mean()
    lines = [
        f"return {mean:.2f} ± {deviation:.2f} (mean ± standard deviation of {count} episodes)",
        f"from {returns.min():.2f} to {returns.max():.2f}; {steps:.0f} steps an episode",
    ]
    return [*lines, failed] if rollouts.failed.any() else lines
