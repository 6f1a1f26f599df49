"""What the catalogue does not ask of activation, softmax and dropout: other dtypes, extreme numbers, errors."""

import numpy as np
import pytest

from dlcore._kernels import activation, cast, dropout, glu, parallel, softmax, tensor
from dlcore._kernels.tape import Tape

NAMES = [
    "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "sigmoid", "hard_sigmoid",
    "hard_silu", "log_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus",
    "sparse_sigmoid", "exponential",
]  # fmt: skip
# The value at -inf and at +inf
LIMITS = {
    "relu": (0, np.inf), "relu6": (0, 6), "leaky_relu": (-np.inf, np.inf), "elu": (-1, np.inf), "celu": (-1, np.inf),
    "selu": (-1.7580993408473766, np.inf), "gelu": (0, np.inf), "silu": (0, np.inf), "mish": (0, np.inf), "softplus": (0, np.inf),
    "sigmoid": (0, 1), "hard_sigmoid": (0, 1), "log_sigmoid": (-np.inf, 0), "tanh": (-1, 1), "hard_tanh": (-1, 1),
    "soft_shrink": (-np.inf, np.inf), "hard_shrink": (-np.inf, np.inf), "squareplus": (0, np.inf), "sparse_plus": (0, np.inf),
    "sparse_sigmoid": (0, 1), "exponential": (0, np.inf),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LIMITS)
