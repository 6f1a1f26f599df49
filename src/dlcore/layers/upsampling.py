"""Layers that make a grid finer."""

import functools

import numpy as np

from dlcore._kernels.resize import Taps, resample, upsample
from dlcore.config import standardize_data_format
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.base import InputSpec
from dlcore.layers.reshaping import Reshaping


def _linear(t):
    return 1 - np.abs(t)


def _cubic(t):
    # Keys' convolution kernel with a = -3/4.
    t, a = np.abs(t), -0.75
    return np.where(t <= 1, ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a)


def _lanczos(radius):
    return lambda t: np.sinc(t) * np.sinc(t / radius)


# radius and kernel of each way to interpolate
_KERNELS = {"bilinear": (1, _linear), "bicubic": (2, _cubic), "lanczos3": (3, _lanczos(3)), "lanczos5": (5, _lanczos(5))}


@functools.lru_cache(maxsize=64)
def taps(n, factor, interpolation):
    """The weights of n cells in each of n * factor new ones.

    The centre of new cell i lies at (i + 1/2) / factor - 1/2 of the old ones. Beyond the border the outermost cell goes
    on; the Lanczos kernels take what is inside, and their weights are scaled to the sum 1.
    """
    radius, kernel = _KERNELS[interpolation]
    centre = (np.arange(n * factor) + 0.5) / factor - 0.5
    matrix = np.zeros((n * factor, n))
    for k in range(1 - radius, radius + 1):
        cell = np.floor(centre).astype(int) + k
        weight = kernel(centre - cell)
        if interpolation.startswith("lanczos"):
            weight[(cell < 0) | (cell >= n)] = 0
        np.add.at(matrix, (np.arange(n * factor), np.clip(cell, 0, n - 1)), weight)
    if interpolation.startswith("lanczos"):
        matrix /= matrix.sum(1, keepdims=True)
    return Taps(matrix)


class _UpSampling(Reshaping):
    def _configure(self, size, data_format):
        self._times = size
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=len(size) + 2)
        self._first = 2 if self.data_format == "channels_first" else 1

    def get_config(self):
        config = {**super().get_config(), "size": self.size}
        return {**config, "data_format": self.data_format} if "data_format" in config else config

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for i, n in enumerate(self._times, start=self._first):
            shape[i] = None if shape[i] is None else shape[i] * n
        return tuple(shape)

    def call(self, inputs):
        return upsample(inputs, self._times, self._first)


class UpSampling1D(_UpSampling):
    """Repeats every step of (batch, steps, features).

    Args:
        size: Number of times.

    Example:
        >>> import dlcore
        >>> dlcore.layers.UpSampling1D(3)(dlcore.ops.ones((5, 2, 4))).shape
        (5, 6, 4)
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"UpSampling1D: size must be a whole number; received size={size!r} of type {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"UpSampling1D: size must be at least 1. Received: size={size}")
        self.size = size
        self._configure((size,), "channels_last")


class UpSampling2D(_UpSampling):
    """Makes images (batch, height, width, channels) larger.

    Args:
        size: Factor of both axes, or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        interpolation: ``"nearest"`` repeats pixels; ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` and ``"lanczos5"`` take
            weighted sums of 2, 4, 6 or 10 neighbours along each axis.

    Example:
        >>> import dlcore
        >>> dlcore.layers.UpSampling2D((2, 3))(dlcore.ops.ones((5, 2, 4, 1))).shape
        (5, 4, 12, 1)
    """

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = whole_tuple(size, 2, "size")
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in ("nearest", *_KERNELS):
            raise ValueError(f"UpSampling2D: interpolation must be one of {('nearest', *_KERNELS)}. Received: interpolation={interpolation!r}")
        self._configure(self.size, data_format)

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}

    def call(self, inputs):
        if self.interpolation == "nearest":
            return upsample(inputs, self._times, self._first)
        for axis, factor in enumerate(self.size, start=self._first):
            if factor > 1:
                inputs = resample(inputs, taps(inputs.shape[axis], factor, self.interpolation), axis)
        return inputs


class UpSampling3D(_UpSampling):
    """Repeats the cells of volumes (batch, depth, height, width, channels).

    Args:
        size: Factor of all axes, or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.UpSampling3D((1, 2, 3))(dlcore.ops.ones((5, 2, 4, 3, 1))).shape
        (5, 2, 8, 9, 1)
    """

    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.size = whole_tuple(size, 3, "size")
        self._configure(self.size, data_format)
