"""BatchNormalization: every channel to mean 0 and variance 1 over the batch."""

import numpy as np

from dlcore import config, initializers, ops
from dlcore._kernels.channelnorm import batch_normalization, normalize_channels, normalize_with  # not through ops: a layer's call is recorded as a whole
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import InputSpec
from dlcore.layers.normalization import _Normalization


class BatchNormalization(_Normalization):
    """Normalizes every channel: in training with the statistics of the batch, in inference with their moving averages.

    ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta``

    A frozen layer (``trainable = False``) uses the moving averages in training, too, and leaves them as they are.

    Args:
        axis: The axis of the channels.
        momentum: Share that the moving averages keep of their old values.
        epsilon: Added to the variance.
        center: Whether there is an offset beta.
        scale: Whether there is a scale gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: Initializers.
        beta_regularizer, gamma_regularizer: Penalties.
        beta_constraint, gamma_constraint: Constraints applied after each update.
        renorm: Whether to correct the batch's statistics towards moving ones in training (batch renormalization).
        renorm_clipping: Dict with bounds of that correction: ``"rmax"``, ``"rmin"``, ``"dmax"``.
        renorm_momentum: Momentum of the averages that the correction uses.
        synchronized: Must be False: there is one device.

    Call arguments:
        inputs: Tensor of rank 2 or more.
        training: Whether to use, and follow, the statistics of the batch.
        mask: Boolean tensor of the shape of inputs without the last axis; where it is False, elements do not count for the statistics.

    References:
        Ioffe and Szegedy, "Batch normalization", ICML 2015; Ioffe, "Batch renormalization", NeurIPS 2017.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.BatchNormalization(epsilon=0.0)
        >>> layer([[1.0], [5.0]], training=True).tolist()
        [[-1.0], [1.0]]
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 moving_mean_initializer="zeros", moving_variance_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, renorm=False, renorm_clipping=None, renorm_momentum=0.99,
                 synchronized=False, **kwargs):
        super().__init__(**kwargs)
        if synchronized:
            raise ValueError("Argument synchronized=True is not supported: there is one device. Pass synchronized=False")
        self.axis = int(axis)
        self.momentum = float(momentum)
        self._take_options(epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer,
                           beta_constraint, gamma_constraint)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.supports_masking = True
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = _checked_clipping(renorm_clipping or {}) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    def build(self, input_shape):
        shape = self._sizes(input_shape)
        self._add_scale_and_offset(shape)

        def statistic(name, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=False)

        self.moving_mean = statistic("moving_mean", self.moving_mean_initializer)
        self.moving_variance = statistic("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            deviation = np.sqrt(np.asarray(self.moving_variance))
            self.moving_stddev = statistic("moving_stddev", lambda shape, dtype=None: deviation)
            self.renorm_mean = statistic("renorm_mean", lambda shape, dtype=None: np.asarray(self.moving_mean))
            self.renorm_stddev = statistic("renorm_stddev", lambda shape, dtype=None: deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs, training=None, mask=None):
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError("The mask provided should be one dimension less than the inputs. "
                             f"Received: mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}")
        if inputs.dtype is not self.compute_dtype:
            inputs = ops.cast(inputs, self.compute_dtype)
        if not training or not self._trainable:
            return batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon)
        if mask is None and not self.renorm:
            return normalize_channels(inputs, self.gamma, self.beta, self.axis, self.epsilon, 0,
                                      self.moving_mean, self.moving_variance, self.momentum)
        return self._composed(inputs, mask)

    def activated(self, inputs, training, activation):
        """`call` and an elementwise activation as one op; None where there is no such op.

        Args:
            inputs: Tensor of this layer's dtype, without a mask.
            training: As in `call`.
            activation: Code of the activation (`activations.fused_code`).
        """
        if not training or not self._trainable:
            return normalize_with(inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon, activation)
        if self.renorm:
            return None
        return normalize_channels(inputs, self.gamma, self.beta, self.axis, self.epsilon, 0,
                                  self.moving_mean, self.moving_variance, self.momentum, activation)

    # ------------------------------------------------------------------------------------- with a mask or renormalization

    def _composed(self, inputs, mask):
        if isinstance(inputs, KerasTensor) or inputs.shape.count(0):
            return batch_normalization(inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon)
        mean, variance = self._moments(inputs, mask)
        gamma, beta = self.gamma, self.beta
        if self.renorm:
            gamma, beta = self._renormalize(mean.numpy(), variance.numpy())
        else:
            _follow(self.moving_mean, mean.numpy(), self.momentum)
            _follow(self.moving_variance, variance.numpy(), self.momentum)
        return batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)

    def _moments(self, inputs, mask):
        axes = [i for i in range(len(inputs.shape)) if i != self.axis % len(inputs.shape)]
        if mask is None:
            return ops.moments(inputs, axes)
        valid = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), inputs.shape)
        count = ops.sum(ops.cast(valid, inputs.dtype), axes, keepdims=True) + config.epsilon()
        mean = ops.sum(ops.where(valid, inputs, 0.0), axes, keepdims=True) / count
        variance = ops.sum(ops.square(ops.where(valid, inputs - mean, 0.0)), axes, keepdims=True) / count
        return ops.ravel(mean), ops.ravel(variance)

    def _renormalize(self, mean, variance):
        """gamma and beta that correct the batch's statistics towards the moving ones, which follow. No gradient passes the correction."""
        deviation = np.sqrt(variance + self.epsilon)
        moving = np.maximum(self.renorm_stddev.numpy(), np.sqrt(self.epsilon)).astype(mean.dtype)
        r = deviation / moving
        d = (mean - self.renorm_mean.numpy()) / moving
        bounds = self.renorm_clipping or {}
        r = np.clip(r, bounds.get("rmin"), bounds.get("rmax")) if {"rmin", "rmax"} & set(bounds) else r
        d = np.clip(d, -bounds["dmax"], bounds["dmax"]) if "dmax" in bounds else d
        _follow(self.renorm_mean, mean, self.renorm_momentum)
        _follow(self.renorm_stddev, deviation, self.renorm_momentum)
        _follow(self.moving_mean, mean, self.momentum)
        _follow(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(np.maximum(self.moving_stddev.numpy() ** 2 - self.epsilon, 0))
        gamma = r if self.gamma is None else self.gamma * r
        beta = d if self.gamma is None else self.gamma * d
        return gamma, beta if self.beta is None else self.beta + beta


def _follow(variable, value, momentum):
    variable.assign(variable.numpy() * momentum + value * (1 - momentum))


def _checked_clipping(bounds):
    if set(bounds) - {"rmax", "rmin", "dmax"}:
        raise ValueError(f"Received invalid keys for `renorm_clipping` argument: {bounds}. Supported values: ['rmax', 'rmin', 'dmax'].")
    bounds = {key: value for key, value in bounds.items() if value is not None}
    if bounds.get("rmax", np.inf) < bounds.get("rmin", -np.inf):
        raise ValueError(f"rmax should be greater than rmin in the `renorm_clipping` argument. Received: rmax={bounds['rmax']}, rmin={bounds['rmin']}.")
    if bounds.get("dmax", 0) < 0:
        raise ValueError(f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={bounds['dmax']}.")
    return bounds
