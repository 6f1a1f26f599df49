"""Losses of maximum-margin classification."""

from dlcore._kernels import pointwise_loss as _kernels
from dlcore._kernels import row_loss as _row_kernels
from dlcore.losses.base import FusedLoss


def hinge(y_true, y_pred):
    """mean_j max(1 - y_true_ij y_pred_ij, 0) for every i.

    Args:
        y_true: Labels -1 or 1, (..., d). If all are 0 or 1 they are used as -1 and 1.
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
        [1.0]
    """
    return _kernels.hinge(y_true, y_pred, None, "none")


def squared_hinge(y_true, y_pred):
    """mean_j max(1 - y_true_ij y_pred_ij, 0)**2 for every i.

    Args:
        y_true: Labels -1 or 1, (..., d). If all are 0 or 1 they are used as -1 and 1.
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()
        [1.25]
    """
    return _kernels.squared_hinge(y_true, y_pred, None, "none")


def categorical_hinge(y_true, y_pred):
    """max(1 + max_j (1 - y_true_ij) y_pred_ij - sum_j y_true_ij y_pred_ij, 0) for every i.

    Args:
        y_true: One-hot labels, (..., classes).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> categorical_hinge([[0.0, 1.0, 0.0]], [[0.25, 1.0, 0.5]]).numpy().tolist()
        [0.5]
    """
    return _row_kernels.categorical_hinge(y_true, y_pred, None, "none")


class Hinge(FusedLoss):
    """Mean of max(1 - y_true y_pred, 0), for labels -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(Hinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(_kernels.hinge, (), hinge, reduction=reduction, name=name, dtype=dtype)


class SquaredHinge(FusedLoss):
    """Mean of max(1 - y_true y_pred, 0)**2, for labels -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(SquaredHinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
        1.25
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(_kernels.squared_hinge, (), squared_hinge, reduction=reduction, name=name, dtype=dtype)


class CategoricalHinge(FusedLoss):
    """By how much the best wrong class comes within 1 of the right one; see `categorical_hinge`.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.25, 1.0, 0.5]]))
        0.5
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(_row_kernels.categorical_hinge, (), categorical_hinge, reduction=reduction, name=name, dtype=dtype)
