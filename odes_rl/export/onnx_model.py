"""The format onnx: a policy as a graph of ONNX operators, for onnxruntime and other runtimes. Free of JAX."""

from types import ModuleType
from typing import Any

import numpy as np

from odes_rl.errors import UserError
from odes_rl.export.portable import PortablePolicy
from odes_rl.export.symbols import Graph, Symbol

OPSET, IR_VERSION = 17, 8
"""Those of 2022, which today's and yesterday's runtimes read."""


def onnx_model(policy: PortablePolicy, dtype: np.dtype) -> bytes:
    """A model from `observations` [batch, n] of `dtype` to `actions` [batch, m], for any batch.

    Raises:
        UserError: if the package onnx is missing, or the act rule does what no graph can.
    """
    helper, onnx = _packages()
    graph, actions = _traced(policy, dtype, batch=2)
    if graph != _traced(policy, dtype, batch=3)[0]:
        raise UserError("the act rule does not compute the same whatever the observations are: use npz or stablehlo")
    graph.add("Identity", [actions], actions.example)
    nodes = [
        helper.make_node(operator, inputs, [output], **{name: _attribute(helper, v) for name, v in attributes.items()})
        for operator, inputs, output, attributes in graph.nodes
    ]
    nodes[-1].output[0] = "actions"
    made = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("observations", _kind(helper, dtype), ["batch", policy.mean.size])],
        [helper.make_tensor_value_info("actions", _kind(helper, actions.dtype), ["batch", *actions.shape[1:]])],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, dict(policy.about))
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _packages() -> tuple[ModuleType, ModuleType]:
    """The modules onnx.helper and onnx."""
    try:
        import onnx
        from onnx import checker, helper, numpy_helper
    except ImportError as error:
        raise UserError(
            'format onnx needs the package onnx, which is not installed: pip install "odes-rl[onnx]"'
        ) from error
    assert checker, numpy_helper
    return helper, onnx


def _traced(policy: PortablePolicy, dtype: np.dtype, batch: int) -> tuple[Graph, Symbol]:
    """The graph that acting on a batch of that size writes, and its actions."""
    graph = Graph()
    example = np.random.default_rng(batch).normal(size=(batch, policy.mean.size)).astype(dtype)
    with np.errstate(all="ignore"):
        return graph, policy.act(Symbol(graph, "observations", example))


def _attribute(helper: Any, value: Any) -> Any:
    return _kind(helper, value) if isinstance(value, np.dtype) else value


def _kind(helper: Any, dtype: Any) -> int:
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
