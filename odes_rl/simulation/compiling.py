"""How programs of physics are compiled."""

from typing import Any

import jax


def compiler_options() -> dict[str, Any]:
    """XLA's options for a program of physics on JAX's default device.

    On a CPU its programs are compiled without XLA's newer fusions. They run as fast, and compile sooner; with them, a
    step of a long chain of bodies, as the 15 links of swimmer-swimmer15, takes more memory to compile than there is.
    """
    return {"xla_cpu_use_fusion_emitters": False} if jax.default_backend() == "cpu" else {}
