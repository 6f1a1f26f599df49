"""Layer: state (variables) and a computation on tensors, with everything that Keras promises around the call."""

import functools
import inspect
import warnings

import numpy as np

from dlcore import config, regularizers, tree
from dlcore._kernels.tensor import KerasTensor, Tensor, convert, symbolic_like
from dlcore.layers.building import Buildable
from dlcore.layers.configuration import Configurable
from dlcore.layers.context import NOT_CALLED, call_training, calls, enter_scope, leave_scope
from dlcore.layers.input_spec import InputSpec, check_inputs
from dlcore.layers.state import State
from dlcore.naming import auto_name, to_snake_case
from dlcore.ops.symbolic import Node

__all__ = ["InputSpec", "Layer"]

class _CallSpec:
    """What the signature of a layer class's ``call`` says."""

    def __init__(self, cls):
        parameters = list(inspect.signature(cls.call).parameters.values())[1:]
        self.names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        var_keyword = any(p.kind == p.VAR_KEYWORD for p in parameters)
        self.has_training = "training" in self.names or var_keyword and cls._is_graph_model
        self.takes_training = "training" in self.names or var_keyword
        self.has_mask = "mask" in self.names
        self.default_training = next((p.default for p in parameters if p.name == "training" and p.default is not p.empty), None)


@functools.cache
def _call_spec(cls):
    return _CallSpec(cls)


