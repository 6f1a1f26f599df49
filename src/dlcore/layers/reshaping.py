"""Layers that change the shape only: flatten, reshape, permute, repeat."""

import math

from dlcore._kernels.array import expand_dims, reshape, transpose
from dlcore._kernels.gather import broadcast_to
from dlcore._kernels.tensor import KerasTensor
from dlcore.config import standardize_data_format
from dlcore.layers.base import InputSpec, Layer


class Reshaping(Layer):
    """What layers that only move elements share: the dtype of the output is that of the input."""

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(tuple(inputs.shape)), inputs.dtype)


class Flatten(Reshaping):
    """Flattens everything but the batch: (batch, a, b, ...) -> (batch, a * b * ...); (batch,) -> (batch, 1).

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (channels are moved to the end first).

    Example:
        >>> import dlcore
        >>> dlcore.layers.Flatten()(dlcore.ops.ones((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}

    def compute_output_shape(self, input_shape):
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def call(self, inputs):
        shape = inputs.shape
        if self._channels_first and len(shape) > 2:
            inputs = transpose(inputs, (0, *range(2, len(shape)), 1))
        return reshape(inputs, (shape[0], math.prod(shape[1:])))


class Reshape(Reshaping):
    """Gives everything but the batch another shape.

    Args:
        target_shape: Tuple without the batch; one entry may be -1.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Reshape((-1, 2))(dlcore.ops.ones((5, 6))).shape
        (5, 3, 2)
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if sum(d == -1 for d in target_shape) > 1:
            raise ValueError(f"There must be at most one unknown dimension (-1) in target_shape. Received: target_shape={target_shape}")
        for d in target_shape:
            if not hasattr(d, "__index__") or d < -1:
                raise ValueError(f"target_shape must hold whole numbers of at least 0, and -1 for one that follows. Received: target_shape={target_shape}")
        self.target_shape = target_shape
        self.input_spec = InputSpec(min_ndim=1)

    def compute_output_shape(self, input_shape):
        sizes, target = input_shape[1:], self.target_shape
        if None in sizes:
            return (input_shape[0], *[None if d == -1 else d for d in target])
        total, known = math.prod(sizes), math.prod(d for d in target if d != -1)
        if (total != known) if -1 not in target else (known == 0 or total % known):
            raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={tuple(sizes)}, target_shape={target}")
        return (input_shape[0], *[total // known if d == -1 else d for d in target])

    def call(self, inputs):
        return reshape(inputs, self.compute_output_shape(inputs.shape))


class Permute(Reshaping):
    """Reorders the axes after the batch.

    Args:
        dims: For every axis of the output the axis of the input it comes from, counted from 1; ``(2, 1)`` exchanges two.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Permute((2, 1))(dlcore.ops.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must name each axis after the batch once, counted from 1. Received: dims={dims}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *[input_shape[d] for d in self.dims])

    def call(self, inputs):
        return transpose(inputs, (0, *self.dims))


class RepeatVector(Reshaping):
    """Repeats every row n times: (batch, features) -> (batch, n, features).

    Args:
        n: Number of times.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RepeatVector(3)(dlcore.ops.ones((5, 4))).shape
        (5, 3, 4)
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"RepeatVector: n must be a whole number; received n={n!r} of type {type(n).__name__}")
        if n <= 0:
            raise ValueError(f"RepeatVector: n must be at least 1. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])

    def call(self, inputs):
        return broadcast_to(expand_dims(inputs, 1), self.compute_output_shape(inputs.shape))
