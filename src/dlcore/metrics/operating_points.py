"""The best of one share of right decisions while another one is large enough."""

from dlcore._kernels.confusion import best_share, confusion_update
from dlcore.metrics.base import Metric
from dlcore.metrics.metrics_utils import compile_thresholds

STATES = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _BestAt(Metric):
    """Counts at evenly spaced thresholds. A subclass says by `_bound` and `_best` what is bounded and what is best:
    the names of states a, b that make up the share a / (a + b)."""

    _direction = "up"
    _argument = None        # the name of the bound

    def __init__(self, value, num_thresholds, class_id, name, dtype):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"Argument `{self._argument}` must be in the range [0, 1]. Received: {self._argument}={value}")
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}")
        self.value = value
        setattr(self, self._argument, value)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [i / (num_thresholds - 1) for i in range(num_thresholds)]
        for state in STATES:
            setattr(self, state, self.add_variable((num_thresholds,), "zeros", name=state))
        self._compiled = compile_thresholds(self.thresholds, even=num_thresholds > 1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        tp, fp, tn, fn = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        confusion_update(type(self).__name__, tp, fp, tn, fn, y_true, y_pred, self._compiled, sample_weight, self.class_id)

    def result(self):
        return best_share(*(getattr(self, state) for state in self._bound + self._best), self.value)

    def get_config(self):
        return {**super().get_config(), "class_id": self.class_id, "num_thresholds": self.num_thresholds, self._argument: self.value}


_SENSITIVITY = _RECALL = ("true_positives", "false_negatives")
_SPECIFICITY = ("true_negatives", "false_positives")
_PRECISION = ("true_positives", "false_positives")


class SensitivityAtSpecificity(_BestAt):
    """Largest tp / (tp + fn) over the thresholds where tn / (tn + fp) is at least `specificity`.

    Args:
        specificity: A number in [0, 1].
        num_thresholds: Number of evenly spaced thresholds that are tried.
        class_id: The only class that counts, an index along the last axis of the predictions.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _argument, _bound, _best = "specificity", _SPECIFICITY, _SENSITIVITY

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_BestAt):
    """Largest tn / (tn + fp) over the thresholds where tp / (tp + fn) is at least `sensitivity`.

    Args:
        sensitivity: A number in [0, 1].
        num_thresholds, class_id: See `SensitivityAtSpecificity`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> round(float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
        0.6667
    """

    _argument, _bound, _best = "sensitivity", _SENSITIVITY, _SPECIFICITY

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_BestAt):
    """Largest tp / (tp + fp) over the thresholds where tp / (tp + fn) is at least `recall`.

    Args:
        recall: A number in [0, 1].
        num_thresholds, class_id: See `SensitivityAtSpecificity`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _argument, _bound, _best = "recall", _RECALL, _PRECISION

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_BestAt):
    """Largest tp / (tp + fn) over the thresholds where tp / (tp + fp) is at least `precision`.

    Args:
        precision: A number in [0, 1].
        num_thresholds, class_id: See `SensitivityAtSpecificity`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.5
    """

    _argument, _bound, _best = "precision", _PRECISION, _RECALL

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
