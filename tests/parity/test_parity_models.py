"""Random models beside Keras itself: structure, predictions, losses, metrics and every weight."""

import os

import numpy as np
import pytest
from golden.record_models import Case

import dlcore

os.environ["KERAS_BACKEND"] = "torch"
torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
if keras.backend.backend() != "torch":
    pytest.skip("Keras was imported with another backend", allow_module_level=True)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def dtype(request):
    keras.config.set_floatx(request.param)
    dlcore.config.set_floatx(request.param)
    yield request.param
    keras.config.set_floatx("float32")
    dlcore.config.set_floatx("float32")


def both(seed, dtype):
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        case = Case(lib, seed, dtype)
        yield case.structure(), case.run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(100, 170)], indirect=["dtype"])
def test_random_model(seed, dtype):
    (structure, expected), (ours, found) = both(seed, dtype)
    assert ours == structure
    assert list(found) == list(expected)
    # In float32 ten steps of an adaptive optimizer may enlarge the rounding of a gradient that is nearly zero.
    tolerance = 1e-6 if dtype == "float64" else 1e-3
    for name, value in expected.items():
        if value.dtype.kind == "U":
            assert list(found[name]) == list(value), name
        else:
            np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
