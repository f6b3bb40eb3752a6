"""One of several processes of a search, started as `python -m odes_rl.search.worker DIRECTORY STORAGE TRIALS WORKERS`.

It stops, with a checkpoint, when its standard input ends: so it does when whoever started it is gone, however that
came.
"""

import sys
import threading
from pathlib import Path

from odes_rl.compare.cell import interrupt_at_the_end_of_input
from odes_rl.devices import platform
from odes_rl.errors import StorageError, UserError, one_line
from odes_rl.interrupts import Interrupted, leave_after, signals_noted
from odes_rl.runs.files import SEARCH
from odes_rl.search.config import load_search
from odes_rl.search.running import run_trials
from odes_rl.search.storage import open_study


def main(directory: str, storage: str, trials: str, workers: str) -> int:
    """Run trials of the search in `directory`; the exit status: 0 done, 1 failed, 130 or 143 interrupted."""
    threading.Thread(target=interrupt_at_the_end_of_input, daemon=True).start()
    try:
        platform()  # where there is none, the error is one line
        search = load_search(
            Path(directory, SEARCH), {"directory": directory, "storage": storage, "trials": int(trials)}, {}
        )
        run_trials(search, open_study(search), print, {"rollouts.workers": int(workers)})
    except Interrupted as interrupt:
        return interrupt.status
    except (UserError, StorageError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with signals_noted(abandon=True):
        leave_after(lambda: main(*sys.argv[1:]))
