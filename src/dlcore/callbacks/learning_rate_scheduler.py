"""A learning rate for every epoch."""

import numpy as np

from ..utils.messages import print_msg
from .base import Callback


def optimizers_of(model):
    """(name, optimizer) of a model: one, or several of an optimizer that consists of others."""
    optimizer = model.optimizer
    inner = getattr(optimizer, "optimizers", None)
    return [("", optimizer)] if inner is None else [(one.name, one) for one in inner]


def log_learning_rates(model, logs):
    """Adds the present learning rate to the logs of an epoch."""
    for name, optimizer in optimizers_of(model):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = float(optimizer.learning_rate)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch, and adds it to the logs at the end.

    Args:
        schedule: called with (epoch, learning rate); returns the new learning rate, a float. A function of the epoch alone
            will do, too.
        verbose: 1 says what is set.

    Raises:
        ValueError: at the beginning of an epoch, if `schedule` returns something else than a float.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
        >>> halve.schedule(1, 0.5)
        0.25
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch, logs=None):
        for name, optimizer in optimizers_of(self.model):
            if not hasattr(optimizer, "learning_rate"):
                raise ValueError('Optimizer must have a "learning_rate" attribute.')
            try:
                rate = self.schedule(epoch, float(optimizer.learning_rate))
            except TypeError:                       # a schedule of the epoch alone
                rate = self.schedule(epoch)
            if not isinstance(rate, (float, np.float32, np.float64)):
                raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
            optimizer.learning_rate = rate
            if self.verbose > 0:
                print_msg(f"\nEpoch {epoch + 1}: LearningRateScheduler sets the learning rate{name and f' of {name}'} to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        log_learning_rates(self.model, {} if logs is None else logs)
