"""Means and sums over all batches."""

import numpy as np

from dlcore import losses
from dlcore._kernels.metric import mean_update
from dlcore._kernels.tensor import Tensor, convert
from dlcore.losses.base import masked_weight, squeeze_or_expand_to_same_rank
from dlcore.metrics.base import Metric
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object


class Sum(Metric):
    """Sum of all values, each times its weight.

    Args:
        name: Name.
        dtype: Dtype of the state.

    Example:
        >>> metric = Sum()
        >>> metric.update_state([1.0, 2.0], sample_weight=[1.0, 0.5])
        >>> float(metric.result())
        2.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        mask = values.mask if isinstance(values, Tensor) else None
        values = np.asarray(values, dtype=self.dtype)
        if sample_weight is not None:
            weight = masked_weight(sample_weight, mask, "sum", self.dtype)
            values, weight = squeeze_or_expand_to_same_rank(values, weight)
            if values.ndim > weight.ndim:
                values = values.sum(axis=tuple(range(weight.ndim, values.ndim)))
            try:
                values = values * weight
            except ValueError:
                raise ValueError(f"Sum: sample_weight must fit the values, which have shape {values.shape}; received shape {weight.shape}") from None
        self.total.assign(self.total.numpy() + values.sum(dtype=self.dtype))

    def reset_state(self):
        self.total.assign(0)

    def result(self):
        return convert(float(self.total), self.dtype)


class Mean(Metric):
    """Weighted mean of all values: sum_i w_i v_i / sum_i w_i, or sum_i v_i / (number of rows).

    Values of more than one axis are averaged over the axes that the weights do not have, and at least over all but the
    first.

    Args:
        name: Name.
        dtype: Dtype of the state.

    Example:
        >>> metric = Mean()
        >>> metric.update_state([1.0, 3.0])
        >>> metric.update_state([5.0])
        >>> float(metric.result())
        3.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._expect_float()
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        if sample_weight is not None and isinstance(values, Tensor) and values.mask is not None:
            sample_weight = masked_weight(sample_weight, values.mask, "sum", self._dtype)
        mean_update(self.total, self.count, values, sample_weight)

    def reset_state(self):
        self.total.assign(0)
        self.count.assign(0)

    def result(self):
        count = float(self.count)
        return convert(float(self.total) / count if count else 0.0, self._dtype)


class MeanMetricWrapper(Mean):
    """Weighted mean of a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)`, a value for each sample.
        name: Name.
        dtype: Dtype of the state.
        **kwargs: Further arguments for `fn`.

    Example:
        >>> import numpy as np
        >>> metric = MeanMetricWrapper(lambda y_true, y_pred: np.abs(y_true - y_pred), name="distance")
        >>> float(metric(np.array([1.0, 2.0]), np.array([1.0, 5.0])))
        1.5
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if not hasattr(self, "_direction") and (isinstance(fn, losses.Loss) or getattr(losses, getattr(fn, "__name__", ""), None) is fn):
            self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if isinstance(y_pred, Tensor) and y_pred.mask is not None:
            sample_weight = masked_weight(sample_weight, y_pred.mask, "sum", self._dtype)
        super().update_state(values, sample_weight)

    def get_config(self):
        return {**super().get_config(), "fn": serialize_keras_object(self._fn), **serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config):
        return cls(**(deserialize_keras_object(config) if "fn" in config else config))


class FunctionMetric(MeanMetricWrapper):
    """A mean of a function that its class knows, so that configurations need not name it.

    Args:
        fn: The function.
        name, dtype: See `Metric`.
        **kwargs: Further arguments for `fn`.
    """

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, **self._fn_kwargs}


class KernelMetric(FunctionMetric):
    """A mean whose values are computed, weighted and summed by one kernel call.

    Args:
        kernel: `kernel(total, count, y_true, y_pred, sample_weight, *args)`.
        args: The further arguments.
        fn: The function that gives the values one by one.
        **kwargs: `name`, `dtype`, and the arguments of `fn`.
    """

    def __init__(self, kernel, args, fn, **kwargs):
        super().__init__(fn, **kwargs)
        self._kernel = kernel
        self._kernel_args = args

    def update_state(self, y_true, y_pred, sample_weight=None):
        if isinstance(y_pred, Tensor) and y_pred.mask is not None:
            sample_weight = masked_weight(sample_weight, y_pred.mask, "sum", self._dtype)
        self._kernel(self.total, self.count, y_true, y_pred, sample_weight, *self._kernel_args)
