"""Records signatures.json from Keras: ``KERAS_BACKEND=jax python tests/golden/record_signatures.py``.

For every public name of the modules below: its parameters with their defaults, and for classes the methods that the class
itself defines (for models and optimizers, also what they inherit). The back-end is JAX because PyTorch's adds the methods of its modules.
"""

import inspect
import json
import pathlib

MODULES = (
    "activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics", "models", "optimizers",
    "optimizers.schedules", "preprocessing.image", "preprocessing.sequence", "regularizers", "saving", "utils", "utils.bounding_boxes",
)  # fmt: skip


def parameters(function):
    """[[name, default or null]] of a function; * and ** before the names of the collecting ones."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[stars.get(p.kind, "") + p.name, None if p.default is p.empty else repr(p.default).split(" at 0x")[0]] for p in found]


def describe(obj):
    if not inspect.isclass(obj):
        return {"call": parameters(obj)} if callable(obj) else {}
    members = inspect.getmembers(obj) if obj.__name__ in ("Model", "Optimizer") else [(name, getattr(obj, name)) for name in vars(obj)]
    public = sorted((name, member) for name, member in members if not name.startswith("_"))
    methods = {name: parameters(member) for name, member in public if inspect.isroutine(member)}
    properties = [name for name, member in public if isinstance(member, property)]
    return {"call": parameters(obj), "methods": methods, "properties": properties}


def table(library):
    found = {}
    for module in MODULES:
        namespace = library
        for part in module.split("."):
            namespace = getattr(namespace, part, None)
        names = [name for name in dir(namespace) if not name.startswith("_") and not inspect.ismodule(getattr(namespace, name))]
        found[module] = {name: describe(getattr(namespace, name)) for name in names}
    return found


if __name__ == "__main__":
    import keras

    pathlib.Path(__file__).with_name("signatures.json").write_text(json.dumps(table(keras), separators=(",", ":"), sort_keys=True) + "\n")
