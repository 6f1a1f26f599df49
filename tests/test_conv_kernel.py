"""The convolution kernels on shapes that take each of their paths, in float32 against the definition in float64."""

import gc
import itertools
import sys
import threading

import catalogue_convolution as definition
import numpy as np
import pytest
from processes import run

import dlcore
from dlcore import ops
from dlcore._kernels import parallel, winograd
from dlcore._kernels.conv import convolve, convolve_transpose
from dlcore._kernels.pool import pool_info
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import convert

BOUND = 1e-5
MEGABYTE = 1 << 20


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def case(x, kernel, strides=1, padding="valid", dilation=1, act=None, bias=True, pool=None, wino=None):
    """`wino`: whether Winograd's algorithm must be what computes it; None: whatever."""
    return {"x": x, "kernel": kernel, "strides": strides, "padding": padding, "dilation": dilation, "act": act, "bias": bias, "pool": pool, "wino": wino}


CASES = {
    "direct": case((3, 17, 19, 5), (3, 3, 5, 37), padding="same", wino=False),
    "short rows": case((5, 7, 7, 40), (3, 3, 40, 130), strides=(1, 2), padding="same", wino=False),
    "one column": case((5, 40, 1, 8), (3, 1, 8, 70), padding="same", act="relu"),
    "images grouped": case((70, 4, 4, 20), (2, 2, 20, 40), padding="same", act="relu"),
    "images in place": case((70, 6, 6, 12), (2, 2, 12, 40)),
    "bands": case((2, 90, 60, 16), (5, 4, 16, 24), padding="same", act="relu"),
    "bands in place": case((2, 90, 60, 16), (5, 4, 16, 24), strides=2),
    "long series": case((2, 20_011, 8), (7, 8, 16), padding="causal", dilation=3, act="relu"),
    "long series in place": case((1, 30_003, 2), (4, 2, 17), strides=3),
    "few source channels": case((4, 40, 37, 3), (3, 3, 3, 32), padding="same", act="relu", wino=False),
    "one source channel": case((9, 28, 28, 1), (5, 5, 1, 20), wino=False),
    "few in groups": case((3, 15, 14, 6), (3, 3, 2, 36), padding="same"),
    "1x1": case((5, 13, 11, 70), (1, 1, 70, 90), act="relu"),
    "1x1 strides": case((5, 13, 11, 70), (1, 1, 70, 90), strides=2, padding="same"),
    "huge kernel": case((1, 30, 30, 4), (29, 27, 4, 6), padding="same"),
    "huge kernel of a series": case((1, 3000, 2), (2500, 2, 3), padding="causal"),
    "kernel larger than the image": case((2, 3, 4, 5), (9, 7, 5, 6), padding="same", act="relu"),
    "dilation beyond the image": case((2, 5, 6, 3), (3, 3, 3, 4), padding="same", dilation=(7, 9)),
    "strides beyond the image": case((2, 5, 6, 3), (3, 3, 3, 4), padding="same", strides=(100, 4)),
    "patches": case((2, 64, 48, 3), (16, 16, 3, 50), strides=16),
    "strides larger than the kernel": case((2, 23, 21, 9), (2, 3, 9, 20), strides=(5, 4), padding="same", act="relu"),
    "groups": case((3, 20, 18, 24), (3, 3, 6, 52), padding="same", act="relu"),
    "groups and strides": case((3, 21, 18, 24), (3, 5, 12, 18), padding="same", strides=(2, 3)),
    "groups side by side": case((3, 20, 18, 24), (3, 3, 4, 24), padding="same", act="relu"),
    "groups side by side, in place": case((3, 9, 17, 60), (2, 3, 3, 40), bias=False),
    "groups side by side, strides": case((3, 21, 18, 44), (3, 4, 4, 11), padding="same", strides=2),
    "groups side by side, dilation": case((3, 21, 18, 36), (3, 3, 1, 72), padding="same", dilation=2),
    "groups side by side, 5 taps": case((3, 8, 18, 35), (1, 5, 5, 35), padding="same", pool=(1, 2)),
    "groups side by side, volume": case((2, 5, 9, 11, 56), (3, 3, 3, 7, 56), padding="same"),
    "one vector": case((2, 9, 20, 11, 40), (3, 3, 3, 40, 16), padding="same", act="relu"),
    "one vector, two taps": case((3, 21, 19, 16), (4, 4, 16, 13), strides=2, padding="same"),
    "one vector, strides as dilation": case((3, 21, 19, 9), (3, 3, 9, 13), strides=2, dilation=2),
    "one vector, dilation": case((3, 21, 19, 9), (3, 3, 9, 13), dilation=2),
    "volume": case((2, 9, 10, 11, 6), (3, 3, 3, 6, 20), padding="same", act="relu"),
    "volume in place": case((2, 9, 10, 11, 6), (2, 3, 2, 6, 20), strides=(2, 1, 1)),
    "volume of planes": case((2, 5, 14, 15, 32), (1, 3, 3, 32, 48), padding="same", act="relu", wino=True),
    "winograd": case((9, 20, 19, 24), (3, 3, 24, 40), padding="same", act="relu", wino=True),
    "winograd 5x5": case((9, 20, 19, 24), (5, 5, 24, 40), wino=True),
    "winograd 1x3": case((4, 500, 32), (3, 32, 40), padding="causal", act="relu", wino=True),
    "few tiles": case((1, 14, 13, 64), (3, 3, 64, 96), padding="same", act="relu", wino=True),
    "silu": case((6, 20, 17, 12), (3, 2, 12, 40), padding="same", act="silu"),
    "silu of cut rows": case((1, 2, 3000, 4), (2, 2, 4, 20), padding="same", act="silu"),
    "pool": case((5, 21, 23, 3), (3, 3, 3, 33), padding="same", act="relu", pool=(2, 2), wino=False),
    "pool of wide rows": case((1, 6, 403, 3), (3, 3, 3, 9), padding="same", act="relu", pool=(2, 2)),
    "pool of rows of cut blocks": case((1, 3, 2503, 2), (2, 2, 2, 17), padding="same", pool=(3, 5)),
    "pool, linear": case((5, 21, 23, 4), (3, 3, 4, 20), pool=(2, 2)),
    "pool 3x2": case((5, 21, 23, 8), (3, 3, 8, 20), padding="same", act="relu", pool=(3, 2)),
    "pool, winograd in the gradient by data alone": case((5, 9, 9, 8), (3, 3, 8, 32), padding="same", act="relu", pool=(3, 3)),
    "pool, winograd but in the gradient by data": case((5, 9, 9, 32), (3, 3, 32, 8), padding="same", act="relu", pool=(3, 3)),
    "pool of everything": case((5, 11, 9, 8), (3, 3, 8, 20), padding="same", act="relu", pool=(11, 9)),
    "pool in groups": case((3, 20, 18, 24), (3, 3, 6, 52), padding="same", act="relu", pool=(2, 2)),
    "pool of strides": case((3, 41, 38, 6), (3, 3, 6, 52), padding="same", strides=2, act="relu", pool=(2, 3)),
    "pool by winograd": case((9, 21, 19, 24), (3, 3, 24, 40), padding="same", act="relu", pool=(2, 2), wino=True),
    "pool by winograd, linear": case((9, 21, 19, 24), (3, 3, 24, 40), pool=(2, 3), wino=True),
    "pool of a series": case((3, 4001, 6), (5, 6, 40), padding="causal", act="relu", pool=(4,)),
}  # fmt: skip


