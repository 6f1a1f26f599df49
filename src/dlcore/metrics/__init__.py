"""Metrics: quantities that are gathered batch by batch, to look at."""

import warnings

from dlcore.losses import (
    BCE,
    MAE,
    MAPE,
    MSE,
    MSLE,
    bce,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mae,
    mape,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mse,
    msle,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
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
from dlcore.metrics.hinge_metrics import CategoricalHinge, Hinge, SquaredHinge
from dlcore.metrics.iou_metrics import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from dlcore.metrics.metrics_utils import confusion_matrix
from dlcore.metrics.operating_points import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from dlcore.metrics.probabilistic_metrics import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from dlcore.metrics.r2_score import R2Score
from dlcore.metrics.reduction_metrics import Mean, MeanMetricWrapper, Sum
from dlcore.metrics.regression_metrics import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)
from dlcore.utils.serialization import Family, get_registered_object, serialize_keras_object

_CLASSES = [
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanMetricWrapper,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Metric,
    OneHotIoU,
    OneHotMeanIoU,
    PearsonCorrelation,
    Poisson,
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
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
]
_FUNCTIONS = [
    binary_accuracy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    concordance_correlation,
    confusion_matrix,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    pearson_correlation,
    poisson,
    sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
    sparse_top_k_categorical_accuracy,
    squared_hinge,
    top_k_categorical_accuracy,
]
_FUNCTION_ALIASES = {
    "BCE": BCE,
    "MAE": MAE,
    "MAPE": MAPE,
    "MSE": MSE,
    "MSLE": MSLE,
    "bce": bce,
    "mae": mae,
    "mape": mape,
    "mse": mse,
    "msle": msle,
}

__all__ = ["deserialize", "get", "serialize", *_FUNCTION_ALIASES, *(member.__name__ for member in _CLASSES + _FUNCTIONS)]

# As a string every name, also one in snake_case, means the class.
_ALIASES = {
    "BCE": BinaryCrossentropy,
    "MAE": MeanAbsoluteError,
    "MAPE": MeanAbsolutePercentageError,
    "MSE": MeanSquaredError,
    "MSLE": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
# Names of Keras 2
_OLD_NAMES = {
    "KLD": "kl_divergence",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh_error",
}
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
    if isinstance(identifier, str) and identifier in _OLD_NAMES and get_registered_object(identifier) is None:
        new = _OLD_NAMES[identifier]
        warnings.warn(f"The metric {identifier!r} is called {new!r} in Keras 3.", DeprecationWarning, stacklevel=2)
        identifier = new
    return _FAMILY.get(identifier)
