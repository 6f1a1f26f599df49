"""Activations, core, embedding and regularization layers beside Keras itself."""

import inspect

import keras
import numpy as np
import pytest
import torch
from golden.record_core import ACTIVATIONS, Case, activation, tolerance

import dlcore

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
