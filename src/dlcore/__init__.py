"""dlcore: the Keras 3 API for the CPU on a small compiled core."""

import importlib

from dlcore import (
    activations,
    callbacks,
    config,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    tree,
    utils,
)
from dlcore._kernels.tape import Tape as GradientTape
from dlcore._kernels.tensor import KerasTensor, Tensor
from dlcore.config import get_num_threads, set_num_threads, show_config
from dlcore.initializers import Initializer
from dlcore.layers import Input, InputSpec, Layer
from dlcore.losses import Loss
from dlcore.metrics import Metric
from dlcore.models import Functional, Model, Sequential
from dlcore.ops import Function
from dlcore.optimizers import Optimizer
from dlcore.regularizers import Regularizer
from dlcore.variable import Variable
from dlcore.version import __version__

# Imported at first use, so that `import dlcore` stays quick.
_LAZY = ("datasets", "testing")

__all__ = [
    "Function", "Functional", "GradientTape", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss", "Metric",
    "Model", "Optimizer", "Regularizer", "Sequential", "Tensor", "Variable", "__version__", "activations", "callbacks",
    "config", "constraints", "datasets", "get_num_threads", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "random", "regularizers", "saving", "set_num_threads", "show_config", "testing", "tree", "utils",
]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"dlcore.{name}")
    raise AttributeError(f"module 'dlcore' has no attribute {name!r}")
