"""The code on a page of the documentation, as steps that `tests/newcomer.py` takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
CLONE = ("scripts/", "source .venv/", ".venv/bin/", "pip install ./")
CLUSTER = ("#SBATCH", "head=", "ray ", "srun ")
LOOP = ("for ", "done")
"""Beginnings of lines that are left out: they need a clone, a cluster, or hold commands that are only read."""
OWN_DATA = "--data.source"
"""Commands with a file of data of the user's own are left out, too."""
Step = tuple[str, Any]


class Block(NamedTuple):
    """A block of code, "python" or "sh"."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that the block is, if its first line says so."""
        name = re.match(r"# (\w+\.py)\n", self.text)
        return name[1] if name else None


def blocks(page: str) -> list[Block]:
    """The blocks of Python and of the shell on a page; those with a title show files of the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(*found) for found in re.findall(r"^```(python|sh)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def shell_steps(block: Block) -> Iterator[Step]:
    """The steps of a block of the shell: calls of `odes-rl`, and scripts of what stands between them."""
    between = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        if not line.strip().startswith("odes-rl "):
            between += "" if line.startswith((*CLONE, *CLUSTER, *LOOP)) else f"{line}\n"
            continue
        if between:
            yield "sh", between
        between = ""
        if OWN_DATA not in line:
            yield "odes-rl", shlex.split(line.replace("$seed", "0"), comments=True)[1:]
    if between:
        yield "sh", between


def commands(page: str) -> list[list[str]]:
    """The arguments of each call of `odes-rl` on a page."""
    steps = [step for block in blocks(page) if block.language == "sh" for step in shell_steps(block)]
    return [words for kind, words in steps if kind == "odes-rl"]
