"""How well boxes fit: intersection over union, of all pairs or one by one."""

import math

from ... import config, ops
from .formats import as_boxes, columns, convert_format, image_size


def compute_iou(boxes1, boxes2, bounding_box_format, use_masking=False, mask_val=-1, image_shape=None):
    """Intersection over union of all pairs of boxes: 1 for equal ones, 0 for boxes that do not touch.

    Args:
        boxes1: (m, 4) or (batch, m, 4).
        boxes2: (n, 4) or (batch, n, 4).
        bounding_box_format: The format of both, see :func:`convert_format`.
        use_masking: Boxes whose four numbers, as corners, are all negative are not there: the result is `mask_val` for them.
        mask_val: What is returned for such pairs.
        image_shape: (height, width, channels), needed for a relative format.

    Returns:
        A float32 tensor (m, n), or (batch, m, n) if either has a batch. It has a gradient.

    Raises:
        ValueError: If the rank of boxes is not 2 or 3, or `image_shape` is missing.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> iou = bounding_boxes.compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [4, 4, 5, 5]], "xyxy")
        >>> print(iou.numpy().round(3))
        [[1.    0.333 0.   ]]
    """
    boxes1, boxes2 = _corners("compute_iou", boxes1, boxes2, bounding_box_format, image_shape, (2, 3))
    iou = pairs_iou(boxes1, boxes2)
    if not use_masking:
        return iou
    nothing = ops.logical_or(ops.max(boxes1, axis=-1)[..., :, None] < 0, ops.max(boxes2, axis=-1)[..., None, :] < 0)
    return ops.where(nothing, ops.cast(mask_val, iou.dtype), iou)


def pairs_iou(boxes1, boxes2):
    """:func:`compute_iou` of boxes (left, top, right, bottom) of any floating dtype."""
    left1, top1, right1, bottom1 = columns(boxes1)
    boxes2 = ops.swapaxes(boxes2, -1, -2)
    left2, top2, right2, bottom2 = (boxes2[..., i : i + 1, :] for i in range(4))
    across = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0)
    down = ops.maximum(ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0)
    both = down * across
    area1, area2 = (bottom1 - top1) * (right1 - left1), (bottom2 - top2) * (right2 - left2)
    return both / (area1 + area2 - both + config.epsilon())


def compute_ciou(boxes1, boxes2, bounding_box_format, image_shape=None):
    """Complete intersection over union of boxes, one by one.

    Less than the intersection over union by how far apart the centres are, and by how much the ratios of width to
    height differ: it tells boxes apart that do not touch, so ``1 - compute_ciou(...)`` is a loss.

    Args:
        boxes1: (..., 4).
        boxes2: (..., 4).
        bounding_box_format: The format of both, see :func:`convert_format`.
        image_shape: (height, width, channels), needed for a relative format.

    Returns:
        A float32 tensor (...,), at most 1. It has a gradient.

    Raises:
        ValueError: If the format is not known, or `image_shape` is missing.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> print(bounding_boxes.compute_ciou([[0, 0, 2, 2], [0, 0, 2, 2]], [[0, 0, 2, 2], [3, 0, 5, 2]], "xyxy").numpy().round(3))
        [ 1.   -0.31]
    """
    return complete_iou(*_corners("compute_ciou", boxes1, boxes2, bounding_box_format, image_shape))


def complete_iou(boxes1, boxes2):
    """:func:`compute_ciou` of boxes (left, top, right, bottom) of any floating dtype."""
    epsilon = config.epsilon()
    left1, top1, right1, bottom1 = columns(boxes1)
    left2, top2, right2, bottom2 = columns(boxes2)
    width1, height1 = right1 - left1, bottom1 - top1 + epsilon
    width2, height2 = right2 - left2, bottom2 - top2 + epsilon

    across = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0)
    down = ops.maximum(ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0)
    both = across * down
    iou = both / (width1 * height1 + width2 * height2 - both + epsilon + epsilon)

    width, height = ops.maximum(right1, right2) - ops.minimum(left1, left2), ops.maximum(bottom1, bottom2) - ops.minimum(top1, top2)
    apart_x, apart_y = (left1 + right1) / 2 - (left2 + right2) / 2, (top1 + bottom1) / 2 - (top2 + bottom2) / 2
    distance = (apart_x * apart_x + apart_y * apart_y) / (width * width + height * height + epsilon)

    turn = ops.arctan(width2 / height2) - ops.arctan(width1 / height1)
    ratio = 4 / math.pi**2 * (turn * turn)
    weight = ratio / (ratio - iou + (1 + epsilon))
    return (iou - (distance + ratio * weight))[..., 0]


def _corners(function, boxes1, boxes2, name, image_shape, ranks=None):
    """Both as (left, top, right, bottom)."""
    boxes1, boxes2 = as_boxes(boxes1, function, "boxes1"), as_boxes(boxes2, function, "boxes2")
    if ranks and (len(boxes1.shape) not in ranks or len(boxes2.shape) not in ranks):
        raise ValueError(
            f"{function}: boxes1 and boxes2 must have the shape (boxes, 4) or (batch, boxes, 4). "
            f"Received: boxes1.shape={tuple(boxes1.shape)}, boxes2.shape={tuple(boxes2.shape)}"
        )
    if "rel" in str(name) and image_shape is None:
        raise ValueError(f"{function}: `image_shape` must be given for relative formats. Received: bounding_box_format={name!r}, image_shape=None")
    height, width = image_size(image_shape, function)
    return convert_format(boxes1, name, "xyxy", height, width), convert_format(boxes2, name, "xyxy", height, width)
