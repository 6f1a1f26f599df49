"""Losses of regression."""

from dlcore._kernels import loss as _kernels
from dlcore.losses.base import FusedLoss


def mean_squared_error(y_true, y_pred):
    """mean_j (y_true_ij - y_pred_ij)**2 for every i.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
        [2.5]
    """
    return _kernels.mean_squared_error(y_true, y_pred, None, "none")


def mean_absolute_error(y_true, y_pred):
    """mean_j |y_true_ij - y_pred_ij| for every i.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
        [1.5]
    """
    return _kernels.mean_absolute_error(y_true, y_pred, None, "none")


class MeanSquaredError(FusedLoss):
    """Mean of (y_true - y_pred)**2.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]]))
        2.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(_kernels.mean_squared_error, (), mean_squared_error, reduction=reduction, name=name, dtype=dtype)


class MeanAbsoluteError(FusedLoss):
    """Mean of |y_true - y_pred|.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [1.0]]))
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(_kernels.mean_absolute_error, (), mean_absolute_error, reduction=reduction, name=name, dtype=dtype)
