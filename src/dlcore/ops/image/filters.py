"""Blurred, bent and outlined images."""

import numpy as np

from dlcore._kernels.array import expand_dims, squeeze, transpose
from dlcore._kernels.binary import add, multiply, subtract
from dlcore._kernels.gather import getitem, pad, stack
from dlcore._kernels.image import FILL_MODES, sample
from dlcore._kernels.resize import resample
from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.config import standardize_data_format
from dlcore.ops.image.geometry import one_of
from dlcore.ops.image.shapes import channels_last, floating, images_of
from dlcore.ops.image.taps import gaussian_taps


def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images blurred by a Gaussian; beyond the border is zero.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        kernel_size: Width and height of the Gaussian in pixels, odd.
        sigma: Its standard deviations along width and height, in pixels.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`.

    Raises:
        ValueError: If the rank is not 3 or 4, a size is not odd, or a deviation is not positive.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.gaussian_blur([[[0.0], [1.0], [0.0]]], (3, 1)).numpy().ravel().round(3).tolist()
        [0.273..., 0.451..., 0.273...]
    """
    images = images_of(images)
    sizes, deviations = [int(n) for n in kernel_size], [float(s) for s in sigma]
    if len(sizes) != 2 or len(deviations) != 2 or any(n < 1 or n % 2 == 0 for n in sizes) or min(deviations) <= 0:
        raise ValueError(f"gaussian_blur: expected two odd numbers as `kernel_size` and two positive ones as `sigma`. Received: kernel_size={kernel_size}, sigma={sigma}")
    if None in images.shape[1:]:                        # symbolic
        return KerasTensor(images.shape, images.dtype)
    x, back = channels_last(images, data_format)
    x, rounded = floating(x)
    for axis, size, deviation in zip((2, 1), sizes, deviations, strict=True):
        x = resample(x, gaussian_taps(x.shape[axis], size, deviation), axis)
    return back(rounded(x))


def elastic_transform(images, alpha=20.0, sigma=5.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0, seed=None, data_format=None):
    """Images bent by a smooth random field.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        alpha: How far pixels move.
        sigma: How smooth the field is, in pixels.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode, fill_value: As in :func:`affine_transform`.
        seed: Integer or SeedGenerator, for a reproducible field.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`.

    Raises:
        ValueError: If an argument is not as above.

    References:
        Simard et al., "Best practices for convolutional neural networks applied to visual document analysis", ICDAR 2003.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.elastic_transform(dlcore.ops.ones((8, 8, 1)), seed=1).shape
        (8, 8, 1)
    """
    from dlcore.random import normal

    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    images = images_of(images)
    if isinstance(images, KerasTensor):
        return KerasTensor(images.shape, images.dtype)
    x, back = channels_last(images, data_format)
    x, rounded = floating(x)
    alpha, sigma = float(alpha), float(sigma)
    n, height, width, _ = x.shape
    field = np.asarray(normal((n, height, width, 2), dtype=str(x.dtype), seed=seed)) * np.asarray(sigma, str(x.dtype))
    size = int(6 * sigma) | 1
    across, down = np.moveaxis(np.asarray(gaussian_blur(field, (size, size), (sigma, sigma), "channels_last")), -1, 0)
    places = np.stack([np.arange(height)[:, None] + alpha * down, np.arange(width) + alpha * across], -1).astype(str(x.dtype))
    return back(rounded(sample(x, places, interpolation, fill_mode, float(fill_value))))


def sobel_edges(images, data_format=None):
    """How images change downwards and to the right (Sobel's operators); beyond the border is zero.

    Args:
        images: (n, height, width, channels), or with the channels first.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor with one more axis of 2 at the end: the change downwards, and to the right.

    Raises:
        ValueError: If the rank is not 3 or 4.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.sobel_edges([[[[0.0], [1.0], [2.0]]]]).numpy()[0, 0, 1, 0].tolist()
        [0.0, 4.0]
    """
    images = images_of(images)
    if None in images.shape[1:]:                        # symbolic
        return KerasTensor((*images.shape, 2), images.dtype)
    x, rounded = floating(images)
    first = standardize_data_format(data_format) == "channels_first"
    single = len(x.shape) == 3
    x = expand_dims(x, 0) if single else x
    x = transpose(x, (0, 2, 3, 1)) if first else x
    height, width = x.shape[1:3]
    x = pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))

    def part(down, across):
        return getitem(x, (slice(None), slice(down, down + height), slice(across, across + width)))

    def change(before, after):
        return subtract(add(add(part(*after[0]), multiply(part(*after[1]), 2.0)), part(*after[2])), add(add(part(*before[0]), multiply(part(*before[1]), 2.0)), part(*before[2])))

    down = change([(0, k) for k in range(3)], [(2, k) for k in range(3)])
    right = change([(k, 0) for k in range(3)], [(k, 2) for k in range(3)])
    out = stack([down, right], -1)
    out = transpose(out, (0, 3, 1, 2, 4)) if first else out
    return rounded(squeeze(out, 0) if single else convert(out))
