"""Layers, by Keras' names."""

from dlcore.layers.activation import Activation, LeakyReLU, ReLU, Softmax
from dlcore.layers.base import InputSpec, Layer
from dlcore.layers.core import Input, InputLayer
from dlcore.layers.dense import Dense
from dlcore.layers.regularization import Dropout
from dlcore.layers.reshaping import Flatten, Reshape

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Reshape",
    "Softmax",
]
