"""State: the variables and losses of a layer and of the layers in it."""

from operator import is_

import numpy as np

from dlcore import constraints, initializers, regularizers
from dlcore.layers.context import calls, enter_scope, holds_losses, leave_scope, losses_pending
from dlcore.naming import auto_name
from dlcore.variable import Changes, Variable, assign_all


class State:
    """The half of a Layer that holds things. Layers and variables are found in its attributes when they are asked for,
    also inside lists, tuples and dicts, so there is nothing to register."""

    _is_state = True                # what held_in looks for

    def add_weight(self, shape=None, initializer=None, dtype=None, trainable=True, autocast=True, regularizer=None,
                   constraint=None, aggregation=None, overwrite_with_gradient=False, name=None):
        """Creates a variable of this layer.

        Args:
            shape: Tuple; ``()`` by default.
            initializer: Initializer or name; Glorot uniform by default (zeros for whole numbers and booleans).
            dtype: Element type; the layer's by default.
            trainable: Whether it is trained.
            regularizer: Regularizer or name.
            constraint: Constraint or name, applied after every update.
            name: Name within the layer.

        Returns:
            The Variable.
        """
        shape = () if shape is None else tuple(shape)
        dtype = dtype or self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if "float" in str(dtype) else "zeros"
        variable = Variable(initializers.get(initializer), shape=shape, dtype=dtype, trainable=trainable, autocast=autocast,
                            name=name or auto_name("variable"))
        outer = enter_scope(self)
        variable.path = f"{calls.scope[0]}/{variable.name}"
        leave_scope(outer)
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._created.append((variable, bool(trainable)))
        if not self._trainable:
            variable.trainable = False
        Changes.last = object()
        return variable

    def add_variable(self, shape, initializer, dtype=None, trainable=True, autocast=True, regularizer=None, constraint=None, name=None):
        """:meth:`add_weight` with shape and initializer first."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    def _own_variables(self):
        """Variables of this layer itself, trainable ones first, as Keras orders them."""
        found = {id(v): (v, trainable) for v, trainable in self._created}
        for _, value in held_in(self):
            for v in find(value, Variable):
                found.setdefault(id(v), (v, v.trainable))
        pairs = list(found.values())
        return [v for v, trainable in pairs if trainable] + [v for v, trainable in pairs if not trainable]

    def __setattr__(self, name, value):
        holds = name not in BOOKKEEPING and (_MAY_HOLD[type(value)] or name in _CALLED_OTHERWISE or _MAY_HOLD[type(vars(self).get(name))])
        if name == "activity_regularizer":
            self._plain = -1
        if isinstance(value, (State, list, tuple, dict)) and name[0] != "_":
            State._sublayers(self)                  # what was put into a list before this comes before it
            super().__setattr__(name, value)
            State._sublayers(self)
        else:
            super().__setattr__(name, value)
        if isinstance(value, (Variable, list, tuple, dict)) and name != "_created" and "_created" in vars(self):
            known = {id(v) for v, _ in self._created}       # a variable's place is that of its first assignment
            self._created.extend((v, v.trainable) for v in find(value, Variable) if id(v) not in known)
        if holds:
            Changes.last = object()             # afterwards: who looks in between must look again
        if name[0] != "_" or name == "_adds_losses":
            Changes.settings = object()

    def __delattr__(self, name):
        value = vars(self).get(name)
        super().__delattr__(name)
        if isinstance(value, Variable):
            self._created[:] = [pair for pair in self._created if pair[0] is not value]
        Changes.last = Changes.settings = object()

    def _sublayers(self):
        """Layers held in attributes (also inside lists, tuples and dicts), in the order in which they came there."""
        held = {}
        for _, value in held_in(self):
            for layer in find(value, State):
                held.setdefault(id(layer), layer)
        held.pop(id(self), None)
        known = [layer for layer in self.__dict__.get("_tracked", ()) if held.pop(id(layer), None) is not None]
        self.__dict__["_tracked"] = tracked = known + list(held.values())
        return tracked

    def _flatten_layers(self, include_self=True):
        seen, queue = {}, [self]
        while queue:
            layer = queue.pop(0)
            if id(layer) not in seen:
                seen[id(layer)] = layer
                queue.extend(layer._sublayers())
        layers = list(seen.values())
        return layers if include_self else layers[1:]

    def _all_variables(self, own):
        found, visited = {}, set()

        def visit(layer):
            if id(layer) in visited:                # layers may hold each other
                return
            visited.add(id(layer))
            for v in own(layer):
                found.setdefault(id(v), v)
            for sub in layer._sublayers():
                visit(sub)

        visit(self)
        return list(found.values())

    @property
    def weights(self):
        """All variables of the layer and the layers in it, without the state of random generators."""
        return self._all_variables(State._own_variables)

    @property
    def variables(self):
        """The weights and the state of random generators."""
        return self._all_variables(lambda layer: layer._own_variables() + layer._generator_states())

    def _generator_states(self):
        from dlcore.random import SeedGenerator

        return [g.state for _, value in held_in(self) for g in find(value, SeedGenerator)]

    @property
    def metrics(self):
        """The metrics kept in attributes of the layer and of the layers in it; a model reports them beside its own."""
        return self._metrics_in_attributes()

    @property
    def metrics_variables(self):
        """The state of all `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    def _metrics_in_attributes(self):
        from dlcore.metrics import Metric  # of a floor above: layers compute without metrics

        found = {}
        for layer in self._flatten_layers():
            for key, value in held_in(layer):
                if key not in ("_loss_tracker", "_compile_metrics", "_compile_loss", "_compile_config"):
                    for m in find(value, Metric):
                        found.setdefault(id(m), m)
        return list(found.values())

    @property
    def trainable_variables(self):
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self):
        return [v for v in self.variables if not v.trainable] if self._trainable else self.variables

    @property
    def trainable_weights(self):
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self):
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        value = bool(value)
        for layer in self._flatten_layers():
            layer._trainable = value
            for v, trainable in layer._created:
                v.trainable = trainable and value
        Changes.last = object()

    def get_weights(self):
        """NumPy copies of all weights."""
        return [np.array(v) for v in self.weights]

    def set_weights(self, weights):
        """Sets all weights from a list of arrays in the order of :meth:`get_weights`."""
        mine = self.weights
        if len(weights) != len(mine):
            raise ValueError(
                f"You called set_weights(weights) on layer {self.name!r} with a weight list of length {len(weights)}, "
                f"but the layer was expecting {len(mine)} weights"
            )
        arrays = [np.asarray(w) for w in weights]
        for v, w in zip(mine, arrays, strict=True):
            if tuple(v.shape) != w.shape:
                raise ValueError(f"Layer {self.name!r} weight shape {tuple(v.shape)} of {v.path!r} is not compatible with the provided weight shape {w.shape}")
        for v, w in zip(mine, arrays, strict=True):
            v.assign(w)

    def save_own_variables(self, store):
        """Puts the layer's own variables, without those of layers inside, into a mapping; may be overridden.

        Args:
            store: Empty dict from strings to arrays; what is put there is what the file holds for this layer.
        """
        for i, v in enumerate(self._own_variables()):
            store[str(i)] = v

    def load_own_variables(self, store):
        """Takes the layer's own variables from a mapping that :meth:`save_own_variables` filled; may be overridden.

        Args:
            store: Dict from strings to NumPy arrays, empty if the file holds nothing for this layer.

        Raises:
            ValueError: if the number of arrays or a shape is another one. No variable is changed then.
        """
        mine = self._own_variables()
        names = [v.name for v in mine]
        if len(store.keys()) != len(mine):
            if not mine and not self.built:
                raise ValueError(
                    f"layer {self.name!r} was never built, so it has no variables, but the file holds {len(store.keys())} for it. "
                    "Call the layer on data first, or let the `build()` of the layer that owns it build it"
                )
            raise ValueError(f"layer {self.name!r} expected {len(mine)} variables {names}, but the file holds {len(store.keys())} for it")
        assign_all(mine, [store.get(str(i)) for i in range(len(mine))])

    def count_params(self):
        """Number of elements of all weights."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer {self.name!r}, but the layer isn't built. Build it first by "
                "calling it on data or by calling build(input_shape)"
            )
        return int(sum(np.prod(v.shape, dtype=np.int64) for v in self.weights))

    # -------------------------------------------------------------------------------------------------------- losses

    def add_loss(self, loss):
        """Adds a scalar tensor (or a list of them) to the loss of the model, for this call."""
        self._adds_losses, self._plain = True, -1       # from now on each call must clear what the one before added
        self._losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])
        holds_losses(self, True)

    @property
    def losses(self):
        """Scalars added with add_loss in the last call, and the penalties of the weight regularizers."""
        collected = []
        for layer in self._flatten_layers():
            collected.extend(layer._losses)
        for v in self.trainable_weights:
            if v.regularizer is not None:
                collected.append(v.regularizer(v))
        return collected

    def _clear_losses(self):
        """Forgets what add_loss collected in the last call; free where no layer holds a loss."""
        if losses_pending():
            for layer in self._flatten_layers():
                layer._losses.clear()
                holds_losses(layer, False)


class _MayHold(dict):
    """Whether an attribute of a type may be or hold a layer, variable, metric or generator; found out once for each type."""

    def __missing__(self, cls):
        self[cls] = found = issubclass(cls, (list, tuple, dict, set)) or getattr(cls, "_is_state", False)
        return found


_MAY_HOLD = _MayHold()
# Set, they may change what a call does around `call`.
_CALLED_OTHERWISE = frozenset({"built", "activity_regularizer"})
# What a layer knows of itself is no part of it.
BOOKKEEPING = frozenset({"_constructor", "_inbound", "_tracked", "_created", "_losses", "_chain", "_changed"})


def held_in(layer):
    """(name, value) of the attributes that may hold something, without the many that are numbers, names and functions."""
    return [item for item in vars(layer).items() if _MAY_HOLD[type(item[1])] and item[0] not in BOOKKEEPING]


def find(value, kind):
    """Objects of `kind` in an attribute: itself, or inside lists, tuples, sets and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from find(item, kind)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from find(item, kind)


class Snapshot:
    """The layers found in a layer, itself first, and whether looking again would find the same things in them."""

    def __init__(self, layer):
        self._seen = Changes.last
        self.layers = layer._flatten_layers()
        self._containers = []
        for inner in self.layers:
            for _, value in held_in(inner):
                self._note(value)

    def _note(self, value):
        if not isinstance(value, (list, tuple, dict, set)):
            return
        if not isinstance(value, tuple):
            self._containers.append((value, _items(value)))
        for item in _items(value):
            self._note(item)

    def holds(self):
        """Whether nothing has changed since."""
        return self._seen is Changes.last and all(
            len(items) == len(container) and all(map(is_, items, _items(container))) for container, items in self._containers
        )


def _items(container):
    return list(container.values() if isinstance(container, dict) else container)
