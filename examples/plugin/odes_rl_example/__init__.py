"""Parts for odes_rl, one a file; the entry points in pyproject.toml give them names."""
