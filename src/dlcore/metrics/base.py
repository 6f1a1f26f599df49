"""Metric: a quantity that is gathered batch by batch."""

from contextlib import contextmanager

import numpy as np

from dlcore import config, initializers, tree
from dlcore._kernels.tensor import convert
from dlcore.naming import auto_name, to_snake_case
from dlcore.variable import Variable


class Metric:
    """Base class of the metrics.

    A metric of your own makes its state with :meth:`add_weight` in the constructor and overrides
    `update_state(y_true, y_pred, sample_weight=None)` and `result()`.

    Args:
        dtype: Dtype of the computations, `dlcore.config.floatx()` by default.
        name: Name; made up from the class by default.

    Example:
        >>> import numpy as np
        >>> class Largest(Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.largest = self.add_weight(name="largest", initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.largest.assign(max(float(self.largest), np.max(np.abs(y_true - y_pred))))
        ...     def result(self):
        ...         return self.largest
        >>> metric = Largest()
        >>> float(metric(np.array([1.0, 2.0]), np.array([1.5, 4.0])))
        2.0
    """

    # A class whose values should go up or down has an attribute `_direction`, "up" or "down", for callbacks that ask.

    _is_state = True                # looked for in the attributes of layers

    def __init__(self, dtype=None, name=None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._dtype = "int32" if dtype == "int" else np.dtype(dtype or config.floatx()).name
        self._variables = []

    @property
    def dtype(self):
        return self._dtype

    def _expect_float(self):
        """For metrics whose state has their dtype."""
        if self._dtype not in ("float32", "float64"):
            raise ValueError(f"{type(self).__name__}: dtype must be 'float32' or 'float64'; received dtype={self._dtype!r}")

    def add_variable(self, shape, initializer, dtype=None, aggregation="sum", name=None):
        """Adds a variable to the state.

        Args:
            shape: Shape.
            initializer: Name of an initializer, or a callable.
            dtype: `dlcore.config.floatx()` by default, whatever the dtype of the metric, as in Keras.
            aggregation: Accepted for Keras' sake.
            name: Name.
        """
        if not hasattr(self, "_variables"):
            raise RuntimeError(f"In metric '{type(self).__name__}', call `super().__init__()` before making variables.")
        start = initializers.get(initializer if initializer is not None else "zeros")
        variable = Variable(start, shape=tuple(shape), dtype=dtype or config.floatx(), trainable=False, name=name)
        variable.path = f"{self.name.replace('/', '>')}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """Adds a variable to the state; a scalar that starts at zero by default."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self):
        """The state, that of metrics and variables kept in attributes included."""
        found = {id(v): v for v in self._variables}
        for value in list(vars(self).values()):
            for item in tree.flatten(value) if isinstance(value, (list, tuple, dict)) else (value,):
                for v in item.variables if isinstance(item, Metric) else (item,):
                    if isinstance(v, Variable):
                        found.setdefault(id(v), v)
        return list(found.values())

    def reset_state(self):
        """Sets the state back to zero."""
        for v in self.variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def update_state(self, *args, **kwargs):
        """Gathers a batch; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override `update_state`")

    def result(self):
        """The value so far, a scalar tensor or a dict of them; to be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override `result`")

    def stateless_update_state(self, metric_variables, *args, **kwargs):
        """The state that a batch makes of a given one; the metric itself stays as it is.

        Args:
            metric_variables: A state: a tensor for each of `variables`.
            *args, **kwargs: The batch, as for `update_state`.

        Returns:
            The new state, a list of tensors.

        Raises:
            ValueError: if `metric_variables` does not hold one tensor for each variable.

        Example:
            >>> import dlcore
            >>> metric = dlcore.metrics.Sum()
            >>> metric.stateless_update_state([1.0], [2.0, 3.0])[0].item(), metric.result().item()
            (6.0, 0.0)
        """
        with self._borrowed(metric_variables):
            self.update_state(*args, **kwargs)
            return self._copies()

    def stateless_result(self, metric_variables):
        """The value that `result` has for a given state; see `stateless_update_state`."""
        with self._borrowed(metric_variables):
            return tree.map_structure(lambda x: convert(np.array(x)), self.result())

    def stateless_reset_state(self):
        """The state at the beginning, a list of tensors; see `stateless_update_state`."""
        with self._borrowed(self.variables):
            self.reset_state()
            return self._copies()

    def _copies(self):
        return [convert(np.array(v)) for v in self.variables]

    @contextmanager
    def _borrowed(self, values):
        """The variables have these values for a while."""
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: `metric_variables` must hold one tensor for each of the {len(variables)} variables of the metric; received {len(values)}"
            )
        before = self._copies()
        try:
            for v, value in zip(variables, values, strict=True):
                v.assign(value)
            yield
        finally:
            for v, value in zip(variables, before, strict=True):
                v.assign(value)

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self):
        """The constructor arguments, as a dictionary."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
