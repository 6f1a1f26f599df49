"""The progress bar of `fit`, `evaluate` and `predict`."""

import sys
import time

from ..utils.messages import print_msg
from ..utils.progbar import Progbar
from .base import Callback, pythonify_logs

NEVER = sys.maxsize
INTERVAL = 0.1  # seconds between two drawings
DELAY = 0.5  # seconds before an evaluation or prediction that did not ask for a bar gets one
STRIDE = 64  # steps between two looks at the clock at most: should they turn slow, the bar must not stand still for long


class ProgbarLogger(Callback):
    """Draws the progress bar.

    A step may take only microseconds, so the bar is not told of each. `next_step` is the count at which it wants to
    hear, through `tick`; a tick looks at the clock, and only about ten times a second fetches the metrics and draws.

    Attributes:
        next_step: the number of finished steps at which to call `tick`.

    Example:
        >>> logger = ProgbarLogger()
        >>> logger.set_params({"verbose": 0, "epochs": 1, "steps": 10})
        >>> logger.on_epoch_begin(0)
        >>> logger.next_step == NEVER
        True
    """

    def __init__(self):
        super().__init__()
        self.progbar = None
        self.seen = 0
        self.target = None
        self.epochs = 1
        self.verbose = 1
        self.next_step = NEVER
        self._delay = 0.0
        self._is_fit = False
        self._validating = False
        self._with_metrics = True

    def set_params(self, params):
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self._delay = DELAY if verbose == "auto" else 0.0
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def tick(self, step, logs=None):
        """Look at the clock, and draw if it is time.

        Args:
            step: the number of finished steps.
            logs: the metrics, if they are at hand; they are asked of the model otherwise.

        Returns:
            The number of steps at which to call again.
        """
        if self._validating:
            return NEVER
        steps, self.seen = step - self.seen, step
        if self.next_step == NEVER:
            return NEVER
        now = time.perf_counter()
        if step == 1:
            self.progbar.first_step_done(now)
        if now >= self._due:
            self.progbar.update(step, self._metrics(logs), finalize=False)
            self._wanted = True
            self._due = time.perf_counter() + INTERVAL
        # Aim at four looks an interval, from the pace since the last look, and never more than double the stride.
        pace = steps * INTERVAL / 4 / max(now - self._last_tick, 1e-9)
        self._last_tick = now
        self._stride = max(1, min(int(pace), 2 * self._stride, STRIDE))
        self.next_step = step + self._stride
        return self.next_step

    def _metrics(self, logs):
        if logs is None and self._with_metrics and hasattr(self.model, "get_metrics_result"):
            logs = self.model.get_metrics_result()
        return list(pythonify_logs(logs).items())

    def _begin(self, delay, with_metrics=True):
        self.seen = 0
        self._stride = 1
        self._wanted = not delay
        self._with_metrics = with_metrics
        self._validating = False
        self._last_tick = time.perf_counter()
        self._due = self._last_tick + max(delay, INTERVAL)
        self.progbar = Progbar(self.target, verbose=self.verbose, interval=0, stateless_metrics=())
        self.next_step = 1 if self.verbose == 1 else NEVER

    def _end(self, logs):
        self.next_step = NEVER
        if self.target is None:
            self.target = self.progbar.target = self.seen
        if self.verbose and self._wanted:
            self.progbar.update(self.target, list(pythonify_logs(logs).items()), finalize=True)

    def on_train_begin(self, logs=None):
        self._is_fit = True

    def on_train_end(self, logs=None):
        self._is_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self._begin(delay=0.0)
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_epoch_end(self, epoch, logs=None):
        self._end(logs)

    def on_test_begin(self, logs=None):
        if self._is_fit:  # validation is silent: its metrics come with those of the epoch
            self._validating, self.next_step = True, NEVER
        else:
            self._begin(self._delay)

    def on_test_end(self, logs=None):
        if self._is_fit:
            self._validating = False
        else:
            self._end(logs)

    def on_predict_begin(self, logs=None):
        self._begin(self._delay, with_metrics=False)

    def on_predict_end(self, logs=None):
        self._end(None)

    # For loops of the user's own that call the batch hooks; `fit` calls `tick` instead.
    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 >= self.next_step:
            self.tick(batch + 1, logs)
        self.seen = batch + 1

    def on_test_batch_end(self, batch, logs=None):
        if not self._validating:
            self.on_train_batch_end(batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self.on_train_batch_end(batch, {})
