"""What a run leaves behind: configuration, metrics, events, checkpoints."""
