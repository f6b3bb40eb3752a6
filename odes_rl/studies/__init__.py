"""What runs a study, a small experiment that ends in a table and a picture; installed packages bring the studies.

A package offers one by an entry point in the group `odes_rl.studies`, which names a `StudyFamily`.
"""

from odes_rl.errors import UserError
from odes_rl.parts import Registry
from odes_rl.studies.study import Findings, StudyConfig, StudyFamily, Tell

__all__ = ["NONE_INSTALLED", "STUDIES", "Findings", "StudyConfig", "StudyFamily", "Tell", "find_study"]

STUDIES: Registry[StudyFamily] = Registry("study", "studies", StudyFamily, {})
"""Every study by its name; none is built in."""
NONE_INSTALLED = "no study is installed: `pip install ./studies`, in a checkout of odes_rl, brings its own"


def find_study(name: str) -> StudyFamily:
    """The study called `name`, or at `module:object`.

    Raises:
        UserError: if there is none; says what to install if no package offers any.
    """
    if ":" not in name and not STUDIES.names:
        raise UserError(f"unknown study {name!r}: {NONE_INSTALLED}")
    return STUDIES.find(name)
