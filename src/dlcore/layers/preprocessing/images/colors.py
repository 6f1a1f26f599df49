"""Layers that change the colours of images pixel by pixel. They work in NumPy and have no gradient."""

import numpy as np

from dlcore import random
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.tones import Colors
from dlcore.ops.image.colors import rgb_to_grayscale


class ArrayColors(Colors):
    """What they share: floating arrays to compute with, and one number for each image."""

    def _array(self, images):
        return np.asarray(self._floating(images))

    def _tensor(self, array):
        return convert(np.ascontiguousarray(array, self.compute_dtype))

    def _per_image(self, numbers):
        return np.asarray(numbers).reshape(-1, 1, 1, 1)

    def _stretched(self, array, old, new):
        """Values from one range to another."""
        if tuple(old) == tuple(new):
            return array
        return (array - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]


class RandomGrayscale(ArrayColors):
    """Takes the colour from some images in training.

    Args:
        factor: The share of the images, from 0 to 1.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible choices.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict. The dtype stays.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomGrayscale(1.0)(np.array([[[100, 0, 0]]], "uint8"), training=True).numpy().tolist()
        [[[29, 29, 29]]]
    """

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor
        self._begin_random(seed)

    def get_random_transformation(self, images, training=True, seed=None):
        return self._per_image(self._uniform((self._shape(images)[1],), seed=seed) < self.factor)

    def transform_images(self, images, transformation, training=True):
        images = convert(images)
        if not training:
            return images
        array = np.asarray(images)
        return convert(np.where(np.asarray(transformation), np.asarray(rgb_to_grayscale(images, self.data_format)), array).astype(array.dtype))

    def transform_labels(self, labels, transformations=None, **kwargs):
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformations=None, **kwargs):
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, **kwargs):
        return bounding_boxes

    def _output_dtype(self, images):
        return images.dtype


class RandomInvert(ArrayColors):
    """Turns some images into their negatives in training: the largest value minus the pixel.

    Args:
        factor: The range of the probability; a number stands for (0, number).
        value_range: The least and the largest value of a pixel.
        seed: Integer, or SeedGenerator, for reproducible choices.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomInvert((1.0, 1.0))(np.array([[[200.0]]]), training=True).tolist()
        [[[55.0]]]
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = value_range
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        return {"apply_inversion": self._chosen(data, seed)} if training else None

    def transform_images(self, images, transformation, training=True):
        if not training:
            return convert(images)
        x = self._array(images)
        return self._tensor(np.where(self._per_image(transformation["apply_inversion"]), self.value_range[1] - x, x))


class Solarization(ArrayColors):
    """Makes images brighter and inverts what lies above a threshold, in training.

    Args:
        addition_factor: The range of what is added, as part of the range of values; a number stands for (0, number).
        threshold_factor: The range of the threshold, likewise.
        value_range: The least and the largest value of a pixel.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.Solarization()(np.array([[[55.0], [0.0]]]), training=True).numpy().ravel().tolist()
        [200.0, 255.0]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(**kwargs)
        self._begin_random(seed)
        self.addition_factor = _share(addition_factor, "addition_factor")
        self.threshold_factor = _share(threshold_factor, "threshold_factor")
        self._set_value_range(value_range)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape = self._each(data)
        ends = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {name: self._uniform(shape, low, high * 255, seed, self.compute_dtype) for name, (low, high) in ends.items()}

    def transform_images(self, images, transformation, training=True):
        if not training or transformation is None:
            return self._floating(images)
        x = self._stretched(self._array(images), self.value_range, (0, 255))
        x = np.clip(x + np.asarray(transformation["additions"]), 0, 255)
        x = np.where(x < np.asarray(transformation["thresholds"]), x, 255 - x)
        return self._tensor(self._stretched(x, (0, 255), self.value_range))


