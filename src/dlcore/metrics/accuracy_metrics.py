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


class Accuracy(KernelMetric):
    """Share of predictions that equal their targets.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75
    """

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

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(_kernels.categorical_accuracy_update, (), categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(KernelMetric):
    """Share of samples whose largest prediction stands at the index that is their label.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(_kernels.sparse_categorical_accuracy_update, (), sparse_categorical_accuracy, name=name, dtype=dtype)
