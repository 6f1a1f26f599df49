"""Objects to plain dictionaries and back, in the format of Keras 3 configuration files.

A public object is written as the module and name it is imported from, with `keras` for the name of the library, so
that either library reads the other's files. A user's own class or function is written by the name it was registered
under; only registered ones (or those passed as `custom_objects`) are ever built from a file, so that reading one
never imports or runs code that the program did not name.
"""

import importlib
import inspect
import sys
from contextvars import ContextVar
from functools import reduce
from typing import Any

import numpy as np

from ..naming import to_snake_case

LIBRARY = "dlcore"
FORMAT = "keras"

_registered = {}
_names = {}
_scope = ContextVar("custom_objects", default={})  # noqa: B039 - never written in place


def get_custom_objects():
    """The registered classes and functions by name; writing to the dictionary registers.

    Returns:
        The dictionary itself.
    """
    return _registered


def register_keras_serializable(package="Custom", name=None):
    """Class or function decorator: make it known to saving and loading as `package>name`.

    Args:
        package: a prefix that keeps equal names of different projects apart.
        name: the name in the file, by default that of the class or function.

    Returns:
        A decorator that returns what it decorates.

    Raises:
        ValueError: when a class without `get_config` is decorated.

    Example:
        >>> @register_keras_serializable("demo")
        ... def double(x):
        ...     return 2 * x
        >>> get_registered_name(double)
        'demo>double'
    """

    def decorator(obj):
        registered = f"{package}>{name or obj.__name__}"
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError(f"Cannot register class {obj.__name__}: expected a class with a `get_config()` method, received one without.")
        _registered[registered] = obj
        _names[obj] = registered
        return obj

    return decorator


def get_registered_name(obj):
    """The name under which a class or function was registered, or else its own.

    Args:
        obj: a class or a function.

    Returns:
        A string.
    """
    return _names.get(obj, obj.__name__)


def get_registered_object(name, custom_objects=None, module_objects=None):
    """Look a name up in the custom object scope, the registered objects and the dictionaries given, in this order.

    Args:
        name: a registered name or plain name.
        custom_objects: a dictionary.
        module_objects: a dictionary.

    Returns:
        The class or function, or `None`.
    """
    for table in (_scope.get(), _registered, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


class CustomObjectScope:
    """Context manager: make the given classes and functions known inside the `with` block.

    Args:
        custom_objects: a dictionary from names to classes or functions.

    Example:
        >>> with custom_object_scope({"triple": abs}):
        ...     get_registered_object("triple")
        <built-in function abs>
    """

    def __init__(self, custom_objects):
        self.custom_objects = custom_objects or {}

    def __enter__(self):
        self._token = _scope.set({**_scope.get(), **self.custom_objects})
        return self

    def __exit__(self, *exc):
        _scope.reset(self._token)


custom_object_scope = CustomObjectScope


def public_module(cls):
    """The shortest module of the library from which a class is imported, or `None` if it is not a public one."""
    parts = cls.__module__.split(".")
    if parts[0] != LIBRARY:
        return None
    for stop in range(1, len(parts) + 1):
        module = sys.modules.get(".".join(parts[:stop]))
        if getattr(module, cls.__name__, None) is cls:
            return ".".join([FORMAT, *parts[1:stop]])
    return None


def serialize_keras_object(obj) -> Any:
    """Turn an object into dictionaries, lists, strings and numbers.

    Args:
        obj: an object with `get_config`, a registered function, an array, or a nested list, tuple or dictionary.

    Returns:
        Something that `json` can write.

    Raises:
        TypeError: if the object has no `get_config()`, or is a lambda.

    Example:
        >>> serialize_keras_object({"rate": np.float32(0.5), "axes": [1, 2]})
        {'rate': 0.5, 'axes': [1, 2]}
    """
    if obj is None or isinstance(obj, (str, int, float, bool)):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and obj.ndim == 0):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if hasattr(obj, "get_config") and not inspect.isclass(obj):
        return _serialize_instance(obj)
    if hasattr(obj, "__array__") and not inspect.isclass(obj):
        array = np.asarray(obj)
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    name = getattr(obj, "__name__", None)
    if name == "<lambda>":
        raise TypeError("Cannot serialize a lambda: expected a named function, registered with `register_keras_serializable`.")
    if name is None:
        raise TypeError(f"Cannot serialize object {obj!r} of type {type(obj)}: expected a class with a `get_config()` method.")
    module = f"{FORMAT}.ops" if getattr(obj, "__module__", None) == f"{LIBRARY}.ops" else "builtins"
    return {"module": module, "class_name": "function", "config": get_registered_name(obj), "registered_name": "function"}


# Public here, but not in Keras, which finds them by where it defines them.
_HIDDEN = {"Functional": f"{FORMAT}.src.models.functional"}


def _serialize_instance(obj):
    cls, config = type(obj), obj.get_config()
    if not isinstance(config, dict):
        raise TypeError(f"The `get_config()` method of {obj!r} should return a dict. It returned: {config!r}")
    module = None if cls in _names else public_module(cls)
    hidden = _HIDDEN.get(module and cls.__name__)
    result = {
        "module": hidden or module or (cls.__module__ if cls.__module__ != "__main__" else None),
        "class_name": cls.__name__,
        "config": serialize_keras_object(config),
        "registered_name": None if module and not hidden else get_registered_name(cls),
    }
    for key, method in (("build_config", "get_build_config"), ("compile_config", "get_compile_config")):
        extra = getattr(obj, method, lambda: None)()
        if extra is not None:
            result[key] = serialize_keras_object(extra)
    return result


