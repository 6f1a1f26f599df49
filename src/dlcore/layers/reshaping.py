"""Layers that change the shape only."""

import math

from dlcore import ops
from dlcore.layers.base import InputSpec, Layer


class Flatten(Layer):
    """Flattens everything but the batch: (batch, a, b, ...) -> (batch, a * b * ...); (batch,) -> (batch, 1).

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"`` (channels are moved to the end first).
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(f"data_format must be 'channels_last' or 'channels_first'; received data_format={data_format!r}")
        self.data_format = data_format
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = data_format == "channels_first"

    def compute_output_shape(self, input_shape):
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def call(self, inputs):
        shape = inputs.shape
        if self._channels_first and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))


class Reshape(Layer):
    """Gives everything but the batch another shape.

    Args:
        target_shape: Tuple without the batch; one entry may be -1.
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if sum(d == -1 for d in target_shape) > 1:
            raise ValueError(f"There must be at most one unknown dimension (-1) in target_shape. Received: target_shape={target_shape}")
        self.target_shape = target_shape

    def build(self, input_shape):
        sizes, known = input_shape[1:], math.prod(d for d in self.target_shape if d != -1)
        if None not in sizes:
            total = math.prod(sizes)
            if (total != known) if -1 not in self.target_shape else (known == 0 or total % known):
                raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={tuple(sizes)}, target_shape={self.target_shape}")
            if -1 in self.target_shape:
                self._resolved = tuple(total // known if d == -1 else d for d in self.target_shape)
                return
        self._resolved = self.target_shape

    def call(self, inputs):
        batch = inputs.shape[0]
        return ops.reshape(inputs, (-1 if batch is None else batch, *self._resolved))
