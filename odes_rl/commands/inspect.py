"""The command `inspect`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from odes_rl.validation import STRICT


class Inspect(BaseModel):
    """Look into a run's policy: weights, hidden states and gradients through depth, told and drawn."""

    model_config = STRICT

    run: str
    """Run directory."""
    checkpoint: Literal["best", "latest"] = "best"
    """The checkpoint that holds the policy: of the best evaluation, or the latest."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the episode: the first of those that `evaluate` rolls out."""
    output: str | None = None
    """Picture to write, as PNG and as PDF; inspection.png in the run directory if left out."""


def inspect(command: Inspect, overrides: Mapping[str, str]) -> int:
    """Print and draw what is inside a run's policy.

    Raises:
        UserError: no run, no usable checkpoint, a policy without depth, a picture that cannot be written.
        EnvironmentFailure: if the environment raises.
    """
    from odes_rl.inspection.look import look_into
    from odes_rl.inspection.picture import draw_inspection
    from odes_rl.inspection.summary import describe
    from odes_rl.records.run_directory import RunDirectory
    from odes_rl.reports.drawing import save, stem_of

    inspection = look_into(RunDirectory.open(command.run), command.checkpoint, command.seed)
    for line in describe(inspection):
        print(line)
    output = command.output or Path(command.run) / "inspection"
    for path in save(draw_inspection(inspection), stem_of(output)):
        print(path)
    return 0
