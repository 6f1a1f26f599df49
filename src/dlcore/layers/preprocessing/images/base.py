"""BaseImagePreprocessingLayer: batches and single images, masks, labels and boxes, factors and seeds."""

import numpy as np

from dlcore import random
from dlcore._kernels.array import expand_dims, squeeze
from dlcore._kernels.cast import cast
from dlcore._kernels.tape import followed
from dlcore._kernels.tensor import KerasTensor, Tensor, convert
from dlcore.config import standardize_data_format
from dlcore.layers.base import Layer
from dlcore.layers.preprocessing.images.boxes import as_boxes, checked_format, clip
from dlcore.random import SeedGenerator
from dlcore.utils.serialization import deserialize_keras_object


class BaseImagePreprocessingLayer(Layer):
    """Base class of layers that change images.

    A layer draws a *transformation* for a batch in :meth:`get_random_transformation` and applies it in
    :meth:`transform_images` and its like. Called with a dict, it treats ``"images"``, ``"labels"``,
    ``"segmentation_masks"`` and ``"bounding_boxes"`` alike.

    Args:
        factor: How strong the change is, for layers that have one: a number, or the two ends of a range.
        bounding_box_format: How boxes are written, for instance ``"xyxy"`` or ``"rel_xywh"``; needed where there are some.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict.
        training: Whether to apply random changes.
    """

    _USE_BASE_FACTOR = True
    _FACTOR_BOUNDS = (-1, 1)

    def __init__(self, factor=None, bounding_box_format=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.bounding_box_format = checked_format(bounding_box_format, type(self).__name__)
        self.data_format = standardize_data_format(data_format)
        self.built = True
        if self._USE_BASE_FACTOR:
            self._set_factor(factor or 0.0)
        elif factor is not None:
            raise ValueError(f"Layer {type(self).__name__} does not take a `factor` argument. Received: factor={factor}")

    def _set_factor(self, factor):
        self.factor = two_ends(factor, "factor", *self._FACTOR_BOUNDS)

    def _begin_random(self, seed):
        self.seed = seed = deserialize_keras_object(seed) if isinstance(seed, dict) else seed
        self.generator = seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)

    def _uniform(self, shape, low=0.0, high=1.0, seed=None, dtype=None):
        """Random numbers from the layer's own generator, unless another is given."""
        return random.uniform(shape, low, high, dtype=dtype, seed=self.generator if seed is None else seed)

    def _chosen(self, data, seed):
        """Which images to change, with a probability drawn from the range `factor`."""
        n = self._shape(data)[1]
        probability = self._uniform((n,), *self.factor, seed)
        return self._uniform((n,), seed=seed) < probability

    def get_config(self):
        config = {**super().get_config(), "data_format": self.data_format}
        # As they are after checks: a factor as the two ends of a range.
        config.update({key: vars(self)[key] for key in config if key in vars(self) and key not in ("name", "trainable", "dtype", "seed")})
        if config.get("bounding_box_format") is None:
            config.pop("bounding_box_format", None)
        return config

    # ------------------------------------------------------------------------------------------------------- the parts

    def get_random_transformation(self, data, training=True, seed=None):
        """What to do to `data`; drawn from `seed`, or else from the layer's own generator."""
        return None

    def _transform_images(self, images, transformation, interpolation):
        raise NotImplementedError(f"{type(self).__name__} must define _transform_images(images, transformation, interpolation) or transform_images")

    def transform_images(self, images, transformation, training=True):
        """Images after a transformation."""
        images = self._floating(images)
        return self._transform_images(images, transformation, self.interpolation) if training else images

    def transform_labels(self, labels, transformation, training=True):
        """Labels after a transformation."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        """Masks after a transformation: moved as the images are, without mixing classes."""
        return self._transform_images(convert(segmentation_masks), transformation, "nearest") if training else segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        """A dict of ``"boxes"`` (n, boxes, 4) and ``"labels"`` (n, boxes) after a transformation."""
        if type(self)._move_boxes is BaseImagePreprocessingLayer._move_boxes:
            raise ValueError(f"{type(self).__name__} does not transform bounding boxes: the key 'bounding_boxes' of its input is not supported")
        if not training and not self._moves_at_rest:
            return bounding_boxes
        if not self.bounding_box_format:
            raise ValueError(
                f"{type(self).__name__} received 'bounding_boxes', but does not know how they are written. "
                "Give it a bounding_box_format, for instance bounding_box_format='xyxy'"
            )
        from dlcore.utils.bounding_boxes.formats import from_corners, to_corners

        boxes = as_boxes(bounding_boxes["boxes"])
        labels = bounding_boxes.get("labels")
        before, after = self._box_sizes(transformation)
        boxes = to_corners(boxes, self.bounding_box_format, *before)
        boxes, labels = clip(self._move_boxes(boxes, transformation), None if labels is None else np.asarray(labels), *after)
        out = {**bounding_boxes, "boxes": convert(from_corners(boxes, self.bounding_box_format, *after))}
        return out if labels is None else {**out, "labels": convert(labels)}

    _moves_at_rest = False          # whether boxes are moved in inference, too

    def _move_boxes(self, boxes, transformation):
        """Boxes (left, top, right, bottom) in pixels of the input, in pixels of the output."""

    def _box_sizes(self, transformation):
        """((height, width) of the input, that of the output), for boxes."""
        shape = transformation["input_shape"]
        size = self._size(shape)
        return size, size

    def transform_single_image(self, image, transformation, training=True):
        """:meth:`transform_images` for one image."""
        return squeeze(self.transform_images(expand_dims(convert(image), 0), transformation, training=training), 0)

    def transform_single_label(self, label, transformation, training=True):
        """:meth:`transform_labels` for one label."""
        return squeeze(self.transform_labels(expand_dims(convert(label), 0), transformation, training=training), 0)

    def transform_single_segmentation_mask(self, segmentation_mask, transformation, training=True):
        """:meth:`transform_segmentation_masks` for one mask."""
        return squeeze(convert(self.transform_segmentation_masks(expand_dims(convert(segmentation_mask), 0), transformation, training=training)), 0)

    def transform_single_bounding_box(self, bounding_box, transformation, training=True):
        """:meth:`transform_bounding_boxes` for the boxes of one image."""
        one = {key: np.asarray(value)[None] for key, value in bounding_box.items()}
        return {key: convert(np.asarray(value)[0]) for key, value in self.transform_bounding_boxes(one, transformation=transformation, training=training).items()}

    # --------------------------------------------------------------------------------------------------------- the call

    def call(self, data, training=True):
        if not isinstance(data, dict):
            transform = self.transform_single_image if self._is_single(data) else self.transform_images
            return self._with_gradient(data, transform(data, self.get_random_transformation(data, training=training), training=training))
        if "images" not in data:
            raise ValueError(f"{type(self).__name__}: a dict needs the key 'images'. Received the keys {list(data)}")
        single = self._is_single(data["images"])
        transformation = self.get_random_transformation(data, training=training)
        parts = {
            "images": (self.transform_images, self.transform_single_image),
            "bounding_boxes": (self.transform_bounding_boxes, self.transform_single_bounding_box),
            "labels": (self.transform_labels, self.transform_single_label),
            "segmentation_masks": (self.transform_segmentation_masks, self.transform_single_segmentation_mask),
        }
        found = {key: parts[key][single](data[key], transformation=transformation, training=training) for key in parts if key in data}
        for key in ("images", "labels", "segmentation_masks"):
            if key in found:
                self._with_gradient(data[key], found[key])
        return {**data, **found}

    def _with_gradient(self, given, result):
        """The result, if a gradient finds its way back from there to what was given; otherwise training would go wrong silently."""
        if followed(given) and not followed(result):
            raise ValueError(
                f"{type(self).__name__} works in NumPy and passes no gradient on, but received images that are computed by layers with "
                f"weights, or that a tape watches: shape {tuple(given.shape)}. Put it in front of these layers, or its input under "
                "dlcore.ops.stop_gradient"
            )
        return result

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, data, training=True):
        def image_like(x, dtype):
            return KerasTensor(self.compute_output_shape(tuple(x.shape)), dtype)

        if not isinstance(data, dict):
            return image_like(data, self._output_dtype(data))
        found = {"images": image_like(data["images"], self._output_dtype(data["images"]))}
        if "segmentation_masks" in data:
            found["segmentation_masks"] = image_like(data["segmentation_masks"], data["segmentation_masks"].dtype)
        return {**data, **found}

    def _output_dtype(self, images):
        return self.compute_dtype

    # ----------------------------------------------------------------------------------------------------- small helpers

    def _floating(self, images):
        images = convert(images)
        return images if images.dtype is self.compute_dtype else cast(images, self.compute_dtype)

    def _is_single(self, images):
        rank = len(images.shape)
        if rank not in (3, 4):
            raise ValueError(f"Expected image tensor to have rank 3 (single image) or 4 (batch of images). Received: data.shape={tuple(images.shape)}")
        return rank == 3

    def _shape(self, data):
        """The shape of the images in `data`, and how many there are."""
        images = data["images"] if isinstance(data, dict) else data
        shape = tuple(images.shape if isinstance(images, Tensor) else np.shape(images))
        if len(shape) not in (3, 4):
            raise ValueError(f"Expected the input image to be rank 3 or 4. Received inputs.shape={shape}")
        return shape, shape[0] if len(shape) == 4 else 1

    def _size(self, shape):
        """Height and width."""
        return tuple(shape[-2:]) if self.data_format == "channels_first" else tuple(shape[-3:-1])

    def _resized(self, input_shape, height, width):
        """A shape with another height and width."""
        shape = list(input_shape)
        if len(shape) not in (3, 4) or isinstance(shape[0], (list, tuple)):
            raise ValueError(f"`input_shape` must be a non-nested tuple or list of rank-1 with size 3 (unbatched) or 4 (batched). Received: input_shape={input_shape}")
        first = len(shape) - (2 if self.data_format == "channels_first" else 3)
        shape[first : first + 2] = height, width
        return tuple(shape)


def two_ends(factor, name, low, high):
    """The two ends of a range: those given, or -factor (at least `low`) and factor."""
    expected = f"The `{name}` argument should be a number (or a list of two numbers) in the range [{low}, {high}]. Received: {name}={factor!r}"
    if isinstance(factor, (tuple, list)):
        if len(factor) != 2 or not all(isinstance(f, (int, float, np.number)) and np.isfinite(f) for f in factor) or factor[0] > high or factor[1] < low:
            raise ValueError(expected)
        lower, upper = sorted(factor)
    elif isinstance(factor, (int, float, np.number)):
        if not low <= factor <= high:
            raise ValueError(expected)
        lower, upper = max(-abs(factor), low), abs(factor)
    else:
        raise ValueError(expected)
    return lower, upper
