"""Gymnasium's MuJoCo tasks, described. Free of JAX."""
