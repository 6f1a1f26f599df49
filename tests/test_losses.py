"""Losses: values and gradients against Keras' numbers, what calls accept, names, configurations, errors."""

import json
import pathlib

import numpy as np
import pytest
from golden import record_loss_classes as recorder

from dlcore import losses, ops
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import Tensor, convert
from dlcore.losses.base import reduce_weighted_values, squeeze_or_expand_to_same_rank

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "loss_classes.npz")
CASES = json.loads(str(GOLDEN["cases"]))
IDS = ["-".join([name, *map(str, arguments), kind, weights] + ["mask"] * mask) for name, arguments, kind, weights, mask in CASES]
BUILT_IN = ["MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"]


def value_and_gradient(loss, y_true, y_pred, w=None, mask=None):
    p = convert(np.array(y_pred))
    p.mask = None if mask is None else convert(mask)
    with Tape() as tape:
        tape.watch(p)
        value = loss(y_true, p, w)
    return value, tape.gradient(value, p)


@pytest.mark.parametrize("reduction", recorder.REDUCTIONS)
@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_numbers_of_keras(i, reduction):
    name, arguments, kind, _, _ = CASES[i]
    w, mask = recorder.weights_and_mask(CASES[i])
    loss = getattr(losses, name)(reduction=reduction, **arguments)
    value, gradient = value_and_gradient(loss, *recorder.data(kind), w, mask)
    np.testing.assert_allclose(value.numpy(), GOLDEN[f"{i}/{reduction}"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient.numpy(), GOLDEN[f"{i}/{reduction}/gradient"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_kernel_equals_composition(i):
    """The fused call gives what the function, and then weights and reduction by ops, give."""
    name, arguments, kind, _, _ = CASES[i]
    w, mask = recorder.weights_and_mask(CASES[i])
    cls = getattr(losses, name)
    composed = type("Composed", (cls,), {"call": lambda self, y_true, y_pred: cls.call(self, y_true, y_pred)})
    assert composed.__call__ is losses.Loss.__call__
    for a, b in zip(
        value_and_gradient(cls(**arguments), *recorder.data(kind), w, mask),
        value_and_gradient(composed(**arguments), *recorder.data(kind), w, mask),
        strict=True,
    ):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_mean_counts_samples_of_weight_zero():
    loss = losses.MeanSquaredError()
    assert float(loss([[0.0], [0.0]], [[2.0], [2.0]], [1.0, 0.0])) == 2.0
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(loss([[0.0], [0.0]], [[2.0], [2.0]], [1.0, 0.0])) == 4.0
    assert float(loss([[0.0], [0.0]], [[2.0], [2.0]], [0.0, 0.0])) == 0.0


def test_reduction_none_is_a_string_or_none():
    for reduction in ("none", None):
        assert losses.MeanSquaredError(reduction=reduction)([[0.0, 0.0]], [[1.0, 3.0]]).numpy().tolist() == [5.0]


def test_functions_give_a_value_for_each_sample():
    assert losses.mean_squared_error([[0.0, 0.0], [1.0, 1.0]], [[1.0, 3.0], [1.0, 1.0]]).numpy().tolist() == [5.0, 0.0]
    assert losses.mse is losses.MSE is losses.mean_squared_error
    assert losses.mae is losses.MAE is losses.mean_absolute_error
    assert losses.bce is losses.BCE is losses.binary_crossentropy
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy([0, 1], [[0.5, 0.5]] * 2).numpy(), [np.log(2)] * 2, rtol=1e-6)


def test_integer_and_bool_targets():
    p = np.array([[0.25], [0.75]], "float32")
    expected = float(losses.BinaryCrossentropy()(np.array([[0.0], [1.0]], "float32"), p))
    for dtype in ("int64", "int32", "uint8", "bool", "float64"):
        assert float(losses.BinaryCrossentropy()(np.array([[0], [1]], dtype), p)) == expected
    assert float(losses.BinaryCrossentropy()([[0], [1]], p)) == expected


def test_float64():
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=(2, 5, 3))
    value = losses.MeanSquaredError(dtype="float64")(y, p)
    assert value.dtype == "float64"
    assert float(value) == pytest.approx(((y - p) ** 2).mean(), rel=1e-14)
    value, gradient = value_and_gradient(losses.MeanSquaredError(), y, p)
    assert value.dtype == "float32"
    np.testing.assert_allclose(gradient.numpy(), 2 * (p - y) / y.size, rtol=1e-5)


def test_ignore_class_sets_the_mask():
    values = losses.sparse_categorical_crossentropy(np.array([0, 1]), np.array([[0.5, 0.5]] * 2, "float32"), ignore_class=1)
    assert values.numpy()[1] == 0
    assert np.asarray(values.mask).tolist() == [True, False]


def test_one_class_is_suspicious():
    with pytest.warns(SyntaxWarning, match="Consider using 'binary_crossentropy'"):
        losses.categorical_crossentropy(np.ones((2, 1), "float32"), np.full((2, 1), 0.5, "float32"))


class Weighted(losses.Loss):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_loss_of_the_users():
    y, p, w = np.zeros((4, 3), "float32"), np.random.default_rng(0).normal(size=(4, 3)).astype("float32"), np.arange(4.0)
    for reduction in recorder.REDUCTIONS:
        a, da = value_and_gradient(Weighted(reduction=reduction), y, p, w)
        b, db = value_and_gradient(losses.MeanSquaredError(reduction=reduction), y, p, w)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)
        np.testing.assert_allclose(da.numpy(), db.numpy(), rtol=1e-5)
    assert Weighted.from_config(Weighted(3.0).get_config()).factor == 3.0


