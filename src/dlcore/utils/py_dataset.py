"""PyDataset: batches by number, for data that is read or made while training goes on."""

import itertools
import warnings


class PyDataset:
    """Base class of data sets that give batches by number.

    A subclass has `__getitem__(i)`, which returns a whole batch (x, (x, y) or (x, y, sample_weight)), and `__len__()`, the
    number of batches; instead of that, a property `num_batches`, which may be None for a data set without an end.
    `fit` goes through the batches in a random order each epoch (`shuffle=False`: in order) and calls `on_epoch_begin`
    and `on_epoch_end`; the latter also once before the first epoch, as in Keras.

    Args:
        workers: with more than 1, that many threads get batches ahead of time; their order stays.
        use_multiprocessing: use processes instead of threads, for `__getitem__` that computes in Python. They are made
            anew for each epoch, so they see what `on_epoch_end` changed; where processes are not forked, the data set
            is pickled. Python's and NumPy's global random numbers are seeded for each batch, by its number and by
            `dlcore.utils.set_random_seed`: they do not depend on the number of workers.
        max_queue_size: how many batches may be ready or in work at a time.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         x = np.arange(4 * i, 4 * i + 4)
        ...         return x, x**2
        >>> [y.tolist() for x, y in Squares(workers=2)]
        [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81, 100, 121]]
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def __getitem__(self, index):
        """The batch with a number; to be defined by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must define `__getitem__(self, index)`, which returns a batch")

    def __iter__(self):
        try:
            count = self.num_batches
        except NotImplementedError:
            count = None
        for i in itertools.count() if count is None else range(count):
            yield self[i]

    @property
    def num_batches(self):
        """The number of batches, or None if there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must define `__len__(self)` or a property `num_batches`")

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch, and before the first one."""

    @property
    def workers(self):
        return self._setting("_workers", 1)

    @workers.setter
    def workers(self, value):
        self._workers = value

    @property
    def use_multiprocessing(self):
        return self._setting("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value):
        self._use_multiprocessing = value

    @property
    def max_queue_size(self):
        return self._setting("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value):
        self._max_queue_size = value

    def _setting(self, name, default):
        if name not in vars(self):
            warnings.warn(f"{type(self).__name__}.__init__ should call `super().__init__(**kwargs)`, where kwargs may be `workers`, "
                          "`use_multiprocessing` and `max_queue_size`.", stacklevel=3)
            PyDataset.__init__(self)
        return getattr(self, name, default)


Sequence = PyDataset