def random_case(seed):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 3, 7]))
    inner, outer = (int(rng.choice([1, 2, 3, 5, 8, 13, 16, 20, 33])) for _ in range(2))
    kernel = [int(rng.choice([1, 2, 3, 3, 5])) for _ in range(rank)]
    strides, dilation = tuple(rng.choice([1, 1, 2, 3], rank).tolist()), tuple(rng.choice([1, 1, 1, 2, 3], rank).tolist())
    most = {1: 600, 2: 40, 3: 12}[rank]
    sizes = [int(rng.integers((k - 1) * d + 1, max((k - 1) * d + 2, rng.integers(2, most)))) for k, d in zip(kernel, dilation, strict=True)]
    made = case((int(rng.integers(1, 7)), *sizes, inner * groups), (*kernel, inner, outer * groups), strides, str(rng.choice(["valid", "same", "causal"])), dilation,
                [None, "relu", "silu"][rng.integers(3)], bool(rng.integers(2)))  # fmt: skip
    fields, _ = definition.field_sizes(sizes, np.empty(kernel), strides, dilation, made["padding"])
    if rank < 3 and made["act"] != "silu" and rng.integers(2):
        made["pool"] = tuple(int(rng.integers(1, min(f, 5) + 1)) for f in fields)
    return made


CASES |= {f"random {seed}": random_case(seed) for seed in range(60)}


