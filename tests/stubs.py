"""Writes src/dlcore/ops/__init__.pyi, the stub from which editors and type checkers know the functions of dlcore.ops.

They are compiled, and put into the module by a loop; so this asks the module itself: `python tests/stubs.py` after a change
of a signature. test_stubs.py compares.
"""

import inspect
from pathlib import Path

from dlcore import ops

PATH = Path(ops.__file__).with_suffix(".pyi")
HEAD = '''"""Written by tests/stubs.py. One line of documentation each; help(dlcore.ops.relu) has all of it."""

from typing import Any

import numpy as np

from dlcore._kernels.tensor import Tensor
from dlcore.ops.function import Function as Function

'''
RETURNS = {
    "convert_to_numpy": "np.ndarray",
    "shape": "tuple[int | None, ...]",
    "split": "list[Tensor]",
    "unstack": "list[Tensor]",
    "linspace": "Any",          # a pair with retstep=True
}
HINTS = {
    "keepdims": "bool", "from_logits": "bool", "endpoint": "bool", "approximate": "bool", "retstep": "bool", "axis": "Any", "dtype": "Any",
}  # fmt: skip


def one(name):
    """The stub of one function: its parameters and defaults, and the first line of its docstring."""
    function = getattr(ops, name)
    parameters = []
    for p in inspect.signature(function).parameters.values():
        text = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + f"{p.name}: {HINTS.get(p.name, 'Any')}"
        parameters.append(text if p.default is p.empty else f"{text} = {p.default!r}")
    line = (function.__doc__ or "").strip().split("\n")[0].replace("\\", "\\\\").replace('"""', "'''")
    return f'def {name}({", ".join(parameters)}) -> {RETURNS.get(name, "Tensor")}:\n    """{line}"""\n'


def stub():
    return HEAD + "\n".join(one(name) for name in sorted(set(ops.__all__) - {"Function"}))


if __name__ == "__main__":
    PATH.write_text(stub())
