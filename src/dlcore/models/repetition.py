"""Repetition: which models' calls may be replayed (see _kernels/replay.pyx)."""

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
_CALLS = {cls: cls.call for cls in (getattr(layers, name) for name in _NAMES)}
_ACTIVATIONS = {id(f) for f in vars(activations).values() if callable(f)}


def replay_of(model):
    """A Replay for calls of the model outside of training, as long as no attribute of a layer is set; None if they are not repeatable."""
    if not enabled:
        return None
    constants, numbers = [], True
    for layer in model._flatten_layers():
        graph = getattr(layer, "_graph", None)
        # Ops of the user's choice, some of which are NumPy's: a number may be computed from the inputs without a trace.
        numbers = numbers and (graph is None or all(isinstance(node.operation, Layer) for node in graph.nodes))
        if not _is_repeatable(layer):
            return None
        for value in vars(layer).values():
            constants += find(value, Tensor)
    return Replay(model.compute_dtype, constants, numbers)


def _is_repeatable(layer):
    call = _CALLS.get(type(layer), getattr(type(layer), "_own_call", None))
    activation = getattr(layer, "activation", None)
    return (call is not None and type(layer).call is call and "call" not in vars(layer)
            and (activation is None or id(activation) in _ACTIVATIONS))
