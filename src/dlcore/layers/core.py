"""Input: where data enters the graph of a functional model."""

from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import Layer
from dlcore.ops.symbolic import Node


class InputLayer(Layer):
    """The place of one input of a functional or sequential model.

    Args:
        shape: Shape without the batch.
        batch_size: Fixed size of the batch; None for any.
        dtype: Element type of the data.
        batch_shape: Shape with the batch, instead of `shape` and `batch_size`.
        name: Name; the key of this input in a dict of data.
    """

    def __init__(self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None,
                 input_tensor=None, optional=False, name=None, **kwargs):
        super().__init__(name=name or None, **kwargs)
        if sparse or ragged:
            raise ValueError("Input: sparse and ragged tensors are not supported; received sparse or ragged = True")
        if shape is not None and batch_shape is not None:
            raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
        if shape is None and batch_shape is None and input_tensor is None:
            raise ValueError("You must pass a `shape` argument.")
        if shape is not None:
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *shape)
        self.optional = optional
        if input_tensor is None:
            self.batch_shape = tuple(batch_shape)
            input_tensor = KerasTensor(self.batch_shape, dtype or self.compute_dtype, name=self.name)
        else:
            self.batch_shape = tuple(input_tensor.shape)
        self.input_dtype_name = input_tensor.dtype
        self.built = True
        self._inbound.append(Node(self, (), {}, input_tensor))

    @property
    def dtype(self):
        return self.input_dtype_name

    def call(self, inputs=None):
        return inputs

    def get_config(self):
        config = {"batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "ragged": False, "name": self.name}
        return config | ({"optional": True} if self.optional else {})


def Input(shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, name=None, tensor=None, optional=False):
    """A symbolic tensor that stands for an input of a functional model.

    Args:
        shape: Shape without the batch; ``None`` for dimensions that vary.
        batch_size: Fixed size of the batch.
        dtype: Element type; ``floatx()`` by default.
        batch_shape: Shape with the batch, instead of `shape` and `batch_size`.
        name: Name of the input.
        tensor: A symbolic tensor to wrap instead.
        optional: Whether the model may be called with None here.

    Returns:
        A KerasTensor.

    Example:
        >>> import dlcore
        >>> x = dlcore.Input((4,))
        >>> dlcore.layers.Dense(2)(x).shape
        (None, 2)
    """
    layer = InputLayer(shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged, batch_shape=batch_shape,
                       name=name, input_tensor=tensor, optional=optional)
    return layer.output
