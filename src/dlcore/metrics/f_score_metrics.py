"""F scores: precision and recall in one number."""

import numpy as np

from dlcore import config
from dlcore._kernels.scores import f_score, f_score_update
from dlcore._kernels.tensor import convert
from dlcore.metrics.base import Metric


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall: (1 + beta^2) precision recall / (beta^2 precision + recall).

    Args:
        average: `None` for a score for each class, `"micro"` for that of all decisions together, `"macro"` for the mean
            of the classes, `"weighted"` for the mean weighted by the number of true samples of a class.
        beta: How much more recall counts than precision; a float above 0.
        threshold: Predictions above it are positive, a float in (0, 1]; by default those that are the largest of
            their sample.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range; in `update_state`, if the shape is not (n, classes).

    Example:
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> [round(x, 4) for x in metric([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.8]]).tolist()]
        [0.5556, 0.8333]
    """

    _direction = "up"

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._expect_float()
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"Invalid `average`. Expected one of: None, 'micro', 'macro', 'weighted'. Received: average={average!r}")
        if not isinstance(beta, float) or not beta > 0:
            raise ValueError(f"Invalid `beta`. Expected a Python float above 0. Received: beta={beta} of type {type(beta)}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"Invalid `threshold`. Expected a Python float above 0 and at most 1. Received: threshold={threshold} of type {type(threshold)}")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, shape):
        if len(shape) != 2:
            raise ValueError(f"{type(self).__name__} expects predictions of shape (n, classes). Received: y_pred of shape {tuple(shape)}")
        shape = () if self.average == "micro" else shape[1:]
        for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"):
            setattr(self, name, self.add_variable(shape, "zeros", self.dtype, name=name))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not self._built:
            self._build(y_pred.shape if hasattr(y_pred, "shape") else np.shape(y_pred))
        f_score_update(type(self).__name__, *self._states(), y_true, y_pred, sample_weight, self.threshold)

    def _states(self):
        return self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights

    def result(self):
        if not self._built:
            return convert(0.0, self.dtype)
        return f_score(*self._states(), self.average, self.beta, config.epsilon())

    def get_config(self):
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall: 2 precision recall / (precision + recall).

    Args:
        average, threshold: See `FBetaScore`.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range; in `update_state`, if the shape is not (n, classes).

    Example:
        >>> metric = F1Score(threshold=0.5)
        >>> [round(x, 4) for x in metric([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.8]]).tolist()]
        [0.6667, 0.6667]
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self):
        config = super().get_config()
        del config["beta"]
        return config
