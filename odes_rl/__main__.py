"""The program `odes-rl`, also `python -m odes_rl`: the command line in a process of its own.

Signals are noted before anything else is imported, which takes a second.
"""

from typing import NoReturn

from odes_rl.interrupts import leave_after, signals_noted


def main() -> NoReturn:
    """Run the command line and end the process, whatever threads are left."""
    with signals_noted(abandon=True):
        from odes_rl.cli.program import main as run

        leave_after(run)


if __name__ == "__main__":
    main()
