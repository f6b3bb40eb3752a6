"""What a user did wrong, said in one line."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A user's mistake. The message is one line: the value received, what is allowed, and the fix."""


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The entry of `allowed` most like `name`, None if nothing is like it."""
    by_lower = {entry.lower(): entry for entry in allowed}
    found = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None


def suggestion(name: str, allowed: Iterable[str], *, limit: int = 12) -> str:
    """The end of a message about an unknown `name`: the nearest valid name, and all of them if few."""
    entries = sorted(allowed)
    guess = nearest(name, entries)
    parts = [f"did you mean {guess!r}?"] if guess else []
    if len(entries) <= limit:
        parts.append(f"valid are {', '.join(entries)}")
    return " ".join(parts)


def check_name(kind: str, name: object, allowed: Iterable[str]) -> str:
    """`name` itself, if it is one of `allowed`.

    Raises:
        UserError: if it is not; `kind` says what it should name, as in "policy" or "preset".
    """
    entries = list(allowed)
    if isinstance(name, str) and name in entries:
        return name
    raise UserError(f"unknown {kind} {name!r}: {suggestion(str(name), entries)}".rstrip(": "))


def one_line(text: object) -> str:
    """`text` with every run of white space, line breaks included, made one space."""
    return " ".join(str(text).split())
