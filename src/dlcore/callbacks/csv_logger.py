"""The logs of the epochs as a table in a file."""

import os
from collections.abc import Iterable

import numpy as np

from .base import Callback


class CSVLogger(Callback):
    """Writes a row with the metrics of each epoch to a CSV file, at once.

    Args:
        filename: path of the file.
        separator: what stands between two columns.
        append: go on with a file that is there instead of overwriting it.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
        >>> logger = CSVLogger(path)
        >>> logger.on_train_begin(); logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6}); logger.on_train_end()
        >>> path.read_text().split()
        ['epoch,loss,val_loss', '0,0.5,0.6']
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.sep = separator
        self.filename = os.fspath(filename)
        self.append = append
        self.writer = None
        self.keys = None
        self.append_header = True
        self.csv_file = None

    def on_train_begin(self, logs=None):
        if self.append and os.path.exists(self.filename):
            with open(self.filename) as file:
                self.append_header = not file.readline()
        if self.csv_file is not None:
            self.csv_file.close()
        self.csv_file = open(self.filename, "a" if self.append else "w")  # noqa: SIM115 - open while the training runs
        self.writer = self.keys = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.writer is None:
            self._begin_table(logs)
        self.writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys}})
        self.csv_file.flush()

    def _begin_table(self, logs):
        import csv

        self.keys = sorted(logs)
        if not any(key.startswith("val_") for key in self.keys):
            self.keys += [f"val_{key}" for key in self.keys]        # a later epoch may be validated
        self.writer = csv.DictWriter(self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep)
        if self.append_header:
            self.writer.writeheader()

    def on_train_end(self, logs=None):
        if self.csv_file is not None:
            self.csv_file.close()
        self.writer = None


def _cell(value):
    if isinstance(value, Iterable) and not isinstance(value, str) and not (isinstance(value, np.ndarray) and value.ndim == 0):
        return f'"[{", ".join(map(str, value))}]"'
    return value
