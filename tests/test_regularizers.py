import numpy as np
import pytest

from dlcore import ops, regularizers

X = np.random.RandomState(0).randn(4, 3).astype("float32")


def value(penalty):
    return float(np.asarray(penalty))


def test_values():
    x = ops.convert_to_tensor(X)
    absolute, square = np.abs(X).sum(), (X**2).sum()
    assert value(regularizers.L1(0.1)(x)) == pytest.approx(0.1 * absolute, rel=1e-5)
    assert value(regularizers.L2(0.2)(x)) == pytest.approx(0.2 * square, rel=1e-5)
    assert value(regularizers.L1L2(0.1, 0.2)(x)) == pytest.approx(0.1 * absolute + 0.2 * square, rel=1e-5)
    assert value(regularizers.L1L2()(x)) == 0


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal(mode):
    rows = X if mode == "rows" else X.T
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    between = np.abs(unit @ unit.T)[np.triu_indices(len(rows), 1)]
    penalty = regularizers.OrthogonalRegularizer(0.5, mode)(ops.convert_to_tensor(X))
    assert value(penalty) == pytest.approx(0.5 * between.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(ops.convert_to_tensor(X[0]))


@pytest.mark.parametrize("name", ["l1", "L1", "l2", "l1l2", "l1_l2", "orthogonal_regularizer"])
def test_get_and_round_trip(name):
    regularizer = regularizers.get(name)
    config = regularizers.serialize(regularizer)
    assert config["module"] == "keras.regularizers"
    again = regularizers.deserialize(config)
    assert type(again) is type(regularizer) and again.get_config() == regularizer.get_config()


def test_get_from_a_short_config():
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.3}}).l2 == 0.3
    assert regularizers.get(None) is None


@pytest.mark.parametrize("value", [-1.0, "a", float("nan"), float("inf")])
def test_factors_are_checked(value):
    for make in (regularizers.L1, regularizers.L2, regularizers.L1L2, regularizers.OrthogonalRegularizer):
        with pytest.raises(ValueError, match="expected a non-negative float"):
            make(value)


def test_other_errors():
    with pytest.raises(ValueError, match="`mode`"):
        regularizers.OrthogonalRegularizer(mode="x")
    with pytest.raises(ValueError, match="Could not interpret regularizer identifier: 'nope'"):
        regularizers.get("nope")
