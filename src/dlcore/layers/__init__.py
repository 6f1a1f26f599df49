"""Layers, by Keras' names."""

from dlcore.layers.activation import Activation, LeakyReLU, ReLU, Softmax
from dlcore.layers.base import InputSpec, Layer
from dlcore.layers.batch_normalization import BatchNormalization
from dlcore.layers.core import Input, InputLayer
from dlcore.layers.dense import Dense
from dlcore.layers.normalization import GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization
from dlcore.layers.regularization import Dropout
from dlcore.layers.reshaping import Flatten, Reshape
from dlcore.layers.spectral_normalization import SpectralNormalization
from dlcore.layers.wrapper import Wrapper

__all__ = [
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "RMSNormalization",
    "ReLU",
    "Reshape",
    "Softmax",
    "SpectralNormalization",
    "UnitNormalization",
    "Wrapper",
]