class Layer(State, Buildable, Configurable):
    """Base class of layers.

    A subclass creates its variables in ``build(input_shape)`` with :meth:`add_weight` and computes in ``call(inputs)``
    from ``dlcore.ops`` functions and other layers. ``call`` may take ``training`` and ``mask``.

    Args:
        activity_regularizer: Regularizer of the output; its value is divided by the batch size.
        trainable: Whether the variables are trained.
        dtype: ``"float32"`` or ``"float64"``, of variables and of the computation.
        autocast: Whether floating inputs are converted to that dtype.
        name: Name; unique ones are made up.

    Example:
        >>> import dlcore
        >>> class Scale(dlcore.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        ...     def call(self, inputs):
        ...         return inputs * self.scale
        >>> Scale()(dlcore.ops.ones((2, 3))).shape
        (2, 3)
    """

    _is_graph_model = False

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        input_shape = kwargs.pop("input_shape", None)
        input_dim = kwargs.pop("input_dim", None)
        batch_size = kwargs.pop("batch_size", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if name is not None and not isinstance(name, str):
            raise ValueError(f"name must be a string; received name={name!r}")
        self._given_input_shape = None
        if input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            input_shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
            self._given_input_shape = (batch_size, *input_shape)
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.built = False
        self.autocast = autocast
        self.supports_masking = getattr(type(self), "supports_masking", False)
        self.input_spec = None
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.compute_dtype = _float_dtype(dtype)
        self._created = []                  # (variable, trainable when created), in order of creation
        self._losses = []
        self._trainable = bool(trainable)
        self._inbound = []                  # nodes of the graphs in which this layer was called
        self._adds_losses = False
        self._plain = -1                    # how many keywords (0, or 1: training) a call may have at most to go straight to `call`
        self._spec = _call_spec(type(self))

    def __getstate__(self):
        # What the calls of the layer come from belongs to the graphs, which put the calls back. Losses are of the original's call.
        return {**vars(self), "_inbound": [node for node in self._inbound if not node.inputs], "_losses": []}

    def __setstate__(self, state):
        vars(self).update(state)
        self.compute_dtype = _float_dtype(self.compute_dtype)       # pickle makes a string of its own

    # ---------------------------------------------------------------------------------------------- dtype and naming

    @property
    def variable_dtype(self):
        return self.compute_dtype

    @property
    def dtype(self):
        return self.compute_dtype

    @property
    def input_dtype(self):
        return self.compute_dtype

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # ---------------------------------------------------------------------------------------------------------- call

    def call(self, *args, **kwargs):
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented")

    def __call__(self, *args, **kwargs):
        if len(kwargs) <= self._plain and len(args) == 1 and (not kwargs or "training" in kwargs):
            # Built, one tensor of the right dtype, nothing to propagate: straight to the computation.
            x = args[0]
            if type(x) is Tensor and x.dtype is self.compute_dtype and x.mask is None:
                try:
                    if not self._plain:
                        return self.call(x)
                    training = kwargs["training"] if kwargs else None
                    if training is None:
                        training = call_training()
                    return self.call(x, training=self._spec.default_training if training is None else training)
                except ValueError:
                    if self.input_spec is not None:
                        check_inputs(self.input_spec, x, self.name)
                    raise
        return self._general_call(args, kwargs)

    def _general_call(self, args, kwargs):
        scope = enter_scope(self)
        try:
            return self._call_in_scope(args, kwargs)
        finally:
            leave_scope(scope)

    def _call_in_scope(self, args, kwargs):
        spec = self._spec
        args = tuple([self._convert(a) for a in args])
        kwargs = {k: self._convert(v) for k, v in kwargs.items()} if kwargs else {}
        inputs = args[0] if args else next((kwargs[n] for n in spec.names if n in kwargs), None)
        tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, Tensor)]
        if self.input_spec is not None and inputs is not None:
            check_inputs(self.input_spec, inputs, self.name)
        if not self.built:
            self._path = calls.scope[0]
            self._build_from(args, kwargs)
        if any(type(x) is KerasTensor for x in tensors):
            return self._symbolic_call(args, kwargs)
        outer = getattr(calls, "training", NOT_CALLED)
        training = kwargs.get("training")
        if training is None and "training" in spec.names[: len(args)]:
            training = args[spec.names.index("training")]
        if training is None:
            training = outer if outer is not NOT_CALLED else None
        if training is None:
            training = spec.default_training
        if spec.has_training and training is not None and "training" not in spec.names[: len(args)]:
            kwargs["training"] = training
        elif not spec.takes_training:
            kwargs.pop("training", None)            # only for the layers inside
        self._give_masks(args, kwargs)
        if outer is NOT_CALLED:
            self._clear_losses()
        calls.training = training
        try:
            outputs = self.call(*args, **kwargs)
        finally:
            if outer is NOT_CALLED:
                del calls.training
            else:
                calls.training = outer
        self._finish_call(inputs, outputs)
        if self.activity_regularizer is None and self.autocast and not self._adds_losses and type(self).compute_mask is Layer.compute_mask:
            # The short way is for tensors without a mask, so a `call` that takes one is in order.
            if not spec.has_training:
                self._plain = 0
            elif not self._sublayers():                             # no layer inside that inherits the flag
                self._plain = 1
        return outputs

    def _convert(self, value):
        """Arrays become tensors; floating tensors get the layer's dtype."""
        if isinstance(value, Tensor):
            if self.autocast and value.dtype is not self.compute_dtype and value.dtype.startswith("float"):
                mask = value.mask
                from dlcore import ops

                value = ops.cast(value, self.compute_dtype)
                value.mask = mask
            return value
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
            return value                            # text, for the layers inside that take it
        if isinstance(value, np.ndarray) or hasattr(value, "__dlpack__") or hasattr(value, "dtype"):
            return self._convert(convert(value))
        if isinstance(value, (list, tuple)) and value and not any(isinstance(v, (Tensor, np.ndarray, dict, str, type(None))) or hasattr(v, "dtype") for v in tree.flatten(value)):
            return self._convert(convert(value)) if isinstance(value, list) else value
        if isinstance(value, (list, tuple, dict)):
            return tree.map_structure(self._convert, value)
        return value

    def _give_masks(self, args, kwargs):
        """Passes the masks that travel with the inputs to a ``call`` that takes ``mask``."""
        if not self._spec.has_mask or kwargs.get("mask") is not None or "mask" in self._spec.names[: len(args)]:
            return
        inputs = args[0] if args else kwargs.get(self._spec.names[0])
        masks = tree.map_structure(lambda x: getattr(x, "mask", None), inputs)
        if any(m is not None for m in tree.flatten(masks)):
            kwargs["mask"] = masks

    def _finish_call(self, inputs, outputs):
        if self.activity_regularizer is not None:
            for x in tree.flatten(outputs):
                self.add_loss(self.activity_regularizer(x) / (x.shape[0] or 1))
        masks = tree.map_structure(lambda x: getattr(x, "mask", None), inputs)
        if any(m is not None for m in tree.flatten(masks)):
            if not self.supports_masking and type(self).compute_mask is Layer.compute_mask:
                if not self._spec.has_mask:
                    warnings.warn(f"Layer {self.name!r} (of type {type(self).__name__}) was passed an input with a mask attached to it. "
                                  "However, this layer does not support masking and will therefore destroy the mask information.", stacklevel=4)
                return
        elif type(self).compute_mask is Layer.compute_mask:
            return
        new = self.compute_mask(inputs, masks)
        flat = tree.flatten(outputs)
        for x, mask in zip(flat, tree.flatten(new) if isinstance(new, (list, tuple, dict)) else [new] * len(flat), strict=False):
            if isinstance(x, Tensor) and mask is not None:
                x.mask = mask

    def compute_mask(self, inputs, previous_mask):
        """The mask of the output; by default that of the input."""
        return previous_mask

    # --------------------------------------------------------------------------------------------- building and graph

    def _symbolic_call(self, args, kwargs):
        """Records the call in the graph of a functional model; only shapes are computed."""
        placeholders = tree.map_structure(lambda x: symbolic_like(x) if isinstance(x, Tensor) else x, (args, kwargs))
        tree.map_structure(lambda new, old: setattr(new, "mask", old.mask) if isinstance(old, Tensor) else None, placeholders, (args, kwargs))
        specs = self.compute_output_spec(*placeholders[0], **placeholders[1])
        self._finish_symbolic(args, kwargs, specs)
        outputs = tree.map_structure(lambda x: symbolic_like(x) if isinstance(x, Tensor) else x, specs)
        tree.map_structure(lambda new, old: setattr(new, "mask", old.mask) if isinstance(old, Tensor) else None, outputs, specs)
        masks = [x.mask for x in tree.flatten((args, kwargs)) if type(x) is KerasTensor] if self._spec.has_mask else ()
        self._inbound.append(Node(self, args, kwargs, outputs, masks))
        return outputs

    def _finish_symbolic(self, args, kwargs, specs):
        losses = list(self._losses)
        self._finish_call(args[0] if args else next(iter(kwargs.values())), specs)
        self._losses[:] = losses

    def compute_output_spec(self, *args, **kwargs):
        """KerasTensors with the shape and dtype of the output, found by running ``call`` on placeholders."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shapes = tree.map_structure(lambda x: tuple(x.shape), args[0])
            out = self.compute_output_shape(shapes)
            return tree.map_shape(lambda s: KerasTensor(s, self.compute_dtype), out)
        return self._call_symbolically(args, kwargs)

    def _call_symbolically(self, args, kwargs):
        if self._spec.has_training and kwargs.get("training") is None and "training" not in self._spec.names[: len(args)]:
            kwargs = {**kwargs, "training": False}
        self._give_masks(args, kwargs)
        outer = getattr(calls, "training", NOT_CALLED)
        calls.training = kwargs.get("training", False)
        try:
            return self.call(*args, **kwargs)
        except TypeError as error:
            if "symbolic" in str(error):
                error.add_note(
                    f"This happened while working out the output shape of layer {self.name!r}. If its call() needs real numbers, "
                    "give the layer a compute_output_shape(input_shape) method"
                )
            raise
        finally:
            if outer is NOT_CALLED:
                del calls.training
            else:
                calls.training = outer

    def compute_output_shape(self, input_shape):
        """The shape of the output for an input of `input_shape`."""
        x = tree.map_shape(lambda s: KerasTensor(s, self.compute_dtype), input_shape)
        if not self.built:
            self._build_from((x,), {})
        return tree.map_structure(lambda y: tuple(y.shape), self.compute_output_spec(x))

    @property
    def input(self):
        """The symbolic input of the layer where it was first called in a functional graph."""
        return self._graph_side("input").input_tensors

    @property
    def output(self):
        """The symbolic output of the layer where it was first called in a functional graph."""
        return self._graph_side("output").outputs

    def _graph_side(self, side):
        if not self._inbound:
            raise AttributeError(f"The layer {self.name!r} has never been called in a functional graph and thus has no defined {side}")
        return self._inbound[0]


def _float_dtype(dtype):
    """The dtype of a layer from a name, a dtype or a serialized policy."""
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    name = getattr(dtype, "name", dtype)
    if not isinstance(name, str):
        name = np.dtype(name).name
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype of a layer must be 'float32' or 'float64'; received dtype={dtype!r}")
    return convert(0.0, name).dtype             # the very string that tensors carry, so that `is` compares it
