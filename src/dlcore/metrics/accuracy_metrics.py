"""How often predictions are right."""

import numpy as np

from dlcore import config
from dlcore._kernels import metric as _kernels
from dlcore._kernels.tensor import convert
from dlcore.losses.base import squeeze_or_expand_to_same_rank
from dlcore.metrics.reduction_metrics import KernelMetric


def _as_float(matches):
    return convert(np.asarray(matches, dtype=config.floatx()))


def accuracy(y_true, y_pred):
    """1 where y_true equals y_pred, else 0.

    Example:
        >>> accuracy([1, 2], [1, 3]).numpy().tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(np.asarray(y_true), np.asarray(y_pred))
    return _as_float(y_true == y_pred)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where y_true is 1 and y_pred > threshold, or y_true is 0 and it is not; else 0.

    Example:
        >>> binary_accuracy([1, 0], [0.9, 0.6]).numpy().tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(np.asarray(y_true), np.asarray(y_pred))
    return _as_float(y_true == (y_pred > threshold))


def categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction stands where the largest label does, else 0.

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).numpy().tolist()
        [1.0, 0.0]
    """
    return _as_float(np.argmax(np.asarray(y_true), axis=-1) == np.argmax(np.asarray(y_pred), axis=-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction stands at index y_true, else 0.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).numpy().tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    return _as_float(y_true == np.argmax(y_pred, axis=-1))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the largest label stands where one of the k largest predictions does, else 0.

    Args:
        y_true: One-hot labels or probabilities, (..., classes).
        y_pred: Predictions, (..., classes). What equals the k-th largest one counts as well.
        k: At most the number of classes.

    Returns:
        Tensor (...).

    Raises:
        ValueError: if k is larger than the number of classes.

    Example:
        >>> top_k_categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]], k=2).numpy().tolist()
        [1.0, 0.0]
    """
    return _as_float(_in_top_k(np.argmax(np.asarray(y_true), axis=-1), np.asarray(y_pred), k))


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where y_true is the index of one of the k largest predictions, else 0.

    Args:
        y_true: Class numbers, (...) or (..., 1).
        y_pred: Predictions, (..., classes). What equals the k-th largest one counts as well.
        k: At most the number of classes.
        from_sorted_ids: Whether y_pred holds the class numbers themselves, the most likely ones first.

    Returns:
        Tensor of the shape of y_true.

    Raises:
        ValueError: if k is larger than the number of classes, or a class number is out of range.

    Example:
        >>> sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]], k=2).numpy().tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    ids = y_true[..., 0] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
    if from_sorted_ids:
        _check_k(k, y_pred)
        matches = np.any(ids[..., None] == y_pred[..., :k], axis=-1)
    else:
        matches = _in_top_k(ids.astype("int64"), y_pred, k)
    return _as_float(matches.reshape(y_true.shape))


def _in_top_k(ids, y_pred, k):
    _check_k(k, y_pred)
    if ids.size and not 0 <= ids.min() <= ids.max() < y_pred.shape[-1]:
        wrong = ids[(ids < 0) | (ids >= y_pred.shape[-1])][0]
        raise ValueError(f"y_true must hold class numbers in [0, {y_pred.shape[-1]}), the classes of y_pred. Received: {wrong}")
    value = np.take_along_axis(y_pred, ids[..., None], axis=-1)
    return (np.count_nonzero(~(y_pred <= value), axis=-1) < k) & (value == value)[..., 0]           # NaN is the largest


def _check_k(k, y_pred):
    if not 1 <= k <= y_pred.shape[-1]:
        raise ValueError(f"k must be at least 1 and at most the length of the last axis of y_pred. Received: k={k} and y_pred of shape {y_pred.shape}")


class Accuracy(KernelMetric):
    """Share of predictions that equal their targets.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75
    """

    _direction = "up"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(_kernels.accuracy_update, (), accuracy, name=name, dtype=dtype)


class BinaryAccuracy(KernelMetric):
    """Share of predictions on the right side of a threshold.

    Args:
        name, dtype: See `Metric`.
        threshold: Predictions above it mean 1.

    Example:
        >>> float(BinaryAccuracy()([[1], [1], [0], [0]], [[0.9], [0.2], [0.3], [0.1]]))
        0.75
    """

    _direction = "up"

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(_kernels.binary_accuracy_update, (threshold,), binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(KernelMetric):
    """Share of samples whose largest prediction stands where the largest of their (one-hot) labels does.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(_kernels.categorical_accuracy_update, (), categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(KernelMetric):
    """Share of samples whose largest prediction stands at the index that is their label.

    A sample that has no class (a label such as -1) must have the weight zero, by `sample_weight` or a mask.

    Args:
        name, dtype: See `Metric`.

    Raises:
        ValueError: in `update_state`, if a label is not a class number and its weight is not zero.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(_kernels.sparse_categorical_accuracy_update, (), sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(KernelMetric):
    """Share of samples whose largest (one-hot) label stands where one of their k largest predictions does.

    Args:
        k: Number of predictions.
        name, dtype: See `Metric`.

    Raises:
        ValueError: in `update_state`, if k is larger than the number of classes.

    Example:
        >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]]))
        0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(_kernels.top_k_update, (k,), top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(KernelMetric):
    """Share of samples whose label is the index of one of their k largest predictions.

    A sample that has no class (a label such as -1) must have the weight zero, by `sample_weight` or a mask.

    Args:
        k: Number of predictions.
        name, dtype: See `Metric`.
        from_sorted_ids: Whether predictions are the class numbers themselves, the most likely ones first.

    Raises:
        ValueError: in `update_state`, if k is larger than the number of classes, or a label is not a class number and
            its weight is not zero.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0, 0.95]]))
        0.5
    """

    _direction = "up"

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        arguments = {"k": k, "from_sorted_ids": from_sorted_ids}
        super().__init__(_kernels.sparse_top_k_update, tuple(arguments.values()), sparse_top_k_categorical_accuracy, name=name, dtype=dtype, **arguments)
        self.k = k
        self.from_sorted_ids = from_sorted_ids

    def get_config(self):
        config = super().get_config()
        if not self.from_sorted_ids:
            del config["from_sorted_ids"]
        return config
