"""Random models beside Keras itself: structure, predictions, losses, metrics and every weight."""

import random

import keras
import numpy as np
import pytest
from golden.record_models import SEEDS, Case, dtype_of

import dlcore


def both(seed, dtype):
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        case = Case(lib, seed, dtype)
        yield case.structure(), case.run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, dtype_of(seed)) for seed in SEEDS], indirect=["dtype"])
def test_random_model(seed, dtype):
    try:
        (structure, expected), (ours, found) = both(seed, dtype)
    except RuntimeError as error:
        if "must be contiguous" in str(error):
            pytest.skip(f"Keras cannot train this model on PyTorch: {error}")
        raise
    assert ours == structure
    assert list(found) == list(expected)
    # Ten steps of an adaptive optimizer may enlarge the rounding of a gradient that is nearly zero. In float64, too, Keras
    # has some numbers in float32 (normalization, slopes): where predictions show it the tolerance is that of float32.
    exact = dtype == "float64" and all(np.max(np.abs(found[name] - value), initial=0.0) < 1e-12 for name, value in expected.items() if name.startswith("predict/"))
    tolerance = 1e-6 if exact else 1e-3
    for name, value in expected.items():
        if value.dtype.kind == "U":
            assert list(found[name]) == list(value), name
        else:
            np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(100, 160))
def test_json_is_read_by_both(seed):
    models = []
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        models.append(Case(lib, seed).model)
    theirs, ours = models
    if "keras.src.ops" in theirs.to_json():
        pytest.skip("Keras writes a call of an op as a class that it does not export")
    for copy in (keras.models.model_from_json(ours.to_json()), dlcore.models.model_from_json(theirs.to_json())):
        assert [(layer.name, type(layer).__name__) for layer in copy.layers] == [(layer.name, type(layer).__name__) for layer in ours.layers]
        assert [tuple(w.shape) for w in copy.weights] == [w.shape for w in ours.weights]
        assert copy.count_params() == ours.count_params()


def random_graph(lib, seed):
    """Names of layers in the order in which they are called, in the configuration and in `layers`."""
    rng, called = random.Random(seed), []

    class Traced(lib.layers.Layer):
        def call(self, x):
            called.append(self.name)
            return x

    shared = [Traced(name=f"shared{i}") for i in range(2)]
    inputs = [lib.Input((3,), name=f"input{i}") for i in range(rng.randint(2, 3))]
    tensors = list(inputs)
    for i in range(rng.randint(4, 14)):
        kind = rng.choice(["own", "own", "shared", "shared", "add", "op"])
        a, b = rng.choice(tensors), rng.choice(tensors)
        made = {"own": lambda: Traced(name=f"own{i}")(a), "shared": lambda: rng.choice(shared)(a), "add": lambda: lib.layers.Add(name=f"add{i}")([a, b]),  # noqa: B023
                "op": lambda: a * 2.0}  # noqa: B023
        tensors.append(made[kind]())
    model = lib.Model(inputs, [tensors[-1], rng.choice(tensors[len(inputs) :])])
    called.clear()
    model([np.ones((1, 3), "float32") for _ in inputs])
    return called, [c["name"] for c in model.get_config()["layers"] if not c["name"].startswith("multiply")], [layer.name for layer in model.layers]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(60))
def test_order(seed):
    try:
        theirs = random_graph(keras, seed)
    except ValueError as error:
        pytest.skip(f"Keras cannot build it: {error}")
    called, names, in_layers = random_graph(dlcore, seed)
    assert called == theirs[0]
    assert in_layers == [name for name in theirs[2] if not name.startswith("multiply")]
    assert [name for name in names if name in in_layers] == [name for name in theirs[1] if name in in_layers]
