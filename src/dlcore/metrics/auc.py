"""The area below the ROC curve or the precision-recall curve."""

import numpy as np

from dlcore import config
from dlcore._kernels.activation import sigmoid
from dlcore._kernels.confusion import confusion_update, curve_area
from dlcore._kernels.tensor import Tensor, convert
from dlcore.metrics.base import Metric
from dlcore.metrics.metrics_utils import compile_thresholds
from dlcore.metrics.operating_points import STATES
from dlcore.utils.serialization import deserialize_keras_object

_CURVES = ("ROC", "PR", "PRGAIN")                           # in the order of the kernel
_METHODS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """Area below a curve of shares of right decisions over all thresholds.

    The area is a sum over the intervals between `num_thresholds` points of the curve: close to the true one if the
    predictions are spread over [0, 1].

    Args:
        num_thresholds: Number of evenly spaced thresholds.
        curve: `"ROC"` (true positive rate over false positive rate), `"PR"` (precision over recall) or `"PRGAIN"`
            (their gains; Flach and Kull 2015).
        summation_method: `"interpolation"` takes the mean of the heights at both ends of an interval (for `"PR"` it
            interpolates the counts; Davis and Goadrich 2006), `"minoring"` the smaller one, `"majoring"` the larger.
        name, dtype: See `Metric`.
        thresholds: Thresholds in (0, 1) instead of evenly spaced ones; both ends are added.
        multi_label: Whether the columns of predictions (n, labels) have areas of their own, which are averaged;
            otherwise all elements count alike.
        num_labels: Number of labels with `multi_label`; by default that of the first batch.
        label_weights: Weights of the labels, (labels,): in the average with `multi_label`, else those of the elements.
        from_logits: Whether predictions are logits.

    Raises:
        ValueError: if an argument is out of range or does not go with another.

    Example:
        >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.75
    """

    _direction = "up"

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None, thresholds=None,
                 multi_label=False, num_labels=None, label_weights=None, from_logits=False):  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("curve", curve, {name: known for known in _CURVES for name in (known, known.lower())})
        self.summation_method = _one_of("summation_method", summation_method, {name: known for known in _METHODS for name in (known, known.capitalize())})
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}")
        if num_labels and not multi_label:
            raise ValueError(f"`num_labels` is needed only when `multi_label` is True. Received: num_labels={num_labels}")
        self._init_from_thresholds = thresholds is not None
        inner = sorted(thresholds) if thresholds is not None else [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        if inner and not 0 <= inner[0] <= inner[-1] <= 1:
            raise ValueError(f"`thresholds` must be numbers in [0, 1]. Received: thresholds={thresholds}")
        ends = np.array([0.0, *inner, 1.0])
        even = thresholds is None or (len(ends) > 2 and np.allclose(ends, np.arange(len(ends)) / (len(ends) - 1), atol=config.epsilon()))
        self.num_thresholds = len(ends)
        # The ends lie outside [0, 1], so that all predictions exceed the first one and none the last.
        self._thresholds = np.array([-config.epsilon(), *inner, 1.0 + config.epsilon()])
        self._compiled = compile_thresholds(self._thresholds.tolist(), even=even)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.array(label_weights, dtype=self.dtype)
        self._from_logits = from_logits
        self._built = False
        if not multi_label:
            self._build(())
        elif num_labels:
            self._build((num_labels,))

    @property
    def thresholds(self):
        """The thresholds, with the two that were added at the ends."""
        return self._thresholds.tolist()

    def _build(self, labels):
        if labels and self.label_weights is not None and self.label_weights.shape != labels:
            raise ValueError(f"`label_weights` must hold one weight for each of the {labels[0]} labels. Received: weights of shape {self.label_weights.shape}")
        for state in STATES:
            setattr(self, state, self.add_variable((self.num_thresholds, *labels), "zeros", name=state))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self._from_logits:
            y_pred = sigmoid(y_pred)
        if not self._built:
            shape = np.shape(y_pred)
            if len(shape) != 2:
                raise ValueError(f"`y_pred` must have rank 2 when `multi_label=True`. Received: y_pred of shape {shape}")
            self._build(shape[1:])
        if self.label_weights is not None and not self.multi_label:
            sample_weight = self._element_weights(y_pred, sample_weight)
        states = self.true_positives, self.false_positives, self.true_negatives, self.false_negatives
        confusion_update("AUC", *states, y_true, y_pred, self._compiled, sample_weight)

    def _element_weights(self, y_pred, sample_weight):
        shape = tuple(y_pred.shape if isinstance(y_pred, Tensor) else np.shape(y_pred))
        if len(shape) < 2 or shape[-1:] != self.label_weights.shape:
            raise ValueError(f"`label_weights` must hold one weight for each label. Received: {self.label_weights.size} weights for y_pred of shape {shape}")
        weights = np.broadcast_to(np.asarray(self.label_weights), shape)
        if sample_weight is None:
            return weights
        sample_weight = np.asarray(sample_weight, dtype=self.dtype)
        if sample_weight.ndim < len(shape):
            sample_weight = sample_weight.reshape(*sample_weight.shape, *[1] * (len(shape) - sample_weight.ndim))
        return weights * sample_weight

    def result(self):
        return self._area(self.curve, self.summation_method)

    def interpolate_pr_auc(self):
        """The area below the precision-recall curve, with interpolated counts: the `result` of `curve="PR"`."""
        return self._area("PR", "interpolation")

    def _area(self, curve, method):
        states = (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives) if self._built else None
        if states is None:
            return convert(0.0, self.dtype)
        area = curve_area(*states, _CURVES.index(curve), _METHODS.index(method))
        if not self.multi_label:
            return area
        weights = self.label_weights
        total = 0.0 if weights is None else weights.sum()
        mean = area.numpy().mean() if weights is None else np.dot(area.numpy(), weights) / total if total else 0.0
        return convert(float(mean), self.dtype)

    def get_config(self):
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**deserialize_keras_object(config))


def _one_of(argument, value, known):
    value = getattr(value, "value", value)              # a member of Keras' enumerations
    if value not in known:
        raise ValueError(f"Invalid `{argument}`. Expected one of {sorted(set(known.values()))}. Received: {argument}={value!r}")
    return known[value]
