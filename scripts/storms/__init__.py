"""Storms: what is done to a training run by `scripts/stress.py`, one file a family."""

import os

# Before anything imports JAX: the bits are compared with those of trainers that have the same settings.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MUJOCO_GL", "disable")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
