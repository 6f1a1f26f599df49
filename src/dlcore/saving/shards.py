"""Weights in several files: a table ``x.weights.json`` beside ``x_00000.weights.h5``, ``x_00001.weights.h5``, ..."""

import contextlib
import json
import warnings
from pathlib import Path

from dlcore.saving import h5
from dlcore.utils.files import atomic_file


def _table_path(path, verb):
    path = Path(path)
    if path.suffix != ".json":
        warnings.warn(f"{verb} sharded weights needs a path that ends in .json: {path} becomes {path.with_suffix('.json')}", stacklevel=4)
        path = path.with_suffix(".json")
    return path


class Shards:
    """Writes arrays to one file after the other, none larger than a limit.

    All files get their names at the end, the table last.

    Args:
        path: Path of the table.
        max_shard_size: The limit in GB (of 2**30 bytes).
    """

    def __init__(self, path, max_shard_size):
        if isinstance(max_shard_size, bool) or not isinstance(max_shard_size, (int, float)) or not max_shard_size > 0:
            raise ValueError(f"max_shard_size must be a positive number of GB; received max_shard_size={max_shard_size!r}")
        self.path = _table_path(path, "Saving")
        self.limit = float(max_shard_size) * 2**30
        self.total, self.used, self.count = 0, 0, 0
        self.map = {}
        self.file = None

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.table = self.stack.enter_context(atomic_file(self.path))   # leaves last: the table comes after what it names
        self._next_file()
        return self

    def __exit__(self, kind, error, trace):
        try:
            self.file.close()
            if kind is None:
                self.table.write_text(json.dumps({"metadata": {"total_size": self.total}, "weight_map": self.map}, indent=4))
        except BaseException as late:
            if not self.stack.__exit__(type(late), late, late.__traceback__):
                raise
        return self.stack.__exit__(kind, error, trace)

    def _next_file(self):
        import h5py

        if self.file is not None:
            self.file.close()
        self.name = f"{self.path.stem.replace('.weights', '')}_{self.count:05}.weights.h5"
        self.file = h5py.File(self.stack.enter_context(atomic_file(self.path.with_name(self.name))), "w")
        self.count, self.used = self.count + 1, 0

    def write(self, path, store, name=None):
        """Writes what an object saves, in as many files as it takes."""
        group = f"/{path}/vars" if path else "/vars"
        part = {}
        for key, value in store.items():
            value = h5.as_numbers(value, f"{group}/{key}")
            if value.nbytes > self.limit:
                raise ValueError(f"{group}/{key} has {value.nbytes} bytes, more than max_shard_size={self.limit / 2**30} GB allows ({self.limit:.0f} bytes). Increase max_shard_size")
            if self.used + value.nbytes > self.limit:
                if part:
                    self._put(group, path, part, name)
                self._next_file()
                part = {}
            part[key] = value
            self.used += value.nbytes
            self.total += value.nbytes
        self._put(group, path, part, name)

    def _put(self, group, path, part, name):
        h5.write_store(self.file, path, part, name)
        if part:
            there = self.map.get(group)
            self.map[group] = self.name if there is None else [*([there] if isinstance(there, str) else there), self.name]


class ShardReader:
    """Reads what :class:`Shards` wrote.

    Args:
        path: Path of the table.

    Raises:
        ValueError: if the table is none.
    """

    def __init__(self, path):
        self.path = _table_path(path, "Loading")
        if not self.path.exists():
            raise FileNotFoundError(f"There is no weights file {self.path}")
        try:
            self.map = json.loads(self.path.read_text())["weight_map"]
            names = {n for value in self.map.values() for n in ([value] if isinstance(value, str) else value)}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{self.path} is not a table of sharded weights: expected JSON with a `weight_map`, received {error!r}") from error
        for name in names:
            if not isinstance(name, str) or name in ("", "..") or Path(name).name != name:
                raise ValueError(f"{self.path}: a shard must be a file in the same folder; received {name!r}")

    def __enter__(self):
        self.stack, self.files = contextlib.ExitStack(), {}
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def read(self, path):
        """The arrays of an object, from all files that have some."""
        names = self.map.get(f"/{path}/vars" if path else "/vars", [])
        store = {}
        for name in [names] if isinstance(names, str) else names:
            if name not in self.files:
                self.files[name] = self.stack.enter_context(h5.reading(str(self.path.with_name(name))))
            store |= h5.read_store(self.files[name], path)
        return store
