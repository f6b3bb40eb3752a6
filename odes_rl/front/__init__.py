"""The front door for users of Python: `odes_rl.train` and `odes_rl.load`."""
