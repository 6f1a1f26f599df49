"""Depthwise and separable convolution beside Keras itself: configuration, shapes, numbers, gradients, training."""

import keras
import numpy as np
import pytest
from golden.record_depthwise import NAMES, Case, usable

import dlcore

SEEDS = [(seed, ("float32", "float64")[seed % 8 // 4]) for seed in range(1000, 1160) if usable(seed)]


def close(found, expected, dtype):
    tolerance = 1e-10 if dtype == "float64" else 3e-5
    assert list(found) == list(expected)
    for name, value in expected.items():
        if name.startswith("weight"):
            tolerance = max(tolerance, 1e-7)        # something in Keras' training step is float32, whatever floatx is
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def test_there_are_enough():
    assert len(SEEDS) > 100


@pytest.mark.parametrize(("seed", "dtype"), SEEDS, indirect=["dtype"])
def test_random_layer(seed, dtype):
    close(Case(seed, dtype).run_dlcore(), Case(seed, dtype).run_keras(), dtype)


@pytest.mark.parametrize("seed", [seed for seed, _ in SEEDS[:40]])
def test_structure(seed):
    case = Case(seed)
    found, expected = case.structure(dlcore), case.structure(keras)
    for ours, theirs in zip(found[0].values(), (expected[0][key] for key in found[0]), strict=True):
        assert ours == theirs
    assert found[0].keys() == expected[0].keys()
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("seed", [seed for seed, _ in SEEDS[:20]])
def test_config_of_keras(seed):
    case = Case(seed)
    theirs = getattr(keras.layers, case.name)(**case.arguments)
    ours = dlcore.utils.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(ours).__name__ == case.name and ours.name == theirs.name
    back = keras.layers.deserialize(dlcore.utils.serialize_keras_object(ours))
    assert back.get_config() == theirs.get_config()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arguments", [{"kernel_size": 0}, {"strides": 0}, {"padding": "causal"}, {"depth_multiplier": 0}, {"kernel_size": (1, 2, 3)},
                                       {"dilation_rate": -1}, {"data_format": "nowhere"}])  # fmt: skip
def test_errors(name, arguments):
    arguments = {"kernel_size": 3, **({"filters": 2} if name.startswith("Separable") else {}), **arguments}
    for lib in (keras, dlcore):
        with pytest.raises(ValueError):
            getattr(lib.layers, name)(**arguments)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["depthwise_conv", "separable_conv"])
def test_op(name, seed):
    rng = np.random.default_rng(seed)
    rank, channels, times = int(rng.integers(1, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 3))
    data_format = ("channels_last", "channels_first")[rng.integers(2)]
    sizes = tuple(rng.integers(12, 16, size=rank).tolist())
    x = rng.normal(size=(2, *sizes, channels) if data_format == "channels_last" else (2, channels, *sizes)).astype("float32")
    kernels = [rng.normal(size=(*rng.integers(1, 5, size=rank), channels, times)).astype("float32")]
    if name == "separable_conv":
        kernels.append(rng.normal(size=(*[1] * rank, channels * times, 3)).astype("float32"))
    options = {"strides": int(rng.integers(1, 4)), "padding": ("valid", "same")[rng.integers(2)], "data_format": data_format,
               "dilation_rate": int(rng.integers(1, 4))}  # fmt: skip
    expected = np.asarray(getattr(keras.ops, name)(x, *kernels, **options))
    found = getattr(dlcore.ops, name)(x, *kernels, **options).numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
