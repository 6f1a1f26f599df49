"""Configurable: an object's configuration is the arguments of its constructor."""

import functools
import inspect
import os

import numpy as np

from dlcore import activations
from dlcore.utils.serialization import serialize_keras_object


@functools.cache
def _init_signature(cls):
    return inspect.signature(cls.__init__)


class Configurable:
    """Records the arguments it is constructed with, so that no class keeps a copy of them by hand."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        # The constructor's arguments are the configuration: see get_config.
        self.__dict__["_constructor"] = (args, kwargs)
        return self

    def get_config(self):
        """The constructor's arguments, such that ``type(layer).from_config(config)`` makes an equal layer."""
        args, kwargs = self._constructor
        bound = _init_signature(type(self)).bind(self, *args, **kwargs)
        bound.apply_defaults()
        parameters = _init_signature(type(self)).parameters
        values = {"name": self.name, "trainable": self._trainable, "dtype": self.compute_dtype}
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            values = {key: value for key, value in values.items() if key in parameters}
        for key, value in list(bound.arguments.items())[1:]:
            kind = parameters[key].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                values.update({k: serialized(type(self), k, v) for k, v in value.items() if k not in values})
            elif kind is not inspect.Parameter.VAR_POSITIONAL and key not in ("name", "trainable", "dtype"):
                values[key] = serialized(type(self), key, value)
        return values

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def serialized(cls, key, value):
    """A constructor argument in a form that JSON takes."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    try:
        return activations.serialize(value) if inspect.isroutine(value) else serialize_keras_object(value)
    except TypeError as error:
        raise ValueError(
            f"{cls.__name__} cannot be written as a configuration: argument {key!r} holds {value!r}. Expected something that can be read "
            "back: numbers, strings, objects with get_config(), or functions with a name (a lambda has none; write a function with "
            "`def` and register it with `@dlcore.saving.register_keras_serializable()`)"
        ) from error
