"""Differentiable functions on tensors, with the names and arguments of ``keras.ops``.

They are the entry functions of the kernels, each behind a door that does one thing: when an argument was symbolic it
records the call in the graph of the functional model being built.
"""

import functools
import inspect

from dlcore._kernels import activation, array, dropout, elementwise, loss, matmul, reduce, tensor
from dlcore._kernels import dense as _dense
from dlcore.ops.function import Function
from dlcore.ops.symbolic import Node

_KerasTensor = tensor.KerasTensor


def _door(entry):
    @functools.wraps(entry)
    def op(*args, **kwargs):
        out = entry(*args, **kwargs)
        if type(out) is _KerasTensor:
            Node(op, args, kwargs, out)
        elif type(out) in (tuple, list) and out and type(out[0]) is _KerasTensor:
            Node(op, args, kwargs, out)
        return out

    return op


__all__ = ["Function"]
for _leaf in (elementwise, reduce, array, matmul, activation, loss, dropout, _dense):
    for _name in getattr(_leaf, "__all__", [n for n in dir(_leaf) if not n.startswith("_")]):
        _entry = getattr(_leaf, _name)
        if inspect.isroutine(_entry) and _entry.__module__ == _leaf.__name__:
            globals()[_name] = _door(_entry)
            __all__.append(_name)

tensor.register_operators({_name: globals()[_name] for _name in (
    "add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "matmul", "negative", "absolute", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not", "transpose",
    "getitem", "stack", "cast")})
