"""The rarer functions of floats: powers are the nearest float or its neighbour, the others within two; C's special cases."""

import numpy as np
import pytest
from test_vmath import SMALLEST, every_binade, ulps

from dlcore import ops

FUNCTIONS = {"sinh": np.sinh, "cosh": np.cosh, "arctan": np.arctan, "arcsin": np.arcsin, "arccos": np.arccos, "tan": np.tan}
SPECIAL = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e30, -1e30, 1e-30, 2.5, -2.5, 1e9], np.float32)


def assert_same(y, exact):
    """Equal up to the last digits, with the same infinities, NaNs and signs of zero."""
    np.testing.assert_allclose(y, exact, rtol=1e-6)
    np.testing.assert_array_equal(np.signbit(y[~np.isnan(exact)]), np.signbit(exact[~np.isnan(exact)]))


def check(y, exact, bound):
    visible = np.isfinite(exact) & (np.abs(exact) > SMALLEST) & (np.abs(exact) < 3.4e38)
    assert ulps(y[visible], exact[visible]).max() < bound
    np.testing.assert_array_equal(np.isnan(y), np.isnan(exact))
    np.testing.assert_array_equal(y[np.isinf(exact)], exact[np.isinf(exact)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    x = np.concatenate([every_binade(200), np.random.default_rng(0).uniform(-100, 100, 100_000).astype(np.float32)])
    check(getattr(ops, name)(x).numpy(), FUNCTIONS[name](x.astype(np.float64)), 2.0)
    assert_same(getattr(ops, name)(SPECIAL).numpy(), FUNCTIONS[name](SPECIAL.astype(np.float64)).astype(np.float32))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_power():
    rng = np.random.default_rng(0)
    x = np.concatenate([every_binade(100), rng.uniform(-3, 3, 100_000).astype(np.float32)])
    y = rng.uniform(-20, 20, x.size).astype(np.float32)
    y[::2] = rng.integers(-9, 10, y[::2].size)
    y[::5] = rng.choice(every_binade(10), y[::5].size)
    check(ops.power(x, y).numpy(), np.power(x.astype(np.float64), y.astype(np.float64)), 0.52)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_cases_of_power():
    x, y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))
    assert_same(ops.power(x, y).numpy(), np.power(x, y))
