"""Winograd's algorithm against the definition in float64. Its error is that of rounding in the transforms: the bound promised is 1e-4 of
the largest result; measured (see docs/design/decisions.md) are 1e-6 to 3e-6, and tested is 1e-5."""

import numpy as np
import pytest
from processes import run

import dlcore
from dlcore import _kernels, ops
from dlcore._kernels import conv, parallel, winograd

BOUND = 1e-5
WATCH = """
import sys
import numpy as np
from dlcore._kernels import winograd
from dlcore._kernels.tensor import convert

arrays = np.load(sys.argv[1])
x, k, g = (convert(arrays[name]) for name in "xkg")
y = winograd.convolve(x, k, top=1, left=1, height=g.shape[1], width=g.shape[2])
np.savez(sys.argv[2], y, *winograd.weight_gradient(x, g, (3, 3), top=1, left=1))
"""


def patches(x, shape, top, left, height, width):
    """The pixels under each tap of a kernel of that shape, in float64: lists of (n, height, width, c)."""
    n, h, w, c = x.shape
    room = np.zeros((n, top + max(h, height + 5), left + max(w, width + 5), c))
    room[:, top : top + h, left : left + w] = x
    return [[room[:, i : i + height, j : j + width] for j in range(shape[1])] for i in range(shape[0])]


def defined(x, k, top, left, height, width):
    under = patches(x, k.shape, top, left, height, width)
    return sum(pixels @ k[i, j].astype("float64") for i, row in enumerate(under) for j, pixels in enumerate(row))


def defined_gradient(x, g, shape, top, left):
    under = patches(x, shape, top, left, *g.shape[1:3])
    return np.stack([[np.tensordot(pixels, g.astype("float64"), ((0, 1, 2), (0, 1, 2))) for pixels in row] for row in under])


def error(got, expected, scale=None):
    return np.abs(np.asarray(got) - expected).max() / max(np.abs(expected if scale is None else scale).max(), 1e-3)


def make(rng, n, h, w, c, k, shape):
    x = np.maximum(rng.standard_normal((n, h, w, c)), 0).astype("float32")
    limit = np.sqrt(6 / (shape[0] * shape[1] * (c + k)))
    return x, rng.uniform(-limit, limit, (*shape, c, k)).astype("float32")


