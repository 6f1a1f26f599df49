"""Preprocessing layers: what Keras on TensorFlow makes of the same data, errors, and what Keras does not say."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.record_preprocessing import SEEDS, Case, lanczos

import dlcore

GOLDEN = np.load(Path(__file__).parent / "golden" / "preprocessing.npz")
STATES = json.loads(str(GOLDEN["states"]))


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("kernel", ["bilinear", "lanczos3", "lanczos5"])
def test_golden_interpolation(kernel):
    np.testing.assert_allclose(lanczos(dlcore, kernel), GOLDEN[f"upsampling/{kernel}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_golden(seed):
    arrays, state = Case(seed).run(dlcore)
    expected = {k.removeprefix(f"{seed}/"): GOLDEN[k] for k in GOLDEN.files if k.startswith(f"{seed}/")}
    assert list(arrays) == list(expected)
    for name, value in expected.items():
        if value.dtype.kind == "U":
            np.testing.assert_array_equal(arrays[name], value)
        else:
            np.testing.assert_allclose(arrays[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    wanted = STATES[str(seed)]
    for key in wanted:
        if isinstance(wanted[key], list) and wanted[key] and isinstance(wanted[key][0], float):
            np.testing.assert_allclose(state[key], wanted[key], rtol=1e-6, err_msg=key)
        else:
            assert state[key] == wanted[key], key
