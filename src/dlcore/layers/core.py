"""Input, where data enters the graph of a functional model, and layers that hardly compute."""

import inspect

from dlcore import ops, tree
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import Layer
from dlcore.ops.symbolic import Node
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object


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


class Identity(Layer):
    """Passes its inputs on: a placeholder.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Identity()(dlcore.ops.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs


class Masking(Layer):
    """Masks the steps of sequences (batch, steps, features) that hold one value only, and sets them to zero.

    The mask travels to the layers that follow and to the loss, which leave these steps out.

    Args:
        mask_value: The value that marks a step.

    Example:
        >>> import dlcore
        >>> x = dlcore.ops.convert_to_tensor([[[1.0, 9.0], [9.0, 9.0]]])
        >>> y = dlcore.layers.Masking(mask_value=9.0)(x)
        >>> y.tolist(), y.mask.tolist()
        ([[[1.0, 9.0], [0.0, 0.0]]], [[True, False]])
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mask_value = deserialize_keras_object(mask_value) if isinstance(mask_value, dict) else mask_value

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        return ops.where(ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True), inputs, 0)


class Lambda(Layer):
    """A function as a layer. For anything with weights write a subclass of :class:`Layer`.

    Args:
        function: Function of a tensor (or a structure of tensors), made of ``dlcore.ops``; it may take ``mask`` and
            ``training`` as well.
        output_shape: Shape of the result without the batch, or a function from the shape of the input to that of the result
            (both with the batch). Only needed if the function cannot run on symbolic tensors.
        mask: The mask of the result: a tensor, or a function of inputs and mask.
        arguments: Dictionary of more keyword arguments for the function.

    Raises:
        ValueError: By ``get_config()``, if a function is a lambda: code in a file is never run, so it could not be read back.
            Give it a name and register it with ``dlcore.saving.register_keras_serializable``.

    Example:
        >>> import dlcore
        >>> double = dlcore.layers.Lambda(lambda x, factor: x * factor, arguments={"factor": 2})
        >>> double(dlcore.ops.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise ValueError(f"Lambda: function must be callable; received function={function!r}")
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = tuple(output_shape) if isinstance(output_shape, list) else output_shape
        try:
            takes = inspect.signature(function).parameters
        except (TypeError, ValueError):                 # a built-in without a signature
            takes = ()
        self._given = [name for name in ("mask", "training") if name in takes]

    def call(self, inputs, mask=None, training=None):
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self._given})

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape):
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        first = input_shape
        while isinstance(first, (list, dict)) or isinstance(first, tuple) and first and isinstance(first[0], (list, tuple, dict)):
            first = next(iter(first.values() if isinstance(first, dict) else first))
        return tree.map_shape(lambda shape: (first[0], *shape), self._output_shape)

    def compute_output_spec(self, *args, **kwargs):
        if self._output_shape is not None:
            return super().compute_output_spec(*args, **kwargs)
        return self._call_symbolically(args, kwargs)

    def get_config(self):
        config = super().get_config()
        if isinstance(config["function"], str):         # an activation's name alone, which Keras reads in other layers only
            config["function"] = serialize_keras_object(self.function)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None, safe_mode=None):
        config = dict(config)
        for key in ("function", "output_shape", "mask", "arguments"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key], custom_objects)
        return cls(**config)
