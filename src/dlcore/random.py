"""Random numbers that depend on a seed and a counter, and on nothing else.

Every draw takes a *key*, two unsigned 32-bit integers (seed, counter), and turns it into numbers with the Philox
generator. The same key gives the same numbers on every run, for any number of threads and whatever was drawn
before. A `SeedGenerator` hands out keys by counting; drawing without a seed asks the global one.
"""

import numpy as np

from . import config
from .naming import auto_name, to_snake_case
from .variable import Variable

_MASK = 0xFFFFFFFF


class SeedGenerator:
    """Hands out a new key at every call of `next()`: (seed, 0), (seed, 1), (seed, 2), ...

    Args:
        seed: an integer, of which 32 bits are used; `None` takes one from the global generator.
        name: the name of the state, made up when it is `None`.

    Raises:
        ValueError: if `seed` is not an integer.

    Example:
        >>> keys = SeedGenerator(seed=7)
        >>> keys.next().tolist(), keys.next().tolist()
        ([7, 0], [7, 1])
    """

    _is_state = True                # looked for in the attributes of layers

    def __init__(self, seed=None, name=None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._initial_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed!r} (of type {type(seed)})")
        self.state = Variable(np.array([int(seed) & _MASK, 0], dtype=np.uint32), trainable=False, name="seed_generator_state")

    def next(self, ordered=True):
        """The next key.

        Args:
            ordered: accepted because Keras has it; keys always come in order here.

        Returns:
            A copy of the state before it was counted up: uint32 of shape (2,).
        """
        return np.array(self.draw(), dtype=np.uint32)

    def draw(self):
        """The next key as a pair of ints, for kernels."""
        return self.state._next_key()

    def get_config(self):
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


_global_generator = None


def global_seed_generator():
    """The generator behind every draw without a seed; begun from the operating system's entropy.

    Returns:
        A `SeedGenerator`.
    """
    global _global_generator
    if _global_generator is None:
        import os

        set_global_seed(int.from_bytes(os.urandom(4), "little"))
    return _global_generator


def set_global_seed(seed):
    """Begin the global generator again from `seed` (see `dlcore.utils.set_random_seed`).

    Args:
        seed: an integer.

    Example:
        >>> set_global_seed(1); a = uniform((2,))
        >>> set_global_seed(1); b = uniform((2,))
        >>> bool((a == b).all())
        True
    """
    global _global_generator
    _global_generator = SeedGenerator(seed, name="global_seed_generator")


def make_default_seed():
    """A seed for an object that was given none, drawn from the global generator.

    Returns:
        An int in [0, 2**32).
    """
    seed, counter = (int(word) for word in global_seed_generator().next())
    # SplitMix64: nearby counters must not give nearby (or equal) seeds to the objects made one after the other.
    mixed = ((seed << 32 | counter) + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ mixed >> 31) & _MASK


def draw_seed(seed):
    """The key for one draw.

    Args:
        seed: a `SeedGenerator` (counts on), an integer (always the same key), or `None` (the global generator).

    Returns:
        uint32 of shape (2,).

    Raises:
        ValueError: for anything else.

    Example:
        >>> draw_seed(3).tolist()
        [3, 0]
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)):
        return np.array([int(seed) & _MASK, 0], dtype=np.uint32)
    raise ValueError(f"Argument `seed` must be either an integer or a `SeedGenerator`. Received: seed={seed!r} (of type {type(seed)})")


def numpy_generator(seed):
    """A NumPy Generator that the key of one draw (see `draw_seed`) begins."""
    return generator_of(draw_seed(seed))


def generator_of(key):
    """The NumPy Generator that a key begins."""
    from numpy.random import Generator, Philox

    return Generator(Philox(key=key.astype(np.uint64)))


def _float_dtype(dtype, name):
    dtype = np.dtype(dtype or config.floatx())
    if dtype.kind != "f":
        raise ValueError(f"`dlcore.random.{name}` requires a floating point `dtype`. Received: dtype={dtype}")
    return dtype


def _int_dtype(dtype, name):
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        raise ValueError(f"`dlcore.random.{name}` requires an integer `dtype`. Received: dtype={dtype}")
    return dtype


def _work_dtype(dtype):
    # NumPy draws float32 and float64; shorter floats are rounded from float32.
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float32)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw from the normal distribution.

    Args:
        shape: the shape of the result.
        mean: its mean.
        stddev: its standard deviation.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer (same numbers at every call), a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype(dtype, "normal")
    x = numpy_generator(seed).standard_normal(tuple(shape), dtype=_work_dtype(dtype))
    return _scaled(x, stddev, mean, dtype)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw from the normal distribution, drawing again whatever lies two standard deviations or more from the mean.

    Args:
        shape: the shape of the result.
        mean: the mean before truncation.
        stddev: the standard deviation before truncation (that of the result is 0.8796 of it).
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.

    Example:
        >>> bool((abs(truncated_normal((1000,), seed=1)) < 2).all())
        True
    """
    dtype = _float_dtype(dtype, "truncated_normal")
    generator, work = numpy_generator(seed), _work_dtype(dtype)
    x = np.asarray(generator.standard_normal(tuple(shape), dtype=work))
    outside = np.abs(x) >= 2
    while outside.any():
        x[outside] = generator.standard_normal(int(outside.sum()), dtype=work)
        outside = np.abs(x) >= 2
    return _scaled(x, stddev, mean, dtype)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Draw from the uniform distribution on [minval, maxval).

    Args:
        shape: the shape of the result.
        minval: the lower end.
        maxval: the upper end.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.

    Raises:
        ValueError: if `dtype` is not a float dtype.

    Example:
        >>> bool((uniform((5,), seed=1) < 1).all())
        True
    """
    dtype = _float_dtype(dtype, "uniform")
    x = numpy_generator(seed).random(tuple(shape), dtype=_work_dtype(dtype))
    return _scaled(x, maxval - minval, minval, dtype)


def _scaled(x, scale, shift, dtype):
    x = np.asarray(x)
    x *= scale
    x += shift
    return x.astype(dtype, copy=False)


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Draw integers from [minval, maxval).

    Args:
        shape: the shape of the result.
        minval: the smallest integer drawn.
        maxval: one more than the largest.
        dtype: an integer dtype.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.

    Raises:
        ValueError: if `dtype` is not an integer dtype.

    Example:
        >>> randint((4,), 3, 4).tolist()
        [3, 3, 3, 3]
    """
    dtype = _int_dtype(dtype, "randint")
    return np.asarray(numpy_generator(seed).integers(int(minval), int(maxval), size=tuple(shape), dtype=np.int64)).astype(dtype)


