"""How alike two images are."""

import functools

import numpy as np

from dlcore._kernels.binary import add, divide, multiply, subtract
from dlcore._kernels.cast import cast
from dlcore._kernels.reduce import mean
from dlcore._kernels.resize import Taps, resize_images
from dlcore._kernels.tensor import KerasTensor
from dlcore.ops.image.shapes import channels_last, floating, images_of
from dlcore.ops.image.taps import gaussian


def ssim(image1, image2, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None):
    """The structural similarity of images: 1 for equal ones.

    Args:
        image1: (n, height, width, channels) or (height, width, channels), or with the channels first.
        image2: Others of the same shape.
        max_val: The largest value that a pixel may have.
        filter_size: The size in pixels of the Gaussian that weighs neighbours; odd, and no larger than the images.
        filter_sigma: Its standard deviation in pixels.
        k1, k2: What keeps the quotients of brightness and of contrast away from 0 / 0.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor (n,), or a number for single images, of the dtype of `image1`; float32 if that holds whole numbers.

    Raises:
        ValueError: If an argument is not as above.

    References:
        Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE Transactions on Image
        Processing, 2004.

    Example:
        >>> import dlcore
        >>> x = dlcore.ops.ones((2, 16, 16, 3))
        >>> dlcore.ops.image.ssim(x, 0.5 * x).numpy().round(4).tolist()
        [0.8..., 0.8...]
    """
    image1, image2 = images_of(image1, "image1"), images_of(image2, "image2")
    if len(image1.shape) != len(image2.shape) or any(a != b for a, b in zip(image1.shape, image2.shape, strict=True) if None not in (a, b)):
        raise ValueError(f"ssim: image1 and image2 must have the same shape. Received: image1.shape={tuple(image1.shape)}, image2.shape={tuple(image2.shape)}")
    if not isinstance(filter_size, (int, np.integer)) or filter_size < 1 or filter_size % 2 == 0 or not filter_sigma > 0:
        raise ValueError("ssim: filter_size must be an odd number and filter_sigma positive. "
                         f"Received: filter_size={filter_size}, filter_sigma={filter_sigma}")
    dtype = image1.dtype if "float" in str(image1.dtype) else "float32"
    if isinstance(image1, KerasTensor) or isinstance(image2, KerasTensor):
        return KerasTensor(() if len(image1.shape) == 3 else image1.shape[:1], dtype)
    x, y = (floating(channels_last(image, data_format)[0])[0] for image in (image1, image2))
    y = cast(y, x.dtype)
    height, width = x.shape[1:3]
    if min(height, width) < filter_size:
        raise ValueError(f"ssim: the images must be at least filter_size={filter_size} pixels high and wide. Received: image1.shape={tuple(image1.shape)}")
    down, across = (_inner_taps(n, int(filter_size), float(filter_sigma)) for n in (height, width))

    def around(values):
        return resize_images(values, down, across)

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    a, b = around(x), around(y)
    aa, bb, ab = multiply(a, a), multiply(b, b), multiply(a, b)
    spread = subtract(add(around(multiply(x, x)), around(multiply(y, y))), add(aa, bb))
    common = subtract(around(multiply(x, y)), ab)
    likeness = divide(multiply(add(multiply(ab, 2.0), c1), add(multiply(common, 2.0), c2)), multiply(add(add(aa, bb), c1), add(spread, c2)))
    out = cast(mean(likeness, axis=(1, 2, 3)), dtype)
    return out if len(image1.shape) == 4 else out[0]


@functools.lru_cache(maxsize=16)
def _inner_taps(cells, size, sigma):
    """The weights of a blur by a Gaussian where all of it lies inside."""
    matrix = np.zeros((cells - size + 1, cells))
    for k, weight in enumerate(gaussian(size, sigma)):
        np.fill_diagonal(matrix[:, k:], weight)
    return Taps(matrix)
