"""The fused losses against numbers recorded from Keras, and their errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from dlcore._kernels import loss as k
from dlcore._kernels import parallel, tensor
from dlcore._kernels import pointwise_loss as pk
from dlcore._kernels.tape import Tape

GOLDEN = np.load(Path(__file__).parent / "golden" / "losses.npz")
META = json.loads(str(GOLDEN["meta"]))
ENTRIES = {
    "mean_squared_error": pk.mean_squared_error,
    "mean_absolute_error": pk.mean_absolute_error,
    "binary_crossentropy": pk.binary_crossentropy_loss,
    "categorical_crossentropy": k.categorical_crossentropy_loss,
    "sparse_categorical_crossentropy": k.sparse_categorical_crossentropy_loss,
}


def recorded(i, part):
    key = f"{i}_{part}"
    return GOLDEN[key] if key in GOLDEN else GOLDEN[f"{i - i % 4}_{part}"]


def run(entry, y_true, y_pred, *args, **kwargs):
    """Value and gradient with respect to y_pred, as arrays."""
    x = tensor.convert(y_pred)
    with Tape() as tape:
        tape.watch(x)
        value = entry(y_true, x, *args, **kwargs)
    seed = np.linspace(0.5, 1.5, value.size).reshape(value.shape).astype(y_pred.dtype)
    return value.numpy(), tape.gradient(value, x, output_gradients=seed).numpy()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("i", range(len(META)), ids=lambda i: "-".join(map(str, (i, META[i][0], META[i][2]))))
def test_keras(i, dtype):
    name, kwargs, reduction, weighted = META[i]
    y_pred = recorded(i, "pred")
    weight = recorded(i, "weight") if weighted else None
    value, grad = run(ENTRIES[name], recorded(i, "true"), y_pred.astype(dtype), weight, reduction, **kwargs)
    expected, expected_grad = recorded(i, "loss"), recorded(i, "grad")
    if expected.ndim == value.ndim + 1:
        expected = expected[..., 0]             # Keras keeps the axis that weights of shape (n, 1) bring in
    assert value.shape == expected.shape
    assert value.dtype == dtype
    if grad.size > 1000:
        grad = grad.ravel()[::97]
    # Keras itself rounds some steps to float32.
    rtol, atol = (3e-7, 1e-7) if dtype == "float64" else (3e-5, 1e-5)
    if dtype == "float32" and not kwargs.get("from_logits", True):
        # The clip acts at 1 - 1e-7, which float32 rounds to 1 - 1.19e-7; and 1e-8 and the like are divided by.
        rtol = 0.2
        usual = np.abs(expected_grad) < 1e4
        grad, expected_grad = grad[usual], expected_grad[usual]
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol)
    np.testing.assert_allclose(grad, expected_grad, rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint16", "int32", "int64", "uint32", "uint64", "float16", "float32", "float64"])
def test_labels_of_any_dtype(dtype):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(9, 2)).astype("float32")
    labels = rng.integers(0, 2, 9)
    expected = k.sparse_categorical_crossentropy_loss(labels, x, from_logits=True).numpy()
    assert k.sparse_categorical_crossentropy_loss(labels.astype(dtype), x, from_logits=True).numpy() == expected
    one_hot = np.eye(2)[labels]
    expected = k.categorical_crossentropy_loss(one_hot.astype("float32"), x, from_logits=True).numpy()
    assert k.categorical_crossentropy_loss(one_hot.astype(dtype), x, from_logits=True).numpy() == expected
    expected = pk.mean_squared_error(one_hot.astype("float32"), x).numpy()
    assert pk.mean_squared_error(one_hot.astype(dtype), x).numpy() == expected


def test_labels_are_left_alone():
    labels = np.array([0, -1, 2, -1])
    value = k.sparse_categorical_crossentropy_loss(labels, np.zeros((4, 3), "float32"), from_logits=True, ignore_class=-1)
    assert labels.tolist() == [0, -1, 2, -1]
    assert float(value) == pytest.approx(np.log(3))


def test_gradient_of_targets():
    t, p = tensor.convert(np.array([[1.0, 2.0]])), tensor.convert(np.array([[4.0, 0.0]]))
    for entry, expected in ((pk.mean_squared_error, [[-3.0, 2.0]]), (pk.mean_absolute_error, [[-0.5, 0.5]])):
        with Tape() as tape:
            tape.watch([t, p])
            value = entry(t, p)
        dt, dp = tape.gradient(value, [t, p])
        assert dt.numpy().tolist() == expected
        assert (dp.numpy() == -dt.numpy()).all()


def test_extreme_logits():
    x = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], "float32")
    value, grad = run(pk.binary_crossentropy_loss, [[1, 0], [1, 0]], x, from_logits=True)
    assert value == 500.0 and np.isfinite(grad).all()
    value, grad = run(k.sparse_categorical_crossentropy_loss, [0, 0], x, from_logits=True)
    assert value == 1000.0 and np.isfinite(grad).all()
    value, grad = run(k.categorical_crossentropy_loss, [[1, 0], [1, 0]], x, from_logits=True)
    assert value == 1000.0 and np.isfinite(grad).all()


@pytest.mark.parametrize("shape", [(3, 70000), (70000, 3), (1_100_000, 1)])
def test_threads_do_not_matter(shape):
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=shape).astype("float32"), rng.uniform(size=shape).astype("float32")
    labels, weight = rng.integers(0, shape[1], shape[0]), rng.uniform(size=shape[0])
    results = []
    threads = parallel.get_num_threads()
    for n in (1, 4):
        parallel.set_num_threads(n)
        results.append([
            *run(pk.mean_squared_error, t, x), *run(pk.binary_crossentropy_loss, t, x, weight, from_logits=True),
            *run(k.categorical_crossentropy_loss, t, x, from_logits=True),
            *run(k.sparse_categorical_crossentropy_loss, labels, x, weight, from_logits=True),
        ])  # fmt: skip
    parallel.set_num_threads(threads)
    for a, b in zip(*results, strict=True):
        assert np.array_equal(a, b)


def test_sums_are_accurate():
    x = np.full((1 << 20, 1), 0.1, "float32")
    assert float(pk.mean_squared_error(np.zeros_like(x), x)) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-7)


def test_empty_batch():
    assert float(pk.mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3)))) == 0
    assert pk.mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3)), None, "none").shape == (0,)
    assert float(k.sparse_categorical_crossentropy_loss(np.zeros(0, int), np.zeros((0, 3)))) == 0


def test_weights_of_zero():
    x = np.ones((2, 3), "float32")
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        value, grad = run(pk.mean_squared_error, 0 * x, x, np.zeros(2), reduction)
        assert value == 0 and not grad.any()


def test_symbolic():
    x = tensor.KerasTensor((None, 3))
    y = tensor.KerasTensor((None,))
    assert pk.mean_squared_error(x, x).shape == ()
    assert k.sparse_categorical_crossentropy_loss(y, x, None, "none").shape == (None,)
    assert pk.binary_crossentropy(x, x).shape == (None, 3)


@pytest.mark.parametrize(("labels", "message"), [
    ([0, 3, 5], r"class numbers must be whole and from 0 to 2, because y_pred has 3 classes.*value 3 at \[1\]"),
    ([0, 1, -2], r"value -2 at \[2\]"),
    ([0.0, 1.5, 2.0], r"value 1.5 at \[1\]"),
    ([[0.0], [1.0], [np.nan]], r"value nan at \[2, 0\]"),
    (np.array([0, 1, 2**63 + 1], "uint64"), r"value 9223372036854775809 at \[2\]"),
    ([0.0, np.inf, 1.0], r"value inf at \[1\]"),
])  # fmt: skip
@pytest.mark.parametrize("ignore_class", [None, 1])
def test_bad_labels(labels, message, ignore_class):
    with pytest.raises(ValueError, match=message):
        k.sparse_categorical_crossentropy_loss(labels, np.ones((3, 3), "float32"), ignore_class=ignore_class)


def test_error_messages():
    x = np.ones((4, 3), "float32")
    with pytest.raises(ValueError, match=r"reduction must be one of 'sum_over_batch_size'.*received reduction='avg'"):
        pk.mean_squared_error(x, x, None, "avg")
    with pytest.raises(ValueError, match=r"mean_squared_error: y_true and y_pred must have the same shape.*\(4, 2\)"):
        pk.mean_squared_error(np.ones((4, 2)), x)
    with pytest.raises(ValueError, match="binary_crossentropy: y_true and y_pred must have the same shape"):
        pk.binary_crossentropy_loss(np.ones((1, 3)), x)
    with pytest.raises(ValueError, match="binary_crossentropy: y_true and y_pred must have the same shape"):
        pk.binary_crossentropy(np.ones(4), np.ones((4, 1)))
    with pytest.raises(ValueError, match="Class numbers go with sparse_categorical_crossentropy"):
        k.categorical_crossentropy_loss(np.ones(4), x)
    with pytest.raises(ValueError, match="One-hot labels go with categorical_crossentropy"):
        k.sparse_categorical_crossentropy_loss(x, x)
    with pytest.raises(ValueError, match=r"sample_weight must fit the loss values, which have shape \(4, 3\).*reshape it to \(4, 1\)"):
        pk.mean_squared_error(np.ones((4, 3, 2)), np.ones((4, 3, 2)), np.ones(4))
    with pytest.raises(ValueError, match=r"sample_weight must fit the loss values, which have shape \(4,\)"):
        pk.mean_squared_error(x, x, np.ones(3))
    with pytest.raises(ValueError, match=r"axis must be an integer with -2 <= axis < 2.*received axis=2"):
        k.categorical_crossentropy_loss(x, x, axis=2)
    with pytest.raises(ValueError, match="y_pred must have at least one axis"):
        pk.mean_squared_error(1.0, 2.0)
    t = tensor.convert(x)
    with pytest.raises(ValueError, match=r"this loss has no gradient for it.*stop_gradient"), Tape() as tape:
        tape.watch(t)
        pk.binary_focal_crossentropy_loss(t, x)
    half = tensor.convert(x.astype("float16"))
    assert pk.mean_squared_error(half, half).dtype == "float32"
    with pytest.raises(TypeError, match="cast y_pred to float32 first"), Tape() as tape:
        tape.watch(half)
        pk.mean_squared_error(x, half)
