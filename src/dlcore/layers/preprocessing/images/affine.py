"""Layers that move images at random: RandomRotation, RandomZoom and RandomTranslation."""

import numpy as np

from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer
from dlcore.layers.preprocessing.images.boxes import through
from dlcore.ops.image.geometry import affine_transform

_INTERPOLATIONS = ("nearest", "bilinear")


class Affine(BaseImagePreprocessingLayer):
    """What they share: pixels are read through a map, and what it shows beyond the border is filled."""

    _FILL_MODES = ("reflect", "wrap", "constant", "nearest")

    def _begin(self, fill_mode, interpolation, seed, fill_value):
        for name, value, allowed in (("fill_mode", fill_mode, self._FILL_MODES), ("interpolation", interpolation, _INTERPOLATIONS)):
            if value not in allowed:
                raise NotImplementedError(f"{type(self).__name__}: {name} must be one of {allowed}. Received: {name}={value!r}")
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value
        self._begin_random(seed)

    def _matrices(self, transformation, height, width):
        """The maps (n, 8), as in affine_transform."""
        raise NotImplementedError(f"{type(self).__name__} must define `_matrices`")

    def _transform_images(self, images, transformation, interpolation):
        if transformation is None:
            return images
        matrices = self._matrices(transformation, *self._size(images.shape))
        if len(images.shape) == 3 and matrices.ndim == 2:
            matrices = matrices[0]
        return affine_transform(images, matrices, interpolation, self.fill_mode, self.fill_value, self.data_format)

    def _move_boxes(self, boxes, transformation):
        return through(self._matrices(transformation, *self._box_sizes(transformation)[0]), boxes)


def maps(a0, a1, a2, b0, b1, b2):
    """Affine maps (n, 8) from their numbers, arrays (n,) or (n, 1)."""
    numbers = np.broadcast_arrays(*[np.ravel(np.asarray(v, np.float32)) for v in (a0, a1, a2, b0, b1, b2, 0, 0)])
    return np.stack(numbers, -1)


def _checked_pair(factor, name, low, high, above=False):
    """The two ends of a range; `above`: `low` itself is not allowed."""
    ends = factor if isinstance(factor, (tuple, list)) else (factor,)
    numbers = all(isinstance(f, (int, float, np.number)) for f in ends)
    if len(ends) != (2 if ends is factor else 1) or not numbers or any(not low <= f <= high or above and f == low for f in ends):
        raise ValueError(f"The `{name}` argument should be a number (or a list of two numbers) in the range {'(' if above else '['}{low}, {high}]. Received: {name}={factor!r}")
    return tuple(sorted(ends)) if ends is factor else (-abs(factor), abs(factor))


class RandomRotation(Affine):
    """Turns images by a random angle in training.

    Args:
        factor: Part of a full turn: a number (both ways), or the two ends of a range. Positive turns counter-clockwise.
        fill_mode: What is beyond the border: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: Integer, or SeedGenerator, for reproducible angles.
        fill_value: What ``"constant"`` fills with.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to turn.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomRotation((0.25, 0.25))
        >>> layer(np.arange(4.0).reshape(1, 2, 2, 1), training=True).numpy().round(4).ravel().tolist()
        [1.0, 3.0, 0.0, 2.0]
    """

    def __init__(self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0, data_format=None, **kwargs):
        super().__init__(factor=factor, data_format=data_format, **kwargs)
        self._begin(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        height, width = self._size(shape)
        angle = self._uniform((n,), self.factor[0] * 360.0, self.factor[1] * 360.0, seed)
        radians = np.deg2rad(angle.astype(np.float64))
        cos, sin = np.cos(radians), np.sin(radians)
        x, y = (width - 1) / 2, (height - 1) / 2
        matrix = maps(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)
        return {"angle": angle, "rotation_matrix": matrix if len(shape) == 4 else matrix[0], "image_height": height, "image_width": width, "batch_size": n}

    def _matrices(self, transformation, height, width):
        return np.asarray(transformation["rotation_matrix"])

    def _box_sizes(self, transformation):
        size = transformation["image_height"], transformation["image_width"]
        return size, size


class RandomZoom(Affine):
    """Makes what images show smaller or larger in training.

    Args:
        height_factor: How much smaller (positive: zooming out) or larger (negative) it becomes vertically: a number (both
            ways), or the two ends of a range; more than -1, at most 1.
        width_factor: The same horizontally; None for the vertical one.
        fill_mode: What is beyond the border: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: Integer, or SeedGenerator, for reproducible zooms.
        fill_value: What ``"constant"`` fills with.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to zoom.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomZoom((-0.5, -0.5))
        >>> layer(np.array([[[0.0], [2.0]]]), training=True).numpy().ravel().tolist()
        [0.5, 1.5]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
                 data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = _checked_pair(height_factor, "height_factor", -1.0, 1.0, above=True)
        if width_factor is not None:
            self.width_lower, self.width_upper = _checked_pair(width_factor, "width_factor", -1.0, 1.0, above=True)
        self._begin(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        down = across = self._uniform((n, 1), 1.0 + self.height_lower, 1.0 + self.height_upper, seed)
        if self.width_factor is not None:
            across = self._uniform((n, 1), 1.0 + self.width_lower, 1.0 + self.width_upper, seed)
        return {"height_zoom": down, "width_zoom": across, "input_shape": shape}

    def _matrices(self, transformation, height, width):
        across, down = np.asarray(transformation["width_zoom"], np.float32), np.asarray(transformation["height_zoom"], np.float32)
        return maps(across, 0, (width - 1) / 2 * (1 - across), 0, down, (height - 1) / 2 * (1 - down))


class RandomTranslation(Affine):
    """Shifts images in training.

    Args:
        height_factor: How far downwards, as part of the height: a number (both ways), or the two ends of a range, in [-1, 1].
        width_factor: How far to the right, as part of the width.
        fill_mode: What is beyond the border: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: Integer, or SeedGenerator, for reproducible shifts.
        fill_value: What ``"constant"`` fills with.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to shift.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomTranslation(0, (0.5, 0.5), "constant")
        >>> layer(np.array([[[1.0], [2.0]]]), training=True).numpy().ravel().tolist()
        [0.0, 1.0]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
                 data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = _checked_pair(height_factor, "height_factor", -1.0, 1.0)
        self.width_lower, self.width_upper = _checked_pair(width_factor, "width_factor", -1.0, 1.0)
        self._begin(fill_mode, interpolation, seed, fill_value)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        height, width = self._size(shape)
        down = self._uniform((n, 1), self.height_lower, self.height_upper, seed) * height
        across = self._uniform((n, 1), self.width_lower, self.width_upper, seed) * width
        return {"translations": np.concatenate([across, down], 1).astype(np.float32), "input_shape": shape}

    def _matrices(self, transformation, height, width):
        across, down = np.asarray(transformation["translations"]).T
        return maps(1, 0, -across, 0, 1, -down)
