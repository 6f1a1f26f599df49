"""Differentiable functions on tensors, with the names and arguments of ``keras.ops``.

They are the entry functions of the kernels, each behind a door that does one thing: when an argument was symbolic it
records the call in the graph of the functional model being built.
"""

import functools
import importlib
import inspect
import pkgutil

import dlcore._kernels
from dlcore._kernels.tensor import KerasTensor, register_operators
from dlcore.ops.function import Function
from dlcore.ops.symbolic import Node

__all__ = ["Function"]


def _door(entry):
    @functools.wraps(entry)
    def op(*args, **kwargs):
        out = entry(*args, **kwargs)
        if type(out) is KerasTensor or (type(out) in (tuple, list) and out and type(out[0]) is KerasTensor):
            Node(op, args, kwargs, out)
        return out

    op.__module__ = __name__                # where pickle finds it
    return op


# Every public function of the leaves (or what a leaf lists in __all__) is an op.
for _leaf in pkgutil.iter_modules(dlcore._kernels.__path__[-1:]):
    _module = importlib.import_module(f"dlcore._kernels.{_leaf.name}")
    for _name in getattr(_module, "__all__", [name for name in dir(_module) if not name.startswith("_")]):
        _entry = getattr(_module, _name)
        if inspect.isroutine(_entry) and _entry.__module__ == _module.__name__:
            globals()[_name] = _door(_entry)
            __all__.append(_name)

register_operators({name: globals()[name] for name in (
    "add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "matmul", "negative", "absolute", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not", "transpose", "getitem", "stack",
    "cast")})  # fmt: skip
