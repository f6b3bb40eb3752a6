"""The format npz: a policy's arrays, for programs that have NumPy alone. Free of JAX."""

import io
from typing import Any

import numpy as np

from odes_rl.export.portable import PortablePolicy


def archive(policy: PortablePolicy) -> bytes:
    """A NumPy archive of the policy; docs/export.md says how to act with it.

    It holds the arrays `mean`, `deviation` and `clip`, `low` and `high`, and `weights.*` by the names of the act rule;
    the texts `squash` and `dtype`, and those of `about`.
    """
    arrays: dict[str, Any] = {name: getattr(policy, name) for name in ("mean", "deviation", "clip", "low", "high")}
    arrays |= {"squash": policy.squash, "dtype": policy.dtype.name, **policy.about}
    arrays |= {f"weights.{name}": np.asarray(leaf) for name, leaf in policy.weights._asdict().items()}
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
