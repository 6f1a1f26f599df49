"""Intersection over union: how well areas of classes are found, as in segmentation."""

import warnings

import numpy as np

from dlcore import config
from dlcore._kernels.confusion import count_pairs
from dlcore._kernels.tensor import convert
from dlcore.metrics.base import Metric


class IoU(Metric):
    """Mean over some classes of tp / (tp + fp + fn). Classes that neither occur nor are predicted do not count.

    The state is a matrix of how often each class was predicted for each true one. Samples whose true or predicted
    number is out of range do not count.

    Args:
        num_classes: Number of classes.
        target_class_ids: The classes of the mean.
        name: Name.
        dtype: Dtype of the matrix, int32 by default: for weights that are not whole numbers use a float one.
        ignore_class: A true class whose samples do not count, such as 255 for "unknown".
        sparse_y_true: Whether targets are class numbers; otherwise the largest along `axis` gives the class.
        sparse_y_pred: The same of predictions.
        axis: The axis of the classes.

    Raises:
        ValueError: if a class to be averaged is out of range.

    Example:
        >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    _direction = "up"

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1):
        super().__init__(name=name, dtype=dtype or "int")
        target_class_ids = list(target_class_ids)
        if any(not -num_classes <= i < num_classes for i in target_class_ids):
            raise ValueError(f"`target_class_ids` must be in the range [0, {num_classes}). Received: target_class_ids={target_class_ids}")
        self.num_classes = num_classes
        self.target_class_ids = target_class_ids
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        if y_true.size != y_pred.size:
            raise ValueError(f"{type(self).__name__}: y_true and y_pred must hold the same number of samples. Received: {y_true.size} and {y_pred.size}")
        if sample_weight is not None:
            sample_weight = self._weights(sample_weight, y_true.size)
        if self.ignore_class is not None:
            y_true = np.where(y_true == self.ignore_class, -1, y_true)
        counts = count_pairs(y_true, y_pred, self.num_classes, sample_weight).numpy()
        self.total_cm.assign(self.total_cm.numpy() + counts.astype(self.dtype))

    def _classes(self, y, sparse):
        y = np.asarray(y) if sparse else np.argmax(np.asarray(y), axis=self.axis)
        return y.astype("int64", copy=False).reshape(-1)

    def _weights(self, sample_weight, count):
        given = np.asarray(sample_weight)
        if given.dtype.kind == "f" and "int" in self.dtype and hasattr(sample_weight, "dtype"):
            warnings.warn(
                f"{type(self).__name__}: sample_weight holds floats, of which a metric of dtype {self.dtype} keeps only the whole part. "
                "Make the metric with `dtype='float32'`.",
                stacklevel=3,
            )
        weights = given.astype(self.dtype).astype("float64").reshape(-1)
        if weights.size not in (1, count):
            raise ValueError(f"{type(self).__name__}: sample_weight must hold one number for each of {count} samples. Received: shape {given.shape}")
        return np.broadcast_to(weights, (count,))

    def result(self):
        counts = self.total_cm.numpy()
        hits = counts.diagonal().astype("float32")[self.target_class_ids]
        union = (counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()).astype("float32")[self.target_class_ids]
        there = union > 1e-9
        return convert(np.sum(hits[there] / (union[there] + config.epsilon())) / (np.count_nonzero(there) + config.epsilon()), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_without(self, *names):
        return {name: value for name, value in IoU.get_config(self).items() if name not in names}


class BinaryIoU(IoU):
    """Intersection over union of the classes 0 and 1, when predictions are probabilities.

    Args:
        target_class_ids: The classes of the mean, of 0 and 1.
        threshold: Predictions not below it mean class 1.
        name, dtype: See `IoU`.

    Raises:
        ValueError: if a class to be averaged is out of range, or `threshold` is no number.

    Example:
        >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
        0.3333
    """

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        if not isinstance(threshold, (int, float, np.number)):
            raise ValueError(f"`threshold` must be a number. Received: threshold={threshold!r}")
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, np.asarray(y_pred, dtype="float32") >= np.float32(self.threshold), sample_weight)

    def get_config(self):
        kept = self._config_without("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return {**kept, "threshold": self.threshold}


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: See `IoU`.

    Example:
        >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and of probabilities of the classes.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: See `IoU`.

    Raises:
        ValueError: if a class to be averaged is out of range.

    Example:
        >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> round(float(metric([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])), 4)
        0.5
    """

    def __init__(self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and of probabilities of the classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: See `IoU`.

    Example:
        >>> metric = OneHotMeanIoU(num_classes=2)
        >>> round(float(metric([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])), 4)
        0.5
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("target_class_ids", "sparse_y_true")
