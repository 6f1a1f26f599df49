"""The progress bar: a line that is drawn over on a terminal, printed once elsewhere."""

import os
import sys
import time

import numpy as np

from .. import config
from .messages import print_msg, write


class Progbar:
    """Shows how far a loop has come, how long a step takes and the values of metrics.

    On a terminal and in a notebook the line is drawn over in place. Elsewhere (a pipe, a log file) nothing is written
    before the end, and then one line without control codes.

    Args:
        target: the number of steps, or `None` if unknown.
        width: the width of the bar in characters.
        verbose: 0 is silent, 1 draws the bar, 2 writes one line at the end.
        interval: seconds that must pass between two drawings.
        stateful_metrics: names of values to show as they are; the others are averaged over the steps. Not together with
            `stateless_metrics`.
        stateless_metrics: names of values to average; the others are shown as they are.
        unit_name: what a step is called.

    Raises:
        ValueError: if both `stateful_metrics` and `stateless_metrics` are given.

    Example:
        >>> bar = Progbar(2, unit_name="file", verbose=0)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.add(1, [("loss", 0.25)])
    """

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, stateless_metrics=None, unit_name="step"):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Only one of `stateful_metrics` or `stateless_metrics` can be provided. Received both.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._values = {}
        self._seen_so_far = 0
        self._start = time.perf_counter()
        self._last_drawn = -float("inf")
        self._after_first_step = None
        self._screen = None

    def update(self, current, values=None, finalize=None):
        """Tell the bar where the loop is.

        Args:
            current: the number of steps done.
            values: pairs (name, value).
            finalize: whether the loop is over; by default when `current` has reached the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        self._record(current, values or (), finalize)
        now = time.perf_counter()
        if current == 1:
            self.first_step_done(now)
        if self.verbose == 0 or (not finalize and (self.verbose == 2 or now - self._last_drawn < self.interval)):
            return
        self._last_drawn = now
        if self.verbose == 2:
            print_msg(self._summary(current, now))
            return
        self._screen = self._screen or _screen()
        self._screen.draw(self._segments(current, now, finalize), finalize)

    def add(self, n, values=None):
        """Tell the bar that `n` more steps are done (see `update`)."""
        self.update(self._seen_so_far + n, values)

    def first_step_done(self, now=None):
        """Leave the first step, which is often much slower, out of the time per step."""
        self._after_first_step = self._after_first_step or now or time.perf_counter()

    def _record(self, current, values, finalize):
        for name, value in values:
            averaged = name not in self.stateful_metrics if self.stateless_metrics is None else name in self.stateless_metrics
            if averaged and not finalize:
                weight = max(current - self._seen_so_far, 1)
                total, count = self._values.get(name, (0.0, 0))
                self._values[name] = (total + value * weight, count + weight)
            else:
                self._values[name] = (value, 1)
        self._seen_so_far = current

    def _seconds_per_step(self, current, now):
        if current > 1 and self._after_first_step is not None:
            return (now - self._after_first_step) / (current - 1)
        return (now - self._start) / current if current else 0.0

    def _tail(self):
        return "".join(f" - {name}: {_number(total, count)}" for name, (total, count) in self._values.items())

    def _summary(self, current, now):
        pace = _pace(self._seconds_per_step(current, now), self.unit_name)
        done = f"{current}/{self.target or current}"
        return f"{done} - {now - self._start:.0f}s - {pace}{self._tail()}"

    def _segments(self, current, now, finalize):
        """The line as pairs (text, style)."""
        per_step = self._seconds_per_step(current, now)
        rest = f" {_pace(per_step, self.unit_name)}{self._tail()}"
        elapsed = (f" {now - self._start:.0f}s", "bold")
        if not self.target:
            return [(f"{current:7d}/Unknown", "bold"), elapsed, (rest, "")]
        done = int(self.width * min(current / self.target, 1))
        bar = [(f"{current:{len(str(self.target))}d}/{self.target} ", "bold"), ("━" * done, "green"), ("━" * (self.width - done), "white")]
        return [*bar, elapsed if finalize else (f" {_clock(per_step * (self.target - current))}", "bold"), (rest, "")]


def _number(total, count):
    value = float(np.mean(np.asarray(total))) / max(1, count)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def _pace(seconds, unit):
    for scale, name in ((1, "s"), (1e-3, "ms")):
        if seconds >= scale or seconds == 0:
            return f"{seconds / scale:.0f}{name}/{unit}"
    return f"{seconds * 1e6:.0f}us/{unit}"


def _clock(seconds):
    minutes, seconds = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}" if minutes else f"{seconds}s"


def _screen():
    notebook = "ipykernel" in sys.modules and type(sys.stdout).__module__.startswith("ipykernel")
    live = notebook or (getattr(sys.stdout, "isatty", lambda: False)() and os.environ.get("TERM") != "dumb")
    return _Live(notebook) if live and config.is_interactive_logging_enabled() else _Plain()


class _Plain:
    """Anything that keeps what was written: one line, at the end."""

    def draw(self, segments, last):
        if last:
            print_msg("".join(text for text, _ in segments))


class _Live:
    """A terminal or a notebook. Uses the carriage return only, so an exception leaves no state behind."""

    def __init__(self, notebook):
        from rich.console import Console

        self._console = Console(
            file=sys.stdout,
            force_terminal=True,
            force_jupyter=False,
            highlight=False,
            width=200 if notebook else None,
            color_system="standard" if notebook else "auto",
        )
        self._previous = 0

    def draw(self, segments, last):
        from rich.text import Text

        text = Text.assemble(*segments)
        if not last:  # a line that wraps cannot be drawn over; the last one need not be
            text.truncate(self._console.width - 1)
        length = text.cell_len
        text.append(" " * (self._previous - length))
        self._previous = length
        with self._console.capture() as capture:
            self._console.print(text, end="", soft_wrap=True)
        write("\r" + capture.get() + ("\n" if last else ""))
