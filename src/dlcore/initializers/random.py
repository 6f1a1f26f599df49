"""Initializers that draw random numbers."""

import math

import numpy as np

from .. import random
from .base import RandomInitializer, standardize_dtype


class RandomNormal(RandomInitializer):
    """Normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation.
        seed: an integer, a `SeedGenerator`, or `None`.

    Example:
        >>> init = RandomNormal(seed=1)
        >>> bool((init((2,)) == init((2,))).all())
        True
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape, dtype=None):
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Normal distribution cut off at two standard deviations.

    Args:
        mean: the mean.
        stddev: the standard deviation before the cut.
        seed: an integer, a `SeedGenerator`, or `None`.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((99,))).max() < 2)
        True
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape, dtype=None):
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Uniform distribution on [minval, maxval).

    Args:
        minval: the lower end.
        maxval: the upper end.
        seed: an integer, a `SeedGenerator`, or `None`.

    Example:
        >>> bool(abs(RandomUniform(seed=1)((99,))).max() <= 0.05)
        True
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape, dtype=None):
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self):
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """A distribution whose variance is `scale / n`, with n taken from the number of inputs and outputs.

    Args:
        scale: a positive factor.
        mode: n is the `"fan_in"`, the `"fan_out"` or their average, `"fan_avg"`.
        distribution: `"truncated_normal"` (or `"normal"`), `"untruncated_normal"` or `"uniform"`.
        seed: an integer, a `SeedGenerator`, or `None`.
        input_axes: the axes whose product is the fan in; by default it follows from the usual layouts of kernels.
        output_axes: the same for the fan out. Both are needed.

    Raises:
        ValueError: if `scale` is not positive, or `mode` or `distribution` not one of the above.

    Example:
        >>> w = VarianceScaling(seed=1)((400, 300))
        >>> round(float(w.std() * 400 ** 0.5), 1)
        1.0

    References:
        He et al. 2015, Delving Deep into Rectifiers; Glorot & Bengio 2010, Understanding the difficulty of training
        deep feedforward neural networks.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None, output_axes=None):
        if scale <= 0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: expected 'fan_in', 'fan_out' or 'fan_avg', received {mode!r}.")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "Invalid `distribution` argument: expected 'uniform', 'truncated_normal' or 'untruncated_normal', "
                f"received {distribution!r}."
            )
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        # 0.8796... is the standard deviation of a normal distribution cut off at two of its own.
        return random.truncated_normal(shape, 0.0, stddev / 0.87962566103423978, dtype, self.seed)

    def get_config(self):
        own = ("scale", "mode", "distribution", "input_axes", "output_axes")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class _Preset(VarianceScaling):
    """A `VarianceScaling` with the first three arguments given."""

    _arguments = (1.0, "fan_in", "truncated_normal")

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self._arguments, seed, input_axes, output_axes)

    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Preset):
    """Uniform, variance 2 / (fan in + fan out): the default of most kernels.

    Args:
        seed, input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> GlorotUniform(seed=1)((2, 3)).shape
        (2, 3)
    """

    _arguments = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal, variance 2 / (fan in + fan out). Arguments as `GlorotUniform`."""

    _arguments = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Preset):
    """Truncated normal, variance 1 / fan in. Arguments as `GlorotUniform`."""

    _arguments = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform, variance 1 / fan in. Arguments as `GlorotUniform`."""

    _arguments = (1.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal, variance 2 / fan in: for layers followed by a ReLU. Arguments as `GlorotUniform`."""

    _arguments = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Preset):
    """Uniform, variance 2 / fan in: for layers followed by a ReLU. Arguments as `GlorotUniform`."""

    _arguments = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A matrix with orthonormal rows or columns (whichever are fewer); all axes but the last count as rows.

    Args:
        gain: a factor.
        seed: an integer, a `SeedGenerator`, or `None`.

    Example:
        >>> w = Orthogonal(seed=1)((4, 2))
        >>> bool(np.allclose(w.T @ w, np.eye(2), atol=1e-6))
        True

    References:
        Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks.
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(f"The tensor to initialize must be at least two-dimensional. Received: shape={shape} of rank {len(shape)}.")
        dtype = standardize_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        a = random.normal((max(rows, columns), min(rows, columns)), dtype="float64", seed=self.seed)
        q, r = np.linalg.qr(a)
        q *= np.sign(np.diag(r))  # makes the decomposition unique, hence the result uniformly distributed
        return np.ascontiguousarray((self.gain * (q if rows >= columns else q.T)).reshape(shape), dtype)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


def compute_fans(shape, input_axes=None, output_axes=None):
    """How many inputs feed an output unit, and how many outputs an input unit feeds.

    Args:
        shape: (inputs, outputs) or (*receptive field, inputs, outputs).
        input_axes: the axes that make up the fan in, if the layout is another one.
        output_axes: the same for the fan out. Both are needed.

    Returns:
        (fan_in, fan_out), integers.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return tuple(int(math.prod(shape[axis] for axis in axes)) for axes in (input_axes, output_axes))
    if len(shape) < 2:
        return int(math.prod(shape)), int(math.prod(shape))
    field = math.prod(shape[:-2])
    return int(shape[-2] * field), int(shape[-1] * field)
