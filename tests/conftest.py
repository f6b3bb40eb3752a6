"""What all tests share, and the processes they start: quick cached compilation, the CPU, no display, heeded signals."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installed import Installed, install

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "odes_rl", "tests")
"""Outside the clone, so that a fresh one finds what another has compiled."""
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MUJOCO_GL", "disable")
os.environ.setdefault("EQX_ON_ERROR", "nan")  # checks that call Python keep what diffrax solves out of the cache

QUICK = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_parallel_codegen_split_count=1",
)
"""Nearly all programs of a test run once, for milliseconds: to optimise them takes longer than it saves."""
given = os.environ.get("XLA_FLAGS", "").split()
os.environ["XLA_FLAGS"] = " ".join([*(flag for flag in QUICK if flag not in given), *given])

for number in (signal.SIGINT, signal.SIGHUP):  # ignored in a shell's background jobs, and under nohup
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

LONGEST = ("test_snippets.py", "test_training.py", "test_plugin_program.py", "test_studies.py")
"""Files that take longest. They come first, so that neither of two processes works alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the tests of the longest files to the front."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """What a file leaves, such as traced programs, is no more searched for garbage: millions of objects in the end."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """odes_rl and the example package, each installed as a wheel."""
    return install(tmp_path_factory.mktemp("installed"))
