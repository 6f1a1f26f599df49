"""Activation functions by name.

They are those of ``dlcore.ops``, but for :func:`gelu`, which is exact here by default and an approximation there.
"""

import inspect
from typing import Any as _Any

from dlcore import ops as _ops
from dlcore.ops import (
    celu,
    elu,
    exponential,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from dlcore.utils.serialization import deserialize_keras_object, get_registered_object, serialize_keras_object


def gelu(x, approximate=False):
    """Gaussian error linear unit: x P(X <= x) for standard normal X.

    Args:
        x: Tensor of any shape.
        approximate: Whether to use 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> round(gelu([1.0]).numpy()[0].item(), 4), round(gelu([1.0], approximate=True).numpy()[0].item(), 4)
        (0.8413, 0.8412)
    """
    return _ops.gelu(x, approximate=approximate)


_FUNCTIONS = {f.__name__: f for f in (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid,
    log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)}
_FUNCTIONS |= {"swish": silu, "hard_swish": hard_silu}
swish = silu
hard_swish = hard_silu

__all__ = [*_FUNCTIONS, "deserialize", "get", "serialize"]


def get(identifier) -> _Any:
    """The activation function that an argument stands for.

    Args:
        identifier: A name, a callable, a class (of which an instance is made), what :func:`serialize` gives, or None for
            linear.

    Returns:
        A callable.

    Raises:
        ValueError: If it stands for nothing known.

    Example:
        >>> get("relu")([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier() if inspect.isclass(identifier) else identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found = get_registered_object(identifier, module_objects=_FUNCTIONS) if isinstance(identifier, str) else None
    if found is None:
        raise ValueError(f"Could not interpret activation function identifier: {identifier!r}. Known names: {', '.join(sorted(_FUNCTIONS))}")
    return found


def serialize(activation):
    """The name of an activation function; for your own, what :func:`deserialize` needs to find it again.

    Args:
        activation: A function, or an object with ``get_config`` such as a layer.

    Returns:
        A string, or a dictionary.

    Raises:
        TypeError: If it is a lambda: write a named function and register it with
            ``dlcore.saving.register_keras_serializable``.

    Example:
        >>> serialize(relu)
        'relu'
    """
    config = serialize_keras_object(activation)
    if isinstance(config, dict) and config["class_name"] == "function" and config["config"] in _FUNCTIONS:
        return config["config"]
    return config


def deserialize(config, custom_objects=None):
    """The activation function that :func:`serialize` described.

    Args:
        config: A name or a dictionary.
        custom_objects: Your own functions and classes by name.

    Returns:
        A callable.

    Raises:
        ValueError: If the name is not known.
        TypeError: If the function or class of a dictionary is not known.

    Example:
        >>> deserialize("tanh")([0.0]).tolist()
        [0.0]
    """
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects)
        return get(config) if found is None else found
    return deserialize_keras_object(config, custom_objects, module_objects=_FUNCTIONS)


def fused_code(activation):
    """The code with which the dense op fuses this very function, or None if it is not one that it knows."""
    if not isinstance(activation, type(linear)):
        return None
    name = getattr(activation, "__name__", None)
    return _ops.fused_activation(name) if _FUNCTIONS.get(name) is activation else None
