"""How far predictions are from their targets."""

import numpy as np

from dlcore._kernels import metric as _kernels
from dlcore._kernels.tensor import convert
from dlcore.losses import regression as _losses
from dlcore.losses.regression import log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error
from dlcore.metrics.reduction_metrics import FunctionMetric, KernelMetric, Mean


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


class MeanAbsolutePercentageError(FunctionMetric):
    """Mean of 100 |y_true - y_pred| / |y_true|.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[1.0], [4.0]], [[2.0], [5.0]]))
        62.5
    """

    _direction = "down"

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(FunctionMetric):
    """Mean of (log(1 + y_true) - log(1 + y_pred))**2.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[0.0], [1.0]], [[1.0], [1.0]])), 4)
        0.2402
    """

    _direction = "down"

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(FunctionMetric):
    """Mean of log(cosh(y_pred - y_true)).

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> round(float(LogCoshError()([[0.0], [1.0]], [[1.0], [1.0]])), 4)
        0.2169
    """

    _direction = "down"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(log_cosh, name, dtype)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Cosine of the angle between targets and predictions; the loss of this name is its negative.

    Example:
        >>> cosine_similarity([[0.0, 1.0], [1.0, 1.0]], [[0.0, 2.0], [-1.0, 1.0]]).numpy().tolist()
        [1.0, 0.0]
    """
    return convert(-np.asarray(_losses.cosine_similarity(y_true, y_pred, axis)))


class CosineSimilarity(FunctionMetric):
    """Mean cosine of the angle between targets and predictions.

    Args:
        name, dtype: See `Metric`.
        axis: The axis of the vectors.

    Example:
        >>> float(CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[0.0, 2.0], [-1.0, 1.0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self):
        config = super().get_config()
        if self.axis == -1:
            del config["axis"]          # Keras does not write it
        return config
