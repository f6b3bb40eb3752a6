"""Arrays that write down what is computed with them, as nodes of an ONNX graph. Free of JAX.

An act rule's array form runs on any array namespace. It runs here on `Symbol`s, by NumPy's protocols for arrays of
other kinds (NEP 13 and 18): each operation adds a node. A symbol carries an example of its value, from which shapes
and types follow by NumPy's own rules.
"""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from odes_rl.errors import UserError

UFUNCS = {
    **{np.add: "Add", np.subtract: "Sub", np.multiply: "Mul", np.divide: "Div", np.negative: "Neg", np.power: "Pow"},
    **{np.matmul: "MatMul", np.absolute: "Abs", np.sign: "Sign", np.maximum: "Max", np.minimum: "Min"},
    **{np.floor: "Floor", np.ceil: "Ceil", np.rint: "Round", np.exp: "Exp", np.log: "Log", np.sqrt: "Sqrt"},
    **{np.sin: "Sin", np.cos: "Cos", np.tan: "Tan", np.arcsin: "Asin", np.arccos: "Acos", np.arctan: "Atan"},
    **{np.sinh: "Sinh", np.cosh: "Cosh", np.tanh: "Tanh", np.arcsinh: "Asinh", np.arctanh: "Atanh"},
    **{np.greater: "Greater", np.less: "Less", np.equal: "Equal", np.logical_not: "Not"},
}
"""ONNX's operator for each elementwise function, and for products of matrices; both broadcast alike."""
_END = np.iinfo(np.int64).max


class Graph:
    """Nodes and constants of an ONNX graph in the making.

    Attributes:
        nodes: operator, names of its inputs and of its one output, attributes.
        constants: name → array; equal arrays are one constant.
    """

    def __init__(self) -> None:
        self.nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        self.constants: dict[str, np.ndarray] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and (self.nodes, self._names) == (other.nodes, other._names)

    def add(self, operator: str, inputs: Sequence[Any], example: Any, **attributes: Any) -> "Symbol":
        """The output of a new node, of which `example` is one; inputs are symbols or constants."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append((operator, [self._name(entry) for entry in inputs], name, attributes))
        return Symbol(self, name, np.asarray(example))

    def _name(self, entry: Any) -> str:
        if isinstance(entry, Symbol):
            return entry.name
        array = np.asarray(entry)
        key = array.dtype.str, array.shape, array.tobytes()
        name = self._names.setdefault(key, f"constant_{len(self._names)}")
        self.constants[name] = array
        return name


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of a graph.

    Attributes:
        graph: to which operations add their nodes.
        name: in it.
        example: an array that it may be.
    """

    def __init__(self, graph: Graph, name: str, example: np.ndarray) -> None:
        self.graph, self.name, self.example = graph, name, example
        self.shape, self.ndim, self.dtype = example.shape, example.ndim, example.dtype

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return np

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Symbol":
        if ufunc not in UFUNCS or method != "__call__" or options:
            _refuse(ufunc.__name__)
        common = np.result_type(*map(_example, inputs))
        example = ufunc(*map(_example, inputs))
        return self.graph.add(UFUNCS[ufunc], [_as(entry, common) for entry in inputs], example)

    def __array_function__(self, function: Callable[..., Any], types: Any, inputs: Any, options: Any) -> "Symbol":
        if function not in _FUNCTIONS:
            _refuse(function.__name__)
        return _FUNCTIONS[function](*inputs, **options)

    def __getitem__(self, key: Any) -> "Symbol":
        parts = list(key) if isinstance(key, tuple) else [key]
        whole = [slice(None)] * (self.ndim - sum(part is not None and part is not ... for part in parts))
        place = next((i for i, part in enumerate(parts) if part is ...), len(parts))
        parts[place : place + 1] = whole
        cut, axis = self, 0
        for part in parts:
            if isinstance(part, slice) and part != slice(None):
                cut = _sliced(cut, part, axis)
            elif isinstance(part, int | np.integer):
                cut = _taken(cut, int(part), axis)
            elif part is None:
                cut = self.graph.add("Unsqueeze", [cut, np.array([axis])], np.expand_dims(cut.example, axis))
            elif not isinstance(part, slice):
                _refuse(f"indexing by a {type(part).__name__}")
            axis += not isinstance(part, int | np.integer)
        return cut

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _refuse(f"ndarray.{name}")

    def _unknown(self, *_: Any) -> NoReturn:
        _refuse("a value that is known only when the policy acts")

    __bool__ = __float__ = __int__ = __index__ = __iter__ = __array__ = _unknown