def test_subclass_of_a_built_in_that_changes_the_formula():
    class Doubled(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return 2 * super().call(y_true, y_pred)

    assert float(Doubled()([[0.0]], [[2.0]])) == 8.0


def test_loss_on_structures():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred["a"] - y_true["a"] + y_pred["b"]

    assert float(Both()({"a": [1.0], "b": [0.0]}, {"a": [2.0], "b": [3.0]})) == 4.0


def test_wrapper():
    loss = losses.LossFunctionWrapper(lambda y, p: ops.mean(ops.square(y - p), axis=-1), name="mine")
    assert loss.name == "mine"
    assert float(loss(np.zeros(3), np.full((3, 1), 2.0))) == 4.0
    config = losses.LossFunctionWrapper(losses.binary_crossentropy, from_logits=True).get_config()
    again = losses.LossFunctionWrapper.from_config(config)
    assert again.fn is losses.binary_crossentropy
    assert again._fn_kwargs == {"from_logits": True}


def test_call_is_abstract():
    with pytest.raises(NotImplementedError, match="Loss must override `call"):
        losses.Loss()([1.0], [1.0])


def test_squeeze_or_expand():
    x, y = squeeze_or_expand_to_same_rank(np.ones(3), np.ones((3, 1)))
    assert x.shape == y.shape == (3, 1)
    x, y = squeeze_or_expand_to_same_rank(np.ones((3, 2)), np.ones((3, 2, 1)))
    assert x.shape == y.shape == (3, 2)
    x, y = squeeze_or_expand_to_same_rank(convert(np.ones((3, 1))), convert(np.ones(3)))
    assert isinstance(y, Tensor)
    assert x.shape == y.shape == (3, 1)


def test_reduce_weighted_values_leaves_scalars():
    assert float(reduce_weighted_values(np.float32(3.0), reduction="sum_over_batch_size")) == 3.0


@pytest.mark.parametrize("name", BUILT_IN)
def test_config(name):
    loss = getattr(losses, name)(reduction="sum", name="mine")
    config = losses.serialize(loss)
    assert config["module"] == "keras.losses"
    assert config["class_name"] == name
    assert losses.deserialize(json.loads(json.dumps(config))).get_config() == loss.get_config()
    assert "fn" not in loss.get_config()


def test_get():
    assert losses.get("mse") is losses.mean_squared_error
    assert losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.MeanSquaredError), losses.MeanSquaredError)
    assert losses.get(losses.serialize(losses.mean_absolute_error)) is losses.mean_absolute_error
    assert losses.get(len) is len
    assert losses.get(None) is None
    for bad in ("foo", 3):
        with pytest.raises(ValueError, match="Could not interpret loss identifier"):
            losses.get(bad)
    with pytest.raises(ValueError, match=r"Did you mean .*mean_squared_error"):
        losses.get("mean_sqared_error")


def test_names():
    assert [getattr(losses, n)().name for n in BUILT_IN] == [
        "mean_squared_error", "mean_absolute_error", "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]  # fmt: skip
    assert Weighted(name="w").name == "w"


@pytest.mark.parametrize("name", BUILT_IN)
def test_wrong_reduction(name):
    with pytest.raises(ValueError, match=r"Invalid value for argument `reduction`.*Received: reduction='foo'"):
        getattr(losses, name)(reduction="foo")


def test_wrong_shapes():
    with pytest.raises(ValueError, match="mean_squared_error"):
        losses.MeanSquaredError()(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="sample_weight"):
        losses.MeanSquaredError()(np.ones((2, 3)), np.ones((2, 3)), np.ones(5))
    with pytest.raises(ValueError, match="`axis` must be of type `int`"):
        losses.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 3)), axis=True)
