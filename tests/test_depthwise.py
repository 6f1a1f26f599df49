"""Depthwise and separable convolution: numbers recorded from Keras, errors, and what Keras does not say."""

import json
from pathlib import Path

import numpy as np
import pytest
from catalogue_depthwise import convolution
from golden.record_depthwise import SEEDS, Case, usable

import dlcore
from dlcore import layers, ops
from dlcore._kernels import parallel
from dlcore._kernels.depthwise import depthwise_convolve, separable_convolve

GOLDEN = np.load(Path(__file__).parent / "golden" / "depthwise.npz")
USABLE = list(filter(usable, SEEDS))


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)


def normal(*shape, seed=0, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("seed", USABLE)
def test_golden(seed):
    case = Case(seed)
    found = case.run_dlcore()
    expected = {k.split("/")[1]: GOLDEN[k] for k in GOLDEN.files if k.startswith(f"{seed}/") and not k.endswith("structure")}
    assert list(found) == list(expected)
    for name, value in expected.items():
        some = found[name].ravel()[:: max(1, found[name].size // 200)]
        np.testing.assert_allclose(some, value, rtol=3e-5, atol=3e-5 * max(1, np.abs(value).max(initial=0)), err_msg=name)


@pytest.mark.parametrize("seed", USABLE)
def test_golden_structure(seed):
    found, expected = Case(seed).structure(dlcore), json.loads(str(GOLDEN[f"{seed}/structure"]))
    assert found[0] == expected[0]
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("shape", [(2, 9, 8, 16), (1, 7, 30, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_scale(shape, padding, bias):
    """scale multiplies what the convolution gives, before the bias; no gradient goes through it."""
    x, kernel, scale = normal(*shape), normal(3, 3, shape[-1], 2, seed=1), normal(2 * shape[-1], seed=2)
    b = normal(2 * shape[-1], seed=3) if bias else None
    found = depthwise_convolve(x, kernel, b, 1, padding, 1, "relu", scale)
    expected = np.maximum(convolution(x, kernel, b if bias else 0.0, scale, padding=padding), 0)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=2e-5)
    x = ops.convert_to_tensor(x)
    with dlcore.GradientTape() as tape:
        tape.watch([x])
        with pytest.raises(ValueError, match="scale is for inference"):
            depthwise_convolve(x, kernel, b, 1, padding, 1, None, scale)


@pytest.mark.parametrize("name", ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"])
def test_convolve_of_layers(name):
    """What follows a layer can be fused into it: a scale and another bias."""
    rank = int(name[-2])
    layer = getattr(layers, name)(kernel_size=3, depth_multiplier=2, **({"filters": 5} if name[0] == "S" else {}))
    x = normal(2, *[6] * rank, 3)
    layer(x)
    n = 5 if name[0] == "S" else 6
    bias, scale = normal(n, seed=1), normal(n, seed=2)
    expected = np.tanh(layer.convolve(x).numpy() * scale + bias)
    np.testing.assert_allclose(layer.convolve(x, bias, dlcore.activations.fused_code(dlcore.activations.tanh), scale).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", [None, "relu", "relu6"])
def test_not_finite(value, activation):
    """A NaN or an infinity reaches what the kernel sees, and nothing else."""
    x = normal(1, 9, 24, 16)
    x[0, 4, 11, 5] = value
    y = depthwise_convolve(x, np.ones((3, 3, 16, 1), "float32"), None, 1, "same", 1, activation).numpy()
    seen = np.zeros(y.shape, bool)
    seen[0, 3:6, 10:13, 5] = True
    with np.errstate(invalid="ignore"):
        assert np.isfinite(y[~seen]).all()
        expected = value if activation is None else np.clip(value, 0, 6 if activation == "relu6" else np.inf)
    np.testing.assert_array_equal(y[seen], np.full(9, expected, "float32"))


@pytest.mark.parametrize("shape", [(3, 40, 40, 36), (40, 7, 7, 5), (1, 3000, 1, 2)])
def test_threads(shape):
    """Any number of threads gives the same bits, also of the sums over all pixels."""
    before, results = parallel.get_num_threads(), []
    try:
        for n in (1, 3):
            parallel.set_num_threads(n)
            x, kernel, bias = (ops.convert_to_tensor(v) for v in (normal(*shape), normal(3, 3, shape[-1], 2), normal(2 * shape[-1])))
            with dlcore.GradientTape() as tape:
                tape.watch([x, kernel, bias])
                y = depthwise_convolve(x, kernel, bias, (2, 1), "same", 1, "tanh")
            results.append([v.numpy().tobytes() for v in (y, *tape.gradient([y], [x, kernel, bias]))])
    finally:
        parallel.set_num_threads(before)
    assert results[0] == results[1]


def test_accuracy_of_long_sums():
    """The gradient by the kernel sums over a million pixels; in one running sum of float32 it would lose three digits."""
    x, kernel = (ops.convert_to_tensor(v) for v in (np.full((1, 1000, 1000, 1), 1.1, "float32"), np.ones((1, 1, 1, 1), "float32")))
    with dlcore.GradientTape() as tape:
        tape.watch([kernel])
        y = depthwise_convolve(x, kernel, None, 1, "valid", 1)
    gradient = tape.gradient([y], [kernel])[0].numpy().item()
    assert abs(gradient / (1e6 * float(np.float32(1.1))) - 1) < 1e-6


def test_whole_numbers():
    found = ops.depthwise_conv(np.arange(8).reshape(1, 8, 1), np.ones((2, 1, 1), "float32"))
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found.numpy().ravel(), np.arange(1, 15, 2))


X, K = normal(2, 8, 8, 3), normal(3, 3, 3, 2)


@pytest.mark.parametrize(("arguments", "message"), [
    ((X[0, 0], K), "1 to 3 spatial axes"),
    ((X, K[0]), "kernel must be float32 or float64 and of shape"),
    ((X, K.astype("int32")), "kernel must be float32 or float64"),
    ((X, K[..., :2, :]), "must have the 2 channels of the kernel"),
    ((X, K[:0]), "no axis of the kernel may be empty"),
    ((X, K.astype("float64")), "the same dtype"),
    ((X[:, :2], K), "does not fit into axis 1"),
    ((X, K, 0), "strides must be a whole number from 1 to 2147483647, .* received strides=0"),
    ((X, K, (1, 2, 3)), "strides must be"),
    ((X, K, 1.5), "strides must be"),
    ((X, K, 1, "full"), "padding must be 'valid' or 'same'"),
    ((X, K, 1, "causal"), "padding must be 'valid' or 'same'"),
    ((X, K, 1, "valid", "last"), "data_format"),
    ((X, K, 1, "valid", None, 0), "dilation_rate must be"),
    ((X, K, 1, "valid", None, 2**63 - 1), "dilation_rate must be .* received dilation_rate=9223372036854775807"),
    ((X, K, 2**62), "strides must be .* received strides=4611686018427387904"),
])  # fmt: skip
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.depthwise_conv(*arguments)


def test_more_errors():
    with pytest.raises(ValueError, match="bias must have shape"):
        depthwise_convolve(X, K, normal(5), 1, "valid", 1)
    with pytest.raises(ValueError, match="activation must be the name"):
        depthwise_convolve(X, K, None, 1, "valid", 1, "softmax")
    for pointwise in (normal(1, 1, 5, 2), normal(1, 6, 2), normal(2, 1, 6, 2)):
        with pytest.raises(ValueError, match="pointwise_kernel must have shape"):
            separable_convolve(X, K, pointwise, None, 1, "valid", 1)
    for name in ("DepthwiseConv2D", "SeparableConv2D"):
        make = getattr(layers, name)
        more = {"filters": 2} if name[0] == "S" else {}
        with pytest.raises(ValueError, match="depth_multiplier"):
            make(kernel_size=3, depth_multiplier=0, **more)
        with pytest.raises(ValueError, match="padding"):
            make(kernel_size=3, padding="causal", **more)
        with pytest.raises(ValueError, match="must be known"):
            make(kernel_size=3, **more).build((None, 8, 8, None))
        with pytest.raises(ValueError, match="zero or negative"):
            make(kernel_size=3, **more).build((None, 2, 8, 3))


def test_empty_batch():
    layer = layers.SeparableConv2D(4, 3)
    x = ops.convert_to_tensor(X[:0])
    with dlcore.GradientTape() as tape:
        tape.watch([x])
        y = layer(x)
    assert y.shape == (0, 6, 6, 4)
    assert all(not g.numpy().any() for g in tape.gradient([y], [x, *layer.trainable_weights]))


def test_activation_may_be_exchanged():
    layer = layers.DepthwiseConv2D(3)
    layer(X)
    layer.activation = "relu"
    assert layer.get_config()["activation"] == "relu" and layer(X).numpy().min() == 0
    layer.activation = dlcore.activations.softmax          # not fused
    np.testing.assert_allclose(layer(X).numpy().sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("times", [1, 2])
def test_long_rows_of_many_channels(times):
    """Rows come in pieces, which do not meet all runs of taps: lists of taps are not taken from a piece that made none."""
    x, kernel = normal(2, 4, 176, 512, dtype="float64"), normal(5, 7, 512, times, seed=1, dtype="float64")
    g = normal(2, 4, 176, 512 * times, seed=2, dtype="float64")
    found = []
    for cut in (512, 32):                               # short rows of 32 channels are whole
        parts = []
        for c in range(0, 512, cut):
            t = ops.convert_to_tensor(np.ascontiguousarray(x[..., c : c + cut]))
            w = ops.convert_to_tensor(np.ascontiguousarray(kernel[..., c : c + cut, :]))
            with dlcore.GradientTape() as tape:
                tape.watch([t, w])
                y = depthwise_convolve(t, w, None, 1, "same", 1)
                total = ops.sum(y * g[..., c * times : (c + cut) * times])
            parts.append([y.numpy(), *[v.numpy() for v in tape.gradient(total, [t, w])]])
        found.append([np.concatenate([p[i] for p in parts], -2 if i == 2 else -1) for i in range(3)])
    for whole, cut in zip(*found, strict=True):
        np.testing.assert_allclose(whole, cut, rtol=1e-9, atol=1e-9)
