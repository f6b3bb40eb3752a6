"""Options in which a run that goes on may differ from what is recorded: none changes what it has learnt. Free of JAX.

The length of a run changes how it goes on, where a schedule goes by it.
"""

from collections.abc import Iterable, Mapping

from odes_rl.errors import UserError, suggestion

Sections = Mapping[str, tuple[str, ...]]

_KEPT = ("checkpoint_every", "keep_checkpoints", "loggers", "logger_options")
TRAINING: Sections = {
    "run": ("generations", "env_steps", "failing_generations", "stuck_evaluations", *_KEPT),
    "rollouts": ("backend", "workers", "lanes", "deadline", "address"),
}
"""Of a training run, by section: its length, and how it is computed and stored."""
FITTING: Sections = {"run": ("epochs", *_KEPT)}
"""Of a supervised run."""
_OWN_EPISODES = ("envpool", "mjx")
"""Backends with episodes of their own; those of all others are the same."""


def backend_kind(backend: str) -> str:
    """A name for all backends that give the same episodes as `backend`."""
    return backend if backend in _OWN_EPISODES else "reproducible"


def dotted(sections: Sections) -> list[str]:
    """The options as the command line has them, `section.option`."""
    return [f"{section}.{option}" for section, options in sections.items() for option in options]


def check_resumable(overrides: Iterable[str], sections: Sections) -> None:
    """Check that `overrides` name options of `sections` alone.

    Raises:
        UserError: if they name another one.
    """
    allowed = dotted(sections)
    for name in overrides:
        if ".".join(name.split(".")[:2]) not in allowed:  # an entry of a mapping has a longer one
            raise UserError(
                f"resume cannot change {name}, because a resumed run gives the results of an uninterrupted one: "
                f"{suggestion(name, allowed, listing='`odes-rl resume --help`')}"
            )
