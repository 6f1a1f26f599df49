"""How well predictions go up and down with their targets."""

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import convert
from dlcore.losses.base import squeeze_or_expand_to_same_rank
from dlcore.metrics.reduction_metrics import FunctionMetric


def _pair(y_true, y_pred):
    """Both as arrays of one floating dtype and rank."""
    y_pred = np.asarray(convert(y_pred))
    if y_pred.dtype.kind != "f":
        y_pred = y_pred.astype(config.floatx())
    y_true, y_pred = squeeze_or_expand_to_same_rank(np.asarray(y_true, dtype=y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_true and y_pred must have the same shape. Received: {y_true.shape} and {y_pred.shape}")
    return y_true, y_pred


def pearson_correlation(y_true, y_pred, axis=-1):
    """Correlation of targets t and predictions p: mean((t - mean t)(p - mean p)) / (std t std p).

    Args:
        y_true: Targets.
        y_pred: Predictions of the same shape.
        axis: The axis (or axes) along which they are compared.

    Returns:
        Tensor of the shape without `axis`; NaN where targets or predictions do not vary.

    Example:
        >>> round(float(pearson_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 1.0]])[0]), 4)
        0.8109
    """
    y_true, y_pred = _pair(y_true, y_pred)
    t = y_true - y_true.mean(axis=axis, keepdims=True)
    p = y_pred - y_pred.mean(axis=axis, keepdims=True)
    with np.errstate(all="ignore"):
        return convert(np.mean((t / t.std(axis=axis, keepdims=True)) * (p / p.std(axis=axis, keepdims=True)), axis=axis))


def concordance_correlation(y_true, y_pred, axis=-1):
    """How closely predictions p follow targets t, place and scale included:
    2 mean((t - mean p)(p - mean p)) / (var t + var p + (mean t - mean p)^2).

    Args:
        y_true: Targets.
        y_pred: Predictions of the same shape.
        axis: The axis (or axes) along which they are compared.

    Returns:
        Tensor of the shape without `axis`.

    Example:
        >>> concordance_correlation([[0.0, 1.0, 0.5]], [[0.0, 1.0, 0.5]]).numpy().round(4).tolist()
        [1.0]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    mean_t, mean_p = y_true.mean(axis=axis, keepdims=True), y_pred.mean(axis=axis, keepdims=True)
    spread = y_true.var(axis=axis, keepdims=True) + y_pred.var(axis=axis, keepdims=True) + (mean_t - mean_p) ** 2
    return convert(np.mean(2 * (y_true - mean_p) * (y_pred - mean_p) / (spread + config.epsilon()), axis=axis))


class _Correlation(FunctionMetric):
    _direction = "up"

    def __init__(self, fn, name, dtype, axis):
        super().__init__(fn, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class PearsonCorrelation(_Correlation):
    """Mean of `pearson_correlation` over the samples.

    Args:
        name, dtype: See `Metric`.
        axis: See `pearson_correlation`. Use 0 for targets and predictions of one number a sample.

    Example:
        >>> round(float(PearsonCorrelation(axis=0)([0.0, 1.0, 0.5], [0.1, 0.9, 1.0])), 4)
        0.8109
    """

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis)


class ConcordanceCorrelation(_Correlation):
    """Mean of `concordance_correlation` over the samples.

    Args:
        name, dtype: See `Metric`.
        axis: See `concordance_correlation`. Use 0 for targets and predictions of one number a sample.

    Example:
        >>> round(float(ConcordanceCorrelation(axis=0)([0.0, 1.0, 0.5], [0.1, 0.9, 1.0])), 4)
        0.7477
    """

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis)
