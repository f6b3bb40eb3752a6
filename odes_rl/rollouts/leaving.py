"""The end of a process that environments have run in. Free of JAX."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def leave_after(main: Callable[[], int | None]) -> NoReturn:
    """Run `main` and end this process with the status that it returns, 1 if it raises.

    Threads that an environment has started, and that never end, would keep an interpreter that waits for them.
    """
    status = 1
    try:
        status = main() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # its reader has gone, or it is closed
                continue
        os._exit(status)