def deserialize_keras_object(config, custom_objects=None, safe_mode=True, module_objects=None) -> Any:
    """Build the object that `serialize_keras_object` described.

    Args:
        config: what `serialize_keras_object` returned, or the name of one of `module_objects`.
        custom_objects: classes and functions of the user, by name.
        safe_mode: accepted because Keras has it; code stored inside a file is never run here.
        module_objects: the classes and functions that a bare name may mean.

    Returns:
        The object.

    Raises:
        TypeError: if a class is not known, or not described well enough to be built.
        ValueError: if the file holds a lambda.

    Example:
        >>> deserialize_keras_object({"class_name": "__slice__", "config": {"start": 1, "stop": 4, "step": None}})
        slice(1, 4, None)
    """
    if isinstance(config, str) and (found := get_registered_object(config, custom_objects, module_objects)) is not None:
        return found
    if config is None or isinstance(config, (str, int, float, bool)):
        return config
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(item, custom_objects, safe_mode) for item in config]
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: expected a dictionary, list, string or number, received {config!r}")
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value, custom_objects, safe_mode) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if class_name in _PLAIN:
        return _PLAIN[class_name](inner or {})
    if class_name == "__lambda__":
        raise ValueError("Cannot deserialize a lambda: it is code stored in the file. Use a named function that is registered.")
    if class_name == "function":
        return _find(config, inner, config.get("registered_name"), custom_objects, module_objects)
    cls = _find(config, class_name, config.get("registered_name"), custom_objects, module_objects)
    if not hasattr(cls, "from_config"):
        return cls
    with CustomObjectScope(custom_objects):
        obj = cls.from_config(inner or {})
    if config.get("build_config") and not getattr(obj, "built", True):
        obj.build_from_config(config["build_config"])
        obj.built = True
    if config.get("compile_config"):
        obj.compile_from_config(config["compile_config"])
    return obj


_PLAIN = {
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__slice__": lambda c: slice(c["start"], c["stop"], c["step"]),
    "__ellipsis__": lambda c: ...,
    "__numpy__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__tensor__": lambda c: np.array(c["value"], dtype=c["dtype"]),
}


_FUNCTION_FAMILIES = ("activations", "losses", "metrics")
_CLASS_FAMILIES = ("layers", "models", "optimizers", "losses", "metrics", "initializers", "regularizers", "constraints")


def _find(config, name, registered_name, custom_objects, module_objects):
    """The class or function a config names: a custom one, one of a family, or a public one of the library."""
    for key in (registered_name, name):
        if key and (found := get_registered_object(key, custom_objects)) is not None:
            return found
    if module_objects and name in module_objects:
        return module_objects[name]
    module = config.get("module") or ""
    if config["class_name"] == "function" and module == "builtins":
        # Functions are written by name only, so it may be one of any family.
        for family in _FUNCTION_FAMILIES:
            found = getattr(importlib.import_module(f"{LIBRARY}.{family}"), name, None)
            if inspect.isroutine(found) and name not in ("get", "serialize", "deserialize"):
                return found
    parts = module.split(".")
    if parts[:2] == [FORMAT, "src"]:
        # Keras writes some classes by where they are defined; only the family is of interest.
        parts = [FORMAT, *[part for part in parts if part in _CLASS_FAMILIES][:1]]
    if parts[0] in (FORMAT, LIBRARY) and not any(part.startswith("_") for part in parts):
        try:
            found = getattr(importlib.import_module(".".join([LIBRARY, *parts[1:]])), name, None)
        except ImportError:
            found = None
        if found is not None and getattr(found, "__module__", "").split(".")[0] == LIBRARY:
            return found
    raise TypeError(
        f"Could not locate {'function' if config['class_name'] == 'function' else 'class'} '{name}' of module {config.get('module')!r}. "
        "Register your own with `@dlcore.saving.register_keras_serializable()` or pass it in `custom_objects`."
    )


class Family:
    """The classes that a string may name in one argument: initializers, regularizers, ...

    Each is known under its own name and in snake_case.

    Args:
        kind: what error messages call a member.
        members: classes (or functions).
        aliases: other names for some of them.

    Example:
        >>> Family("function", [abs, max], {"largest": max}).get("largest")
        <built-in function max>
    """

    def __init__(self, kind, members, aliases=None):
        self.kind = kind
        own = ({m.__name__: m, to_snake_case(m.__name__): m} for m in members)
        self.members = reduce(lambda a, b: a | b, own, {}) | (aliases or {})

    def deserialize(self, config, custom_objects=None):
        """Build a member from its config or its name (a name gives the class)."""
        return deserialize_keras_object(config, custom_objects, module_objects=self.members)

    def get(self, identifier):
        """An instance from a name, a class, a config, a callable, or `None`."""
        if identifier is None:
            return None
        obj = identifier
        if isinstance(identifier, str):
            obj = get_registered_object(identifier, module_objects=self.members)
        elif isinstance(identifier, dict):
            obj = self._from_config(identifier)
        if inspect.isclass(obj):
            obj = obj()
        if not callable(obj):
            raise ValueError(self._complaint(identifier))
        return obj

    def _from_config(self, config):
        try:
            return self.deserialize(config)
        except TypeError as error:
            raise ValueError(self._complaint(config)) from error

    def _complaint(self, identifier):
        from difflib import get_close_matches

        message = f"Could not interpret {self.kind} identifier: {identifier!r}."
        near = get_close_matches(identifier, self.members, 3) if isinstance(identifier, str) else []
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else " Expected a name, a config, a class or a callable."
        return message + hint
