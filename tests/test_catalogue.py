"""What every op must do, for every entry of the catalogue."""

import importlib
import itertools
from pathlib import Path

import catalogue
import numpy as np
import pytest

import dlcore._kernels
from dlcore._kernels import binary, cast, parallel, pool, tensor
from dlcore._kernels.tape import FunctionOp, Op, Tape
from dlcore.testing import check_gradient

ENTRIES = catalogue.entries()
DIFFERENTIABLE = [e for e in ENTRIES if e.gradient]
every = pytest.mark.parametrize("entry", ENTRIES, ids=str)
differentiable = pytest.mark.parametrize("entry", DIFFERENTIABLE, ids=str)


def rng_of(entry):
    return np.random.default_rng(sum(map(ord, str(entry))))


def convert(arrays):
    return [tensor.convert(a) for a in arrays]


def as_list(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def run(entry, arrays, wanted=None):
    """Outputs, and the gradients of the wanted inputs (all floating ones) for fixed weights."""
    xs = convert(arrays)
    if wanted is None:
        wanted = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    with Tape() as tape:
        tape.watch([xs[i] for i in wanted])
        ys = as_list(entry.fn(*xs))
    outputs = [y.numpy().copy() for y in ys]
    if not entry.gradient or not wanted:
        return outputs, []
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(y.shape).astype(y.dtype) for y in ys]
    return outputs, [g if g is None else g.numpy().copy() for g in tape.gradient(ys, [xs[i] for i in wanted], weights)]


def assert_close(received, expected, tol, what=""):
    assert received.shape == np.shape(expected), f"{what} shape {received.shape}, expected {np.shape(expected)}"
    expected = np.asarray(expected)
    if expected.dtype.kind in "biu":
        np.testing.assert_array_equal(received, expected, err_msg=what)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(finite.max(), 1e-30) if finite.size else 1
    np.testing.assert_allclose(received, expected, rtol=tol, atol=tol * scale, err_msg=what)


def check_forward(entry, arrays, tol):
    before = [a.copy() for a in arrays]
    with np.errstate(all="ignore"):
        expected = as_list(entry.reference(*[a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]))
    received = [y.numpy() for y in as_list(entry.fn(*convert(arrays)))]
    assert len(received) == len(expected)
    for y, r in zip(received, expected, strict=True):
        if y.dtype.kind == "f" and any(a.dtype.kind == "f" for a in arrays):
            assert y.dtype == next(a.dtype for a in arrays if a.dtype.kind == "f"), f"{y.dtype} from {[a.dtype for a in arrays]}"
        assert_close(y, r, tol, str(entry))
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="an input was modified")


@every
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_forward(entry, dtype):
    rng = rng_of(entry)
    tol = entry.tol if dtype == "float32" else 1e-11
    for inputs in (entry.inputs, *entry.cases):
        check_forward(entry, inputs(rng, dtype), tol)


@every
def test_one_element(entry):
    if entry.single is not None:
        check_forward(entry, entry.single(rng_of(entry), "float32"), entry.tol)
        if entry.gradient:
            check_gradient(entry.fn, entry.single(rng_of(entry), "float64"))


@every
def test_no_elements(entry):
    if entry.empty is not None:
        arrays = entry.empty(rng_of(entry), "float32")
        assert any(a.size == 0 for a in arrays)
        check_forward(entry, arrays, entry.tol)
        for g, a in zip(run(entry, arrays)[1], [a for a in arrays if a.dtype.kind == "f"], strict=False):
            assert g.shape == a.shape
            assert np.isfinite(g).all()


@every
def test_layouts(entry):
    """Transposed, strided and read-only arrays give the same as a fresh copy."""
    arrays = entry.inputs(rng_of(entry), "float32")
    expected = run(entry, arrays)[0]
    strided = []
    for a in arrays:
        room = np.zeros((*a.shape[:-1], 2 * a.shape[-1]) if a.ndim else (), a.dtype)
        view = room[..., ::2] if a.ndim else room
        view[...] = a
        view.flags.writeable = False
        strided.append(view)
    fortran = [np.asfortranarray(a) for a in arrays]
    for other in (strided, fortran):
        for y, r in zip(run(entry, other)[0], expected, strict=True):
            np.testing.assert_array_equal(y, r)


@differentiable
def test_gradient(entry):
    rng = rng_of(entry)
    for inputs in (entry.inputs, *entry.cases):
        check_gradient(entry.fn, inputs(rng, "float64"))


@differentiable
def test_float32_gradient(entry):
    arrays = entry.inputs(rng_of(entry), "float32")
    exact = run(entry, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays])
    single = run(entry, arrays)
    for g, r in zip(single[1], exact[1], strict=True):
        assert g.dtype == np.float32
        assert_close(g, r, 10 * entry.tol, "gradient")


@differentiable
def test_subsets_of_gradients(entry):
    """Every subset of inputs that want a gradient gets what it gets when all do."""
    arrays = entry.inputs(rng_of(entry), "float64")
    floating = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    everything = dict(zip(floating, run(entry, arrays)[1], strict=True))
    for k in range(1, len(floating)):
        for subset in itertools.combinations(floating, k):
            for i, g in zip(subset, run(entry, arrays, list(subset))[1], strict=True):
                np.testing.assert_array_equal(g, everything[i])


