"""What the ops on images share: batches with channels last, whatever comes in, and the dtype to compute in."""

from dlcore._kernels.array import expand_dims, squeeze, transpose
from dlcore._kernels.cast import cast
from dlcore._kernels.elementwise import round
from dlcore._kernels.tensor import convert
from dlcore.config import standardize_data_format


def images_of(images, what="images"):
    """A tensor of rank 3 or 4."""
    images = convert(images)
    if len(images.shape) not in (3, 4):
        raise ValueError(f"Invalid {what} rank: expected rank 3 (single image) or rank 4 (batch of images). Received input with shape: {what}.shape={tuple(images.shape)}")
    return images


def axes(images, data_format):
    """The axes of height, width and channels, counted from the end."""
    return (-2, -1, -3) if standardize_data_format(data_format) == "channels_first" else (-3, -2, -1)


def channels_last(images, data_format):
    """Images as a batch with channels last, and a function that undoes that to a result."""
    single = len(images.shape) == 3
    first = standardize_data_format(data_format) == "channels_first"
    x = expand_dims(images, 0) if single else images
    x = transpose(x, (0, 2, 3, 1)) if first else x

    def back(y):
        y = transpose(y, (0, 3, 1, 2)) if first else y
        return squeeze(y, 0) if single else y

    return x, back


def floating(x):
    """Numbers to compute with: whole ones as float32, or float64 if they have more bits; and a function that rounds a result to the dtype of x."""
    name = str(x.dtype)
    if name in ("float32", "float64"):
        return x, lambda y: y
    wide = "float64" if name in ("int32", "int64", "uint32", "uint64") else "float32"
    return cast(x, wide), lambda y: cast(y if name == "float16" else round(y), name)
