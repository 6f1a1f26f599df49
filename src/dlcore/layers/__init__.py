"""Layers, by Keras' names."""

from dlcore.layers.activation import Activation, LeakyReLU, ReLU, Softmax
from dlcore.layers.base import InputSpec, Layer
from dlcore.layers.borders import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from dlcore.layers.core import Input, InputLayer
from dlcore.layers.dense import Dense
from dlcore.layers.joining import Concatenate, Dot, concatenate, dot
from dlcore.layers.merging import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from dlcore.layers.preprocessing.encoding import CategoryEncoding, Discretization
from dlcore.layers.preprocessing.hashing import HashedCrossing, Hashing
from dlcore.layers.preprocessing.integer_lookup import IntegerLookup
from dlcore.layers.preprocessing.scaling import Normalization, Rescaling
from dlcore.layers.preprocessing.string_lookup import StringLookup
from dlcore.layers.regularization import Dropout
from dlcore.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from dlcore.layers.upsampling import UpSampling1D, UpSampling2D, UpSampling3D

__all__ = [
    "Activation",
    "Add",
    "Average",
    "CategoryEncoding",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "Discretization",
    "Dot",
    "Dropout",
    "Flatten",
    "HashedCrossing",
    "Hashing",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "Layer",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "StringLookup",
    "Subtract",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
