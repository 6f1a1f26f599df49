"""Batches: one protocol over arrays, generators and the other things that hold data.

A batch source has ``size`` (batches per epoch, or None if unknown), ``batch_size`` (or None) and ``epoch()``, an iterator
of ``(x, y, sample_weight)``. ``rewind()`` makes the next epoch begin at the beginning; ``close()`` ends what works in the
background. Models never see anything else.
"""

from dlcore.data.arrays import ArrayBatches, train_validation_split
from dlcore.data.iterables import IterableBatches
from dlcore.utils.checks import is_count
from dlcore.utils.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from dlcore.utils.py_dataset import PyDataset

__all__ = [
    "ArrayBatches",
    "IterableBatches",
    "batches",
    "pack_x_y_sample_weight",
    "train_validation_split",
    "unpack_x_y_sample_weight",
]


def batches(x, y=None, sample_weight=None, batch_size=None, shuffle=False, class_weight=None, steps=None):
    """The batch source for what a user passed to fit, evaluate or predict.

    Args:
        x, y, sample_weight: Arrays, or structures of arrays; or x alone, an iterable of batches.
        batch_size: Rows per batch of arrays; 32 by default.
        shuffle: Whether arrays, or the batches of a PyDataset, are shuffled anew for each epoch.
        class_weight: Dict from class to weight.
        steps: Batches per epoch; for an iterable without an end it is needed.
    """
    if steps is not None and not is_count(steps):
        raise ValueError(f"the number of steps must be a positive integer or None; received steps={steps!r}")
    if isinstance(x, PyDataset) or IterableBatches.takes(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(f"When x is a generator or another iterable of batches, `{name}` should not be specified (it comes with the batches); received {name}={type(value)}")
        if isinstance(x, PyDataset):
            from dlcore.data.py_dataset import PyDatasetBatches

            return PyDatasetBatches(x, shuffle=shuffle, class_weight=class_weight, steps=steps)
        return IterableBatches(x, class_weight=class_weight, steps=steps)
    return ArrayBatches(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight, steps=steps)
