"""Runs of Weights & Biases."""

import netrc
import os
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import urlparse

from pydantic import BaseModel

from odes_rl.loggers.logger import Line, LoggedRun
from odes_rl.loggers.progress import Logged
from odes_rl.validation import STRICT, build_model

_PATIENCE = 30.0
"""Seconds to wait for the server when a run starts."""


class WandbOptions(BaseModel):
    """Arguments of `wandb.init`; environment variables such as WANDB_PROJECT count where one is left out."""

    model_config = STRICT

    project: str | None = None
    """Project. Default: WANDB_PROJECT, else `odes_rl`."""
    entity: str | None = None
    """User or team."""
    name: str | None = None
    """Name of the run. Default: WANDB_NAME, else that of its directory."""
    group: str | None = None
    """Group of runs."""
    tags: tuple[str, ...] = ()
    """Tags."""
    mode: Literal["online", "offline"] | None = None
    """Default: WANDB_MODE, else `online` if there is an API key (WANDB_API_KEY or ~/.netrc), else `offline`. What was
    written offline is uploaded by `wandb sync`."""


class WandbWriter:
    """Writes to one run of Weights & Biases."""

    def __init__(self, run: Any, logged: Logged) -> None:
        self.run, self.logged = run, logged

    def rewrite(self, lines: Sequence[Line]) -> None:
        """Log what is not logged yet: nothing can be removed there."""
        for line in lines:
            self.append(line)

    def append(self, line: Line) -> None:
        """Log a line at its step."""
        if new := self.logged.new(line):
            self.run.log(new, step=int(line[self.logged.counter]))
            self.logged.note(line)
            self.logged.save(self.run.id)

    def close(self) -> None:
        """Wait until all is sent, or written where the run is offline."""
        self.run.finish()


def open_wandb(run: LoggedRun) -> WandbWriter:
    """The W&B run of `run`: a new one, or the one that it has been logged to."""
    import wandb

    options = build_model(WandbOptions, run.options, "run.logger_options.wandb.")
    logged = Logged(run.path / "wandb.json", run.counter)
    opened = wandb.init(
        project=options.project or os.environ.get("WANDB_PROJECT") or "odes_rl",
        entity=options.entity,
        name=options.name or os.environ.get("WANDB_NAME") or run.name,
        group=options.group,
        tags=options.tags or None,
        mode=options.mode or _mode(),
        id=logged.identity or token_hex(4),
        resume="allow",
        reinit="create_new",  # another run of this process may be open
        dir=run.path,
        config={section: dict(values) for section, values in run.config.items()},
        settings=wandb.Settings(silent=True, console="off", init_timeout=_PATIENCE),
    )
    logged.save(opened.id)
    return WandbWriter(opened, logged)


def _mode() -> Literal["online", "offline"] | None:
    """What W&B's own variables say (None), else whether there is a key: without one `wandb.init` would ask for it."""
    if "WANDB_MODE" in os.environ:
        return None
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    known = bool(os.environ.get("WANDB_API_KEY"))
    with suppress(OSError, netrc.NetrcParseError):
        known = known or netrc.netrc().authenticators(host) is not None
    return "online" if known else "offline"
