"""Bounding boxes in layers: what was received, and boxes in images that are read through maps.

`utils.bounding_boxes` is imported at first use, so that `import dlcore` stays quick.
"""

import numpy as np


def checked_format(name, layer):
    """The name, if it is that of a format."""
    if name is None:
        return None
    from dlcore.utils.bounding_boxes.formats import FORMATS

    if str(name).lower() not in FORMATS:
        raise ValueError(f"{layer}: bounding_box_format must be one of {FORMATS}. Received: bounding_box_format={name!r}")
    return name


def as_boxes(boxes):
    boxes = np.asarray(boxes, np.float32)
    if boxes.ndim < 2 or boxes.shape[-1] != 4:
        raise ValueError(f"`bounding_boxes['boxes']` must have 4 numbers along its last axis, and as many boxes for every image. Received: boxes.shape={boxes.shape}")
    return boxes


def clip(boxes, labels, height, width):
    """Boxes cut to the image; where nothing is left the label becomes -1."""
    from dlcore.utils.bounding_boxes import moves

    boxes, there = moves.clip(boxes, height, width)
    return boxes, None if labels is None else np.where(there, labels, -1).astype(labels.dtype)


def through(matrices, boxes):
    """The boxes around what boxes (n, k, 4) become in images that are read through maps (n, 8) (see affine_transform)."""
    from dlcore.utils.bounding_boxes import moves

    m = np.asarray(matrices, np.float64).reshape(-1, 8)
    back = np.linalg.inv(np.concatenate([m, np.ones_like(m[:, :1])], 1).reshape(-1, 3, 3))
    rows = [[back[:, i, j, None, None] for j in range(3)] for i in range(3)]

    def place(x, y):
        to_x, to_y, depth = (row[0] * x + row[1] * y + row[2] for row in rows)
        return to_x / depth, to_y / depth

    return moves.surrounding(boxes.astype(np.float64), place).astype(boxes.dtype)
