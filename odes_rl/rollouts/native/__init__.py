"""Native stepping: whole episodes in compiled code that calls MuJoCo itself, to the environment's last bit.

It serves the tasks whose observations and rewards are written down in `rollouts.physics`; every other goes through its
own `step`. Free of JAX.
"""
