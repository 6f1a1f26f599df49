"""Losses of regression: how far predictions are from targets."""

from dlcore._kernels import pointwise_loss as _kernels
from dlcore._kernels import row_loss as _row_kernels
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


def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean_j |y_true_ij - y_pred_ij| / max(|y_true_ij|, 1e-7) for every i.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> mean_absolute_percentage_error([[1.0, 2.0]], [[1.5, 2.0]]).numpy().tolist()
        [25.0]
    """
    return _kernels.mean_absolute_percentage_error(y_true, y_pred, None, "none")


def mean_squared_logarithmic_error(y_true, y_pred):
    """mean_j (log(1 + y_true_ij) - log(1 + y_pred_ij))**2 for every i, numbers below 1e-7 raised to it.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> [round(x, 4) for x in mean_squared_logarithmic_error([[0.0]], [[1.0]]).numpy().tolist()]
        [0.4805]
    """
    return _kernels.mean_squared_logarithmic_error(y_true, y_pred, None, "none")


def log_cosh(y_true, y_pred):
    """mean_j log(cosh(y_pred_ij - y_true_ij)) for every i: nearly x**2 / 2 for small errors x, |x| - log(2) for large ones.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.

    Returns:
        Tensor (...).

    Example:
        >>> [round(x, 4) for x in log_cosh([[0.0]], [[1.0]]).numpy().tolist()]
        [0.4338]
    """
    return _kernels.log_cosh(y_true, y_pred, None, "none")


def huber(y_true, y_pred, delta=1.0):
    """mean_j of x**2 / 2 where the error |x| <= delta, else of delta |x| - delta**2 / 2, for every i.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.
        delta: Where the parabola goes over into lines.

    Returns:
        Tensor (...).

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).numpy().tolist()
        [1.5]
    """
    return _kernels.huber(y_true, y_pred, None, "none", delta)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Minus the cosine of the angle between y_true and y_pred: -1 for the same direction, 1 for the opposite one.

    Args:
        y_true: Targets, (..., d).
        y_pred: Predictions of the same shape.
        axis: The axis of the vectors.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    Numerics:
        A norm below 1e-7 counts as 1e-7, so the loss of a vector of zeros is 0.

    Example:
        >>> cosine_similarity([[1.0, 0.0]], [[3.0, 0.0]]).numpy().tolist()
        [-1.0]
    """
    return _row_kernels.cosine_similarity(y_true, y_pred, None, "none", axis)


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


class MeanAbsolutePercentageError(FusedLoss):
    """Mean of 100 |y_true - y_pred| / |y_true|.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0], [1.0]], [[1.0], [1.0]]))
        25.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(_kernels.mean_absolute_percentage_error, (), mean_absolute_percentage_error, reduction=reduction, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(FusedLoss):
    """Mean of (log(1 + y_true) - log(1 + y_pred))**2: relative errors count, also for targets of different sizes.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[0.0], [1.0]], [[1.0], [1.0]])), 4)
        0.2402
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(_kernels.mean_squared_logarithmic_error, (), mean_squared_logarithmic_error, reduction=reduction, name=name, dtype=dtype)


class LogCosh(FusedLoss):
    """Mean of log(cosh(y_pred - y_true)); see `log_cosh`.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(LogCosh()([[0.0], [1.0]], [[1.0], [1.0]])), 4)
        0.2169
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(_kernels.log_cosh, (), log_cosh, reduction=reduction, name=name, dtype=dtype)


class Huber(FusedLoss):
    """Squared for small errors, absolute for large ones, so that outliers count less; see `huber`.

    Args:
        delta: Where the one goes over into the other.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
        1.5
    """

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(_kernels.huber, (delta,), huber, unwritten={"delta": 1.0}, reduction=reduction, name=name, dtype=dtype, delta=delta)


class CosineSimilarity(FusedLoss):
    """Minus the cosine of the angle between targets and predictions; see `cosine_similarity`.

    Args:
        axis: The axis of the vectors.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> float(CosineSimilarity()([[1.0, 0.0], [0.0, 1.0]], [[3.0, 0.0], [1.0, 0.0]]))
        -0.5
    """

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(_row_kernels.cosine_similarity, (axis,), cosine_similarity, unwritten={"axis": -1}, reduction=reduction,
                         name=name, dtype=dtype, axis=axis)  # fmt: skip
