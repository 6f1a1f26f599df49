"""What all initializers share."""

import numpy as np

from .. import config, random
from ..utils.serialization import deserialize_keras_object, serialize_keras_object


def standardize_dtype(dtype):
    """The dtype asked for, or `floatx()`."""
    return np.dtype(dtype or config.floatx())


class Initializer:
    """Base class. A subclass defines `__call__(shape, dtype=None)` and, if it takes arguments, `get_config`.

    Example:
        >>> class Sevens(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 7, dtype)
        >>> Sevens()((2,), "float32").tolist()
        [7.0, 7.0]
    """

    def __call__(self, shape, dtype=None):
        raise NotImplementedError(f"{type(self).__name__} must implement the `__call__(shape, dtype=None)` method.")

    def get_config(self):
        """The constructor's arguments as a dictionary."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An instance from what `get_config` returned."""
        return cls(**config)

    def clone(self):
        """A new initializer with the same arguments (one without a seed draws a new one)."""
        return self.from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of the random ones: keeps the seed.

    Args:
        seed: an integer, a `SeedGenerator`, or `None` to draw an integer now.

    Raises:
        ValueError: if `seed` is something else.
    """

    def __init__(self, seed=None):
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif not isinstance(seed, (int, np.integer, random.SeedGenerator)):
            raise ValueError(
                f"`seed` argument should be an integer or an instance of `dlcore.random.SeedGenerator`. Received: seed={seed!r}"
            )
        self.seed = seed

    def get_config(self):
        return {"seed": serialize_keras_object(self._init_seed)}
