"""The objects that make up a model, and the name that each has in a file.

An object's name is the path of attributes that leads to it, as in Keras' files: ``layers/dense_1`` or ``encoder/blocks/dense``.
In a list, tuple or dict it is the snake_cased class with a number, for names of layers differ from one run to the next.
"""

import functools

from dlcore.layers.base import Layer
from dlcore.layers.state import State
from dlcore.losses.base import Loss
from dlcore.metrics.base import Metric
from dlcore.naming import to_snake_case
from dlcore.optimizers.base import Optimizer

_KINDS = (State, Optimizer, Metric, Loss)
# What a file holds of a model beside its user's attributes; the rest is machinery, and looking at some of it has effects.
_OF_MODELS = {"layers", "loss", "metrics", "optimizer"}
# An object that fails to load is tried again where else it is found. Layers that all hold each other have endless paths.
_TRIES = 4


def walk(root, visit, skip=()):
    """Visits an object and all that it holds, each once, in the order of Keras' files.

    Args:
        root: A layer, model, optimizer, metric or loss.
        visit: Called with (object, path); False if the object should be tried again under another path.
        skip: Objects not to visit.
    """
    done = {id(obj) for obj in skip}
    visited, tries = set(), {}

    def one(obj, path):
        if id(obj) in done:
            return True
        if tries.get(id(obj), 0) >= _TRIES:
            return False
        tries[id(obj)] = tries.get(id(obj), 0) + 1
        if id(obj) not in visited and visit(obj, path) is not False:
            visited.add(id(obj))
        done.add(id(obj))                   # objects may hold each other
        good = id(obj) in visited
        for name, child in _attributes(obj):
            inner = f"{path}/{name}" if path else name
            if isinstance(child, _KINDS):
                good &= one(child, inner)
            elif isinstance(child, (list, dict, tuple)):
                good &= many(child, inner, set())
        if not good:
            done.discard(id(obj))
        return good

    def many(container, path, outer):
        if id(container) in outer:
            return True
        outer.add(id(container))
        good, counts = True, {}
        for item in list(container.values() if isinstance(container, dict) else container):
            if isinstance(item, _KINDS):
                good &= one(item, f"{path}/{_numbered(_class_name(item), counts)}")
            elif isinstance(item, (list, dict, tuple)):
                good &= many(item, f"{path}/{_numbered('container', counts)}", outer)
        return good

    one(root, "")


def _numbered(name, counts):
    n = counts.get(name, 0)
    counts[name] = n + 1
    return f"{name}_{n}" if n else name


def _class_name(obj):
    return to_snake_case(type(obj).__name__)


def _attributes(obj):
    """(name, value) of what a user may have put into an object, private names last."""
    machinery = _machinery(_kind(obj))
    if getattr(obj, "_graph", None) is not None or hasattr(obj, "_stack"):
        yield "layers", obj.layers          # these first, whatever else a subclass holds
    for name in sorted(dir(obj), key=lambda name: "~" + name if name[0] == "_" else name):
        if name.startswith("__") or name in machinery:
            continue
        try:
            value = getattr(obj, name)
        except Exception:                   # a property of the user's may want what is not there yet
            continue
        yield name, value


def _kind(obj):
    from dlcore.models import Model, Sequential

    return next(kind for kind in (Sequential, Model, *_KINDS) if isinstance(obj, kind))


@functools.cache
def _machinery(kind):
    """The attributes that every object of a kind has."""
    from dlcore.models import Model
    from dlcore.models.compile_utils import CompileMetrics

    if kind is State:
        return set(dir(Layer(name="layer")))
    if issubclass(kind, Model):
        return set(dir(kind(name="model"))) - _OF_MODELS
    if kind is Metric:
        return set(dir(Metric(name="metric"))) | set(dir(CompileMetrics()))
    return set(dir(Optimizer(1.0, name="optimizer") if kind is Optimizer else Loss(name="loss")))
