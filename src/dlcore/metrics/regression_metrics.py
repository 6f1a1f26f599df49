"""How far predictions are from their targets."""

from dlcore._kernels import metric as _kernels
from dlcore.losses.regression import mean_absolute_error, mean_squared_error
from dlcore.metrics.reduction_metrics import KernelMetric


class MeanSquaredError(KernelMetric):
    """Mean of (y_true - y_pred)**2.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]]))
        2.0
    """

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(_kernels.squared_error_update, (), mean_squared_error, name=name, dtype=dtype)


class MeanAbsoluteError(KernelMetric):
    """Mean of |y_true - y_pred|.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [1.0]]))
        1.0
    """

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(_kernels.absolute_error_update, (), mean_absolute_error, name=name, dtype=dtype)
