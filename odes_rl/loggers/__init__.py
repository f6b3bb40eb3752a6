"""Where the metrics of a run go beside its `metrics.jsonl`, which stays their record. Free of JAX.

A package offers a logger by an entry point in the group `odes_rl.loggers`, which names a `Logger`.
"""

from odes_rl.loggers.logger import LoggedRun, Logger, Writer
from odes_rl.loggers.registry import LOGGERS

__all__ = ["LOGGERS", "LoggedRun", "Logger", "Writer"]
