"""Several optimizers in one model, each for variables of its own."""

import re
from collections.abc import MutableMapping

from dlcore._kernels.arena import Arena
from dlcore.optimizers.base import Optimizer
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object


class OptimizerMap(MutableMapping):
    """Which optimizer a variable has: that of the pattern which matches the whole of its path, or the default.

    Args:
        default_optimizer: The optimizer of variables that no pattern matches.
        optimizer_map: A dictionary from regular expressions to optimizers.

    Raises:
        TypeError: if `default_optimizer` is not an `Optimizer` or `optimizer_map` not a dictionary.

    Example:
        >>> import dlcore
        >>> choice = OptimizerMap(dlcore.optimizers.Adam(), {".*/bias": dlcore.optimizers.SGD(0.5)})
        >>> type(choice["dense/bias"]).__name__, type(choice["dense/kernel"]).__name__
        ('SGD', 'Adam')
    """

    def __init__(self, default_optimizer, optimizer_map=None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be an Optimizer. Received: default_optimizer={default_optimizer!r}")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: optimizer_map={optimizer_map!r}")
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self):
        """The optimizer of variables that no pattern matches."""
        return self._default_optimizer

    def __getitem__(self, key):
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Expected at most one pattern of the OptimizerMap to match the variable {key!r}; received {matching}.")
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key, optimizer):
        if key in self._optimizer_map:
            raise ValueError(f"'{key}' already exists in the OptimizerMap with value {self._optimizer_map[key]}.")
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: key={key!r}")
        _check_member(optimizer, "optimizer")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key):
        del self._optimizer_map[key]

    def __len__(self):
        return len(self._optimizer_map)

    def __iter__(self):
        return iter(self._optimizer_map)

    def __call__(self, variable):
        return self[variable.path]

    def get_config(self):
        """The constructor arguments, as a dictionary."""
        return {"default_optimizer": serialize_keras_object(self._default_optimizer), "optimizer_map": serialize_keras_object(self._optimizer_map)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A map from :meth:`get_config`."""
        from dlcore.optimizers import deserialize  # finds built-in ones by name, whatever module a file of Keras puts them in

        members = {key: deserialize(value, custom_objects) for key, value in config["optimizer_map"].items()}
        return cls(deserialize(config["default_optimizer"], custom_objects), members)


def _check_member(optimizer, what):
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{what} must be an Optimizer. Received: {optimizer!r}")
    if isinstance(optimizer, MultiOptimizer):
        raise ValueError(f"{what} cannot be a MultiOptimizer. Received: {optimizer!r}")


class MultiOptimizer(Optimizer):
    """Hands each variable to one of several optimizers.

    Args:
        optimizer_map: An `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: As in `Optimizer`; given to all of them.
        name: Name.

    Raises:
        ValueError: when it is built, if a variable's optimizer is none, or a `MultiOptimizer` itself.

    Example:
        >>> import dlcore
        >>> sgd, adam = dlcore.optimizers.SGD(0.25), dlcore.optimizers.Adam(0.5)
        >>> both = dlcore.optimizers.MultiOptimizer(lambda v: sgd if v.name == "bias" else adam)
        >>> variables = [dlcore.Variable([1.0], name="kernel"), dlcore.Variable([1.0], name="bias")]
        >>> both.apply([[3.0], [3.0]], variables)
        >>> [round(float(v.numpy()[0]), 4) for v in variables]
        [0.5, 0.25]
    """

    def __init__(self, optimizer_map, loss_scale_factor=None, name=None):
        self._optimizers = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        known = list(optimizer_map.values()) if hasattr(optimizer_map, "values") else []
        for optimizer in [*known, getattr(optimizer_map, "default_optimizer", None)]:
            if optimizer is not None:
                self._place(optimizer)

    def _place(self, optimizer):
        for i, one in enumerate(self._optimizers):
            if one is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._optimizers.append(optimizer)
        return len(self._optimizers) - 1

    def build(self, variables):
        """Finds the optimizer of each variable, and builds them."""
        if self.built:
            return
        for variable in variables:
            _check_member(self._optimizer_map(variable), f"The optimizer of variable {variable.path!r}")
        super().build(variables)
        self._index = {id(v): self._place(self._optimizer_map(v)) for v in variables}
        for optimizer, mine in self._shares(variables):
            optimizer.build(mine)

    def _shares(self, variables):
        """The optimizers that have some of the variables, each with its own."""
        shares = [[] for _ in self._optimizers]
        for v in variables:
            if id(v) not in self._index:
                _check_member(self._optimizer_map(v), f"The optimizer of variable {v.path!r}")
                self._index[id(v)] = self._place(self._optimizer_map(v))
                shares += [[] for _ in self._optimizers[len(shares) :]]
            shares[self._index[id(v)]].append(v)
        return [(optimizer, mine) for optimizer, mine in zip(self._optimizers, shares, strict=True) if mine]

    def _bind(self, arena):
        if not self.built:
            self.build(list(arena.variables))
        self._plan = [(optimizer, Arena(mine)) for optimizer, mine in self._shares(arena.variables)]
        self._arena = arena

    def step(self, arena):
        """A step of each of the optimizers, with the gradients that lie in the arena.

        Raises:
            ValueError: if no gradient was written for any variable of one of them.
        """
        if arena is not self._arena:
            self._bind(arena)
        for optimizer, part in self._plan:
            if not part.ready_runs():               # found before any of them has changed a variable
                paths = [v.path for v in part.variables]
                raise ValueError(f"No gradients provided for any variable of {optimizer}, which updates {paths}.")
        for optimizer, part in self._plan:
            optimizer.step(part)
        self._iterations._add_int(1)

    def _lend(self, arena, grads):
        return False

    @property
    def optimizers(self):
        """The optimizers."""
        return self._optimizers

    @property
    def variables(self):
        """Iteration counter and (unused) learning rate, then the variables of the optimizers in turn."""
        return [self._iterations, self._learning_rate, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self):
        """There is none: each of the optimizers has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate. Use that of one of its `optimizers`.")

    @learning_rate.setter
    def learning_rate(self, value):
        raise AttributeError("The learning rate of a MultiOptimizer cannot be set. Set that of one of its `optimizers`.")

    @property
    def loss_scale_factor(self):
        """The factor of the loss; setting it sets it in all the optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value):
        self._loss_scale_factor = value
        for optimizer in self._optimizers:
            optimizer.loss_scale_factor = value

    def finalize_variable_values(self, var_list):
        """Lets each of the optimizers overwrite its variables by their averages, if it keeps them."""
        for optimizer, mine in self._shares(var_list):
            optimizer.finalize_variable_values(mine)

    def get_config(self):
        """The constructor arguments, as a dictionary."""
        return {"optimizer_map": serialize_keras_object(self._optimizer_map), "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from :meth:`get_config`."""
        return cls(**{**config, "optimizer_map": deserialize_keras_object(config["optimizer_map"], custom_objects)})
