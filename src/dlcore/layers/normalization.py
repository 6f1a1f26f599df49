"""Normalization layers: of each sample or row by itself. (Over the batch: batch_normalization.py.)"""

import warnings

from dlcore import constraints, initializers, regularizers
from dlcore._kernels.channelnorm import normalize_channels  # not through ops: a layer's call is recorded as a whole
from dlcore._kernels.rownorm import layer_normalization, normalize, normalized_by_deviation, rms_normalization
from dlcore.layers.base import InputSpec, Layer


class _Normalization(Layer):
    """A layer whose output has the shape of its input."""

    def compute_output_shape(self, input_shape):
        self._sizes(input_shape)
        return input_shape

    def _sizes(self, input_shape):
        """The sizes along `axis`."""
        axes = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        for axis in axes:
            if not -len(input_shape) <= axis < len(input_shape):
                raise ValueError(f"Axis {axis} is out of bounds for input shape {input_shape}. Received: axis={self.axis}")
        return tuple([input_shape[axis] for axis in axes])

    def _add_scale_and_offset(self, shape):
        """gamma and beta, or None where `scale` or `center` is not set."""
        if None in shape:
            raise ValueError(f"Layer {self.name!r}: the input must have a known size along axis={self.axis}; received sizes {shape}")
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(name="gamma", shape=shape, initializer=self.gamma_initializer,
                                         regularizer=self.gamma_regularizer, constraint=self.gamma_constraint)
        if self.center:
            self.beta = self.add_weight(name="beta", shape=shape, initializer=self.beta_initializer,
                                        regularizer=self.beta_regularizer, constraint=self.beta_constraint)

    def _take_options(self, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                      beta_constraint, gamma_constraint):
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)


class LayerNormalization(_Normalization):
    """Normalizes each sample along axes to mean 0 and variance 1, then scales and shifts: the same in training and inference.

    ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta``

    Args:
        axis: Axis or axes that are normalized together; gamma and beta have an element for each of their elements.
        epsilon: Added to the variance.
        center: Whether there is an offset beta.
        scale: Whether there is a scale gamma.
        beta_initializer, gamma_initializer: Initializers.
        beta_regularizer, gamma_regularizer: Penalties.
        beta_constraint, gamma_constraint: Constraints applied after each update.
        rms_scaling: Deprecated: leave out the mean and beta.

    References:
        Ba, Kiros and Hinton, "Layer normalization", 2016.

    Example:
        >>> import dlcore
        >>> dlcore.layers.LayerNormalization(epsilon=0.0)([[1.0, 5.0]]).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        rms_scaling = kwargs.pop("rms_scaling", False)
        if rms_scaling:
            warnings.warn("LayerNormalization(rms_scaling=True) is deprecated: it divides by the standard deviation, not by the root mean "
                          "square. Use RMSNormalization", stacklevel=2)
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self._take_options(epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                           beta_constraint, gamma_constraint)
        self.rms_scaling = rms_scaling
        self.supports_masking = True

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        sizes = self._sizes(input_shape)
        if self.rms_scaling:
            self.scale, self.center = True, False
        self._add_scale_and_offset(sizes)

    def call(self, inputs):
        if self.rms_scaling:
            return normalized_by_deviation(inputs, self.gamma, self.axis, self.epsilon)
        return layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self):
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class GroupNormalization(_Normalization):
    """Normalizes groups of channels of each sample to mean 0 and variance 1, then scales and shifts every channel.

    Args:
        groups: Number of groups; it divides the number of channels. -1: every channel is one (instance normalization).
        axis: The axis of the channels; not that of the batch.
        epsilon: Added to the variance.
        center: Whether there is an offset beta.
        scale: Whether there is a scale gamma.
        beta_initializer, gamma_initializer: Initializers.
        beta_regularizer, gamma_regularizer: Penalties.
        beta_constraint, gamma_constraint: Constraints applied after each update.

    References:
        Wu and He, "Group normalization", ECCV 2018.

    Example:
        >>> import dlcore
        >>> dlcore.layers.GroupNormalization(groups=2, epsilon=0.0)([[1.0, 5.0, 2.0, 4.0]]).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        if not isinstance(groups, int) or groups <= 0 and groups != -1:
            raise ValueError("Received an invalid value for argument `groups`, expected a positive integer (or `-1` for instance "
                             f"normalization). Received: groups={groups}")
        super().__init__(**kwargs)
        self.groups = groups
        self.axis = axis
        self._take_options(epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                           beta_constraint, gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape):
        (channels,) = self._sizes(input_shape)
        if self.axis in (0, -len(input_shape)):
            raise ValueError(f"GroupNormalization: axis must be that of the channels, not of the batch; received axis={self.axis} "
                             f"and input shape {input_shape}")
        if not channels:
            raise ValueError(f"Axis {self.axis} of input tensor should have a defined dimension of at least 1 but the layer received an input with shape {input_shape}.")
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ValueError(f"Number of groups ({self.groups}) cannot be more than the number of channels ({channels}).")
        if channels % self.groups:
            raise ValueError(f"Number of groups ({self.groups}) must divide the number of channels ({channels}).")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_offset((channels,))

    def call(self, inputs):
        return normalize_channels(inputs, self.gamma, self.beta, self.axis, self.epsilon, self.groups)


class RMSNormalization(_Normalization):
    """Divides each sample along axes by its root mean square, then scales.

    ``y = scale x / sqrt(mean(x^2) + epsilon)``

    Args:
        axis: Axis or axes that are normalized together.
        epsilon: Added to the mean square.

    References:
        Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RMSNormalization(epsilon=0.0)([[3.0, 3.0]]).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self.axis = sorted(self.axis) if isinstance(self.axis, (list, tuple)) else [self.axis]
        sizes = self._sizes(input_shape)
        if None in sizes:
            raise ValueError(f"RMSNormalization: the input must have a known size along axis={self.axis}; received input shape {input_shape}")
        self.scale = self.add_weight(name="scale", shape=sizes, initializer="ones")

    def call(self, x):
        return rms_normalization(x, self.scale, self.axis, self.epsilon)


class UnitNormalization(_Normalization):
    """Divides each sample along axes by its length, so that it has length 1.

    Args:
        axis: Axis or axes along which the length is taken.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.layers.UnitNormalization()([[3.0, 4.0]]).numpy()[0].tolist()]
        [0.6, 0.8]
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: axis={axis}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return normalize(inputs, self.axis, 2, 1e-12)
