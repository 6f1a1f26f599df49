"""Variable: a tensor with a name whose numbers can be assigned and trained."""

import copy

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import Tensor, VariableBase, convert
from dlcore.naming import auto_name


class Changes:
    """When what layers hold last changed. Every change (an attribute set, a variable created or frozen ...) puts a new object here,
    so as long as it is the same, nothing did; but for what is put into a list or dict of the user's."""

    last = object()
    settings = object()         # the same for any public attribute of a layer, whatever its value


class Variable(VariableBase):
    """A named tensor that layers, metrics and optimizers keep their state in.

    It *is* a tensor: operators, indexing, ``numpy()`` and every op accept it. Its memory may move into the arena of a
    model when training begins, so keep the variable, not a view of its numbers.

    Args:
        initializer: An array or number, or a callable ``f(shape, dtype=...)``, or the name of an initializer.
        shape: Shape; needed if `initializer` is a callable.
        dtype: Element type; that of the value, or ``dlcore.config.floatx()``.
        trainable: Whether tapes compute its gradient and optimizers change it.
        name: Name; unique ones are made up.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0]).numpy().tolist()
        [2.0, 3.0]
    """

    _is_state = True                # looked for in the attributes of layers and metrics

    def __init__(self, initializer, shape=None, dtype=None, trainable=True, autocast=True, aggregation=None, name=None):
        self.name = name or auto_name("variable")
        self.path = self.name
        self.autocast = autocast
        self.aggregation = aggregation
        self.regularizer = None
        self.constraint = None
        if isinstance(initializer, str):
            from dlcore import initializers

            initializer = initializers.get(initializer)
        if callable(initializer) and not isinstance(initializer, Tensor):
            if shape is None:
                raise ValueError(f"Variable {self.name!r}: shape must be given when initializer is a callable; received initializer={initializer}")
            value = initializer(tuple(shape), dtype=dtype or config.floatx())
            value = convert(np.array(value, copy=True))
        else:
            # Python numbers have no precision of their own: they take the one asked for, without a stop at float32.
            bare = dtype is not None and not hasattr(initializer, "dtype")
            value = convert(np.array(initializer if bare else convert(initializer), dtype=dtype if bare else None, copy=True))
        if dtype is not None and value.dtype != dtype:
            value = convert(value, dtype)
        if shape is not None and tuple(value.shape) != tuple(shape):
            raise ValueError(f"Variable {self.name!r}: expected an initial value of shape {tuple(shape)}; received shape {value.shape}")
        self._hold(value)
        self._is_float = self.dtype.startswith("float")
        self.trainable = trainable

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        self._wants_grad = self._trainable and self._is_float
        Changes.last = object()

    @property
    def value(self):
        return self

    def assign(self, value):
        """Overwrites the numbers; `value` must have the shape of the variable. Returns the variable."""
        try:
            self._copy_in(value)
        except ValueError as error:
            raise ValueError(f"Variable.assign: variable {self.path!r} has shape {self.shape}; received {value!r:.200}") from error
        return self

    def assign_add(self, value):
        return self.assign(self.numpy() + np.asarray(value))

    def assign_sub(self, value):
        return self.assign(self.numpy() - np.asarray(value))

    def __repr__(self):
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self.numpy()!r}>"

    def __reduce__(self):
        return _restore, (np.array(self), self.trainable, self.name, self.path, self.autocast, self.regularizer, self.constraint)

    def __deepcopy__(self, memo):
        memo[id(self)] = other = _restore(*copy.deepcopy(self.__reduce__()[1], memo))
        return other


def assign_all(variables, values):
    """Assigns values read from a file, after a look at all of them: on an error no variable has changed.

    Args:
        variables: Variables.
        values: NumPy arrays, one for each; `None` for one that the file does not have.

    Raises:
        ValueError: if one is missing, is no array of numbers or has another shape.
    """
    for v, value in zip(variables, values, strict=True):
        if value is None:
            raise ValueError(f"variable {v.path!r} is missing")
        if np.asarray(value).dtype.kind not in "biuf":
            raise ValueError(f"variable {v.path!r} expected numbers, received dtype {np.asarray(value).dtype}")
        if np.shape(value) != tuple(v.shape):
            raise ValueError(f"variable {v.path!r} expected shape {tuple(v.shape)}, received shape {np.shape(value)}")
    for v, value in zip(variables, values, strict=True):
        v.assign(value)


def _restore(value, trainable, name, path, autocast=True, regularizer=None, constraint=None):
    variable = Variable(value, dtype=value.dtype.name, trainable=trainable, autocast=autocast, name=name)
    variable.path, variable.regularizer, variable.constraint = path, regularizer, constraint
    return variable
