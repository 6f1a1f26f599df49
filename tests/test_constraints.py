import numpy as np
import pytest

from dlcore import constraints

W = np.random.RandomState(0).randn(5, 4).astype("float32") * 2


def test_max_norm():
    w = constraints.MaxNorm(2.0)(W)
    norms = np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(np.linalg.norm(w, axis=0), np.minimum(norms, 2), rtol=1e-6)
    assert w.dtype == W.dtype and (norms > 2).any()


def test_min_max_norm():
    w = constraints.MinMaxNorm(min_value=1.0, max_value=2.0, rate=0.5, axis=1)(W)
    norms = np.linalg.norm(W, axis=1)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 0.5 * np.clip(norms, 1, 2) + 0.5 * norms, rtol=1e-6)


def test_non_neg_and_unit_norm():
    np.testing.assert_array_equal(constraints.NonNeg()(W), np.maximum(W, 0))
    w = np.ones((3, 3, 2, 4), "float32")
    unit = constraints.UnitNorm(axis=[0, 1, 2])(w)
    np.testing.assert_allclose(np.sqrt((unit**2).sum((0, 1, 2))), 1, rtol=1e-6)


def test_zero_weights_stay_finite():
    for constraint in (constraints.MaxNorm(), constraints.MinMaxNorm(min_value=1.0), constraints.UnitNorm()):
        assert not constraint(np.zeros((3, 2))).any()


@pytest.mark.parametrize("name", ["max_norm", "MaxNorm", "min_max_norm", "non_neg", "unit_norm"])
def test_get_and_round_trip(name):
    constraint = constraints.get(name)
    config = constraints.serialize(constraint)
    assert config["module"] == "keras.constraints"
    again = constraints.deserialize(config)
    assert type(again) is type(constraint) and again.get_config() == constraint.get_config()


def test_get_errors():
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="Could not interpret constraint identifier: 'maxnorm'"):
        constraints.get("maxnorm")
