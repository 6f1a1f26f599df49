"""Optimizers: update rules for the parameters of a model."""

from dlcore.optimizers import schedules
from dlcore.optimizers.adadelta import Adadelta
from dlcore.optimizers.adafactor import Adafactor
from dlcore.optimizers.adagrad import Adagrad
from dlcore.optimizers.adam import Adam
from dlcore.optimizers.adamax import Adamax
from dlcore.optimizers.adamw import AdamW
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.ftrl import Ftrl
from dlcore.optimizers.lamb import Lamb
from dlcore.optimizers.lion import Lion
from dlcore.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from dlcore.optimizers.muon import Muon
from dlcore.optimizers.nadam import Nadam
from dlcore.optimizers.rmsprop import RMSprop
from dlcore.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from dlcore.optimizers.sgd import SGD
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_MEMBERS = [
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    AdamW,
    Adamax,
    Ftrl,
    Lamb,
    Lion,
    MultiOptimizer,
    Muon,
    Nadam,
    OptimizerMap,
    RMSprop,
    ScheduleFreeAdamW,
]
_BY_NAME = {cls.__name__.lower(): cls for cls in _MEMBERS}


def serialize(optimizer):
    """An optimizer as a dictionary.

    Example:
        >>> serialize(SGD(0.5))["config"]["learning_rate"]
        0.5
    """
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer that `serialize` described; names of built-in ones in any case.

    Example:
        >>> deserialize({"class_name": "sgd", "config": {"momentum": 0.5}}).momentum
        0.5
    """
    if config["class_name"].lower() in _BY_NAME:
        config = {**config, "class_name": config["class_name"].lower()}
    return deserialize_keras_object(config, custom_objects, module_objects=_BY_NAME)


def get(identifier):
    """The optimizer that an argument stands for.

    Args:
        identifier: A name such as `"adam"`, a config, an optimizer, or `None`.

    Returns:
        An `Optimizer`, or `None` for `None`.

    Raises:
        ValueError: if it stands for none.

    Example:
        >>> get("rmsprop").rho
        0.9
    """
    if identifier is None:
        return None
    obj = identifier
    try:
        if isinstance(identifier, str):
            obj = deserialize({"class_name": identifier, "config": {}})
        elif isinstance(identifier, dict):
            obj = deserialize(identifier)
    except TypeError as error:
        if not str(error).startswith("Could not locate"):
            raise
    if isinstance(obj, Optimizer):
        return obj
    raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}. Expected one of {sorted(_BY_NAME)}, a config or an Optimizer.")
