"""Losses: values and gradients against Keras' numbers, what calls accept, names, configurations, errors."""

import json

import numpy as np
import pytest
from golden import record_loss_classes as recorder

from dlcore import losses, ops
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import Tensor, convert
from dlcore.losses.base import reduce_weighted_values, squeeze_or_expand_to_same_rank

CASES, GOLDEN = recorder.load()
IDS = ["-".join([name, *map(str, arguments), kind, weights] + ["mask"] * mask) for name, arguments, kind, weights, mask in CASES]
BUILT_IN = sorted(cls.__name__ for cls in losses.CLASSES.values())


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
    assert losses.Huber().name == "huber_loss"
    for function, cls in losses.CLASSES.items():
        assert cls().name == function.__name__ or cls is losses.Huber
    assert Weighted(name="w").name == "w"


@pytest.mark.parametrize(("old", "new"), [("cosine", "cosine_similarity"), ("kullback_leibler_divergence", "kl_divergence"), ("logcosh", "log_cosh")])
def test_names_of_keras_2(old, new):
    with pytest.warns(DeprecationWarning, match=f"{old}.*is called '{new}'"):
        assert losses.get(old) is getattr(losses, new)
    assert losses.KLD is losses.kullback_leibler_divergence is losses.kl_divergence


def test_arguments_survive():
    """Also those that Keras does not write."""
    for loss in (
        losses.Huber(delta=2.0), losses.CosineSimilarity(axis=1), losses.SparseCategoricalCrossentropy(axis=1), losses.Tversky(axis=(1, 2), beta=0.7),
        losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.8]), losses.Circle(margin=0.2), losses.CategoricalGeneralizedCrossEntropy(q=0.2),
    ):  # fmt: skip
        again = losses.deserialize(losses.serialize(loss))
        assert again._fn_kwargs == loss._fn_kwargs
    assert losses.Huber().get_config() == {"name": "huber_loss", "reduction": "sum_over_batch_size"}


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


@pytest.mark.parametrize("name", ["dice", "tversky"])
def test_overlap_with_a_scalar(name):
    with pytest.raises(ValueError, match="must have the same shape"):
        getattr(losses, name)(np.ones(3), 0.5)


@pytest.mark.parametrize("axis", [-1, 0])
def test_cosine_repeats_vectors_but_not_their_numbers(axis):
    rng = np.random.default_rng(0)
    true, pred = rng.normal(size=(1, 3)), rng.normal(size=(4, 3))
    if axis == 0:
        true, pred = true.T, pred.T
    whole = losses.cosine_similarity(np.broadcast_to(true, pred.shape), pred, axis).numpy()
    np.testing.assert_array_equal(losses.cosine_similarity(true, pred, axis), whole)
    with pytest.raises(ValueError, match=r"same shape.*vectors of one length along axis"):
        losses.cosine_similarity(true.T, pred, axis)


def test_hinge_maps_labels_only_if_all_are_0_or_1():
    p = np.array([[0.5, -0.25]], "float32")
    assert float(losses.Hinge()([[1, 0]], p)) == pytest.approx((0.5 + 0.75) / 2)
    assert float(losses.Hinge()([[1, -1]], p)) == pytest.approx((0.5 + 0.75) / 2)
    assert float(losses.Hinge()([[1.0, 0.5]], p)) == pytest.approx((0.5 + 1.125) / 2)
    labels = np.zeros((3, 1000), "float32")
    assert float(losses.SquaredHinge()(labels, labels + 1)) == 4
    labels[-1, -1] = -1                             # then zeros are zeros
    assert float(losses.SquaredHinge()(labels, labels * 0)) == 1


def test_ctc_adds_up_alignments():
    x = np.log(np.array([[[0.6, 0.4], [0.3, 0.7]]], "float32"))
    assert losses.ctc([[1]], x).numpy() == pytest.approx(-np.log(1 - 0.6 * 0.3), rel=1e-6)         # all alignments but blank, blank
    assert losses.ctc([[0]], x).numpy() == pytest.approx(-np.log(0.6 * 0.3), rel=1e-6)


def test_ctc_without_an_alignment():
    """Two equal labels need a blank between them."""
    labels, x = np.array([[1, 1], [1, 2]]), np.zeros((2, 2, 3), "float32")
    value, gradient = value_and_gradient(losses.CTC(reduction="none"), labels, x)
    assert value.numpy().tolist() == [np.inf, pytest.approx(np.log(9), rel=1e-6)]
    assert not gradient.numpy()[0].any()
    assert gradient.numpy()[1].any()


def test_ctc_of_long_inputs_is_accurate():
    rng = np.random.default_rng(0)
    labels, x = rng.integers(1, 20, (3, 60)), (rng.normal(size=(3, 500, 20)) * 5).astype("float32")
    a, da = value_and_gradient(losses.CTC(reduction="none"), labels, x)
    b, db = value_and_gradient(losses.CTC(reduction="none", dtype="float64"), labels, x.astype("float64"))
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    np.testing.assert_allclose(da.numpy(), db.numpy(), atol=1e-4)
    assert np.abs(da.numpy().sum(-1)).max() < 1e-5


