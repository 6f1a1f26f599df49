"""Layers that add zeros around the data, or cut off its borders."""

from dlcore._kernels.gather import getitem, pad
from dlcore.config import standardize_data_format
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.base import InputSpec
from dlcore.layers.reshaping import Reshaping


def _pairs(value, rank, name) -> tuple[tuple[int, ...], ...]:
    """((before, after), ...) for every axis, from a number, a number per axis or a pair per axis."""
    if rank == 1:
        return (whole_tuple(value, 2, name, allow_zero=True),)
    if hasattr(value, "__index__"):
        value = (value,) * rank
    if not hasattr(value, "__len__") or len(value) != rank:
        raise ValueError(
            f"`{name}` should be a whole number, a tuple of {rank} whole numbers, or a tuple of {rank} pairs (before, after). Received: {name}={value!r}"
        )
    return tuple(whole_tuple(v, 2, f"entry {i + 1} of {name}", allow_zero=True) for i, v in enumerate(value))


class _Borders(Reshaping):
    """A layer with a pair (before, after) for each of `_rank` axes."""

    _rank = 0
    _argument = ""

    def _configure(self, value, data_format):
        self._pairs = _pairs(value, self._rank, self._argument)
        setattr(self, self._argument, self._pairs[0] if self._rank == 1 else self._pairs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._first = 2 if self.data_format == "channels_first" else 1

    def get_config(self):
        config = {**super().get_config(), self._argument: getattr(self, self._argument)}
        return {**config, "data_format": self.data_format} if "data_format" in config else config


class _ZeroPadding(_Borders):
    _argument = "padding"

    def _configure(self, value, data_format):
        super()._configure(value, data_format)
        front = self._first
        self._widths = (*[(0, 0)] * front, *self._pairs, *[(0, 0)] * (2 - front))

    def compute_output_shape(self, input_shape):
        return tuple(None if n is None else n + before + after for n, (before, after) in zip(input_shape, self._widths, strict=True))

    def call(self, inputs):
        return pad(inputs, self._widths)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after the steps of (batch, steps, features).

    Args:
        padding: Number of zeros on both sides, or a pair (before, after).
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, features, steps).

    Example:
        >>> import dlcore
        >>> dlcore.layers.ZeroPadding1D((2, 1))(dlcore.ops.ones((5, 3, 4))).shape
        (5, 6, 4)
    """

    _rank = 1

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._configure(padding, data_format)


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images (batch, height, width, channels).

    Args:
        padding: A number for all sides, one per axis, or a pair (before, after) per axis.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.ZeroPadding2D(((1, 0), (2, 2)))(dlcore.ops.ones((5, 3, 4, 2))).shape
        (5, 4, 8, 2)
    """

    _rank = 2

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._configure(padding, data_format)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes (batch, depth, height, width, channels).

    Args:
        padding: A number for all sides, one per axis, or a pair (before, after) per axis.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.ZeroPadding3D(1)(dlcore.ops.ones((5, 3, 4, 2, 1))).shape
        (5, 5, 6, 4, 1)
    """

    _rank = 3

    def __init__(self, padding=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._configure(padding, data_format)


class _Cropping(_Borders):
    _argument = "cropping"

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for i, (before, after) in enumerate(self._pairs, start=self._first):
            if shape[i] is not None:
                if before + after >= shape[i]:
                    raise ValueError(
                        f"`cropping` must leave something of every axis of the input. Received: input_shape={tuple(input_shape)}, cropping={self.cropping}"
                    )
                shape[i] -= before + after
        return tuple(shape)

    def call(self, inputs):
        shape = inputs.shape
        self.compute_output_shape(shape)
        key = [slice(before, shape[i] - after) for i, (before, after) in enumerate(self._pairs, start=self._first)]
        return getitem(inputs, (slice(None),) * self._first + tuple(key))


class Cropping1D(_Cropping):
    """Cuts steps off the beginning and the end of (batch, steps, features).

    Args:
        cropping: Number of steps on both sides, or a pair (before, after).

    Example:
        >>> import dlcore
        >>> dlcore.layers.Cropping1D((0, 2))(dlcore.ops.ones((5, 6, 4))).shape
        (5, 4, 4)
    """

    _rank = 1

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self._configure(cropping, "channels_last")


class Cropping2D(_Cropping):
    """Cuts borders off images (batch, height, width, channels).

    Args:
        cropping: A number for all sides, one per axis, or a pair (before, after) per axis.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.Cropping2D((1, 2))(dlcore.ops.ones((5, 6, 7, 2))).shape
        (5, 4, 3, 2)
    """

    _rank = 2

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._configure(cropping, data_format)


class Cropping3D(_Cropping):
    """Cuts borders off volumes (batch, depth, height, width, channels).

    Args:
        cropping: A number for all sides, one per axis, or a pair (before, after) per axis.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).

    Example:
        >>> import dlcore
        >>> dlcore.layers.Cropping3D(1)(dlcore.ops.ones((5, 6, 7, 3, 2))).shape
        (5, 4, 5, 1, 2)
    """

    _rank = 3

    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self._configure(cropping, data_format)
