"""The format stablehlo: a policy as a function of JAX, for `jax.export.deserialize` and compilers of StableHLO."""

import jax
import numpy as np
from jax import export

from odes_rl.errors import UserError
from odes_rl.export.portable import PortablePolicy

PLATFORMS = ("cpu", "cuda", "tpu")


def stablehlo(policy: PortablePolicy, dtype: np.dtype) -> bytes:
    """The function of observations [batch, n] of `dtype`, for any batch, as `jax.export` serialises it.

    Raises:
        UserError: if the package flatbuffers is missing.
    """
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        observations = jax.ShapeDtypeStruct((1, policy.mean.size), dtype)
        specification = export.symbolic_args_specs(observations, "batch, _")
        exported = export.export(jax.jit(policy.act), platforms=PLATFORMS)(specification)
        try:
            return bytes(exported.serialize())
        except ImportError as error:
            missing = "format stablehlo needs the package flatbuffers, which is not installed"
            raise UserError(f'{missing}: pip install "odes-rl[stablehlo]"') from error
