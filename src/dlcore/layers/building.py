"""Buildable: when the variables of a layer are created, from which shapes, and how that is said in a configuration."""

import functools
import inspect

from dlcore import tree
from dlcore._kernels.tensor import Tensor
from dlcore.layers.context import calls, enter_scope, leave_scope


class Buildable:
    """The part of a Layer that knows about `build`."""

    _path = None                # names of the layers around it, set when it is built
    _build_shapes = None        # what `build` was called with: argument -> shape

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marks_built(cls.__dict__["build"])

    @property
    def path(self):
        """The names of the layers around this one when it was built, and its own, with slashes between."""
        return self._path or self.name

    def build(self, input_shape):
        """Creates the variables; called once, before the first call, with the shape of the input."""

    def get_build_config(self):
        """What `build_from_config` needs to create the variables again: the shapes that `build` was called with; None before."""
        if not self._build_shapes:
            return None
        return {"input_shape": next(iter(self._build_shapes.values()))} if len(self._build_shapes) == 1 else {"shapes_dict": self._build_shapes}

    def build_from_config(self, config):
        """Creates the variables, as `get_build_config` of an equal layer describes."""
        if config and "input_shape" in config:
            self.build(config["input_shape"])
        elif config and "shapes_dict" in config:
            self.build(**config["shapes_dict"])

    def _build_from(self, args, kwargs):
        shapes = {}
        for name, value in [*zip(self._spec.names, args, strict=False), *kwargs.items()]:
            if name not in ("training", "mask") and any(isinstance(x, Tensor) for x in tree.flatten(value)):
                shapes[name] = tree.map_structure(lambda x: tuple(x.shape) if isinstance(x, Tensor) else None, value)
        if not shapes:
            raise ValueError(f"Layer {self.name!r} must be called on tensors or arrays of numbers; received {tree.map_structure(lambda x: getattr(x, 'dtype', type(x)), args)}")
        wanted = [p for p in inspect.signature(self.build).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if len(wanted) > 1 and any(p.name.removesuffix("_shape") in shapes for p in wanted):
            self.build(**{p.name: shapes[p.name.removesuffix("_shape")] for p in wanted if p.name.removesuffix("_shape") in shapes})
        else:
            self.build(next(iter(shapes.values())))
        self.built = True


def _marks_built(build):
    if getattr(build, "_marks_built", False):
        return build

    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        scope = enter_scope(self)
        self._path = calls.scope[0]
        try:
            result = build(self, *args, **kwargs)
        finally:
            leave_scope(scope)
        self._build_shapes = _shapes_by_name(build, self, args, kwargs)
        self.built = True
        return result

    wrapper._marks_built = True
    return wrapper


Buildable.build = _marks_built(Buildable.build)


def _shapes_by_name(build, layer, args, kwargs):
    """The arguments of a call of `build`: name -> shape."""
    try:
        return dict(list(inspect.signature(build).bind(layer, *args, **kwargs).arguments.items())[1:])
    except TypeError:
        return None
