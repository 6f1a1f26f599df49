"""What an optimizer remembers about the variables that it updates."""

from dlcore._kernels.arena import Arena, Slots
from dlcore.variable import Variable

AVERAGE = "average"
ACCUMULATOR = "gradient_accumulator"


def make_variable(value, dtype, name, owner):
    """A variable of an optimizer or metric called `owner`."""
    variable = Variable(value, dtype=dtype, trainable=False, name=name)
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
