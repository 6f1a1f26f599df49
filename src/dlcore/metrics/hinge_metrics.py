"""Margins as metrics."""

from dlcore.losses.hinge import categorical_hinge, hinge, squared_hinge
from dlcore.metrics.reduction_metrics import FunctionMetric


class Hinge(FunctionMetric):
    """Mean of max(1 - y_true y_pred, 0), for labels -1 and 1 (or 0 and 1).

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(Hinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
        1.0
    """

    _direction = "down"

    def __init__(self, name="hinge", dtype=None):
        super().__init__(hinge, name, dtype)


class SquaredHinge(FunctionMetric):
    """Mean of max(1 - y_true y_pred, 0)**2, for labels -1 and 1 (or 0 and 1).

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(SquaredHinge()([[-1.0], [1.0]], [[0.5], [0.5]]))
        1.25
    """

    _direction = "down"

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(FunctionMetric):
    """By how much the best wrong class comes within 1 of the right one, on average.

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0, 0.0]], [[0.25, 1.0, 0.5]]))
        0.5
    """

    _direction = "down"

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, name, dtype)