def _refuse(what: str) -> NoReturn:
    raise UserError(f"the act rule uses {what}, which the export to ONNX does not translate: use npz or stablehlo")


def _example(entry: Any) -> Any:
    return entry.example if isinstance(entry, Symbol) else entry


def _as(entry: Any, dtype: Any) -> Any:
    """A symbol or constant of that type."""
    if isinstance(entry, Symbol):
        return entry if entry.dtype == dtype else _cast(entry, dtype)
    return np.asarray(entry, dtype)


def _cast(x: Symbol, dtype: Any) -> Symbol:
    """A node of the type `dtype`; who builds the model numbers the type."""
    return x.graph.add("Cast", [x], x.example.astype(dtype), to=np.dtype(dtype))


def _sliced(x: Symbol, part: slice, axis: int) -> Symbol:
    start, stop, step = part.start or 0, _END if part.stop is None else part.stop, part.step or 1
    if step < 0:
        _refuse("a slice backwards")
    bounds = [np.array([value], np.int64) for value in (start, stop, axis, step)]
    return x.graph.add("Slice", [x, *bounds], x.example[(slice(None),) * axis + (part,)])


def _taken(x: Symbol, index: int, axis: int) -> Symbol:
    return x.graph.add("Gather", [x, np.array(index)], np.take(x.example, index, axis), axis=axis)


def _sum(x: Symbol, axis: int | None = None, keepdims: bool = False) -> Symbol:
    axes = np.arange(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
    total = x.example.sum(tuple(axes), keepdims=keepdims)
    return x.graph.add("ReduceSum", [x, axes], total, keepdims=int(keepdims))


def _argmax(x: Symbol, axis: int, keepdims: bool = False) -> Symbol:
    place = np.argmax(x.example, axis, keepdims=keepdims)
    return x.graph.add("ArgMax", [x], place, axis=axis % x.ndim, keepdims=int(keepdims))


def _zeros_like(x: Symbol) -> Symbol:
    shape = x.graph.add("Shape", [x], np.array(x.shape))
    return _cast(x.graph.add("ConstantOfShape", [shape], np.zeros(x.shape, np.float32)), x.dtype)


def _where(condition: Any, x: Any, y: Any) -> Symbol:
    graph = next(entry.graph for entry in (condition, x, y) if isinstance(entry, Symbol))
    common = np.result_type(_example(x), _example(y))
    chosen = np.where(*map(_example, (condition, x, y)))
    return graph.add("Where", [_as(condition, np.bool_), _as(x, common), _as(y, common)], chosen)


def _concatenate(entries: Sequence[Any], axis: int = 0) -> Symbol:
    graph = next(entry.graph for entry in entries if isinstance(entry, Symbol))
    together = np.concatenate([_example(entry) for entry in entries], axis)
    return graph.add("Concat", [_as(entry, together.dtype) for entry in entries], together, axis=axis % together.ndim)


def _stack(entries: Sequence[Any], axis: int = 0) -> Symbol:
    place = axis % (np.ndim(_example(entries[0])) + 1)
    return _concatenate([entry[(slice(None),) * place + (None,)] for entry in entries], place)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Symbol]] = {
    np.sum: _sum,
    np.argmax: _argmax,
    np.astype: _cast,
    np.zeros_like: _zeros_like,
    np.where: _where,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.clip: lambda x, low, high: np.minimum(np.maximum(x, low), high),
    np.expand_dims: lambda x, axis: x.graph.add("Unsqueeze", [x, np.atleast_1d(axis)], np.expand_dims(x.example, axis)),
}
