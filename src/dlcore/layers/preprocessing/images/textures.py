"""Layers that sharpen, blur and erase. They work in NumPy, and the blur on the kernels of resizing."""

import numpy as np

from dlcore import random
from dlcore.layers.preprocessing.images.base import two_ends
from dlcore.layers.preprocessing.images.colors import ArrayColors
from dlcore.ops.image.filters import gaussian_blur


class RandomSharpness(ArrayColors):
    """Makes images sharper or softer in training.

    Args:
        factor: The range of the sharpness, in [0, 1]: a number for (0, number); 0.5 changes nothing, 0 is softest.
        value_range: The least and the largest value of a pixel; results are cut to it.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomSharpness((0.5, 0.5))(np.array([[[3.0], [7.0]]]), training=True).numpy().ravel().tolist()
        [3.0, 7.0]
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_value_range(value_range)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        return {"factor": self._uniform((self._shape(data)[1],), *self.factor, seed)}

    def transform_images(self, images, transformation=None, training=True):
        images = self._floating(images)
        if not training:
            return images
        x = np.asarray(images)
        down, across = (-2, -1) if self.data_format == "channels_first" else (-3, -2)
        around = x
        for axis in (down, across):             # the sum of 3 x 3 pixels, with zeros beyond the border
            width = [(0, 0)] * x.ndim
            width[axis] = (1, 1)
            wide = np.moveaxis(np.pad(around, width), axis, 0)
            around = np.moveaxis(wide[:-2] + wide[1:-1] + wide[2:], 0, axis)
        smooth = (around + 4 * x) / 13
        softness = 1 - 2 * self._per_image(transformation["factor"]).astype(x.dtype)
        return self._tensor(np.clip(x + softness * (smooth - x), *self.value_range))


class RandomGaussianBlur(ArrayColors):
    """Blurs some images in training.

    Args:
        factor: The range of the probability; a number stands for (0, number).
        kernel_size: The size of the Gaussian in pixels: an odd number, or two of them.
        sigma: The range of its standard deviation, in [0, 1]; a number stands for (0, number).
        value_range: The least and the largest value of a pixel; results are cut to it.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandomGaussianBlur()(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor=1.0, kernel_size=3, sigma=1.0, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        if len(sizes) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 and n % 2 for n in sizes):
            raise ValueError(f"kernel_size must be an odd number, or two of them. Received: kernel_size={kernel_size}")
        self.kernel_size = sizes
        self.sigma = two_ends(sigma, "sigma", 0, 1)
        self.value_range = value_range
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        chosen = self._chosen(data, seed)
        return {"should_apply_blur": chosen, "blur_factor": self._uniform((2,), *self.sigma, seed, self.compute_dtype) + np.asarray(1e-6, self.compute_dtype)}

    def transform_images(self, images, transformation=None, training=True):
        images = self._floating(images)
        if not training or transformation is None:
            return images
        blurred = gaussian_blur(images, self.kernel_size, np.asarray(transformation["blur_factor"]), self.data_format)
        chosen = self._per_image(transformation["should_apply_blur"])
        return self._tensor(np.clip(np.where(chosen, blurred, images), *self.value_range))


class RandomErasing(ArrayColors):
    """Paints over a random rectangle of some images in training.

    Args:
        factor: The range of the probability; a number stands for (0, number).
        scale: The range of the squares of the sides, as parts of width and height: two numbers in [0, 1], or one for (0, number).
        fill_value: What to paint with: a number, three of them for the channels, or None for noise.
        value_range: The least and the largest value of a pixel.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    References:
        Zhong et al., "Random erasing data augmentation", https://arxiv.org/abs/1708.04896

    Example:
        >>> import dlcore
        >>> y = dlcore.layers.RandomErasing((1.0, 1.0), (0.25, 0.25), fill_value=0)(dlcore.ops.ones((8, 8, 1)), training=True).numpy()
        >>> float(y.mean())
        0.75
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = two_ends(scale, "scale", 0, 1)
        several = isinstance(fill_value, (tuple, list))
        if fill_value is not None and (len(fill_value) != 3 if several else not isinstance(fill_value, (int, float, np.number))):
            raise ValueError(f"The `fill_value` argument should be a number (or a list of three numbers). Received: fill_value={fill_value!r}")
        self.fill_value = fill_value
        self.value_range = value_range
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        height, width = self._size(shape)
        sides = np.sqrt(self._uniform((n, 2), *self.scale, seed, self.compute_dtype))
        masks, _ = random_boxes(self, shape, n, sides[:, 0] * width, sides[:, 1] * height, seed)
        chosen = self._chosen(data, seed)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": self._paint(shape, seed)}

    def _paint(self, shape, seed):
        if self.fill_value is None:
            paint = random.normal(shape, dtype=self.compute_dtype, seed=self.generator if seed is None else seed) * self.value_range[1]
        else:
            paint = np.asarray(self.fill_value, self.compute_dtype)
            if paint.ndim and self.data_format == "channels_first":
                paint = paint[:, None, None]
            paint = np.broadcast_to(paint, shape)
        return np.clip(paint, *self.value_range).astype(self.compute_dtype)

    def transform_images(self, images, transformation=None, training=True):
        images = self._floating(images)
        if not training:
            return images
        erase = np.asarray(transformation["batch_masks"]) & self._per_image(transformation["apply_erasing"])
        return self._tensor(np.where(erase, np.asarray(transformation["fill_value"]), images))


def random_boxes(layer, shape, n, width, height, seed):
    """Boxes of sizes (n,) at random places within images.

    Returns:
        Whether a pixel lies in the box, of the shape of a batch; and the areas of the boxes, (n,).
    """
    rows, columns = layer._size(shape)
    left = layer._uniform((n,), 0, 1, seed, layer.compute_dtype) * (columns - width)
    top = layer._uniform((n,), 0, 1, seed, layer.compute_dtype) * (rows - height)
    right, bottom = left + width, top + height
    y, x = np.arange(rows)[:, None], np.arange(columns)
    left, right, top, bottom = (v.reshape(-1, 1, 1) for v in (left, right, top, bottom))
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    axis = 1 if layer.data_format == "channels_first" else 3
    channels = shape[-3] if layer.data_format == "channels_first" else shape[-1]
    area = (right - left) * (bottom - top)
    return np.repeat(np.expand_dims(inside, axis), channels, axis), area.ravel()
