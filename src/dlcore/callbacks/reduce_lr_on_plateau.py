"""A smaller learning rate when the training no longer helps."""

import numpy as np

from ..utils.messages import print_msg
from .learning_rate_scheduler import log_learning_rates, optimizers_of
from .monitor import MonitorCallback


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs in which the monitored value did not get better.

    Args:
        monitor: the name of the value in the logs.
        factor: below 1.
        patience: how many epochs without improvement to wait for.
        verbose: 1 says when the rate is reduced.
        mode: `"min"`, `"max"`, or `"auto"`, the direction of the metric.
        min_delta: how much better a value must be to count.
        cooldown: how many epochs after a reduction not to wait at all.
        min_lr: a rate below which it does not go.

    Raises:
        ValueError: if `factor` is not below 1, or an argument is unknown.

    Example:
        >>> ReduceLROnPlateau(monitor="loss", factor=0.5, patience=3).cooldown
        0
    """

    resumable = ("best", "cooldown_counter", "wait")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0, min_lr=0.0, **kwargs):
        super().__init__(monitor, mode, min_delta=min_delta)
        if kwargs:
            raise ValueError(f"ReduceLROnPlateau: arguments not recognized: {kwargs}")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs=None):
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self):
        """Whether a reduction was so recent that epochs do not count."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch, logs=None):
        self.find_direction()
        logs = {} if logs is None else logs
        log_learning_rates(self.model, logs)
        current = self.monitored(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch):
        reduced = False
        for name, optimizer in optimizers_of(self.model):
            old = float(optimizer.learning_rate)
            if old > np.float32(self.min_lr):
                new = max(old * self.factor, self.min_lr)
                optimizer.learning_rate = new
                reduced = True
                if self.verbose > 0:
                    print_msg(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reduces the learning rate{name and f' of {name}'} to {new}.")
        return reduced
