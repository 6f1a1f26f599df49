"""Pooling over everything but batch and channels."""

from dlcore._kernels.array import expand_dims
from dlcore._kernels.binary import divide
from dlcore._kernels.cast import cast
from dlcore._kernels.compare import not_equal, where
from dlcore._kernels.reduce import max as max_of
from dlcore._kernels.reduce import mean
from dlcore._kernels.reduce import sum as sum_of
from dlcore.layers.pooling.base import Pooling


class _GlobalPooling(Pooling):
    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self._configure(data_format)
        self.keepdims = keepdims
        self._axes = tuple(range(self._first, self._first + self._rank))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}

    def compute_output_shape(self, input_shape):
        return self._with_sizes(input_shape, (1,) * self._rank if self.keepdims else ())


class _GlobalMaxPooling(_GlobalPooling):
    def call(self, inputs):
        return max_of(inputs, axis=self._axes, keepdims=self.keepdims)


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs):
        return mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel of steps (batch, steps, channels).

    Steps that a mask leaves out do not count. Of a sample without any other the mean is NaN.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalAveragePooling1D()(dlcore.ops.ones((5, 6, 3))).shape
        (5, 3)
    """

    _rank = 1

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        kept = not_equal(expand_dims(mask, 3 - self._first), 0)
        total = sum_of(where(kept, inputs, 0), axis=self._axes, keepdims=self.keepdims)
        return divide(total, sum_of(cast(kept, inputs.dtype), axis=self._axes, keepdims=self.keepdims))

    def compute_mask(self, inputs, mask=None):
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel of images (batch, height, width, channels).

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalAveragePooling2D()(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 3)
    """

    _rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean of each channel of volumes (batch, depth, height, width, channels).

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalAveragePooling3D()(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 3)
    """

    _rank = 3


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest element of each channel of steps (batch, steps, channels). Elements that tie share the gradient.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalMaxPooling1D()(dlcore.ops.ones((5, 6, 3))).shape
        (5, 3)
    """

    _rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest element of each channel of images (batch, height, width, channels). Elements that tie share the gradient.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalMaxPooling2D()(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 3)
    """

    _rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest element of each channel of volumes (batch, depth, height, width, channels). Elements that tie share the gradient.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).
        keepdims: Whether the axes stay, with one element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GlobalMaxPooling3D()(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 3)
    """

    _rank = 3
