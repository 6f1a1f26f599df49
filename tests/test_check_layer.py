"""Every layer keeps what Keras promises of layers; and check_layer notices a layer that does not."""

import inspect

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, layers, ops
from dlcore.testing import check_layer


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def noise(*shape, seed=0):
    return np.random.default_rng(100 + seed).normal(size=shape).astype("float32")


def ids(*shape, below=7):
    return np.random.default_rng(0).integers(0, below, size=shape)


X2, X3, X4, X5 = noise(3, 4), noise(3, 5, 4), noise(2, 4, 6, 3), noise(2, 2, 4, 4, 3)
PAIR = [noise(3, 4, seed=1), noise(3, 4, seed=2)]
TEXT = "takes text, which is not a tensor"


class Mirror(layers.RandomFlip):
    """Flips every image."""

    def get_random_transformation(self, data, training=True, seed=None):
        return {"flips": np.ones(data.shape[0], bool), "input_shape": data.shape}


# Name -> (arguments, inputs), or why there is none; gradient=False where the output does not depend smoothly on the input.
CASES = {
    "Activation": [({"activation": "tanh"}, X3)],
    "ActivityRegularization": [({"l2": 0.1}, X2)],
    "AdaptiveAveragePooling1D": [({"output_size": 3}, X3)],
    "AdaptiveAveragePooling2D": [({"output_size": 3}, X4)],
    "AdaptiveAveragePooling3D": [({"output_size": (2, 3, 2)}, X5)],
    "AdaptiveMaxPooling1D": [({"output_size": 3}, X3)],
    "AdaptiveMaxPooling2D": [({"output_size": 3}, X4)],
    "AdaptiveMaxPooling3D": [({"output_size": (2, 3, 2)}, X5)],
    "Add": [({}, PAIR)],
    "AlphaDropout": [({"rate": 0.3}, X2)],
    "AugMix": "chooses at random",
    "AutoContrast": [({"value_range": (-1, 1)}, X4, False)],
    "Average": [({}, PAIR)],
    "AveragePooling1D": [({"pool_size": 2}, X3), ({"pool_size": 3, "strides": 2, "padding": "same"}, X3)],
    "AveragePooling2D": [({"pool_size": 2}, X4), ({"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}, X4)],
    "AveragePooling3D": [({"pool_size": 2}, X5), ({"pool_size": 3, "strides": 2, "padding": "same"}, X5)],
    "BatchNormalization": [({}, X2), ({"axis": 1, "scale": False}, X4)],
    "CategoryEncoding": [({"num_tokens": 7}, ids(3, 4), False)],
    "CenterCrop": [({"height": 2, "width": 5}, X4), ({"height": 3, "width": 8}, X4)],
    "Concatenate": [({"axis": 1}, PAIR)],
    "ContrastLimitedAdaptiveHistogramEqualization": [({"tile_grid_size": (2, 3), "value_range": (-3, 3)}, X4, False)],
    "Conv1D": [({"filters": 3, "kernel_size": 2, "activation": "tanh"}, X3), ({"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, X3)],
    "Conv1DTranspose": [({"filters": 3, "kernel_size": 2, "strides": 3}, X3)],
    "Conv2D": [
        ({"filters": 3, "kernel_size": 2, "activation": "gelu"}, X4),
        ({"filters": 6, "kernel_size": (1, 3), "strides": 2, "padding": "same", "groups": 3}, X4),
        ({"filters": 2, "kernel_size": 3, "padding": "same", "data_format": "channels_first", "activation": "softmax"}, X4),
    ],
    "Conv2DTranspose": [
        ({"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "tanh"}, X4),
        ({"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1, "data_format": "channels_first"}, X4),
    ],
    "Conv3D": [({"filters": 2, "kernel_size": 2, "padding": "same", "activation": "silu"}, X5)],
    "Conv3DTranspose": [({"filters": 2, "kernel_size": (1, 2, 2), "strides": (1, 2, 1)}, X5)],
    "Cropping1D": [({}, X3)],
    "Cropping2D": [({"cropping": 1}, X4)],
    "Cropping3D": [({"cropping": ((1, 0), (1, 1), (0, 1))}, X5)],
    "CutMix": "mixes at random",
    "Dense": [({"units": 3, "activation": "relu"}, X2 + 3), ({"units": 2}, X4)],
    "DepthwiseConv1D": [({"kernel_size": 2, "strides": 2, "depth_multiplier": 2, "activation": "tanh"}, X3)],
    "DepthwiseConv2D": [({"kernel_size": 3, "padding": "same", "depthwise_regularizer": "l2"}, X4), ({"kernel_size": 2, "data_format": "channels_first"}, X4)],
    "Discretization": [({"bin_boundaries": [-0.5, 0.5]}, X2, False)],
    "Dot": [({"axes": 1, "normalize": True}, PAIR)],
    "Dropout": [({"rate": 0.5}, X2)],
    "ELU": [({}, X2)],
    "EinsumDense": [({"equation": "abc,cd->abd", "output_shape": (5, 2), "bias_axes": "d"}, X3)],
    "Embedding": [({"input_dim": 7, "output_dim": 3}, ids(3, 4))],
    "Equalization": [({"value_range": (-3, 3)}, X4, False)],
    "Flatten": [({}, X4)],
    "GaussianDropout": [({"rate": 0.3}, X2)],
    "GaussianNoise": [({"stddev": 0.3}, X2)],
    "GlobalAveragePooling1D": [({}, X3)],
    "GlobalAveragePooling2D": [({}, X4), ({"data_format": "channels_first", "keepdims": True}, X4)],
    "GlobalAveragePooling3D": [({}, X5)],
    "GlobalMaxPooling1D": [({}, X3)],
    "GlobalMaxPooling2D": [({}, X4), ({"data_format": "channels_first", "keepdims": True}, X4)],
    "GlobalMaxPooling3D": [({}, X5)],
    "GroupNormalization": [({"groups": 2}, X3)],
    "HashedCrossing": TEXT,
    "Hashing": TEXT,
    "Identity": [({}, X2)],
    "InputLayer": "is the place of an input",
    "IntegerLookup": [({"vocabulary": [1, 2, 3]}, ids(3, 4), False)],
    "Lambda": [({"function": ops.tanh}, X2)],
    "Layer": "is abstract",
    "LayerNormalization": [({}, X3), ({"axis": (1, 2)}, X3)],
    "LeakyReLU": [({}, X2)],
    "Masking": [({}, X3)],
    "MaxPooling1D": [({"pool_size": 2}, X3), ({"pool_size": 3, "strides": 2, "padding": "same"}, X3)],
    "MaxPooling2D": [({"pool_size": 2}, X4), ({"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}, X4)],
    "MaxPooling3D": [({"pool_size": 2}, X5), ({"pool_size": 3, "strides": 2, "padding": "same"}, X5)],
    "MaxNumBoundingBoxes": "acts on boxes only",
    "Maximum": [({}, PAIR)],
    "Minimum": [({}, PAIR)],
    "MixUp": "mixes at random",
    "Multiply": [({}, PAIR)],
    "Normalization": [({"mean": [0.0, 1.0, 2.0, 3.0], "variance": [1.0, 2.0, 1.0, 2.0]}, X2)],
    "PReLU": [({"alpha_initializer": "uniform", "shared_axes": [1]}, X3)],
    "Permute": [({"dims": (2, 1)}, X3)],
    "Pipeline": [(lambda: layers.Pipeline([layers.Rescaling(2.0), layers.Resizing(3, 3)]), X4)],
    "RMSNormalization": [({}, X3)],
    "RandAugment": [(lambda: layers.RandAugment(num_ops=0), X4, False)],
    "RandomBrightness": [({"factor": (0.5, 0.5), "value_range": (-1, 1)}, X4)],
    "RandomColorDegeneration": [({"factor": (0.5, 0.5), "value_range": (-1, 1)}, X4, False)],
    "RandomColorJitter": [({"brightness_factor": (0.1, 0.1), "hue_factor": (0.0, 0.0), "value_range": (-3, 3)}, X4, False)],
    "RandomContrast": [({"factor": (-0.5, 0.5), "value_range": (-1, 1)}, X4)],
    "RandomCrop": [({"height": 4, "width": 4}, X4), ({"height": 5, "width": 7}, X4)],
    "RandomElasticTransform": [({"scale": 0.0}, X4, False)],
    "RandomErasing": [({"factor": 0.0}, X4, False)],
    "RandomFlip": [(lambda: Mirror("horizontal"), X4), (lambda: Mirror(data_format="channels_first"), X4)],
    "RandomGaussianBlur": [({"factor": (1.0, 1.0), "sigma": (0.5, 0.5)}, abs(X4), False)],
    "RandomGrayscale": [({"factor": 1.0}, X4, False)],
    "RandomHue": [({"factor": (0.0, 0.0), "value_range": (-3, 3)}, X4, False)],
    "RandomInvert": [({"factor": (1.0, 1.0)}, X4, False)],
    "RandomPerspective": [({"scale": 0.0}, X4)],
    "RandomPosterization": [({"factor": (3, 3)}, 50 * abs(X4), False)],
    "RandomRotation": [({"factor": (0.1, 0.1)}, X4), ({"factor": (0.1, 0.1), "interpolation": "nearest", "fill_mode": "constant"}, X4)],
    "RandomSaturation": [({"factor": (0.3, 0.3)}, abs(X4), False)],
    "RandomSharpness": [({"factor": (0.3, 0.3), "value_range": (-1, 1)}, X4, False)],
    "RandomShear": [({"x_factor": (0.0, 0.0), "y_factor": (0.0, 0.0)}, X4)],
    "RandomTranslation": [({"height_factor": (0.1, 0.1), "width_factor": (0.2, 0.2), "fill_mode": "wrap"}, X4)],
    "RandomZoom": [({"height_factor": (0.1, 0.1), "fill_mode": "nearest"}, X4)],
    "ReLU": [({"negative_slope": 0.1}, X2)],
    "RepeatVector": [({"n": 3}, X2)],
    "Rescaling": [({"scale": 0.5, "offset": 1.0}, X2)],
    "Reshape": [({"target_shape": (-1, 2)}, X2)],
    "Resizing": [({"height": 5, "width": 3}, X4), ({"height": 3, "width": 8, "interpolation": "lanczos3", "antialias": True}, X4)],
    "SeparableConv1D": [({"filters": 3, "kernel_size": 2, "activation": "tanh"}, X3)],
    "SeparableConv2D": [
        ({"filters": 5, "kernel_size": 3, "padding": "same", "strides": 2, "depth_multiplier": 2, "pointwise_regularizer": "l2"}, X4),
        ({"filters": 2, "kernel_size": (2, 1), "data_format": "channels_first", "activation": "silu", "use_bias": False}, X4),
    ],
    "Softmax": [({"axis": 1}, X3)],
    "Solarization": [({"value_range": (-3, 3)}, X4, False)],
    "SpatialDropout1D": [({"rate": 0.3}, X3)],
    "SpatialDropout2D": [({"rate": 0.3}, X4)],
    "SpatialDropout3D": [({"rate": 0.3}, X5)],
    "SpectralNormalization": [(lambda: layers.SpectralNormalization(layers.Dense(3)), X2)],
    "StringLookup": TEXT,
    "Subtract": [({}, PAIR)],
    "UnitNormalization": [({}, X3)],
    "UpSampling1D": [({}, X3)],
    "UpSampling2D": [({}, X4), ({"size": (2, 3), "interpolation": "bilinear"}, X4)],
    "UpSampling3D": [({}, X5)],
    "WeightNoise": [(lambda: layers.WeightNoise(layers.Dense(3), 0.1), X2)],
    "Wrapper": "is abstract",
    "ZeroPadding1D": [({}, X3)],
    "ZeroPadding2D": [({}, X4)],
    "ZeroPadding3D": [({}, X5)],
}
CLASSES = [name for name in layers.__all__ if inspect.isclass(getattr(layers, name)) and issubclass(getattr(layers, name), layers.Layer)]
CLASSES = [name for name in CLASSES if getattr(layers, name).__name__ == name]      # a class of two names counts once


def test_every_layer_has_a_case():
    assert [name for name in CLASSES if name not in CASES] == []


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize(("name", "number"), [(n, i) for n in CLASSES if isinstance(CASES.get(n), list) for i in range(len(CASES[n]))])
def test_layer(name, number):
    arguments, inputs, *gradient = CASES[name][number]
    make = arguments if callable(arguments) else lambda: getattr(layers, name)(**arguments)
    check_layer(make, inputs, gradient=not gradient)


class Twice(layers.Layer):
    """Makes a variable at every call."""

    def call(self, x):
        self.extra = self.add_weight(shape=(), name="extra", initializer="ones")
        return x * self.extra


class WrongShape(layers.Layer):
    def call(self, x):
        return x[:, :2]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


class HalfGradient(layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), name="w")

    def call(self, x):
        return x * self.w * ops.stop_gradient(self.w)


class Forgetful(layers.Layer):
    """Its configuration lacks an argument."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"name": self.name}


@pytest.mark.parametrize(("make", "message"), [
    (Twice, "makes variables when it is called again"), (WrongShape, r"announced \(None, 3\)"), (HalfGradient, "wrong gradient of the weight 'w'"),
    (lambda: Forgetful(2.0), "from_config"), (lambda: 3, "must give a Layer"),
])  # fmt: skip
def test_a_wrong_layer_is_noticed(make, message):
    with pytest.raises(AssertionError, match=message):
        check_layer(make, X2)


def test_serialize_and_deserialize():
    layer = layers.deserialize(layers.serialize(layers.Dense(3, name="d")))
    assert layer.units == 3 and layer.name == "d"
    with pytest.raises(ValueError, match="expected the configuration of a layer"):
        layers.deserialize(dlcore.losses.serialize(dlcore.losses.MeanSquaredError()))


def test_transfer():
    """A trained model as a feature extractor, frozen, under a new head."""
    x = Input((4,))
    hidden = layers.Dense(5, "tanh", name="hidden")(x)
    base = Model(x, layers.Dense(2, name="old")(hidden))
    features = Model(base.inputs, base.get_layer("hidden").output)
    features.trainable = False
    model = dlcore.Sequential([features, layers.Dense(1, name="head")])
    model.compile("sgd", "mse")
    before = [np.array(w) for w in model.weights]
    model.fit(X2, X2[:, :1], verbose=0)
    changed = [not np.array_equal(a, w) for a, w in zip(before, model.weights, strict=True)]
    assert changed == [False, False, True, True]
    assert len(model.trainable_weights) == 2 and base.get_layer("hidden").weights[0] is model.weights[0]
