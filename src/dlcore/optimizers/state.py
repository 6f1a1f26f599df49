"""What an optimizer remembers about the variables that it updates."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlcore._kernels import optim
from dlcore._kernels.arena import Arena, Slots
from dlcore._kernels.tensor import convert
from dlcore.variable import Variable, assign_all

AVERAGE = "average"
ACCUMULATOR = "gradient_accumulator"


def make_variable(value, dtype, name, owner):
    """A variable of an optimizer or metric called `owner`."""
    variable = Variable(np.asarray(value, dtype), trainable=False, name=name)
    variable.path = f"{owner}/{name}"
    return variable


@dataclass(frozen=True)
class Slot:
    """What a rule remembers about each variable.

    Args:
        name: Its name, a suffix to that of the variable.
        start: Its value at first: a number, or a function of the variable that returns an array.
        shape: For what does not lie as the variable does, a function of the variable: its shape, or `None` if it has none.
        dtype: A function of the variable, if it is not that of the variable.
        bare: Whether it is called as the variable is, without a suffix.
    """

    name: str
    start: float | Callable[[Any], Any] = 0.0
    shape: Callable[[Any], Any] | None = None
    dtype: Callable[[Any], str] = lambda variable: variable.dtype
    bare: bool = False


class State:
    """The slots of an optimizer: for each name, a variable beside every trainable variable.

    Args:
        owner: Name of the optimizer.
        rule: The slots of the rule, as tuples of names or `Slot`s: a tuple's stand side by side in :meth:`ordered`.
        base: The slots that do not depend on the rule, the same way; they come first in :meth:`ordered`.
        variables: The trainable variables.
    """

    def __init__(self, owner, rule, base, variables):
        self.owner = owner
        rule, base = ([[one if isinstance(one, Slot) else Slot(one) for one in group] for group in groups] for groups in (rule, base))
        self.groups = [*base, *rule]
        self.rule = [slot for group in rule for slot in group]
        self.flat = [slot for slot in [*self.rule, *(slot for group in base for slot in group)] if slot.shape is None]
        self.flat_names = [slot.name for slot in self.flat]
        self.rule_count = sum(slot.shape is None for slot in self.rule)
        self.of = {slot.name: [] for group in self.groups for slot in group}
        self.variables = []
        self.index = {}
        self.slots = Slots(0.0 if callable(slot.start) else slot.start for slot in self.flat)
        for variable in Arena(variables).variables:
            self.add(variable)

    def __contains__(self, variable):
        return id(variable) in self.index

    def add(self, variable):
        """Starts to remember a variable that has a place in an arena."""
        self.index[id(variable)] = len(self.variables)
        self.variables.append(variable)
        for slot, place in zip(self.flat, self.slots.of_variable(variable), strict=True):
            made = self._make(slot, variable, np.zeros((), variable.dtype))
            made._hold(place)
            if callable(slot.start):
                made.assign(slot.start(variable))
            self.of[slot.name].append(made)
        for slot in self.rule:
            if slot.shape is not None:
                shape = slot.shape(variable)
                self.of[slot.name].append(None if shape is None else self._make(slot, variable, np.full(shape, slot.start, slot.dtype(variable))))

    def _make(self, slot, variable, value):
        return make_variable(value, value.dtype, variable.name if slot.bare else f"{variable.path.replace('/', '_')}_{slot.name}", self.owner)

    def ordered(self):
        """All slots as Keras lists them."""
        rows = (row for group in self.groups for row in zip(*[self.of[slot.name] for slot in group], strict=True))
        return [slot for row in rows for slot in row if slot is not None]

    def rule_slots(self, run):
        """The flat slots of the rule for a run."""
        return tuple(self.slots.of_run(run)[: self.rule_count])

    def rule_slots_of(self, variable):
        """All slots of the rule for one variable; `None` for one that it does not have."""
        i = self.index[id(variable)]
        return tuple(self.of[slot.name][i] for slot in self.rule)

    def _flat(self, run, name):
        return self.slots.of_run(run)[self.flat_names.index(name)]

    def accumulate(self, runs):
        """Adds the gradients to what has been accumulated."""
        for run in runs:
            optim.accumulate(run, self._flat(run, ACCUMULATOR))

    def release(self, runs, steps):
        """Puts the mean of `steps` gradients, the present ones included, in their place, and starts again from zero."""
        for run in runs:
            optim.release(run, self._flat(run, ACCUMULATOR), steps)
        ready = {id(v) for run in runs for v in run.variables}
        for variable, total in zip(self.variables, self.of[ACCUMULATOR], strict=True):
            if id(variable) not in ready:
                total.assign(np.zeros_like(total))

    def average(self, runs, momentum, overwrite):
        """average = momentum * average + (1 - momentum) * variable; then the variables may be overwritten by it."""
        for run in runs:
            optim.average(run, self._flat(run, AVERAGE), momentum, overwrite)

    def average_of(self, variable):
        return self.of[AVERAGE][self.index[id(variable)]]


class OwnVariables:
    """What an optimizer does with its own variables: making them by hand, changing and saving them."""

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None, name=None):
        """Adds a variable to the state, for rules of your own."""
        variable = Variable(initializer, shape=shape, dtype=dtype, trainable=False, name=name)
        variable.path = f"{self.name}/{variable.name}"
        self._own.append(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros"):
        """Adds a variable of the shape and dtype of a model variable."""
        v = reference_variable
        return self.add_variable(v.shape, initializer, v.dtype, name=f"{v.path.replace('/', '_')}_{name or 'var'}")

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """Adds a variable for each of `trainable_variables`; several, as a tuple of lists, if `name` is a list."""
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(names) != len(starts):
            raise ValueError(f"The number of provided names must match that of initializers. Received name={name!r}, initializer={initializer!r}")
        made = tuple([] for _ in names)
        for variable in trainable_variables:
            for column, one, start in zip(made, names, starts, strict=True):
                column.append(self.add_variable_from_reference(variable, one, start))
        return made[0] if isinstance(name, str) else made

    def assign(self, variable, value):
        variable.assign(value)

    def assign_add(self, variable, value):
        variable.assign_add(value)

    def assign_sub(self, variable, value):
        variable.assign_sub(value)

    def set_weights(self, weights):
        """Sets `variables` from a list of arrays."""
        if not self.built:
            raise ValueError("You are calling `set_weights()` on an optimizer that has not yet been built. Call `optimizer.build(variables)` first.")
        for variable, weight in zip(self.variables, weights, strict=False):
            if variable.shape != tuple(np.shape(weight)):
                raise ValueError(f"Optimizer variable {variable.path} has shape {variable.shape} not compatible with provided weight shape {np.shape(weight)}.")
            variable.assign(weight)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """A step on values from outside; neither the optimizer nor the variables it was built with are changed.

        Args:
            optimizer_variables: Values for `variables`, in their order.
            grads: Gradients, one for each trainable variable.
            trainable_variables: Values for the variables that the optimizer was built with.

        Returns:
            The new values: those of the trainable variables and those of the optimizer, two lists of tensors.

        Raises:
            ValueError: if the optimizer has not been built, or the numbers of values do not match.
        """
        name = type(self).__name__
        if not self.built:
            raise ValueError(f"To call `stateless_apply`, {name} must be built. Call `optimizer.build(trainable_variables)` first.")
        own, trained = self.variables, self._trained()
        for argument, values, variables in (("optimizer_variables", optimizer_variables, own), ("trainable_variables", trainable_variables, trained)):
            if len(values) != len(variables):
                raise ValueError(f"Argument `{argument}` of {name}.stateless_apply must hold {len(variables)} values; received {len(values)}")
        everything = [*trained, *own]
        before = [np.array(v) for v in everything]
        try:
            for variable, value in zip(everything, [*trainable_variables, *optimizer_variables], strict=True):
                variable.assign(value)
            self.apply(grads, trained)
            after = [convert(np.array(v)) for v in everything]
        finally:
            for variable, value in zip(everything, before, strict=True):
                variable.assign(value)
        return after[: len(trained)], after[len(trained) :]

    def save_own_variables(self, store):
        """Copies `variables` into a mapping, under "0", "1", ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = np.array(variable)

    def load_own_variables(self, store):
        """Sets `variables` from such a mapping; warns and leaves them if their number differs."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(variables)} variables whereas the "
                f"saved optimizer has {len(store.keys())} variables.{'' if self.built else ' It has not been built yet.'}",
                stacklevel=2,
            )
            return
        assign_all(variables, [store.get(str(i)) for i in range(len(variables))])


def restore(cls, config, iterations, excluded, excluded_names):
    """A copy of an optimizer, without the state that belongs to variables."""
    optimizer = cls.from_config(config)
    optimizer._iterations.assign(iterations)
    optimizer._excluded, optimizer._excluded_names = excluded, excluded_names
    return optimizer
