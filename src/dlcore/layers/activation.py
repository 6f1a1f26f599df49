"""Activation layers."""

from dlcore import activations, ops
from dlcore.layers.base import Layer


class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: Function or name.
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)


class ReLU(Layer):
    """``max(x, 0)`` with an upper limit, a slope for x below the threshold, and a threshold.

    Args:
        max_value: Upper limit; None for none.
        negative_slope: Slope below the threshold.
        threshold: Value from which on x passes.
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        for option, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None and option != "max_value" or value is not None and value < 0:
                raise ValueError(f"{option} of a ReLU layer cannot be {'None' if value is None else 'a negative value'}. Received: {option}={value}")
        self.supports_masking = True
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs):
        return activations.relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class LeakyReLU(Layer):
    """x where x >= 0, ``negative_slope * x`` elsewhere.

    Args:
        negative_slope: Slope below zero (``alpha`` in older scripts).
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        if "alpha" in kwargs:
            import warnings

            warnings.warn("LeakyReLU(alpha=...) is deprecated; use negative_slope", DeprecationWarning, stacklevel=2)
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(f"The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. Received: negative_slope={negative_slope}")
        self.supports_masking = True
        self.negative_slope = negative_slope

    def call(self, inputs):
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class Softmax(Layer):
    """exp(x) normalised to sum 1 over an axis (or several).

    Args:
        axis: Axis or list of axes.

    Call arguments:
        inputs: Tensor.
        mask: Boolean tensor of the shape of inputs; entries that are False get (next to) no probability.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = axis

    def call(self, inputs, mask=None):
        if mask is not None:
            # A large negative number and not -inf, as in Keras, so that a fully masked row is not NaN.
            inputs = inputs + (1.0 - ops.cast(mask, inputs.dtype)) * -1e9
        return activations.softmax(inputs, axis=self.axis if isinstance(self.axis, int) else tuple(self.axis))
