"""Batches that come from a generator or another iterable."""

import itertools

from dlcore import tree
from dlcore.data.arrays import as_arrays
from dlcore.data.class_weights import class_to_sample_weights


def unpack_x_y_sample_weight(data):
    """``(x, y, sample_weight)`` of what a batch source yields: x, (x,), (x, y) or (x, y, sample_weight)."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if len(data) == 2:
        return data[0], data[1], None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`; received a tuple of {len(data)}")
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """The shortest tuple that holds what is given: x, (x, y) or (x, y, sample_weight)."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


class IterableBatches:
    """Takes batches from an iterable: anew for each epoch if it can be iterated again, else on and on from one iterator.

    Args:
        source: Generator, iterator or iterable that yields x, (x, y) or (x, y, sample_weight).
        class_weight: Dict from class to weight.
        steps: Batches per epoch; None takes all there are.
    """

    batch_size = None

    def __init__(self, source, class_weight=None, steps=None):
        self.source = source
        self.class_weight = class_weight
        self.steps = steps
        self.size = steps
        if steps is None and hasattr(source, "__len__"):
            self.size = len(source)
        self._iterator = None if iter(source) is not source else source
        self.exhausted = False

    @staticmethod
    def takes(x):
        return hasattr(x, "__next__") or (hasattr(x, "__iter__") or hasattr(x, "__getitem__") and hasattr(x, "__len__")) and not hasattr(x, "shape") \
            and not hasattr(x, "to_numpy") and not hasattr(x, "dtype") and not isinstance(x, (list, tuple, dict, str, bytes))

    def rewind(self):
        """Makes the next epoch begin with the first batch, if the source can be iterated again."""
        if self._iterator is not self.source:
            self._iterator = None

    def epoch(self):
        if self._iterator is None or self.steps is None and self._iterator is not self.source:
            self._iterator = iter(self.source)
        count = 0
        for batch in itertools.islice(self._iterator, self.steps):
            count += 1
            yield self._tensors(batch)
        if self.steps is not None and count < self.steps:
            self._iterator = None if iter(self.source) is not self.source else self._iterator
            self.exhausted = self._iterator is not None
        elif self.steps is None:
            self.size = count

    def _tensors(self, batch):
        x, y, w = unpack_x_y_sample_weight(batch)
        x, y, w = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", w)
        if self.class_weight is not None:
            if w is not None:
                raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
            w = class_to_sample_weights(y, self.class_weight)
        rows = {a.shape[0] for part in (x, y, w) if part is not None for a in tree.flatten(part)}
        if len(rows) > 1:
            raise ValueError(f"a batch must have the same number of samples in x, y and sample_weight; received {sorted(rows)}")
        return (x, y, w)[: 3 if w is not None else 2 if y is not None else 1]
