"""End the training when it no longer helps."""

from ..utils.messages import print_msg
from .monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops `fit` after `patience` epochs in which the monitored value did not get better.

    Args:
        monitor: the name of the value in the logs.
        min_delta: how much better a value must be to count.
        patience: how many epochs without improvement to wait for.
        verbose: 1 says when it stops and which weights it restores.
        mode: `"min"`, `"max"`, or `"auto"`, the direction of the metric.
        baseline: the wait begins anew only after improvements that also beat this value.
        restore_best_weights: put the weights of the best epoch back when training ends, for whatever reason.
        start_from_epoch: the first epoch to look at.

    Raises:
        ValueError: at the end of the first epoch, if `mode` is `"auto"` and the monitored metric is unknown.

    Example:
        >>> EarlyStopping(monitor="loss", patience=3).patience
        3
    """

    resumable = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self):
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights = None
        self.best_epoch = 0

    def on_train_begin(self, logs=None):
        self._reset()

    def on_epoch_end(self, epoch, logs=None):
        self.find_direction()  # before anything else, so that a misspelt monitor is an error and not a warning
        current = self.monitored(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember(epoch)  # even a first value that is NaN leaves something to restore
        self.wait += 1
        if self.is_improvement(current, self.best):
            self.best = current
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._remember(epoch)
            if self.baseline is None or self.is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch):
        self.best_epoch = epoch
        self.best_weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_msg(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_msg(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
