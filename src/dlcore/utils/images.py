"""Images and arrays. Needs Pillow, which is an extra: `pip install dlcore[images]`."""

import io
import os

import numpy as np

from .. import config


def pillow(user):
    """PIL.Image, or an ImportError that says who wants it and how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{user} needs Pillow, which is not installed: `pip install pillow`, or `pip install dlcore[images]`.") from error
    return Image


def standard_data_format(data_format):
    """The data format, `config.image_data_format()` if it is None."""
    if data_format is None:
        return config.image_data_format()
    if str(data_format).lower() not in ("channels_first", "channels_last"):
        raise ValueError(f"The `data_format` argument must be one of 'channels_first', 'channels_last'. Received: data_format={data_format!r}")
    return str(data_format).lower()


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array to an image of Pillow's.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels, or (channels, height, width).
        data_format: `"channels_last"` or `"channels_first"`; by default what `config.image_data_format()` says.
        scale: stretch the values, so that the smallest becomes 0 and the largest 255.
        dtype: the dtype to compute in, by default `floatx()`.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ValueError: if the shape is not as above.
        ImportError: if Pillow is not installed.

    Example:
        >>> import numpy as np
        >>> array_to_img(np.ones((2, 3, 3))).size  # doctest: +SKIP
        (3, 2)
    """
    image = pillow("array_to_img")
    data_format = standard_data_format(data_format)
    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {x.shape[2]}")
    if scale:
        x = x - np.min(x)
        highest = np.max(x)
        if highest != 0:
            x /= highest
        x *= 255
    if x.shape[2] == 1:
        # Values that bytes do not hold make an image of whole numbers.
        return image.fromarray(x[:, :, 0].astype("int32" if np.max(x) > 255 else "uint8"))
    return image.fromarray(x.astype("uint8"))


def img_to_array(img, data_format=None, dtype=None):
    """An image of Pillow's to an array.

    Args:
        img: a `PIL.Image.Image`.
        data_format: `"channels_last"` or `"channels_first"`; by default what `config.image_data_format()` says.
        dtype: the dtype of the result, by default `floatx()`.

    Returns:
        (height, width, channels), or (channels, height, width).

    Raises:
        ValueError: if the image has another number of axes.

    Example:
        >>> import numpy as np
        >>> img_to_array(np.zeros((2, 3))).shape  # an array does, too
        (2, 3, 1)
    """
    data_format = standard_data_format(data_format)
    x = np.asarray(img, dtype=dtype or config.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}")
    if x.ndim == 2:
        x = x[:, :, None]
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Write an array to an image file.

    Args:
        path: the file, or a file object.
        x: (height, width, channels), or (channels, height, width).
        data_format: as for `array_to_img`.
        file_format: the format, by default that of the ending of `path`; for a file object it is needed.
        scale: as for `array_to_img`.
        **kwargs: for `PIL.Image.Image.save`.

    Example:
        >>> import numpy as np
        >>> save_img("ones.png", np.ones((2, 3, 3)))  # doctest: +SKIP
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:]
    if file_format and file_format.lower() in ("jpg", "jpeg"):
        file_format = "jpeg"
        if image.mode == "RGBA":
            import warnings

            warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
            image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """Read an image file.

    Args:
        path: the file, or an `io.BytesIO`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: (height, width), or None for the size of the file.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`, `"box"` or `"hamming"`.
        keep_aspect_ratio: cut off what would distort the image.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        TypeError: if `path` is neither.
        ValueError: if another argument is not as above.
        ImportError: if Pillow is not installed.

    Example:
        >>> load_img("photo.jpg", target_size=(224, 224))  # doctest: +SKIP
    """
    image_module = pillow("load_img")
    if not isinstance(path, (io.BytesIO, str, bytes, os.PathLike)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in ("grayscale", "rgb", "rgba"):
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode!r}')
    with image_module.open(path) as image:
        image.load()
    if color_mode == "grayscale":
        image = image if image.mode in ("L", "I;16", "I") else image.convert("L")
    elif image.mode != color_mode.upper():
        image = image.convert(color_mode.upper())
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    methods = {name: image_module.Resampling[name.upper()] for name in ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")}
    if interpolation not in methods:
        raise ValueError(f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(methods)}")
    (width, height), (tall, wide) = image.size, target_size
    box = None
    if keep_aspect_ratio:
        cut_height, cut_width = min(height, width * tall // wide), min(width, height * wide // tall)
        left, top = (width - cut_width) // 2, (height - cut_height) // 2
        box = (left, top, left + cut_width, top + cut_height)
    return image.resize((wide, tall), methods[interpolation], box=box)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last"):
    """Resize images without distortion: the largest part in the middle that has the proportions of `size`.

    Args:
        x: (height, width, channels) or (n, height, width, channels), or with the channels before the height.
        size: (height, width) of the result.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"` or `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        float32 of the new size; a tensor if `x` is one, else an array.

    Raises:
        ValueError: if an argument is not as above.

    Example:
        >>> import numpy as np
        >>> smart_resize(np.zeros((30, 40, 3)), (10, 10)).shape
        (10, 10, 3)
    """
    from .._kernels.tensor import Tensor, convert
    from .resizing import resize_with_crop

    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    image = np.asarray(x)
    if image.ndim not in (3, 4):
        raise ValueError(f"Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, channels)`, but got input with incorrect rank, of shape {image.shape}.")
    if standard_data_format(data_format) == "channels_first":
        image = np.moveaxis(resize_with_crop(np.moveaxis(image, -3, -1), size, interpolation), -1, -3)
    else:
        image = resize_with_crop(image, size, interpolation)
    return convert(np.ascontiguousarray(image)) if isinstance(x, Tensor) else image
