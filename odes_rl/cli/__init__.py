"""The subcommands of `odes-rl`: their arguments and functions. JAX is imported only when a command runs."""
