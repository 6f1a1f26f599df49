"""Activations, core, embedding and regularization layers beside Keras itself."""

import inspect
import json

import keras
import numpy as np
import pytest
import torch
from golden import record_core
from golden.record_core import ACTIVATIONS, Case, activation, tolerance

import dlcore
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)


@both_dtypes
@pytest.mark.parametrize("case", ACTIVATIONS)
@pytest.mark.filterwarnings("ignore")
def test_activation(case, dtype):
    name, options = ACTIVATIONS[case]
    theirs, ours = getattr(keras.activations, name), getattr(dlcore.activations, name)
    signatures = [[(p.name, p.default) for p in inspect.signature(f).parameters.values()] for f in (theirs, ours)]
    assert signatures[0] == signatures[1]
    x, g = activation(keras, case, dtype)
    a = torch.tensor(x, requires_grad=True)
    y = theirs(a, **options)
    (d,) = torch.autograd.grad((y * torch.tensor(g)).sum(), a)
    b = dlcore.ops.convert_to_tensor(x)
    with dlcore.GradientTape() as tape:
        tape.watch(b)
        found = ours(b, **options)
    rtol, atol = tolerance(case, dtype)
    np.testing.assert_allclose(found, y.detach().numpy(), rtol=rtol, atol=atol)
    np.testing.assert_allclose(tape.gradient(found, b, g), d.numpy(), rtol=rtol, atol=atol)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(200, 300)], indirect=["dtype"])
def test_model(seed, dtype):
    results = []
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        case = Case(lib, seed, dtype)
        results.append((case.run(), [(w.name, tuple(w.shape)) for w in case.model.weights]))
    (expected, *structure), (found, *ours) = results
    assert ours == structure
    tolerance = 3e-6 if dtype == "float64" else 1e-3
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=f"{case.kind}: {name}")


def make_layers(lib):
    layers, squared = lib.layers, record_core.squared
    return [
        layers.ELU(0.5), layers.PReLU("uniform", "l2", "non_neg", [1]), layers.LeakyReLU(0.2), layers.ReLU(3.0, 0.1, 0.2), layers.Softmax([1, 2]),
        layers.Activation("gelu"), layers.Activation(squared), layers.Dense(3, activation="mish", kernel_regularizer="l1l2", bias_constraint="unit_norm"),
        layers.EinsumDense("abc,cd->abd", (None, 5), "relu", "d", kernel_initializer="he_normal", bias_regularizer=lib.regularizers.L1(0.3)),
        layers.Embedding(7, 3, "normal", "l2", lib.constraints.MinMaxNorm(0.1, 0.8), True), layers.Identity(), layers.Masking(2.0),
        layers.Lambda(squared, arguments={"power": 3}), layers.Lambda(squared, output_shape=(3,)), layers.ActivityRegularization(0.1, 0.2),
        layers.Dropout(0.5, (None, 1), 3), layers.SpatialDropout1D(0.5, 3, name="mine"), layers.SpatialDropout2D(0.5, "channels_first"),
        layers.SpatialDropout3D(0.5, dtype="float64"), layers.AlphaDropout(0.5, (None, 1), 3), layers.GaussianDropout(0.5, 3),
        layers.GaussianNoise(0.5), layers.Wrapper(layers.Dense(2)),
    ]  # fmt: skip


def as_json(config):
    return json.loads(json.dumps(config))


@pytest.mark.filterwarnings("ignore")
def test_configurations_are_read_by_both():
    custom = {"squared": record_core.squared}
    for theirs, ours in zip(make_layers(keras), make_layers(dlcore), strict=True):
        read = deserialize_keras_object(as_json(keras.layers.serialize(theirs)), custom)
        assert type(read).__name__ == type(theirs).__name__
        for layer in (read, ours):
            back = keras.layers.deserialize(as_json(serialize_keras_object(layer)), custom)
            assert as_json(keras.layers.serialize(back)) == as_json(keras.layers.serialize(theirs))
        assert inspect.signature(type(ours).__init__).parameters.keys() == inspect.signature(type(theirs).__init__).parameters.keys()
        for name, p in inspect.signature(type(theirs).__init__).parameters.items():
            assert p.default == inspect.signature(type(ours).__init__).parameters[name].default


