"""Bounding boxes: between the formats in which they are written and (left, top, right, bottom) in pixels."""

import numpy as np

# What the four numbers are; "rel_" before a name: as parts of width and height.
_FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def checked_format(name, layer):
    """The name in lower case."""
    if name is not None and str(name).lower() not in _FORMATS:
        raise ValueError(f"{layer}: bounding_box_format must be one of {_FORMATS}. Received: bounding_box_format={name!r}")
    return name


def as_boxes(boxes):
    boxes = np.asarray(boxes, np.float32)
    if boxes.ndim < 2 or boxes.shape[-1] != 4:
        raise ValueError(f"`bounding_boxes['boxes']` must have 4 numbers along its last axis, and as many boxes for every image. Received: boxes.shape={boxes.shape}")
    return boxes


def to_corners(boxes, name, height, width):
    """Boxes (..., 4) of a format as left, top, right, bottom in pixels."""
    kind = name.lower()
    relative, kind = kind.startswith("rel_"), kind.removeprefix("rel_")
    a, b, c, d = np.moveaxis(boxes, -1, 0)
    if kind == "yxyx":
        a, b, c, d = b, a, d, c
    elif kind == "xywh":
        c, d = a + c, b + d
    elif kind == "center_xywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    elif kind == "center_yxhw":
        a, b, c, d = b - d / 2, a - c / 2, b + d / 2, a + c / 2
    out = np.stack([a, b, c, d], -1)
    return out * np.array([width, height, width, height], out.dtype) if relative else out


def from_corners(boxes, name, height, width):
    """The opposite of :func:`to_corners`."""
    kind = name.lower()
    relative, kind = kind.startswith("rel_"), kind.removeprefix("rel_")
    if relative:
        boxes = boxes / np.array([width, height, width, height], boxes.dtype)
    a, b, c, d = np.moveaxis(boxes, -1, 0)
    if kind == "yxyx":
        a, b, c, d = b, a, d, c
    elif kind == "xywh":
        c, d = c - a, d - b
    elif kind == "center_xywh":
        a, b, c, d = a + (c - a) / 2, b + (d - b) / 2, c - a, d - b
    elif kind == "center_yxhw":
        a, b, c, d = b + (d - b) / 2, a + (c - a) / 2, d - b, c - a
    return np.stack([a, b, c, d], -1)


def clip(boxes, labels, height, width):
    """Boxes cut to the image; where nothing is left the label becomes -1."""
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))
    area = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return boxes, None if labels is None else np.where(area > 0, labels, -1).astype(np.asarray(labels).dtype)


def through(matrices, boxes):
    """The boxes around what boxes (n, k, 4) become in images that are read through maps (n, 8) (see affine_transform)."""
    m = np.asarray(matrices, np.float64).reshape(-1, 8)
    back = np.linalg.inv(np.concatenate([m, np.ones_like(m[:, :1])], 1).reshape(-1, 3, 3))[:, None]
    left, top, right, bottom = np.moveaxis(boxes.astype(np.float64), -1, 0)
    corners = np.stack([np.stack([x, y, np.ones_like(x)], -1) for x in (left, right) for y in (top, bottom)], -1)        # (n, k, 3, 4)
    moved = back @ corners
    moved = moved[..., :2, :] / moved[..., 2:, :]
    return np.concatenate([moved.min(-1), moved.max(-1)], -1).astype(boxes.dtype)
