"""Pooling by windows: MaxPooling and AveragePooling."""

from dlcore._kernels.pooling import average_pool, max_pool
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.pooling.base import Pooling


class _Windows(Pooling):
    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.pool_size = whole_tuple(pool_size, self._rank, "pool_size")
        self.strides = self.pool_size if strides is None else whole_tuple(strides, self._rank, "strides")
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ValueError(f"{type(self).__name__}: the argument `padding` must be either 'valid' or 'same'. Received: padding={padding!r}")
        self._configure(data_format)

    def get_config(self):
        names = ("pool_size", "padding", "strides", "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def compute_output_shape(self, input_shape):
        same, sizes = self.padding == "same", []
        for n, size, stride in zip(input_shape[self._first :], self.pool_size, self.strides, strict=False):
            sizes.append(None if n is None else (n - 1 if same else n - size) // stride + 1)
            if n is not None and not same and size > n:
                raise ValueError(
                    f"{type(self).__name__}: Computed output size would be zero or negative. Received: input_shape={tuple(input_shape)}, "
                    f"pool_size={self.pool_size}, strides={self.strides}, padding={self.padding!r}"
                )
        return self._with_sizes(input_shape, sizes)


class _MaxPooling(_Windows):
    def call(self, inputs):
        return max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _AveragePooling(_Windows):
    def call(self, inputs):
        return average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(_MaxPooling):
    """The largest element of each window of steps (batch, steps, channels).

    Args:
        pool_size: Size of the window.
        strides: Step of the window; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).

    Example:
        >>> import dlcore
        >>> dlcore.layers.MaxPooling1D(2)(dlcore.ops.ones((5, 6, 3))).shape
        (5, 3, 3)
    """

    _rank = 1

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(_MaxPooling):
    """The largest element of each window of images (batch, height, width, channels).

    Args:
        pool_size: Size of the window, a number or one for each axis.
        strides: Steps of the window, a number or one for each axis; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.MaxPooling2D(2)(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 3, 2, 3)
    """

    _rank = 2

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(_MaxPooling):
    """The largest element of each window of volumes (batch, depth, height, width, channels).

    Args:
        pool_size: Size of the window, a number or one for each axis.
        strides: Steps of the window, a number or one for each axis; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.MaxPooling3D(2)(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 3, 2, 1, 3)
    """

    _rank = 3

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(_AveragePooling):
    """The mean of each window of steps (batch, steps, channels).

    Args:
        pool_size: Size of the window.
        strides: Step of the window; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders. Elements beyond the border do not count.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AveragePooling1D(2)(dlcore.ops.ones((5, 6, 3))).shape
        (5, 3, 3)
    """

    _rank = 1

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling2D(_AveragePooling):
    """The mean of each window of images (batch, height, width, channels).

    Args:
        pool_size: Size of the window, a number or one for each axis.
        strides: Steps of the window, a number or one for each axis; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders. Elements beyond the border do not count.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AveragePooling2D(2)(dlcore.ops.ones((5, 6, 4, 3))).shape
        (5, 3, 2, 3)
    """

    _rank = 2

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling3D(_AveragePooling):
    """The mean of each window of volumes (batch, depth, height, width, channels).

    Args:
        pool_size: Size of the window, a number or one for each axis.
        strides: Steps of the window, a number or one for each axis; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: as many as steps fit, reaching over the borders. Elements beyond the border do not count.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.AveragePooling3D(2)(dlcore.ops.ones((5, 6, 4, 2, 3))).shape
        (5, 3, 2, 1, 3)
    """

    _rank = 3

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
