"""Loss: from targets and predictions to the number that training makes small."""

import numpy as np

from dlcore import config, tree
from dlcore._kernels.tensor import Tensor, convert
from dlcore.naming import auto_name, to_snake_case
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def standardize_reduction(reduction):
    """`reduction`, if it is one."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction!r}")
    return reduction


class Loss:
    """Base class of the losses.

    A loss of your own overrides `call(y_true, y_pred)`, written in `dlcore.ops`, which gives a value for each sample
    (or each element); calling the loss weights and reduces these values v_i with the sample weights w_i:

    - `"sum_over_batch_size"`, `"mean"`: sum_i w_i v_i / n. The number of values n also counts those of weight zero.
    - `"mean_with_sample_weight"`: sum_i w_i v_i / sum_i w_i.
    - `"sum"`: sum_i w_i v_i.  `"none"` or `None`: the w_i v_i themselves.

    If `y_pred` carries a mask, masked values get weight zero; the means are then over the n values that are left.

    Args:
        name: Name; made up from the class by default.
        reduction: See above.
        dtype: Dtype of the computation, `dlcore.config.floatx()` by default.

    Raises:
        ValueError: if `reduction` is unknown.

    Example:
        >>> import dlcore
        >>> class Quartic(dlcore.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return dlcore.ops.mean((y_true - y_pred) ** 4, axis=-1)
        >>> float(Quartic()([[0.0], [1.0]], [[2.0], [1.0]]))
        8.0
    """

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.reduction = standardize_reduction(reduction)
        self._dtype = np.dtype(dtype or config.floatx()).name

    @property
    def dtype(self):
        return self._dtype

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss.

        Args:
            y_true: Targets.
            y_pred: Predictions; a structure of tensors if `call` takes one.
            sample_weight: Weights of the values that `call` gives, or `None`.

        Returns:
            A scalar tensor, or with reduction `None` a tensor with a value for each sample.
        """
        mask = y_pred.mask if isinstance(y_pred, Tensor) else None
        y_pred = self._convert(y_pred)
        y_true = self._convert(y_true)
        values = self.call(y_true, y_pred)
        if isinstance(values, Tensor) and values.mask is not None:
            mask = values.mask if mask is None else np.logical_and(mask, values.mask)
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def call(self, y_true, y_pred):
        """A value for each sample; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override `call(self, y_true, y_pred)`")

    def _convert(self, x):
        if isinstance(x, dict):
            return {key: self._convert(value) for key, value in x.items()}
        # A list of numbers is an array; a list of tensors or arrays is a structure.
        if isinstance(x, (list, tuple)) and any(hasattr(leaf, "shape") for leaf in tree.flatten(x)):
            return [self._convert(value) for value in x]
        return as_dtype(x, self._dtype)

    def get_config(self):
        """The constructor arguments, as a dictionary."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class LossFunctionWrapper(Loss):
    """Makes a loss of a function.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)`, a value for each sample.
        reduction: See `Loss`.
        name: Name.
        dtype: See `Loss`.
        **kwargs: Further arguments for `fn`.

    Example:
        >>> import dlcore
        >>> loss = LossFunctionWrapper(lambda y_true, y_pred, power: dlcore.ops.mean(abs(y_true - y_pred) ** power, axis=-1), power=3)
        >>> float(loss([[0.0]], [[2.0]]))
        8.0
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true, y_pred):
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        return {**super().get_config(), "fn": serialize_keras_object(self.fn), **serialize_keras_object(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config):
        return cls(**(deserialize_keras_object(config) if "fn" in config else config))

    def __repr__(self):
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


class BuiltInLoss(LossFunctionWrapper):
    """A loss whose function its class knows, so that configurations need not name it.

    Args:
        fn: The function with a value for each sample.
        unwritten: Arguments that Keras leaves out of configurations, and their defaults: only other values are written.
        **kwargs: `reduction`, `name`, `dtype`, and the arguments of `fn`.
    """

    def __init__(self, fn, unwritten=None, **kwargs):
        super().__init__(fn, **kwargs)
        self._unwritten = unwritten or {}

    def get_config(self):
        written = {key: value for key, value in self._fn_kwargs.items() if key not in self._unwritten or value != self._unwritten[key]}
        return {**Loss.get_config(self), **written}


class FusedLoss(BuiltInLoss):
    """A loss that is one kernel call, reduction and weights included.

    Args:
        kernel: `kernel(y_true, y_pred, sample_weight, reduction, *args)`.
        args: The further arguments.
        fn: The function with a value for each sample, for whoever asks for `call`.
        **kwargs: See `BuiltInLoss`.
    """

    def __init__(self, kernel, args, fn, **kwargs):
        super().__init__(fn, **kwargs)
        self._kernel = kernel
        self._kernel_args = args

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__ and "__call__" not in cls.__dict__:
            cls.__call__ = Loss.__call__            # a subclass that changes the formula cannot use the kernel

    def __call__(self, y_true, y_pred, sample_weight=None):
        if type(y_pred) is not Tensor or y_pred.dtype != self._dtype:
            y_pred = as_dtype(y_pred, self._dtype)
        if y_pred.mask is not None:
            sample_weight = masked_weight(sample_weight, y_pred.mask, self.reduction, self._dtype)
        if not self._kernel_args:                   # unpacking nothing takes longer than the test
            return self._kernel(y_true, y_pred, sample_weight, self.reduction)
        return self._kernel(y_true, y_pred, sample_weight, self.reduction, *self._kernel_args)


def as_dtype(x, dtype):
    """x as a tensor of that dtype; differentiable."""
    x = convert(x)
    if x.dtype == dtype:
        return x
    from dlcore import ops

    return ops.cast(x, dtype)


def squeeze_or_expand_to_same_rank(x1, x2, expand_rank_1=True):
    """Makes the ranks of two tensors or arrays equal if they differ by a last axis of length 1.

    Example:
        >>> import numpy as np
        >>> [x.shape for x in squeeze_or_expand_to_same_rank(np.ones((2, 3, 1)), np.ones((2, 3)))]
        [(2, 3), (2, 3)]
    """
    if x1.ndim == x2.ndim + 1 and x1.shape[-1] == 1:
        return (x1, _expand_last(x2)) if x2.ndim == 1 and expand_rank_1 else (_squeeze_last(x1), x2)
    if x2.ndim == x1.ndim + 1 and x2.shape[-1] == 1:
        return (_expand_last(x1), x2) if x1.ndim == 1 and expand_rank_1 else (x1, _squeeze_last(x2))
    return x1, x2


def _squeeze_last(x):
    if isinstance(x, np.ndarray):
        return x[..., 0]
    from dlcore import ops

    return ops.squeeze(x, axis=-1)


def _expand_last(x):
    if isinstance(x, np.ndarray):
        return x[..., None]
    from dlcore import ops

    return ops.expand_dims(x, axis=-1)


def masked_weight(sample_weight, mask, reduction, dtype):
    """Sample weights times mask, as an array; `None` if there is neither.

    For the means over all values, what the mask leaves is scaled by total / valid: so they become means over what is left.
    """
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, dtype=dtype)
    if mask is None:
        return sample_weight
    mask = np.asarray(mask, dtype=bool)
    weight = mask.astype(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        weight *= mask.size / max(np.count_nonzero(mask), 1)
    if sample_weight is None:
        return weight
    weight, sample_weight = squeeze_or_expand_to_same_rank(weight, sample_weight)
    return weight * sample_weight


def reduce_weighted_values(values, sample_weight=None, mask=None, reduction="sum_over_batch_size", dtype=None):
    """Weights values and reduces them as `Loss` says, by ops."""
    from dlcore import ops

    values = convert(values) if dtype is None else as_dtype(values, dtype)
    weight = masked_weight(sample_weight, mask, reduction, values.dtype)
    if weight is not None:
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        values = values * weight
    if reduction in (None, "none") or values.ndim == 0:
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    divisor = values.size
    if reduction == "mean_with_sample_weight" and weight is not None:
        divisor = float(np.sum(weight))
    return total / divisor if divisor else total * 0.0
