"""Studies: small experiments, one file each, and the registry of all."""

from odes_rl.errors import check_name
from odes_rl.studies.adjoints import AdjointsConfig, adjoints
from odes_rl.studies.base import StudyFamily
from odes_rl.studies.linear_systems import LinearSystemsConfig, linear_systems

STUDIES: dict[str, StudyFamily] = {
    "adjoints": StudyFamily(AdjointsConfig, adjoints),
    "linear_systems": StudyFamily(LinearSystemsConfig, linear_systems),
}
"""Every study by its name."""


def study_family(name: str) -> StudyFamily:
    """The study called `name`.

    Raises:
        UserError: if there is none; names the nearest.
    """
    return STUDIES[check_name("study", name, STUDIES)]
