"""What all tests share, and the processes they start: a compilation cache, the CPU, no display."""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "odes_rl", "tests")
"""Outside the clone, so that a fresh one finds what another has compiled."""
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MUJOCO_GL", "disable")
os.environ.setdefault("EQX_ON_ERROR", "nan")  # checks that call Python keep what diffrax solves out of the cache
