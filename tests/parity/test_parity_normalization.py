"""Normalization layers beside Keras itself: outputs, gradients, moving statistics, training, configurations."""

import inspect
import warnings

import keras
import numpy as np
import pytest
from golden import record_normalization as recorder

import dlcore

LAYERS = ["BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization", "SpectralNormalization", "Wrapper"]


@pytest.mark.parametrize("name", LAYERS)
def test_signature(name):
    ours, theirs = getattr(dlcore.layers, name), getattr(keras.layers, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    assert list(inspect.signature(ours.call).parameters) == list(inspect.signature(theirs.call).parameters) or name == "Wrapper"


@pytest.mark.parametrize("name", ["batch_normalization", "layer_normalization", "rms_normalization", "normalize", "moments"])
def test_op_signature(name):
    assert str(inspect.signature(getattr(dlcore.ops, name))) == str(inspect.signature(getattr(keras.ops, name)))


@pytest.mark.parametrize("name", LAYERS[:5])
def test_config(name):
    """Constructor arguments and values; and ours is built from theirs."""
    ours, theirs = getattr(dlcore.layers, name)(name="mine").get_config(), getattr(keras.layers, name)(name="mine").get_config()
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        if not isinstance(value, dict):
            assert ours[key] == value, key
    copy = dlcore.utils.deserialize_keras_object(keras.utils.serialize_keras_object(getattr(keras.layers, name)(name="mine")))
    assert type(copy) is getattr(dlcore.layers, name) and copy.name == "mine"


def pick(rng, *options):
    return options[rng.integers(len(options))]


def random_case(rng, dtype):
    name = LAYERS[rng.integers(5)]
    rank = int(rng.integers(2, 6))
    shape = tuple(int(n) for n in rng.integers(3, 7, rank))
    arguments, besides = {}, {}
    if name in ("BatchNormalization", "LayerNormalization", "GroupNormalization"):
        arguments = {"epsilon": float(pick(rng, 1e-3, 1e-5, 0.1)), "center": bool(rng.integers(2)), "scale": bool(rng.integers(2))}
    if name == "BatchNormalization":
        arguments |= {"axis": int(rng.integers(1, rank)) - pick(rng, 0, rank), "momentum": float(pick(rng, 0.99, 0.5)), "renorm": bool(rng.integers(4) == 0)}
        if arguments["renorm"]:
            arguments |= {"renorm_clipping": pick(rng, None, {"rmax": 2.0}, {"rmin": 0.5, "rmax": 3.0, "dmax": 1.0}), "renorm_momentum": 0.7}
        besides = {"mask": bool(rng.integers(3) == 0), "frozen": bool(rng.integers(4) == 0)}
    elif name == "GroupNormalization":
        axis = int(rng.integers(1, rank))
        groups = int(pick(rng, 1, 2, 3, -1))
        shape = (*shape[:axis], int(rng.integers(1, 4)) * max(groups, 1), *shape[axis + 1 :])
        arguments |= {"groups": groups, "axis": axis if axis < rank - 1 else -1}
    elif name == "LayerNormalization":
        # Keras on PyTorch is right for the last axes and for axes that do not lie side by side.
        arguments |= {"axis": pick(rng, -1, *([[-2, -1]] if rank > 2 else []), *([[1, 3]] if rank == 4 else []))}
    elif name == "UnitNormalization":
        arguments = {"axis": pick(rng, -1, 1, [1, rank - 1] if rank > 2 else 1)}
    else:
        arguments = {"epsilon": float(pick(rng, 1e-6, 1e-2))}
    return name, arguments, shape, besides


@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(300)], indirect=["dtype"])
def test_random_layer(seed, dtype):
    case = random_case(np.random.default_rng(seed), dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = recorder.run(dlcore, *case, seed, dtype), recorder.run(keras, *case, seed, dtype)
    assert list(ours) == list(theirs)
    # Keras computes in float32 even where everything is float64 (but on TensorFlow).
    # Gradients are differences of terms that all but cancel in small groups.
    for key, value in theirs.items():
        if key == "names":
            assert ours[key].tolist() == value.tolist()
        else:
            tolerance = 2e-4 if key == "gradient0" else 2e-5
            np.testing.assert_allclose(ours[key], value, rtol=tolerance, atol=tolerance * max(1, np.abs(value).max()), err_msg=f"{case} {key}")


@pytest.mark.parametrize(("seed", "dtype"), [(seed, "float64") for seed in range(8)], indirect=["dtype"])
def test_training_in_a_model(seed, dtype):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
    kinds = [LAYERS[i] for i in rng.integers(0, 5, 2)]

    def train(library):
        def norm(kind):
            return getattr(library.layers, kind)(**({"groups": 2} if kind == "GroupNormalization" else {}))

        model = library.Sequential([library.Input((6,)), library.layers.Dense(8, activation="tanh"), norm(kinds[0]), library.layers.Dense(8), norm(kinds[1]), library.layers.Dense(2)])
        start = np.random.default_rng(seed)
        model.set_weights([start.uniform(0.1, 1, w.shape) for w in model.get_weights()])
        model.compile("adam", "mse")
        losses = model.fit(x, y, batch_size=20, epochs=5, shuffle=False, verbose=0).history["loss"]
        return losses, model.predict(x, verbose=0), model.get_weights()

    for ours, theirs in zip(train(dlcore), train(keras), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)          # see above


@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization(iterations):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(5, 4)).astype("float32"), rng.normal(size=(4, 3)).astype("float32")
    u, bias = rng.normal(size=(1, 3)).astype("float32"), rng.normal(size=3).astype("float32")

    def run(library, numpy):
        layer = library.layers.SpectralNormalization(library.layers.Dense(3), power_iterations=iterations)
        layer.build((None, 4))
        assert [w.name for w in layer.weights] == ["kernel", "vector_u", "bias"]
        assert [w.name for w in layer.trainable_weights] == ["kernel", "bias"]
        layer.set_weights([kernel, u, bias])
        outputs = [numpy(layer(x, training=training)) for training in (False, True, True, False)]
        return outputs + layer.get_weights()

    for a, b in zip(run(dlcore, np.asarray), run(keras, lambda y: y.detach().numpy()), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_normalize(order):
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    for axis in (0, 1, -1):
        expected = keras.ops.convert_to_numpy(keras.ops.normalize(x, axis=axis, order=order))
        np.testing.assert_allclose(dlcore.ops.normalize(x, axis=axis, order=order), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
def test_moments(keepdims):
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    for a, b in zip(dlcore.ops.moments(x, [0, 2], keepdims), keras.ops.moments(x, [0, 2], keepdims), strict=True):
        np.testing.assert_allclose(a, keras.ops.convert_to_numpy(b), rtol=1e-9)
