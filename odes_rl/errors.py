"""Errors that are reported to the user in one line."""

import difflib
import traceback
from collections.abc import Iterable

_LEAST_LIKENESS = 0.6
"""Of difflib's ratio, for a guess."""


class UserError(ValueError):
    """A user's mistake. The message is one line: the value received, what is allowed, and the fix."""


class StorageError(Exception):
    """The files of a run cannot be written. The message is one line: the path, the cause, and the fix."""


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The entry of `allowed` most like `name`, None if nothing is like it.

    Of dotted options the option counts and then the section: `strategy.` in front of both is no likeness.
    """
    likeness, entry = max(((_likeness(name.lower(), entry.lower()), entry) for entry in allowed), default=((0.0,), ""))
    return entry if likeness[0] >= _LEAST_LIKENESS else None


def suggestion(name: str, allowed: Iterable[str], *, limit: int = 12, listing: str = "the command's --help") -> str:
    """The end of a message about an unknown `name`: the nearest valid name, and all of them or where to see them.

    Empty if nothing is allowed; more than `limit` entries are left to `listing`, a command, to show.
    """
    entries = sorted(allowed)
    if not entries:
        return ""
    guess = nearest(name, entries)
    where = f"valid are {', '.join(entries)}" if len(entries) <= limit else f"{listing} shows what there is"
    return f"did you mean {guess!r}? {where}" if guess else where


def check_name(kind: str, name: object, allowed: Iterable[str]) -> str:
    """`name` itself, if it is one of `allowed`.

    Raises:
        UserError: if it is not; `kind` says what it should name, as in "policy" or "preset".
    """
    entries = list(allowed)
    if isinstance(name, str) and name in entries:
        return name
    raise UserError(f"unknown {kind} {name!r}: {suggestion(str(name), entries)}")


def one_line(text: object) -> str:
    """`text` with every run of white space, line breaks included, made one space."""
    return " ".join(str(text).split())


def first_and_last_line(error: BaseException) -> str:
    """The first and the last line of a message that holds a traceback, as one line."""
    lines = str(error).splitlines()
    return one_line(" ".join(dict.fromkeys([lines[0], lines[-1]])))


def raised(error: BaseException) -> str:
    """The type and the message of `error`, and the place that raised it if that is not where it was caught."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen ")]
    said = f"{type(error).__name__}: {one_line(error)}"
    return f"{said} ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else said


def _likeness(name: str, entry: str) -> tuple[float, ...]:
    section, _, option = entry.rpartition(".")
    named_section, _, named_option = name.rpartition(".") if section else ("", "", name)
    pairs = ((named_option, option), (named_section, section))
    return tuple(difflib.SequenceMatcher(None, one, other).ratio() for one, other in pairs)
