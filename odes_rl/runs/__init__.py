"""The files of a run: configuration, metrics, checkpoints, and its loggers."""
