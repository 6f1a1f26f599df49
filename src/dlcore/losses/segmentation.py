"""Losses of segmentation: how much what is predicted overlaps with what is true."""

from dlcore._kernels import overlap_loss as _kernels
from dlcore.losses.base import BuiltInLoss


def dice(y_true, y_pred, axis=None):
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7).

    Args:
        y_true: Labels 0 or 1, of any shape.
        y_pred: Probabilities of the same shape.
        axis: The axis or axes of the sums, `None` for all.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    Example:
        >>> [round(x, 2) for x in dice([[1.0, 1.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]], axis=1).numpy().tolist()]
        [0.0, 1.0]
    """
    return _kernels.dice(y_true, y_pred, axis)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - sum(t p) / (sum(t p) + alpha sum(t (1 - p)) + beta sum((1 - t) p) + 1e-7) with t = y_true and p = y_pred.

    Args:
        y_true: Labels 0 or 1, of any shape.
        y_pred: Probabilities of the same shape.
        alpha: The weight of what is true but not predicted.
        beta: The weight of what is predicted but not true.
        axis: The axis or axes of the sums, `None` for all.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    References:
        Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional deep networks, 2017.

    Example:
        >>> round(float(tversky([1.0, 1.0, 0.0], [1.0, 0.0, 0.0], alpha=1.0)), 2)
        0.5
    """
    return _kernels.tversky(y_true, y_pred, alpha, beta, axis)


class Dice(BuiltInLoss):
    """One minus the coefficient of Dice; see `dice`.

    Args:
        reduction, name: See `Loss`.
        axis: The axis or axes of the sums, `None` for all: then the loss has one value for the whole batch.
        dtype: See `Loss`.

    Example:
        >>> round(float(Dice()([[1.0, 0.0]], [[0.5, 0.5]])), 2)
        0.5
    """

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(dice, reduction=reduction, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class Tversky(BuiltInLoss):
    """One minus the index of Tversky, in which misses and false alarms weigh differently; see `tversky`.

    Args:
        alpha: The weight of what is true but not predicted.
        beta: The weight of what is predicted but not true.
        reduction, name: See `Loss`.
        axis: The axis or axes of the sums, `None` for all: then the loss has one value for the whole batch.
        dtype: See `Loss`.

    Example:
        >>> round(float(Tversky(alpha=1.0)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 2)
        0.5
    """

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        super().__init__(tversky, reduction=reduction, name=name, dtype=dtype, alpha=alpha, beta=beta, axis=axis)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis
