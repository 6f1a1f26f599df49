"""Boxes around objects in images: formats, overlap, what a network predicts, and what becomes of them as images are moved.

Everything takes arrays, lists or tensors, gives tensors, has a gradient, and may stand in a functional model.

Example:
    What a tiny detector learns for one image: which of four anchors show an object, and where it is in them.

    >>> import dlcore, numpy as np
    >>> from dlcore import ops
    >>> from dlcore.utils import bounding_boxes
    >>> anchors = np.array([[0, 0, 16, 16], [16, 0, 32, 16], [0, 16, 16, 32], [16, 16, 32, 32]], "float32")
    >>> objects = np.array([[1, 2, 18, 15], [20, 18, 30, 31]], "float32")

    The object that overlaps an anchor most is its target, if it does so by more than a half:

    >>> iou = bounding_boxes.compute_iou(anchors, objects, "xyxy")
    >>> best = ops.take(objects, ops.argmax(iou, axis=1), axis=0)
    >>> shows = ops.cast(ops.max(iou, axis=1) > 0.5, "float32")
    >>> shows.numpy().tolist()
    [1.0, 0.0, 0.0, 1.0]
    >>> variance = [0.1, 0.1, 0.2, 0.2]
    >>> targets = bounding_boxes.encode_box_to_deltas(anchors, best, "xyxy", "xyxy", variance=variance)

    The head predicts these differences, and an image of 32 by 32 pixels has four cells:

    >>> dlcore.utils.set_random_seed(1)
    >>> image = dlcore.Input((32, 32, 3))
    >>> cells = dlcore.layers.Conv2D(8, 16, strides=16, activation="relu")(image)
    >>> deltas = dlcore.layers.Reshape((4, 4))(dlcore.layers.Conv2D(4, 1)(cells))
    >>> boxes = bounding_boxes.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy", variance=variance)
    >>> detector = dlcore.Model(image, [deltas, boxes])

    It learns from the differences, and from how the boxes fit:

    >>> optimizer = dlcore.optimizers.Adam(0.01)
    >>> picture = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype("float32")
    >>> for step in range(100):
    ...     with dlcore.GradientTape() as tape:
    ...         deltas, boxes = detector(picture)
    ...         wrong = ops.sum(ops.abs(deltas - targets), axis=-1) + 1 - bounding_boxes.compute_ciou(boxes, best, "xyxy")
    ...         loss = ops.sum(wrong * shows) / ops.sum(shows)
    ...     optimizer.apply(tape.gradient(loss, detector.trainable_variables), detector.trainable_variables)
    >>> found = bounding_boxes.compute_iou(detector(picture)[1][0], objects, "xyxy").numpy()
    >>> bool(found[0, 0] > 0.8 and found[3, 1] > 0.8)
    True
"""

from .deltas import decode_deltas_to_boxes, encode_box_to_deltas
from .formats import convert_format
from .moves import affine_transform, clip_to_image_size, crop, pad
from .overlap import compute_ciou, compute_iou

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
