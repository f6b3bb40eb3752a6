"""The subcommands of `odes-rl`: what each is told, and what it does. None imports JAX before it runs."""
