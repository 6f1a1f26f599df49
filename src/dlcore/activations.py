"""Activation functions by name."""

import inspect
from typing import Any

from dlcore.ops import (
    celu,
    elu,
    exponential,
    fused_activation,
    gelu,
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

_FUNCTIONS = {f.__name__: f for f in (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid,
    log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)}
_FUNCTIONS |= {"swish": silu, "hard_swish": hard_silu}
swish = silu
hard_swish = hard_silu

__all__ = [*_FUNCTIONS, "deserialize", "get", "serialize"]


def get(identifier) -> Any:
    """The activation function named by `identifier`: a name, a callable, a serialized config, or None for linear."""
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier() if inspect.isclass(identifier) else identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found = _FUNCTIONS.get(identifier) if isinstance(identifier, str) else None
    if found is None:
        raise ValueError(f"Could not interpret activation function identifier: {identifier!r}. Known names: {', '.join(sorted(_FUNCTIONS))}")
    return found


def serialize(activation):
    """The name of an activation function."""
    return activation.__name__ if hasattr(activation, "__name__") else {"class_name": type(activation).__name__, "config": activation.get_config()}


def deserialize(config, custom_objects=None):
    """The activation function of a name, or of an object's config as :func:`serialize` gives it."""
    name = config if isinstance(config, str) else config.get("config") if isinstance(config.get("config"), str) else config.get("class_name")
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    return get(name)


def fused_code(activation):
    """The code with which the dense op fuses this very function, or None if it is not one that it knows."""
    if not isinstance(activation, type(linear)):
        return None
    name = getattr(activation, "__name__", None)
    return fused_activation(name) if _FUNCTIONS.get(name) is activation else None
