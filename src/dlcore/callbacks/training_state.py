"""All that a training depends on, in one file: weights, the optimizer, random numbers, where it is, what callbacks know."""

import json
import sys

import numpy as np

from .. import random
from ..saving import h5
from ..saving.weights import read_state, write_state
from ..utils.files import atomic_file

GROUP = "dlcore_training_state"


def save_training_state(path, model, callbacks, epoch, step):
    """Writes the state, whole or not at all. The file is one of weights that `load_weights` reads, with a group more.

    Args:
        path: the file.
        model: the model, in `fit`.
        callbacks: the callbacks of this `fit`.
        epoch: the epoch to go on with.
        step: batches of that epoch that are done.
    """
    import h5py

    source = model._source
    known = [[type(c).__name__, {}] for c in callbacks]
    position = source.position(step > 0) if hasattr(source, "position") else None
    state = {"epoch": epoch, "step": step, "callbacks": known}
    with atomic_file(path) as part, h5py.File(part, "w") as file:
        write_state(model, lambda *args: h5.write_store(file, *args))
        group = file.create_group(GROUP)
        state["position"] = None if position is None else _plain(np.array(position, np.int64), group, "position")
        for i, callback in enumerate(callbacks):
            for name in getattr(callback, "resumable", ()):
                known[i][1][name] = _plain(getattr(callback, name), group, f"callback_{i}_{name}")
        _put(group, "seeds", [np.array(v) for v in _seeds(model)])
        _put(group, "metrics", [np.array(v) for v in _metric_variables(model)] if step else [])
        group["global_seed"] = np.array(random.global_seed_generator().state)
        state["python"], state["numpy"] = _foreign_generators(group)
        group.attrs["state"] = np.void(json.dumps(state).encode())


class TrainingState:
    """A saved state, and its ways back into a model.

    Args:
        path: the file.
        model: the model, in `fit`.
        callbacks: the callbacks of this `fit`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is a file of another kind.
    """

    def __init__(self, path, model, callbacks):
        self.path, self.model, self.callbacks = path, model, callbacks
        with h5.reading(path) as file:
            if GROUP not in file or "state" not in h5.child_group(file, GROUP).attrs:
                raise ValueError(f"{path} is no backup of a training: expected a file written by BackupAndRestore, found no group {GROUP!r}")
            group = file[GROUP]
            self.state = json.loads(bytes(group.attrs["state"]))
            self.arrays = {name: h5.read_array(group, name) for name in h5.children(group, "dataset")}
            self.lists = {name: _get(group, name) for name in h5.children(group, "group")}
        self.epoch, self.step = self.state["epoch"], self.state["step"]

    def load_weights(self):
        """Gives the model its weights, and the optimizer its state."""
        model = self.model
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        with h5.reading(self.path) as file:
            read_state(model, lambda path: h5.read_store(file, path), self.path)

    def begin(self, source):
        """When all callbacks have begun: tells them what they knew, and the data where it was. Returns the epoch."""
        self._tell_callbacks()
        if self.state["position"] is not None and hasattr(source, "resume"):
            source.resume(self._value(self.state["position"]).tolist())
        return self.epoch

    def enter(self, last):
        """Just before the first step, with the batches that are done passed over.

        Args:
            last: the last of them, or `None`.
        """
        if self.step:
            self.load_weights()               # what callbacks do at the beginning of an epoch has been done before
            self._tell_callbacks()
            self._fill_metrics(last)
        seeds = _seeds(self.model)
        if len(seeds) == len(self.lists["seeds"]):
            for v, value in zip(seeds, self.lists["seeds"], strict=True):
                v.assign(value)
        random.global_seed_generator().state.assign(self.arrays["global_seed"])
        self._restore_foreign_generators()

    def _tell_callbacks(self):
        known = list(self.state["callbacks"])
        for callback in self.callbacks:
            found = next((item for item in known if item[0] == type(callback).__name__), None)
            if found is not None:
                known.remove(found)
                for name, value in found[1].items():
                    setattr(callback, name, self._value(value))

    def _value(self, value):
        if isinstance(value, dict):
            return self.lists[value["list"]] if "list" in value else self.arrays[value["array"]]
        return value

    def _fill_metrics(self, last):
        if last is not None:
            self.model.test_step(last)                  # some metrics make their variables when they see a batch
        variables, values = _metric_variables(self.model), self.lists["metrics"]
        if [v.shape for v in variables] == [x.shape for x in values]:
            for v, value in zip(variables, values, strict=True):
                v.assign(value)

    def _restore_foreign_generators(self):
        if self.state["python"] is not None:
            import random as python_random

            version, *rest = self.state["python"]
            python_random.setstate((version, tuple(int(word) for word in self.arrays["python"]), *rest))
        if self.state["numpy"] is not None:
            name, *rest = self.state["numpy"]
            np.random.set_state((name, self.arrays["numpy"], *rest))


def _seeds(model):
    weights = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in weights]


def _metric_variables(model):
    return [v for m in model.metrics for v in m.variables]


def _foreign_generators(group):
    """Python's and NumPy's global generators: data sets of users draw from them."""
    python = numpy = None
    if "random" in sys.modules:
        version, words, *rest = sys.modules["random"].getstate()
        group["python"], python = np.array(words, np.uint32), [version, *rest]
    if "numpy.random" in sys.modules:
        name, words, *rest = np.random.get_state()
        if name == "MT19937":
            group["numpy"], numpy = words, [name, *rest]
    return python, numpy


def _plain(value, group, name):
    """A value for JSON; arrays go to the file."""
    if isinstance(value, np.ndarray):
        group[name] = value
        return {"array": name}
    if isinstance(value, (list, tuple)) and any(isinstance(item, np.ndarray) for item in value):
        _put(group, name, value)
        return {"list": name}
    return value.item() if isinstance(value, np.generic) else value


def _put(group, name, arrays):
    inner = group.create_group(name)
    for i, value in enumerate(arrays):
        inner[str(i)] = value


def _get(group, name):
    inner = h5.child_group(group, name)
    return [h5.read_array(inner, str(i)) for i in range(len(inner))]
