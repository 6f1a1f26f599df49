"""Layers, by Keras' names."""

from dlcore.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from dlcore.layers.base import InputSpec, Layer
from dlcore.layers.core import Identity, Input, InputLayer, Lambda, Masking
from dlcore.layers.dense import Dense
from dlcore.layers.einsum_dense import EinsumDense
from dlcore.layers.embedding import Embedding
from dlcore.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from dlcore.layers.reshaping import Flatten, Reshape
from dlcore.layers.weight_noise import WeightNoise
from dlcore.layers.wrapper import Wrapper

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "Dense",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LeakyReLU",
    "Masking",
    "PReLU",
    "ReLU",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "WeightNoise",
    "Wrapper",
]