def tensors(o, dtype="float32", seed=0):
    x = normal(*o["x"], seed=seed)
    kernel = normal(*o["kernel"], seed=seed + 1) / np.sqrt(np.prod(o["kernel"][:-1]))
    bias = normal(o["kernel"][-1], seed=seed + 2) / 4
    return [v.astype(dtype) for v in ([x, kernel, bias] if o["bias"] else [x, kernel])]


def call(o, x, kernel, bias=None, **more):
    return convolve(x, kernel, bias, o["strides"], o["padding"], o["dilation"], o["act"], pool=o["pool"], **more)


def passes(fn, arrays, g=None):
    """The result, a gradient of it, and the gradients by all arrays."""
    xs = [convert(v) for v in arrays]
    with Tape() as tape:
        tape.watch(xs)
        y = fn(*xs)
    g = normal(*y.shape, seed=9) if g is None else g
    return [np.asarray(y), g, *map(np.asarray, tape.gradient([y], xs, [g.astype(y.dtype)]))]


def expected(o, arrays, g, z):
    """The same by definition in float64, given the output of float32 that says which elements are the maxima, and where relu is closed."""
    x, kernel, *bias = (v.astype("float64") for v in arrays)
    rank = x.ndim - 2
    strides, dilation = definition.everywhere(o["strides"], rank), definition.everywhere(o["dilation"], rank)
    fields, befores = definition.field_sizes(x.shape[1:-1], kernel, strides, dilation, o["padding"])
    field = definition.correlate(x, kernel, strides, dilation, fields, befores) + (bias[0] if bias else 0)
    y = definition.ACTIVATIONS[o["act"]](field)
    g = g.astype("float64")
    if o["pool"]:
        y = definition.pooled(y, o["pool"])
        wide = g * (z > 0) if o["act"] == "relu" else g
        where = y
        for axis, size in enumerate(o["pool"], 1):
            wide, where = wide.repeat(size, axis), where.repeat(size, axis)
        inside = tuple(map(slice, wide.shape))
        dz = np.zeros(field.shape)
        dz[inside] = wide * (definition.ACTIVATIONS[o["act"]](field[inside]) == where)
    elif o["act"] == "silu":
        s = 1 / (1 + np.exp(-field))
        dz = g * s * (1 + field * (1 - s))
    else:
        dz = g * (z > 0) if o["act"] == "relu" else g
    dx, dk = definition.gradients(x, kernel, dz, strides, dilation, befores)
    return [y, dx, dk, *([dz.reshape(-1, dz.shape[-1]).sum(0)] if bias else [])]


def error(got, wanted):
    assert got.shape == wanted.shape
    return np.abs(got - wanted).max(initial=0) / max(np.abs(wanted).max(initial=0), 1e-3)


@pytest.mark.parametrize("name", CASES)
def test_passes_are_those_of_the_definition(name):
    o = CASES[name]
    arrays = tensors(o)
    y, g, *gradients = passes(lambda *xs: call(o, *xs), arrays)
    wanted = expected(o, arrays, g, y)
    if o["wino"] is not None:
        before = winograd.enable(False)
        direct = np.asarray(call(o, *arrays))
        winograd.enable(before)
        assert (direct.tobytes() != y.tobytes()) == o["wino"]
    errors = [error(a, b) for a, b in zip([y, *gradients], wanted, strict=True)]
    if o["pool"]:       # where two elements of a window differ by rounding, either may be the largest
        assert errors[0] < BOUND
        ties = [np.abs(a - b) > BOUND * np.abs(b).max() for a, b in zip(gradients, wanted[1:], strict=True)]
        assert all(t.mean() < 1e-3 for t in ties[:1]), errors
        errors = errors[:1] if ties[0].any() else errors
    assert max(errors) < BOUND, errors