@differentiable
def test_accumulation(entry):
    """The gradient of f(x) + f(x) is twice that of f(x)."""
    arrays = entry.inputs(rng_of(entry), "float64")

    class Twice:
        gradient = True

        @staticmethod
        def fn(*xs):
            return [binary.add(a, b) for a, b in zip(as_list(entry.fn(*xs)), as_list(entry.fn(*xs)), strict=True)]

    for g, once in zip(run(Twice, arrays)[1], run(entry, arrays)[1], strict=True):
        np.testing.assert_allclose(g, 2 * once, rtol=1e-12, atol=1e-14)


@every
def test_poisoned_memory(entry):
    """Nothing is read that was not written: every new buffer is full of NaN."""
    arrays = entry.inputs(rng_of(entry), "float32")
    expected = run(entry, arrays)
    pool.set_poison(True)
    try:
        received = run(entry, arrays)
    finally:
        pool.set_poison(False)
    for a, b in zip(received[0] + received[1], expected[0] + expected[1], strict=True):
        np.testing.assert_array_equal(a, b)


@every
def test_number_of_threads(entry):
    """One thread and four give the same bits."""
    arrays = (entry.large or entry.inputs)(rng_of(entry), "float32")
    threads = parallel.get_num_threads()
    results = []
    try:
        for n in (1, 4):
            parallel.set_num_threads(n)
            results.append(run(entry, arrays))
    finally:
        parallel.set_num_threads(threads)
    for a, b in zip(results[0][0] + results[0][1], results[1][0] + results[1][1], strict=True):
        assert a.tobytes() == b.tobytes()


@every
def test_symbolic_shapes(entry):
    """Symbolic tensors give the shape and dtype that numbers give, also with an unknown first axis."""
    if not entry.symbolic:
        pytest.skip("needs numbers")
    arrays = entry.inputs(rng_of(entry), "float32")
    eager = as_list(entry.fn(*convert(arrays)))
    placeholders = [tensor.KerasTensor(a.shape, a.dtype.name) for a in arrays]
    for y, s in zip(eager, as_list(entry.fn(*placeholders)), strict=True):
        assert isinstance(s, tensor.KerasTensor)
        assert (s.shape, s.dtype) == (y.shape, y.dtype)


@every
def test_inputs_have_spread(entry):
    for a in entry.inputs(rng_of(entry), "float64"):
        assert a.size > 1, "a single element hides mistakes"
        assert len(np.unique(a)) > 1, "a constant input hides mistakes"


def leaves():
    folder = Path(dlcore._kernels.__file__).parent / dlcore._kernels.ISA
    return sorted({p.name.split(".")[0] for p in folder.iterdir() if p.suffix in (".so", ".pyd")})


def test_every_op_is_in_the_catalogue():
    ops = set()
    for leaf in leaves():
        module = importlib.import_module(f"dlcore._kernels.{leaf}")
        ops |= {
            name
            for name, item in vars(module).items()
            if isinstance(item, type) and issubclass(item, Op) and item not in (Op, FunctionOp) and not name.startswith("_")
        }
    named = {e.op for e in ENTRIES}
    assert not ops - named, f"ops without an entry in the catalogue: {sorted(ops - named)}"
    assert not named - ops, f"entries of the catalogue without an op: {sorted(named - ops)}"


def test_entries_have_names_of_their_own():
    names = [str(e) for e in ENTRIES]
    assert len(names) == len(set(names)), sorted({n for n in names if names.count(n) > 1})


@differentiable
def test_float16(entry):
    """float16 gives what float32 gives, rounded, also where gradients add up; or the op says that it does not take it."""
    arrays = [a.astype("float16") if a.dtype.kind == "f" else a for a in entry.inputs(rng_of(entry), "float32")]

    def twice(arrays):
        xs = convert(arrays)
        floating = [x for x in xs if x.dtype.startswith("float")]
        with Tape() as tape:
            tape.watch(floating)
            ys = as_list(entry.fn(*xs)) + as_list(entry.fn(*xs))
            wide = [cast.cast(y, "float32") for y in ys]
        weights = [np.random.default_rng(1).standard_normal(y.shape) for y in ys]
        return [y.numpy() for y in ys], [g.numpy() for g in tape.gradient(wide, floating, weights)]

    try:
        halves = twice(arrays)
    except (TypeError, ValueError) as error:
        if "float16" not in str(error):
            raise
        return
    exact = twice([a.astype("float32") if a.dtype.kind == "f" else a for a in arrays])
    for y, r in zip(halves[0], exact[0], strict=True):
        assert y.dtype == np.float16
        assert_close(y.astype("float32"), r, 2e-3, str(entry))
    for g, r in zip(halves[1], exact[1], strict=True):
        assert g.dtype == np.float16
        assert_close(g.astype("float32"), r, 1e-2, "gradient")
