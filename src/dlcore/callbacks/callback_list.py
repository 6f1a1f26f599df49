"""Many callbacks as one."""

import inspect

from .base import Callback, overrides, pythonify_logs
from .history import History
from .progbar_logger import NEVER, ProgbarLogger

_HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


class CallbackList(Callback):
    """Calls each hook on those callbacks that override it.

    A training loop asks `has_train_batch_hooks` once and calls `on_train_batch_begin` and `on_train_batch_end` only if
    it is true. The progress bar needs no batch hooks: the loop compares its step count with `next_tick` and calls
    `tick(step)` when it is reached, and once more when the loop is over:

        due = callbacks.next_tick
        for step, batch in enumerate(batches, 1):
            ...
            if step >= due:
                due = callbacks.tick(step)
        callbacks.tick(step)

    Args:
        callbacks: a callback, or a list (of lists) of them, or `None`.
        add_history: add a `History` if there is none.
        add_progbar: add a `ProgbarLogger` if there is none.
        model: the model to hand to them.
        **params: handed to their `set_params`: `verbose`, `epochs`, `steps`.

    Attributes:
        callbacks: the list.
        has_train_batch_hooks, has_test_batch_hooks, has_predict_batch_hooks: whether any callback wants to hear of
            batches of that kind (the progress bar does not count).

    Raises:
        TypeError: if something in the list is no callback.

    Example:
        >>> CallbackList([History()]).has_train_batch_hooks
        False
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        super().__init__()
        self.callbacks = list(_flatten(callbacks))
        self._progbar = next((c for c in self.callbacks if isinstance(c, ProgbarLogger)), None)
        self._history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and self._progbar is None:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self._find_hooks()
        self.set_model(model)
        self.set_params(params)

    def append(self, callback):
        """Add a callback at the end."""
        self.callbacks.extend(_flatten(callback))
        self._find_hooks()

    def _find_hooks(self):
        # What saves the state of the others is called after them.
        order = sorted(self.callbacks, key=lambda c: hasattr(c, "set_callbacks"))
        self._hooks = {name: [getattr(c, name) for c in order if overrides(c, name)] for name in _HOOKS}
        for callback in self.callbacks:
            if hasattr(callback, "set_callbacks"):
                callback.set_callbacks(self.callbacks)

        def wanted(kind):
            hooks = self._hooks[f"on_{kind}_batch_begin"] + self._hooks[f"on_{kind}_batch_end"]
            return any(not isinstance(getattr(hook, "__self__", None), ProgbarLogger) for hook in hooks)

        self.has_train_batch_hooks = wanted("train")
        self.has_test_batch_hooks = wanted("test")
        self.has_predict_batch_hooks = wanted("predict")

    def set_params(self, params):
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model):
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    @property
    def next_tick(self):
        """The number of finished steps at which the loop should call `tick`."""
        return NEVER if self._progbar is None else self._progbar.next_step

    def tick(self, step):
        """Tell the progress bar how many steps are done.

        Args:
            step: the number of finished steps of this epoch, evaluation or prediction.

        Returns:
            The number of steps at which to call again.
        """
        return NEVER if self._progbar is None else self._progbar.tick(step)

    def _call(self, hook, *args):
        hooks = self._hooks[hook]
        if hooks:
            logs = pythonify_logs(args[-1])
            for call in hooks:
                call(*args[:-1], logs)

    def on_train_begin(self, logs=None):
        self._call("on_train_begin", logs)

    def on_train_end(self, logs=None):
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._call("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._call("on_train_batch_end", batch, logs)

    def on_batch_begin(self, batch, logs=None):
        self._call("on_batch_begin", batch, logs)

    def on_batch_end(self, batch, logs=None):
        self._call("on_batch_end", batch, logs)

    def on_test_begin(self, logs=None):
        self._call("on_test_begin", logs)

    def on_test_end(self, logs=None):
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._call("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs=None):
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs=None):
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self._call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._call("on_predict_batch_end", batch, logs)


def _flatten(callbacks):
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for item in callbacks:
            if item is None:
                raise TypeError(f"Argument `callbacks` expected callbacks, received a list with None in it: {callbacks!r}")
            yield from _flatten(item)
    elif inspect.isclass(callbacks) or not hasattr(callbacks, "set_model"):
        hint = " (a class: did you forget the parentheses?)" if inspect.isclass(callbacks) else ""
        raise TypeError(f"Argument `callbacks` expected a `Callback` or a list of them, received {callbacks!r}{hint}.")
    else:
        yield callbacks
