"""Cross-entropies and the like as metrics."""

from dlcore.losses.probabilistic import binary_crossentropy, categorical_crossentropy, kl_divergence, poisson, sparse_categorical_crossentropy
from dlcore.metrics.reduction_metrics import FunctionMetric


class _Crossentropy(FunctionMetric):
    _direction = "down"

    def __init__(self, fn, name, dtype, **kwargs):
        super().__init__(fn, name, dtype, **kwargs)
        vars(self).update(kwargs)


class BinaryCrossentropy(_Crossentropy):
    """Mean cross-entropy between labels 0/1 and probabilities.

    Args:
        name, dtype: See `Metric`.
        from_logits, label_smoothing: See `dlcore.losses.binary_crossentropy`.

    Example:
        >>> round(float(BinaryCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 3)
        0.693
    """

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        super().__init__(binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_Crossentropy):
    """Mean cross-entropy between one-hot labels and probabilities of classes.

    Args:
        name, dtype: See `Metric`.
        from_logits, label_smoothing, axis: See `dlcore.losses.categorical_crossentropy`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693
    """

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        super().__init__(categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Mean cross-entropy between class numbers and probabilities of classes.

    Args:
        name, dtype: See `Metric`.
        from_logits, ignore_class, axis: See `dlcore.losses.sparse_categorical_crossentropy`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 3)
        0.693
    """

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1):
        super().__init__(sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)


class KLDivergence(FunctionMetric):
    """Mean of sum_j y_true_j log(y_true_j / y_pred_j).

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> round(float(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693
    """

    _direction = "down"

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, name, dtype)


class Poisson(FunctionMetric):
    """Mean of y_pred - y_true log(y_pred).

    Args:
        name, dtype: See `Metric`.

    Example:
        >>> float(Poisson()([[0.0], [1.0]], [[2.0], [1.0]]))
        1.5
    """

    _direction = "down"

    def __init__(self, name="poisson", dtype=None):
        super().__init__(poisson, name, dtype)
