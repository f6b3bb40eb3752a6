"""Names of pretrained policies, `pretrained:TASK/POLICY`. Free of JAX."""

from pathlib import Path

from odes_rl.errors import UserError, suggestion
from odes_rl.runs.files import require_run

PREFIX = "pretrained:"
POLICIES = Path(__file__).parent / "policies"
_ENDING = ".npz"


def is_pretrained(source: str | Path) -> bool:
    """Whether `source` is the name of a pretrained policy, and no path."""
    return isinstance(source, str) and source.startswith(PREFIX)


def pretrained_names(directory: Path = POLICIES) -> list[str]:
    """All names, `pretrained:` in front, sorted."""
    files = [path.relative_to(directory).with_suffix("").as_posix() for path in directory.rglob(f"*{_ENDING}")]
    return [PREFIX + name for name in sorted(files)]


def file_of(task: str, policy: str, directory: Path = POLICIES) -> Path:
    """The file of a `policy` on a `task`, a Gymnasium id."""
    return directory / task / (policy + _ENDING)


def find_file(name: str) -> Path:
    """The file of the pretrained policy called `name`.

    Raises:
        UserError: if there is none.
    """
    names = pretrained_names()
    if name not in names:
        hint = suggestion(name, names, listing="`odes-rl list pretrained`") or "this package comes with none"
        raise UserError(f"unknown pretrained policy {name!r}: {hint}")
    task, _, policy = name.removeprefix(PREFIX).rpartition("/")
    return file_of(task, policy)


def check_source(source: str) -> None:
    """Check that there is a run at `source`, or a pretrained policy of that name.

    Raises:
        UserError: if there is none.
    """
    if is_pretrained(source):
        find_file(source)
    else:
        require_run(source)


def output_beside(source: str, name: str) -> Path:
    """Where what is made of the policy at `source` goes by default: into its run, or for a pretrained one, here."""
    if not is_pretrained(source):
        return Path(source, name)
    return Path("_".join([*source.removeprefix(PREFIX).split("/"), name]))
