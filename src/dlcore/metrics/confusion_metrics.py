"""True and false positives and negatives, precision and recall."""

import numpy as np

from dlcore._kernels.confusion import confusion_update, share
from dlcore._kernels.tensor import convert
from dlcore.metrics.base import Metric
from dlcore.metrics.metrics_utils import NEG_INF, compile_thresholds, keep_top_k, parse_thresholds


class _ConditionCount(Metric):
    """Sum of the weights of the decisions of one kind."""

    _kind: int              # the place of the state among those of `confusion_update`

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")
        self._compiled = compile_thresholds(self.thresholds)

    def update_state(self, y_true, y_pred, sample_weight=None):
        states: list = [None] * 4
        states[self._kind] = self.accumulator
        confusion_update(type(self).__name__, *states, y_true, y_pred, self._compiled, sample_weight)

    def result(self):
        counts = self.accumulator.numpy()
        return convert(np.array(counts[0] if len(counts) == 1 else counts))

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_ConditionCount):
    """Number of positives that were predicted to be positive.

    Args:
        thresholds: A number in [0, 1], or a list of them, each with a count of its own; 0.5 by default. Predictions
            strictly above it are positive. For logits it is 0.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
        2.0
    """

    _kind = 0


class FalsePositives(_ConditionCount):
    """Number of negatives that were predicted to be positive.

    Args:
        thresholds: See `TruePositives`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> float(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
        2.0
    """

    _kind = 1


class TrueNegatives(_ConditionCount):
    """Number of negatives that were predicted to be negative.

    Args:
        thresholds: See `TruePositives`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> float(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
        2.0
    """

    _kind = 2


class FalseNegatives(_ConditionCount):
    """Number of positives that were predicted to be negative.

    Args:
        thresholds: See `TruePositives`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> float(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
        2.0
    """

    _kind = 3


class _Share(Metric):
    """True positives over these and others."""

    _direction = "up"
    _other = None           # the name of the other state, and its place among those of `confusion_update`

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(thresholds, default=0.5 if top_k is None else NEG_INF)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        setattr(self, self._other, self.add_variable(shape, "zeros", name=self._other))
        self._compiled = compile_thresholds(self.thresholds)

    def _count(self, fp, fn, y_true, y_pred, sample_weight):
        if self.top_k is not None:
            y_pred = keep_top_k(y_pred, self.top_k)
        name = type(self).__name__
        confusion_update(name, self.true_positives, fp, None, fn, y_true, y_pred, self._compiled, sample_weight, self.class_id)

    def result(self):
        return share(self.true_positives, getattr(self, self._other))

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """Share of true positives in what was predicted to be positive: tp / (tp + fp), and 0 if there is none.

    Args:
        thresholds: A number in [0, 1], or a list of them, each with a value of its own; 0.5 by default, and none with
            `top_k`. Predictions strictly above it are positive. For logits it is 0.
        top_k: Only the k largest predictions of a sample (along the last axis) can be positive.
        class_id: The only class that counts, an index along the last axis.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> round(float(Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
        0.6667
        >>> float(Precision(top_k=1)([[0, 1, 1], [1, 0, 0]], [[0.1, 0.6, 0.9], [0.2, 0.7, 0.3]]))
        0.5
    """

    _other = "false_positives"

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._count(self.false_positives, None, y_true, y_pred, sample_weight)


class Recall(_Share):
    """Share of the positives that were predicted to be positive: tp / (tp + fn), and 0 if there is none.

    Args:
        thresholds, top_k, class_id: See `Precision`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if a threshold is not in [0, 1].

    Example:
        >>> round(float(Recall()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
        0.6667
    """

    _other = "false_negatives"

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._count(None, self.false_negatives, y_true, y_pred, sample_weight)
