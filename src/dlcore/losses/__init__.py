"""Losses: what training makes small."""

from dlcore.losses.base import Loss, LossFunctionWrapper
from dlcore.losses.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from dlcore.losses.regression import MeanAbsoluteError, MeanSquaredError, mean_absolute_error, mean_squared_error
from dlcore.utils.serialization import Family, serialize_keras_object

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
bce = BCE = binary_crossentropy

_CLASSES = [MeanSquaredError, MeanAbsoluteError, BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy]
_FUNCTIONS = [mean_squared_error, mean_absolute_error, binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy]
_ALIASES = {"mse": mse, "MSE": mse, "mae": mae, "MAE": mae, "bce": bce, "BCE": bce}

__all__ = ["Loss", "LossFunctionWrapper", "deserialize", "get", "serialize", *_ALIASES]
__all__ += [member.__name__ for member in _CLASSES + _FUNCTIONS]

# The functions come last: a name in snake_case means the function, as in Keras.
_FAMILY = Family("loss", [Loss, LossFunctionWrapper, *_CLASSES, *_FUNCTIONS], _ALIASES)


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
    return _FAMILY.get(identifier)
