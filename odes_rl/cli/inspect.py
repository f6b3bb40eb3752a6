"""The command `inspect`."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.pretrained.names import is_pretrained, output_beside
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Look = tuple[list[str], Figure, Callable[[Path], Path] | None]
    """What is told, what is drawn, and what writes a film, if there is one."""


class Inspect(BaseModel):
    """Print and draw weights, hidden states and gradients through the depth of a run's policy or fitted model.

    Of a model of videos, what it predicts.
    """

    model_config = STRICT

    run: str
    """Run directory, or `pretrained:TASK/POLICY`, as `odes-rl list pretrained` shows them."""
    checkpoint: Literal["best", "latest"] | None = None
    """`best`: the checkpoint of the best evaluation, the default for policies. `latest`: the latest one, the only
    choice for fitted models."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """For a policy: seed of the episode, the first one of `evaluate`. For a fitted model: draws 500 test examples if
    there are more, 100 for a model of images, and the one whose sensitivities are shown; 4 for a model of videos, and
    its predictions."""
    output: str | None = None
    """File for the figure, with the extension .png, .pdf or .svg; without an extension, a PNG and a PDF. Default:
    inspection.png and inspection.pdf in the run directory, which are replaced; of a pretrained policy in this one, with
    its name in front. Of a model of videos there is a GIF beside it."""


def inspect(command: Inspect, overrides: Mapping[str, str]) -> int:
    """Print and draw the inspection of a run's policy or fitted model.

    Raises:
        UserError: no run, no usable checkpoint, nothing with depth, a picture that cannot be written.
        EnvironmentFailure: if the environment raises.
    """
    from odes_rl.config.layering import FITTING
    from odes_rl.reports.drawing import picture_files, save
    from odes_rl.runs.run_directory import recorded_kind

    output = command.output or output_beside(command.run, "inspection")
    (first, *_) = picture_files(output)  # reports a mistake before the work
    fitted = not is_pretrained(command.run) and recorded_kind(command.run) is FITTING
    lines, figure, film = (_fitted if fitted else _policy)(command)
    for line in lines:
        print(line)
    for path in [*save(figure, output), *([] if film is None else [film(first.with_suffix(".gif"))])]:
        print(path)
    return 0


def _policy(command: Inspect) -> "Look":
    from odes_rl.inspection.look import look_into
    from odes_rl.inspection.picture import draw_inspection
    from odes_rl.inspection.summary import describe
    from odes_rl.training.restoring import restore

    inspection = look_into(restore(command.run, command.checkpoint or "best"), command.seed)
    return describe(inspection), draw_inspection(inspection), None


def _fitted(command: Inspect) -> "Look":
    from odes_rl.config.layering import FITTING
    from odes_rl.inspection.fitted import look_into_fit
    from odes_rl.inspection.fitted_picture import draw_fitted
    from odes_rl.inspection.images import describe_images, look_into_images
    from odes_rl.inspection.images_picture import draw_images
    from odes_rl.inspection.summary import describe_fitted
    from odes_rl.inspection.videos import describe_videos, look_into_videos
    from odes_rl.inspection.videos_picture import draw_videos, write_film
    from odes_rl.runs.run_directory import RunDirectory
    from odes_rl.supervised.models import MODELS

    if command.checkpoint == "best":
        raise UserError("checkpoint is 'best', but fitted models only have latest checkpoints: leave --checkpoint out")
    run = RunDirectory.open(command.run, kind=FITTING)
    takes = MODELS.find(run.config.model.name).takes
    if takes == "videos":
        videos = look_into_videos(run, command.seed)
        return describe_videos(videos), draw_videos(videos), partial(write_film, videos)
    if takes == "images":
        images = look_into_images(run, command.seed)
        return describe_images(images), draw_images(images), None
    inspection = look_into_fit(run, command.seed)
    return describe_fitted(inspection), draw_fitted(inspection), None
