"""Helpers around training: labels, sequences, seeds, files, progress, and objects in configuration files."""

from ..config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from .files import get_file
from .imbalance import class_weights, oversample, undersample
from .numerical import clear_session, normalize, pad_sequences, set_random_seed, to_categorical
from .progbar import Progbar
from .serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "class_weights",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "normalize",
    "oversample",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
    "undersample",
]
