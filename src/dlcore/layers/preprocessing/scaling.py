"""Normalization and Rescaling: columns on a common scale."""

import math

import numpy as np

from dlcore import config
from dlcore._kernels.array import reshape
from dlcore._kernels.binary import add, divide, maximum, multiply, subtract
from dlcore._kernels.cast import cast
from dlcore._kernels.elementwise import sqrt
from dlcore._kernels.tensor import convert
from dlcore.layers.base import Layer
from dlcore.layers.preprocessing.data import as_array, batches, is_array
from dlcore.utils.serialization import deserialize_keras_object


class Normalization(Layer):
    """Shifts and scales so that the data that it was adapted to has mean 0 and variance 1.

    ``y = (x - mean) / max(sqrt(variance), epsilon)``, with a mean and a variance for every place along `axis`.

    Args:
        axis: Axis or tuple of axes with statistics of their own; None for one mean and variance of everything.
        mean, variance: The statistics, if they are known; otherwise call :meth:`adapt`.
        invert: Whether to undo the normalization instead.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.Normalization()
        >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]], dtype="float32"))
        >>> layer(np.array([[2.0, 30.0]])).tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True
        self._build_input_shape = None
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization: mean and variance must be given together. Received: mean={mean}, variance={variance}")
        shapes = [() if value is None else np.shape(value) for value in (mean, variance)]
        if shapes[0] != shapes[1] or len(shapes[0]) > len(self.axis):
            raise ValueError(
                f"Normalization: mean and variance must have the same shape, of at most {len(self.axis)} axes (as many as `axis` names). "
                f"Received shapes {shapes[0]} and {shapes[1]} for axis={axis}"
            )

    def get_config(self):
        statistics = {"mean": self.input_mean, "variance": self.input_variance}
        statistics = {k: v if v is None else np.asarray(v).tolist() for k, v in statistics.items()}
        return {**super().get_config(), **statistics, "axis": self.axis, "invert": self.invert}

    def build(self, input_shape):
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(f"Normalization: every axis must lie in [{-rank}, {rank}). Received: axis={self.axis}, input_shape={tuple(input_shape)}")
        self._kept = tuple(sorted({a % rank for a in self.axis}))
        if any(input_shape[a] is None for a in self._kept):
            raise ValueError(f"Normalization: the axes with statistics of their own must have a known size. Received: axis={self.axis}, input_shape={tuple(input_shape)}")
        self._build_input_shape = tuple(input_shape)
        self._reduced = tuple(a for a in range(rank) if a not in self._kept)
        self._broadcast = tuple(input_shape[a] if a in self._kept else 1 for a in range(rank))
        if self.input_mean is None:
            sizes = tuple(input_shape[a] for a in self._kept)
            self.adapt_mean = self.add_weight(name="mean", shape=sizes, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=sizes, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)
        else:
            self._given = tuple(self._spread(value) for value in (self.input_mean, self.input_variance))

    def _spread(self, value):
        """Given statistics in the shape that broadcasts with the input."""
        value = np.asarray(value, dtype=self.compute_dtype)
        shape = [1] * len(self._broadcast)
        for i in range(1, value.ndim + 1):
            shape[self._kept[-i]] = value.shape[-i]
        return convert(np.ascontiguousarray(np.broadcast_to(value.reshape(shape), self._broadcast)))

    def _statistic(self, i):
        if self._build_input_shape is None:
            return None
        return reshape((self.adapt_mean, self.adapt_variance)[i], self._broadcast) if self.input_mean is None else self._given[i]

    @property
    def mean(self):
        """The mean in use, in the shape that broadcasts with the input; None before the layer is built."""
        return self._statistic(0)

    @property
    def variance(self):
        """The variance in use, in the shape that broadcasts with the input; None before the layer is built."""
        return self._statistic(1)

    def adapt(self, data):
        """Takes mean and variance from data.

        Args:
            data: An array, tensor or pandas frame of all samples, or an iterable of batches (x, or tuples that begin with x).

        Raises:
            ValueError: If there is no data, or its shape does not fit.
            TypeError: If `data` is something else.
        """
        if is_array(data):
            x = as_array(data)
            self._prepare(x.shape)
            mean, variance = np.mean(x, axis=self._reduced), np.var(x, axis=self._reduced)
        elif hasattr(data, "__iter__") or hasattr(data, "__getitem__"):
            mean, variance = self._of_batches(data)
        else:
            raise TypeError(f"adapt() takes an array, a tensor or an iterable of batches. Received: data of type {type(data)}")
        if self.input_mean is None:
            self.adapt_mean.assign(np.asarray(mean, dtype=self.variable_dtype))
            self.adapt_variance.assign(np.asarray(variance, dtype=self.variable_dtype))
        else:
            raise ValueError(f"Normalization: a layer with a given mean and variance cannot be adapted. Received: mean={self.input_mean}")

    def _prepare(self, shape):
        if math.prod(shape) == 0:
            raise ValueError(f"adapt() received data of shape {tuple(shape)}: there is nothing to take a mean of")
        if not self.built:
            self.build(tuple(shape))
        expected = self._build_input_shape
        if len(shape) != len(expected) or any(shape[a] != expected[a] for a in self._kept):
            raise ValueError(f"The layer was built with input_shape={expected}, but adapt() received data of shape {tuple(shape)}")

    def _of_batches(self, data):
        # Chan's update: mean and variance of all that was seen from those of two parts.
        count, mean, variance = 0, 0.0, 0.0
        for batch in batches(data):
            if not hasattr(batch, "shape"):
                raise TypeError(f"adapt() takes an iterable of arrays (with a `.shape`). Received an item of type {type(batch).__name__}")
            x = as_array(batch).astype(np.float64)
            self._prepare(x.shape)
            added = math.prod(x.shape[a] for a in self._reduced)
            part_mean, part_variance = x.mean(axis=self._reduced), x.var(axis=self._reduced)
            count += added
            share = added / count
            new = mean * (1 - share) + part_mean * share
            variance = (variance + (mean - new) ** 2) * (1 - share) + (part_variance + (part_mean - new) ** 2) * share
            mean = new
        if not count:
            raise ValueError("adapt() received an iterable without batches; expected at least one")
        return mean, variance

    def finalize_state(self):
        """Keras' last step of :meth:`adapt`; here the statistics are in use as soon as they are there."""

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs):
        deviation = maximum(sqrt(self.variance), config.epsilon())
        if self.invert:
            return add(self.mean, multiply(inputs, deviation))
        return divide(subtract(inputs, self.mean), deviation)

    def _convert(self, value):
        value = super()._convert(value)
        # Whole numbers, too, are computed in the layer's dtype.
        return cast(value, self.compute_dtype) if hasattr(value, "dtype") and value.dtype != "bool" else value

    def get_build_config(self):
        return {"input_shape": self._build_input_shape} if self._build_input_shape else None

    def build_from_config(self, config):
        if config:
            self.build(config["input_shape"])


class Rescaling(Layer):
    """``inputs * scale + offset``

    Args:
        scale: Number, or array that broadcasts with the input.
        offset: Number, or array that broadcasts with the input.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.Rescaling(1 / 255)(np.array([[0, 51, 255]], dtype="uint8")).numpy().round(3).tolist()
        [[0.0, 0.2..., 1.0]]
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, **{k: deserialize_keras_object(config[k]) for k in ("scale", "offset") if k in config}})

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs):
        scale, offset = self.scale, self.offset
        if not isinstance(scale, (int, float)):
            scale = np.asarray(scale, dtype=self.compute_dtype)
            if scale.ndim and config.image_data_format() == "channels_first":
                scale = scale.reshape(*scale.shape, *[1] * (3 - scale.ndim))
        if not isinstance(offset, (int, float)):
            offset = np.asarray(offset, dtype=self.compute_dtype)
        scaled = multiply(cast(inputs, self.compute_dtype), scale)
        return scaled if isinstance(offset, (int, float)) and offset == 0 else add(scaled, offset)
