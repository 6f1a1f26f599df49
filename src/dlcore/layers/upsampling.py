"""Layers that make a grid finer."""

from dlcore._kernels.resize import resample, upsample
from dlcore.config import standardize_data_format
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.base import InputSpec
from dlcore.layers.reshaping import Reshaping
from dlcore.ops.image.taps import INTERPOLATIONS, taps


class _UpSampling(Reshaping):
    def _configure(self, data_format):
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=len(self._times) + 2)
        self._first = 2 if self.data_format == "channels_first" else 1

    @property
    def _times(self):
        return self.size if isinstance(self.size, (tuple, list)) else (self.size,)

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
        self._configure("channels_last")


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
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"UpSampling2D: interpolation must be one of {INTERPOLATIONS}. Received: interpolation={interpolation!r}")
        self._configure(data_format)

    def get_config(self):
        return {**super().get_config(), "interpolation": self.interpolation}

    def call(self, inputs):
        if self.interpolation == "nearest":
            return upsample(inputs, self._times, self._first)
        for axis, factor in enumerate(self.size, start=self._first):
            if factor > 1:
                inputs = resample(inputs, taps(inputs.shape[axis], inputs.shape[axis] * factor, self.interpolation), axis)
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
        self._configure(data_format)