def test_circle_of_a_class_of_one():
    e = np.eye(4, dtype="float32")
    value, gradient = value_and_gradient(losses.Circle(reduction="none"), np.arange(4), e)
    assert not value.numpy().any()
    assert np.isfinite(gradient.numpy()).all()
    values = losses.circle([0, 1], e[:2], ref_labels=[0, 1, 1], ref_embeddings=e[1:], remove_diagonal=False)
    assert values.shape == (2,)


def test_zero_vectors_have_no_direction():
    value, gradient = value_and_gradient(losses.CosineSimilarity(), np.ones((2, 3), "float32"), np.zeros((2, 3), "float32"))
    assert float(value) == 0
    assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_samples(name):
    loss = getattr(losses, name)(**({"axis": -1} if name in ("Dice", "Tversky") else {}))
    shape = (0, 5, 3) if name == "CTC" else (0, 3)
    labels = np.zeros((0, 2) if name == "CTC" else (0,) if "Sparse" in name or "General" in name or name == "Circle" else shape, "float32")
    value, gradient = value_and_gradient(loss, labels, np.zeros(shape, "float32"))
    assert float(value) == 0
    assert gradient.shape == shape


def ones(*shape):
    return np.ones(shape, "float32")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"q must be in the interval \(0, 1\)"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy()([0, 3], ones(2, 3)), r"class numbers must be whole and from 0 to 2.*value 3 at \[1\]"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy()([0, np.nan], ones(2, 3)), r"value nan at \[1\]"),
    (lambda: losses.categorical_focal_crossentropy(ones(2, 3), ones(2, 3), axis=True), "`axis` must be of type `int`"),
    (lambda: losses.categorical_focal_crossentropy(ones(2), ones(2, 3)), "same shape.*Labels are one-hot"),
    (lambda: losses.CategoricalFocalCrossentropy(alpha=[1.0, 2.0])(ones(2, 3), ones(2, 3)), r"alpha must be a number, or hold one for each class.*\(2,\)"),
    (lambda: losses.CategoricalFocalCrossentropy(alpha=[1.0, 2.0], axis=0)(ones(2, 3), ones(2, 3)), "with axis=0"),
    (lambda: losses.categorical_hinge(ones(2, 0), ones(2, 0)), r"at least one class along axis -1"),
    (lambda: losses.cosine_similarity(ones(2, 3), ones(2, 3), axis=2), "received axis=2"),
    (lambda: losses.Hinge()(ones(2, 3), ones(4, 3)), "hinge: y_true and y_pred must have the same shape"),
    (lambda: losses.Huber()(ones(2, 3), ones(2, 3), ones(3)), "huber: sample_weight must fit"),
    (lambda: losses.dice(ones(2, 3), ones(2, 1)), r"dice: y_true and y_pred must have the same shape"),
    (lambda: losses.dice(ones(2, 3), ones(2, 3), axis=(0, 2)), "axis"),
    (lambda: losses.tversky(ones(2, 3), ones(2, 3), axis=(0, -2)), "every axis may be named once"),
    (lambda: losses.ctc(ones(2), ones(2, 3, 4)), r"Targets `y_true` must have the shape.*\(2,\)"),
    (lambda: losses.ctc(ones(2, 3), ones(2, 3)), r"Logits `y_pred` must have the shape"),
    (lambda: losses.ctc([[1, 4]], ones(1, 3, 4)), r"labels must be class numbers from 0 to 3; received target with 4 at \[0, 1\]"),
    (lambda: losses.ctc([[1, -1]], ones(1, 3, 4)), r"received target with -1 at \[0, 1\]"),
    (lambda: losses.ctc([[1, 1.5]], ones(1, 3, 4)), r"target must hold whole numbers; received 1.5"),
    (lambda: losses.ctc([[1], [np.nan]], ones(2, 3, 4)), r"target must hold whole numbers; received nan"),
    (lambda: losses.ctc([[1]], ones(2, 3, 4)), r"target must hold class numbers of shape \(batch, labels\)"),
    (lambda: ops.ctc_loss([[1]], ones(1, 3, 4), [2], [3]), r"target_length must hold 1 whole numbers from 0 to 1; received \[2\]"),
    (lambda: ops.ctc_loss([[1]], ones(1, 3, 4), [1], [3], mask_index=4), "received mask_index=4"),
    (lambda: losses.circle([0, 1, 2], ones(2, 4)), r"y_true must hold a label for each embedding.*\(3,\)"),
    (lambda: losses.circle([0, np.nan], ones(2, 4)), "y_true must hold finite labels; received nan"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_gradient_of_half_precision_is_refused():
    half = convert(np.ones((2, 3), "float16"))
    for function in (losses.dice, losses.hinge, losses.cosine_similarity):
        assert function(half, half).dtype == "float32"
        with pytest.raises(TypeError, match="cast y_pred to float32 first"), Tape() as tape:
            tape.watch(half)
            function(np.ones((2, 3)), half)
