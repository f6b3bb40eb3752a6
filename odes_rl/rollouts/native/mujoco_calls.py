"""MuJoCo's C functions, and the memory they work on, within reach of compiled code. Free of JAX.

Compiled code calls them by their names, with the addresses of the model and the data as integers.
"""

from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import mujoco
from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def load_library() -> bool:
    """Let compiled code find MuJoCo's functions; False if its library does not lie beside the Python package."""
    for path in Path(mujoco.__file__).parent.glob("*mujoco*.*"):
        if path.name.startswith(("libmujoco.", "mujoco.dll")):
            llvm.load_library_permanently(str(path))
            return True
    return False


def _function(name: str) -> Any:
    return types.ExternalFunction(name, types.void(types.intp, types.intp))


mj_step = _function("mj_step")
mj_step1 = _function("mj_step1")
mj_step2 = _function("mj_step2")
mj_rne_post_constraint = _function("mj_rnePostConstraint")


def _reader(kind: Any, ir_type: ir.Type) -> Any:
    @intrinsic
    def read(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], ir_type.as_pointer()))

        return kind(types.intp), generate

    return read


read_float = _reader(types.float64, ir.DoubleType())
"""`read_float(address) -> float64`."""
read_int = _reader(types.int32, ir.IntType(32))
"""`read_int(address) -> int32`."""


def _write_float(typing_context: Any, address: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, number = arguments
        builder.store(number, builder.inttoptr(target, ir.DoubleType().as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.float64), generate


def _fused_multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    double = types.float64
    return double(double, double, double), generate


write_float: Any = intrinsic(_write_float)
"""`write_float(address, float64)`."""
fused_multiply_add: Any = intrinsic(_fused_multiply_add)
"""`fused_multiply_add(a, b, c) -> a · b + c` of float64, rounded once."""
