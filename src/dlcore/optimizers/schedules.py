"""Learning rates that depend on the step.

References:
    Loshchilov & Hutter 2017, *SGDR: Stochastic Gradient Descent with Warm Restarts*, arXiv:1608.03983.
    Goyal et al. 2017, *Accurate, Large Minibatch SGD*, arXiv:1706.02677 (warm-up).
"""

import math

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import VariableBase, convert
from dlcore.utils.serialization import Family, serialize_keras_object


class LearningRateSchedule:
    """A learning rate as a function of the number of steps taken so far.

    A schedule of your own overrides `__call__(step)`; `step` is the iteration counter, a scalar tensor. To be saved it
    also needs `get_config`.

    Example:
        >>> import dlcore
        >>> class Halving(dlcore.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 / (1 + step)
        >>> sgd = dlcore.optimizers.SGD(Halving())
        >>> round(float(sgd.learning_rate), 3)
        0.1
    """

    def __call__(self, step):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`.")

    def at(self, step):
        """The learning rate at a step, as a Python float; what optimizers ask for."""
        return float(self(step))

    def get_config(self):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable.")

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _Formula(LearningRateSchedule):
    """A schedule given by a formula on Python floats, ``_at(step)``, and attributes named like its arguments."""

    _arguments = ()

    def __call__(self, step):
        step = np.asarray(step)
        values = self._at(step.item()) if step.ndim == 0 else [self._at(one) for one in step.ravel().tolist()]
        return convert(np.reshape(np.asarray(values, config.floatx()), step.shape))

    def at(self, step):
        # Without the way through a tensor: an optimizer asks in every step.
        if type(self).__call__ is not _Formula.__call__:
            return super().at(step)
        return self._at(step._add_int(0) if isinstance(step, VariableBase) else int(step))

    def get_config(self):
        return {name: getattr(self, name) for name in self._arguments}


def _check_positive(name, value):
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")


def _power(base, exponent):
    """base ** exponent as C computes it: infinite or NaN where Python raises an error or answers with a complex number."""
    try:
        value = float(base) ** exponent
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return math.nan if isinstance(value, complex) else value


class ExponentialDecay(_Formula):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    Args:
        initial_learning_rate: A float.
        decay_steps: Steps in which the rate is multiplied by `decay_rate`, > 0.
        decay_rate: A float.
        staircase: Whether the exponent is rounded down to a whole number.
        name: Name.

    Example:
        >>> round(float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)), 4)
        0.025
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        _check_positive("decay_steps", decay_steps)

    def _at(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate * _power(self.decay_rate, math.floor(p) if self.staircase else p)


class InverseTimeDecay(_Formula):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: A float.
        decay_steps: How often decay is applied, in steps, > 0.
        decay_rate: A float.
        staircase: Whether step / decay_steps is rounded down to a whole number.
        name: Name.

    Example:
        >>> round(float(InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)), 4)
        0.05
    """

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
        _check_positive("decay_steps", decay_steps)

    def _at(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (math.floor(p) if self.staircase else p))


class PiecewiseConstantDecay(_Formula):
    """values[i] while boundaries[i-1] < step <= boundaries[i].

    Args:
        boundaries: Steps, strictly increasing.
        values: Learning rates, one more than there are boundaries.
        name: Name.

    Example:
        >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
        >>> [float(schedule(step)) for step in (0, 10, 11, 21)]
        [1.0, 1.0, 0.5, 0.25]
    """

    _arguments = ("boundaries", "values", "name")

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. "
                f"Received: boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def _at(self, step):
        for boundary, value in zip(self.boundaries, self.values, strict=False):
            if step <= boundary:
                return float(value)
        return float(self.values[-1])


class PolynomialDecay(_Formula):
    """(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate.

    Args:
        initial_learning_rate: A float.
        decay_steps: Steps after which `end_learning_rate` is reached, > 0.
        end_learning_rate: A float.
        power: Exponent; 1 is a straight line.
        cycle: Whether, past `decay_steps`, it is raised to the next multiple that has not been passed, so that the rate
            jumps up and falls again; otherwise it stays at the end.
        name: Name.

    Example:
        >>> round(float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)), 4)
        0.05
    """

    _arguments = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name="PolynomialDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name
        _check_positive("decay_steps", decay_steps)

    def _at(self, step):
        steps = self.decay_steps
        if self.cycle:
            steps *= max(1, math.ceil(step / steps))
        rest = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * _power(rest, self.power) + self.end_learning_rate


class CosineDecay(_Formula):
    """top * ((1 - alpha) * (1 + cos(pi * t)) / 2 + alpha), t = share of `decay_steps` that has passed.

    With `warmup_target` the rate first rises in a straight line from `initial_learning_rate` to it during `warmup_steps`
    steps; then top = warmup_target, and `decay_steps` are counted from there. Otherwise top = initial_learning_rate.

    Args:
        initial_learning_rate: A float.
        decay_steps: Length of the decay, without the warm-up, > 0.
        alpha: The rate at the end as a fraction of the top.
        name: Name.
        warmup_target: The rate at the end of the warm-up, or `None`.
        warmup_steps: Length of the warm-up.

    Example:
        >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 15, 20)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        _check_positive("decay_steps", decay_steps)

    def _at(self, step):
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            top = self.warmup_target
            step -= self.warmup_steps
        t = min(step, self.decay_steps) / self.decay_steps
        return top * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * t)) + self.alpha)


class CosineDecayRestarts(_Formula):
    """Cosine decay that starts again each time it has come down.

    Period i lasts first_decay_steps * t_mul**i steps and starts at initial_learning_rate * m_mul**i.

    Args:
        initial_learning_rate: A float.
        first_decay_steps: Length of the first period, > 0.
        t_mul: Each period is longer than the one before by this factor, > 0; below 1 the periods come to an end.
        m_mul: Each period starts at the start of the one before times this.
        alpha: The rate at the end of a period as a fraction of `initial_learning_rate`.
        name: Name.

    Example:
        >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
        >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
        [0.1, 0.05, 0.1, 0.05]
    """

    _arguments = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name
        _check_positive("first_decay_steps", first_decay_steps)
        _check_positive("t_mul", t_mul)

    def _at(self, step):
        t = step / self.first_decay_steps
        if self.t_mul == 1.0:
            i = math.floor(t)
            t -= i
        else:
            # Period i begins at the geometric sum 1 + t_mul + ... + t_mul**(i-1) = (1 - t_mul**i) / (1 - t_mul).
            rest = 1 - t * (1 - self.t_mul)
            if rest <= 0:
                end = self.first_decay_steps / (1 - self.t_mul)
                raise ValueError(f"CosineDecayRestarts: with t_mul={self.t_mul} all periods together end before step {end:g}. Received: step={step}")
            i = math.floor(math.log(rest) / math.log(self.t_mul) + 1e-9)
            t = max(t - (1 - self.t_mul**i) / (1 - self.t_mul), 0.0) / self.t_mul**i
        falling = 0.5 * self.m_mul**i * (1 + math.cos(math.pi * t))
        return self.initial_learning_rate * ((1 - self.alpha) * falling + self.alpha)


_FAMILY = Family(
    "learning rate schedule",
    [ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts],
)


def serialize(learning_rate_schedule):
    """A schedule as a dictionary.

    Example:
        >>> serialize(CosineDecay(0.1, 10))["class_name"]
        'CosineDecay'
    """
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that `serialize` described.

    Example:
        >>> deserialize(serialize(CosineDecay(0.1, 10))).decay_steps
        10
    """
    return _FAMILY.deserialize(config, custom_objects)
