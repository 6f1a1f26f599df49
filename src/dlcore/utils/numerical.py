"""Small array helpers: one-hot labels, unit vectors, padded sequences."""

import numpy as np


def to_categorical(x, num_classes=None):
    """Class indices to one-hot rows.

    Args:
        x: integers in [0, num_classes), of any shape; a last axis of length 1 is dropped.
        num_classes: the length of the new last axis, by default the largest index plus one.

    Returns:
        float64, of the shape of `x` (without a last axis of 1) plus (num_classes,).

    Raises:
        ValueError: if an index lies outside [0, num_classes), or `x` is empty and `num_classes` is not given.

    Example:
        >>> to_categorical([0, 2, 1]).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
        >>> to_categorical([[1], [0]], num_classes=3).shape
        (2, 3)
    """
    x = np.asarray(x).astype(np.int64)
    if x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    if not num_classes:
        if not x.size:
            raise ValueError("`to_categorical` received an empty `x`: expected at least one class index, or `num_classes`.")
        num_classes = int(x.max()) + 1
    if x.size and (x.min() < 0 or x.max() >= num_classes):
        raise ValueError(f"`to_categorical` expected class indices in [0, {num_classes}), received values from {x.min()} to {x.max()}.")
    one_hot = np.zeros((x.size, num_classes))
    one_hot[np.arange(x.size), x.ravel()] = 1
    return one_hot.reshape(*x.shape, num_classes)


def normalize(x, axis=-1, order=2):
    """Divide by the norm along an axis; vectors of norm zero stay zero.

    Args:
        x: an array.
        axis: the axis along which the norm is taken.
        order: the order of the norm (2 is the Euclidean one).

    Returns:
        An array like `x`; a NumPy array of rank 1 comes back as one row, (1, n), as in Keras.

    Example:
        >>> import numpy as np
        >>> normalize(np.array([[3.0, 4.0]])).tolist()
        [[0.6, 0.8]]
    """
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    result = array / np.where(norm == 0, 1, norm)
    return np.atleast_2d(result) if isinstance(x, np.ndarray) else result


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences of different lengths to one array.

    Args:
        sequences: a list of sequences (of numbers, or of arrays of one shape).
        maxlen: the length of all rows, by default that of the longest sequence.
        dtype: the dtype of the result.
        padding: put the filling `"pre"` (before) or `"post"` (after) the sequence.
        truncating: cut long sequences at their beginning (`"pre"`) or their end (`"post"`).
        value: the filling.

    Returns:
        (number of sequences, maxlen, *shape of an item).

    Raises:
        ValueError: if an argument is not as above, or the items have different shapes.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
        [[0, 1], [2, 3], [5, 6]]
    """
    for name, choice in (("padding", padding), ("truncating", truncating)):
        if choice not in ("pre", "post"):
            raise ValueError(f"Argument `{name}` must be 'pre' or 'post'. Received: {name}={choice!r}")
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"`sequences` must be a list of sequences. Received: {sequences!r}")
    for position, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence!r} at position {position}")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ValueError(f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}. Set `dtype=object` for strings.")
    lengths = [len(sequence) for sequence in sequences]
    if maxlen is None:
        maxlen = max(lengths, default=0)
    item = next((np.asarray(sequence).shape[1:] for sequence in sequences if len(sequence)), ())
    result = np.full((len(lengths), maxlen, *item), value, dtype=dtype)
    for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        keep = min(length, maxlen)
        if not keep:
            continue
        kept = np.asarray(sequence[length - keep :] if truncating == "pre" else sequence[:keep], dtype=dtype)
        if kept.shape[1:] != item:
            raise ValueError(f"Shape of sample {kept.shape[1:]} of sequence at position {row} is different from expected shape {item}")
        start = maxlen - keep if padding == "pre" else 0
        result[row, start : start + keep] = kept
    return result


def set_random_seed(seed):
    """Seed Python's `random`, NumPy's global generator and `dlcore.random`: the same script then gives the same numbers.

    Args:
        seed: an integer in [0, 2**32).

    Raises:
        ValueError: if `seed` is not an integer.

    Example:
        >>> set_random_seed(1)
    """
    import random

    from ..random import set_global_seed

    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed!r} (of type {type(seed)})")
    random.seed(int(seed))
    np.random.seed(seed)
    set_global_seed(seed)


def clear_session(free_memory=True):
    """Start anew as if `dlcore` had just been imported: automatic names count from the beginning again.

    Args:
        free_memory: whether to collect unreachable objects and return pooled memory now.

    Example:
        >>> import dlcore
        >>> clear_session()
        >>> dlcore.layers.Flatten().name
        'flatten'
    """
    import gc

    from .. import naming

    naming.reset()
    if free_memory:
        from .._kernels.pool import pool_trim

        gc.collect()
        pool_trim()
