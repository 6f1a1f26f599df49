"""Batches that come from a PyDataset."""

import itertools

from dlcore.data.iterables import batch_tensors
from dlcore.data.workers import ahead
from dlcore.utils.checks import is_count


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
            if not is_count(value, least):
                raise ValueError(f"a PyDataset's {name} must be a whole number of at least {least}; received {name}={value!r}")
        self.dataset = dataset
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.steps = steps
        self.size = steps or dataset.num_batches
        self._iterator = None               # of a pass over the data set
        self._count, self._order = None, None       # of that pass: how many batches, and their numbers if these are shuffled
        self._first = self._taken = 0       # batches of that pass that were taken before this epoch, and by now
        self._resumed = False               # the pass is one that was interrupted

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
        if self._iterator is None or self.steps is None and not self._resumed:
            self._begin_pass()
        self._resumed = False
        self._first = self._taken
        for batch in itertools.islice(self._iterator, self.steps):
            self._taken += 1
            yield batch_tensors(batch, self.class_weight)
        if self._taken == self._count:
            self.close()
        self.dataset.on_epoch_end()

    def position(self, within_epoch):
        """Where the data is, for :meth:`resume`: at the beginning of this epoch, or, between two of them, of the next one.

        Returns:
            A list of whole numbers, or None if the next epoch begins anew anyway.
        """
        if not within_epoch and (self.steps is None or self._taken == self._count):
            return None
        return [self._first if within_epoch else self._taken, *(self._order or ())]

    def resume(self, position):
        """Makes the next epoch the one that had this :meth:`position`."""
        first, *order = position
        self._begin_pass(first, order)
        self._resumed = True

    def _begin_pass(self, first=0, order=None):
        self.close()
        self._count, self._order, self._taken = self.dataset.num_batches, order, first
        self._iterator = self._batches()

    def _batches(self):
        dataset, count = self.dataset, self._count
        if self.shuffle and count is not None and not self._order:
            import random

            self._order = list(range(count))
            random.shuffle(self._order)     # with Python's generator, as Keras does: the same seed gives the same order
        indices = itertools.islice(self._order or (itertools.count() if count is None else range(count)), self._taken, None)
        workers, processes = dataset.workers, bool(dataset.use_multiprocessing)
        if workers > 1 or workers and processes:
            yield from ahead(dataset, indices, min(workers, count or workers), processes, dataset.max_queue_size)
        else:
            for i in indices:
                yield dataset[i]
