"""Two data sets of one."""

import numpy as np

from .. import tree
from .py_dataset import PyDataset
from .sample_batches import SampleBatches


class Samples(SampleBatches):
    """Samples of arrays with one length: single ones, or batches after `batch`.

    Args:
        arrays: an array, or a structure of arrays.
        **kwargs: for `SampleBatches`.
    """

    def __init__(self, arrays, batch_size=None, **kwargs):
        super().__init__(len(tree.flatten(arrays)[0]), batch_size=batch_size, **kwargs)
        self._arrays = arrays

    def samples(self, index):
        return tree.map_structure(lambda a: a[index], self._arrays)

    def batch(self, batch_size):
        """The same samples in batches, for `fit`."""
        return Samples(self._arrays, batch_size)


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """Split data into a left and a right part, for example for training and test.

    Args:
        dataset: an array, a list or tuple of arrays of one length, a `PyDataset` of batches, or a data set of PyTorch's.
        left_size: the size of the left part, the first samples: a number of samples, or a fraction if it is a float.
        right_size: the size of the right part, the last samples. One of the two may be left out.
        shuffle: whether to shuffle the samples first.
        seed: the seed for that.
        preferred_backend: accepted because Keras has it.

    Returns:
        Two data sets of samples. `part[i]` is a sample, and `part.batch(32)` a `PyDataset` of batches. Those of a
        `PyDataset` have batches of the size of its first one.

    Raises:
        TypeError: if `dataset` or a size is of another type.
        ValueError: if a size is out of range, or the arrays have different lengths.

    Example:
        >>> import numpy as np
        >>> train, test = split_dataset((np.arange(10.0), np.arange(10)), left_size=0.8)
        >>> len(train), len(test)
        (8, 2)
        >>> x, y = test.batch(2)[0]
        >>> y.tolist()
        [8, 9]
    """
    batch_size = None
    if isinstance(dataset, PyDataset):
        batches = list(dataset)
        if not batches:
            raise ValueError("Received an empty dataset. Argument `dataset` must have at least one batch.")
        arrays = tree.map_structure(lambda *parts: np.concatenate([np.asarray(p) for p in parts]), *batches)
        batch_size = len(tree.flatten(batches[0])[0])
    elif isinstance(dataset, (list, tuple)):
        arrays = tuple(dataset)
        for i, array in enumerate(arrays):
            if not isinstance(array, np.ndarray):
                raise ValueError(f"Expected a {type(dataset).__name__} of `numpy.ndarray` objects. Received: {type(array)} at index {i}.")
            if len(array) != len(arrays[0]):
                raise ValueError(f"Received a {type(dataset).__name__} of NumPy arrays with different lengths: {len(arrays[0])}, but {len(array)} at index {i}.")
    elif any(parent.__name__ == "Dataset" and parent.__module__.startswith("torch.utils.data") for parent in type(dataset).__mro__):
        samples = [dataset[i] for i in range(len(dataset))]
        arrays = tree.map_structure(lambda *values: np.stack([np.asarray(v) for v in values]), *samples) if samples else ()
    elif hasattr(dataset, "__array__"):
        arrays = np.asarray(dataset)
    else:
        raise TypeError(f"The `dataset` argument must be an array, a list/tuple of arrays, a `PyDataset` or a data set of PyTorch's. Received: dataset of type {type(dataset)}")
    flat = tree.flatten(arrays)
    total = len(flat[0]) if flat else 0
    if not total:
        raise ValueError("Received an empty dataset. Argument `dataset` must hold at least one sample.")
    left, right = _sizes(left_size, right_size, total)
    order = list(range(total))
    if shuffle:
        import random

        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)        # the order that Keras has
    whole = Samples(arrays, total)
    return Samples(whole.samples(order[:left]), batch_size), Samples(whole.samples(order[total - right :]), batch_size)


def _sizes(left, right, total):
    if left is None and right is None:
        raise ValueError("At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and right_size=None")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and type(size) not in (int, float):
            raise TypeError(f"Invalid `{name}` Type. Expected: int or float or None, Received: type({name})={type(size)}.")
        if size is not None and not 0 < size < (total if type(size) is int else 1):
            raise ValueError(f"`{name}` should be either a positive integer smaller than {total}, or a float within the range `[0, 1]`. Received: {name}={size}")
    if type(left) is type(right) is float and left + right > 1:
        raise ValueError(f"The sum of `left_size` and `right_size` is greater than 1: {left} + {right}. It must be less than or equal to 1.")
    left, right = (round(size * total) if type(size) is float else size for size in (left, right))
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total:
        raise ValueError(f"The sum of `left_size` and `right_size` should be at most {total}, the number of samples. Received: {left} + {right} = {left + right}")
    if not left or not right:
        raise ValueError(f"With `dataset` of length={total}, `left_size`={left} and `right_size`={right}, one side would be empty.")
    return left, right