@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_threads(name):
    o, results, before = CASES[name], [], parallel.get_num_threads()
    try:
        for threads in (1, 2, 3):
            parallel.set_num_threads(threads)
            results.append([v.tobytes() for v in passes(lambda *xs: call(o, *xs), tensors(o))])
    finally:
        parallel.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_added_to_what_is_there(name):
    o = CASES[name]
    arrays = tensors(o)
    once = passes(lambda *xs: call(o, *xs), arrays)
    twice = passes(lambda *xs: call(o, *xs) + call(o, *xs) * 0.5, arrays)
    assert all(error(b, 1.5 * a) < BOUND for a, b in zip(once[2:], twice[2:], strict=True))


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_frozen_changes_nothing(name):
    o = CASES[name]
    arrays = tensors(o)
    everything = passes(lambda *xs: call(o, *xs), arrays)[2:]
    for trained in itertools.product([False, True], repeat=len(arrays)):
        free = [v for v, t in zip(arrays, trained, strict=True) if t]

        def fn(*xs, trained=trained):
            rest = iter(xs)
            return call(o, *[next(rest) if t else convert(v) for v, t in zip(arrays, trained, strict=True)])

        if free:
            wanted = [g for g, t in zip(everything, trained, strict=True) if t]
            for i, (a, b) in enumerate(zip(passes(fn, free)[2:], wanted, strict=True)):
                assert error(a, b) < BOUND, (trained, i)


@pytest.mark.parametrize("name", CASES)
def test_scale(name):
    o = CASES[name]
    x, kernel, *bias = tensors(o)
    scale = normal(kernel.shape[-1], seed=5)
    y = np.asarray(call(o, x, kernel, *bias, scale=scale))
    plain = o | {"act": None, "pool": None, "bias": False}
    z = np.asarray(call(plain, x.astype("float64"), kernel.astype("float64"))) * scale + (bias[0] if bias else 0)
    wanted = definition.ACTIVATIONS[o["act"]](z)
    assert error(y, definition.pooled(wanted, o["pool"]) if o["pool"] else wanted) < BOUND


