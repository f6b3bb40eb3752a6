"""What a newcomer types, one thing after another, in one process of an installed odes_rl.

`tests.installed` starts it. Standard input is a JSON list of steps, each a kind and its text: the arguments of
`odes-rl`, a block of Python, a script of the shell, or the directory where the next ones are typed. Standard output is
a JSON list of their exit statuses and what they printed.
"""

import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from odes_rl.cli.program import main

NAMESPACE: dict[str, Any] = {"__name__": "examples"}


def run_python(code: str) -> int:
    """Run a block in the namespace of all blocks."""
    try:
        exec(code, NAMESPACE)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def run_shell(script: str) -> int:
    """Run a script that does not call `odes-rl`."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    return done.returncode


def run_program(words: list[str]) -> int:
    """Run `odes-rl` with these words, of which the shell expands those with a star."""
    return main([part for word in words for part in (sorted(map(str, Path().glob(word))) if "*" in word else [word])])


def change_directory(here: str) -> int:
    """Go to the directory `here`, where scripts find their modules."""
    os.chdir(here)
    sys.path.append(here)
    return 0


KINDS: dict[str, Callable[[Any], int]] = {
    "odes-rl": run_program,
    "python": run_python,
    "sh": run_shell,
    "here": change_directory,
}


def answer(kind: str, text: Any) -> tuple[int, str]:
    """The exit status of one step, and what it printed."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        status = KINDS[kind](text)
    return status, printed.getvalue()


if __name__ == "__main__":
    json.dump([answer(*step) for step in json.load(sys.stdin)], sys.stdout)
