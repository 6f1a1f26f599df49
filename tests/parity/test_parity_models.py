"""Random models beside Keras itself: structure, predictions, losses, metrics and every weight."""

import keras
import numpy as np
import pytest
from golden.record_models import Case

import dlcore


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