def test_infinities(name, dtype):
    y = getattr(activation, name)(np.full(40, np.inf, dtype) * np.tile([-1, 1], 20).astype(dtype)).numpy()
    np.testing.assert_allclose(y, np.tile(LIMITS[name], 20), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_nan_and_extremes(name, dtype):
    x = np.array([np.nan, 1e4, -1e4, 90.0, -90.0, 1e-30, 0.0] * 5, dtype)
    t = tensor.convert(x)
    with Tape() as tape:
        tape.watch(t)
        y = getattr(activation, name)(t)
    dx = tape.gradient(y, t).numpy()
    y = y.numpy()
    assert np.isnan(y[::7]).all()
    finite = [i for i in range(35) if i % 7]
    if name != "exponential":
        assert np.isfinite(y[finite]).all()
        assert np.isfinite(dx[finite]).all()


@pytest.mark.parametrize("name", NAMES)
def test_integers_and_float16(name):
    entry = getattr(activation, name)
    x = np.array([-3, 0, 2, 5])
    expected = entry(x.astype("float32")).numpy()
    if name != "relu":
        for dtype in ("int32", "int64", "int8"):
            assert entry(x.astype(dtype)).numpy().tobytes() == expected.tobytes()
    half = entry(x.astype("float16"))
    assert half.dtype == "float16"
    np.testing.assert_allclose(half.numpy(), expected, rtol=1e-3)


def test_relu_keeps_integers():
    y = activation.relu(np.array([-3, 4]))
    assert y.dtype == "int64" and y.numpy().tolist() == [0, 4]


def test_linear_is_the_input():
    x = tensor.convert(np.ones(3))
    assert activation.linear(x) is x


def test_squareplus_without_smoothing_is_relu():
    assert activation.squareplus(np.array([-2.0, 0.0, 3.0]), b=0).numpy().tolist() == [0, 0, 3]


def test_squareplus_far_left():
    np.testing.assert_allclose(activation.squareplus(np.array([-1e4], "float32")).numpy(), 1e-4, rtol=1e-6)


def test_kinks_have_the_gradient_of_keras():
    for name, kinks, expected in (("relu", [0.0], [0]), ("relu6", [0.0, 6.0], [0, 0]), ("leaky_relu", [0.0], [0.2]), ("elu", [0.0], [1]),
                                  ("hard_tanh", [-1.0, 1.0], [0, 0]), ("hard_sigmoid", [-3.0, 3.0], [0, 0]), ("softsign", [0.0], [1]),
                                  ("hard_silu", [-3.0, 3.0], [0, 1]), ("soft_shrink", [-0.5, 0.5], [0, 0]), ("hard_shrink", [-0.5, 0.5], [0, 0])):  # fmt: skip
        t = tensor.convert(np.array(kinks))
        with Tape() as tape:
            tape.watch(t)
            y = getattr(activation, name)(t)
        np.testing.assert_allclose(tape.gradient(y, t).numpy(), expected, err_msg=name)


def test_softmax_of_other_dtypes():
    x = np.arange(12).reshape(3, 4)
    for entry in (softmax.softmax, softmax.log_softmax, softmax.sparsemax, glu.glu):
        expected = entry(x.astype("float32")).numpy()
        assert entry(x).numpy().tobytes() == expected.tobytes()
        half = entry(x.astype("float16"))
        assert half.dtype == "float16"
        np.testing.assert_allclose(half.numpy(), expected, rtol=2e-3)


@pytest.mark.parametrize("width", [3, 200])
def test_softmax_of_large_numbers(width):
    x = np.zeros((2, width), "float32")
    x[0, 0], x[1, 1] = 1e30, -np.inf
    for entry, top in ((softmax.softmax, 1), (softmax.log_softmax, 0), (softmax.sparsemax, 1)):
        y = entry(x).numpy()
        assert y[0, 0] == top and np.isfinite(y[0]).all()
    np.testing.assert_allclose(softmax.softmax(x).numpy()[1].sum(), 1, rtol=1e-6)
    x[0, 1] = np.nan
    assert np.isnan(softmax.softmax(x).numpy()[0]).all()


def test_sparsemax_is_on_the_simplex():
    y = softmax.sparsemax(np.random.default_rng(0).normal(size=(50, 20)) * 3).numpy()
    np.testing.assert_allclose(y.sum(-1), 1)
    assert (y >= 0).all() and (y == 0).any()


def test_softmax_over_one():
    with pytest.warns(UserWarning, match="the axis has size 1.*Did you mean sigmoid"):
        softmax.softmax(np.ones((3, 1)))


def test_dropout_is_unbiased_and_reproducible():
    x = np.ones((1000, 100), "float32")
    y = dropout.dropout(x, 0.3, 1, 2).numpy()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert abs(y.mean() - 1) < 0.01
    assert np.array_equal(y, dropout.dropout(x, 0.3, 1, 2).numpy())
    assert not np.array_equal(y, dropout.dropout(x, 0.3, 1, 3).numpy())
    assert not np.array_equal(y, dropout.dropout(x, 0.3, 2, 2).numpy())
    assert np.array_equal(y.astype("float64") > 0, dropout.dropout(x.astype("float64"), 0.3, 1, 2).numpy() > 0)


def test_dropout_keeps_dropped_infinities_out():
    assert set(dropout.dropout(np.full(100, np.inf), 0.5, 1, 2).numpy().tolist()) == {0, np.inf}
    assert not dropout.dropout(np.full(100, np.nan), 1.0, 1, 2).numpy().any()


def test_dropout_rate_zero_is_the_input():
    x = tensor.convert(np.ones(3))
    assert dropout.dropout(x, 0, 1, 2) is x


def test_dropout_of_other_dtypes():
    assert dropout.dropout(np.ones(9, int), 0.5, 1, 2).dtype == "float32"
    assert dropout.dropout(np.ones(9, "float16"), 0.5, 1, 2).dtype == "float16"


def test_error_messages():
    x = np.ones((4, 3), "float32")
    with pytest.raises(ValueError, match=r"soft_shrink: threshold must not be negative; received threshold=-1\.0"):
        activation.soft_shrink(x, -1)
    with pytest.raises(ValueError, match="celu: alpha must not be 0"):
        activation.celu(x, 0)
    with pytest.raises(ValueError, match=r"softmax: axis must lie in \[-2, 2\) for a tensor of shape \(4, 3\).*received axis=2"):
        softmax.softmax(x, axis=2)
    with pytest.raises(TypeError, match="log_softmax: axis must be a whole number; received axis='x'"):
        softmax.log_softmax(x, axis="x")
    with pytest.raises(ValueError, match="softmax: axis must name at least one axis"):
        softmax.softmax(x, axis=())
    with pytest.raises(ValueError, match=r"glu: axis size must be divisible by 2.*\(4, 3\).*axis=-1"):
        glu.glu(x)
    with pytest.raises(ValueError, match="glu: x must have at least one axis"):
        glu.glu(1.0)
    with pytest.raises(ValueError, match=r"dropout: rate must be from 0 to 1; received rate=1\.5"):
        dropout.dropout(x, 1.5, 1, 2)
    with pytest.raises(ValueError, match="dropout: noise_shape must have 2 entries"):
        dropout.dropout(x, 0.5, 1, 2, (4,))
    with pytest.raises(ValueError, match=r"dropout: noise_shape must hold 1, None or the size of x along each axis.*\(2, 3\)"):
        dropout.dropout(x, 0.5, 1, 2, (2, 3))
    half = tensor.convert(np.ones((4, 2), "float16"))
    for entry, place in ((activation.tanh, "the activation"), (softmax.softmax, "softmax"), (glu.glu, "glu"), (lambda h: dropout.dropout(h, 0.5, 1, 2), "dropout")):
        with Tape() as tape:
            tape.watch(half)
            y = cast.cast(entry(half), "float32")
        with pytest.raises(TypeError, match=f"cast .* to float32 before {place}"):
            tape.gradient(y, half)


def test_threads_with_short_rows():
    x = np.random.default_rng(0).normal(size=(70000, 3)).astype("float32")
    threads = parallel.get_num_threads()
    results = []
    for n in (1, 4):
        parallel.set_num_threads(n)
        results.append([f(x).numpy().tobytes() for f in (softmax.softmax, softmax.log_softmax, softmax.sparsemax)])
    parallel.set_num_threads(threads)
    assert results[0] == results[1]
