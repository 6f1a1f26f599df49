"""Layers that shear and bend images: RandomShear, RandomPerspective and RandomElasticTransform."""

import numpy as np

from dlcore import random
from dlcore._kernels.compare import where
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.affine import Affine, maps
from dlcore.layers.preprocessing.images.base import two_ends
from dlcore.layers.preprocessing.images.boxes import through
from dlcore.ops.image.filters import elastic_transform
from dlcore.ops.image.geometry import homography, perspective_transform


class RandomShear(Affine):
    """Shears images in training.

    Args:
        x_factor: How far the rows are moved, as part of their distance from the top: two numbers in [0, 1], or one for both ways.
        y_factor: The same for columns.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: What is beyond the border: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        fill_value: What ``"constant"`` fills with.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to shear.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandomShear(0.2)(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _USE_BASE_FACTOR = False

    def __init__(self, x_factor=0.0, y_factor=0.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor, self.y_factor = self._ends(x_factor, "x_factor"), self._ends(y_factor, "y_factor")
        self._begin(fill_mode, interpolation, seed, fill_value)

    def _ends(self, factor, name):
        ends = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
        # The negative end is what a configuration holds for a single number.
        mirrored = len(ends) == 2 and all(isinstance(f, (int, float, np.number)) for f in ends) and ends[0] == -ends[1]
        if not mirrored and (len(ends) != 2 or not all(isinstance(f, (int, float, np.number)) and 0 <= f <= 1 for f in ends)) or abs(ends[1]) > 1:
            raise ValueError(f"The `{name}` argument should be a number (or a list of two numbers) in the range [0, 1.0]. Received: {name}={factor!r}")
        return tuple(sorted(ends)) if isinstance(factor, (tuple, list)) else (-factor, factor)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        way = np.where(self._uniform((n, 1), seed=seed) > 0.5, -1, 1)
        down = self._uniform((n, 1), *self.y_factor, seed, self.compute_dtype)
        across = self._uniform((n, 1), *self.x_factor, seed, self.compute_dtype)
        return {"shear_factor": (np.concatenate([across, down], 1) * way).astype(self.compute_dtype), "input_shape": shape}

    def _matrices(self, transformation, height, width):
        across, down = np.asarray(transformation["shear_factor"]).T
        return maps(1, across, 0, down, 1, 0)


class RandomPerspective(Affine):
    """Shows some images in perspective in training: their corners are moved.

    Args:
        factor: The range of the probability; a number stands for (0, number).
        scale: How far the corners are moved, from 0 to 1.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: What is beyond the border.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandomPerspective(scale=0.2)(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor=1.0, scale=1.0, interpolation="bilinear", fill_value=0.0, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        if not 0 <= scale <= 1:
            raise ValueError(f"The `scale` argument should be a number in the range [0,1]. Received: scale={scale}")
        self.scale = scale
        self._begin("constant", interpolation, seed, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        height, width = self._size(shape)
        chosen = self._chosen(data, seed)
        moves = self._uniform((n, 4, 2), -0.5 * self.scale, 0.5 * self.scale, seed, self.compute_dtype)
        corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], self.compute_dtype)
        start = np.repeat(corners[None], n, 0)
        return {"apply_perspective": chosen, "start_points": start, "end_points": start + start * moves, "input_shape": shape}

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        start, end = np.asarray(transformation["start_points"]), np.asarray(transformation["end_points"])
        moved = perspective_transform(images, *((start, end) if len(images.shape) == 4 else (start[0], end[0])), interpolation, self.fill_value, self.data_format)
        chosen = np.asarray(transformation["apply_perspective"], bool)
        return where(chosen.reshape(-1, 1, 1, 1) if len(images.shape) == 4 else chosen.reshape(1, 1, 1), moved, images)

    def _move_boxes(self, boxes, transformation):
        matrices = homography(np.asarray(transformation["start_points"], np.float64), np.asarray(transformation["end_points"], np.float64))
        chosen = np.asarray(transformation["apply_perspective"], bool).reshape(-1, 1, 1)
        return np.where(chosen, through(matrices, boxes), boxes)


class RandomElasticTransform(Affine):
    """Bends some images by smooth random fields in training.

    Args:
        factor: The range of the probability; a number stands for (0, number).
        scale: The range of how strongly they are bent, in [0, 1]; a number stands for (0, number).
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: What is beyond the border: ``"reflect"``, ``"wrap"``, ``"constant"``, ``"nearest"`` or ``"mirror"``.
        fill_value: What ``"constant"`` fills with.
        value_range: The least and the largest value of a pixel; results are cut to it.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandomElasticTransform()(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

    def __init__(self, factor=1.0, scale=1.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0, value_range=(0, 255), seed=None,
                 data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = two_ends(scale, "scale", 0, 1)
        self.value_range = value_range
        self._begin(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        chosen = self._chosen(data, seed)
        strength = self._uniform((), *self.scale, seed, self.compute_dtype)
        # One seed for images and masks: they must be bent alike.
        field = random.randint((), 0, 2**31 - 1, seed=self.generator if seed is None else seed)
        return {"apply_transform": chosen, "distortion_factor": strength, "seed": int(field)}

    def get_elastic_transform_params(self, height, width, factor):
        """How far pixels move and how smooth the field is, in pixels."""
        return max(height, width) * 0.1 * factor, min(height, width) * 0.05 * factor

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        alpha, sigma = self.get_elastic_transform_params(*self._size(images.shape), float(transformation["distortion_factor"]))
        if sigma <= 0:
            return images
        bent = elastic_transform(images, alpha, sigma, interpolation, self.fill_mode, self.fill_value, transformation["seed"], self.data_format)
        chosen = np.asarray(transformation["apply_transform"], bool)
        x = np.where(chosen.reshape(-1, 1, 1, 1) if len(images.shape) == 4 else chosen.reshape(1, 1, 1), bent, images)
        return convert(np.clip(x, *self.value_range).astype(images.dtype))

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        raise ValueError("RandomElasticTransform does not transform bounding boxes: the key 'bounding_boxes' of its input is not supported")
