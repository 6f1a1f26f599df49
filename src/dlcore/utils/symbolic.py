"""Questions about symbolic tensors and dtypes."""

from .. import config, tree
from .._kernels.tensor import KerasTensor

_PYTHON = {bool: "bool", int: "int32", float: "float32", str: "string", complex: "complex64", "int": "int32"}
_NAMES = {
    *("bool", "string", "complex64", "complex128", "bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}


def is_keras_tensor(x):
    """Whether `x` is a symbolic tensor, such as `Input` returns.

    Args:
        x: anything.

    Example:
        >>> import dlcore
        >>> is_keras_tensor(dlcore.Input((2,))), is_keras_tensor(dlcore.ops.ones((2,)))
        (True, False)
    """
    return type(x) is KerasTensor


def get_source_inputs(tensor):
    """The inputs that a symbolic tensor is computed from.

    Args:
        tensor: a symbolic tensor. Anything else is returned as it is.

    Returns:
        A list of symbolic tensors.

    Example:
        >>> import dlcore
        >>> x = dlcore.Input((2,))
        >>> get_source_inputs(dlcore.layers.Dense(1)(x)) == [x]
        True
    """
    if not is_keras_tensor(tensor):
        return tensor
    sources, seen, stack = [], set(), [tensor]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        inputs = x.history.inputs if x.history is not None else []
        if inputs:
            stack.extend(reversed(inputs))
        else:
            sources.extend([x] if x.history is None else [t for t in tree.flatten(x.history.outputs) if is_keras_tensor(t)])
    return sources


def standardize_dtype(dtype):
    """The name of a dtype.

    Args:
        dtype: a name, a type of Python's, a dtype of NumPy's, PyTorch's or others, or None for `floatx()`.

    Returns:
        A string.

    Raises:
        ValueError: if there is no such dtype.

    Example:
        >>> import numpy as np
        >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype(np.dtype("uint8"))
        ('float32', 'int32', 'uint8')
    """
    if dtype is None:
        return config.floatx()
    try:
        dtype = _PYTHON.get(dtype, dtype)
    except TypeError:                                           # not hashable
        pass
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype).removeprefix("torch.")
    if name not in _NAMES:
        raise ValueError(f"Invalid dtype: {dtype}")
    return name
