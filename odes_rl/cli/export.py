"""The command `export`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from odes_rl.pretrained.names import output_beside
from odes_rl.validation import STRICT


class Export(BaseModel):
    """Write a run's policy to a file that other programs act with: by NumPy alone, an ONNX runtime, or JAX."""

    model_config = STRICT

    run: str
    """Run directory, or `pretrained:TASK/POLICY`, as `odes-rl list pretrained` shows them."""
    format: Literal["npz", "onnx", "stablehlo"] | None = None
    """`npz`: the arrays, for NumPy. `onnx`: a graph for ONNX runtimes; needs the extra `onnx`. `stablehlo`: a function
    for JAX and compilers of StableHLO; needs the extra `stablehlo`. Default: the ending of the output, else npz."""
    checkpoint: Literal["best", "latest"] = "best"
    """`best`: the checkpoint of the best evaluation, or the latest one while only the untrained policy has been
    evaluated. `latest`: the latest one."""
    output: str | None = None
    """File. Default: `policy` with the format as its ending, in the run directory, and it is replaced; of a pretrained
    policy in this directory, with its name in front."""
    dtype: Literal["float64", "float32"] = "float64"
    """Type of the observations that an ONNX or StableHLO policy takes. float32 is for runtimes without float64."""


def export(command: Export, overrides: Mapping[str, str]) -> int:
    """Write a run's policy to a file, and print its checkpoint and the file.

    Raises:
        UserError: no run, no trained policy in it; a wrong output; a package that the format needs is missing.
        StorageError: if the file cannot be written.
    """
    from odes_rl.export import check_target, choose_format
    from odes_rl.front.loading import load

    chosen = choose_format(command.output, command.format)
    output = command.output or output_beside(command.run, f"policy.{chosen}")
    if command.output is not None:
        check_target(output)  # reports a mistake before the work
    policy = load(command.run, command.checkpoint)
    print(policy.restored.words)
    print(policy.export(output, chosen, command.dtype))
    return 0
