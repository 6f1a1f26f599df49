"""How much of which old cell makes a new one, along one axis: the matrices behind resizing and blurring."""

import functools

import numpy as np

from dlcore._kernels.resize import Taps


def _linear(t):
    return np.maximum(1 - np.abs(t), 0)


def _cubic(a):
    def kernel(t):
        # Keys' convolution kernel.
        t = np.abs(t)
        return np.where(t <= 1, ((a + 2) * t - (a + 3)) * t * t + 1, np.where(t < 2, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a, 0))

    return kernel


def _lanczos(radius):
    return lambda t: np.where(np.abs(t) < radius, np.sinc(t) * np.sinc(t / radius), 0)


# radius and kernel of each way to interpolate
_KERNELS = {"bilinear": (1, _linear), "bicubic": (2, _cubic(-0.75)), "lanczos3": (3, _lanczos(3)), "lanczos5": (5, _lanczos(5))}
_SMOOTH_CUBIC = _cubic(-0.5)            # PyTorch has another constant where it antialiases
INTERPOLATIONS = ("nearest", *_KERNELS)


@functools.lru_cache(maxsize=64)
def taps(old, new, interpolation, antialias=False):
    """The weights of `old` cells in each of `new` ones.

    The centre of new cell i lies at (i + 1/2) old / new - 1/2 of the old ones. Beyond the border the outermost cell goes
    on; the Lanczos kernels, and all kernels that antialias, take what is inside, and their weights are scaled to the sum 1.

    Args:
        old, new: Numbers of cells, at least 1.
        interpolation: One of `INTERPOLATIONS`.
        antialias: Whether to widen the kernel where cells become fewer.

    Returns:
        Taps of (new, old).
    """
    rows = np.arange(new)
    if interpolation == "nearest":
        # In float32, as PyTorch computes it: where the centre falls on the border of two cells, the rounding decides.
        scale = float(np.float32(old) / np.float32(new))
        cells = np.minimum(np.floor(((rows + 0.5) * scale).astype(np.float32)).astype(int), old - 1)
        return Taps((new, old), (rows, cells, np.ones(new)))
    radius, kernel = _KERNELS[interpolation]
    within = antialias or interpolation.startswith("lanczos")
    if antialias and interpolation == "bicubic":
        kernel = _SMOOTH_CUBIC
    width = max(old / new, 1.0) if antialias else 1.0
    centre = (rows + 0.5) * old / new - 0.5
    reach = int(np.ceil(radius * width))
    cells = np.floor(centre).astype(int)[:, None] + np.arange(1 - reach, reach + 1)
    weights = kernel((centre[:, None] - cells) / width)
    if within:
        weights = np.where((cells < 0) | (cells >= old), 0, weights)
        weights /= weights.sum(1, keepdims=True)
    return Taps((new, old), (np.repeat(rows, 2 * reach), np.clip(cells, 0, old - 1).ravel(), weights.ravel()))


@functools.lru_cache(maxsize=64)
def placed_taps(old, new, scale, shift, interpolation, antialias):
    """The same where new cells are `scale` times finer than old ones and the first is `shift` new ones further on."""
    kernel = _SMOOTH_CUBIC if interpolation == "bicubic" else _KERNELS[interpolation][1]
    width = max(1 / scale, 1.0) if antialias else 1.0
    centre = (np.arange(new) + 0.5 - shift) / scale - 0.5
    matrix = kernel((centre[:, None] - np.arange(old)) / width)
    total = matrix.sum(1, keepdims=True)
    matrix = np.where(np.abs(total) > 1000 * np.finfo(np.float32).eps, matrix / np.where(total == 0, 1, total), 0)
    return Taps(np.where(((centre >= -0.5) & (centre <= old - 0.5))[:, None], matrix, 0))


def gaussian_taps(cells, size, sigma):
    """The weights of a blur by a Gaussian of `size` cells; beyond the border is zero."""
    bell = gaussian(size, sigma)
    rows = np.repeat(np.arange(cells), size)
    places = rows + np.tile(np.arange(size) - size // 2, cells)
    inside = (places >= 0) & (places < cells)
    return Taps((cells, cells), (rows[inside], places[inside], np.tile(bell, cells)[inside]))


def gaussian(size, sigma):
    """A Gaussian at `size` places around its middle, with sum 1."""
    at = np.arange(size) - (size - 1) / 2
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    return bell / bell.sum()