@both_dtypes
def test_prelu_at_zero_and_beyond(dtype):
    x = np.array([[0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 2.0]] * 3, dtype)
    g = np.random.default_rng(0).normal(size=x.shape).astype(dtype)
    for alpha in (0.0, 0.5, -1.5):
        a, slope = torch.tensor(x, requires_grad=True), keras.layers.PReLU(keras.initializers.Constant(alpha))
        y = slope(a)
        expected = torch.autograd.grad((y * torch.tensor(g)).sum(), [a, slope.alpha.value])
        layer, b = dlcore.layers.PReLU(dlcore.initializers.Constant(alpha)), dlcore.ops.convert_to_tensor(x)
        with dlcore.GradientTape() as tape:
            tape.watch(b)
            found = layer(b)
        np.testing.assert_array_equal(found, y.detach().numpy())
        dx, dalpha = tape.gradient(found, [b, layer.alpha], g)
        finite = np.isfinite(x[0])
        np.testing.assert_allclose(dx.numpy()[:, finite], expected[0].numpy()[:, finite], rtol=1e-6)
        np.testing.assert_allclose(dalpha.numpy()[finite], expected[1].numpy()[finite], rtol=1e-6)


def test_masked_softmax():
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    for seed, shape in enumerate(((5, 4, 3), (4, 3), (5, 1, 3), (5, 4, 1))):
        mask = np.random.default_rng(seed).random(shape) < 0.5
        for axis in (-1, 1, [1, 2]):
            for given in (mask, mask.astype("float32")):
                expected = keras.layers.Softmax(axis)(x, mask=keras.ops.convert_to_tensor(given))
                np.testing.assert_allclose(dlcore.layers.Softmax(axis)(x, mask=given), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["initializers", "regularizers", "constraints"])
def test_family(family):
    """Every public class of Keras: the signature, and configurations that both read."""
    theirs, ours = getattr(keras, family), getattr(dlcore, family)
    classes = {name: c for name, c in vars(theirs).items() if inspect.isclass(c) and "stft" not in name.lower()}
    assert len(classes) > 4
    for name, c in classes.items():
        if c.__init__ is not object.__init__:
            signatures = [[(p.name, p.default) for p in inspect.signature(k.__init__).parameters.values()] for k in (c, getattr(ours, name))]
            assert signatures[0] == signatures[1], name
        if name in ("Initializer", "Regularizer", "Constraint"):
            continue
        mine = ours.deserialize(theirs.serialize(c()))
        assert type(mine) is getattr(ours, name) and type(ours.get(name)) is type(mine)
        assert theirs.serialize(theirs.deserialize(ours.serialize(mine))) == theirs.serialize(c())


@pytest.mark.parametrize("seed", range(6))
def test_penalties_and_constraints(seed):
    w = np.random.default_rng(seed).normal(size=((5, 4), (3, 3, 4, 5), (6,))[seed % 3]).astype("float32") * 3
    w[0] = 0
    for make in (
        lambda lib: lib.constraints.MaxNorm(), lambda lib: lib.constraints.MaxNorm(1.0, -1), lambda lib: lib.constraints.MinMaxNorm(0.5, 1.0, 0.3),
        lambda lib: lib.constraints.MinMaxNorm(axis=-1), lambda lib: lib.constraints.NonNeg(), lambda lib: lib.constraints.UnitNorm(),
        lambda lib: lib.constraints.UnitNorm(axis=list(range(w.ndim))), lambda lib: lib.regularizers.L1(0.3), lambda lib: lib.regularizers.L2(0.3),
        lambda lib: lib.regularizers.L1L2(0.3, 0.2), lambda lib: lib.regularizers.OrthogonalRegularizer(0.3, "columns"),
        lambda lib: lib.regularizers.OrthogonalRegularizer(0.3),
    ):  # fmt: skip
        if "Orthogonal" in type(make(keras)).__name__ and w.ndim != 2:
            continue
        np.testing.assert_allclose(np.asarray(make(dlcore)(dlcore.ops.convert_to_tensor(w))), make(keras)(keras.ops.convert_to_tensor(w)), rtol=3e-6, atol=1e-6)
