"""Steps: what compile sets and what one step of training, evaluation or prediction does."""

import warnings
from collections.abc import Callable
from typing import Any

from dlcore import optimizers, tree
from dlcore._kernels.arena import Arena
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import Tensor
from dlcore.data import unpack_x_y_sample_weight
from dlcore.layers.context import losses_pending
from dlcore.layers.state import Snapshot, State
from dlcore.metrics import Mean
from dlcore.models.compile_utils import CompileLoss, CompileMetrics
from dlcore.utils.checks import is_count
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object


class Steps:
    """The part of a Model that a user may override step by step."""

    __call__: Callable[..., Any]                # a Layer's

    def __init__(self):
        self.stop_training = False
        self.history = None
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self._arena = None
        self._compile_loss = None
        self._compile_metrics = None
        self._loss_tracker = None
        self._found = None                      # what `_begin` found in the layers
        self._penalized = None                  # whether weights have penalties; None: not known yet
        self._arena_is_whole = False
        self._source = None                     # the batches, while `fit` runs
        self._resume = None                     # where an interrupted training is to go on

    # --------------------------------------------------------------------------------------------------------- compile

    def compile(self, optimizer="rmsprop", loss=None, loss_weights=None, metrics=None, weighted_metrics=None,
                run_eagerly=False, steps_per_execution=1, jit_compile="auto", auto_scale_loss=True):
        """Sets what training needs.

        Args:
            optimizer: Optimizer or name.
            loss: Loss, function or name; a list or dict of them for several outputs.
            loss_weights: Weights of the outputs' losses in the total.
            metrics: List (or nested list, or dict by output) of metrics, functions or names.
            weighted_metrics: The same; these see the sample weights.
            run_eagerly, jit_compile, steps_per_execution, auto_scale_loss: Accepted for Keras' sake. There is one way
                of running here, so they change nothing.
        """
        if not is_count(steps_per_execution):
            raise ValueError(f"steps_per_execution must be a positive integer; received steps_per_execution={steps_per_execution!r}")
        if optimizer is None:
            raise ValueError("compile: expected an optimizer or the name of one; received optimizer=None")
        self.optimizer = optimizers.get(optimizer)
        names = getattr(self, "output_names", None)
        self.loss = loss
        self._compile_loss = CompileLoss(loss, loss_weights, output_names=names) if loss is not None else None
        if metrics is not None or weighted_metrics is not None:
            self._compile_metrics = CompileMetrics(metrics, weighted_metrics, output_names=names)
        else:
            self._compile_metrics = None
        self._loss_tracker = Mean(name="loss")
        self.run_eagerly = run_eagerly
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.auto_scale_loss = auto_scale_loss
        self.stop_training = False
        self.compiled = True
        self._arena = None
        self._compile_config = {"optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
                                "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
                                "steps_per_execution": steps_per_execution, "jit_compile": jit_compile}

    def get_compile_config(self):
        """The arguments of :meth:`compile`, as `serialize_keras_object` writes them; None before it was called."""
        return serialize_keras_object(self._compile_config) if self.compiled else None

    def compile_from_config(self, config):
        """Compiles as `get_compile_config` of another model describes."""
        self.compile(**deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _check_compiled(self, method):
        if not self.compiled:
            raise ValueError(f"You must call `compile()` before calling `{method}()`.")

    @property
    def metrics(self):
        """All metrics: the loss, those of compile, and those kept in attributes of the model and its layers."""
        return self._compiled_metrics() + self._metrics_in_attributes()

    def _compiled_metrics(self):
        if not self.compiled:
            return []
        found = [self._loss_tracker]
        if self._compile_metrics is not None:
            found.append(self._compile_metrics)
        # The losses of several outputs have trackers of their own, from the first step on.
        return found if self._compile_loss is None else found + self._compile_loss.metrics

    def _metrics_of_step(self):
        """`metrics`, without looking through all attributes again; for use between `_begin` and the end of a loop."""
        found = self._found
        return self.metrics if found is None or found.metrics is None else self._compiled_metrics() + found.metrics

    @property
    def metrics_names(self):
        return [m.name for m in self.metrics]

    def reset_metrics(self):
        """Sets all metrics back to their beginning."""
        for m in self.metrics:
            m.reset_state()

    def get_metrics_result(self):
        """Dict from name to value of all metrics so far."""
        results = {}
        for m in self._metrics_of_step():
            value = m.result()
            if isinstance(value, dict):
                results.update(value)
            else:
                results[m.name] = value
        return results

    # ------------------------------------------------------------------------------------------------------ train step

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that training makes small: the losses of compile plus what layers added."""
        total = None
        if self._compile_loss is not None:
            if y is None:
                raise ValueError(f"the model was compiled with loss={self.loss!r:.100}, which compares outputs with targets: expected targets y; received y=None")
            total = self._compile_loss(y, y_pred, sample_weight)
        if self._penalized is None:             # here, after the call: a layer may have got its weights in it
            self._penalized = any(v.regularizer is not None for v in self.trainable_variables)
        if self._penalized or losses_pending():
            for extra in self.losses:
                total = extra if total is None else total + extra
        if total is None:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`, or add a loss in a layer with `add_loss`.")
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the metrics of compile with a batch and returns all metrics so far."""
        if self._compile_metrics is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, data):
        """One step of training on one batch; may be overridden.

        Args:
            data: ``(x, y)`` or ``(x, y, sample_weight)`` as tensors.

        Returns:
            Dict of metrics.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with Tape() as tape:
            # As in Keras, a model whose `call` takes no training flag does not hand one to its layers either.
            y_pred = self(x, training=True) if self._spec.takes_training else self(x)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
            scaled = self.optimizer.scale_loss(loss)
        self._loss_tracker.update_state(loss, sample_weight=_batch_rows(x))
        self._train_arena()
        tape.backward(scaled)                           # writes into the arena
        self.optimizer.step(self._arena)                # schedule, clip, decay, one update kernel
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data):
        """One step of evaluation on one batch; may be overridden."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        self._loss_tracker.update_state(loss, sample_weight=_batch_rows(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """The outputs for one batch; may be overridden."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    @property
    def arena(self):
        """Where the trainable variables and their gradients lie while the model trains."""
        if self._arena is None:
            self._make_arena()
        return self._arena

    def _make_arena(self, variables=None):
        variables = self.trainable_variables if variables is None else variables
        if not variables:
            warnings.warn("The model does not have any trainable weights.", stacklevel=3)
        if self._arena is None or len(variables) != len(self._arena.variables) or any(a is not b for a, b in zip(variables, self._arena.variables, strict=True)):
            self._arena = Arena(variables)
        self.optimizer.build(variables)

    def _train_arena(self):
        if self._arena is None or not self._arena_is_whole:
            self._make_arena()
            self._arena_is_whole = True
        self._arena.start()

    def _begin(self, training):
        """What can be found out once before a loop instead of at every step of it."""
        found = self._found
        if found is None or not found.holds():
            found = self._found = _Found(self)
        # Layers that are not built get their variables in the call of the first step.
        variables = self.trainable_variables if found.variables is None else found.variables
        self._penalized = any(v.regularizer is not None for v in variables) if found.whole else None
        if training:
            self._arena_is_whole = found.whole
            if not variables:
                self._arena = None
            elif self._arena_is_whole:              # else the first step makes the arena
                self._make_arena(variables)


class _Found(Snapshot):
    """What a loop needs to know of a model and can know until something changes in its layers; None for what a subclass says itself."""

    def __init__(self, model):
        super().__init__(model)
        cls = type(model)
        self.whole = all(layer.built for layer in self.layers)
        self.metrics = model._metrics_in_attributes() if cls.metrics is Steps.metrics else None
        own = cls.trainable_variables is not State.trainable_variables or cls.variables is not State.variables
        self.variables = None if own else model.trainable_variables


def _batch_rows(x):
    return len(x) if isinstance(x, Tensor) else len(tree.flatten(x)[0])