def categorical(logits, num_samples, dtype="int32", seed=None):
    """Draw classes with probabilities softmax(logits).

    Args:
        logits: (batch, classes), unnormalised log-probabilities.
        num_samples: how many to draw for each row.
        dtype: an integer dtype.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        Class indices, (batch, num_samples).

    Raises:
        ValueError: if `logits` is not of rank 2.

    Example:
        >>> categorical([[0.0, -float("inf")]], 3).tolist()
        [[0, 0, 0]]
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2:
        raise ValueError(f"`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received: logits of shape {logits.shape}")
    odds = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
    u = numpy_generator(seed).random((len(logits), num_samples)) * odds[:, -1:]
    rows = [np.searchsorted(row, draws, side="right") for row, draws in zip(odds, u, strict=True)]
    return np.array(rows, dtype=_int_dtype(dtype, "categorical")).reshape(len(logits), num_samples)


def dropout(inputs, rate, noise_shape=None, seed=None):
    """Set a fraction of the inputs to zero and scale up the others so that the expected sum stays.

    Args:
        inputs: an array.
        rate: the probability of each value to be dropped, in [0, 1].
        noise_shape: shape of the mask before it is broadcast; `None` entries stand for the axis of `inputs`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array like `inputs`.

    Example:
        >>> dropout([1.0, 2.0], 0.0).tolist()
        [1.0, 2.0]
    """
    x = np.asarray(inputs)
    if x.dtype.kind != "f" or isinstance(inputs, (list, tuple)):
        x = x.astype(config.floatx())
    if rate == 0:
        return x
    if rate == 1:
        return np.zeros_like(x)
    shape = x.shape if noise_shape is None else tuple(n if d is None else d for d, n in zip(noise_shape, x.shape, strict=True))
    keep = numpy_generator(seed).random(shape, dtype=np.float32) >= rate
    return np.where(keep, x / x.dtype.type(1 - rate), x.dtype.type(0))


def shuffle(x, axis=0, seed=None):
    """Put the slices along `axis` in a random order.

    Args:
        x: an array.
        axis: the axis to shuffle.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        A shuffled copy.

    Example:
        >>> sorted(shuffle([1, 2, 3]).tolist())
        [1, 2, 3]
    """
    return numpy_generator(seed).permutation(np.asarray(x), axis=axis)


def gamma(shape, alpha, dtype=None, seed=None):
    """Draw from the gamma distribution of scale 1.

    Args:
        shape: the shape of the result.
        alpha: the shape parameter, broadcast to `shape`.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.
    """
    return np.asarray(numpy_generator(seed).standard_gamma(alpha, tuple(shape))).astype(_float_dtype(dtype, "gamma"))


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Draw from the beta distribution.

    Args:
        shape: the shape of the result.
        alpha: the first parameter, broadcast to `shape`.
        beta: the second parameter, broadcast to `shape`.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        An array of shape `shape`.
    """
    return np.asarray(numpy_generator(seed).beta(alpha, beta, tuple(shape))).astype(_float_dtype(dtype, "beta"))


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """Draw from the binomial distribution.

    Args:
        shape: the shape of the result.
        counts: the number of trials, broadcast to `shape`.
        probabilities: the probability of success in each, broadcast to `shape`.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or `None`.

    Returns:
        The numbers of successes, an array of shape `shape`.
    """
    counts = np.asarray(counts).astype(np.int64)
    return np.asarray(numpy_generator(seed).binomial(counts, probabilities, tuple(shape))).astype(_float_dtype(dtype, "binomial"))
