"""NumPy's functions within reach of compiled code. Free of JAX.

NumPy computes `log1p`, `arcsinh` and others by code of its own, chosen for the processor, which rounds otherwise than
the C library. Compiled code therefore calls the very loops of NumPy's functions, by their addresses.
"""

import ctypes
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic


class _Function(ctypes.Structure):
    """The head of NumPy's `PyUFuncObject`, as its C interface documents it."""

    _fields_ = (
        ("references", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("inputs", ctypes.c_int),
        ("outputs", ctypes.c_int),
        ("arguments", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("loops", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
    )


def loop_of(name: str) -> tuple[int, int]:
    """Addresses of the loop over float64 numbers of NumPy's function of that name, and of the data it takes."""
    function: Any = getattr(np, name)
    head, kind = _Function.from_address(id(function)), function.types.index("d->d")
    return head.loops[kind] or 0, head.data[kind] or 0


def _call_loop(typing_context: Any, loop: Any, data: Any, source: Any, target: Any, length: Any) -> Any:
    word, kind = ir.IntType(64), ir.FunctionType(ir.VoidType(), [ir.IntType(64).as_pointer()] * 3 + [ir.IntType(64)])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def array(*numbers: Any) -> Any:
            memory = builder.alloca(word, len(numbers))
            for i, number in enumerate(numbers):
                builder.store(number, builder.gep(memory, [ir.Constant(ir.IntType(32), i)]))
            return memory

        address, extra, start, end, count = arguments
        step = ir.Constant(word, 8)
        function = builder.inttoptr(address, kind.as_pointer())
        builder.call(function, [array(start, end), array(count), array(step, step), extra])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


call_loop: Any = intrinsic(_call_loop)
"""`call_loop(loop, data, source, target, length)`: from float64 numbers at one address to as many at another."""
