"""The devices that JAX was told to use."""

import os

import jax

from odes_rl.errors import UserError, one_line


def platform() -> str:
    """The platform of JAX's devices, as in `cpu`.

    Raises:
        UserError: if there are none of those that JAX was told to use.
    """
    try:
        return jax.local_devices()[0].platform
    except (RuntimeError, AssertionError) as error:  # JAX asserts that "cuda" has a GPU
        asked = f"JAX_PLATFORMS={os.environ.get('JAX_PLATFORMS', '')}"
        raise UserError(
            f"JAX found no device of {asked} ({one_line(error) or 'none is installed'}): "
            'pip install "odes-rl[cuda]" or "odes-rl[tpu]", or unset JAX_PLATFORMS'
        ) from error
