"""Layers that give images a size: Resizing, CenterCrop and RandomCrop."""

import numpy as np

from dlcore._kernels.gather import getitem
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.data import one_of
from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer
from dlcore.ops.image.geometry import middle, resize
from dlcore.ops.image.taps import INTERPOLATIONS


class _Sized(BaseImagePreprocessingLayer):
    """What they share: a size."""

    def _take_size(self, height, width):
        for name, value in (("height", height), ("width", width)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be a positive whole number. Received: {name}={value!r}")
        self.height, self.width = height, width

    def compute_output_shape(self, input_shape):
        return self._resized(input_shape, self.height, self.width)

    def _window(self, images, top, left, height, width):
        rows, columns = slice(top, top + height), slice(left, left + width)
        return getitem(images, (..., rows, columns) if self.data_format == "channels_first" else (..., rows, columns, slice(None)))

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self.transform_images(segmentation_masks, transformation, training=training)


def _scaled(boxes, top, left, old, new):
    """Boxes in a window of an image that begins at (top, left) and is then resized from `old` to `new`."""
    down, across = new[0] / old[0], new[1] / old[1]
    return ((boxes - np.array([left, top, left, top])) * np.array([across, down, across, down])).astype(boxes.dtype)


class Resizing(_Sized):
    """Images of another size.

    Args:
        height, width: The new size.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        crop_to_aspect_ratio: Whether to take the largest part in the middle that has the new proportions.
        pad_to_aspect_ratio: Whether to fill up the images to the new proportions.
        fill_mode: ``"constant"``.
        fill_value: What they are filled up with.
        antialias: Whether to average over all that a new pixel covers where images become smaller.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict. Whole numbers are rounded and stay whole.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Resizing(8, 10)(dlcore.ops.ones((2, 5, 5, 3))).shape
        (2, 8, 10, 3)
    """

    _USE_BASE_FACTOR = False
    _moves_at_rest = True

    def __init__(self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
                 fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self._take_size(height, width)
        one_of(interpolation, INTERPOLATIONS, "Resizing", "interpolation")
        one_of(fill_mode, ("constant",), "Resizing", "fill_mode")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: only one of pad_to_aspect_ratio and crop_to_aspect_ratio can be True. Received: both")
        self.interpolation = interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = bool(antialias)

    def get_random_transformation(self, data, training=True, seed=None):
        return self._size(self._shape(data)[0])

    def _transform_images(self, images, transformation, interpolation):
        return resize(images, (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio,
                      self.fill_mode, self.fill_value, self.data_format)  # fmt: skip

    def transform_images(self, images, transformation=None, training=True):
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def transform_labels(self, labels, transformation=None, training=True):
        return labels

    def _output_dtype(self, images):
        return self.compute_dtype if "float" in str(images.dtype) else images.dtype

    def _box_sizes(self, transformation):
        return transformation, (self.height, self.width)

    def _move_boxes(self, boxes, transformation):
        height, width = transformation
        nothing = (boxes == 0).all(-1) | (boxes == -1).all(-1)
        if self.pad_to_aspect_ratio:
            ratio = min(self.height / height, self.width / width)
            top, left = ((self.height - height * ratio) // 2, (self.width - width * ratio) // 2)
            moved = boxes * ratio + np.array([left, top, left, top])
        elif self.crop_to_aspect_ratio:
            ratio = max(self.height / height, self.width / width)
            top, left = ((height * ratio - self.height) // 2, (width * ratio - self.width) // 2)
            moved = boxes * ratio - np.array([left, top, left, top])
        else:
            moved = _scaled(boxes, 0, 0, (height, width), (self.height, self.width))
        return np.where(nothing[..., None], 0, moved).astype(boxes.dtype)


class CenterCrop(_Sized):
    """The middle of images; of smaller ones the largest part with the new proportions, resized.

    Args:
        height, width: The new size.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1)).numpy().ravel().tolist()
        [5.0, 6.0]
    """

    _USE_BASE_FACTOR = False
    _moves_at_rest = True

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._take_size(height, width)

    def get_random_transformation(self, data, training=True, seed=None):
        return {"input_shape": self._shape(data)[0]}

    def transform_images(self, images, transformation=None, training=True):
        images = self._floating(images)
        height, width = self._size(images.shape)
        if height >= self.height and width >= self.width:
            return self._window(images, (height - self.height) // 2, (width - self.width) // 2, self.height, self.width)
        return resize(images, (self.height, self.width), crop_to_aspect_ratio=True, data_format=self.data_format)

    def _box_sizes(self, transformation):
        return self._size(transformation["input_shape"]), (self.height, self.width)

    def _move_boxes(self, boxes, transformation):
        height, width = self._size(transformation["input_shape"])
        size = self.height, self.width
        if height >= self.height and width >= self.width:
            return _scaled(boxes, (height - self.height) // 2, (width - self.width) // 2, size, size)
        top, left, tall, wide = middle(height, width, size)
        return _scaled(boxes, top, left, (tall, wide), size)


class RandomCrop(_Sized):
    """A part of images at a random place, the same for a batch. In inference images stay as they are.

    Images that are not larger in both directions are cut in the middle, and resized where they are too small.

    Args:
        height, width: The new size.
        seed: Integer, or SeedGenerator, for reproducible places.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to crop.

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandomCrop(4, 3, seed=1)(dlcore.ops.ones((2, 8, 8, 1)), training=True).shape
        (2, 4, 3, 1)
    """

    def __init__(self, height, width, seed=None, data_format=None, name=None, **kwargs):
        super().__init__(name=name, data_format=data_format, **kwargs)
        self._take_size(height, width)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        height, width = self._input_size = self._size(self._shape(data)[0])
        if training and height > self.height and width > self.width:
            # A float below the number of places, rounded down; float32 may round up to that number.
            return tuple(min(int(self._uniform((), 0, float(room + 1), seed)), room) for room in (height - self.height, width - self.width))
        return middle(height, width, (self.height, self.width))[:2]

    def transform_images(self, images, transformation, training=True):
        if not training:
            return convert(images)
        images = self._window(self._floating(images), *transformation, self.height, self.width)
        if self._size(images.shape) == (self.height, self.width):
            return images
        return resize(images, (self.height, self.width), data_format=self.data_format)

    def _box_sizes(self, transformation):
        return self._input_size, (self.height, self.width)

    def _move_boxes(self, boxes, transformation):
        top, left = transformation
        height, width = self._input_size
        return _scaled(boxes, top, left, (min(self.height, height - top), min(self.width, width - left)), (self.height, self.width))
