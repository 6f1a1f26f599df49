"""Cross-entropies as metrics."""

from dlcore.losses.probabilistic import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from dlcore.metrics.reduction_metrics import MeanMetricWrapper


class _Crossentropy(MeanMetricWrapper):
    _direction = "down"

    def __init__(self, fn, name, dtype, **kwargs):
        super().__init__(fn, name, dtype, **kwargs)
        vars(self).update(kwargs)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}


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
