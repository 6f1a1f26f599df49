"""Matrix multiplication: every shape against NumPy in float64, bit-identity over threads, the two engines."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from dlcore._kernels import ISA_AVAILABLE, blas, parallel

DTYPES = [np.float32, np.float64]
# Around every tile height (6, 12, 14) and width (2 to 32), and past the blocks of K (384) and of rows (96 to 266).
EDGES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 28, 31, 32, 33, 48, 50, 64, 65, 129, 267, 300, 385, 800]


@pytest.fixture(params=["native", "blas"])
def engine(request):
    try:
        before = blas.set_engine(request.param)
    except ImportError as error:
        pytest.skip(str(error))
    yield request.param
    blas.set_engine(before)


@pytest.fixture(autouse=True)
def _keep_threads():
    before = parallel.get_num_threads()
    yield
    parallel.set_num_threads(before)


def stored(rng, rows, cols, pad, dtype, offset=0):
    """A rows x cols array whose rows lie cols + pad apart, starting `offset` elements into its memory; NaN around it."""
    memory = np.full(rows * (cols + pad) + offset, np.nan, dtype)
    array = memory[offset:].reshape(rows, cols + pad)[:, :cols]
    array[...] = rng.standard_normal((rows, cols))
    return array


def problem(rng, m, n, k, ta, tb, dtype, pads=(0, 0, 0), offset=0):
    a = stored(rng, *((k, m) if ta else (m, k)), pads[0], dtype, offset)
    b = stored(rng, *((n, k) if tb else (k, n)), pads[1], dtype, offset)
    return a, b, stored(rng, m, n, pads[2], dtype, offset)


def expected(a, b, c, ta=False, tb=False, accumulate=False, bias=None):
    a, b = (x.T if t else x for x, t in ((a.astype(np.float64), ta), (b.astype(np.float64), tb)))
    r = a @ b + (c.astype(np.float64) if accumulate else 0)
    return r if bias is None else np.maximum(0, r + bias)


def bound(a, b, c, ta=False, tb=False, bias=None):
    """|error| of a sum of k products in any order: k eps (|A| |B| + |C| + |bias|) (Higham, Accuracy and Stability, 3.5)."""
    k = a.shape[0 if ta else 1]
    size = expected(np.abs(a), np.abs(b), np.abs(c), ta, tb, True, None if bias is None else np.abs(bias))
    return (k + 2) * np.finfo(a.dtype).eps * (size + 1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(4))
def test_random_shapes(engine, dtype, seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        m, n, k = (int(x) for x in rng.choice(EDGES, 3))
        ta, tb, accumulate, packed, serial, with_bias = (bool(x) for x in rng.integers(0, 2, 6))
        a, b, c = problem(rng, m, n, k, ta, tb, dtype, pads=rng.integers(0, 5, 3), offset=int(rng.integers(0, 3)))
        bias = rng.standard_normal((m, n)).astype(dtype) if with_bias else None
        around = c.base.copy()
        want, most = expected(a, b, c, ta, tb, accumulate, bias), bound(a, b, c, ta, tb, bias)
        blas.matmul_into(a, b, c, ta=ta, tb=tb, accumulate=accumulate, bias=bias, packed=packed, serial=serial and not packed)
        case = f"{m=} {n=} {k=} {ta=} {tb=} {accumulate=} {packed=} {serial=} {with_bias=}"
        assert np.all(np.abs(c - want) <= most), case
        # Nothing outside C is written: put C back and compare all of its memory.
        c[...] = around.reshape(c.base.shape)[-c.shape[0] * (c.strides[0] // c.itemsize) :].reshape(m, -1)[:, :n]
        assert np.array_equal(c.base, around, equal_nan=True), case


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
def test_every_small_shape(dtype, ta, tb):
    rng = np.random.default_rng(0)
    for m in [*range(1, 10), 12, 13, 14, 15]:
        for n in [*range(1, 10), 15, 16, 17, 31, 32, 33]:
            for k in (1, 3, 17):
                a, b, c = problem(rng, m, n, k, ta, tb, dtype)
                most = bound(a, b, c, ta, tb)
                blas.matmul_into(a, b, c, ta=ta, tb=tb)
                assert np.all(np.abs(c - expected(a, b, c, ta, tb)) <= most), (m, n, k)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("pads", [(0, 0, 0), (2, 3, 0), (0, 3, 2)])
def test_one_column(engine, dtype, ta, pads):
    rng = np.random.default_rng(5)
    for m, k in ((3, 5), (200, 900), (900, 70)):
        for tb in (False, True):
            a, b, c = problem(rng, m, 1, k, ta, tb, dtype, pads=pads)
            bias = rng.standard_normal((m, 1)).astype(dtype)
            want, most = expected(a, b, c, ta, tb, True, bias), bound(a, b, c, ta, tb, bias)
            blas.matmul_into(a, b, c, ta=ta, tb=tb, accumulate=True, bias=bias)
            assert np.all(np.abs(c - want) <= most), (m, k, tb)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row(dtype):
    """Every number of columns up to two vectors and around the widest that registers hold; K around the steps of each."""
    rng = np.random.default_rng(6)
    widest = [w * vectors + d for w in (2, 4, 8, 16) for vectors in (12, 16) for d in (-1, 0, 1)]
    for n in [*range(1, 34), *widest]:
        for k in [*range(1, 20), 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 129, 200, 517, 1100] if n < 34 else [1, 2, 3, 50]:
            for tb, pad in ((False, 0), (False, 3), (True, 0), (True, 1)):
                accumulate = (n + k) % 2 == 0
                a, b, c = problem(rng, 1, n, k, False, tb, dtype, pads=(0, pad, 0), offset=k % 3)
                want, most = expected(a, b, c, False, tb, accumulate), bound(a, b, c, False, tb)
                blas.matmul_into(a, b, c, tb=tb, accumulate=accumulate)
                assert np.all(np.abs(c - want) <= most), (n, k, tb, pad)


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_rows(dtype):
    """Two to six rows, on both sides of where a row at a time is faster."""
    rng = np.random.default_rng(9)
    for m in (2, 3, 4, 5, 6):
        for n in (1, 2, 3, 7, 10, 12, 15, 16, 17, 26, 64, 100, 257):
            for k in (5, 24, 49, 130, 400):
                for tb, pads in ((False, (0, 0, 0)), (False, (2, 0, 3)), (False, (0, 3, 0)), (True, (0, 0, 0)), (True, (3, 1, 2))):
                    a, b, c = problem(rng, m, n, k, False, tb, dtype, pads=pads)
                    bias = rng.standard_normal((m, n)).astype(dtype)
                    want, most = expected(a, b, c, False, tb, True, bias), bound(a, b, c, False, tb, bias)
                    blas.matmul_into(a, b, c, tb=tb, accumulate=True, bias=bias)
                    assert np.all(np.abs(c - want) <= most), (m, n, k, tb, pads)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row_keeps_columns_apart(dtype):
    """NaN and infinity stay in the column of B they are in, also where lanes are of several rows; x has them for all."""
    rng = np.random.default_rng(7)
    for n in [*range(1, 34), 40]:
        for k in (16, 49, 130, 257):
            a, b, c = problem(rng, 1, n, k, False, False, dtype)
            for row in (0, k // 2, k - 1):
                column = int(rng.integers(n))
                kept = b[row, column]
                b[row, column] = (np.nan, np.inf)[row % 2]
                blas.matmul_into(a, b, c)
                assert not np.isfinite(c[0, column]) and np.isfinite(np.delete(c, column)).all(), (n, k, row, column)
                b[row, column] = kept
            a[0, k - 1] = np.nan
            blas.matmul_into(a, b, c)
            assert np.isnan(c).all(), (n, k)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_one_row_are_accurate(dtype):
    """Many short sums, not one long one: the error of a sum of 4096 products is that of a few hundred."""
    rng = np.random.default_rng(8)
    for n in (1, 10, 26, 64, 256, 300):
        for tb in (False, True):
            a, b, c = problem(rng, 1, n, 4096, False, tb, dtype)
            a, b = np.abs(a), np.abs(b)
            blas.matmul_into(a, b, c, tb=tb)
            assert np.all(np.abs(c / expected(a, b, c, False, tb) - 1) <= 64 * np.finfo(dtype).eps), (n, tb)


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_touched_beyond_the_end(dtype):
    """Each array ends where memory that cannot be read begins; a step too far ends the process."""
    import ctypes
    import mmap

    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    rng = np.random.default_rng(4)

    def at_the_end(rows, cols):
        size = rows * cols * np.dtype(dtype).itemsize
        pages = -(-size // page)
        memory = mmap.mmap(-1, (pages + 1) * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        assert libc.mprotect(ctypes.c_void_p(start + pages * page), page, 0) == 0
        array = np.frombuffer(memory, dtype, rows * cols, pages * page - size).reshape(rows, cols)
        array[...] = rng.standard_normal((rows, cols))
        return array

    for m, n, k in ((5, 7, 9), (33, 10, 300), (40, 3, 100), (1, 45, 21), (45, 1, 21), (300, 70, 3), (20, 530, 33), (50, 5, 70), (1, 10, 131), (1, 7, 50), (1, 1, 60), (1, 300, 5)):
        for ta, tb in ((0, 0), (1, 0), (0, 1), (1, 1)):
            a, b, c = at_the_end(*((k, m) if ta else (m, k))), at_the_end(*((n, k) if tb else (k, n))), at_the_end(m, n)
            most = bound(a, b, c, ta, tb)
            blas.matmul_into(a, b, c, ta=ta, tb=tb)
            assert np.all(np.abs(c - expected(a, b, c, ta, tb)) <= most)


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty(engine, dtype):
    ones = np.ones((3, 4), dtype)
    c = np.full((3, 5), 7, dtype)
    blas.matmul_into(ones[:, :0], np.ones((0, 5), dtype), c, accumulate=True)
    assert np.all(c == 7)
    blas.matmul_into(ones[:, :0], np.ones((0, 5), dtype), c, accumulate=True, bias=np.full((3, 5), -8, dtype))
    assert np.all(c == 0)
    c[...] = np.nan
    blas.matmul_into(ones[:, :0], np.ones((0, 5), dtype), c)
    assert np.all(c == 0)
    blas.matmul_into(ones[:0], np.ones((4, 5), dtype), c[:0])
    blas.matmul_into(ones, np.ones((4, 0), dtype), c[:, :0])
    assert np.all(c == 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(128, 784, 512), (128, 512, 10), (700, 64, 40), (1, 784, 512), (1, 10000, 10), (1, 100, 4096), (784, 512, 1), (40, 9000, 24), (300, 100, 1500)])
@pytest.mark.parametrize(("ta", "tb"), [(False, False), (True, False), (False, True)])
def test_threads_do_not_change_a_bit(engine, dtype, shape, ta, tb):
    m, k, n = shape
    a, b, c = problem(np.random.default_rng(1), m, n, k, ta, tb, dtype)
    bias = np.linspace(-1, 1, m * n).astype(dtype).reshape(m, n)
    results = []
    for threads in (1, 2, 4):
        parallel.set_num_threads(threads)
        out = c.copy()
        blas.matmul_into(a, b, out, ta=ta, tb=tb, accumulate=True, bias=bias)
        results.append(out)
    out = c.copy()
    blas.matmul_into(a, b, out, ta=ta, tb=tb, accumulate=True, bias=bias, serial=True)
    assert all(np.array_equal(results[0], other) for other in (*results[1:], out))
    assert np.all(np.abs(results[0] - expected(a, b, c, ta, tb, True, bias)) <= bound(a, b, c, ta, tb, bias))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (32, 16, 16), (20, 300, 70), (33, 5, 1), (1, 40, 40), (64, 9000, 8)])
def test_nan_and_infinity_propagate(engine, dtype, shape):
    m, k, n = shape
    rng = np.random.default_rng(2)
    for value, other in ((np.nan, 0), (np.inf, 0), (np.inf, 1), (-np.inf, 1)):
        for ta, tb in ((0, 0), (1, 0), (0, 1)):
            a, b, c = problem(rng, m, n, k, ta, tb, dtype)
            (a.T if ta else a)[m // 2, k // 2] = value
            (b.T if tb else b)[k // 2, n // 2] = other  # 0 * inf is nan: zeros must not be skipped
            with np.errstate(invalid="ignore"):
                want = (a.T if ta else a) @ (b.T if tb else b)
                blas.matmul_into(a, b, c, ta=ta, tb=tb)
            assert np.array_equal(np.isnan(c), np.isnan(want))
            assert np.array_equal(np.isposinf(c), np.isposinf(want)) and np.array_equal(np.isneginf(c), np.isneginf(want))
    # What C held before is not read unless it is accumulated.
    a, b, c = problem(rng, m, n, k, 0, 0, dtype)
    c[...] = np.nan
    blas.matmul_into(a, b, c)
    assert np.all(np.isfinite(c))


def test_readonly_inputs_and_errors():
    a, b, c = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), np.zeros((2, 4), np.float32)
    a.flags.writeable = False
    blas.matmul_into(a, b, c)
    assert np.all(c == 3)
    with pytest.raises(TypeError, match="float32"):
        blas.matmul_into(a, b.astype(np.float64), c)
    with pytest.raises(ValueError, match="do not fit"):
        blas.matmul_into(a, c, b)
    with pytest.raises(ValueError, match="contiguous rows"):
        blas.matmul_into(a, np.ones((4, 3), np.float32).T, c)
    with pytest.raises(ValueError, match="set_engine"):
        blas.set_engine("mkl")


def test_many_python_threads(engine):
    parallel.set_num_threads(2)
    rng = np.random.default_rng(3)
    problems = [problem(rng, m, n, k, 0, 0, np.float32) for m, n, k in ((128, 96, 300), (5, 7, 9), (300, 200, 64), (40, 8, 9000))]
    for a, b, c in problems:
        blas.matmul_into(a, b, c)
    wrong = []

    def work(which):
        a, b, c = problems[which % len(problems)]
        out = np.empty(c.shape, c.dtype)
        for _ in range(20):
            out.fill(np.nan)
            blas.matmul_into(a, b, out)
            if not np.array_equal(out, c):
                wrong.append(which)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_blas_engine_leaves_the_thread_setting_alone():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    from scipy.linalg import blas as scipy_blas

    scipy_blas.sgemm(1.0, np.ones((2, 2), np.float32), np.ones((2, 2), np.float32))

    def setting():
        return sorted((pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")

    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            before = setting()
            blas_before = blas.set_engine("blas")
            try:
                test_many_python_threads("blas")
            finally:
                blas.set_engine(blas_before)
            assert setting() == before


def run(code, **environment):
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_environment_forces_the_engine():
    for name in ("native", "blas"):
        done = run("from dlcore._kernels import blas; print(blas.engine())", DLCORE_GEMM=name)
        assert done.stdout.strip() == name, done.stderr
    done = run("import dlcore._kernels.blas", DLCORE_GEMM="cuda")
    assert done.returncode and "ImportError" in done.stderr and "'cuda'" in done.stderr


def test_native_engine_does_not_import_scipy():
    done = run("import sys, dlcore._kernels.blas; assert 'scipy' not in sys.modules", DLCORE_GEMM="")
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("level", ISA_AVAILABLE)
def test_every_instruction_set(level):
    if os.environ.get("DLCORE_ISA"):
        pytest.skip("already inside one")
    here = os.path.abspath(__file__)
    names = [
        "test_random_shapes",
        "test_every_small_shape",
        "test_one_column",
        "test_one_row",
        "test_few_rows",
        "test_one_row_keeps_columns_apart",
        "test_empty",
        "test_threads_do_not_change_a_bit",
        "test_nan_and_infinity_propagate",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *(f"{here}::{name}" for name in names), "-k", "not blas"]
    done = subprocess.run(command, env={**os.environ, "DLCORE_ISA": level}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
