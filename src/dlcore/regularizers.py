"""Penalties on weights or outputs: `regularizer(x)` is a number to be added to the loss."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .utils.serialization import Family, serialize_keras_object


class Regularizer:
    """Base class. A subclass defines `__call__(x)` from `dlcore.ops`, and `get_config`.

    Example:
        >>> Regularizer()([1.0])
        0.0
    """

    def __call__(self, x):
        return 0.0

    def get_config(self):
        """The constructor's arguments as a dictionary."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_config()")

    @classmethod
    def from_config(cls, config):
        """An instance from what `get_config` returned."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum |x_i| + l2 * sum x_i^2.

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.

    Raises:
        ValueError: if a factor is negative or not finite.

    Example:
        >>> L1L2(l1=0.1).get_config()
        {'l1': 0.1, 'l2': 0.0}
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x):
        from . import ops

        penalty = 0.0
        if self.l1:
            penalty = penalty + self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            penalty = penalty + self.l2 * ops.sum(ops.square(x))
        return penalty

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 * sum |x_i|.

    Args:
        l1: the factor.

    Raises:
        ValueError: if it is negative or not finite.

    Example:
        >>> L1(0.1).get_config()
        {'l1': 0.1}
    """

    def __init__(self, l1=0.01):
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self):
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum x_i^2.

    Args:
        l2: the factor.

    Raises:
        ValueError: if it is negative or not finite.

    Example:
        >>> L2(0.1).get_config()
        {'l2': 0.1}
    """

    def __init__(self, l2=0.01):
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor * mean over pairs of |cosine of the angle between two rows (or columns)|.

    Args:
        factor: the factor.
        mode: compare `"rows"` or `"columns"`.

    Raises:
        ValueError: if `factor` is negative or not finite, or `mode` is another one.

    Example:
        >>> OrthogonalRegularizer(0.1).get_config()
        {'factor': 0.1, 'mode': 'rows'}
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"Invalid value for argument `mode`: expected 'rows' or 'columns'. Received: mode={mode!r}")
        self.mode = mode

    def __call__(self, inputs):
        from . import ops

        if len(inputs.shape) != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={inputs.shape}")
        rows = inputs if self.mode == "rows" else ops.transpose(inputs)
        # The floor stands inside the root: the root of zero has no gradient.
        norms = ops.sqrt(ops.maximum(ops.sum(ops.square(rows), axis=1, keepdims=True), 1e-14))
        unit = rows / norms
        size = rows.shape[0]
        between = ops.matmul(unit, ops.transpose(unit)) * (1 - np.eye(size, dtype=str(inputs.dtype)))
        return self.factor * ops.sum(ops.abs(between)) / (size * (size - 1.0))

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


def _factor(name, value):
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value!r}")
    return float(value)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_FAMILY = Family("regularizer", [Regularizer, L1, L2, L1L2, OrthogonalRegularizer], {"l1_l2": L1L2})


def get(identifier) -> Callable[..., Any] | None:
    """The regularizer that an argument stands for.

    Args:
        identifier: a name (`"l2"`), a config, a class, a callable, or `None`.

    Returns:
        A callable, or `None` for `None`.

    Raises:
        ValueError: if it stands for nothing known.

    Example:
        >>> get("l2").l2
        0.01
    """
    return _FAMILY.get(identifier)


def serialize(regularizer):
    """A regularizer as a dictionary.

    Args:
        regularizer: a `Regularizer`.

    Returns:
        Its module, class name and config.

    Example:
        >>> serialize(L2(0.1))["config"]
        {'l2': 0.1}
    """
    return serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer that `serialize` described.

    Args:
        config: a dictionary.
        custom_objects: classes of the user by name.

    Returns:
        A `Regularizer`.

    Example:
        >>> deserialize(serialize(L2(0.1))).l2
        0.1
    """
    return _FAMILY.deserialize(config, custom_objects)
