"""Helpers around training: labels, sequences, seeds, data sets, files, images, progress, and objects in configuration files."""

import importlib

from ..config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from .files import get_file
from .image_dataset import image_dataset_from_directory
from .images import array_to_img, img_to_array, load_img, save_img
from .imbalance import class_weights, oversample, undersample
from .named_values import Config
from .numerical import clear_session, normalize, pad_sequences, set_random_seed, to_categorical
from .packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from .plotting import model_to_dot, plot_model
from .progbar import Progbar
from .py_dataset import PyDataset, Sequence
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
from .splitting import split_dataset
from .symbolic import get_source_inputs, is_keras_tensor, standardize_dtype
from .text_dataset import text_dataset_from_directory
from .timeseries import timeseries_dataset_from_array

__all__ = [
    "Config",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "bounding_boxes",
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
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "oversample",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "undersample",
    "unpack_x_y_sample_weight",
]


def __getattr__(name):
    if name == "bounding_boxes":            # imported at first use, so that `import dlcore` stays quick
        return importlib.import_module("dlcore.utils.bounding_boxes")
    raise AttributeError(f"module 'dlcore.utils' has no attribute {name!r}")
