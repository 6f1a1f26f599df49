"""Layers, by Keras' names."""

from dlcore.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from dlcore.layers.base import InputSpec, Layer
from dlcore.layers.batch_normalization import BatchNormalization
from dlcore.layers.borders import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from dlcore.layers.convolutional.conv import Conv1D, Conv2D, Conv3D
from dlcore.layers.convolutional.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from dlcore.layers.convolutional.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from dlcore.layers.convolutional.separable_conv import SeparableConv1D, SeparableConv2D
from dlcore.layers.core import Identity, Input, InputLayer, Lambda, Masking
from dlcore.layers.dense import Dense
from dlcore.layers.einsum_dense import EinsumDense
from dlcore.layers.embedding import Embedding
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
from dlcore.layers.normalization import GroupNormalization, LayerNormalization, RMSNormalization, UnitNormalization
from dlcore.layers.pooling.adaptive import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from dlcore.layers.pooling.whole import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from dlcore.layers.pooling.windows import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from dlcore.layers.preprocessing.encoding import CategoryEncoding, Discretization
from dlcore.layers.preprocessing.hashing import HashedCrossing, Hashing
from dlcore.layers.preprocessing.images.affine import RandomRotation, RandomTranslation, RandomZoom
from dlcore.layers.preprocessing.images.bends import RandomElasticTransform, RandomPerspective, RandomShear
from dlcore.layers.preprocessing.images.box_count import MaxNumBoundingBoxes
from dlcore.layers.preprocessing.images.clahe import ContrastLimitedAdaptiveHistogramEqualization
from dlcore.layers.preprocessing.images.colors import (
    AutoContrast,
    Equalization,
    RandomGrayscale,
    RandomInvert,
    RandomPosterization,
    Solarization,
)
from dlcore.layers.preprocessing.images.flips import RandomFlip
from dlcore.layers.preprocessing.images.hues import (
    RandomColorDegeneration,
    RandomColorJitter,
    RandomHue,
    RandomSaturation,
)
from dlcore.layers.preprocessing.images.mixing import CutMix, MixUp
from dlcore.layers.preprocessing.images.policies import AugMix, RandAugment
from dlcore.layers.preprocessing.images.resizing import CenterCrop, RandomCrop, Resizing
from dlcore.layers.preprocessing.images.textures import RandomErasing, RandomGaussianBlur, RandomSharpness
from dlcore.layers.preprocessing.images.tones import RandomBrightness, RandomContrast
from dlcore.layers.preprocessing.integer_lookup import IntegerLookup
from dlcore.layers.preprocessing.pipeline import Pipeline
from dlcore.layers.preprocessing.scaling import Normalization, Rescaling
from dlcore.layers.preprocessing.string_lookup import StringLookup
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
from dlcore.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from dlcore.layers.spectral_normalization import SpectralNormalization
from dlcore.layers.upsampling import UpSampling1D, UpSampling2D, UpSampling3D
from dlcore.layers.weight_noise import WeightNoise
from dlcore.layers.wrapper import Wrapper
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object

# Keras' older names
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
# Keras' other names
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AlphaDropout",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxNumBoundingBoxes",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MixUp",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StringLookup",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "WeightNoise",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer):
    """A layer as a dictionary.

    Example:
        >>> serialize(Dense(3))["class_name"]
        'Dense'
    """
    return serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer that `serialize` described, with weights of its own.

    Raises:
        ValueError: If it does not describe a layer.

    Example:
        >>> deserialize(serialize(Dense(3))).units
        3
    """
    found = deserialize_keras_object(config, custom_objects, module_objects={name: globals()[name] for name in __all__})
    if not isinstance(found, Layer):
        raise ValueError(f"layers.deserialize: expected the configuration of a layer; received {config!r}")
    return found
