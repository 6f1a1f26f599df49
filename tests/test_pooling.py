"""Pooling: numbers recorded from Keras, errors, and what Keras does not say."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.record_pooling import SEEDS, Case

import dlcore
from dlcore import layers, ops
from dlcore._kernels.pool import pool_info
from dlcore.testing import check_gradient

GOLDEN = np.load(Path(__file__).parent / "golden" / "pooling.npz")


@pytest.mark.parametrize("seed", SEEDS)
def test_golden(seed):
    case, shape = Case(seed), str(GOLDEN[f"{seed}/shape"])
    if shape == "error":
        for run in (case.run_dlcore, lambda: case.symbolic_shape(dlcore)):
            with pytest.raises(ValueError, match="zero or negative"):
                run()
        return
    assert case.symbolic_shape(dlcore) == json.loads(shape)
    for name, found in case.run_dlcore().items():
        np.testing.assert_allclose(found.ravel()[::7], GOLDEN[f"{seed}/{name}"], rtol=2e-6, atol=2e-6, err_msg=name)


def gradient(function, x):
    x = ops.convert_to_tensor(x)
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy()


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 21])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_first_of_equal_elements_gets_the_gradient(channels, strides):
    x = np.ones((2, 7, 8, channels), "float32")
    expected = np.zeros_like(x)
    expected[:, : (7 - 2) // strides * strides + 1 : strides, : (8 - 2) // strides * strides + 1 : strides] = 1
    np.testing.assert_array_equal(gradient(lambda x: ops.max_pool(x, 2, strides), x), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", range(1, 36))
def test_any_number_of_channels(channels, dtype):
    """Against the reduction of the same windows, laid out side by side."""
    x = np.random.default_rng(channels).normal(size=(2, 6, 10, channels)).astype(dtype)
    parts = x.reshape(2, 3, 2, 5, 2, channels).transpose(0, 1, 3, 2, 4, 5).reshape(2, 3, 5, 4, channels)
    np.testing.assert_array_equal(ops.max_pool(x, 2).numpy(), parts.max(3))
    np.testing.assert_allclose(ops.average_pool(x, 2).numpy(), parts.mean(3), rtol=1e-6, atol=1e-6)
    place = (parts == parts.max(3, keepdims=True)).reshape(2, 3, 5, 2, 2, channels).transpose(0, 1, 3, 2, 4, 5).reshape(x.shape)
    np.testing.assert_array_equal(gradient(lambda x: ops.max_pool(x, 2), x), place)
    np.testing.assert_array_equal(gradient(lambda x: ops.average_pool(x, 2), x), np.full_like(x, 0.25))


@pytest.mark.parametrize("width", range(2, 70))
def test_any_width_of_one_channel(width):
    x = np.random.default_rng(width).normal(size=(2, width, 1)).astype("float32")
    for strides in (1, 2, 3):
        starts = range(0, width - 1, strides)
        np.testing.assert_array_equal(ops.max_pool(x, 2, strides).numpy()[..., 0], np.stack([x[:, i : i + 2, 0].max(1) for i in starts], 1))
        np.testing.assert_allclose(ops.average_pool(x, 2, strides).numpy()[..., 0], np.stack([x[:, i : i + 2, 0].mean(1) for i in starts], 1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (16, 17), (40, 30)])
def test_positions_in_a_byte_and_in_more(size):
    """256 cells fit in a byte."""
    check_gradient(lambda x: ops.max_pool(x, size, 9, "same"), [np.random.default_rng(0).permutation(30 * 20 * 2).reshape(1, 30, 20, 2) * 0.1])
    check_gradient(lambda x: ops.max_pool(x, size, padding="same"), [np.random.default_rng(0).permutation(30 * 20 * 5).reshape(1, 30, 20, 5) * 0.1])


def test_positions_are_kept_for_gradients_only():
    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(8, 64, 64, 16)).astype("float32"))
    live = pool_info()["live"]
    y = ops.max_pool(x, 2)
    inference = pool_info()["live"] - live
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        z = ops.max_pool(x, 2)
    training = pool_info()["live"] - live - inference
    assert y.nbytes <= inference < 1.13 * y.nbytes + 4096
    assert 1.2 * z.nbytes < training < 1.45 * z.nbytes


def test_sum_of_a_long_window_is_exact():
    for shape in ((1, 512, 512, 2), (1, 200, 400, 34), (1, 50, 70, 40)):
        x = np.random.default_rng(0).uniform(1, 2, size=shape).astype("float32")
        for function in (lambda x: ops.average_pool(x, x.shape[1:3]), lambda x: ops.adaptive_average_pool(x, 1)):
            np.testing.assert_allclose(function(x).numpy().ravel(), x.astype("float64").mean((1, 2)).ravel(), rtol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [32, 61, 130])
@pytest.mark.parametrize("sizes", [(7, 7), (3, 4), (17, 16), (2, 3, 5), (23,)])
def test_large_windows_of_many_channels(sizes, channels, dtype):
    """They go cell after cell. Equal elements; gradients that are added to others."""
    rng = np.random.default_rng(0)
    x = rng.integers(-5, 5, (2, *sizes, channels)).astype(dtype)
    x[1, ..., 3].flat[[2, 5]] = np.nan
    axes, cells = tuple(range(1, x.ndim - 1)), np.prod(sizes)
    g = rng.normal(size=(2, channels)).astype(dtype)
    t = ops.convert_to_tensor(np.nan_to_num(x))
    with dlcore.GradientTape(persistent=True) as tape:
        tape.watch(t)
        largest, mean = ops.adaptive_max_pool(t, 1), ops.adaptive_average_pool(t, 1)
        both = ops.sum(largest * g.reshape(largest.shape)) + ops.sum(mean * g.reshape(mean.shape))
    np.testing.assert_array_equal(ops.adaptive_max_pool(x, 1).numpy().reshape(2, channels), x.max(axes))
    np.testing.assert_allclose(mean.numpy().reshape(2, channels), np.nan_to_num(x).mean(axes, dtype="float64"), rtol=1e-6, atol=1e-6)
    flat = np.nan_to_num(x).reshape(2, cells, channels)
    expected = np.zeros(flat.shape, dtype)
    for n in range(2):
        expected[n, np.argmax(flat[n], 0), np.arange(channels)] = g[n]
    np.testing.assert_allclose(tape.gradient(largest, t, output_gradients=g.reshape(largest.shape)).numpy().reshape(flat.shape), expected)
    np.testing.assert_allclose(tape.gradient(both, t).numpy().reshape(flat.shape), expected + g[:, None] / cells, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", [lambda x: ops.max_pool(x, 2), lambda x: ops.average_pool(x, (3, 2), 1, "same"), lambda x: ops.adaptive_max_pool(x, (2, 1))])
def test_nothing_to_do(function):
    for shape in ((0, 4, 4, 3), (2, 4, 4, 0)):
        x = np.zeros(shape, "float32")
        assert function(x).shape[0] == shape[0] and function(x).shape[-1] == shape[-1]
        assert gradient(function, x).shape == shape
    assert ops.max_pool(np.zeros((2, 0, 4, 3), "float32"), 2, padding="same").shape == (2, 0, 2, 3)


def test_unknown_sizes():
    x = dlcore.KerasTensor((None, None, 9, 3))
    assert ops.max_pool(x, 2).shape == (None, None, 4, 3)
    assert ops.average_pool(x, 2, 1, "same").shape == (None, None, 9, 3)
    assert ops.adaptive_max_pool(x, (3, 4)).shape == (None, 3, 4, 3)
    assert layers.MaxPooling2D(2).compute_output_shape((None, None, 9, 3)) == (None, None, 4, 3)
    assert layers.GlobalMaxPooling2D()(x).shape == (None, 3)
    assert layers.GlobalAveragePooling2D(keepdims=True, data_format="channels_first")(x).shape == (None, None, 1, 1)


def test_dtypes():
    whole = np.arange(24).reshape(1, 6, 4)
    assert ops.max_pool(whole, 2).dtype == "int64" and ops.max_pool(whole, 2).numpy().ravel().tolist() == [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23]
    assert ops.average_pool(whole, 2).dtype == "float32"
    assert layers.MaxPooling1D(2)(dlcore.KerasTensor((None, 6, 4), "int32")).dtype == "int32"
    with pytest.raises(ValueError, match="expected numbers"):
        ops.max_pool(whole > 3, 2)


X = np.zeros((2, 5, 6, 3), "float32")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ops.max_pool(X, 6), ValueError, "zero or negative.*pool_size=.6, 6."),
        (lambda: ops.average_pool(X, (2, 7)), ValueError, "zero or negative"),
        (lambda: ops.max_pool(dlcore.KerasTensor((None, None, 3, 2)), 4), ValueError, "zero or negative"),
        (lambda: ops.max_pool(X, 0), ValueError, "`pool_size`.*at least 1"),
        (lambda: ops.max_pool(X, (2, 2, 2)), ValueError, "`pool_size`.*2 whole numbers"),
        (lambda: ops.max_pool(X, 2.5), ValueError, "`pool_size`"),
        (lambda: ops.max_pool(X, 2**70), ValueError, "`pool_size`"),
        (lambda: ops.max_pool(X, 2, -1), ValueError, "`strides`"),
        (lambda: ops.max_pool(X, 2, padding="full"), ValueError, "`padding`.*'full'"),
        (lambda: ops.max_pool(X, 2, padding=None), ValueError, "`padding`"),
        (lambda: ops.max_pool(X, 2, data_format="NHWC"), ValueError, "data_format"),
        (lambda: ops.max_pool(X[0, 0], 2), ValueError, "3 to 5 axes"),
        (lambda: ops.adaptive_max_pool(X, 0), ValueError, "`output_size`"),
        (lambda: ops.adaptive_max_pool(X, 2**40), MemoryError, "too large"),
        (lambda: ops.adaptive_average_pool(X[:, :0], 2), ValueError, "nothing to pool"),
        (lambda: layers.MaxPooling2D((2, 3, 4)), ValueError, "`pool_size`"),
        (lambda: layers.MaxPooling2D(2, strides=0), ValueError, "`strides`"),
        (lambda: layers.AveragePooling1D(2, padding="causal"), ValueError, "`padding`"),
        (lambda: layers.MaxPooling2D(2)(X[0]), ValueError, "expected ndim=4"),
        (lambda: layers.MaxPooling2D(6)(X), ValueError, "zero or negative"),
        (lambda: layers.MaxPooling2D(6).compute_output_shape(X.shape), ValueError, "zero or negative"),
        (lambda: layers.MaxPooling2D(2).compute_output_shape((2, 5)), ValueError, "4 axes"),
        (lambda: layers.GlobalMaxPooling1D()(X), ValueError, "expected ndim=3"),
        (lambda: layers.GlobalMaxPooling1D(data_format="first"), ValueError, "data_format"),
        (lambda: layers.AdaptiveMaxPooling2D((2,)), TypeError, "`output_size`"),
        (lambda: layers.AdaptiveMaxPooling1D((2, 3)), ValueError, "`output_size`"),
        (lambda: layers.AdaptiveMaxPooling2D("2"), TypeError, "`output_size`"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_windows_and_strides_of_any_size():
    for size in (2**61, 100):
        np.testing.assert_array_equal(ops.max_pool(X + 1, size, 2**61, "same").numpy(), np.ones((2, 1, 1, 3)))
        np.testing.assert_array_equal(gradient(lambda x, size=size: ops.average_pool(x, size, padding="same"), X), np.full_like(X, 1 / 30))


def test_mask_of_steps():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 0]])
    layer = layers.GlobalAveragePooling1D()
    np.testing.assert_allclose(layer(x, mask=mask).numpy(), [x[0, [0, 2, 3]].mean(0), x[1, 1]], rtol=1e-6)
    x[0, 1] = np.nan
    assert np.isfinite(layer(x, mask=mask).numpy()).all()
    inputs = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    embedding = layers.Embedding(5, 3, mask_zero=True)
    table = embedding(inputs).numpy()
    model = dlcore.Sequential([embedding, layer])
    np.testing.assert_allclose(model(inputs).numpy(), [table[0, :2].mean(0), table[1, 0]], rtol=1e-6)
    assert model(inputs).mask is None


def test_in_a_model():
    dlcore.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 12, 12, 2)).astype("float32")
    y = x[:, ::2, ::2].max((1, 2)) @ np.array([[1.0], [-1.0]], "float32")
    model = dlcore.Sequential([
        layers.Dense(16, activation="relu"), layers.MaxPooling2D(), layers.AveragePooling2D(2, 1, "same"), layers.AdaptiveMaxPooling2D(2), layers.GlobalAvgPool2D(), layers.Dense(1),
    ])  # fmt: skip
    model.compile(dlcore.optimizers.Adam(0.01), "mse")
    history = model.fit(x, y, epochs=40, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]
    assert dlcore.Sequential.from_config(model.get_config()).output_shape == (None, 1)
