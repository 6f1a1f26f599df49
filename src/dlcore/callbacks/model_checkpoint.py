"""Files of the model while it trains."""

import os
import warnings

import numpy as np

from ..utils.checks import is_count
from ..utils.messages import print_msg
from .monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, now and then.

    Args:
        filepath: where to; `{epoch}`, `{batch}` and the names of metrics are filled in, as by `str.format`:
            `"{epoch:02d}-{val_loss:.2f}.weights.h5"`. Must end in `.weights.h5` with `save_weights_only=True`.
        monitor: the name of a value in the logs.
        verbose: 1 says what is saved.
        save_best_only: save only if the monitored value is better than ever.
        save_weights_only: save the weights (and the state of the optimizer), not the whole model.
        mode: `"min"`, `"max"`, or `"auto"`, the direction of the metric.
        save_freq: `"epoch"`, or save every so many batches.
        initial_value_threshold: the value to beat first.

    Raises:
        ValueError: if `filepath` has the wrong ending, `save_freq` is neither, or whole models cannot be saved.

    Example:
        >>> ModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True).monitor
        'val_loss'
    """

    resumable = ("best", "_batches")

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
                 save_freq="epoch", initial_value_threshold=None):  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._batches = 0
        self._current_epoch = 0
        if save_freq != "epoch":
            if not is_count(save_freq):
                raise ValueError(f"Unrecognized save_freq: {save_freq}. Expected 'epoch' or a positive number of batches")
            self._every = int(save_freq)
            self.on_train_batch_end = self._count_batch         # otherwise batches cost nothing
        if save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ValueError(f"With `save_weights_only=True` the filepath of `ModelCheckpoint` must end in `.weights.h5`. Received: filepath={self.filepath}")
        if not save_weights_only:
            if not self.filepath.endswith((".keras", ".h5")):
                raise ValueError(f"The filepath of `ModelCheckpoint` must end in `.keras`. Received: filepath={self.filepath}")
            _check_whole_models_can_be_saved(self.filepath)

    def on_epoch_begin(self, epoch, logs=None):
        self._current_epoch = epoch

    def _count_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches >= self._every:
            self._batches = 0
            self._save(self._current_epoch, batch, logs or {})

    def on_epoch_end(self, epoch, logs=None):
        self.find_direction()
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch, batch, logs):
        path = self._path(epoch, batch, logs)
        if not self._is_wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise OSError(f"Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing directory: {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch, batch, logs):
        names = {"epoch": epoch + 1} if batch is None or "batch" in logs else {"epoch": epoch + 1, "batch": batch + 1}
        try:
            return self.filepath.format(**names, **logs)
        except KeyError as error:
            raise KeyError(f"Failed to fill in the filepath {self.filepath!r} of ModelCheckpoint: there is no {error}, only {[*names, *logs]}") from error

    def _is_wanted(self, epoch, logs, path):
        improvement = ""
        if self.save_best_only:
            current = logs.get(self.monitor)
            if current is None:
                warnings.warn(f"Can save best model only with {self.monitor} available: saving all. Available metrics are: {','.join(logs)}", stacklevel=4)
            elif np.ndim(current):
                warnings.warn(f"Can save best model only when `monitor` is a scalar value: saving all. Received: {current}", stacklevel=4)
            else:
                best = "None" if self.best is None else f"{self.best:.5f}"
                if not self.is_improvement(current, self.best):
                    if self.verbose > 0:
                        print_msg(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
                    return False
                improvement = f"{self.monitor} improved from {best} to {current:.5f}, "
                self.best = current
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: {improvement}saving model to {path}")
        return True


def _check_whole_models_can_be_saved(filepath):
    from dlcore.models import Model

    if not hasattr(Model, "save"):
        raise ValueError(
            f"ModelCheckpoint cannot save whole models yet. Pass save_weights_only=True and a filepath that ends in `.weights.h5`. Received: filepath={filepath}"
        )
