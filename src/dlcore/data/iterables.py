"""Batches that come from a generator or another iterable."""

import itertools

from dlcore import tree
from dlcore.data.arrays import as_arrays
from dlcore.data.class_weights import class_to_sample_weights
from dlcore.utils.packing import unpack_x_y_sample_weight


class IterableBatches:
    """Takes batches from an iterable: anew for each epoch if it can be iterated again, else on and on from one iterator.

    Args:
        source: Generator, iterator or iterable (such as PyTorch's DataLoader) that yields x, (x, y) or (x, y, sample_weight).
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
            try:
                self.size = len(source)
            except TypeError:               # a DataLoader over a data set that does not know its length
                pass
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

    close = rewind                          # an iterator over a DataLoader has workers of its own, which end with it

    def epoch(self):
        if self._iterator is None or self.steps is None and self._iterator is not self.source:
            self._iterator = iter(self.source)
        count = 0
        for batch in itertools.islice(self._iterator, self.steps):
            count += 1
            yield batch_tensors(batch, self.class_weight)
        if self.steps is not None and count < self.steps:
            self._iterator = None if iter(self.source) is not self.source else self._iterator
            self.exhausted = self._iterator is not None
        elif self.steps is None:
            self.size = count


def batch_tensors(batch, class_weight=None):
    """A batch of a user's as tensors: (x,), (x, y) or (x, y, sample_weight) with equal numbers of rows."""
    x, y, w = unpack_x_y_sample_weight(batch)
    x, y, w = as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", w)
    if class_weight is not None:
        if w is not None:
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        if y is not None:
            w = class_to_sample_weights(y, class_weight)
    rows = {a.shape[0] for part in (x, y, w) if part is not None for a in tree.flatten(part) if a is not None}
    if len(rows) > 1:
        raise ValueError(f"a batch must have the same number of samples in x, y and sample_weight; received {sorted(rows)}")
    return (x, y, w)[: 3 if w is not None else 2 if y is not None else 1]
