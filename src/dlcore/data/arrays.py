"""Batches of arrays in memory."""

import itertools

import numpy as np

from dlcore import config, random, tree
from dlcore._kernels.rows import gather_rows, slice_rows
from dlcore._kernels.tensor import Tensor, convert
from dlcore.data.class_weights import class_to_sample_weights


class ArrayBatches:
    """Cuts arrays into batches, in order or shuffled anew each epoch.

    Args:
        x, y, sample_weight: Arrays or structures (lists, dicts) of arrays with equal numbers of rows.
        batch_size: Rows per batch; the last batch may be smaller. By default 32, or what makes `steps` batches.
        shuffle: Whether each epoch has an order of its own (``"batch"``: shuffle whole batches).
        class_weight: Dict from class to weight, turned into sample weights.
        steps: Stop an epoch after that many batches; the next one goes on from there.
    """

    exhausted = False                       # arrays can always be gone through again

    def __init__(self, x, y=None, sample_weight=None, batch_size=None, shuffle=False, class_weight=None, steps=None):
        if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
            raise ValueError(f"batch_size must be a positive integer; received batch_size={batch_size!r}")
        if shuffle not in (True, False, None, "batch"):
            raise ValueError(f"shuffle must be True, False or 'batch'; received shuffle={shuffle!r}")
        self.x = as_arrays("x", x)
        self.y = as_arrays("y", y)
        self.sample_weight = as_arrays("sample_weight", sample_weight)
        if class_weight is not None:
            if self.sample_weight is not None:
                raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
            self.sample_weight = class_to_sample_weights(self.y, class_weight)
        self.rows = _rows(x=self.x, y=self.y, sample_weight=self.sample_weight)
        self.batch_size = int(batch_size or (max(1, -(-self.rows // steps)) if steps else 32))
        self.shuffle = shuffle
        self.size = -(-self.rows // self.batch_size)
        self.steps = steps
        self._rest = None
        if steps is not None:
            self.size = min(self.size, steps)

    def epoch(self):
        """An iterator over the batches of one epoch: (x,), (x, y) or (x, y, sample_weight)."""
        return self._all() if self.steps is None else self._next_steps()

    def rewind(self):
        """Makes the next epoch begin with the first batch."""
        self._rest = None

    def _next_steps(self):
        batch = next(self._rest, None) if self._rest is not None else None
        if batch is None:
            self._rest = self._all()
            batch = next(self._rest, None)
        if batch is not None:
            yield batch
            yield from itertools.islice(self._rest, self.steps - 1)

    def _all(self):
        n, step = self.rows, self.batch_size
        order = self._order() if self.shuffle else None
        parts = self.x, self.y, self.sample_weight
        parts = parts[: 3 if parts[2] is not None else 2 if parts[1] is not None else 1]
        if len(parts) == 2 and isinstance(parts[0], Tensor) and isinstance(parts[1], Tensor):
            # The common case without the walk through structures.
            x, y = parts
            for begin in range(0, n, step):
                end = min(begin + step, n)
                if order is None:
                    yield slice_rows(x, begin, end), slice_rows(y, begin, end)
                else:
                    yield gather_rows(x, order, begin, end), gather_rows(y, order, begin, end)
            return
        for begin in range(0, n, step):
            end = min(begin + step, n)

            def cut(a, begin=begin, end=end):
                if isinstance(a, np.ndarray):       # text
                    return a[begin:end] if order is None else a[np.asarray(order)[begin:end]]
                return slice_rows(a, begin, end) if order is None else gather_rows(a, order, begin, end)

            yield tuple(tree.map_structure(cut, p) if p is not None else None for p in parts)

    def _order(self):
        generator = random.numpy_generator(None)
        if self.shuffle == "batch":
            full = self.rows // self.batch_size
            blocks = generator.permutation(full)
            order = (blocks[:, None] * self.batch_size + np.arange(self.batch_size)).ravel()
            return convert(np.concatenate([order, np.arange(full * self.batch_size, self.rows)]).astype(np.int64))
        return convert(generator.permutation(self.rows))


def as_arrays(name, value):
    """Tensors for the arrays, frames and lists in `value`; float64 becomes ``floatx()``, as in Keras."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: as_arrays(name, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and value and any(hasattr(v, "shape") or isinstance(v, dict) for v in value):
        return type(value)(as_arrays(name, v) for v in value)
    if isinstance(value, Tensor):
        x = value
    else:
        if hasattr(value, "to_numpy"):                                  # pandas
            value = value.to_numpy()
        if not hasattr(value, "dtype") and not isinstance(value, (list, tuple)):
            raise ValueError(f"Unrecognized data type for {name}: {type(value)}. Expected arrays, tensors, pandas frames, lists of numbers, or an iterable of batches")
        array = np.asarray(value)
        if name == "x" and is_text(array):
            if array.ndim == 0:
                raise ValueError(f"{name} must have a first axis of samples; received one text ({value!r})")
            return array                            # for the layers that take text; a model without them says so
        if array.dtype == object:
            try:
                array = array.astype(config.floatx())
            except (TypeError, ValueError) as error:
                raise ValueError(f"Failed to convert {name} (an array of objects of shape {array.shape}) to numbers: {error}. Are all rows of the same length?") from None
        if array.dtype.kind == "f" and array.dtype.name != config.floatx() and array.dtype.name != "float16":
            array = array.astype(config.floatx())
        if array.dtype.kind in "OSUMmcV":
            raise ValueError(f"{name} has dtype {array.dtype}; models take numbers. Convert it first")
        x = convert(array)
    if x.ndim == 0:
        raise ValueError(f"{name} must have a first axis of samples; received a scalar ({value!r})")
    return x


def is_text(array):
    """Whether an array holds text: str or bytes, of fixed width or as objects."""
    return array.dtype.kind in "US" or array.dtype == object and array.size > 0 and isinstance(array.flat[0], (str, bytes))


def _rows(**parts):
    counts = {name: sorted({a.shape[0] for a in tree.flatten(p)}) for name, p in parts.items() if p is not None}
    distinct = {n for ns in counts.values() for n in ns}
    if len(distinct) > 1:
        sizes = "; ".join(f"{name}: {', '.join(map(str, ns))}" for name, ns in counts.items())
        raise ValueError(f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Received: {sizes}")
    if not distinct:
        raise ValueError("x must be given: it is None or empty")
    return distinct.pop()


def train_validation_split(arrays, validation_split):
    """Splits a tuple of structures of arrays: the last `validation_split` share becomes the validation part."""
    if isinstance(validation_split, str) or not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be in the interval (0, 1); received validation_split={validation_split}")
    tensors = tuple(as_arrays(name, a) for name, a in zip(("x", "y", "sample_weight"), arrays, strict=True))
    rows = _rows(x=tensors[0], y=tensors[1], sample_weight=tensors[2])
    cut = int(rows * (1.0 - validation_split))
    if cut == 0 or cut == rows:
        raise ValueError(f"Training data contains {rows} samples, which is not sufficient to split it into a validation and training set as specified by `validation_split={validation_split}`. Either provide more data, or a different value for the `validation_split` argument.")

    def part(begin, end):
        return tuple(None if a is None else tree.map_structure(lambda t: t[begin:end] if isinstance(t, np.ndarray) else slice_rows(t, begin, end), a) for a in tensors)

    return part(0, cut), part(cut, rows)
