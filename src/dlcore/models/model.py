"""Model: a layer that can be trained. By graph (inputs and outputs) or by subclassing."""

import json

import numpy as np

from dlcore import saving, tree
from dlcore._kernels.tensor import KerasTensor, Tensor, convert, fits
from dlcore.layers.base import Layer
from dlcore.layers.context import call_training
from dlcore.models.graph import graph_between
from dlcore.models.repetition import replay_of
from dlcore.models.structure import KEYS, graph_config, graph_from_config, takes_graph
from dlcore.models.trainer import Trainer
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object
from dlcore.variable import Changes


class Model(Trainer, Layer):
    """A network with ``compile``, ``fit``, ``evaluate`` and ``predict``.

    Either ``Model(inputs, outputs)`` from symbolic tensors, or a subclass that creates layers in ``__init__`` and uses
    them in ``call``.

    Args:
        inputs: KerasTensor, or list or dict of them.
        outputs: KerasTensor, or list or dict of them.
        name: Name of the model.

    Example:
        >>> import dlcore
        >>> x = dlcore.Input((4,))
        >>> model = dlcore.Model(x, dlcore.layers.Dense(1)(x))
        >>> model.count_params()
        5
    """

    _is_graph_model = True
    _own_call = None            # the `call` that a class of this library defines, as opposed to a user's
    _own_functions = None       # the same and its `__call__`

    def __new__(cls, *args, **kwargs):
        is_graph = len(args) + ("inputs" in kwargs) + ("outputs" in kwargs) >= 2
        return super().__new__(Functional if cls is Model and is_graph else cls, *args, **kwargs)

    def __init__(self, *args, inputs=None, outputs=None, name=None, trainable=True, **kwargs):
        if args:
            inputs, *rest = args
            outputs = rest.pop(0) if rest else outputs
            name = rest.pop(0) if rest else name
        if (inputs is None) != (outputs is None):
            raise ValueError("Model: both inputs and outputs must be given for a functional model, or neither for a subclass; received only one")
        Layer.__init__(self, name=name, trainable=trainable, **kwargs)
        Trainer.__init__(self)
        self._graph = None
        if inputs is not None:
            self._graph = graph_between(inputs, outputs)
            self.built = True
        self._swift = None          # if calls may be swift: `Changes.last` when that was found
        self._replay = None         # of such calls, or None
        self._settings = None       # `Changes.settings` when the replay began

    def __getstate__(self):
        # The arena holds the memory of these variables: a copy, with variables of its own, makes another. What the optimizer
        # remembers goes beside the variables that it belongs to.
        # The graph comes first: its calls are in an order in which none leads deep into those before.
        state = {"_graph": self._graph, **super().__getstate__(), "_arena": None, "_source": None, "_resume": None, "_found": None,
                 "_replay": None, "_settings": None}
        if self.optimizer is not None and self.optimizer.built:
            slots = {}
            self.optimizer.save_own_variables(slots)
            known = self.optimizer._state
            state["_optimizer_state"] = self.trainable_variables if known is None else known.variables, slots
        return state

    def __setstate__(self, state):
        state = dict(state)
        variables, slots = state.pop("_optimizer_state", (None, None))
        super().__setstate__(state)
        if slots is not None and not self.optimizer.built:
            self.optimizer.build(list(variables))
            self.optimizer.load_own_variables(slots)

    # ------------------------------------------------------------------------------------------------------- structure

    @property
    def inputs(self):
        """Flat list of the symbolic inputs (None for a model that is not a graph)."""
        return None if self._graph is None else self._graph.flat_inputs

    @property
    def outputs(self):
        return None if self._graph is None else self._graph.flat_outputs

    @property
    def input(self):
        return self._need_graph("input").inputs

    @property
    def output(self):
        return self._need_graph("output").outputs

    @property
    def input_shape(self):
        return tree.map_structure(lambda x: x.shape, self._need_graph("input_shape").inputs)

    @property
    def output_shape(self):
        return tree.map_structure(lambda x: x.shape, self._need_graph("output_shape").outputs)

    @property
    def input_names(self):
        return self._need_graph("input_names").input_names

    @property
    def output_names(self):
        return None if self._graph is None else self._graph.output_names

    def _need_graph(self, what):
        if self._graph is None:
            raise AttributeError(f"The model {self.name!r} has no defined {what}: it is not a functional graph, or it has not been built yet")
        return self._graph

    @property
    def layers(self):
        """The layers directly in this model."""
        return self._sublayers()

    @layers.setter
    def layers(self, value):
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def _sublayers(self):
        found = {id(layer): layer for layer in self._graph.layers} if getattr(self, "_graph", None) is not None else {}
        for layer in super()._sublayers():
            found.setdefault(id(layer), layer)
        return list(found.values())

    def get_layer(self, name=None, index=None):
        """The layer with a name, or at an index of ``layers``."""
        if (name is None) == (index is None):
            raise ValueError(f"Provide either a layer name or a layer index; received name={name!r}, index={index!r}")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}.")

    # ------------------------------------------------------------------------------------------------------------ call

    def call(self, inputs, training=None, mask=None):
        if self._graph is None:
            raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")
        flat = self._standardize(inputs)
        if mask is not None:
            for x, m in zip(flat, tree.flatten(mask), strict=True):
                if m is not None:
                    x.mask = m
        return self._graph.run(flat, training)

    def __call__(self, *args, **kwargs):
        if self._swift is Changes.last and len(args) == 1 and (not kwargs or len(kwargs) == 1 and "training" in kwargs):
            x = args[0]
            training = kwargs.get("training") if kwargs else None
            if training is None:
                training = call_training()
            if not training:
                replay = self._replay if self._settings is Changes.settings else self._begin_replay()
                y = None if replay is None else replay.run(self, x)
                if y is not None:
                    return y
            if type(x) is np.ndarray and x.dtype.kind not in "OUS":
                x = convert(x)
            if type(x) is Tensor and x.dtype is self.compute_dtype and x.mask is None:
                return self.call(x, training=training)
        outputs = self._general_call(args, kwargs)
        seen = Changes.last
        self._swift = seen if self.built and self._is_swift() else None
        self._settings = None
        return outputs

    def _begin_replay(self):
        self._settings = Changes.settings
        self._replay = replay_of(self)
        return self._replay

    def _is_swift(self):
        """Whether calls may skip everything around :meth:`call`: the layers are built-in ones without layers inside, or models
        of them (they get the training flag from this model and need no context), and none adds losses, which a call begins by clearing."""
        return all(
            layer.activity_regularizer is None and not layer._adds_losses
            and (type(layer).call is type(layer)._own_call if isinstance(layer, Model) else type(layer).__module__.startswith("dlcore.layers."))
            for layer in self._flatten_layers()
        )

    def _standardize(self, inputs):
        """The flat list of input tensors in the graph's order, with the graph's dtypes and ranks."""
        graph = self._graph
        if isinstance(inputs, dict) and not isinstance(graph.inputs, dict):
            missing = [n for n in graph.input_names if n not in inputs]
            if missing:
                raise ValueError(f"Missing data for input {missing[0]!r}. You passed a data dictionary with keys {list(inputs)}. Expected the following keys: {graph.input_names}")
            flat = [inputs[n] for n in graph.input_names]
        elif isinstance(graph.inputs, dict) and isinstance(inputs, dict):
            missing = [n for n in graph.inputs if n not in inputs]
            if missing:
                raise ValueError(f"Missing data for input {missing[0]!r}. You passed a data dictionary with keys {list(inputs)}. Expected the following keys: {list(graph.inputs)}")
            flat = tree.flatten({n: inputs[n] for n in graph.inputs})
        else:
            flat = [inputs] if isinstance(inputs, Tensor) else tree.flatten(inputs)
        if len(flat) != len(graph.flat_inputs):
            raise ValueError(f"Model {self.name!r} expects {len(graph.flat_inputs)} input(s) {graph.input_names}; received {len(flat)}: shapes {[getattr(x, 'shape', None) for x in flat]}")
        return [self._fit_to(spec, x, i) for i, (spec, x) in enumerate(zip(graph.flat_inputs, flat, strict=True))]

    def _fit_to(self, spec, x, i):
        if isinstance(x, np.ndarray) or x is not None and spec.dtype == "string":
            return self._fit_text(spec, x, i)
        if x is None or fits(spec, x):
            return x
        if x.dtype is not spec.dtype:
            from dlcore import ops

            mask, x = x.mask, ops.cast(x, spec.dtype)
            x.mask = mask
        if x.ndim != spec.ndim:
            from dlcore import ops

            if x.ndim == spec.ndim - 1 and spec.shape[-1] == 1:
                x = ops.expand_dims(x, -1)
            elif x.ndim == spec.ndim + 1 and x.shape[-1] == 1:
                x = ops.squeeze(x, -1)
        if not fits(spec, x):
            raise ValueError(
                f"Input {i} of model {self.name!r} ({self._graph.input_names[i]!r}) is incompatible with it: "
                f"expected shape={spec.shape}, found shape={x.shape}"
            )
        return x

    def _fit_text(self, spec, x, i):
        """An array of text in the rank of the input that takes it."""
        text = isinstance(x, np.ndarray) or x.dtype == "string"
        if text and x.ndim == spec.ndim - 1 and spec.shape[-1] == 1:
            x = x[..., None]
        fitting = len(x.shape) == spec.ndim and all(None in (a, b) or a == b for a, b in zip(spec.shape, x.shape, strict=False))
        if text != (spec.dtype == "string") or not fitting:
            raise ValueError(
                f"Input {i} of model {self.name!r} ({self._graph.input_names[i]!r}) is incompatible with it: expected {spec.dtype} of shape "
                f"{spec.shape}, received data of dtype {x.dtype} and shape {x.shape}. Models take numbers, and text at inputs of dtype 'string'"
            )
        return x

    def build(self, input_shape=None):
        """Creates the variables of a subclassed model by running it on placeholders of `input_shape` (with the batch)."""
        if self._graph is not None or input_shape is None:
            return
        x = tree.map_shape(lambda s: KerasTensor(s, self.compute_dtype), input_shape)
        try:
            self.compute_output_spec(x)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Model {self.name!r} cannot be built from input_shape={input_shape} by calling it on placeholders: {error}. "
                "Call it on data instead to build it"
            ) from error

    def _build_from(self, args, kwargs):
        if type(self).build is Model.build:
            # The layers inside build themselves as the call reaches them.
            self.built = True
        else:
            super()._build_from(args, kwargs)

    def compute_output_spec(self, *args, **kwargs):
        self.built = True
        return super().compute_output_spec(*args, **kwargs)

    # --------------------------------------------------------------------------------------------------- configuration

    def get_config(self):
        """The graph of a functional model; the constructor's arguments of a subclassed one."""
        return graph_config(self) if self._graph is not None and takes_graph(type(self)) else super().get_config()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model from what `get_config` gave, with weights of its own."""
        if takes_graph(cls) and all(key in config for key in KEYS):
            return graph_from_config(cls, config, custom_objects)
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.from_config: its get_config() must return the arguments of its constructor, or from_config must be overridden: {error}. Received config={config}") from error

    def build_from_config(self, config):
        """Creates the variables of a subclassed model, as `get_build_config` of an equal one describes."""
        if config and self._graph is None:
            shapes = config.get("shapes_dict") or {"input_shape": config["input_shape"]}
            self.build(next(iter(shapes.values())) if len(shapes) == 1 else shapes)

    def to_json(self, **kwargs):
        """The configuration as JSON; `kwargs` go to ``json.dumps``."""
        return json.dumps(serialize_keras_object(self), **kwargs)

    # ---------------------------------------------------------------------------------------------------------- saving

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Saves the weights, and the state of the optimizer if the model is compiled, to a file that Keras reads, too.

        Args:
            filepath: Path that ends in ``.weights.h5``, or in ``.weights.json`` with `max_shard_size`.
            overwrite: Whether to overwrite a file without asking.
            max_shard_size: Size in GB beyond which the weights go to several files.
        """
        saving.save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """Loads weights, and the state of the optimizer if it is built; all of them or, on an error, none.

        Args:
            filepath: Path of a file of Keras or dlcore that ends in ``.weights.h5``, ``.weights.json`` or ``.keras``, or
                of weights of Keras 2 that ends in ``.h5`` or ``.hdf5``.
            skip_mismatch: Leave out, with a warning, the layers that the file has no fitting numbers for.
            **kwargs: `by_name` (files of Keras 2) and `objects_to_skip`; see `dlcore.saving.load_weights`.
        """
        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    # --------------------------------------------------------------------------------------------------------- summary

    def summary(self, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None):
        """Prints a table of the layers, their output shapes and numbers of parameters."""
        from dlcore.models.summary import print_summary

        print_summary(self, line_length=line_length, print_fn=print_fn, expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range)

    def count_params(self):
        if not self.built:
            raise ValueError(f"You tried to call `count_params` on model {self.name!r}, but the model isn't built. Build it first by calling it on data or build(input_shape)")
        return int(sum(np.prod(v.shape, dtype=np.int64) for v in self.weights))


Model._own_call = Model.call
Model._own_functions = Model.call, Model.__call__


class Functional(Model):
    """A Model made from inputs and outputs: what ``Model(inputs, outputs)`` gives.

    Args:
        inputs, outputs, name: See `Model`.
    """

    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)


def model_from_json(json_string, custom_objects=None):
    """The model that `Model.to_json` described, with weights of its own.

    Args:
        json_string: JSON.
        custom_objects: Classes and functions of the user, by name.
    """
    return deserialize_keras_object(json.loads(json_string), custom_objects)