# many tiles, few tiles, long rows, single pixels, more channels than a piece, numbers around the width of vectors and tiles
SHAPES = [
    (1, 1, 1, 1, 1, (3, 3)), (2, 5, 7, 3, 5, (3, 3)), (3, 13, 13, 32, 64, (3, 3)), (40, 9, 6, 17, 33, (3, 3)), (1, 6, 150, 20, 40, (3, 3)),
    (2, 30, 31, 8, 16, (3, 3)), (1, 14, 14, 130, 70, (3, 3)), (12, 14, 14, 65, 96, (3, 3)), (1, 1, 9, 16, 16, (5, 5)), (2, 11, 10, 48, 31, (5, 5)),
    (9, 12, 13, 15, 49, (5, 5)), (1, 4, 70, 7, 9, (5, 5)), (3, 1, 500, 33, 40, (1, 3)), (1, 1, 45, 80, 16, (1, 3)), (4, 7, 9, 16, 18, (1, 3)),
    (2, 1, 300, 20, 70, (1, 5)), (2, 3, 11, 9, 33, (1, 5)),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_three_passes(shape):
    n, h, w, c, k, size = shape
    rng = np.random.default_rng(c)
    high, wide = size[0] - 1, size[1] - 1
    for top, left, height, width in [(high // 2, wide // 2, h, w), (0, wide, max(1, h - 2), w + 1), (high, 1, h + high, max(1, w - 1))]:
        x, kernel = make(rng, n, h, w, c, k, size)
        g = rng.standard_normal((n, height, width, k)).astype("float32")
        y = winograd.convolve(x, kernel, top=top, left=left, height=height, width=width)
        assert error(y, defined(x, kernel, top, left, height, width)) < BOUND
        turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
        dx = winograd.convolve(g, kernel, top=high - top, left=wide - left, height=h, width=w, turned=True)
        assert error(dx, defined(g, turned, high - top, wide - left, h, w)) < BOUND
        dk, db = winograd.weight_gradient(x, g, size, top=top, left=left)
        assert error(dk, defined_gradient(x, g, size, top, left)) < BOUND
        assert error(db, g.sum((0, 1, 2), dtype="float64"), np.abs(g).sum((0, 1, 2))) < 1e-6


@pytest.mark.parametrize("shape", [(2, 9, 10, 18, 35, (3, 3)), (30, 10, 9, 18, 35, (3, 3)), (3, 8, 8, 16, 20, (5, 5)), (3, 1, 300, 16, 20, (1, 3))], ids=str)
def test_masks_scale_bias_relu_and_sums(shape):
    n, h, w, c, k, size = shape
    rng = np.random.default_rng(5)
    x, kernel = make(rng, n, h, w, c, k, size)
    top, left = (size[0] - 1) // 2, (size[1] - 1) // 2
    mask, gmask, g, old = (rng.standard_normal((n, h, w, m)).astype("float32") for m in (c, k, k, k))
    bias, scale, old_bias = (rng.standard_normal(k).astype("float32") for _ in range(3))
    old_kernel = rng.standard_normal(kernel.shape).astype("float32")
    here = {"top": top, "left": left}
    plain = defined(x * (mask > 0), kernel, top, left, h, w)
    y = winograd.convolve(x, kernel, bias, scale, True, mask, height=h, width=w, **here)
    assert error(y, np.maximum(plain * scale + bias, 0), plain) < BOUND
    into = ops.convert_to_tensor(old.copy())
    winograd.convolve(x, kernel, mask=mask, height=h, width=w, into=into, **here)
    assert error(into, plain + old, plain) < BOUND
    dk, db = ops.convert_to_tensor(old_kernel.copy()), ops.convert_to_tensor(old_bias.copy())
    winograd.weight_gradient(x, g, size, mask, gmask, into=(dk, db), **here)
    assert error(dk, defined_gradient(x * (mask > 0), g * (gmask > 0), size, top, left) + old_kernel) < BOUND
    assert error(db, (g * (gmask > 0)).sum((0, 1, 2)) + old_bias) < BOUND


@pytest.mark.parametrize("size", [(3, 3), (5, 5)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 21])
def test_tiles_with_fewer_rows_or_columns_at_the_edges(n, size):
    """All numbers of rows and columns that the last tiles may have, alone, beside whole ones and in corners, with few tiles and many."""
    rng = np.random.default_rng(8)
    for height in range(1, 16):
        for width in {height, *rng.integers(1, 16, 3).tolist()}:
            c, k = 9, int(rng.choice([16, 20, 40]))
            top, left = (int(v) for v in rng.integers(0, size[0], 2))
            x, kernel = make(rng, n, height + 1, width + 2, c, k, size)
            g = rng.standard_normal((n, height, width, k)).astype("float32")
            at = {"top": top, "left": left}
            expected = defined(x, kernel, top, left, height, width)
            assert error(winograd.convolve(x, kernel, height=height, width=width, **at), expected) < BOUND
            dx = winograd.convolve(g, kernel, turned=True, height=height, width=width, **at)
            assert error(dx, defined(g, kernel[::-1, ::-1].swapaxes(2, 3), top, left, height, width)) < BOUND
            dk, db = winograd.weight_gradient(x, g, size, **at)
            assert error(dk, defined_gradient(x, g, size, top, left)) < BOUND
            assert error(db, g.sum((0, 1, 2), dtype="float64"), np.abs(g).sum((0, 1, 2))) < 1e-6


def first_maxima(y, high):
    """Maxima over windows of `high` x 2 and their places: the first of the largest, and NaN is larger than numbers."""
    n, h, w, k = y.shape
    windows = y.reshape(n, h // high, high, w // 2, 2, k).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // high, w // 2, k, 2 * high)
    places = windows.argmax(-1)  # NumPy's takes the first NaN, and the first of the largest
    return np.take_along_axis(windows, places[..., None], -1)[..., 0], places


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("size", [(3, 3), (5, 5), (1, 3), (1, 5)], ids=str)
@pytest.mark.parametrize("n", [1, 40])
def test_pooling_on_the_way_takes_the_first_maximum_of_each_window(n, size, relu):
    rng = np.random.default_rng(7)
    for trial, (height, width, k) in enumerate([(10, 10, 64), (2, 2, 33), (4, 6, 16), (6, 16, 50), (8, 30, 7)] * 2):
        height = height if size[0] > 1 else height + 1
        x, kernel = make(rng, n, height + size[0] - 1, width + size[1] - 1, 24, k, size)
        bias, scale = (rng.standard_normal(k).astype("float32") for _ in range(2))
        if trial >= 5:  # many equal elements: windows of zeros only, and of NaN
            x[:, : height // 2] = 0
            bias = np.round(bias)
            x[0, -1, -1, 0] = np.nan
            kernel[..., 1] = -np.abs(kernel[..., 1])
        args = (x, kernel, bias, scale if trial % 2 else None, relu)
        y, places = (np.asarray(v) for v in winograd.convolve(*args, height=height, width=width, pool=True))
        largest, first = first_maxima(np.asarray(winograd.convolve(*args, height=height, width=width)), 2 if size[0] > 1 else 1)
        np.testing.assert_array_equal(y, largest)
        assert not (relu and np.signbit(y[~np.isnan(y)]).any())
        np.testing.assert_array_equal(places, first)


@pytest.mark.parametrize(("n", "c", "k"), [(2, 48, 80), (40, 48, 80), (2, 64, 31), (2, 65, 32)])
def test_bits_do_not_depend_on_threads(n, c, k):
    rng = np.random.default_rng(0)
    x, kernel = make(rng, n, 15, 14, c, k, (3, 3))
    g = rng.standard_normal((n, 15, 14, k)).astype("float32")
    kept = dlcore.Variable(kernel)
    before, results = parallel.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            parallel.set_num_threads(threads)
            made = [winograd.convolve(x, kernel, top=1, left=1, height=15, width=14), *winograd.weight_gradient(x, g, (3, 3), top=1, left=1)]
            made += winograd.convolve(x, kernel, top=1, left=1, height=14, width=14, pool=True)
            made += [conv.convolve(x, kept, None, 1, "same", 1), conv.convolve(x, kept, None, 1, "same", 1, "relu", pool=(2, 2))]
            results.append([np.asarray(v).tobytes() for v in made])
    finally:
        parallel.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("shape", [(1, 4, 61, 3, 3), (1, 3, 125, 3, 3), (2, 4, 61, 3, 3), (1, 2, 61, 5, 5), (1, 1, 61, 1, 3), (1, 4, 64, 3, 3)], ids=str)
def test_bits_do_not_depend_on_threads_where_a_row_ends_in_a_narrow_tile(shape):
    n, h, w, *size = shape
    x, kernel = make(np.random.default_rng(0), n, h, w, 32, 32, size)
    before, results = parallel.get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 4):
            parallel.set_num_threads(threads)
            results.add(np.asarray(winograd.convolve(x, kernel, top=size[0] // 2, left=size[1] // 2, height=h, width=w)).tobytes())
    finally:
        parallel.set_num_threads(before)
    assert len(results) == 1


@pytest.mark.parametrize("level", _kernels.ISA_AVAILABLE)
def test_every_instruction_set(tmp_path, level):
    rng = np.random.default_rng(1)
    x, kernel = make(rng, 12, 13, 11, 19, 37, (3, 3))
    g = rng.standard_normal((12, 13, 11, 37)).astype("float32")
    np.savez(tmp_path / "in.npz", x=x, k=kernel, g=g)
    run(WATCH, tmp_path / "in.npz", tmp_path / "out.npz", DLCORE_ISA=level)
    with np.load(tmp_path / "out.npz") as file:
        y, dk, db = file.values()
    assert error(y, defined(x, kernel, 1, 1, 13, 11)) < BOUND
    assert error(dk, defined_gradient(x, g, (3, 3), 1, 1)) < BOUND
    assert error(db, g.sum((0, 1, 2), dtype="float64")) < BOUND


def test_an_infinite_pixel_reaches_no_further_than_its_tiles():
    x, kernel = make(np.random.default_rng(2), 1, 24, 24, 16, 16, (3, 3))
    clean = np.asarray(winograd.convolve(x, kernel, top=1, left=1, height=24, width=24))
    x[0, 9, 9, 3] = np.inf
    y = np.asarray(winograd.convolve(x, kernel, top=1, left=1, height=24, width=24))
    bad = ~np.isfinite(y[0]).all(-1)
    assert bad[8:11, 8:11].all()  # where the definition has it
    bad[8:12, 8:12] = False  # and in the rest of the one tile that reads the pixel
    assert not bad.any()
    np.testing.assert_array_equal(y[0][~bad][0], clean[0][~bad][0])


def test_conv_uses_it_where_it_pays():
    rng = np.random.default_rng(3)
    x, kernel = make(rng, 8, 14, 14, 32, 48, (3, 3))
    assert winograd.pays(8, 14, 14, 32, 14, 14, 48, (3, 3))
    on = np.asarray(ops.conv(x, kernel, padding="same"))
    before = winograd.enable(False)
    try:
        off = np.asarray(ops.conv(x, kernel, padding="same"))
        assert not winograd.pays(8, 14, 14, 32, 14, 14, 48, (3, 3))
    finally:
        winograd.enable(before)
    expected = defined(x, kernel, 1, 1, 14, 14)
    assert error(on, expected) < BOUND
    assert error(off, expected) < BOUND
    assert on.tobytes() != off.tobytes()


@pytest.mark.parametrize("space", [(13, 12), (90,)], ids=["2d", "1d"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("activation", [None, "relu", "silu"])
@pytest.mark.parametrize("transposed", [False, True])
def test_layers_in_float32_are_those_in_float64(space, padding, activation, transposed):
    """float64 always goes the direct way. Where relu is at its kink, rounding decides whether a gradient passes: so none is there."""
    rng = np.random.default_rng(4)
    x = np.maximum(rng.standard_normal((6, *space, 48)), 0).astype("float32")
    kernel = rng.uniform(-0.1, 0.1, ((3,) * len(space)) + (48, 48)).astype("float32")
    bias = rng.standard_normal(48).astype("float32")
    fn = conv.convolve_transpose if transposed else conv.convolve
    args = (1, padding, None, 1) if transposed else (1, padding, 1)
    found, away = [], 1
    for dtype in ("float64", "float32"):
        variables = [dlcore.Variable(v.astype(dtype)) for v in (x, kernel, bias)]
        if activation == "relu" and dtype == "float64":
            away = np.abs(np.asarray(fn(*variables, *args))) > 1e-3
        with dlcore.GradientTape() as tape:
            y = fn(*variables, *args, activation)
            weights = np.random.default_rng(6).standard_normal(y.shape) * away
            loss = ops.sum(y * ops.convert_to_tensor(weights.astype(dtype)))
        found.append([np.asarray(v) for v in (y, *tape.gradient(loss, variables))])
    assert all(error(a, b) < BOUND for a, b in zip(found[1], found[0], strict=True))
    size = found[0][0].shape[1:-1]
    assert winograd.pays(6, *(1, *space)[-2:], 48, *(1, *size)[-2:], 48, (3, 3) if len(space) > 1 else (1, 3))


def test_small_and_odd_shapes_go_the_direct_way():
    assert not winograd.pays(64, 32, 32, 3, 32, 32, 32, (3, 3))  # an image's own channels
    assert not winograd.pays(64, 32, 32, 32, 32, 32, 32, (7, 7))
    assert not winograd.pays(1, 3, 3, 128, 3, 3, 128, (3, 3))  # mostly beyond the edge
    assert winograd.pays(64, 32, 32, 32, 32, 32, 32, (5, 5))
    assert not winograd.pays(64, 32, 32, 32, 32, 32, 32, (3, 5))
    assert winograd.pays(64, 1, 100, 64, 1, 100, 64, (1, 3))


def test_empty():
    x, kernel = np.zeros((0, 5, 5, 16), "float32"), np.zeros((3, 3, 16, 16), "float32")
    assert winograd.convolve(x, kernel).shape == (0, 3, 3, 16)
    dk, db = winograd.weight_gradient(x, np.zeros((0, 3, 3, 16), "float32"), (3, 3))
    assert not np.asarray(dk).any()
    assert not np.asarray(db).any()
