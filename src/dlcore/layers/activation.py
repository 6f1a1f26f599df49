"""Activation layers."""

from dlcore import activations, constraints, initializers, ops, regularizers
from dlcore._kernels.prelu import prelu
from dlcore.layers.base import InputSpec, Layer


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


class ELU(Layer):
    """x where x > 0, ``alpha * (exp(x) - 1)`` elsewhere.

    Args:
        alpha: Minus the limit for large negative x.

    Example:
        >>> import dlcore
        >>> dlcore.layers.ELU()(dlcore.ops.convert_to_tensor([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha = alpha

    def call(self, inputs):
        return activations.elu(inputs, alpha=self.alpha)


class PReLU(Layer):
    """x where x > 0, ``alpha * x`` elsewhere, with learned slopes alpha.

    Args:
        alpha_initializer: Initializer of the slopes, of the shape of one sample.
        alpha_regularizer: Penalty on the slopes.
        alpha_constraint: Constraint on the slopes, applied after each update.
        shared_axes: Axis or list of axes along which all elements have one slope; ``[1, 2]`` for a slope per channel of
            images (batch, height, width, channels).

    References:
        He et al. 2015, https://arxiv.org/abs/1502.01852

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.PReLU(alpha_initializer="ones", shared_axes=[1, 2])
        >>> layer(dlcore.ops.ones((1, 4, 4, 3))).shape, layer.alpha.shape
        ((1, 4, 4, 3), (1, 1, 3))
    """

    def __init__(self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = shared_axes if shared_axes is None else list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape):
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            if not isinstance(axis, int) or not 1 <= axis < len(input_shape):
                raise ValueError(f"PReLU: shared_axes must name axes from 1 to {len(input_shape) - 1} of inputs of shape {tuple(input_shape)}; "
                                 f"received shared_axes={self.shared_axes}")
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(f"PReLU: every axis of the inputs that is not in shared_axes must have a known size; received inputs of shape "
                             f"{tuple(input_shape)} and shared_axes={self.shared_axes}")
        self.alpha = self.add_weight(shape=shape, name="alpha", initializer=self.alpha_initializer, regularizer=self.alpha_regularizer,
                                     constraint=self.alpha_constraint)
        free = {i: input_shape[i] for i in range(1, len(input_shape)) if i not in self.shared_axes} if self.shared_axes else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=free)

    def call(self, inputs):
        return prelu(inputs, self.alpha)


class Softmax(Layer):
    """exp(x) normalised to sum 1 over an axis (or several).

    Args:
        axis: Axis or list of axes.

    Call arguments:
        inputs: Tensor.
        mask: Boolean tensor that broadcasts to the shape of inputs; entries that are False get probability 0, and where an
            axis is False as a whole all of its probabilities are 0.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = axis

    def call(self, inputs, mask=None):
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        if mask is None:
            return activations.softmax(inputs, axis=axis)
        pairs = zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
        if len(mask.shape) > len(inputs.shape) or any(m not in (1, n, None) and n is not None for m, n in pairs):
            raise ValueError(f"Softmax: mask must broadcast to the inputs; received inputs of shape {inputs.shape} and a mask of shape {mask.shape}")
        if mask.dtype != "bool":
            mask = ops.greater(mask, 0.5)
        # A large negative number and not -inf, so that a row that is masked as a whole is not NaN before it becomes 0.
        outputs = activations.softmax(ops.where(mask, inputs, -1e9), axis=axis)
        return ops.where(mask, outputs, 0.0)
