"""Images of another size: interpolation as a sparse matrix for each axis."""

import functools

import numpy as np

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def resize(image, size, interpolation="bilinear"):
    """An image of another size, without antialiasing (as TensorFlow and Keras resize by default).

    Args:
        image: (height, width, channels) or (n, height, width, channels).
        size: (height, width) of the result.
        interpolation: one of `METHODS`.

    Returns:
        float32 of the new size.

    Raises:
        ValueError: if `interpolation` is not one of them, or a size is not positive.

    Example:
        >>> import numpy as np
        >>> resize(np.array([[[0.0], [4.0]]]), (1, 4))[0, :, 0].tolist()
        [0.0, 1.0, 3.0, 4.0]
    """
    if interpolation not in METHODS:
        raise ValueError(f"Argument `interpolation` should be one of {METHODS}. Received: interpolation={interpolation!r}")
    image = np.asarray(image, np.float32)
    _check_sizes(image, size)
    return _along(_along(image, -2, int(size[1]), interpolation), -3, int(size[0]), interpolation)


def _check_sizes(image, size):
    if min(*size, *image.shape[-3:-1]) < 1:
        raise ValueError(f"images must have at least one pixel. Received: an image of shape {image.shape} to be resized to {tuple(size)}")


def _along(image, axis, size, interpolation):
    if image.shape[axis] == size and interpolation in ("bilinear", "nearest", "bicubic", "area"):
        return image
    lines = np.moveaxis(image, axis, 0)
    result = _weights(lines.shape[0], size, interpolation) @ np.ascontiguousarray(lines).reshape(lines.shape[0], -1)
    return np.ascontiguousarray(np.moveaxis(result.reshape(size, *lines.shape[1:]), 0, axis))


@functools.lru_cache(maxsize=256)
def _weights(old, new, interpolation):
    """The matrix (new, old) of float32 that makes `new` pixels of `old` ones."""
    from scipy.sparse import csr_array

    scale = np.float32(old / new)
    if interpolation == "area":
        edges = np.arange(new + 1) * float(scale)
        first, last = np.floor(edges[:-1]).astype(int), np.minimum(np.ceil(edges[1:]).astype(int), old)
        taps = np.arange((last - first).max())
        index = first[:, None] + taps
        # The part of each old pixel that lies within the new one.
        values = np.clip(np.minimum(index + 1, edges[1:, None]) - np.maximum(index, edges[:-1, None]), 0, None)
        values = values / values.sum(1, keepdims=True)
    else:
        centre = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * scale
        if interpolation == "nearest":
            index, values = np.floor(centre)[:, None], np.ones((new, 1))
        elif interpolation == "bilinear":
            low = np.floor(centre - np.float32(0.5))
            part = (centre - np.float32(0.5)) - low
            index, values = low[:, None] + [0, 1], np.stack([1 - part, part], 1)
        elif interpolation == "bicubic":
            low = np.floor(centre - np.float32(0.5))
            part = np.rint(((centre - np.float32(0.5)) - low) * 1024) / 1024          # TensorFlow reads a table of 1024 steps
            distance = part[:, None] + [1, 0, -1, -2]
            index, values = low[:, None] + [-1, 0, 1, 2], _cubic(np.abs(distance))
        else:
            kernel, radius = _KERNELS[interpolation]
            low = np.ceil(centre - radius - 0.5)
            index = low[:, None] + np.arange(2 * int(np.ceil(radius)) + 1)
            values = kernel(np.abs(index + 0.5 - centre[:, None]))
        inside = (index >= 0) & (index < old)
        if interpolation not in ("bilinear", "nearest"):        # those two repeat the border, the others leave out what is beyond
            values = np.where(inside, values, 0)
            values = values / values.sum(1, keepdims=True)
    index = np.clip(index, 0, old - 1).astype(np.int32)
    rows = np.repeat(np.arange(new, dtype=np.int32), index.shape[1])
    return csr_array((values.astype(np.float32).ravel(), (rows, index.ravel())), shape=(new, old))


def _cubic(x, a=-0.5):
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, (((x - 5) * x + 8) * x - 4) * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos(radius):
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x):
    return np.where(x < 1.5, np.exp(-2 * x * x), 0)             # a standard deviation of a half


def _mitchell(x):
    near, far = (7 / 6 * x - 2) * x * x + 8 / 9, ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1, near, np.where(x < 2, far, 0))


_KERNELS = {"lanczos3": (_lanczos(3), 3.0), "lanczos5": (_lanczos(5), 5.0), "gaussian": (_gaussian, 1.5), "mitchellcubic": (_mitchell, 2.0)}


def crop_box(height, width, size):
    """(top, left, height, width) of the largest part in the middle that has the proportions of `size`."""
    tall = max(min(height, int(width * size[0] / size[1])), 1)
    wide = max(min(width, int(height * size[1] / size[0])), 1)
    return int((height - tall) / 2), int((width - wide) / 2), tall, wide


def resize_with_crop(image, size, interpolation="bilinear"):
    """Resizes the largest part of an image (..., height, width, channels) that has the proportions of `size`."""
    _check_sizes(image, size)
    top, left, tall, wide = crop_box(image.shape[-3], image.shape[-2], size)
    return resize(image[..., top : top + tall, left : left + wide, :], size, interpolation)


def resize_with_pad(image, size, interpolation="bilinear"):
    """Resizes an image (height, width, channels) as a whole, with black bars where the proportions differ."""
    _check_sizes(image, size)
    height, width, channels = image.shape
    ratio = max(np.float32(width) / np.float32(size[1]), np.float32(height) / np.float32(size[0]))
    tall, wide = np.float32(height) / ratio, np.float32(width) / ratio
    top, left = (max(0, int((target - fitted) / 2)) for target, fitted in zip(size, (tall, wide), strict=True))
    result = np.zeros((*size, channels), np.float32)
    result[top : top + int(tall), left : left + int(wide)] = resize(image, (int(tall), int(wide)), interpolation)
    return result
