"""Layers that reshape or merge, beside Keras itself: configuration, shapes, numbers, masks, gradients; in models."""

import inspect

import keras
import numpy as np
import pytest
from golden.record_reshaping import NAMES, Case, train

import dlcore


def close(found, expected, dtype, scale=1):
    tolerance = scale * (1e-10 if dtype == "float64" else 2e-5)
    assert list(found) == list(expected)
    for name, value in expected.items():
        if value.dtype == "float32" and dtype == "float64":
            tolerance = 2e-5            # Keras on PyTorch has maximum and minimum of float64 in float32
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", [*NAMES, *[n.lower() for n in NAMES[-8:]]])
def test_signature(name):
    assert str(inspect.signature(getattr(dlcore.layers, name))) == str(inspect.signature(getattr(keras.layers, name)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(1000, 1420)], indirect=["dtype"])
def test_random_layer(seed, dtype):
    case = Case(seed, dtype)
    try:
        expected = case.run_keras()
    except Exception as error:
        with pytest.raises((ValueError, TypeError)):
            case.run_dlcore()
        pytest.skip(f"an error in Keras, too: {error}")
    close(Case(seed, dtype).run_dlcore(), expected, dtype)
    for found, wanted in zip(case.structure(dlcore), case.structure(keras), strict=True):
        # Keras takes an unknown size beside a known one for an error in Dot.
        assert found == wanted or case.name == "Dot" and wanted == "error"


@pytest.mark.parametrize("seed", range(2000, 2021))
def test_config_of_keras(seed):
    case = Case(seed)
    theirs = case.layer(keras)
    ours = dlcore.utils.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(ours).__name__ == case.name and ours.name == theirs.name
    back = keras.layers.deserialize(dlcore.utils.serialize_keras_object(ours))
    assert back.get_config() == theirs.get_config()


@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(30, 42)], indirect=["dtype"])
def test_model(seed, dtype):
    # In float32, because Keras on PyTorch has some of the ops in float32 whatever the dtype of the layer.
    close(train(dlcore, seed, dtype), train(keras, seed, dtype), "float32", scale=10)
