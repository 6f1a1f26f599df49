"""Layers that change the brightness and contrast of images: RandomBrightness and RandomContrast."""

import numpy as np

from dlcore._kernels.array import reshape
from dlcore._kernels.cast import cast
from dlcore._kernels.image import tone_images
from dlcore._kernels.reduce import mean
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer


class Colors(BaseImagePreprocessingLayer):
    """What layers share that move nothing: masks and boxes stay as they are."""

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return segmentation_masks

    def _set_value_range(self, value_range):
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(f"The `value_range` argument should be a list of two numbers. Received: value_range={value_range}")
        self.value_range = sorted(value_range)

    def _each(self, data):
        """The shape of one number for each image."""
        shape, n = self._shape(data)
        return (n, 1, 1, 1) if len(shape) == 4 else (1, 1, 1)

    def _toned(self, images, factor, shift, centre, low, high):
        """Contrast and brightness in one pass (see tone_images); a centre of None stands for the mean of every channel."""
        shape = images.shape
        batch = shape if len(shape) == 4 else (1, *shape)
        numbers = [np.broadcast_to(np.asarray(v, np.float64).ravel(), batch[:1]) for v in (factor, shift)]
        if self.data_format == "channels_first":        # every channel is an image of its own
            numbers = [np.repeat(v, batch[1]) for v in numbers]
            batch = (batch[0] * batch[1], *batch[2:], 1)
        x = reshape(images, batch)
        centre = mean(x, axis=(1, 2)) if centre is None else np.full((batch[0], batch[3]), centre, images.dtype)
        return reshape(tone_images(x, centre, *numbers, low, high), shape)


class RandomContrast(Colors):
    """Changes the contrast of images in training: ``y = (x - mean) f + mean``, with the mean of each channel of each image.

    Args:
        factor: The two ends of a range (lower, upper): f is drawn from [1 - lower, 1 + upper]; a single number is the upper
            one, the lower one is 0 then. Both lie in [0, 1].
        value_range: The least and the largest value of a pixel; results are cut to it.
        seed: Integer, or SeedGenerator, for reproducible factors.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to change the contrast.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomContrast((0, 0.5))
        >>> layer.transform_images(np.array([[[[1.0], [3.0]]]]), {"contrast_factor": 1.5}).numpy().ravel().tolist()
        [0.5, 3.5]
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(**kwargs)
        self._set_factor(factor)
        self.value_range = value_range
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        shape = self._each(data)
        if not training:
            return {"contrast_factor": np.zeros(shape, self.compute_dtype)}
        return {"contrast_factor": self._uniform(shape, 1.0 - self.factor[0], 1.0 + self.factor[1], seed, self.compute_dtype)}

    def transform_images(self, images, transformation, training=True):
        if not training:
            return convert(images)
        return self._toned(self._floating(images), transformation["contrast_factor"], 0.0, None, *self.value_range)


class RandomBrightness(Colors):
    """Makes images brighter or darker in training.

    Args:
        factor: How much, as part of the range of values: a number (both ways), or the two ends of a range, in [-1, 1].
        value_range: The least and the largest value of a pixel; results are cut to it.
        seed: Integer, or SeedGenerator, for reproducible shifts.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict. Whole numbers stay whole.
        training: Whether to change the brightness.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomBrightness((0.1, 0.1))
        >>> layer(np.array([[[100.0], [250.0]]]), training=True).numpy().ravel().tolist()
        [125.5, 255.0]
    """

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor=factor, **kwargs)
        self._begin_random(seed)
        self._set_value_range(value_range)

    def get_random_transformation(self, data, training=True, seed=None):
        shape = self._each(data)
        if not training:
            return {"rgb_delta": np.zeros(shape, self.compute_dtype)}
        low, high = self.value_range
        return {"rgb_delta": self._uniform(shape, *self.factor, seed) * (high - low)}

    def transform_images(self, images, transformation, training=True):
        images = convert(images)
        if not training:
            return images
        delta, (low, high) = np.asarray(transformation["rgb_delta"]), self.value_range
        name = str(images.dtype)
        if "float" in name:
            return self._toned(self._floating(images) if name == "float16" else images, 1.0, delta, 0.0, low, high)
        if name == "bool":
            raise ValueError(f"RandomBrightness: expected images of numbers. Received: shape {tuple(images.shape)} and dtype bool")
        limits = np.iinfo(name)
        wide = cast(images, "float32" if limits.bits < 32 else "float64")
        return cast(self._toned(wide, 1.0, np.trunc(delta), 0.0, max(low, limits.min), min(high, limits.max)), name)

    def _output_dtype(self, images):
        return self.compute_dtype if "float" in str(images.dtype) else images.dtype
