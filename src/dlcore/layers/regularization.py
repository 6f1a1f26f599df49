"""Layers that act only in training: noise that keeps a network from relying on single numbers."""

import numpy as np

from dlcore import config
from dlcore._kernels.dropout import alpha_dropout, dropout
from dlcore._kernels.noise import gaussian_dropout, gaussian_noise
from dlcore.layers.base import InputSpec, Layer
from dlcore.random import SeedGenerator
from dlcore.regularizers import L1L2
from dlcore.utils.serialization import deserialize_keras_object


class _Random(Layer):
    """What they share: a share or size between 0 and 1, and a generator of random numbers unless it is 0."""

    def _begin(self, name, value, seed, below_one=False):
        if not isinstance(value, (int, float, np.floating)) or not 0 <= value <= 1 or below_one and value == 1:
            expected = "at least 0 and less than 1" if below_one else "between 0 and 1"
            raise ValueError(f"Invalid value received for argument `{name}`. Expected a float value {expected}. Received: {name}={value!r}")
        self.seed = seed = deserialize_keras_object(seed) if isinstance(seed, dict) else seed
        self.supports_masking = True
        if value > 0:
            self.seed_generator = seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)

    def build(self, input_shape):
        self.built = True


def _noise_shape(noise_shape):
    if noise_shape is None:
        return None
    try:
        shape = () if isinstance(noise_shape, str) else tuple(noise_shape)
    except TypeError:
        shape = ()
    if not shape or any(n is not None and (not isinstance(n, int) or n <= 0) for n in shape):
        raise ValueError(f"Invalid value received for argument `noise_shape`. Expected a tuple of positive integers or None. Received: noise_shape={noise_shape!r}")
    return shape


class Dropout(_Random):
    """Sets a random share of the inputs to zero in training and scales the rest by 1 / (1 - rate).

    Args:
        rate: Share, between 0 and 1.
        noise_shape: Shape of the mask, to be broadcast (``None`` or 1 for axes with one decision for all).
        seed: Integer, or SeedGenerator, for reproducible masks.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._begin("rate", rate, seed)
        self.rate = rate
        self.noise_shape = _noise_shape(noise_shape)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        key, counter = self.seed_generator.draw()
        return dropout(inputs, self.rate, key, counter, self.noise_shape)


class _SpatialDropout(Dropout):
    def __init__(self, rate, data_format, noise_shape, seed, name, dtype):
        if data_format == "channels_first":
            noise_shape = (None, None, *noise_shape[1:-1])
        super().__init__(rate, noise_shape=noise_shape, seed=seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=len(noise_shape))

    def get_config(self):
        own = super().get_config()
        return own | {"data_format": self.data_format} if "data_format" in own else own


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences (batch, steps, channels).

    Neighbouring steps resemble one another, so single numbers that are dropped could be read off their neighbours.

    Args:
        rate: Share of the channels, between 0 and 1.
        seed: Integer, or SeedGenerator, for reproducible masks.
        name: Name.
        dtype: ``"float32"`` or ``"float64"``.

    Call arguments:
        inputs: Tensor of rank 3.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Tompson et al. 2014, https://arxiv.org/abs/1411.4280

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.SpatialDropout1D(0.5, seed=1)(dlcore.ops.ones((1, 3, 8)), training=True).numpy()
        >>> bool((y == y[:, :1]).all())
        True
    """

    def __init__(self, rate, seed=None, name=None, dtype=None):
        super().__init__(rate, "channels_last", (None, 1, None), seed, name, dtype)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images (batch, height, width, channels).

    Args:
        rate: Share of the channels, between 0 and 1.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``dlcore.config.image_data_format()`` by default.
        seed: Integer, or SeedGenerator, for reproducible masks.
        name: Name.
        dtype: ``"float32"`` or ``"float64"``.

    Call arguments:
        inputs: Tensor of rank 4.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Tompson et al. 2014, https://arxiv.org/abs/1411.4280

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.SpatialDropout2D(0.5, seed=1)(dlcore.ops.ones((1, 3, 3, 8)), training=True).numpy()
        >>> bool((y == y[:, :1, :1]).all())
        True
    """

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        self.data_format = config.standardize_data_format(data_format)
        super().__init__(rate, self.data_format, (None, 1, 1, None), seed, name, dtype)


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes (batch, depth, height, width, channels).

    Args:
        rate: Share of the channels, between 0 and 1.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``dlcore.config.image_data_format()`` by default.
        seed: Integer, or SeedGenerator, for reproducible masks.
        name: Name.
        dtype: ``"float32"`` or ``"float64"``.

    Call arguments:
        inputs: Tensor of rank 5.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Tompson et al. 2014, https://arxiv.org/abs/1411.4280

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.SpatialDropout3D(0.5, seed=1)(dlcore.ops.ones((1, 2, 3, 3, 8)), training=True).numpy()
        >>> bool((y == y[:, :1, :1, :1]).all())
        True
    """

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        self.data_format = config.standardize_data_format(data_format)
        super().__init__(rate, self.data_format, (None, 1, 1, 1, None), seed, name, dtype)


