"""Repetition: which models' calls may be replayed (see _kernels/replay.pyx)."""

import numpy as np

from dlcore import activations, layers
from dlcore._kernels.replay import Replay
from dlcore._kernels.tensor import Tensor
from dlcore.layers.base import Layer
from dlcore.layers.state import find

enabled = True              # tests compare both ways

# Outside of training, the outputs of these layers follow from inputs, variables and attributes by ops. What they compute otherwise
# with Python or NumPy depends on shapes and attributes only.
_NAMES = [
    "Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax",
    "Dense", "EinsumDense", "Identity", "InputLayer",
    "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    *(f"{kind}Pooling{rank}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage", "AdaptiveMax", "AdaptiveAverage") for rank in (1, 2, 3)),
    *(f"{kind}{rank}D" for kind in ("Cropping", "ZeroPadding", "UpSampling", "SpatialDropout") for rank in (1, 2, 3)),
    "Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate", "Dot",
    "BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization",
    "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "Flatten", "Permute", "RepeatVector", "Reshape", "Rescaling", "Normalization",
]  # fmt: skip
_CALLS = {cls: (cls.call, cls.__call__) for cls in (getattr(layers, name) for name in _NAMES)}
_ACTIVATIONS = {id(f): f for f in vars(activations).values() if callable(f)}      # kept: no other object has the id of one


def replay_of(model):
    """A Replay for calls of the model outside of training, as long as no attribute of a layer is set; None if they are not repeatable."""
    if not enabled:
        return None
    constants, numbers, methods = [], True, {}
    for layer in model._flatten_layers():
        graph = getattr(layer, "_graph", None)
        # Ops of the user's choice, some of which are NumPy's: a number may be computed from the inputs without a trace.
        numbers = numbers and (graph is None or all(isinstance(node.operation, Layer) for node in graph.nodes))
        if not _is_repeatable(layer):
            return None
        for value in vars(layer).values():
            constants += find(value, Tensor)
            numbers = numbers and all(array.ndim for array in find(value, np.ndarray))      # whose owner may write into it
        methods[type(layer)] = type(layer).call, type(layer).__call__
    return Replay(model.compute_dtype, constants, numbers, [(cls, *functions) for cls, functions in methods.items()])


def _is_repeatable(layer):
    cls = type(layer)
    functions = _CALLS.get(cls) or getattr(cls, "_own_functions", None)
    activation = getattr(layer, "activation", None)
    return (functions == (cls.call, cls.__call__)
            and not any(callable(getattr(cls, name, None)) for name in vars(layer))         # a method that somebody has put in its place
            and (activation is None or id(activation) in _ACTIVATIONS)
            and all(_is_ours(v.regularizer) and _is_ours(v.constraint) for v in layer._own_variables()))


def _is_ours(rule):
    """A user's may hold the model. A recording holds variables, and collectors of garbage do not see through its ops."""
    return rule is None or type(rule).__module__.startswith("dlcore.")