TRANSPOSED = {
    "plain": ((3, 17, 19, 5), (3, 3, 37, 5), 1, "valid", None, 1, "relu"),
    "strides": ((3, 17, 19, 20), (4, 3, 37, 20), 2, "same", None, 1, "relu"),
    "gaps": ((3, 7, 9, 20), (2, 3, 5, 20), (5, 3), "same", None, 1, "silu"),
    "dilation": ((3, 17, 9, 8), (3, 2, 20, 8), 1, "same", None, (2, 3), "tanh"),
    "more": ((3, 17, 9, 8), (3, 4, 20, 8), 2, "valid", 1, 1, None),
    "series": ((2, 5001, 8), (7, 16, 8), 3, "same", None, 1, "relu"),
    "volume": ((2, 5, 6, 7, 9), (3, 2, 3, 17, 9), (2, 1, 2), "same", None, 1, "silu"),
    "winograd": ((6, 20, 19, 32), (3, 3, 24, 32), 1, "same", None, 1, "relu"),
    "1x1": ((3, 17, 19, 5), (1, 1, 40, 5), 1, "valid", None, 1, "relu"),
    "one pixel": ((2, 1, 1, 9), (5, 5, 40, 9), 4, "valid", None, 1, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed(name):
    x, kernel, strides, padding, more, dilation, act = TRANSPOSED[name]
    arrays = [normal(*x), normal(*kernel, seed=1) / np.sqrt(np.prod(kernel)), normal(kernel[-2], seed=2)]

    def fn(*xs):
        return convolve_transpose(*xs, strides, padding, more, dilation, act)

    y, g, dx, dk, db = passes(fn, arrays)
    assert error(y, definition.transposed(*(v.astype("float64") for v in arrays), strides, padding, more, dilation, act)) < BOUND
    exact = passes(fn, [v.astype("float64") for v in arrays], g * (np.abs(y) > 1e-4) if act == "relu" else g)      # is checked by differences
    again = passes(fn, arrays, exact[1])
    assert all(error(a, b) < BOUND for a, b in zip(again[2:], exact[2:], strict=True))
    twice = passes(lambda *xs: fn(*xs) + fn(*xs), arrays)
    assert all(error(b, 2 * a) < BOUND for a, b in zip((dx, dk, db), twice[2:], strict=True))
    before, results = parallel.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            parallel.set_num_threads(threads)
            results.append([v.tobytes() for v in passes(fn, arrays)])
    finally:
        parallel.set_num_threads(before)
    assert results[0] == results[1] == results[2]


POISONED = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[2], "-k", "passes_are_those or test_transposed or test_scale"]))
"""


def test_nothing_is_read_that_was_not_written():
    folder = __file__.rsplit("/", 1)[0]
    run(POISONED, folder, __file__, timeout=600, DLCORE_POISON="1")


@pytest.mark.parametrize("name", ["direct", "few source channels", "long series", "1x1", "winograd", "few tiles", "pool", "pool by winograd", "silu"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(name, bad):
    """It reaches what reads it, and by Winograd's algorithm the rest of a tile (up to 3 pixels further)."""
    o = CASES[name]
    x, *rest = tensors(o)
    clean = np.asarray(call(o, x, *rest))
    at = (0, *(n // 2 for n in x.shape[1:]))
    x[at] = bad
    with np.errstate(all="ignore"):
        plain = np.asarray(call(o | {"act": None, "pool": None}, x, *rest))
        y = np.asarray(call(o, x, *rest))
        wanted = definition.convolution(x.astype("float64"), rest[0].astype("float64"), *rest[1:], o["strides"], o["padding"], o["dilation"])
    assert not np.isfinite(plain[~np.isfinite(wanted)]).any()
    if not o["wino"]:
        np.testing.assert_array_equal(np.isnan(plain), np.isnan(wanted))
        np.testing.assert_array_equal(np.isinf(plain), np.isinf(wanted))
        with np.errstate(all="ignore"):
            z = definition.ACTIVATIONS[o["act"]](plain.astype("float64"))
            z = definition.pooled(z, o["pool"]) if o["pool"] else z
        assert not (np.isnan(y) & ~np.isnan(z)).any()
        if o["act"] != "silu":      # NaN at minus infinity by its formula, 0 in the limit
            np.testing.assert_array_equal(np.isnan(y), np.isnan(z))
    np.testing.assert_array_equal(y[1:], clean[1:])     # other images have nothing to do with it
    near = (slice(0, 1), *(slice(max(0, n // 2 - 40), n // 2 + 40) for n in clean.shape[1:-1]))
    far = np.ones(clean.shape, bool)
    far[near] = False
    np.testing.assert_array_equal(y[far], clean[far])


@pytest.mark.parametrize("name", ["pool", "winograd", "pool by winograd", "bands"])
def test_gradients_that_are_not_finite(name):
    o = CASES[name]
    arrays = tensors(o)

    def fn(*xs):
        return call(o, *xs)

    y, g, *_ = passes(fn, arrays)
    place = tuple(np.argwhere(y > 0.1)[0])
    g[place] = np.nan
    *_, db = passes(fn, arrays, g)
    assert np.isnan(db[place[-1]])
    assert np.isfinite(np.delete(db, place[-1])).all()
    g[place] = 1
    g[tuple(np.argwhere(y <= 0)[0])] = np.nan       # where relu is closed nothing passes, whatever it is
    assert all(np.isfinite(v).all() for v in passes(fn, arrays, g)[2:])


@pytest.mark.parametrize("o", [
    case((0, 9, 9, 16), (3, 3, 16, 16), padding="same", act="relu"),
    case((0, 9, 9, 3), (3, 3, 3, 16), pool=(2, 2), act="relu"),
    case((2, 9, 9, 3), (3, 3, 3, 0)),
    case((2, 9, 9, 0), (3, 3, 0, 5), padding="same", act="relu"),
    case((2, 9, 9, 0), (3, 3, 0, 5), padding="same", act="silu"),
    case((2, 9, 9, 0), (3, 3, 0, 5), pool=(2, 2)),
    case((2, 9, 0), (3, 0, 0)),
    case((0, 0, 3), (3, 3, 4), padding="same"),
    case((2, 0, 3), (3, 3, 4), padding="causal"),
], ids=lambda o: f"{o['x']} {o['kernel']}")  # fmt: skip
def test_empty(o):
    arrays = [normal(*o["x"]), normal(*o["kernel"]), normal(o["kernel"][-1])]
    y, g, *gradients = passes(lambda *xs: call(o, *xs), arrays)
    fields = definition.field_sizes(o["x"][1:-1], arrays[1], *([1] * (len(o["x"]) - 2),) * 2, o["padding"])[0]
    fields = [f // p for f, p in zip(fields, o["pool"] or [1] * len(fields), strict=True)]
    assert y.shape == (o["x"][0], *fields, o["kernel"][-1])
    z = np.broadcast_to(arrays[2], y.shape).astype("float64")
    if y.size:
        assert error(y, definition.ACTIVATIONS[o["act"]](z)) < BOUND
    slope = {None: np.ones_like(z), "relu": z > 0, "silu": 1 / (1 + np.exp(-z)) * (1 + z * (1 - 1 / (1 + np.exp(-z))))}[o["act"]]
    assert not gradients[0].any()
    assert not gradients[1].any()
    assert error(gradients[2], (g * slope).reshape(-1, y.shape[-1]).sum(0) if y.size else np.zeros(y.shape[-1])) < BOUND
    empty = [normal(*o["x"][:-1], o["kernel"][-1]), normal(*o["kernel"]), normal(o["kernel"][-2])]
    y, _, *gradients = passes(lambda *xs: convolve_transpose(*xs, 2, "same", None, 1, o["act"]), empty)
    assert y.shape == (o["x"][0], *(2 * n for n in o["x"][1:-1]), o["kernel"][-2])
    assert [g.shape for g in gradients] == [v.shape for v in empty]


# ---- The transformed kernels of variables, kept for single images


def layer(filters=48, **options):
    made = dlcore.layers.Conv2D(filters, 3, padding="same", **options)
    made.build((None, 12, 12, 32))
    return made


def fresh(made, x):
    """What the layer gives, from a kernel that no cache has seen."""
    return np.asarray(convolve(x, np.asarray(made.kernel).copy(), np.asarray(made.bias).copy(), 1, "same", 1, None))


IMAGE = normal(1, 12, 12, 32)


def same(made, x=IMAGE):
    return np.asarray(made(x)).tobytes() == fresh(made, x).tobytes()


def test_kept_kernels_are_those_of_the_variable():
    assert winograd.pays(1, 12, 12, 32, 12, 12, 48, (3, 3))
    made = layer()
    assert same(made)
    made.kernel.assign(normal(3, 3, 32, 48))
    assert same(made)
    made.kernel.assign_add(normal(3, 3, 32, 48))
    assert same(made)
    made.set_weights([normal(3, 3, 32, 48, seed=3), normal(48)])
    assert same(made)
    assert same(made, normal(1, 9, 14, 32))
    assert same(made, normal(2, 5, 5, 32))


def test_kept_kernels_follow_training():
    model = dlcore.Sequential([dlcore.Input((12, 12, 32)), layer(), dlcore.layers.GlobalAveragePooling2D(), dlcore.layers.Dense(1)])
    model.compile(dlcore.optimizers.Adam(0.1), "mse")
    for _ in range(3):
        assert same(model.layers[0])
        before = np.asarray(model.layers[0].kernel).copy()
        model.fit(normal(8, 12, 12, 32), normal(8, 1), verbose=0)       # moves variables into an arena, and changes them there
        assert np.abs(np.asarray(model.layers[0].kernel) - before).max() > 1e-3
        assert same(model.layers[0])


def test_kept_kernels_go_with_their_variable():
    from dlcore._kernels import pool

    pool.pool_trim()
    gc.collect()
    live = pool_info()["live"]
    for seed in range(200):         # identities are used again
        made = layer()
        made.kernel.assign(normal(3, 3, 32, 48, seed=seed))
        assert same(made)
        assert same(made)
    del made
    gc.collect()
    assert pool_info()["live"] <= live + MEGABYTE


def test_kept_kernels_of_two_directions():
    """The same variable as the kernel of a convolution and of a transposed one."""
    kernel = dlcore.Variable(normal(3, 3, 32, 32))
    image = normal(1, 12, 12, 32)
    for _ in range(2):
        y = np.asarray(convolve(image, kernel, None, 1, "same", 1))
        z = np.asarray(convolve_transpose(image, kernel, None, 1, "same", None, 1))
        copied = np.asarray(kernel).copy()
        assert y.tobytes() == np.asarray(convolve(image, copied, None, 1, "same", 1)).tobytes()
        assert z.tobytes() == np.asarray(convolve_transpose(image, copied, None, 1, "same", None, 1)).tobytes()


def test_threads_that_predict_while_one_assigns():
    """Every answer is that of one of the assigned kernels: an assignment holds the interpreter, so no prediction sees half of it."""
    made = layer(use_bias=True)
    kernels = [normal(3, 3, 32, 48, seed=s) for s in range(4)]
    possible = set()
    for kernel in kernels:
        made.kernel.assign(kernel)
        possible.add(fresh(made, IMAGE).tobytes())
    wrong, stop, errors = [], threading.Event(), []

    def predict():
        try:
            while not stop.is_set():
                y = np.asarray(made(IMAGE)).tobytes()
                if y not in possible:
                    wrong.append(y)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=predict) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for i in range(400):
            made.kernel.assign(kernels[i % 4])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not errors
    assert not wrong
    assert same(made)


# ---- Memory


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("name", ["direct", "pool", "few tiles", "kernel larger than the image", "transposed"])
def test_memory_stays(name):
    if name == "transposed":
        o, x, kernel, *bias = None, normal(1, 5, 5, 4), normal(3, 3, 6, 4), normal(6)
    else:
        o = CASES[name]
        o = o | {"x": (1, *(min(n, 8) for n in o["x"][1:-1]), o["x"][-1])}
        x, kernel, *bias = tensors(o)
    variables = [dlcore.Variable(v) for v in (kernel, *bias)]

    def fn(x):
        return convolve_transpose(x, *variables, 2, "same", None, 1, "silu") if o is None else call(o, x, *variables)

    def step():
        fn(x)
        with dlcore.GradientTape() as tape:
            loss = ops.sum(fn(x))
        tape.gradient(loss, variables)

    def state():
        gc.collect()
        return pool_info()["live"], resident() if sys.platform == "linux" else 0

    for _ in range(500):
        step()
    live, before = state()
    for _ in range(10_000 if name != "few tiles" else 1000):
        step()
    after = state()
    assert after[0] == live
    assert after[1] - before < 3 * MEGABYTE


# ---- Errors

IMAGES, KERNEL = np.zeros((2, 8, 9, 4), "float32"), np.zeros((3, 3, 4, 6), "float32")


@pytest.mark.parametrize(("args", "options", "match"), [
    ((IMAGES, KERNEL, None, 1, "full", 1), {}, "padding must be 'valid', 'same' or 'causal'; received padding='full'"),
    ((IMAGES, KERNEL, None, 0, "valid", 1), {}, "strides must be a whole number from 1"),
    ((IMAGES, KERNEL, None, (1, 2, 3), "valid", 1), {}, r"strides must be .* received strides=\(1, 2, 3\)"),
    ((IMAGES, KERNEL, None, 1, "valid", (1, 1.5)), {}, "dilation_rate must be"),
    ((IMAGES, KERNEL, None, 2**40, "same", 1), {}, "strides must be a whole number"),
    ((IMAGES, KERNEL, None, 1, "same", 2**31 - 1), {}, "may span at most"),
    ((np.zeros((1, 6, 6, 1), "float32"), np.zeros((17, 3, 1, 1), "float32"), None, 1, "same", (2**30, 2**29 - 3)), {}, "may span at most"),  # not even 64 bits
    ((IMAGES, KERNEL, None, 1, "valid", 4), {}, "Computed output size would be zero or negative"),
    ((IMAGES[0, 0], KERNEL, None, 1, "valid", 1), {}, "1 to 3 spatial axes"),
    ((IMAGES, KERNEL[0], None, 1, "valid", 1), {}, "as many axes as the inputs"),
    ((IMAGES, KERNEL[:, :, :3], None, 1, "valid", 1), {}, "evenly divisible"),
    ((IMAGES, KERNEL[:, :, :1, :5], None, 1, "valid", 1), {}, "evenly divisible"),
    ((IMAGES, KERNEL[:, :, :0], None, 1, "valid", 1), {}, "evenly divisible"),
    ((IMAGES, KERNEL[:0], None, 1, "valid", 1), {}, "kernel sizes must be positive"),
    ((IMAGES, KERNEL, np.zeros(5, "float32"), 1, "valid", 1), {}, r"shape \(6,\)"),
    ((IMAGES, KERNEL, np.zeros((6, 1), "float32"), 1, "valid", 1), {}, r"shape \(6,\)"),
    ((IMAGES, KERNEL, None, 1, "valid", 1, "softmax"), {}, "elementwise activation"),
    ((IMAGES, KERNEL, None, 1, "valid", 1), {"scale": np.ones(5, "float32")}, r"shape \(6,\)"),
    ((IMAGES, KERNEL, None, 1, "valid", 1, "silu"), {"pool": (2, 2)}, "pool is for"),
    ((IMAGES, KERNEL, None, 1, "valid", 1), {"pool": (2, 0)}, "pool must be"),
    ((IMAGES, KERNEL, None, 1, "valid", 1), {"pool": (7, 2)}, "larger than what they pool"),
    ((IMAGES, KERNEL, None, 1, "valid", 1), {"pool": (20, 20)}, "at most 256"),
    ((IMAGES[None], KERNEL[None], None, 1, "valid", 1), {"pool": (1, 2, 2)}, "1 or 2 spatial axes"),
], ids=str)  # fmt: skip
def test_errors(args, options, match):
    with pytest.raises(ValueError, match=match):
        convolve(*args, **options)


def test_errors_of_transposed_convolutions():
    with pytest.raises(ValueError, match="padding must be 'valid' or 'same'"):
        convolve_transpose(IMAGES, KERNEL, None, 1, "causal", None, 1)
    with pytest.raises(ValueError, match="kernel's last axis"):
        convolve_transpose(IMAGES, KERNEL, None, 1, "valid", None, 1)
    with pytest.raises(ValueError, match="output_padding must be"):
        convolve_transpose(IMAGES, KERNEL.transpose(0, 1, 3, 2), None, 1, "valid", -1, 1)
    with pytest.raises(MemoryError):
        convolve_transpose(IMAGES, KERNEL.transpose(0, 1, 3, 2), None, 2**31 - 1, "same", None, 1)


def test_scale_has_no_gradient():
    kernel = dlcore.Variable(KERNEL)
    with dlcore.GradientTape(), pytest.raises(ValueError, match="for inference only"):
        convolve(IMAGES, kernel, None, 1, "valid", 1, scale=np.ones(6, "float32"))


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_a_bias_of_another_dtype_is_trained(dtype):
    bias = convert(np.arange(6).astype(dtype))
    with Tape() as tape:
        tape.watch([] if dtype == "int32" else [bias])
        y = convolve(IMAGES, KERNEL, bias, 1, "valid", 1)
    assert y.dtype == "float32"
    np.testing.assert_array_equal(np.asarray(y)[0, 0, 0], np.arange(6))
    if dtype != "int32":
        g = tape.gradient([y], [bias], [np.ones(y.shape, "float32")])[0]
        assert g.dtype == dtype
        np.testing.assert_array_equal(np.asarray(g), 2 * 6 * 7)
