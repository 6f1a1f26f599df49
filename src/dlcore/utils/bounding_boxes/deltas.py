"""Boxes as what a network predicts: differences to anchors."""

from ... import config, ops
from .formats import as_boxes, convert_format, image_size


def encode_box_to_deltas(anchors, boxes, anchor_format, box_format, encoding_format="center_yxhw", variance=None, image_shape=None):
    """What a network should predict for anchors, so that boxes come out.

    The centre of a box counts from the centre of its anchor, in sizes of the anchor; its size is the logarithm of how
    many times as large as the anchor's it is.

    Args:
        anchors: (n, 4).
        boxes: The box for every anchor, (n, 4) or (batch, n, 4).
        anchor_format: The format of `anchors`, see :func:`convert_format`.
        box_format: The format of `boxes`.
        encoding_format: The order of the differences, `"center_xywh"` or `"center_yxhw"`.
        variance: Four numbers by which the differences are divided.
        image_shape: (height, width, channels), needed where one of the formats is relative.

    Returns:
        The differences, a tensor of the shape of `boxes`.

    Raises:
        ValueError: If `variance` has not four numbers, or a format is not known.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> anchors, boxes = [[0.0, 0.0, 10.0, 10.0]], [[0.0, 5.0, 20.0, 15.0]]
        >>> deltas = bounding_boxes.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy", encoding_format="center_xywh")
        >>> print(deltas.numpy().round(3))
        [[0.5   0.5   0.693 0.   ]]
    """
    variance = _checked("encode_box_to_deltas", variance, encoding_format, "encoding_format")
    height, width = image_size(image_shape, "encode_box_to_deltas")
    anchors = convert_format(as_boxes(anchors, "encode_box_to_deltas", "anchors"), anchor_format, encoding_format, height, width)
    boxes = convert_format(as_boxes(boxes, "encode_box_to_deltas", "boxes"), box_format, encoding_format, height, width)
    deltas = to_deltas(anchors, boxes)
    return deltas if variance is None else deltas / variance


def to_deltas(anchors, boxes):
    """The differences, where both are a centre and a size."""
    smallest = config.epsilon()
    sizes = ops.maximum(anchors[..., 2:], smallest)
    return ops.concatenate([(boxes[..., :2] - anchors[..., :2]) / sizes, ops.log(ops.maximum(boxes[..., 2:], smallest) / sizes)], -1)


def from_deltas(anchors, deltas):
    """The opposite of :func:`to_deltas`."""
    sizes = anchors[..., 2:]
    return ops.concatenate([deltas[..., :2] * sizes + anchors[..., :2], ops.exp(deltas[..., 2:]) * sizes], -1)


def decode_deltas_to_boxes(anchors, boxes_delta, anchor_format, box_format, encoded_format="center_yxhw", variance=None, image_shape=None):
    """The boxes that a network means; the opposite of :func:`encode_box_to_deltas`.

    Args:
        anchors: (n, 4), or a dict of them, one entry for every level of a network.
        boxes_delta: What was predicted, (n, 4) or (batch, n, 4), or a dict with the same keys.
        anchor_format: The format of `anchors`, see :func:`convert_format`.
        box_format: The format of the result.
        encoded_format: The order of the differences, `"center_xywh"` or `"center_yxhw"`.
        variance: Four numbers by which the differences are multiplied.
        image_shape: (height, width, channels), needed where one of the formats is relative.

    Returns:
        A tensor of the shape of `boxes_delta`, or a dict of them.

    Raises:
        ValueError: If `variance` has not four numbers, a format is not known, or one of `anchors` and `boxes_delta` is a dict.

    Example:
        >>> from dlcore.utils import bounding_boxes
        >>> boxes = bounding_boxes.decode_deltas_to_boxes([[0.0, 0.0, 10.0, 10.0]], [[0.5, 0.5, 0.0, 0.0]], "xyxy", "xyxy")
        >>> boxes.numpy().tolist()
        [[5.0, 5.0, 15.0, 15.0]]
    """
    variance = _checked("decode_deltas_to_boxes", variance, encoded_format, "encoded_format")
    height, width = image_size(image_shape, "decode_deltas_to_boxes")

    def decoded(anchors, deltas):
        anchors = convert_format(as_boxes(anchors, "decode_deltas_to_boxes", "anchors"), anchor_format, encoded_format, height, width)
        deltas = as_boxes(deltas, "decode_deltas_to_boxes", "boxes_delta")
        boxes = from_deltas(anchors, deltas if variance is None else deltas * variance)
        return convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) != isinstance(boxes_delta, dict):
        raise ValueError(
            "decode_deltas_to_boxes: expected two dicts, or none, in `anchors` and `boxes_delta`. "
            f"Received: anchors of type {type(anchors).__name__}, boxes_delta of type {type(boxes_delta).__name__}"
        )
    if not isinstance(anchors, dict):
        return decoded(anchors, boxes_delta)
    if missing := [level for level in anchors if level not in boxes_delta]:
        raise KeyError(f"decode_deltas_to_boxes: `boxes_delta` must have the keys of `anchors`, {list(anchors)}. Received: no {missing}")
    return {level: decoded(anchors[level], boxes_delta[level]) for level in anchors}


def _checked(function, variance, name, argument):
    """The variances as a tensor; the format is one of differences."""
    if variance is not None:
        variance = ops.cast(ops.convert_to_tensor(variance), "float32")
        if not variance.shape or variance.shape[-1] != 4:
            raise ValueError(f"{function}: `variance` must have 4 numbers. Received: variance of shape {tuple(variance.shape)}")
    if name not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"{function}: `{argument}` must be 'center_xywh' or 'center_yxhw'. Received: {argument}={name!r}")
    return variance
