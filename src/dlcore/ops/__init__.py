"""Differentiable functions on tensors, with the names and arguments of ``keras.ops``.

They are the entry functions of the kernels, each behind a door that does one thing: when an argument was symbolic it
records the call in the graph of the functional model being built.
"""

import importlib
import inspect
import pkgutil

import dlcore._kernels
from dlcore._kernels.tensor import register_operators
from dlcore.ops.function import Function
from dlcore.ops.symbolic import door

__all__ = ["Function"]


# Every public function of the leaves (or what a leaf lists in __all__) is an op.
for _leaf in pkgutil.iter_modules(dlcore._kernels.__path__[-1:]):
    _module = importlib.import_module(f"dlcore._kernels.{_leaf.name}")
    for _name in getattr(_module, "__all__", [name for name in dir(_module) if not name.startswith("_")]):
        _entry = getattr(_module, _name)
        if inspect.isroutine(_entry) and _entry.__module__ == _module.__name__:
            globals()[_name] = door(_entry, __name__)
            __all__.append(_name)

register_operators({name: globals()[name] for name in (
    "add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "matmul", "negative", "absolute", "equal", "not_equal",
    "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not", "transpose", "getitem", "stack",
    "cast")})  # fmt: skip

from dlcore.ops import image  # noqa: E402, F401  a namespace of its own, as in Keras
