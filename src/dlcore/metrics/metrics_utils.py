"""What metrics of classification share: thresholds, the largest k, the confusion matrix."""

import numpy as np

from dlcore import config
from dlcore._kernels.confusion import Thresholds, count_pairs
from dlcore._kernels.tensor import convert
from dlcore.losses.base import squeeze_or_expand_to_same_rank

NEG_INF = -1e10         # below all thresholds


def parse_thresholds(thresholds, default=0.5):
    """`thresholds` as a list.

    Args:
        thresholds: A number, a list or tuple of numbers in [0, 1], or None.
        default: What None means.

    Raises:
        ValueError: if one is not in [0, 1].
    """
    if thresholds is None:
        return [default]
    values = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in values if t is None or not 0 <= t <= 1]
    if wrong or not values:
        raise ValueError(f"`thresholds` must be a number in [0, 1], or a list of at least one. Received: {wrong or thresholds}")
    return values


def compile_thresholds(thresholds, even=None):
    """Thresholds as the kernel wants them; evenly spaced ones from 0 to 1 need no search."""
    if even is None:
        count = len(thresholds)
        even = count > 2 and np.allclose(thresholds, np.arange(count) / (count - 1), atol=config.epsilon())
    return Thresholds(thresholds, bool(even))


def keep_top_k(y_pred, k):
    """Predictions with all but the k largest along the last axis set far below zero; of equal ones the first count.

    Args:
        y_pred: Predictions, (..., classes).
        k: How many to keep.

    Returns:
        Array like y_pred.

    Raises:
        ValueError: if there are fewer than k classes.
    """
    y_pred = np.asarray(y_pred)
    if y_pred.dtype.kind != "f":
        y_pred = y_pred.astype(config.floatx())             # whole numbers have no room for the one below all thresholds
    if y_pred.ndim == 0 or not isinstance(k, (int, np.integer)) or not 1 <= k <= y_pred.shape[-1]:
        raise ValueError(f"`top_k` must be an integer, at least 1 and at most the number of classes. Received: top_k={k} and y_pred of shape {y_pred.shape}")
    last = np.partition(y_pred, -k, axis=-1)[..., -k, None]
    above, equal = y_pred > last, y_pred == last
    room = k - above.sum(axis=-1, keepdims=True)
    return np.where(above | (equal & (equal.cumsum(axis=-1) <= room)), y_pred, np.asarray(NEG_INF, dtype=y_pred.dtype))


def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype="int32"):
    """How often each class was predicted for each true class.

    Args:
        labels: True classes as whole numbers from 0, (n,).
        predictions: Predicted classes, (n,).
        num_classes: Number of classes; by default the largest number found plus one.
        weights: What each sample counts, (n,); 1 by default.
        dtype: Dtype of the result.

    Returns:
        Tensor (num_classes, num_classes): true classes down the rows, predicted ones along the columns.

    Raises:
        ValueError: if the shapes differ, a class is out of range or not a whole number, or `dtype` cannot hold the weights.

    Example:
        >>> confusion_matrix([1, 2, 2], [1, 0, 2]).tolist()
        [[0, 0, 0], [0, 1, 0], [1, 0, 1]]
    """
    labels, predictions = squeeze_or_expand_to_same_rank(np.asarray(labels), np.asarray(predictions))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels, predictions = labels[:, 0], predictions[:, 0]
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(
            f"`labels` and `predictions` must hold one class number for each sample. Received shapes: {labels.shape} and {predictions.shape}"
        )
    labels, predictions = _class_numbers("labels", labels), _class_numbers("predictions", predictions)
    if num_classes is None:
        num_classes = max(labels.max(), predictions.max()) + 1 if labels.size else 0
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.size and not 0 <= values.min() <= values.max() < num_classes:
            at = int(np.argmax((values < 0) | (values >= num_classes)))
            raise ValueError(f"`{name}` must be in [0, {num_classes}). Received: {values[at]} at position {at}")
    if weights is not None:
        given, weights = np.asarray(weights), np.asarray(weights, dtype=dtype).astype("float64")
        if np.dtype(dtype).kind in "iu" and np.any(weights != given):
            raise ValueError(f"`weights` are not whole numbers: expected a floating `dtype`. Received: dtype={dtype!r}")
        if weights.ndim and weights.shape != labels.shape:
            raise ValueError(f"`weights` must hold one number for each sample. Received shape: {weights.shape} for {len(labels)} samples")
        weights = np.broadcast_to(weights, labels.shape)
    return convert(count_pairs(labels, predictions, int(num_classes), weights).numpy().astype(dtype))


def _class_numbers(name, values):
    whole = values.astype("int64")
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        at = int(np.argmax(whole != values))
        raise ValueError(f"`{name}` must be whole numbers. Received: {values[at]} at position {at}")
    return whole
