"""Parts of images, images with more around them, and patches."""

import math

import numpy as np

from dlcore._kernels.array import squeeze, transpose
from dlcore._kernels.gather import concatenate, expand_dims, getitem, pad
from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.config import standardize_data_format
from dlcore.ops.image.shapes import axes, images_of


def _spread(images, height, width, data_format):
    """What goes for the axes of height and width, for all axes; None for the others."""
    spread = [None] * len(images.shape)
    down, across, _ = axes(images, data_format)
    spread[down], spread[across] = height, width
    return spread


def _total(size, first, last, sign):
    return None if size is None else size + sign * (first + last)


def _symbol(images, height, width, data_format):
    """What stands for a result with this height and width, where sizes are not known yet."""
    down, across, _ = axes(images, data_format)
    shape = list(images.shape)
    shape[down], shape[across] = height, width
    return KerasTensor(shape, images.dtype)


def _two_of_three(name, first, last, target):
    if (first is None) + (last is None) + (target is None) != 1:
        raise ValueError(f"Must specify exactly two of {', '.join(name)}. Received: " + ", ".join(f"{n}={v}" for n, v in zip(name, (first, last, target), strict=True)))


def _not_negative(**numbers):
    for name, n in numbers.items():
        if n < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={n}")


def crop_images(images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None, target_height=None, target_width=None, data_format=None):
    """A part of images; for each direction two of three numbers say which.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        top_cropping, bottom_cropping, target_height: Rows to leave out at the top and at the bottom, and to keep.
        left_cropping, right_cropping, target_width: The same for columns.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor of the dtype of `images`.

    Raises:
        ValueError: If not exactly two of three are given, or the images are too small.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.crop_images(dlcore.ops.ones((4, 5, 1)), 1, 2, target_height=2, right_cropping=0).shape
        (2, 3, 1)
    """
    images = images_of(images)
    down, across, _ = axes(images, data_format)
    height, width = images.shape[down], images.shape[across]
    _two_of_three(("top_cropping", "bottom_cropping", "target_height"), top_cropping, bottom_cropping, target_height)
    _two_of_three(("left_cropping", "right_cropping", "target_width"), left_cropping, right_cropping, target_width)
    if height is None or width is None:                 # symbolic
        return _symbol(images, _total(height, top_cropping, bottom_cropping, -1) if target_height is None else target_height,
                       _total(width, left_cropping, right_cropping, -1) if target_width is None else target_width, data_format)
    top = height - target_height - bottom_cropping if top_cropping is None else top_cropping
    left = width - target_width - right_cropping if left_cropping is None else left_cropping
    tall = height - bottom_cropping - top if target_height is None else target_height
    wide = width - right_cropping - left if target_width is None else target_width
    _not_negative(top_cropping=top, left_cropping=left, target_height=tall, target_width=wide)
    if top + tall > height or left + wide > width:
        raise ValueError(f"crop_images: rows {top} to {top + tall} and columns {left} to {left + wide} do not lie in images of {height} x {width}")
    return getitem(images, tuple(slice(None) if part is None else part for part in _spread(images, slice(top, top + tall), slice(left, left + wide), data_format)))


def pad_images(images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None, target_height=None, target_width=None, data_format=None):
    """Images with zeros around them; for each direction two of three numbers say how many.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        top_padding, bottom_padding, target_height: Rows to add at the top and at the bottom, and to have then.
        left_padding, right_padding, target_width: The same for columns.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor of the dtype of `images`.

    Raises:
        ValueError: If not exactly two of three are given, or the images are too large.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.pad_images(dlcore.ops.ones((2, 2, 1)), 1, 1, target_height=4, target_width=3).shape
        (4, 3, 1)
    """
    images = images_of(images)
    down, across, _ = axes(images, data_format)
    height, width = images.shape[down], images.shape[across]
    _two_of_three(("top_padding", "bottom_padding", "target_height"), top_padding, bottom_padding, target_height)
    _two_of_three(("left_padding", "right_padding", "target_width"), left_padding, right_padding, target_width)
    if height is None or width is None:
        return _symbol(images, _total(height, top_padding, bottom_padding, 1) if target_height is None else target_height,
                       _total(width, left_padding, right_padding, 1) if target_width is None else target_width, data_format)
    top = target_height - bottom_padding - height if top_padding is None else top_padding
    left = target_width - right_padding - width if left_padding is None else left_padding
    bottom = target_height - top - height if bottom_padding is None else bottom_padding
    right = target_width - left - width if right_padding is None else right_padding
    _not_negative(top_padding=top, left_padding=left, bottom_padding=bottom, right_padding=right)
    return pad(images, [part or (0, 0) for part in _spread(images, (top, bottom), (left, right), data_format)])


