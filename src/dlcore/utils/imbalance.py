"""Data whose classes differ in size: draw more of the small ones, fewer of the large ones, or weigh them. Not in Keras."""

import numpy as np

__all__ = ["class_weights", "oversample", "undersample"]


def oversample(x, y, ratio=None, seed=None, return_indices=False):
    """Repeats samples of small classes until the classes have the sizes wanted; no sample is lost.

    Within a class every sample is repeated equally often, but for one time more of some, drawn at random. The result is
    shuffled. Split off validation data before, or it will hold copies of training samples.

    Args:
        x: Array, tensor, pandas frame, or list, tuple or dict of them, with a row for each sample; or None.
        y: Labels: numbers or text of shape (samples,) or (samples, 1), or one-hot rows. Arrays, tensors, pandas columns, lists.
        ratio: Dict from class to its size relative to the others, ``{0: 3, 1: 1}``; equal sizes by default. For one-hot rows
            the classes are the places of the ones.
        seed: Whole number; by default the choice follows from ``dlcore.utils.set_random_seed``.
        return_indices: Whether to return the rows drawn as well.

    Returns:
        x and y of the samples drawn, in the form they were given; and their rows (int64), if wanted.

    Raises:
        ValueError: If x and y differ in length, or `ratio` does not name every class.

    Example:
        >>> import numpy as np
        >>> x, y = oversample(np.arange(5), np.array([0, 0, 0, 0, 1]), seed=1)
        >>> np.bincount(y).tolist(), (x[y == 1] == 4).all().item()
        ([4, 4], True)
    """
    return _drawn(x, y, ratio, seed, return_indices, max)


def undersample(x, y, ratio=None, seed=None, return_indices=False):
    """Leaves out samples of large classes, at random, until the classes have the sizes wanted; none is repeated.

    Args:
        x, y, ratio, seed, return_indices: As in :func:`oversample`.

    Returns:
        x and y of the samples drawn, shuffled, in the form they were given; and their rows (int64), if wanted.

    Raises:
        ValueError: If x and y differ in length, or `ratio` does not name every class.

    Example:
        >>> import numpy as np
        >>> x, y = undersample(np.arange(6), np.array([0, 0, 0, 0, 1, 1]), ratio={0: 1, 1: 2}, seed=1)
        >>> np.bincount(y).tolist()
        [1, 2]
    """
    return _drawn(x, y, ratio, seed, return_indices, min)


def class_weights(y):
    """Weights that make every class count the same, for ``fit(class_weight=...)``.

    ``weight[c] = samples / (classes * samples of class c)``

    Args:
        y: Labels, as in :func:`oversample`.

    Returns:
        A dict from class to weight.

    Example:
        >>> class_weights([0, 0, 0, 1])
        {0: 0.66..., 1: 2.0}
    """
    names, _, counts = _classes(y)
    return {name: len(_labels(y)) / (len(names) * count) for name, count in zip(names, counts.tolist(), strict=True)}


def _labels(y):
    """One label for each sample, as an array of one axis."""
    y = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "iufb":
        if ((y != 0) & (y != 1)).any() or (y.sum(axis=1) != 1).any():
            raise ValueError(f"y has shape {y.shape}, so its rows should be one-hot; some are not. Expected one label for each sample")
        return y.argmax(axis=1)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or not y.size:
        raise ValueError(f"y must hold at least one label, of shape (samples,), (samples, 1) or one-hot; received shape {y.shape}")
    if y.dtype.kind == "f":
        if np.isnan(y).any():
            raise ValueError(f"y holds NaN, first at sample {int(np.flatnonzero(np.isnan(y))[0])}; expected labels")
        y = y.astype(np.int64) if (y == np.trunc(y)).all() else y
    return y


def _classes(y):
    """The classes in order, the class number of every sample, and the number of samples of each class."""
    labels = _labels(y)
    try:
        names, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    except TypeError as error:
        raise ValueError(f"y mixes labels that cannot be ordered: {error}") from None
    return names.tolist(), numbers, counts


def _drawn(x, y, ratio, seed, return_indices, limit):
    from ..random import numpy_generator

    names, numbers, counts = _classes(y)
    shares = np.ones(len(names))
    if ratio is not None:
        if set(ratio) != set(names) or not all(np.isfinite(r) and r > 0 for r in ratio.values()):
            raise ValueError(f"ratio must give a positive number for each of the classes {names}. Received: ratio={ratio}")
        shares = np.array([ratio[name] for name in names], dtype=np.float64)
    unit = limit(counts / shares)
    # The class that sets the unit keeps its size exactly; no class disappears.
    sizes = np.maximum(np.round(unit * shares).astype(np.int64), 1)
    sizes = np.maximum(sizes, counts) if limit is max else np.minimum(sizes, counts)
    generator = numpy_generator(seed)
    drawn = []
    for c, size in enumerate(sizes.tolist()):
        rows = np.flatnonzero(numbers == c)
        whole, rest = divmod(size, len(rows))
        drawn += [np.tile(rows, whole), generator.choice(rows, rest, replace=False)]
    rows = generator.permutation(np.concatenate(drawn))
    result = _rows(x, rows, len(numbers), "x"), _rows(y, rows, len(numbers), "y")
    return (*result, rows) if return_indices else result


def _rows(value, rows, count, name):
    """The rows of every array in a structure."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: _rows(item, rows, count, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value and any(hasattr(item, "shape") and len(item.shape) for item in value):
        return type(value)(_rows(item, rows, count, f"{name}[{i}]") for i, item in enumerate(value))
    if len(value) != count:
        raise ValueError(f"{name} and the labels must have the same number of samples. Received: {len(value)} and {count}")
    if hasattr(value, "iloc"):                      # pandas
        return value.iloc[rows]
    if isinstance(value, (list, tuple)):
        return type(value)(value[i] for i in rows.tolist())
    if isinstance(value, np.ndarray):
        return value[rows]
    from .._kernels.gather import take

    return take(value, rows, 0)
