"""Pooling layers beside Keras itself: configuration, shapes, numbers, gradients."""

import keras
import numpy as np
import pytest
import torch
from golden.record_pooling import NAMES, Case

import dlcore


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed // 18 % 2]) for seed in range(1000, 1360)], indirect=["dtype"])
def test_random_layer(seed, dtype):
    case = Case(seed, dtype)
    try:
        shape, expected = case.symbolic_shape(keras), case.run_keras()
    except (ValueError, RuntimeError) as error:
        for run in (case.run_dlcore, lambda: case.symbolic_shape(dlcore)):
            with pytest.raises(ValueError, match="zero or negative"):
                run()
        pytest.skip(f"an error in Keras, too: {type(error).__name__}")
    assert case.symbolic_shape(dlcore) == shape
    # Keras on PyTorch takes means of float64 in float32.
    tolerance = 1e-12 if dtype == "float64" and not case.name.startswith("GlobalAverage") else 2e-6
    for name, found in case.run_dlcore().items():
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("seed", range(2000, 2018))
def test_config_of_keras(seed):
    case = Case(seed)
    theirs = case.layer(keras)
    ours = dlcore.layers.deserialize(keras.saving.serialize_keras_object(theirs))
    assert type(ours).__name__ == case.name and ours.name == theirs.name
    assert {k: v for k, v in ours.get_config().items() if k != "dtype"} == {k: v for k, v in theirs.get_config().items() if k != "dtype"}
    assert keras.layers.deserialize(dlcore.layers.serialize(ours)).get_config() == theirs.get_config()


def test_other_names():
    for name in NAMES:
        short = name.replace("Average", "Avg").replace("Pooling", "Pool")
        if not name.startswith("Adaptive"):
            assert getattr(keras.layers, short) is getattr(keras.layers, name)
            assert getattr(dlcore.layers, short) is getattr(dlcore.layers, name)


def test_not_a_number_wins():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 9, 9, 5)).astype("float32")
    x[rng.random(x.shape) < 0.2] = np.nan
    x[rng.random(x.shape) < 0.2] = -np.inf
    for arguments in ({"pool_size": 2}, {"pool_size": 3, "strides": 2, "padding": "same"}):
        theirs = torch.tensor(x, requires_grad=True)
        y = keras.ops.max_pool(theirs, **arguments)
        y.backward(torch.ones_like(y))
        ours = dlcore.ops.convert_to_tensor(x)
        with dlcore.GradientTape() as tape:
            tape.watch(ours)
            found = dlcore.ops.max_pool(ours, **arguments)
        np.testing.assert_array_equal(found.numpy(), y.detach().numpy())
        np.testing.assert_array_equal(tape.gradient(found, ours).numpy(), theirs.grad.numpy())


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64", "float16"])
def test_other_dtypes(dtype):
    x = np.random.default_rng(0).integers(0, 100, (2, 6, 5, 3)).astype(dtype)
    found, expected = dlcore.ops.max_pool(x, 2), keras.ops.max_pool(x, 2)
    assert found.dtype == keras.backend.standardize_dtype(expected.dtype) == dtype
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_masked_sample_without_steps():
    x, mask = np.ones((2, 3, 4), "float32"), np.array([[True, False, True], [False] * 3])
    found = dlcore.layers.GlobalAveragePooling1D()(x, mask=mask)
    np.testing.assert_array_equal(found.numpy(), keras.layers.GlobalAveragePooling1D()(x, mask=mask).numpy())
