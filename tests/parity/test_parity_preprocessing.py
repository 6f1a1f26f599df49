"""Preprocessing layers that need no TensorFlow, beside Keras itself."""

import inspect

import keras
import numpy as np
import pytest
from golden.record_preprocessing import NAMES, NUMERIC, Case

import dlcore


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    assert str(inspect.signature(getattr(dlcore.layers, name))) == str(inspect.signature(getattr(keras.layers, name)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed // 4 % 2]) for seed in range(1000, 1240)], indirect=["dtype"])
def test_random_layer(seed, dtype):
    tolerance = 1e-6 if dtype == "float64" else 2e-5
    case = Case(seed, NUMERIC, dtype)
    try:
        expected, wanted = case.run(keras)
    except ImportError:
        pytest.skip("Keras adapts it with TensorFlow only; see the recorded numbers")
    except Exception as error:
        with pytest.raises((ValueError, TypeError)):
            case.run(dlcore)
        pytest.skip(f"an error in Keras, too: {error}")
    found, state = case.run(dlcore)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
    boundaries = state.pop("bin_boundaries", None), wanted.pop("bin_boundaries", None)
    if boundaries[0] is not None:
        np.testing.assert_allclose(*boundaries, rtol=1e-6)
    assert {key: state[key] for key in wanted} == wanted


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(2000, 2060))
def test_symbolic_shape(seed):
    case = Case(seed, NUMERIC)
    x = case.x
    shapes = []
    for lib in (keras, dlcore):
        layer = getattr(lib.layers, case.name)(**case.arguments)
        if case.name == "Discretization" and case.adapted is not None:
            pytest.skip("Keras adapts it with TensorFlow only")
        if case.adapted is not None:
            layer.adapt(x)
        inputs = lib.Input(batch_shape=(None if case.name not in ("Normalization", "Rescaling") else x.shape[0], *x.shape[1:]), dtype=x.dtype.name)
        shapes.append(tuple(layer(inputs).shape))
    real = np.shape(layer(x))
    # Keras leaves axes out that are there in the result.
    assert shapes[0] == shapes[1] or len(shapes[0]) != len(real)
    assert all(a in (None, b) for a, b in zip(shapes[1], real, strict=True))


@pytest.mark.parametrize("seed", range(3000, 3012))
def test_config_of_keras(seed):
    case = Case(seed, NUMERIC)
    theirs = getattr(keras.layers, case.name)(**case.arguments)
    ours = dlcore.utils.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(ours).__name__ == case.name and ours.name == theirs.name
    back = keras.layers.deserialize(dlcore.utils.serialize_keras_object(ours))
    for key, value in theirs.get_config().items():
        assert back.get_config()[key] == value, key


def build(lib, numbers, x):
    """A model of numeric, binned and categorical columns."""
    layers = lib.layers
    scaled = layers.Normalization()
    scaled.adapt(x["numbers"])
    bins = layers.Discretization([-1.0, 0.0, 0.5], output_mode="one_hot")
    inputs = {"numbers": lib.Input((numbers,), name="numbers"), "amount": lib.Input((1,), name="amount"), "kind": lib.Input((2,), dtype="int64", name="kind")}
    columns = [scaled(inputs["numbers"]), bins(inputs["amount"]), layers.CategoryEncoding(5)(inputs["kind"]), layers.Rescaling(0.5, 1.0)(inputs["amount"])]
    hidden = layers.Dense(4, activation="relu")(layers.Concatenate()(columns))
    return lib.Model(inputs, layers.Dense(1)(hidden))


def test_model():
    rng = np.random.default_rng(0)
    x = {"numbers": rng.normal(5, 3, size=(40, 3)).astype("float32"), "amount": rng.normal(size=(40, 1)).astype("float32"), "kind": rng.integers(0, 5, size=(40, 2))}
    y = rng.normal(size=(40, 1)).astype("float32")
    results = []
    for lib in (keras, dlcore):
        model = build(lib, 3, x)
        start = np.random.default_rng(1)
        for layer in model.layers:
            if "dense" in layer.name:
                layer.set_weights([start.normal(size=tuple(w.shape)) * 0.3 for w in layer.weights])
        model.compile(optimizer=lib.optimizers.SGD(0.05), loss="mse")
        model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        results.append([np.asarray(w) for w in model.get_weights()] + [np.asarray(model.predict(x, verbose=0))])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
