"""RandomFlip: images mirrored at random."""

import numpy as np

from dlcore._kernels.array import reshape
from dlcore._kernels.image import flip_images
from dlcore.layers.preprocessing.data import one_of
from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer

_MODES = {"horizontal": 1, "vertical": 2, "horizontal_and_vertical": 3}


class RandomFlip(BaseImagePreprocessingLayer):
    """Flips half of the images in training, left and right, top and bottom, or both at once.

    Args:
        mode: ``"horizontal"``, ``"vertical"`` or ``"horizontal_and_vertical"``.
        seed: Integer, or SeedGenerator, for reproducible choices.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to flip.

    Example:
        >>> import dlcore, numpy as np
        >>> x = np.arange(20.0).reshape(10, 1, 2, 1)
        >>> y = dlcore.layers.RandomFlip("horizontal", seed=1)(x, training=True).numpy()
        >>> sorted({tuple(row) for row in (y - x).reshape(10, 2).tolist()})
        [(0.0, 0.0), (1.0, -1.0)]
    """

    _USE_BASE_FACTOR = False

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        one_of(mode, tuple(_MODES), "RandomFlip", "mode")
        self.mode = mode
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        shape, n = self._shape(data)
        flips = self._uniform((n, 1, 1, 1) if len(shape) == 4 else (1, 1, 1), seed=seed) <= 0.5
        return {"flips": flips, "input_shape": shape}

    def transform_images(self, images, transformation, training=True):
        images = self._floating(images)
        if not training or transformation is None:
            return images
        how = np.asarray(transformation["flips"], bool).ravel() * np.uint8(_MODES[self.mode])
        shape = images.shape
        batch = shape if len(shape) == 4 else (1, *shape)
        if self.data_format == "channels_first":        # every channel is an image of its own
            batch, how = (batch[0] * batch[1], *batch[2:], 1), np.repeat(how, batch[1])
        return reshape(flip_images(reshape(images, batch), how), shape)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)

    def _move_boxes(self, boxes, transformation):
        height, width = self._size(transformation["input_shape"])
        flips = np.asarray(transformation["flips"], bool).reshape(-1, *[1] * (boxes.ndim - 2))
        left, top, right, bottom = np.moveaxis(boxes, -1, 0)
        if _MODES[self.mode] & 1:
            left, right = np.where(flips, width - right, left), np.where(flips, width - left, right)
        if _MODES[self.mode] & 2:
            top, bottom = np.where(flips, height - bottom, top), np.where(flips, height - top, bottom)
        return np.stack([left, top, right, bottom], -1).astype(boxes.dtype)
