"""What the callbacks that watch one value have in common."""

import warnings

import numpy as np

from .. import config
from .base import Callback


class MonitorCallback(Callback):
    """Base of callbacks that compare a value of the logs with its best so far.

    Args:
        monitor: the name of the value.
        mode: whether it should go down (`"min"`) or up (`"max"`); `"auto"` takes the direction of the metric.
        baseline: the value to beat first, or `None`.
        min_delta: how much better a value must be to count.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode {mode!r} is unknown, falling back to 'auto'.", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign = None

    def is_improvement(self, value, reference):
        """Whether `value` is better than `reference` (by more than `min_delta`); anything is better than `None`."""
        sign = self.find_direction()
        if reference is None:
            return True
        # The rounding is that of Keras: `min_delta` goes off the new value, and the comparison is one of tensors.
        value, reference = (np.dtype(config.floatx()).type(x) for x in (value - sign * self.min_delta, reference))
        return bool(value > reference if sign > 0 else value < reference)

    def find_direction(self):
        """+1 if larger is better, -1 if smaller is; known when the metrics are, at the end of the first epoch.

        Raises:
            ValueError: if the mode is "auto" and the monitored metric is unknown.
        """
        if self._sign is None:
            self._sign = self._direction()
        return self._sign

    def _direction(self):
        if self.mode != "auto":
            return {"min": -1, "max": 1}[self.mode]
        name = self.monitor.removeprefix("val_")
        metrics = _all_metrics(self.model)
        for metric in metrics:
            if metric.name == name and hasattr(metric, "_direction"):
                return 1 if metric._direction == "up" else -1
        if name == "loss":
            return -1
        raise ValueError(
            f"{type(self).__name__} callback received monitor={self.monitor!r}: whether it should go up or down is not known. "
            f"Metrics of the model: {['loss', *(m.name for m in metrics if m.name != 'loss')]}. Name one of these (or one with 'val_'), "
            "or pass `mode='max'` or `mode='min'`."
        )

    def monitored(self, logs):
        """The monitored value in the logs, or `None` with a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or {})}",
                stacklevel=3,
            )
        return value


def _all_metrics(model):
    """The metrics of a model, with those inside containers (a container has `metrics` of its own)."""
    found = []
    for metric in getattr(model, "metrics", None) or ():
        found.extend(getattr(metric, "metrics", None) or [metric])
    return found
