"""Learning rate and weight decay of an optimizer, and the count of its steps."""

import re

from dlcore import config
from dlcore.optimizers.schedules import LearningRateSchedule
from dlcore.optimizers.state import make_variable
from dlcore.variable import Variable


class Rates:
    """What an optimizer does with its learning rate, a variable, schedule or callable, and where its weight decay applies."""

    _excluded = frozenset()
    _excluded_names = None

    def _start_rate(self, learning_rate):
        self._iterations = make_variable(0, "int64", "iteration", self.name)
        if not callable(learning_rate):
            if not isinstance(learning_rate, float):
                raise ValueError(
                    "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable without "
                    f"arguments that returns a float. Received instead: learning_rate={learning_rate!r}"
                )
            learning_rate = make_variable(learning_rate, config.floatx(), "learning_rate", self.name)
        self._learning_rate = learning_rate

    @property
    def iterations(self):
        """Number of updates so far: an int64 variable, or a NumPy number when gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return self._iterations.numpy() // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self):
        """The current learning rate. Assigning a number changes it, unless it follows a schedule."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        return self._learning_rate if isinstance(self._learning_rate, Variable) else self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(value)
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object or a callable as its `learning_rate` argument, "
                f"hence its learning rate is not settable. Received: learning_rate={value!r}. "
                "Create the optimizer with a float `learning_rate` to be able to set it."
            )

    def _rate(self):
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return float(rate)
        return rate.at(self._iterations) if isinstance(rate, LearningRateSchedule) else float(rate())

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Keeps weight decay off some variables.

        Args:
            var_list: Variables.
            var_names: Strings; variables whose name contains one of them (a regular expression) are excluded.
        """
        if isinstance(var_names, str):
            raise ValueError(f"`var_names` must be a list of strings. Received: var_names={var_names!r}")
        self._excluded = set(var_list or ())
        self._excluded_names = re.compile("|".join(var_names)) if var_names else None
        self._arena = None

    def _use_weight_decay(self, variable):
        if variable in self._excluded:
            return False
        return self._excluded_names is None or self._excluded_names.search(variable.name) is None

    def _decay_of(self, variable):
        """The attribute that holds the weight decay of a variable, or `None`."""
        return "weight_decay" if self._use_weight_decay(variable) else None