def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """All patches of a size, each as one vector.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first; with a `size` of three
            numbers, volumes.
        size: Height and width of a patch, or one number for both.
        strides: Steps from one to the next; `size` by default.
        dilation_rate: Steps between the pixels of a patch.
        padding: ``"valid"``, or ``"same"``: with zeros around.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor (n, rows, columns, height * width * channels), or with that last axis first.

    Raises:
        TypeError: If `size` is not one or two (or three) numbers.
        ValueError: If another argument is not as above.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.ops.image.extract_patches(np.arange(16.0).reshape(4, 4, 1), 2).numpy()[0].tolist()
        [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """
    return _patches(images, size, strides, dilation_rate, padding, data_format, 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2)


def extract_patches_3d(volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """All patches of a size in volumes (n, depth, height, width, channels), each as one vector.

    Args:
        volumes: With or without the batch, channels last or first.
        size, strides, dilation_rate, padding, data_format: As in :func:`extract_patches`, with three numbers.

    Returns:
        A tensor (n, planes, rows, columns, depth * height * width * channels), or with that last axis first.

    Raises:
        TypeError, ValueError: As :func:`extract_patches`.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.extract_patches_3d(dlcore.ops.ones((4, 4, 4, 1)), 2).shape
        (2, 2, 2, 8)
    """
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _numbers(value, name, count, error=ValueError):
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(numbers) != count or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in numbers):
        raise error(f"Invalid `{name}` argument. Expected a positive int or a tuple of {count} of them. Received: {name}={value}")
    return numbers


def _patches(x, size, strides, dilation_rate, padding, data_format, rank):
    size = _numbers(size, "size", rank, TypeError)
    strides = _numbers(strides or size, "strides", rank)
    dilation = _numbers(dilation_rate, "dilation_rate", rank)
    if padding not in ("valid", "same"):
        raise ValueError(f"Invalid `padding` argument. Expected 'valid' or 'same'. Received: padding={padding!r}")
    x = convert(x)
    if len(x.shape) not in (rank + 1, rank + 2):
        raise ValueError(f"Invalid rank: expected {rank + 1} axes, or {rank + 2} with the batch. Received input with shape: {tuple(x.shape)}")
    single = len(x.shape) == rank + 1
    first = standardize_data_format(data_format) == "channels_first"
    x = expand_dims(x, 0) if single else x
    x = transpose(x, (0, *range(2, rank + 2), 1)) if first else x
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    if None in x.shape[1:-1]:                           # symbolic
        counts = [n and (-(-n // s) if padding == "same" else (n - r) // s + 1) for n, s, r in zip(x.shape[1:-1], strides, reach, strict=True)]
        depth = None if x.shape[-1] is None else x.shape[-1] * math.prod(size)
        shape = (depth, *counts) if first else (*counts, depth)
        return KerasTensor(shape if single else (x.shape[0], *shape), x.dtype)
    if padding == "same":
        total = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:], strides, reach, strict=False)]
        x = pad(x, [(0, 0), *[(t // 2, t - t // 2) for t in total], (0, 0)])
    counts = [(n - r) // s + 1 for n, s, r in zip(x.shape[1:], strides, reach, strict=False)]
    if min(counts) < 1:
        raise ValueError(f"patches of {tuple(reach)} do not fit into an input of {tuple(x.shape[1:-1])}")
    cells = []
    for place in np.ndindex(*size):
        begin = [p * d for p, d in zip(place, dilation, strict=True)]
        cells.append(getitem(x, (slice(None), *[slice(b, b + (n - 1) * s + 1, s) for b, n, s in zip(begin, counts, strides, strict=True)])))
    out = concatenate(cells, -1)
    out = transpose(out, (0, rank + 1, *range(1, rank + 1))) if first else out
    return squeeze(out, 0) if single else out
