"""Batches that come from a PyDataset."""

import itertools

from dlcore.data.iterables import batch_tensors
from dlcore.data.workers import ahead


class PyDatasetBatches:
    """Takes the batches of a PyDataset, in its main thread or from workers.

    Args:
        dataset: PyDataset.
        shuffle: Whether each epoch has the batches in an order of its own.
        class_weight: Dict from class to weight.
        steps: Stop an epoch after that many batches; the next one goes on from there.
    """

    batch_size = None
    exhausted = False                       # there is always a next epoch

    def __init__(self, dataset, shuffle=False, class_weight=None, steps=None):
        for name, least in (("workers", 0), ("max_queue_size", 1)):
            value = getattr(dataset, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"a PyDataset's {name} must be a whole number of at least {least}; received {name}={value!r}")
        self.dataset = dataset
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.steps = steps
        self.size = steps or dataset.num_batches
        self._iterator = None
        self._left = None

    def rewind(self):
        """Makes the next epoch begin with the first batch."""
        self.close()
        # Keras ends an epoch here, before the first one: data sets that shuffle themselves count on it.
        self.dataset.on_epoch_end()

    def close(self):
        """Ends the workers."""
        if self._iterator is not None:
            self._iterator.close()
            self._iterator = None

    def epoch(self):
        self.dataset.on_epoch_begin()
        if self._iterator is None or self.steps is None:
            self.close()
            self._left = self.dataset.num_batches
            self._iterator = self._batches(self._left)
        for batch in itertools.islice(self._iterator, self.steps):
            if self._left is not None:
                self._left -= 1
            yield batch_tensors(batch, self.class_weight)
        if self._left == 0:
            self.close()
        self.dataset.on_epoch_end()

    def _batches(self, count):
        dataset, indices = self.dataset, itertools.count() if count is None else range(count)
        if self.shuffle and count is not None:
            import random

            indices = list(indices)
            random.shuffle(indices)         # with Python's generator, as Keras does: the same seed gives the same order
        workers, processes = dataset.workers, bool(dataset.use_multiprocessing)
        if workers > 1 or workers and processes:
            yield from ahead(dataset, indices, min(workers, count or workers), processes, dataset.max_queue_size)
        else:
            for i in indices:
                yield dataset[i]
