"""Losses between probabilities: cross-entropies, divergence, counts."""

import warnings

import numpy as np

from dlcore._kernels import loss as _kernels
from dlcore._kernels import pointwise_loss as _pointwise_kernels
from dlcore._kernels.tensor import Tensor, convert
from dlcore.losses.base import FusedLoss, Loss


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """mean_j -(t_ij log p_ij + (1 - t_ij) log(1 - p_ij)) with t = y_true (1 - label_smoothing) + label_smoothing / 2.

    Args:
        y_true: Labels 0 or 1, or probabilities, (..., d).
        y_pred: Probabilities p of the same shape; logits of them with `from_logits`.
        from_logits: Whether `y_pred` holds logits.
        label_smoothing: A float in [0, 1].
        axis: The axis of the mean.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    Numerics:
        Probabilities are clipped to [1e-7, 1 - 1e-7]; logits need no clipping.

    Example:
        >>> [round(x, 3) for x in binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()]
        [0.693]
    """
    return _pointwise_kernels.binary_crossentropy_loss(y_true, y_pred, None, "none", from_logits, label_smoothing, axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum_k t_ik log p_ik with t = y_true (1 - label_smoothing) + label_smoothing / classes.

    Args:
        y_true: One-hot labels or probabilities of the classes k, (..., classes).
        y_pred: Probabilities p of the same shape, scaled to sum 1 here; logits of them with `from_logits`.
        from_logits: Whether `y_pred` holds logits.
        label_smoothing: A float in [0, 1].
        axis: The axis of the classes.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    Raises:
        ValueError: if `axis` is a bool.

    Example:
        >>> [round(x, 3) for x in categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()]
        [0.693]
    """
    expect_int_axis(axis)
    warn_of_one_class("categorical_crossentropy", y_pred)
    return _kernels.categorical_crossentropy_loss(y_true, y_pred, None, "none", from_logits, label_smoothing, axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log p_i,y_true_i.

    Args:
        y_true: Classes as whole numbers, (...) or (..., 1).
        y_pred: Probabilities p, (..., classes), or logits with `from_logits`.
        from_logits: Whether `y_pred` holds logits.
        ignore_class: A class whose samples do not count, or `None`.
        axis: The axis of the classes.

    Returns:
        Tensor, the shape of `y_pred` without `axis`. With `ignore_class` its mask says which samples count.

    Example:
        >>> [round(x, 3) for x in sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().tolist()]
        [0.693]
    """
    values = _kernels.sparse_categorical_crossentropy_loss(y_true, y_pred, None, "none", from_logits, axis, ignore_class)
    if ignore_class is None:
        return values
    values.mask = convert(np.reshape(np.asarray(y_true) != ignore_class, values.shape))
    return values


def kl_divergence(y_true, y_pred):
    """sum_j t_ij log(t_ij / p_ij), the divergence of Kullback and Leibler.

    Args:
        y_true: Probabilities t, (..., d).
        y_pred: Probabilities p of the same shape.

    Returns:
        Tensor (...).

    Numerics:
        Both are clipped to [1e-7, 1].

    Example:
        >>> [round(x, 4) for x in kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).numpy().tolist()]
        [0.1438]
    """
    return _pointwise_kernels.kl_divergence(y_true, y_pred, None, "none")


def poisson(y_true, y_pred):
    """mean_j y_pred_ij - y_true_ij log(y_pred_ij + 1e-7): counts that follow a Poisson distribution, but for a constant.

    Args:
        y_true: Counts, (..., d).
        y_pred: Their predicted means, of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> [round(x, 4) for x in poisson([[2.0]], [[1.0]]).numpy().tolist()]
        [1.0]
    """
    return _pointwise_kernels.poisson(y_true, y_pred, None, "none")


def expect_int_axis(axis):
    """Refuses a bool, which is an int too."""
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")


def warn_of_one_class(name, y_pred):
    """Warns if there is nothing to choose from."""
    shape = np.shape(y_pred) if not isinstance(y_pred, Tensor) else y_pred.shape
    if shape and shape[-1] == 1:
        warnings.warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. "
            f"Received: y_pred.shape={shape}. Consider using 'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
            stacklevel=3,
        )


class BinaryCrossentropy(FusedLoss):
    """Cross-entropy between labels 0/1 and probabilities; see `binary_crossentropy`.

    Args:
        from_logits: Whether predictions are logits.
        label_smoothing: Labels are moved by this share towards 1/2.
        axis: The axis of the mean over the outputs of a sample.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 3)
        0.693
    """

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="binary_crossentropy", dtype=None):  # fmt: skip
        super().__init__(_pointwise_kernels.binary_crossentropy_loss, (from_logits, label_smoothing, axis), binary_crossentropy, reduction=reduction,
                         name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalCrossentropy(FusedLoss):
    """Cross-entropy between one-hot labels and probabilities of classes; see `categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits.
        label_smoothing: Labels are moved by this share towards 1 / classes.
        axis: The axis of the classes.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693
    """

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_crossentropy", dtype=None):  # fmt: skip
        super().__init__(_kernels.categorical_crossentropy_loss, (from_logits, label_smoothing, axis), categorical_crossentropy, reduction=reduction,
                         name=name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(FusedLoss):
    """Cross-entropy between class numbers and probabilities of classes; see `sparse_categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits.
        ignore_class: A class whose samples do not count.
        reduction: See `Loss`.
        axis: The axis of the classes.
        name, dtype: See `Loss`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1, 0], [[0.5, 0.5], [0.5, 0.5]])), 3)
        0.693
    """

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
                 name="sparse_categorical_crossentropy", dtype=None):  # fmt: skip
        super().__init__(_kernels.sparse_categorical_crossentropy_loss, (from_logits, axis, ignore_class), sparse_categorical_crossentropy,
                         unwritten={"axis": -1}, reduction=reduction, name=name, dtype=dtype, from_logits=from_logits,
                         ignore_class=ignore_class, axis=axis)  # fmt: skip
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def __call__(self, y_true, y_pred, sample_weight=None):
        if self.ignore_class is not None and (self.reduction == "mean_with_sample_weight" or getattr(y_pred, "mask", None) is not None):
            # What is ignored also leaves the sum of weights and the mask, which the kernel does not know about.
            return Loss.__call__(self, y_true, y_pred, sample_weight)
        return super().__call__(y_true, y_pred, sample_weight)


class KLDivergence(FusedLoss):
    """Divergence of Kullback and Leibler between true and predicted probabilities; see `kl_divergence`.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
        0.1438
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(_pointwise_kernels.kl_divergence, (), kl_divergence, reduction=reduction, name=name, dtype=dtype)


class Poisson(FusedLoss):
    """Mean of y_pred - y_true log(y_pred), for counts; see `poisson`.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(Poisson()([[2.0], [1.0]], [[1.0], [1.0]])), 4)
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(_pointwise_kernels.poisson, (), poisson, reduction=reduction, name=name, dtype=dtype)
