"""The hooks of training, evaluation and prediction."""

import numpy as np


class Callback:
    """Base class of callbacks: override the hooks you need.

    A batch hook that no callback overrides costs nothing; one that is overridden is called with the metrics so far,
    which are computed for it.

    Attributes:
        params: dictionary with `verbose`, `epochs` and `steps`.
        model: the model that is trained.
        resumable: names of the attributes that `BackupAndRestore` saves and restores: what the callback has found out about
            the training so far. Their values may be numbers, strings, `None`, arrays, and lists of these.

    Example:
        >>> class Loud(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> Loud().on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    def __init__(self):
        self.params = None
        self._model = None

    # A subclass may forget to call `super().__init__()`; the model must be found all the same.
    _model = None
    params = None
    resumable = ()

    @property
    def model(self):
        """The model that is trained."""
        return self._model

    def set_params(self, params):
        """Called once, before anything else, with the dictionary `params`."""
        self.params = params

    def set_model(self, model):
        """Called once, before anything else, with the model."""
        self._model = model

    def on_train_begin(self, logs=None):
        """Called at the beginning of `fit`."""

    def on_train_end(self, logs=None):
        """Called at the end of `fit`, with the logs of the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called at the beginning of an epoch (counted from 0)."""

    def on_epoch_end(self, epoch, logs=None):
        """Called at the end of an epoch with its metrics; those of the validation begin with `val_`."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before a training batch (counted from 0 in each epoch)."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch, logs=None):
        """Called after a training batch with the metrics of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch, logs=None):
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """Older name of `on_train_batch_end`."""

    def on_test_begin(self, logs=None):
        """Called at the beginning of `evaluate`, and of the validation within `fit`."""

    def on_test_end(self, logs=None):
        """Called at the end of `evaluate`, and of the validation within `fit`, with the metrics."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before a batch of `evaluate`, and of the validation within `fit`."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after a batch of `evaluate`, and of the validation within `fit`, with the metrics so far."""

    def on_predict_begin(self, logs=None):
        """Called at the beginning of `predict`."""

    def on_predict_end(self, logs=None):
        """Called at the end of `predict`."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before a batch of `predict`."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after a batch of `predict`, with its result as `logs["outputs"]`."""


def overrides(callback, hook):
    """Whether a callback does anything in a hook.

    Args:
        callback: a `Callback`, or an object with the same methods.
        hook: the name of the hook.

    Returns:
        False if the method is the empty one of `Callback` (or missing).

    Example:
        >>> overrides(Callback(), "on_epoch_end")
        False
    """
    method = getattr(callback, hook, None)
    default = getattr(Callback, hook)
    if method is None or getattr(method, "__func__", None) is default:
        legacy = hook.replace("_train_batch_", "_batch_")
        return method is not None and legacy != hook and overrides(callback, legacy)
    return True


def pythonify_logs(logs):
    """Logs as a flat dictionary of floats in alphabetical order, as every hook receives them.

    Args:
        logs: a dictionary of numbers, arrays of one element, and dictionaries of such; or `None`.

    Returns:
        A new dictionary. A value of several numbers becomes an array; what is no number is kept as it is.

    Example:
        >>> import numpy as np
        >>> pythonify_logs({"loss": np.float32(0.5), "all": {"acc": 1}})
        {'acc': 1.0, 'loss': 0.5}
    """
    result = {}
    for key, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            result.update(pythonify_logs(value))
            continue
        try:
            result[key] = float(value)
        except (TypeError, ValueError):
            result[key] = np.array(value) if hasattr(value, "shape") else value
    return result