def _share(factor, name):
    """The two ends of a range in [0, 1]; a number stands for (0, number)."""
    ends = tuple(factor) if isinstance(factor, (tuple, list)) else (0, factor)
    if len(ends) != 2 or not all(isinstance(f, (int, float, np.number)) and 0 <= f <= 1 for f in ends):
        raise ValueError(f"The `addition_factor` and `threshold_factor` arguments should be a number (or a list of two numbers) in the range [0, 1]. Received: {name}={factor!r}")
    return tuple(sorted(ends))


class RandomPosterization(ArrayColors):
    """Keeps only the first bits of the colours in training.

    Args:
        factor: How many of 8 bits are kept: a range (the upper end is not reached), or a number for (1, number).
        value_range: The least and the largest value of a pixel.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomPosterization((2, 2))(np.array([[[200.0]]]), training=True).tolist()
        [[[192.0]]]
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (1, 8)

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_value_range(value_range)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        n = self._shape(data)[1]
        low, high = self.factor
        bits = random.randint((n,), low, high, seed=self.generator if seed is None else seed) if low != high else np.full(n, low)
        return {"shift_factor": (8 - bits).astype(np.uint8)}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return convert(images)
        shift = self._per_image(transformation["shift_factor"]).astype(np.uint8)
        x = self._stretched(self._array(images), self.value_range, (0, 255)).astype(np.int64).astype(np.uint8)
        return self._tensor(self._stretched((x >> shift << shift).astype(self.compute_dtype), (0, 255), self.value_range))


class AutoContrast(ArrayColors):
    """Stretches every channel of every image to the whole range of values, in training and in inference.

    Args:
        value_range: The least and the largest value of a pixel.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.AutoContrast()(np.array([[[10.0], [20.0], [30.0]]])).numpy().ravel().tolist()
        [0.0, 127.5, 255.0]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(**kwargs)
        self._set_value_range(value_range)

    def transform_images(self, images, transformation=None, training=True):
        x = self._array(images)
        low, high = self.value_range
        axis = (-2, -1) if self.data_format == "channels_first" else (-3, -2)
        least, most = x.min(axis=axis, keepdims=True, initial=np.inf), x.max(axis=axis, keepdims=True, initial=-np.inf)
        flat = least == most
        scale = (high - low) / np.where(flat, 1, most - least)
        return self._tensor(np.where(flat, x, np.clip((x - least) * scale + low, low, high)))


class Equalization(ArrayColors):
    """Makes all values of a channel about equally frequent in the batch, in training.

    Args:
        value_range: The least and the largest value of a pixel.
        bins: How many values are told apart.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.Equalization()(np.array([[[10.0], [20.0], [30.0]]]), training=True).numpy().ravel().tolist()
        [0.0, 128.0, 255.0]
    """

    def __init__(self, value_range=(0, 255), bins=256, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if not isinstance(bins, (int, np.integer)) or bins < 1:
            raise ValueError(f"Equalization: bins must be a positive whole number. Received: bins={bins!r}")
        self.bins = bins
        self._set_value_range(value_range)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return convert(images)
        x = self._stretched(self._array(images), self.value_range, (0, 255))
        axis = -3 if self.data_format == "channels_first" else -1
        out = [self._equalized(channel) for channel in np.moveaxis(x, axis, 0)]
        return self._tensor(self._stretched(np.stack(out, axis), (0, 255), self.value_range) if out else x)

    def _equalized(self, x):
        if x.size == 0:
            return x
        places = np.clip(np.trunc(x.astype(np.float32) * (self.bins - 1) / 255), 0, self.bins - 1).astype(np.int64)
        count = np.bincount(places.ravel(), minlength=self.bins)
        if np.count_nonzero(count) <= 1:
            return x
        total = np.cumsum(count)
        first = total[np.flatnonzero(total)[0]]
        table = np.clip(np.rint((total - first) * 255 / max(total[-1] - first, 1)), 0, 255)
        return table[np.clip(x / 255.0 * (self.bins - 1), 0, self.bins - 1).astype(np.int64)].astype(x.dtype)
