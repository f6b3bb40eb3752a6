"""The command `evaluate`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.rollouts.protocol import Rollouts
    from odes_rl.training.evaluate import Restored


class Evaluate(BaseModel):
    """Roll out a run's policy, unperturbed, on episodes that training never sees."""

    model_config = STRICT

    run: str
    """Run directory."""
    episodes: int = Field(default=20, ge=1)
    """Episodes to roll out."""
    checkpoint: Literal["best", "latest"] = "best"
    """The checkpoint that holds the policy: of the best evaluation, or the latest. It is the latest, too, as long as
    only the untrained policy has been evaluated."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the episodes, which neither training nor the run's own evaluations have seen."""
    video: str | None = None
    """File for a film of the first episode, .mp4 or .gif, rendered off-screen by EGL or OSMesa; MUJOCO_GL chooses."""


def evaluate(command: Evaluate, overrides: Mapping[str, str]) -> int:
    """Roll out a run's policy and print which it is and its return; film the first episode, if asked to.

    Raises:
        UserError: no run, no usable checkpoint, a film that cannot be made.
        EnvironmentFailure: if an environment raises.
    """
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.training.evaluate import evaluate_restored, restore_run

    if command.video is not None:
        _check_video(command.video)
    restored = restore_run(RunDirectory.open(command.run), command.checkpoint)
    rollouts = evaluate_restored(restored, command.episodes, command.seed)
    for line in (restored.words, *describe_returns(rollouts)):
        print(line)
    if command.video is not None:
        _film(restored, command.video, command.seed, int(rollouts.lengths[0, 0]))
    return 0


def _film(restored: "Restored", video: str, seed: int, steps: int) -> None:
    """Film the first episode, which has so many steps, showing how far it is."""
    from rich.progress import Progress

    from odes_rl.training.evaluate import film_restored

    with Progress(transient=True) as progress:
        task = progress.add_task("filming", total=steps)
        total = film_restored(restored, video, seed, lambda step: progress.update(task, completed=step))
    told = "an episode that failed" if math.isnan(total) else f"an episode of return {total:.2f}"
    print(f"{video}: {told}")


def _check_video(path: str) -> None:
    from odes_rl.rollouts.filming import renderers
    from odes_rl.rollouts.video import ENDINGS

    if Path(path).suffix.lower() not in ENDINGS:
        raise UserError(f"video is {path!r}, but must end in {' or '.join(ENDINGS)}")
    if not Path(path).absolute().parent.is_dir():
        raise UserError(f"video is {path!r}, but there is no directory {str(Path(path).parent)!r}: make it first")
    renderers()


def describe_returns(rollouts: "Rollouts") -> list[str]:
    """Lines that tell what episodes returned; failed ones are counted, and left out of the statistics."""
    failed = f"failed, and left out: {int(rollouts.failed.sum())} of {episodes(rollouts.failed.size)}"
    returns = rollouts.returns[~rollouts.failed]
    if not returns.size:
        return [failed]
    mean, deviation, count = returns.mean(), returns.std(), returns.size
    steps = rollouts.lengths[~rollouts.failed].mean()
    lines = [
        f"return {mean:.2f} ± {deviation:.2f} (mean ± standard deviation of {episodes(count)})",
        f"from {returns.min():.2f} to {returns.max():.2f}; {steps:.0f} steps an episode",
    ]
    if count == 1:
        lines = [f"return {mean:.2f} ({episodes(1)} of {steps:.0f} steps)"]
    return [*lines, failed] if rollouts.failed.any() else lines


def episodes(count: int) -> str:
    """A number of episodes in words."""
    return f"{count} episode{'' if count == 1 else 's'}"
