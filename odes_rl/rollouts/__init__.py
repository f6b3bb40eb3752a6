"""Rollouts: environments stepped through episodes by interchangeable backends. Free of JAX."""
