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
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from dlcore.metrics.auc import AUC
from dlcore.metrics.base import Metric
from dlcore.metrics.confusion_metrics import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from dlcore.metrics.correlation_metrics import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from dlcore.metrics.f_score_metrics import F1Score, FBetaScore
from dlcore.metrics.iou_metrics import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from dlcore.metrics.metrics_utils import confusion_matrix
from dlcore.metrics.operating_points import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from dlcore.metrics.probabilistic_metrics import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from dlcore.metrics.r2_score import R2Score
from dlcore.metrics.reduction_metrics import Mean, MeanMetricWrapper, Sum
from dlcore.metrics.regression_metrics import MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError
from dlcore.utils.serialization import Family, serialize_keras_object

_CLASSES = [
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    ConcordanceCorrelation,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    IoU,
    Mean,
    MeanAbsoluteError,
    MeanIoU,
    MeanMetricWrapper,
    MeanSquaredError,
    Metric,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
]
_FUNCTIONS = [
    binary_accuracy,
    binary_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    concordance_correlation,
    confusion_matrix,
    mean_absolute_error,
    mean_squared_error,
    pearson_correlation,
    sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
]
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
