"""Pipeline: layers one after the other, as one layer."""

from dlcore.layers.base import Layer
from dlcore.utils.serialization import deserialize_keras_object


class Pipeline(Layer):
    """Applies layers one after the other: a Sequential that is not a model.

    Args:
        layers: List of layers.
        name: Name.

    Call arguments:
        inputs: What the first layer takes.
        training: Passed on to layers that take it.

    Example:
        >>> import dlcore
        >>> pipeline = dlcore.layers.Pipeline([dlcore.layers.RandomFlip(), dlcore.layers.Resizing(4, 4)])
        >>> pipeline(dlcore.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    def __init__(self, layers, name=None):
        super().__init__(name=name)
        self.layers = layers

    def call(self, inputs, training=True, mask=None):
        for layer in self.layers:
            inputs = layer(inputs, training=training) if layer._spec.takes_training and training is not None else layer(inputs)
        return inputs

    @classmethod
    def from_config(cls, config):
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(f"`Pipeline` config must contain a `layers` key mapping to a list of serialized layers. Received config with layers={layers}.")
        return cls(**{**config, "layers": [deserialize_keras_object(layer) for layer in layers]})
