"""What an optimizer remembers about the variables that it updates."""

import warnings

import numpy as np

from dlcore._kernels.arena import Arena, Slots
from dlcore.variable import Variable, assign_all

AVERAGE = "average"
ACCUMULATOR = "gradient_accumulator"


def make_variable(value, dtype, name, owner):
    """A variable of an optimizer or metric called `owner`."""
    variable = Variable(np.asarray(value, dtype), trainable=False, name=name)
    variable.path = f"{owner}/{name}"
    return variable


class State:
    """The slots of an optimizer: for each name, a variable beside every trainable variable.

    Args:
        owner: Name of the optimizer.
        rule: The slots of the rule, as tuples of names: a tuple's stand side by side in :meth:`ordered`.
        base: The slots that do not depend on the rule, the same way; they come first in :meth:`ordered`.
        variables: The trainable variables.
    """

    def __init__(self, owner, rule, base, variables):
        self.owner = owner
        self.groups = [*base, *rule]
        self.names = [name for group in [*rule, *base] for name in group]
        self.rule_count = sum(len(group) for group in rule)
        self.of = {name: [] for name in self.names}
        self.variables = []
        self.index = {}
        self.slots = Slots(len(self.names))
        for variable in Arena(variables).variables:
            self.add(variable)

    def __contains__(self, variable):
        return id(variable) in self.index

    def add(self, variable):
        """Starts to remember a variable that has a place in an arena."""
        self.index[id(variable)] = len(self.variables)
        self.variables.append(variable)
        for name, place in zip(self.names, self.slots.of_variable(variable), strict=True):
            slot = make_variable(0.0, variable.dtype, f"{variable.path.replace('/', '_')}_{name}", self.owner)
            slot._hold(place)
            self.of[name].append(slot)

    def ordered(self):
        """All slots as Keras lists them."""
        return [slot for group in self.groups for slots in zip(*[self.of[name] for name in group], strict=True) for slot in slots]

    def rule_slots(self, run):
        """The flat slots of the rule for a run."""
        return tuple(self.slots.of_run(run)[: self.rule_count])

    def _flat(self, run, name):
        return self.slots.of_run(run)[self.names.index(name)].numpy()

    def accumulate(self, runs):
        """Adds the gradients to what has been accumulated."""
        for run in runs:
            total = self._flat(run, ACCUMULATOR)
            total += run.grads.numpy()

    def release(self, runs, steps):
        """Puts the mean of `steps` gradients, the present ones included, in their place, and starts again from zero."""
        for run in runs:
            gradients = run.grads.numpy()
            gradients += self._flat(run, ACCUMULATOR)
            gradients /= steps
        for total in self.of[ACCUMULATOR]:
            total.numpy()[...] = 0

    def average(self, runs, momentum, overwrite):
        """average = momentum * average + (1 - momentum) * variable; then the variables may be overwritten by it."""
        for run in runs:
            params, average = run.params.numpy(), self._flat(run, AVERAGE)
            average *= momentum
            average += (1 - momentum) * params
            if overwrite:
                params[...] = average

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
