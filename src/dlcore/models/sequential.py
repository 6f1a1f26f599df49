"""Sequential: a stack of layers."""

import numpy as np

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor, Tensor
from dlcore.layers.base import Layer
from dlcore.layers.context import call_training, calls, enter_scope, leave_scope
from dlcore.layers.core import Input, InputLayer
from dlcore.models.fusion import quiet, steps, takes_training
from dlcore.models.graph import Graph
from dlcore.models.model import Model
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object
from dlcore.variable import Changes


class Sequential(Model):
    """A model whose layers form a chain.

    Args:
        layers: Layers, to begin with; more with :meth:`add`.
        trainable: Whether the variables are trained.
        name: Name of the model.

    Example:
        >>> import dlcore
        >>> model = dlcore.Sequential([dlcore.Input((4,)), dlcore.layers.Dense(8, activation="relu"), dlcore.layers.Dense(1)])
        >>> model.output_shape
        (None, 1)
    """

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self._stack = []                        # an InputLayer, if there is one, comes first
        self._chain = self._quiet = None        # what `call` goes through: see `_plan`, `_plan_inference`
        self._seen = None                       # when `_quiet` was true
        for layer in layers or []:
            self.add(layer, rebuild=False)
        self._try_build()

    def add(self, layer, rebuild=True):
        """Adds a layer (or an Input) at the end."""
        if isinstance(layer, KerasTensor) and layer.history is not None and isinstance(layer.history.operation, InputLayer):
            layer = layer.history.operation
        if callable(layer) and not isinstance(layer, Layer):
            raise ValueError(f"Only instances of `dlcore.Layer` can be added to a Sequential model. Received: {layer!r} (of type {type(layer)})")
        if not isinstance(layer, Layer):
            raise ValueError(f"Only instances of `dlcore.Layer` can be added to a Sequential model. Received: {layer!r} (of type {type(layer)})")
        if any(inner is self for inner in layer._flatten_layers()):
            raise ValueError(f"A Sequential model cannot contain itself: {self.name!r} was added to itself, or in a model that contains it. Received: {layer!r}")
        if any(other.name == layer.name for other in self._stack):
            raise ValueError(f"All layers added to a Sequential model should have unique names. Name {layer.name!r} is already the name of a layer in this model. Update the `name` argument to pass a unique name.")
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"Sequential model {self.name!r} has already been configured to use input shape {self._stack[0].batch_shape if isinstance(self._stack[0], InputLayer) else None}. You cannot add a different Input layer to it.")
        if not self._stack and not isinstance(layer, InputLayer) and layer._given_input_shape is not None:
            self._stack.append(Input(batch_shape=layer._given_input_shape, dtype=layer.compute_dtype).history.operation)
        self._stack.append(layer)
        self.built, self._swift, self._graph, self._chain = False, None, None, None
        if rebuild:
            self._try_build()

    def pop(self, rebuild=True):
        """Removes the last layer and returns it."""
        if not self.layers:
            raise ValueError("There are no layers in the model.")
        layer = self._stack.pop()
        self.built, self._swift, self._graph, self._chain = False, None, None, None
        if rebuild:
            self._try_build()
        return layer

    def _try_build(self):
        """Builds at once if the input is known: from an Input, or from a first layer that is a built graph model."""
        if not self._stack:
            return
        first = self._stack[0]
        if isinstance(first, InputLayer):
            self._build_graph(first.output)
        elif isinstance(first, Model) and first._graph is not None and len(first._graph.flat_inputs) == 1:
            x = first._graph.flat_inputs[0]
            self._build_graph(Input(batch_shape=x.shape, dtype=x.dtype))

    def _build_graph(self, x):
        inputs = x
        scope = enter_scope(self)
        self._path = calls.scope[0]
        try:
            for layer in self._stack:
                if not isinstance(layer, InputLayer):
                    x = layer(x)
        finally:
            leave_scope(scope)
        self._graph = Graph(inputs, x)
        self.built = True

    def build(self, input_shape=None):
        """Creates the variables for inputs of `input_shape` (with the batch)."""
        if self._graph is not None:
            return
        if not self._stack:
            raise ValueError(f"Sequential model {self.name!r} cannot be built because it has no layers. Call `model.add(layer)`.")
        if input_shape is None:
            raise ValueError("You must provide an `input_shape` argument.")
        x = Input(batch_shape=tuple(input_shape), dtype=self._input_type or self.compute_dtype)
        self._build_graph(x)
        if not isinstance(self._stack[0], InputLayer):
            self._stack.insert(0, x.history.operation)          # layers that are added later are built at once

    def get_config(self):
        """The layers, each as `serialize_keras_object` writes it, name and shape of the input."""
        config = {"name": self.name, "trainable": self.trainable, "dtype": self.compute_dtype,
                  "layers": [serialize_keras_object(layer) for layer in self._stack]}
        if self._graph is not None:
            config["build_input_shape"] = list(self._graph.flat_inputs[0].shape)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model from what `get_config` gave, with weights of its own."""
        if not {"name", "layers"} <= set(config):
            raise ValueError(f"A Sequential model configuration must be a dictionary with the keys 'name' and 'layers'. Received: config={config}")
        model = cls(name=config["name"], trainable=config.get("trainable", True))
        for layer in config["layers"]:
            model.add(deserialize_keras_object(layer, custom_objects), rebuild=False)
        model._try_build()
        if model._graph is None and config.get("build_input_shape"):
            model.build(config["build_input_shape"])
        return model

    _input_type = None

    def _build_from(self, args, kwargs):
        x = args[0]
        text = isinstance(x, np.ndarray)
        if not isinstance(x, Tensor) and not text:
            raise ValueError(f"A Sequential model takes one tensor; received {tree.map_structure(type, x)}")
        shape = tuple(x.shape)
        try:
            self._input_type = "string" if text else x.dtype
            self.build((None, *shape[1:]))
        except TypeError as error:
            if "symbolic" not in str(error):
                raise
            # A layer that needs real numbers to know its shape: it builds itself when the call reaches it.
            self._graph = None
        self.built = True

    @property
    def layers(self):
        """The layers, without the InputLayer."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def _sublayers(self):
        return self.layers

    def call(self, inputs, training=None, mask=None):
        x = inputs
        if self._graph is not None:
            x = self._fit_to(self._graph.flat_inputs[0], x, 0) if isinstance(x, Tensor) else self._standardize(x)[0]
        if mask is not None:
            x.mask = mask
        if training or training is None and call_training():
            chain = self._chain or self._plan()
        else:
            chain = self._quiet if self._seen is Changes.settings else self._plan_inference()
        for step, takes in chain:
            x = step(x, training=training) if takes else step(x)
        return x

    def _plan(self):
        """The layers, and chains of them that one kernel computes, each with whether it takes the training flag."""
        self._chain = [(step, takes_training(step)) for step in steps(self.layers)]
        return self._chain

    def _plan_inference(self):
        """The same without the layers that only do something in training."""
        self._seen = Changes.settings
        self._quiet = [(step, takes_training(step)) for step in steps(quiet(self.layers))]
        return self._quiet

    def __getstate__(self):
        return {**super().__getstate__(), "_chain": None, "_quiet": None, "_seen": None}


Sequential._own_call = Sequential.call
Sequential._own_functions = Sequential.call, Sequential.__call__
