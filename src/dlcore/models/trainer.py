"""Trainer: fit, evaluate, predict. The only training loop."""

import collections
import itertools
import warnings

import numpy as np

from dlcore import callbacks as callback_module
from dlcore import tree
from dlcore._kernels.pool import pool_trim
from dlcore._kernels.tensor import Tensor
from dlcore.callbacks.base import pythonify_logs
from dlcore.data import ArrayBatches, IterableBatches, batches, train_validation_split, unpack_x_y_sample_weight
from dlcore.data.arrays import as_arrays
from dlcore.data.class_weights import class_to_sample_weights
from dlcore.models.compile_utils import CompileMetrics
from dlcore.models.steps import Steps
from dlcore.utils.checks import is_count


class Trainer(Steps):
    """The loops over batches."""

    # ------------------------------------------------------------------------------------------------------------- fit

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_split=0.0,
            validation_data=None, shuffle=True, class_weight=None, sample_weight=None, initial_epoch=0,
            steps_per_epoch=None, validation_steps=None, validation_batch_size=None, validation_freq=1):
        """Trains the model.

        Args:
            x: Inputs: array, list or dict of arrays, or an iterable of batches.
            y: Targets, for arrays.
            batch_size: Rows per step; 32 by default.
            epochs: Epoch at which to stop (counted from 0, so with `initial_epoch` fewer are run).
            verbose: 0 silent, 1 progress bar, 2 one line per epoch, ``"auto"``.
            callbacks: Callbacks.
            validation_split: Share of the data, taken from the end before shuffling, to evaluate after each epoch.
            validation_data: ``(x, y)`` or ``(x, y, sample_weight)`` or an iterable of batches, instead.
            shuffle: Whether to shuffle the rows before each epoch.
            class_weight: Dict from class to weight.
            sample_weight: Weights of the rows.
            initial_epoch: Epoch at which to start.
            steps_per_epoch, validation_steps: Batches after which an epoch or an evaluation ends.
            validation_batch_size: Rows per step of the evaluation.
            validation_freq: Evaluate every that many epochs, or a list of epochs (counted from 1).

        Returns:
            The History callback; ``history.history`` is a dict of lists.
        """
        self._check_compiled("fit")
        for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
            if not is_count(value, least=0):
                raise ValueError(f"{name} must be a whole number of at least 0; received {name}={value!r}")
        if validation_split and validation_data is None:
            if IterableBatches.takes(x):
                raise ValueError(f"`validation_split` needs x as arrays; with batches from an iterable pass `validation_data`. Received validation_split={validation_split} and x of type {type(x)}")
            (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
        _should_validate(0, validation_freq)                # before hours of training
        source = batches(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight, steps=steps_per_epoch)
        validation = None
        if validation_data is not None:
            validation = _validation_source(validation_data, validation_batch_size or batch_size, validation_steps)
        if not isinstance(callbacks, callback_module.CallbackList):
            callbacks = callback_module.CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, verbose=verbose,
                                                     epochs=epochs, steps=source.size, model=self)
        self.stop_training = False
        self._resume, self._source = None, source
        logs = {}
        try:
            source.rewind()
            callbacks.on_train_begin()
            resume, self._resume = self._resume, None           # BackupAndRestore has found a training that was interrupted
            if resume is not None:
                initial_epoch = resume.begin(source)
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                self._begin(training=True)                  # callbacks may freeze, thaw or add layers
                logs = self._train_epoch(source, callbacks, resume)
                resume = None
                if logs is None:
                    if epoch == initial_epoch:
                        raise ValueError("fit received no batches: the data is empty or its iterator is used up")
                    break
                epoch_logs = pythonify_logs(logs)
                if validation is not None and _should_validate(epoch, validation_freq):
                    val_logs = self._evaluate(validation, callbacks, f"the validation of epoch {epoch + 1}")
                    epoch_logs |= {f"val_{k}": v for k, v in val_logs.items()}
                callbacks.on_epoch_end(epoch, epoch_logs)
                if self.stop_training:
                    break
            self.optimizer.finalize_variable_values(self.trainable_variables)
            callbacks.on_train_end(epoch_logs if epochs > initial_epoch else {})
        finally:
            self._resume = self._source = None
            source.close()
            if validation is not None:
                validation.close()
            pool_trim()
        return self.history

    def _train_epoch(self, source, callbacks, resume=None):
        step, logs = 0, {}
        due = callbacks.next_tick
        hooks = callbacks.has_train_batch_hooks
        train_step = self.train_step
        data_of_epoch = iter(source.epoch())
        if resume is not None:
            done = collections.deque(enumerate(itertools.islice(data_of_epoch, resume.step), 1), maxlen=1)
            step, last = done.pop() if done else (0, None)
            resume.enter(last)
            logs = self.get_metrics_result() if step else {}
        for data in data_of_epoch:
            if hooks:
                callbacks.on_train_batch_begin(step)
            logs = train_step(data)
            if hooks:
                callbacks.on_train_batch_end(step, logs)
            step += 1
            if step >= due:
                due = callbacks.tick(step)
            if self.stop_training:
                break
        callbacks.tick(step)
        if (step == 0 or source.exhausted) and not self.stop_training:
            warnings.warn("Your input ran out of data; interrupting epoch. Make sure that your dataset or generator can generate at least "
                          "`steps_per_epoch * epochs` batches.", stacklevel=3)
            self.stop_training = True
        return (logs or {}) if step else None          # a train_step of the user's may return nothing

    # -------------------------------------------------------------------------------------------------------- evaluate

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, callbacks=None, return_dict=False, **kwargs):
        """The loss and the metrics on data.

        Args:
            x, y, sample_weight, batch_size: As in :meth:`fit`.
            verbose: As in :meth:`fit`; with ``"auto"`` the bar shows only if the work takes long.
            steps: Batches after which to stop.
            callbacks: Callbacks.
            return_dict: Whether to return a dict by name instead of a list (the loss first).

        Returns:
            A float if there is only the loss, else a list of floats or a dict.
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._check_compiled("evaluate")
        source = batches(x, y, sample_weight, batch_size=batch_size, steps=steps)
        if not isinstance(callbacks, callback_module.CallbackList):
            callbacks = callback_module.CallbackList(callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.size, model=self)
        self._begin(training=False)
        try:
            logs = self._evaluate(source, callbacks)
        finally:
            source.close()
        if return_dict:
            return logs
        return self._in_order(logs)

    def _evaluate(self, source, callbacks, what="evaluate"):
        callbacks.on_test_begin()
        self.reset_metrics()
        source.rewind()
        step, logs = 0, {}
        due = callbacks.next_tick
        hooks = callbacks.has_test_batch_hooks
        test_step = self.test_step
        for data in source.epoch():
            if hooks:
                callbacks.on_test_batch_begin(step)
            logs = test_step(data)
            if hooks:
                callbacks.on_test_batch_end(step, logs)
            step += 1
            if step >= due:
                due = callbacks.tick(step)
        callbacks.tick(step)
        if step == 0:
            raise ValueError(f"{what} received no batches: the data is empty or its iterator is used up")
        logs = pythonify_logs(logs)
        callbacks.on_test_end(logs)
        return logs

    def _in_order(self, logs):
        """The values as Keras lists them: the loss, the metrics by their own names, then what has the name of an output in
        front, in alphabetical order."""
        rest = dict(logs)
        values = []
        for m in self._metrics_of_step():
            for name in [part.name for part in m.metrics] if isinstance(m, CompileMetrics) else [m.name]:
                if name in rest:
                    values.append(rest.pop(name))
        values.extend(rest.values())
        return values[0] if len(values) == 1 else values

    # --------------------------------------------------------------------------------------------------------- predict

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """The outputs for data, as NumPy arrays.

        Args:
            x: Inputs, as in :meth:`fit`.
            batch_size: Rows per step; 32 by default.
            verbose: As in :meth:`evaluate`.
            steps: Batches after which to stop.
            callbacks: Callbacks.

        Returns:
            An array with the first axis of the data, or a structure of arrays.
        """
        if callbacks is None and steps is None and batch_size is None and isinstance(x, np.ndarray) and x.ndim and 0 < len(x) <= 32:
            # One batch: no loop, no bar, no callbacks.
            outputs = self.predict_step((as_arrays("x", x),))
            return _own_arrays(outputs)
        source = batches(x, batch_size=batch_size, steps=steps)
        if not isinstance(callbacks, callback_module.CallbackList):
            callbacks = callback_module.CallbackList(callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.size, model=self)
        try:
            return self._predict(source, callbacks, whole=isinstance(source, ArrayBatches) and steps is None)
        finally:
            source.close()

    def _predict(self, source, callbacks, whole):
        callbacks.on_predict_begin()
        step, row = 0, 0
        collected = None
        due = callbacks.next_tick
        hooks = callbacks.has_predict_batch_hooks
        for data in source.epoch():
            if hooks:
                callbacks.on_predict_batch_begin(step)
            outputs = self.predict_step(data)
            if hooks:
                callbacks.on_predict_batch_end(step, {"outputs": tree.map_structure(np.asarray, outputs)})
            flat = [np.asarray(y) for y in tree.flatten(outputs)]
            if collected is None:
                if any(y.ndim == 0 or y.dtype == object for y in flat):
                    raise ValueError(f"predict: the outputs of the model must be tensors with a first axis of samples; received {outputs!r:.200}")
                # A model may give more or fewer rows than it takes.
                whole = whole and all(len(y) == _rows(data) for y in flat)
                structure = outputs
                collected = [np.empty((source.rows, *y.shape[1:]), y.dtype) if whole else [] for y in flat]
            for all_rows, y in zip(collected, flat, strict=True):
                if whole:
                    if y.shape != (_rows(data), *all_rows.shape[1:]):
                        raise ValueError(f"predict: the outputs of all batches must have one shape per sample and as many rows as the inputs; received shape {y.shape} for {_rows(data)} rows after {all_rows.shape[1:]} per sample")
                    all_rows[row : row + len(y)] = y
                else:
                    all_rows.append(y)
            row += len(flat[0])
            step += 1
            if step >= due:
                due = callbacks.tick(step)
        callbacks.tick(step)
        if collected is None:
            raise ValueError("predict received no batches: the data is empty or its iterator is used up")
        callbacks.on_predict_end()
        if not whole:
            collected = [np.concatenate(parts) for parts in collected]
        return tree.pack_as(structure, collected)

    # -------------------------------------------------------------------------------------------------- single batches

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One training step on one batch; the metrics of that batch."""
        self._check_compiled("train_on_batch")
        if class_weight is not None:
            if sample_weight is not None:
                raise ValueError(f"Arguments `sample_weight` and `class_weight` cannot be specified at the same time. Received: sample_weight={sample_weight}, class_weight={class_weight}")
            sample_weight = class_to_sample_weights(as_arrays("y", y), class_weight)
        self._begin(training=True)
        return self._on_batch(self.train_step, x, y, sample_weight, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The loss and metrics of one batch."""
        self._check_compiled("test_on_batch")
        self._begin(training=False)
        return self._on_batch(self.test_step, x, y, sample_weight, return_dict)

    def _on_batch(self, step, x, y, sample_weight, return_dict):
        data = (as_arrays("x", x), as_arrays("y", y), as_arrays("sample_weight", sample_weight))
        rows = {a.shape[0] for part in data if part is not None for a in tree.flatten(part)}
        if len(rows) > 1:
            raise ValueError(f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples. Received: {sorted(rows)}")
        for metric in self._metrics_of_step():
            metric.reset_state()
        logs = pythonify_logs(step(data))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x):
        """The outputs for one batch, as NumPy arrays."""
        return _own_arrays(self.predict_step((as_arrays("x", x),)))


def _rows(data):
    return len(tree.flatten(data)[0])


def _own_arrays(outputs):
    """NumPy arrays that share no memory with inputs or variables."""
    if isinstance(outputs, Tensor):
        return outputs.numpy().copy()
    return tree.map_structure(np.array, outputs)


def _should_validate(epoch, validation_freq):
    if isinstance(validation_freq, (int, np.integer)) and validation_freq > 0:
        return (epoch + 1) % validation_freq == 0
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    raise ValueError(f"Expected `validation_freq` to be a list or int of at least 1. Received: validation_freq={validation_freq} of the type {type(validation_freq)}.")


def _validation_source(data, batch_size, steps):
    if isinstance(data, (tuple, list)):
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        return batches(x, y, sample_weight, batch_size=batch_size, steps=steps)
    return batches(data, batch_size=batch_size, steps=steps)

