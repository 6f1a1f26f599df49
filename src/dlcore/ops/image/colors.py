"""Colours: RGB, HSV and grey."""

import numpy as np

from dlcore._kernels.binary import add, divide, maximum, minimum, mod, multiply, subtract
from dlcore._kernels.cast import cast
from dlcore._kernels.compare import clip, where
from dlcore._kernels.elementwise import absolute
from dlcore._kernels.gather import getitem, stack
from dlcore.ops.image.shapes import axes, images_of

GREY = (0.2989, 0.587, 0.114)          # how bright red, green and blue look


def _planes(images, data_format):
    """The three planes of colour, and their axis."""
    axis = axes(images, data_format)[2]
    if images.shape[axis] != 3:
        raise ValueError(f"Invalid channel size: expected 3 (RGB or HSV). Received input with shape: images.shape={tuple(images.shape)}")
    last = [slice(None)] * (-1 - axis)
    return [getitem(images, (..., i, *last)) for i in range(3)], axis


def _only_floating(images):
    if "float" not in str(images.dtype):
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={images.dtype}")


def rgb_to_grayscale(images, data_format=None):
    """Images in grey, with one channel: ``0.2989 r + 0.587 g + 0.114 b``.

    Args:
        images: With three channels, or one already; a batch or a single image.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor of the dtype of `images`.

    Raises:
        ValueError: If the rank is not 3 or 4, or there are not 3 channels or 1.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.rgb_to_grayscale([[[0.0, 0.5, 0.0]]]).numpy().tolist()
        [[[0.2935...]]]
    """
    images = images_of(images)
    axis = axes(images, data_format)[2]
    if images.shape[axis] == 1:
        return images
    if images.shape[axis] != 3:
        raise ValueError(f"Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Received input with shape: images.shape={tuple(images.shape)}")
    (r, g, b), axis = _planes(images if "float" in str(images.dtype) else cast(images, "float32"), data_format)
    grey = add(add(multiply(r, GREY[0]), multiply(g, GREY[1])), multiply(b, GREY[2]))
    return cast(stack([grey], axis), images.dtype)


def rgb_to_hsv(images, data_format=None):
    """Hue, saturation and value of the colours of images; all lie in [0, 1] if red, green and blue do.

    Args:
        images: Floating images with three channels; a batch or a single image.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`.

    Raises:
        ValueError: If the rank is not 3 or 4, or the dtype is not floating.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.rgb_to_hsv([[[0.0, 0.5, 0.0]]]).numpy().tolist()
        [[[0.3333..., 1.0, 0.5]]]
    """
    images = images_of(images)
    _only_floating(images)
    images = where(absolute(images) < float(np.finfo(str(images.dtype)).eps), 0.0, images)
    (r, g, b), axis = _planes(images, data_format)
    value = maximum(maximum(r, g), b)
    spread = subtract(value, minimum(minimum(r, g), b))
    saturation = where(value > 0, divide(spread, where(value > 0, value, 1.0)), 0.0)
    norm = divide(1.0, multiply(where(spread > 0, spread, 1.0), 6.0))
    hue = where(value == g, add(multiply(norm, subtract(b, r)), 2 / 6), add(multiply(norm, subtract(r, g)), 4 / 6))
    hue = where(value == r, multiply(norm, subtract(g, b)), hue)
    hue = add(where(spread > 0, hue, 0.0), cast(hue < 0, images.dtype))
    return stack([hue, saturation, value], axis)


def hsv_to_rgb(images, data_format=None):
    """The colours that hue, saturation and value stand for.

    Args:
        images: Floating images with three channels; a batch or a single image.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`.

    Raises:
        ValueError: If the rank is not 3 or 4, or the dtype is not floating.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.hsv_to_rgb([[[0.5, 1.0, 1.0]]]).tolist()
        [[[0.0, 1.0, 1.0]]]
    """
    images = images_of(images)
    _only_floating(images)
    (hue, saturation, value), axis = _planes(images, data_format)
    turn = multiply(mod(hue, 1.0), 6.0)
    parts = (
        subtract(absolute(subtract(turn, 3.0)), 1.0),
        subtract(2.0, absolute(subtract(turn, 2.0))),
        subtract(2.0, absolute(subtract(turn, 4.0))),
    )
    pale = subtract(1.0, saturation)
    return stack([multiply(value, add(pale, multiply(saturation, clip(part, 0.0, 1.0)))) for part in parts], axis)
