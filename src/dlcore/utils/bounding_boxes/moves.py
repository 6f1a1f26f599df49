"""What becomes of boxes where images are cut, padded or turned."""

import functools
import math
import numbers

from ... import ops
from .formats import as_boxes, as_size, columns, entry, joined, library, per_image, plain


def clip(boxes, height, width):
    """Boxes (left, top, right, bottom) cut to an image, and which of them are still there: (...,)."""
    lib = library(boxes)
    left, top, right, bottom = columns(boxes)
    left, top, right, bottom = lib.clip(left, 0, width), lib.clip(top, 0, height), lib.clip(right, 0, width), lib.clip(bottom, 0, height)
    return joined([left, top, right, bottom]), ((right - left) * (bottom - top) > 0)[..., 0]


def surrounding(boxes, place):
    """The boxes around what boxes (left, top, right, bottom) become when `place(x, y)` moves their corners."""
    left, top, right, bottom = columns(boxes)
    lib = library(boxes)
    xs, ys = zip(*[place(x, y) for x in (left, right) for y in (top, bottom)], strict=True)
    return joined([functools.reduce(end, values) for end in (lib.minimum, lib.maximum) for values in (xs, ys)])


def clip_to_image_size(bounding_boxes, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes cut to the image. Where nothing is left, the label becomes -1.

    Args:
        bounding_boxes: A dict with `"boxes"` (n, 4) or (batch, n, 4), and maybe `"labels"` (n,) or (batch, n).
        height: Height of the image, for `"xyxy"`. For images of different sizes an array (batch, 1, 1).
        width: Its width, likewise.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    Returns:
        A dict of tensors, with the same other entries.

    Raises:
        NotImplementedError: If the format is another one.
        ValueError: If a size is missing, or the shapes do not fit.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> boxes = {"boxes": [[-10, -20, 50, 160], [130, 0, 150, 9]], "labels": [0, 1]}
        >>> cut = bounding_boxes.clip_to_image_size(boxes, height=100, width=120)
        >>> cut["boxes"].numpy().tolist(), cut["labels"].numpy().tolist()
        ([[0, 0, 50, 100], [120, 0, 120, 9]], [0, -1])
    """
    _only("clip_to_image_size", bounding_box_format, "xyxy", "rel_xyxy")
    if bounding_box_format == "xyxy" and (height is None or width is None):
        raise ValueError(f"clip_to_image_size: `height` and `width` must be given for bounding_box_format='xyxy'. Received: height={height}, width={width}")
    boxes = as_boxes(entry(bounding_boxes, "boxes", "clip_to_image_size"), "clip_to_image_size", "bounding_boxes['boxes']")
    size = (1.0, 1.0) if bounding_box_format == "rel_xyxy" else (as_size(height, "height", boxes.dtype), as_size(width, "width", boxes.dtype))
    clipped, there = clip(boxes, *size)
    labels = bounding_boxes.get("labels")
    if labels is None:
        return {**bounding_boxes, "boxes": clipped}
    labels = ops.convert_to_tensor(labels)
    if labels.shape != boxes.shape[:-1]:
        raise ValueError(
            "clip_to_image_size: bounding_boxes['labels'] must have one label for every box. "
            f"Received: labels of shape {tuple(labels.shape)}, boxes of shape {tuple(boxes.shape)}"
        )
    return {**bounding_boxes, "boxes": clipped, "labels": ops.where(there, labels, -1)}


def crop(boxes, top, left, height, width, bounding_box_format="xyxy"):
    """What becomes of boxes when an image is cropped: they are moved, and cut to what remains of it.

    Args:
        boxes: (n, 4) or (batch, n, 4).
        top: How many rows go at the top; for each image another number in an array (batch, 1, 1).
        left: How many columns go on the left, likewise.
        height: Height of what remains.
        width: Its width.
        bounding_box_format: `"xyxy"`.

    Returns:
        A tensor of the same shape.

    Raises:
        NotImplementedError: If the format is another one.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> bounding_boxes.crop([[10.0, 20.0, 50.0, 60.0]], top=10, left=20, height=40, width=30).numpy().tolist()
        [[0.0, 10.0, 30.0, 40.0]]
    """
    _only("crop", bounding_box_format, "xyxy")
    a, b, c, d = columns(as_boxes(boxes, "crop", "boxes"))
    top, left, height, width = per_image(top, "top"), per_image(left, "left"), per_image(height, "height"), per_image(width, "width")
    a, b, c, d = a - left, b - top, c - left, d - top
    return joined([ops.clip(a, 0, width), ops.clip(b, 0, height), ops.clip(c, 0, width), ops.clip(d, 0, height)])


def pad(boxes, top, left, height=None, width=None, bounding_box_format="xyxy"):
    """What becomes of boxes when an image is padded: they are moved.

    Args:
        boxes: (n, 4) or (batch, n, 4).
        top: How many rows are added at the top; for each image another number in an array (batch, 1, 1).
        left: How many columns are added on the left, likewise.
        height: Not used.
        width: Not used.
        bounding_box_format: `"xyxy"`.

    Returns:
        A tensor of the same shape.

    Raises:
        NotImplementedError: If the format is another one.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> bounding_boxes.pad([[10.0, 20.0, 50.0, 60.0]], top=1, left=2).numpy().tolist()
        [[12.0, 21.0, 52.0, 61.0]]
    """
    _only("pad", bounding_box_format, "xyxy")
    a, b, c, d = columns(as_boxes(boxes, "pad", "boxes"))
    top, left = per_image(top, "top"), per_image(left, "left")
    return joined([a + left, b + top, c + left, d + top])


def affine_transform(
    boxes, angle, translate_x, translate_y, scale, shear_x, shear_y, height, width, center_x=None, center_y=None, bounding_box_format="xyxy"
):
    """The boxes around what boxes become when they are turned, sheared, scaled and moved.

    Each of the numbers may be an array (batch,), with one for every image.

    Args:
        boxes: (batch, n, 4), or (n, 4) if none of the others has a batch.
        angle: By how much to turn counter-clockwise, in degrees.
        translate_x: How far to move to the right, as a part of the width. Boxes are moved before they are turned.
        translate_y: How far to move down, as a part of the height.
        scale: How many times as large.
        shear_x: Angle of the shear along x, in degrees.
        shear_y: Angle of the shear along y, in degrees.
        height: Height of the image.
        width: Its width.
        center_x: The point that stays where it is, as a part of the width; the middle by default.
        center_y: The same as a part of the height.
        bounding_box_format: `"xyxy"`.

    Returns:
        A tensor of the shape of `boxes`, in the dtype of the numbers (floating).

    Raises:
        NotImplementedError: If the format is another one.
        ValueError: If a shape does not fit.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> boxes = [[[1.0, 1.0, 3.0, 2.0]]]
        >>> moved = bounding_boxes.affine_transform(boxes, 90.0, 0.0, 0.0, 1.0, 0.0, 0.0, height=11, width=11)
        >>> moved.numpy().round(3).tolist()
        [[[1.0, 7.0, 2.0, 9.0]]]
    """
    _only("affine_transform", bounding_box_format, "xyxy")
    boxes = as_boxes(boxes, "affine_transform", "boxes")
    names = ("angle", "translate_x", "translate_y", "scale", "shear_x", "shear_y", "height", "width", "center_x", "center_y")
    given = (angle, translate_x, translate_y, scale, shear_x, shear_y, height, width, 0.5 if center_x is None else center_x, 0.5 if center_y is None else center_y)
    angle, translate_x, translate_y, scale, shear_x, shear_y, height, width, center_x, center_y = map(_one_or_batch, given, names)
    across, down = width - 1, height - 1
    cx, cy = center_x * across, center_y * down
    sx, sy, turn = (value * (-math.pi / 180) for value in (shear_x, shear_y, angle))
    tan_sx, cos_sy = ops.tan(sx), ops.cos(sy)
    a = ops.cos(turn - sy) / cos_sy
    c = -ops.sin(turn - sy) / cos_sy
    a0, a1 = (ops.cos(turn) - c * tan_sx) * scale, -(a * tan_sx + ops.sin(turn)) * scale
    b0, b1 = -c * scale, a * scale
    from_x, from_y = cx - translate_x * across, cy - translate_y * down
    a2, b2 = cx - a0 * from_x - a1 * from_y, cy - b0 * from_x - b1 * from_y
    return surrounding(ops.cast(boxes, (a2 + b2).dtype), lambda x, y: (a0 * x + a1 * y + a2, b0 * x + b1 * y + b2))


def _one_or_batch(value, argument):
    """A number, or numbers (batch,) as (batch, 1, 1)."""
    value = plain(value)
    if isinstance(value, numbers.Real):
        return float(value)
    value = ops.convert_to_tensor(value)
    if len(value.shape) > 1:
        raise ValueError(f"affine_transform: `{argument}` must be a number, or an array of shape (batch,). Received: {argument} of shape {tuple(value.shape)}")
    return value[:, None, None] if value.shape else value


def _only(function, name, *formats):
    if name not in formats:
        raise NotImplementedError(
            f"{function}: bounding_box_format must be {' or '.join(map(repr, formats))}; see convert_format for others. Received: bounding_box_format={name!r}"
        )
