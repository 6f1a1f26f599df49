"""Batches of arrays in memory."""

import itertools

import numpy as np

from dlcore import config, random, tree
from dlcore._kernels.rows import gather_rows, slice_rows
from dlcore._kernels.tensor import Tensor, convert
from dlcore.data.class_weights import class_to_sample_weights
from dlcore.data.rows import Rows, cut, gather, lazy, part
from dlcore.utils.checks import is_count


class ArrayBatches:
    """Cuts arrays into batches, in order or shuffled anew each epoch.

    Args:
        x, y, sample_weight: Arrays or structures (lists, dicts) of arrays with equal numbers of rows.
        batch_size: Rows per batch; the last batch may be smaller. By default 32, or what makes `steps` batches.
        shuffle: Whether each epoch has an order of its own (``"batch"``: only within each batch, as in Keras; what is
            read from a file is then read in order).
        class_weight: Dict from class to weight, turned into sample weights.
        steps: Stop an epoch after that many batches; the next one goes on from there.
    """

    exhausted = False                       # arrays can always be gone through again

    def __init__(self, x, y=None, sample_weight=None, batch_size=None, shuffle=False, class_weight=None, steps=None):
        if batch_size is not None and not is_count(batch_size):
            raise ValueError(f"batch_size must be a positive integer; received batch_size={batch_size!r}")
        if shuffle not in (True, False, None, "batch"):
            raise ValueError(f"shuffle must be True, False or 'batch'; received shuffle={shuffle!r}")
        self.x = as_arrays("x", x, in_memory=False)
        self.y = as_arrays("y", y, in_memory=False)
        self.sample_weight = _one_each(as_arrays("sample_weight", sample_weight, in_memory=False), self.y)
        if class_weight is not None:
            if self.sample_weight is not None:
                raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
            y = self.y
            self.sample_weight = class_to_sample_weights(cut(y, 0, y.shape[0]) if isinstance(y, Rows) else y, class_weight)
        self.rows = _rows(x=self.x, y=self.y, sample_weight=self.sample_weight)
        self.batch_size = int(batch_size or (max(1, -(-self.rows // steps)) if steps else 32))
        self.shuffle = shuffle
        self.size = -(-self.rows // self.batch_size)
        self.steps = steps
        self._rest = None                   # of a pass over the rows: what later epochs go on with
        self._key = np.zeros(2, np.uint32)  # of the order of the rows in this pass
        self._row = self.rows               # the next row of this pass; after the last one there is none
        self._first_row = 0                 # that with which this epoch began
        if steps is not None:
            self.size = min(self.size, steps)

    def epoch(self):
        """An iterator over the batches of one epoch: (x,), (x, y) or (x, y, sample_weight)."""
        if self.steps is None:
            rest, self._rest = self._rest, None
            return rest or self._all()
        return self._next_steps()

    def position(self, within_epoch):
        """Where the data is, for :meth:`resume`: at the beginning of this epoch, or, between two of them, of the next one.

        Returns:
            A list of whole numbers, or None if the next epoch begins anew anyway.
        """
        row = self._first_row if within_epoch else self._row
        if not within_epoch and (self.steps is None or row >= self.rows):
            return None
        return [*self._key.tolist(), row]

    def resume(self, position):
        """Makes the next epoch the one that had this :meth:`position`."""
        *key, row = position
        self._rest = self._all(row, np.array(key, np.uint32))

    def rewind(self):
        """Makes the next epoch begin with the first batch."""
        self._rest, self._row = None, self.rows

    def close(self):
        """Nothing to end: there are no workers."""

    def _next_steps(self):
        self._first_row = self._row
        batch = next(self._rest, None) if self._rest is not None else None
        if batch is None:
            self._rest = self._all()
            batch = next(self._rest, None)
        if batch is not None:
            yield batch
            yield from itertools.islice(self._rest, self.steps - 1)

    def _all(self, first=0, key=None):
        n, step = self.rows, self.batch_size
        if self.shuffle:
            self._key = random.draw_seed(None) if key is None else key
        order = self._order() if self.shuffle else None
        self._first_row = self._row = first
        parts = self.x, self.y, self.sample_weight
        parts = parts[: 3 if parts[2] is not None else 2 if parts[1] is not None else 1]
        if len(parts) == 2 and isinstance(parts[0], Tensor) and isinstance(parts[1], Tensor):
            # The common case without the walk through structures.
            x, y = parts
            for begin in range(first, n, step):
                self._row = end = min(begin + step, n)
                if order is None:
                    yield slice_rows(x, begin, end), slice_rows(y, begin, end)
                else:
                    yield gather_rows(x, order, begin, end), gather_rows(y, order, begin, end)
            return
        for begin in range(first, n, step):
            self._row = end = min(begin + step, n)

            def rows(a, begin=begin, end=end):
                return None if a is None else cut(a, begin, end) if order is None else gather(a, order, begin, end)

            yield tuple(tree.map_structure(rows, p) for p in parts)

    def _order(self):
        generator = random.generator_of(self._key)
        if self.shuffle != "batch":
            return convert(generator.permutation(self.rows))
        order = np.arange(self.rows)
        whole = self.rows // self.batch_size * self.batch_size
        generator.permuted(order[:whole].reshape(-1, self.batch_size), axis=1, out=order[:whole].reshape(-1, self.batch_size))
        generator.shuffle(order[whole:])
        return convert(order)


def as_arrays(name, value, in_memory=True):
    """Tensors for the arrays, frames and lists in `value`; floats become ``floatx()``, as in Keras.

    Args:
        name: What to call it in errors.
        value: An array, or a list, tuple or dict of arrays.
        in_memory: Whether to load what lies in a file; otherwise it comes as Rows.
    """
    if type(value) is np.ndarray and value.ndim and (value.dtype.kind in "iub" or value.dtype == config.floatx()) and (in_memory or value.base is None):
        return convert(value)               # the usual case, first
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: as_arrays(name, v, in_memory) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and any(_is_array(v) for v in tree.flatten(value)):
        parts = [as_arrays(name, v, in_memory) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    rows = None if isinstance(value, Tensor) else lazy(value)
    if rows is not None:
        return rows if not in_memory else cut(rows, 0, rows.shape[0])
    x = value if isinstance(value, Tensor) else _tensor(name, value)
    if x.ndim == 0:
        raise ValueError(f"{name} must have a first axis of samples; received a scalar ({value!r})")
    return x


def _is_array(value):
    return getattr(value, "shape", ()) != () or hasattr(value, "to_numpy")


def _tensor(name, value):
    frame = value
    if hasattr(value, "to_numpy"):                                      # pandas: a series is a column, as in Keras
        value = value.to_numpy()[:, None] if value.ndim == 1 else value.to_numpy()
    elif hasattr(value, "detach"):                                      # PyTorch
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    elif not hasattr(value, "dtype") and not isinstance(value, (list, tuple)):
        raise ValueError(f"Unrecognized data type for {name}: {type(value)}. Expected arrays, tensors, pandas frames, lists of numbers, or an iterable of batches")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"Failed to convert {name} ({type(value).__name__}) to an array: {error}. Are all rows of the same length?") from None
    if name == "x" and is_text(array):
        return array                            # for the layers that take text; a model without them says so
    if array.dtype == object:
        try:
            array = array.astype(config.floatx())
        except (TypeError, ValueError) as error:
            hint = f"Columns that hold something else: {_no_numbers(frame)}" if hasattr(frame, "columns") else "Are all rows of the same length?"
            raise ValueError(f"Failed to convert {name} (an array of objects of shape {array.shape}) to numbers: {error}. {hint}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} has dtype {array.dtype}; models take numbers. Convert it first")
    return convert(array.astype(config.floatx(), copy=False) if array.dtype.kind == "f" else array)


def _no_numbers(frame):
    """The names of the columns of a pandas frame that are no numbers."""
    names = []
    for i, name in enumerate(frame.columns):
        try:
            frame.iloc[:, i].to_numpy(object).astype(config.floatx())
        except (TypeError, ValueError):
            names.append(name)
    return names


def _one_each(sample_weight, y):
    """Weights for each output: one array of weights of the samples counts for all of them."""
    if sample_weight is None or not isinstance(y, (list, tuple, dict)):
        return sample_weight
    if isinstance(sample_weight, (list, tuple, dict)):
        same = isinstance(sample_weight, dict) == isinstance(y, dict) and len(sample_weight) == len(y)
        if not same or isinstance(y, dict) and set(y) != set(sample_weight):
            raise ValueError(f"You should provide one `sample_weight` array per output in `y`. The two structures did not match: received {_structure(y)} for y and {_structure(sample_weight)} for sample_weight")
        return sample_weight
    if len(sample_weight.shape) > 2 or len(sample_weight.shape) == 2 and sample_weight.shape[1] != 1:
        raise ValueError(f"For a model with multiple outputs, a single `sample_weight` array must have one value per sample, or give one array per output; received sample_weight of shape {tuple(sample_weight.shape)}")
    return tree.map_structure(lambda _: sample_weight, y)


def _structure(value):
    return f"a dict with keys {list(value)}" if isinstance(value, dict) else f"a {type(value).__name__} of {len(value)}"


def is_text(array):
    """Whether an array holds text: str or bytes, of fixed width or as objects."""
    return array.dtype.kind in "US" or array.dtype == object and array.size > 0 and isinstance(array.flat[0], (str, bytes))


def _rows(**parts):
    counts = {name: sorted({a.shape[0] for a in tree.flatten(p) if a is not None}) for name, p in parts.items() if p is not None}
    distinct = {n for ns in counts.values() for n in ns}
    if len(distinct) > 1:
        sizes = "; ".join(f"{name}: {', '.join(map(str, ns))}" for name, ns in counts.items())
        raise ValueError(f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Received: {sizes}")
    if not distinct or parts["x"] is None:
        raise ValueError("x must be given: it is None or empty")
    return distinct.pop()


def train_validation_split(arrays, validation_split):
    """Splits a tuple of structures of arrays: the last `validation_split` share becomes the validation part."""
    if isinstance(validation_split, str) or not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be in the interval (0, 1); received validation_split={validation_split}")
    arrays = tuple(as_arrays(name, a, in_memory=False) for name, a in zip(("x", "y", "sample_weight"), arrays, strict=True))
    rows = _rows(x=arrays[0], y=arrays[1], sample_weight=arrays[2])
    at = int(rows * (1.0 - validation_split))
    if at == 0 or at == rows:
        raise ValueError(f"Training data contains {rows} samples, which is not sufficient to split it into a validation and training set as specified by `validation_split={validation_split}`. Either provide more data, or a different value for the `validation_split` argument.")

    def share(begin, end):
        return tuple(tree.map_structure(lambda a: None if a is None else part(a, begin, end), a) for a in arrays)

    return share(0, at), share(at, rows)
