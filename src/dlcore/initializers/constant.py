"""Initializers without chance."""

import numpy as np

from ..utils.serialization import deserialize_keras_object, serialize_keras_object
from .base import Initializer, standardize_dtype


class Zeros(Initializer):
    """All zeros.

    Example:
        >>> Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, standardize_dtype(dtype))


class Ones(Initializer):
    """All ones.

    Example:
        >>> Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape, dtype=None):
        return np.ones(shape, standardize_dtype(dtype))


class Constant(Initializer):
    """One value everywhere, or an array broadcast to the shape.

    Args:
        value: a number or an array.

    Example:
        >>> Constant(3)((2,)).tolist()
        [3.0, 3.0]
    """

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.full(shape, np.asarray(self.value), standardize_dtype(dtype))

    def get_config(self):
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config):
        return cls(deserialize_keras_object(config["value"]))


class Identity(Initializer):
    """The identity matrix, of any two-dimensional shape.

    Args:
        gain: a factor.

    Example:
        >>> Identity(2)((2, 2)).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(f"Identity matrix initializer can only be used for 2D matrices. Received: shape={shape} of rank {len(shape)}.")
        dtype = standardize_dtype(dtype)
        return np.eye(*shape, dtype=dtype) * dtype.type(self.gain)

    def get_config(self):
        return {"gain": self.gain}
