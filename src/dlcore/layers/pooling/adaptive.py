"""Pooling to a grid of a given size."""

from dlcore._kernels.pooling import adaptive_average_pool, adaptive_max_pool
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.pooling.base import Pooling


class _AdaptivePooling(Pooling):
    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(output_size, (int, tuple, list)):
            raise TypeError(f"`output_size` must be a whole number or a tuple of {self._rank}. Received: output_size={output_size!r}")
        if isinstance(output_size, (tuple, list)) and len(output_size) != self._rank and self._rank > 1:
            raise TypeError(f"`output_size` must be a whole number or a tuple of {self._rank}. Received: output_size={output_size!r}")
        self.output_size = whole_tuple(output_size, self._rank, "output_size")
        self._configure(data_format)

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}

    def compute_output_shape(self, input_shape):
        return self._with_sizes(input_shape, self.output_size)


class _AdaptiveAveragePooling(_AdaptivePooling):
    def call(self, inputs):
        return adaptive_average_pool(inputs, self.output_size, self.data_format)


class _AdaptiveMaxPooling(_AdaptivePooling):
    def call(self, inputs):
        return adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Means of windows of steps (batch, steps, channels), however many elements there are.

    Args:
        output_size: Number of windows.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveAveragePooling1D(2)(dlcore.ops.ones((5, 6, 3))).shape
        (5, 2, 3)
    """

    _rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Means of windows of images (batch, height, width, channels), however many elements there are.

    Args:
        output_size: Number of windows, for all axes or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveAveragePooling2D(2)(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 2, 2, 3)
    """

    _rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Means of windows of volumes (batch, depth, height, width, channels), however many elements there are.

    Args:
        output_size: Number of windows, for all axes or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveAveragePooling3D(2)(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 2, 2, 2, 3)
    """

    _rank = 3


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest elements of windows of steps (batch, steps, channels), however many elements there are.

    Args:
        output_size: Number of windows.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveMaxPooling1D(2)(dlcore.ops.ones((5, 6, 3))).shape
        (5, 2, 3)
    """

    _rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest elements of windows of images (batch, height, width, channels), however many elements there are.

    Args:
        output_size: Number of windows, for all axes or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveMaxPooling2D(2)(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 2, 2, 3)
    """

    _rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """The largest elements of windows of volumes (batch, depth, height, width, channels), however many elements there are.

    Args:
        output_size: Number of windows, for all axes or one for each.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AdaptiveMaxPooling3D(2)(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 2, 2, 2, 3)
    """

    _rank = 3
