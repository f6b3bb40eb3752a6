"""What a study is: a small experiment that ends in a table and a picture."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, Field

from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tell = Callable[[str], None]
"""`tell(line)`: how far a study is."""


class StudyConfig(BaseModel, frozen=True):
    """Options shared by all studies."""

    model_config = STRICT

    study: str
    """The study; `odes-rl list studies` shows them."""
    directory: str = Field(min_length=1)
    """Where table and picture go; `runs/studies/<name of the config file>` if left out."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of all that is drawn."""


class Findings(NamedTuple):
    """What a study came to.

    Attributes:
        heading: of the table.
        rows: of the table; numbers are shown with four significant digits.
        figure: the picture.
        notes: sentences below the table.
    """

    heading: Sequence[str]
    rows: Sequence[Sequence[object]]
    figure: "Figure"
    notes: Sequence[str] = ()


class StudyFamily(NamedTuple):
    """One entry of the registry.

    Attributes:
        config: the class of its options; its docstring is what the command line shows.
        run: `run(config, tell) -> Findings`; raises UserError where the options, or the data, do not suit.
    """

    config: type[StudyConfig]
    run: Callable[[Any, Tell], Findings]
