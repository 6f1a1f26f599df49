"""Images of another size, or seen through other coordinates."""

import numpy as np

from dlcore._kernels.array import reshape
from dlcore._kernels.cast import cast
from dlcore._kernels.compare import clip
from dlcore._kernels.elementwise import round
from dlcore._kernels.gather import expand_dims, getitem, pad
from dlcore._kernels.image import FILL_MODES, affine, sample
from dlcore._kernels.resize import resample, resize_images
from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.ops.image.shapes import channels_last, floating, images_of
from dlcore.ops.image.taps import INTERPOLATIONS, placed_taps, taps


def one_of(value, allowed, argument):
    """Raises ValueError if `value` is not among `allowed`."""
    if value not in allowed:
        raise ValueError(f"Invalid value for argument `{argument}`. Expected one of {tuple(allowed)}. Received: {argument}={value!r}")


def resize(images, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
           fill_mode="constant", fill_value=0.0, data_format=None):  # fmt: skip
    """Images of another size.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        size: (height, width) of the result.
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        antialias: Whether to average over all that a new pixel covers where images become smaller.
        crop_to_aspect_ratio: Whether to take the largest part in the middle that has the proportions of `size`.
        pad_to_aspect_ratio: Whether to fill up the images to the proportions of `size`.
        fill_mode: ``"constant"``.
        fill_value: What they are filled up with.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor of the dtype of `images`; whole numbers are rounded.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.resize([[[0.0], [4.0]]], (1, 4)).numpy().ravel().tolist()
        [0.0, 1.0, 3.0, 4.0]
    """
    one_of(interpolation, INTERPOLATIONS, "interpolation")
    one_of(fill_mode, ("constant",), "fill_mode")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio` and `crop_to_aspect_ratio` can be True. Received: both")
    size = tuple(size)
    if len(size) != 2 or any(not isinstance(n, (int, np.integer)) or n < 1 for n in size):
        raise ValueError(f"Argument `size` must be a tuple of two positive whole numbers (height, width). Received: size={size}")
    images = images_of(images)
    x, back = channels_last(images, data_format)
    height, width = x.shape[1:3]
    if height is None or width is None:
        if not isinstance(x, KerasTensor):
            raise ValueError(f"Received images of unknown size: {images}")
        return back(KerasTensor((x.shape[0], *size, x.shape[3]), x.dtype))
    if min(height, width) < 1:
        raise ValueError(f"images must have at least one pixel. Received: images.shape={tuple(images.shape)}")
    # Bytes are computed in float32 by the kernel itself; but not what they are filled up with.
    x, rounded = (x, lambda y: y) if x.dtype == "uint8" and not pad_to_aspect_ratio else floating(x)
    if crop_to_aspect_ratio:
        top, left, tall, wide = middle(height, width, size)
        x = getitem(x, (slice(None), slice(top, top + tall), slice(left, left + wide)))
    elif pad_to_aspect_ratio:
        top = (max(height, int(width * size[0] / size[1])) - height) // 2
        left = (max(width, int(height * size[1] / size[0])) - width) // 2
        x = pad(x, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=float(fill_value))
    down, across = (
        taps(old, int(new), interpolation, bool(antialias) and interpolation != "nearest") if old != new or interpolation.startswith("lanczos") else None
        for old, new in zip(x.shape[1:3], size, strict=True)
    )
    if down is not None or across is not None:
        x = resize_images(x, down, across)
    if pad_to_aspect_ratio and images.dtype == "uint8":
        x = clip(x, 0, 255)
    return back(rounded(x))


def middle(height, width, size):
    """(top, left, height, width) of the largest part in the middle that has the proportions of `size`."""
    tall = max(min(height, int(width * size[0] / size[1])), 1)
    wide = max(min(width, int(height * size[1] / size[0])), 1)
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None):
    """Images moved, turned, scaled, sheared or seen in perspective.

    The pixel (x, y) of the result is that at ``((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`` of the image, where
    ``k = c0 x + c1 y + 1``.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        transform: (n, 8), or (8,) for all images: a0, a1, a2, b0, b1, b2, c0, c1.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: What is beyond the border of an image: ``"constant"``, ``"nearest"`` (d | a b c d | a), ``"wrap"``,
            ``"reflect"`` (b a | a b c d | d c) or ``"mirror"`` (c b | a b c d | c b).
        fill_value: What ``"constant"`` fills with.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`. Gradients go to the images, not to the transform.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.affine_transform([[[1.0], [2.0], [3.0]]], [1, 0, 1, 0, 1, 0, 0, 0]).numpy().ravel().tolist()
        [2.0, 3.0, 0.0]
    """
    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    images, transform = images_of(images), convert(transform)
    if len(transform.shape) not in (1, 2):
        raise ValueError("Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms). "
                         f"Received input with shape: transform.shape={tuple(transform.shape)}")
    x, back = channels_last(images, data_format)
    x, rounded = floating(x)
    matrices = expand_dims(transform, 0) if len(transform.shape) == 1 else transform
    fill_value = float(fill_value) if "float" in str(images.dtype) else int(fill_value)
    return back(rounded(affine(x, matrices, interpolation, fill_mode, fill_value)))


def perspective_transform(images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None):
    """Images in perspective: four points of each are moved to four others.

    Args:
        images: (n, height, width, channels) or (height, width, channels), or with the channels first.
        start_points: (n, 4, 2) or (4, 2): x and y of four points in the images.
        end_points: Where they are in the result, of the same shape.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: What is beyond the border of an image.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        A tensor like `images`.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        >>> import dlcore, numpy as np
        >>> x = np.arange(4.0).reshape(2, 2, 1)
        >>> corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> dlcore.ops.image.perspective_transform(x, corners, corners[:, ::-1]).numpy().round(5).ravel().tolist()
        [0.0, 2.0, 1.0, 3.0]
    """
    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    images = images_of(images)
    points = {"start_points": np.asarray(start_points, np.float64), "end_points": np.asarray(end_points, np.float64)}
    for name, array in points.items():
        if array.shape[-2:] != (4, 2) or array.ndim not in (2, 3):
            raise ValueError(f"Invalid {name} shape: expected (4, 2) for a single image or (n, 4, 2) for a batch. Received shape: {array.shape}")
    start, end = points.values()
    if start.shape != end.shape:
        raise ValueError(f"start_points and end_points must have the same shape. Received start_points.shape={start.shape}, end_points.shape={end.shape}")
    x, back = channels_last(images, data_format)
    x, rounded = floating(x)
    return back(rounded(affine(x, homography(start.reshape(-1, 4, 2), end.reshape(-1, 4, 2)), interpolation, "constant", float(fill_value))))


def homography(start, end):
    """The maps (n, 8) that take four points `end` (n, 4, 2) back to `start`."""
    x, y = end[..., 0], end[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    u, v = start[..., 0], start[..., 1]
    across = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    down = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    equations = np.concatenate([across, down], 1)
    try:
        return np.linalg.solve(equations, np.concatenate([u, v], 1)[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise ValueError(f"three of the four end_points lie on one line, so no perspective takes them there. Received: end_points={end.tolist()}") from None


def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """An array read at given places.

    Args:
        inputs: Array of any rank.
        coordinates: One array of coordinates for each axis, all of one shape.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``, as in :func:`affine_transform`.
        fill_value: What ``"constant"`` fills with.

    Returns:
        A tensor of the shape of one array of coordinates and the dtype of `inputs`. Without gradient, but for arrays of two axes.

    Raises:
        ValueError: If an argument is not as above.
        NotImplementedError: If `order` is more than 1.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.map_coordinates([0.0, 10.0], [[0.25, 3.0]], 1).tolist()
        [2.5, 0.0]
    """
    one_of(fill_mode, FILL_MODES, "fill_mode")
    if order not in (0, 1):
        raise NotImplementedError(f"map_coordinates: order must be 0 or 1. Received: order={order}")
    x = convert(inputs)
    places = [np.asarray(c) for c in coordinates]
    if len(places) != len(x.shape):
        raise ValueError("First dim of `coordinates` must be the same as the rank of `inputs`. "
                         f"Received inputs with shape: {tuple(x.shape)} and coordinate leading dim of {len(places)}")
    if not places or places[0].ndim < 1:
        raise ValueError("Invalid coordinates rank: expected at least rank 2. Received arrays of numbers")
    if len(places) != 2 or 0 in x.shape:
        return convert(_read(np.asarray(x), places, order, fill_mode, fill_value))
    wide, rounded = floating(x)
    field = np.stack(np.broadcast_arrays(*places), -1).astype(str(wide.dtype))
    out = sample(reshape(wide, (1, *x.shape, 1)), field.reshape(1, -1, 1, 2) if field.size else field.reshape(1, 0, 1, 2),
                 "bilinear" if order else "nearest", fill_mode, float(fill_value))  # fmt: skip
    return rounded(reshape(out, field.shape[:-1]))


def _read(x, places, order, fill_mode, fill_value):
    whole = x.dtype.kind in "iub"
    total = 0
    low = [np.floor(p).astype(np.int64) if order else np.rint(p).astype(np.int64) for p in places]
    for corner in np.ndindex(*[1 + order] * len(places)):
        index, inside, weight = [], True, 1
        for p, at, step, n in zip(places, low, corner, x.shape, strict=True):
            part = p - at
            weight = weight * ((part if step else 1 - part) if order else 1)
            index.append(_inside(at + step, n, fill_mode))
            inside = inside & ((at + step >= 0) & (at + step < n) if fill_mode == "constant" else True)
        total = total + weight * np.where(inside, x[tuple(index)] if x.size else fill_value, fill_value)
    return (np.rint(total) if whole else np.asarray(total)).astype(x.dtype)


def _inside(i, n, fill_mode):
    if fill_mode in ("constant", "nearest"):
        return np.clip(i, 0, n - 1)
    if fill_mode == "wrap":
        return i % n
    period = max(2 * n - 2, 1) if fill_mode == "mirror" else 2 * n
    i = i % period
    return np.where(i < n, i, period - i if fill_mode == "mirror" else period - 1 - i)


def scale_and_translate(images, output_shape, scale, translation, spatial_dims, method, antialias=True):
    """Images scaled and moved, along any axes.

    Args:
        images: Array of any rank.
        output_shape: The shape of the result.
        scale: A factor for each of the axes.
        translation: A shift for each of them, in pixels of the result.
        spatial_dims: The axes.
        method: ``"linear"``, ``"bilinear"``, ``"trilinear"``, ``"cubic"``, ``"bicubic"``, ``"tricubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        antialias: Whether to average over all that a new pixel covers where images become smaller.

    Returns:
        A tensor of the dtype of `images`.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        >>> import dlcore
        >>> dlcore.ops.image.scale_and_translate([1.0, 2.0], (4,), [2.0], [0.0], [0], "linear").tolist()
        [1.0, 1.25, 1.75, 2.0]
    """
    kinds = {"linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "bicubic": "bicubic", "tricubic": "bicubic",
             "lanczos3": "lanczos3", "lanczos5": "lanczos5"}  # fmt: skip
    one_of(method, kinds, "method")
    x = convert(images)
    scale, translation = np.asarray(scale, np.float64).ravel(), np.asarray(translation, np.float64).ravel()
    if len(output_shape) != len(x.shape) or not len(scale) == len(translation) == len(spatial_dims):
        raise ValueError(f"scale_and_translate: expected {len(x.shape)} numbers in `output_shape`, and as many in `scale` and `translation` as axes in `spatial_dims`. "
                         f"Received: output_shape={tuple(output_shape)}, scale={scale.tolist()}, translation={translation.tolist()}, spatial_dims={tuple(spatial_dims)}")
    y, rounded = floating(x)
    for axis, s, t in zip(spatial_dims, scale.tolist(), translation.tolist(), strict=True):
        y = resample(y, placed_taps(x.shape[axis], int(output_shape[axis]), s, t, kinds[method], bool(antialias)), axis)
    if "float" in str(x.dtype):
        return rounded(y)
    return cast(clip(round(y), float(np.min(x)), float(np.max(x))), x.dtype)
