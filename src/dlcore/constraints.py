"""What weights must satisfy after every update: `constraint(w)` gives the nearest weights that do, as a NumPy array."""

import numpy as np

from . import config
from .utils.serialization import Family, serialize_keras_object


class Constraint:
    """Base class. A subclass defines `__call__(w)` and, if it takes arguments, `get_config`.

    Example:
        >>> Constraint()(1.5)
        1.5
    """

    def __call__(self, w):
        return w

    def get_config(self):
        """The constructor's arguments as a dictionary."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An instance from what `get_config` returned."""
        return cls(**config)


def _norms(w, axis):
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Shortens weight vectors longer than `max_value`.

    Args:
        max_value: the largest norm allowed.
        axis: the axis (or axes) along which a vector lies: 0 for the inputs of a dense kernel.

    Example:
        >>> import numpy as np
        >>> MaxNorm(1.0)(np.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6], [0.8]]
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w):
        w = np.asarray(w)
        norms = _norms(w, self.axis)
        return w * (np.clip(norms, 0, self.max_value) / (config.epsilon() + norms))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves the length of weight vectors into [min_value, max_value].

    Args:
        min_value: the smallest norm allowed.
        max_value: the largest.
        rate: how far to move at each update: 1 all the way.
        axis: the axis (or axes) along which a vector lies.

    Example:
        >>> import numpy as np
        >>> MinMaxNorm(min_value=2.0, max_value=3.0)(np.array([[1.0]])).round(3).tolist()
        [[2.0]]
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w):
        w = np.asarray(w)
        norms = _norms(w, self.axis)
        desired = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (config.epsilon() + norms))

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class NonNeg(Constraint):
    """Sets negative weights to zero.

    Example:
        >>> NonNeg()([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w):
        return np.maximum(np.asarray(w), 0)


class UnitNorm(Constraint):
    """Gives weight vectors the length 1.

    Args:
        axis: the axis (or axes) along which a vector lies.

    Example:
        >>> UnitNorm()([[0.0], [5.0]]).round(3).tolist()
        [[0.0], [1.0]]
    """

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = np.asarray(w)
        return w / (config.epsilon() + _norms(w, self.axis))

    def get_config(self):
        return {"axis": self.axis}


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_FAMILY = Family("constraint", [Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier):
    """The constraint that an argument stands for.

    Args:
        identifier: a name (`"max_norm"`), a config, a class, a callable, or `None`.

    Returns:
        A callable, or `None` for `None`.

    Raises:
        ValueError: if it stands for nothing known.

    Example:
        >>> get("max_norm").max_value
        2
    """
    return _FAMILY.get(identifier)


def serialize(constraint):
    """A constraint as a dictionary.

    Args:
        constraint: a `Constraint`.

    Returns:
        Its module, class name and config.

    Example:
        >>> serialize(UnitNorm(axis=1))["config"]
        {'axis': 1}
    """
    return serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint that `serialize` described.

    Args:
        config: a dictionary.
        custom_objects: classes of the user by name.

    Returns:
        A `Constraint`.

    Example:
        >>> deserialize(serialize(UnitNorm(axis=1))).axis
        1
    """
    return _FAMILY.deserialize(config, custom_objects)
