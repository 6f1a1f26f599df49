"""Starting values of weights: `initializer(shape, dtype)` gives a NumPy array.

A random initializer keeps its seed, so calling it twice gives the same values; pass a `SeedGenerator` as seed to get
new ones each time.
"""

import numpy as np

from ..utils.serialization import Family, serialize_keras_object
from .base import Initializer, standardize_dtype
from .constant import Constant, Identity, Ones, Zeros
from .random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

zeros = Zeros
ones = Ones
constant = Constant
identity = IdentityInitializer = Identity
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
orthogonal = OrthogonalInitializer = Orthogonal

_MEMBERS = [Initializer, Zeros, Ones, Constant, Identity, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling]
_MEMBERS += [GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, Orthogonal]
_ALIASES = {"zero": Zeros, "one": Ones, "normal": RandomNormal, "uniform": RandomUniform}
_ALIASES |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal}
_FAMILY = Family("initializer", _MEMBERS, _ALIASES)


def get(identifier):
    """The initializer that an argument stands for.

    Args:
        identifier: a name (`"he_normal"`, `"HeNormal"`), a config, a class, a callable `f(shape, dtype=None)`, an array
            of the very values, or `None`.

    Returns:
        A callable, or `None` for `None`.

    Raises:
        ValueError: if it stands for nothing known.

    Example:
        >>> get("zeros")((2,)).tolist()
        [0.0, 0.0]
    """
    if hasattr(identifier, "__array__") and not callable(identifier):
        return _given(identifier)
    return _FAMILY.get(identifier)


def _given(values):
    def initializer(shape, dtype=None):
        if tuple(shape) != tuple(values.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(values.shape)} for direct tensor as initializer. Received shape={tuple(shape)}"
            )
        return np.array(values, dtype=standardize_dtype(dtype))

    return initializer


def serialize(initializer):
    """An initializer as a dictionary.

    Args:
        initializer: an `Initializer`.

    Returns:
        Its module, class name and config.

    Example:
        >>> serialize(HeNormal(seed=3))["config"]["seed"]
        3
    """
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer that `serialize` described.

    Args:
        config: a dictionary.
        custom_objects: classes of the user by name.

    Returns:
        An `Initializer`.

    Example:
        >>> deserialize(serialize(Constant(3))).value
        3
    """
    return _FAMILY.deserialize(config, custom_objects)
