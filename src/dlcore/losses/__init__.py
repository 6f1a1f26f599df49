"""Losses: what training makes small."""

import warnings

from dlcore.losses.base import Loss, LossFunctionWrapper
from dlcore.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
)
from dlcore.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from dlcore.losses.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from dlcore.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from dlcore.losses.segmentation import (
    Dice,
    Tversky,
    dice,
    tversky,
)
from dlcore.losses.sequence import (
    CTC,
    ctc,
)
from dlcore.losses.similarity import (
    Circle,
    circle,
)
from dlcore.utils.serialization import Family, get_registered_object, serialize_keras_object

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

# The class of each function: what a function computes of every sample, its class computes, weights and reduces.
CLASSES = {
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    categorical_hinge: CategoricalHinge,
    circle: Circle,
    cosine_similarity: CosineSimilarity,
    ctc: CTC,
    dice: Dice,
    hinge: Hinge,
    huber: Huber,
    kl_divergence: KLDivergence,
    log_cosh: LogCosh,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_error: MeanSquaredError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    poisson: Poisson,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    squared_hinge: SquaredHinge,
    tversky: Tversky,
}
_ALIASES = {
    "BCE": BCE,
    "KLD": KLD,
    "MAE": MAE,
    "MAPE": MAPE,
    "MSE": MSE,
    "MSLE": MSLE,
    "bce": bce,
    "kld": kld,
    "mae": mae,
    "mape": mape,
    "mse": mse,
    "msle": msle,
}
# Names of Keras 2
_OLD_NAMES = {
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}

__all__ = ["Loss", "LossFunctionWrapper", "deserialize", "get", "kullback_leibler_divergence", "logcosh", "serialize", *_ALIASES]
__all__ += [member.__name__ for pair in CLASSES.items() for member in pair]

# The functions come last: a name in snake_case means the function, as in Keras.
_FAMILY = Family("loss", [Loss, LossFunctionWrapper, *CLASSES.values(), *CLASSES], _ALIASES)


def serialize(loss):
    """A loss or a loss function as a dictionary.

    Example:
        >>> serialize(MeanSquaredError())["class_name"]
        'MeanSquaredError'
    """
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss that `serialize` described; a name gives the class or function of this name.

    Example:
        >>> deserialize("mse").__name__
        'mean_squared_error'
    """
    return _FAMILY.deserialize(name, custom_objects)


def get(identifier):
    """The loss that an argument stands for.

    Args:
        identifier: A name (`"mse"`, `"MeanSquaredError"`), a config, a class, a callable `f(y_true, y_pred)`, or `None`.

    Returns:
        A `Loss` or a function, or `None` for `None`.

    Raises:
        ValueError: if it stands for none.

    Example:
        >>> get("MeanSquaredError").name
        'mean_squared_error'
    """
    if isinstance(identifier, str) and identifier in _OLD_NAMES and get_registered_object(identifier) is None:
        new = _OLD_NAMES[identifier]
        warnings.warn(f"The loss {identifier!r} is called {new!r} in Keras 3.", DeprecationWarning, stacklevel=2)
        identifier = new
    return _FAMILY.get(identifier)
