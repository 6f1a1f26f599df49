"""Samples by number, gathered to batches: what the data sets of folders and of time series have in common."""

import numpy as np

from .checks import is_count
from .py_dataset import PyDataset


class SampleBatches(PyDataset):
    """A PyDataset of samples that a subclass gives by number.

    Args:
        count: the number of samples.
        batch_size: samples per batch; with None the data set gives single samples.
        shuffle: whether each pass through the data has an order of its own.
        seed: the seed of these orders.
        **kwargs: for `PyDataset`.
    """

    def __init__(self, count, batch_size=32, shuffle=False, seed=None, **kwargs):
        super().__init__(**kwargs)
        if batch_size is not None and not is_count(batch_size):
            raise ValueError(f"Argument `batch_size` must be a positive integer or None. Received: batch_size={batch_size!r}")
        self.batch_size = batch_size
        self._order = np.arange(count)
        self._random = np.random.RandomState(seed) if shuffle else None

    def samples(self, index):
        """The batch of the samples that an array of numbers names; to be defined by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must define `samples`")

    def __len__(self):
        return -(-len(self._order) // (self.batch_size or 1))

    def __getitem__(self, i):
        if not -len(self) <= i < len(self):
            raise IndexError(f"batch {i} of a data set of {len(self)}")
        i %= len(self)
        size = self.batch_size or 1
        batch = self.samples(self._order[i * size : (i + 1) * size])
        if self.batch_size is not None:
            return batch
        return tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]

    def __iter__(self):
        self.on_epoch_end()
        for i in range(len(self)):
            yield self[i]

    def on_epoch_end(self):
        if self._random is not None:
            self._random.shuffle(self._order)
