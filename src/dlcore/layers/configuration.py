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


@functools.cache
def _arguments(cls):
    """The constructor's arguments whose attributes are written as they are now if they were set anew.

    None for a class with a constructor of the user's: its attributes need not mean what its arguments do.
    """
    if not cls.__init__.__module__.startswith("dlcore."):
        return frozenset()
    parameters = _init_signature(cls).parameters.values()
    more = {"activity_regularizer"} if any(p.kind is p.VAR_KEYWORD for p in parameters) else set()
    return frozenset({p.name for p in parameters} | more) - {"self", "name", "trainable", "dtype"}


class Configurable:
    """Records the arguments it is constructed with, so that no class keeps a copy of them by hand."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        # The constructor's arguments are the configuration: see get_config.
        self.__dict__["_constructor"] = (args, kwargs)
        return self

    def __setattr__(self, name, value):
        if name in self.__dict__ and name in _arguments(type(self)):
            self.__dict__.setdefault("_changed", {})[name] = True
        super().__setattr__(name, value)

    def get_config(self):
        """The constructor's arguments, with what was set anew since, such that ``type(layer).from_config(config)`` makes an equal layer."""
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
        # An argument is what its attribute holds now: the attributes of built-in layers may be set after construction.
        values.update({key: serialized(type(self), key, getattr(self, key)) for key in self.__dict__.get("_changed", ())})
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
