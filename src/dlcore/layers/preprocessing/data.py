"""What preprocessing layers share: batches to learn from, text, and the encodings of categories."""

import numpy as np

from dlcore._kernels.tensor import KerasTensor, Tensor, convert
from dlcore.layers.base import Layer

_MODES = ("int", "one_hot", "multi_hot", "count")


class DataLayer(Layer):
    """A layer whose numbers are made in NumPy: it has no gradient, and takes text where it says so.

    Floating inputs are not converted to the dtype of the layer: large identifiers would lose digits.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=kwargs.pop("autocast", False), **kwargs)
        self.built = True                           # nothing here depends on the shape of the input

    def _convert(self, value):
        if value is None or isinstance(value, (bool, Tensor)):
            return value
        value = as_array(value)
        return value if value.dtype.kind in "OUS" else super()._convert(value)


def refuse_sparse(sparse, name):
    if sparse:
        raise ValueError(f"{name}: sparse=True is not supported; the result is dense. Received: sparse={sparse}")


def one_of(value, allowed, name, argument):
    """Raises ValueError if `value` is not one of the strings `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name}: {argument} must be one of {tuple(allowed)}. Received: {argument}={value!r}")


# ---------------------------------------------------------------------------------------------------------------- data

def as_array(value):
    """A NumPy array of numbers, or one of text (of kind O, U or S) from arrays, pandas columns, tensors and lists."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "to_numpy"):                  # pandas
        return value.to_numpy()
    if isinstance(value, (list, tuple)) and _first_leaf(value) is str:
        return np.array(value, dtype=object)        # as it is: an array of fixed width would cut trailing zero bytes
    return np.asarray(value)


def _first_leaf(value):
    while isinstance(value, (list, tuple)):
        if not value:
            return None
        value = value[0]
    return str if isinstance(value, (str, bytes, np.str_, np.bytes_)) else type(value)


def texts(array, name, encoding="utf-8"):
    """The items of an array of text as a flat list of str."""
    items = array.ravel().tolist()
    for i, item in enumerate(items):
        if type(item) is not str:
            if not isinstance(item, (str, bytes)):
                raise ValueError(
                    f"{name}: expected text; received {item!r} of type {type(item).__name__} at place {i} of an array of shape {array.shape}. "
                    "Fill in what is missing and convert numbers to text first"
                )
            items[i] = item.decode(encoding) if isinstance(item, bytes) else str(item)
    return items


def whole_numbers(array, name):
    """The items of a numeric array as int64."""
    if array.dtype.kind == "f":
        bad = ~np.isfinite(array) | (np.trunc(array) != array)
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"{name}: expected whole numbers; received {array[place]} at place {place}")
    elif array.dtype.kind not in "iub":
        raise ValueError(f"{name}: expected whole numbers; received an array of {array.dtype}")
    return array.astype(np.int64)


def is_array(data):
    return isinstance(data, (np.ndarray, Tensor)) or hasattr(data, "to_numpy") or type(data).__module__.split(".")[0] == "torch"


def batches(data, steps=None):
    """The batches of an iterable, or of something with a length and items by number; x of tuples (x, y, ...)."""
    if not hasattr(data, "__iter__") and hasattr(data, "__getitem__"):
        count = getattr(data, "num_batches", None) or len(data)
        data = map(data.__getitem__, range(count))
    for i, batch in enumerate(data):
        if steps is not None and i >= steps:
            return
        yield batch[0] if isinstance(batch, tuple) else batch


# ----------------------------------------------------------------------------------------------------------- encodings

def encoded_shape(shape, mode, depth):
    """The shape of what :func:`encode` makes."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if not shape:
        return (1, depth) if mode == "one_hot" else (depth,)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)


def encoded_spec(inputs, mode, depth, dtype):
    return KerasTensor(encoded_shape(inputs.shape, mode, depth), dtype)


def encode(indices, mode, depth, dtype, weights=None):
    """Category numbers as they are, or as vectors of length `depth`; numbers outside [0, depth) leave no trace there.

    Args:
        indices: int64 array.
        mode: ``"int"``; ``"one_hot"`` (a vector for each number; a last axis of 1 is dropped); ``"multi_hot"`` and
            ``"count"`` (one vector for all numbers along the second axis, or along the only one).
        depth: Number of categories.
        dtype: dtype of the result.
        weights: For ``"count"``: what each number counts.

    Returns:
        A Tensor.
    """
    if mode == "int":
        return convert(np.asarray(indices, dtype=dtype))
    shape = encoded_shape(indices.shape, mode, depth)
    if mode == "one_hot" or indices.ndim == 0:
        rows = indices.reshape(-1, 1)
    elif indices.ndim == 1:
        rows = indices.reshape(1, -1)
    else:
        rows = np.moveaxis(indices, 1, -1).reshape(-1, indices.shape[1])
    inside = (rows >= 0) & (rows < depth)
    places = (rows + depth * np.arange(rows.shape[0])[:, None])[inside]
    if mode == "count":
        if weights is not None:
            weights = np.broadcast_to(weights, indices.shape)
            weights = np.moveaxis(weights, 1, -1) if indices.ndim > 1 else weights
            weights = weights.reshape(rows.shape)[inside]
        out = np.bincount(places, weights, minlength=rows.shape[0] * depth).astype(dtype)
    else:
        out = np.zeros(rows.shape[0] * depth, dtype=dtype)
        out[places] = 1
    return convert(out.reshape(shape))
