"""Physics in JAX: whole generations of episodes in one program on JAX's default device, by MuJoCo's MJX."""
