"""Wrapper: a layer around a layer."""

from dlcore.layers.base import Layer
from dlcore.utils.serialization import deserialize_keras_object


class Wrapper(Layer):
    """Base class of layers that hold another one and change what it does.

    Args:
        layer: The layer to be wrapped.

    Raises:
        ValueError: If `layer` is not a layer.

    Example:
        >>> import dlcore
        >>> class Twice(dlcore.layers.Wrapper):
        ...     def call(self, inputs):
        ...         return 2 * self.layer(inputs)
        >>> Twice(dlcore.layers.ReLU())(dlcore.ops.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__}: layer must be a layer; received layer={layer!r} (of type {type(layer).__name__})")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("layer"), custom_objects), **config)
