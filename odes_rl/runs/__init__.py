"""The files of a run: configuration, metrics, events, checkpoints."""
