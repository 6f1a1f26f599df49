"""How the four numbers of a box are written, and the way from one format to another."""

import numbers

import numpy as np

from ... import ops

# "rel_" before a name: as parts of width and height.
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def library(boxes):
    """Where the functions for boxes are: what is computed for arrays is an array, and for tensors a tensor with a gradient."""
    return np if isinstance(boxes, np.ndarray) else ops


def columns(boxes):
    """The four numbers of every box; each keeps an axis of length 1, so that numbers per image, (n, 1, 1), broadcast."""
    return [boxes[..., i : i + 1] for i in range(4)]


def joined(numbers):
    """The opposite of :func:`columns`."""
    return library(numbers[0]).concatenate(numbers, -1)


def _kind(name):
    """Whether a format is relative, and its name without that."""
    name = name.lower()
    return name.startswith("rel_"), name.removeprefix("rel_")


def to_corners(boxes, name, height, width):
    """Boxes (..., 4) of a format as left, top, right, bottom in pixels."""
    relative, kind = _kind(name)
    if kind == "xyxy" and not relative:
        return boxes
    a, b, c, d = columns(boxes)
    if kind in ("yxyx", "center_yxhw"):
        a, b, c, d = b, a, d, c
    if kind == "xywh":
        c, d = a + c, b + d
    elif kind.startswith("center_"):
        half_width, half_height = c / 2, d / 2
        a, b, c, d = a - half_width, b - half_height, a + half_width, b + half_height
    return joined([a * width, b * height, c * width, d * height] if relative else [a, b, c, d])


def from_corners(boxes, name, height, width):
    """The opposite of :func:`to_corners`."""
    relative, kind = _kind(name)
    if kind == "xyxy" and not relative:
        return boxes
    a, b, c, d = columns(boxes)
    if kind.endswith(("wh", "hw")):
        c, d = c - a, d - b
    if kind.startswith("center_"):
        a, b = a + c / 2, b + d / 2
    if relative:
        a, b, c, d = a / width, b / height, c / width, d / height
    return joined([b, a, d, c] if kind in ("yxyx", "center_yxhw") else [a, b, c, d])


def convert_format(boxes, source, target, height=None, width=None, dtype="float32"):
    """Boxes of one format in another.

    The formats, in upper or lower case:

    - `"xyxy"`: left, top, right, bottom; `"yxyx"`: top, left, bottom, right
    - `"xywh"`: left, top, width, height
    - `"center_xywh"`: x and y of the centre, width, height; `"center_yxhw"`: y and x of the centre, height, width
    - `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"`, `"rel_center_xywh"`: the same as parts of the width and height of the image

    Args:
        boxes: (..., 4), or a dict that has them under `"boxes"`.
        source: The format of `boxes`.
        target: The format of the result.
        height: Height of the image in pixels, to go to or from a relative format. For images of different sizes
            an array (batch, 1, 1).
        width: Its width, likewise.
        dtype: The dtype to compute in, and of the result.

    Returns:
        A tensor (..., 4), with a gradient. For a dict, a dict with the same other entries.

    Raises:
        ValueError: If a format is not known, the last axis is not 4, or a size is needed and missing.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> boxes = [[10, 20, 30, 40], [50, 60, 70, 80]]
        >>> bounding_boxes.convert_format(boxes, source="xyxy", target="xywh").numpy().tolist()
        [[10.0, 20.0, 20.0, 20.0], [50.0, 60.0, 20.0, 20.0]]
        >>> bounding_boxes.convert_format(boxes, "xyxy", "rel_yxyx", height=160, width=40).numpy().tolist()
        [[0.125, 0.25, 0.25, 0.75], [0.375, 1.25, 0.5, 1.75]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(entry(boxes, "boxes", "convert_format"), source, target, height, width, dtype)}
    boxes = as_boxes(boxes, "convert_format", "boxes")
    for argument, name in (("source", source), ("target", target)):
        if not isinstance(name, str) or name.lower() not in FORMATS:
            raise ValueError(f"convert_format: {argument} must be one of {FORMATS}. Received: {argument}={name!r}")
    source, target = source.lower(), target.lower()
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` of the image where a format is relative. "
            f"Received: source={source!r}, target={target!r}, height={height}, width={width}"
        )
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    if all(relative):                       # the size has no part in it
        source, target = source.removeprefix("rel_"), target.removeprefix("rel_")
    elif any(relative):
        height, width = as_size(height, "height", dtype), as_size(width, "width", dtype)
    return from_corners(to_corners(boxes, source, height, width), target, height, width)


# ------------------------------------------------------------------------------------------------------ what was received


def as_boxes(boxes, function, argument):
    """A tensor (..., 4)."""
    boxes = ops.convert_to_tensor(boxes)
    if not boxes.shape or boxes.shape[-1] != 4:
        raise ValueError(f"{function}: `{argument}` must have 4 numbers along its last axis. Received: {argument}.shape={tuple(boxes.shape)}")
    return boxes


def entry(boxes, key, function):
    """What a dict has under a key."""
    if not isinstance(boxes, dict) or key not in boxes:
        found = f"a dict with the keys {list(boxes)}" if isinstance(boxes, dict) else type(boxes).__name__
        raise ValueError(f"{function}: expected a dict with the key {key!r}. Received: {found}")
    return boxes[key]


def plain(value):
    """A scalar of NumPy as a Python number: it does not change the dtype of boxes."""
    return value.item() if isinstance(value, np.generic) else value


def per_image(value, argument):
    """A number, or numbers (..., 1) that broadcast with a column."""
    value = plain(value)
    if isinstance(value, numbers.Real):
        return value
    value = ops.convert_to_tensor(value)
    if value.shape and value.shape[-1] != 1:
        raise ValueError(f"`{argument}` must be a number, or an array of shape (batch, 1, 1). Received: {argument} of shape {tuple(value.shape)}")
    return value


def as_size(size, argument, dtype):
    """A height or width in a dtype."""
    return ops.cast(per_image(size, argument), dtype)


def image_size(image_shape, function):
    """Height and width from the argument image_shape."""
    if image_shape is None:
        return None, None
    if len(image_shape) != 3:
        raise ValueError(f"{function}: `image_shape` must be (height, width, channels). Received: image_shape={image_shape}")
    return image_shape[0], image_shape[1]
