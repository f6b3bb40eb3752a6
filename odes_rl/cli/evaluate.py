"""The command `evaluate`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.extras import require
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.rollouts.protocol import Rollouts
    from odes_rl.training.restoring import Restored


class Evaluate(BaseModel):
    """Evaluate a run's unperturbed policy on episodes that training never sees."""

    model_config = STRICT

    run: str
    """Run directory, or `pretrained:TASK/POLICY`, as `odes-rl list pretrained` shows them."""
    episodes: int = Field(default=20, ge=1)
    """Number of episodes."""
    checkpoint: Literal["best", "latest"] = "best"
    """`best`: the checkpoint of the best evaluation, or the latest one while only the untrained policy has been
    evaluated. `latest`: the latest one."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the episodes. They differ from those of training and of its evaluations for any seed."""
    actions: Literal["greedy", "sampled"] | None = None
    """How logits choose discrete actions, in the film too; none means as in training: `task.actions` of the run."""
    backend: str | None = None
    """Backend of the episodes, as `odes-rl list backends` shows them; none means that of the run. Where one of the two
    is `mjx` and the other is not, both run them, and the difference of the returns is told too."""
    video: str | None = None
    """File for a film of the first episode, .mp4 or .gif. Rendered by EGL or OSMesa, as MUJOCO_GL selects."""


def evaluate(command: Evaluate, overrides: Mapping[str, str]) -> int:
    """Evaluate a run's policy and print its checkpoint and returns; film the first episode on request.

    Raises:
        UserError: no run, no usable checkpoint, a film that cannot be made.
        EnvironmentFailure: if an environment raises.
    """
    from odes_rl.training.evaluate import acting_as, evaluate_restored, rolled_out_by
    from odes_rl.training.restoring import restore

    if command.video is not None:
        _check_video(command.video)
    restored = restore(command.run, command.checkpoint)
    if command.actions is not None:
        restored = acting_as(restored, command.actions)
    own, asked = restored.config.rollouts.backend, command.backend or restored.config.rollouts.backend
    there = rolled_out_by(restored, asked)
    rollouts = evaluate_restored(there, command.episodes, command.seed)
    lines = describe_returns(rollouts)
    if (asked == "mjx") != (own == "mjx"):
        try:
            beside = evaluate_restored(restored, command.episodes, command.seed)
            lines = transfer_table({asked: rollouts, own: beside})
        except UserError as error:  # the run is from another machine
            lines.append(f"no gap to {own}, with which the policy was trained: {error}")
    for line in (restored.words, *lines):
        print(line)
    if command.video is not None:
        _film(restored, command.video, command.seed, int(rollouts.lengths[0, 0]))
    return 0


def _film(restored: "Restored", video: str, seed: int, steps: int) -> None:
    """Film the first episode, of `steps` steps, with a progress bar."""
    from rich.progress import Progress

    from odes_rl.training.evaluate import film_restored

    with Progress(transient=True) as progress:
        task = progress.add_task("filming", total=steps)
        total = film_restored(restored, video, seed, lambda step: progress.update(task, completed=step))
    told = "a failed episode" if math.isnan(total) else f"an episode with return {total:.2f}"
    print(f"{video}: {told}")


def _check_video(path: str) -> None:
    from odes_rl.rollouts.filming import renderers
    from odes_rl.rollouts.video import ENDINGS

    if Path(path).suffix.lower() not in ENDINGS:
        raise UserError(f"video is {path!r}, but must end in {' or '.join(ENDINGS)}")
    require(f"video: {path}", "imageio", "av")
    if not Path(path).absolute().parent.is_dir():
        raise UserError(f"video is {path!r}, but there is no directory {str(Path(path).parent)!r}: make it first")
    renderers()


def describe_returns(rollouts: "Rollouts") -> list[str]:
    """Lines about the returns of episodes. Failed ones are counted, but not part of the statistics."""
    failed = f"failed (not in the statistics): {int(rollouts.failed.sum())} of {episodes(rollouts.failed.size)}"
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


def transfer_table(found: Mapping[str, "Rollouts"]) -> list[str]:
    """The lines of a table of the returns by two backends in episodes that begin alike, and of the gap between them."""
    (asked, one), (own, other) = found.items()
    both = ~(one.failed | other.failed)
    rows = [(name, *_columns(rollouts)) for name, rollouts in found.items()]
    gaps = one.returns[both] - other.returns[both]
    if gaps.size:
        error = f" ± {gaps.std(ddof=1) / gaps.size**0.5:.2f}" if gaps.size > 1 else ""
        rows.append(("transfer gap", f"{gaps.mean():.2f}{error}", "", ""))
    table = [("backend", "return", "steps", "failed"), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    spread = "mean ± standard deviation" if both.size > 1 else "of one episode"
    return [*lines, f"returns: {spread}; gap: {asked} less {own}, mean ± standard error over {episodes(gaps.size)}"]


def _columns(rollouts: "Rollouts") -> tuple[str, str, str]:
    """The mean return, the mean length and the number of failed episodes, in words."""
    returns, failed = rollouts.returns[~rollouts.failed], str(int(rollouts.failed.sum()))
    if not returns.size:
        return "", "", failed
    spread = f" ± {returns.std():.2f}" if returns.size > 1 else ""
    return f"{returns.mean():.2f}{spread}", f"{rollouts.lengths[~rollouts.failed].mean():.0f}", failed


def episodes(count: int) -> str:
    """A number of episodes in words."""
    return f"{count} episode{'' if count == 1 else 's'}"
