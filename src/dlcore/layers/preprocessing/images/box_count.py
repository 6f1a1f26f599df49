"""MaxNumBoundingBoxes: as many boxes for every image."""

import numpy as np

from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """Leaves out, or fills in, bounding boxes until every image has the same number; images stay as they are.

    Args:
        max_number: How many boxes.
        fill_value: What fills boxes and labels that are not there.

    Call arguments:
        data: A dict with ``"images"`` and ``"bounding_boxes"``.

    Example:
        >>> import dlcore, numpy as np
        >>> data = {"images": np.zeros((1, 4, 4, 3)), "bounding_boxes": {"boxes": np.ones((1, 2, 4)), "labels": np.ones((1, 2))}}
        >>> dlcore.layers.MaxNumBoundingBoxes(3)(data)["bounding_boxes"]["labels"].tolist()
        [[1.0, 1.0, -1.0]]
    """

    def __init__(self, max_number, fill_value=-1, **kwargs):
        super().__init__(**kwargs)
        self.max_number, self.fill_value = int(max_number), int(fill_value)
        if self.max_number < 0:
            raise ValueError(f"MaxNumBoundingBoxes: max_number must not be negative. Received: max_number={max_number}")

    def transform_images(self, images, transformation=None, training=True):
        return images

    def transform_labels(self, labels, transformation=None, training=True):
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        def fitted(values):
            values = np.asarray(values)[:, : self.max_number]
            width = [(0, 0), (0, self.max_number - values.shape[1]), *[(0, 0)] * (values.ndim - 2)]
            return convert(np.pad(values, width, constant_values=self.fill_value))

        return {**bounding_boxes, **{key: fitted(bounding_boxes[key]) for key in ("boxes", "labels")}}

    def compute_output_shape(self, input_shape):
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes = input_shape["bounding_boxes"]
        if set(boxes) - {"boxes", "labels"}:
            raise KeyError(f"There are unsupported keys in `bounding_boxes`: {sorted(set(boxes) - {'boxes', 'labels'})}. Only `boxes` and `labels` are supported.")
        return {**input_shape, "bounding_boxes": {key: (shape[0], self.max_number, *shape[2:]) for key, shape in boxes.items()}}

    def compute_output_spec(self, data, training=True):
        if not isinstance(data, dict) or "bounding_boxes" not in data:
            return data
        boxes = {key: KerasTensor((x.shape[0], self.max_number, *x.shape[2:]), x.dtype) for key, x in data["bounding_boxes"].items()}
        return {**data, "bounding_boxes": boxes}

    def _output_dtype(self, images):
        return images.dtype
