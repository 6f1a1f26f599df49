"""A training that is interrupted goes on where it was."""

import os
import pathlib
import warnings

from ..utils.checks import is_count
from .base import Callback
from .training_state import TrainingState, save_training_state

NAME = "latest.weights.h5"


class BackupAndRestore(Callback):
    """Saves the state of the training now and then; `fit`, called again after an interruption, goes on from there.

    The result is the same, to the bit, as if nothing had happened: weights, the optimizer, dropout, the order of the data,
    metrics of an epoch that was interrupted, and what callbacks such as `EarlyStopping` have counted are saved, and so are
    the global generators of Python and NumPy. (An iterator of your own is yours to put back, and so is what a `PyDataset` has changed in itself.)

    Args:
        backup_dir: a folder for the backup.
        save_freq: `"epoch"`, or save every so many batches.
        double_checkpoint: keep the backup before the last, too, for the case that the last cannot be read.
        delete_checkpoint: remove the backup when `fit` has ended.

    Raises:
        ValueError: if `backup_dir` is empty or `save_freq` is neither; at the beginning of `fit` if the model is not built
            or the backup is that of another model.

    Example:
        >>> BackupAndRestore("backup", save_freq=100).double_checkpoint
        False
    """

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError(f"Argument `backup_dir` must be the path of a folder. Received: backup_dir={backup_dir!r}")
        if save_freq != "epoch":
            if not is_count(save_freq):
                raise ValueError(f"Argument `save_freq` must be 'epoch' or a positive number of batches. Received: save_freq={save_freq!r}")
            self._every = int(save_freq)
            self.on_train_batch_end = self._count_batch         # otherwise batches cost nothing
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._latest = pathlib.Path(self.backup_dir) / NAME
        self._previous = self._latest.with_name(f"{NAME}.bkp")
        self._callbacks = []
        self._batches = 0
        self._epoch = 0

    def set_callbacks(self, callbacks):
        """Called with the list of all callbacks: what they know is saved, too, and they are called before this one."""
        self._callbacks = [c for c in callbacks if c is not self]

    def on_train_begin(self, logs=None):
        if not self.model.built:
            raise ValueError(
                f"BackupAndRestore needs a model that is built before `fit()`, but {self.model.name!r} is not. "
                "Call it on a batch of data, or call `build()`, first."
            )
        self._clear_parts()
        self._batches = 0
        state = self._load()
        if state is not None:
            state.load_weights()
            self.model._resume = state

    def _load(self):
        found = [path for path in (self._latest, self._previous) if path.exists()]
        for path in found:
            try:
                return TrainingState(path, self.model, self._callbacks)
            except OSError as error:
                if path is found[-1]:
                    raise
                warnings.warn(f"{error}. Going back to the backup before it, {found[-1]}", stacklevel=2)
        return None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _count_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches >= self._every:
            self._batches = 0
            self._save(self._epoch, batch + 1)

    def _save(self, epoch, step):
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._previous)
        save_training_state(self._latest, self.model, self._callbacks, epoch, step)

    def on_train_end(self, logs=None):
        if not self.delete_checkpoint:
            return
        for path in (self._latest, self._previous):
            path.unlink(missing_ok=True)
        self._clear_parts()
        try:
            self._latest.parent.rmdir()
        except OSError:             # files of somebody else are in the folder
            pass

    def _clear_parts(self):
        """Removes what a process that was killed had half written."""
        for path in self._latest.parent.glob(f".{NAME}.*.part"):
            path.unlink(missing_ok=True)