class AlphaDropout(_Random):
    """Dropout for networks of selu: keeps mean 0 and variance 1 of its inputs.

    What is dropped becomes selu's limit for large negative inputs, and all is then shifted and scaled.

    Args:
        rate: Share, at least 0 and less than 1.
        noise_shape: Shape of the mask, to be broadcast (``None`` or 1 for axes with one decision for all).
        seed: Integer, or SeedGenerator, for reproducible masks.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Klambauer et al. 2017, https://arxiv.org/abs/1706.02515

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.AlphaDropout(0.5, seed=1)(dlcore.ops.zeros((100, 100)), training=True).numpy()
        >>> len(set(y.ravel().tolist()))
        2
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._begin("rate", rate, seed, below_one=True)
        self.rate = rate
        self.noise_shape = _noise_shape(noise_shape)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        key, counter = self.seed_generator.draw()
        return alpha_dropout(inputs, self.rate, key, counter, self.noise_shape)


class GaussianDropout(_Random):
    """Multiplies by normal noise of mean 1 and standard deviation sqrt(rate / (1 - rate)) in training.

    Args:
        rate: The rate of the dropout whose variance the noise has, at least 0 and less than 1.
        seed: Integer, or SeedGenerator, for reproducible noise.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether to multiply; by default what the surrounding model does.

    References:
        Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.GaussianDropout(0.2, seed=1)(dlcore.ops.ones((100, 100)), training=True).numpy()
        >>> round(float(y.std()), 1)
        0.5
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._begin("rate", rate, seed, below_one=True)
        self.rate = rate

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        key, counter = self.seed_generator.draw()
        return gaussian_dropout(inputs, self.rate, key, counter)


class GaussianNoise(_Random):
    """Adds normal noise of mean 0 in training.

    Args:
        stddev: Standard deviation, between 0 and 1.
        seed: Integer, or SeedGenerator, for reproducible noise.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether to add noise; by default what the surrounding model does.

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.GaussianNoise(0.5, seed=1)(dlcore.ops.ones((100, 100)), training=True).numpy()
        >>> round(float(y.std()), 1)
        0.5
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(**kwargs)
        self._begin("stddev", stddev, seed)
        self.stddev = stddev

    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        key, counter = self.seed_generator.draw()
        return gaussian_noise(inputs, self.stddev, key, counter)


class ActivityRegularization(Layer):
    """Passes its inputs on and adds a penalty on them to the loss: l1 sum |x| + l2 sum x^2, divided by the batch size.

    Args:
        l1: Factor of the absolute values.
        l2: Factor of the squares.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.ActivityRegularization(l1=0.5)
        >>> y = layer(dlcore.ops.ones((2, 3)))
        >>> layer.losses[0].item()
        1.5
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs):
        return inputs
