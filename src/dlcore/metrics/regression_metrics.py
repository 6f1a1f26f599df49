"""How far predictions are from their targets."""

from dlcore._kernels import metric as _kernels
from dlcore._kernels.tensor import convert
from dlcore.losses.regression import mean_absolute_error, mean_squared_error
from dlcore.metrics.reduction_metrics import KernelMetric, Mean


class MeanSquaredError(KernelMetric):
    """Mean of (y_true - y_pred)**2.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(MeanSquaredError()([[0.0], [1.0]], [[2.0], [1.0]]))
        2.0
    """

    _direction = "down"

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

    _direction = "down"

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(_kernels.absolute_error_update, (), mean_absolute_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """Root of the mean of (y_true - y_pred)**2.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> round(float(RootMeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]])), 4)
        0.5
    """

    _direction = "down"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        _kernels.element_error_update(self.total, self.count, y_true, y_pred, sample_weight)

    def result(self):
        return convert(float(super().result()) ** 0.5, self._dtype)
