"""The stages of `device.py`, one file each; free of JAX are `plan`, which lists them, `driving` and `sheet`."""
