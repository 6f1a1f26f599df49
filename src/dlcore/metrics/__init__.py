"""Metrics: quantities that are gathered batch by batch, to look at."""

from dlcore.losses import (
    BCE,
    MAE,
    MSE,
    bce,
    binary_crossentropy,
    categorical_crossentropy,
    mae,
    mean_absolute_error,
    mean_squared_error,
    mse,
    sparse_categorical_crossentropy,
)
from dlcore.metrics.accuracy_metrics import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from dlcore.metrics.base import Metric
from dlcore.metrics.probabilistic_metrics import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from dlcore.metrics.reduction_metrics import Mean, MeanMetricWrapper, Sum
from dlcore.metrics.regression_metrics import MeanAbsoluteError, MeanSquaredError
from dlcore.utils.serialization import Family, serialize_keras_object

_CLASSES = [Metric, Mean, Sum, MeanMetricWrapper, MeanSquaredError, MeanAbsoluteError, BinaryCrossentropy]
_CLASSES += [CategoricalCrossentropy, SparseCategoricalCrossentropy, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy]
_FUNCTIONS = [binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, mean_squared_error, mean_absolute_error]
_FUNCTIONS += [binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy]
_FUNCTION_ALIASES = {"mse": mse, "MSE": MSE, "mae": mae, "MAE": MAE, "bce": bce, "BCE": BCE}

__all__ = ["deserialize", "get", "serialize", *_FUNCTION_ALIASES, *(member.__name__ for member in _CLASSES + _FUNCTIONS)]

# As a string every name, also one in snake_case, means the class.
_ALIASES = {"mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError}
_ALIASES |= {"bce": BinaryCrossentropy, "BCE": BinaryCrossentropy}
_FAMILY = Family("metric", _CLASSES, _ALIASES)


def serialize(metric):
    """A metric as a dictionary.

    Example:
        >>> serialize(Mean(name="m"))["config"]["name"]
        'm'
    """
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric that `serialize` described.

    Example:
        >>> deserialize(serialize(Mean(name="m"))).name
        'm'
    """
    return _FAMILY.deserialize(config, custom_objects)


def get(identifier):
    """The metric that an argument stands for.

    Args:
        identifier: A name (`"mse"`, `"BinaryAccuracy"`), a config, a class, a callable `f(y_true, y_pred)`, or `None`.

    Returns:
        A `Metric` or a function, or `None` for `None`.

    Raises:
        ValueError: if it stands for none.

    Example:
        >>> get("binary_accuracy").threshold
        0.5
    """
    return _FAMILY.get(identifier)
