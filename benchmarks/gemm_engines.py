"""Matrix multiplication against SciPy's BLAS called directly and, where installed, MKL and PyTorch.

    python benchmarks/bench_gemm.py [--threads 1] [--f64] [--rounds 15] [--only mlp] [--align 64] [--torch]

Every round times all libraries one after another on the same arrays, in an order that rotates; a line shows the median
time of ours and the median over rounds of each library's time divided by ours (above 1: ours is faster). The same
process holds all of them, except PyTorch by default: its threads and ours disturb one another.
"""

import argparse
import ctypes
import glob
import statistics
import sys
import time

import numpy as np
from scipy.linalg import blas as scipy_blas

from dlcore._kernels import ISA, blas, parallel

# name, m, k, n, ta, tb
SHAPES = {
    "tiny": [
        (32, 10, 16, 0, 0), (32, 16, 16, 0, 0), (32, 16, 1, 0, 0), (1, 10, 16, 0, 0), (10, 32, 16, 1, 0), (16, 32, 16, 1, 0),
        (16, 32, 1, 1, 0), (32, 16, 16, 0, 1), (32, 1, 16, 0, 1), (32, 10, 3, 0, 0), (3, 32, 10, 1, 0), (32, 3, 10, 0, 1),
    ],
    "mlp": [
        (128, 784, 512, 0, 0), (128, 512, 512, 0, 0), (128, 512, 10, 0, 0), (32, 784, 128, 0, 0), (256, 2048, 4096, 0, 0), (2048, 2048, 2048, 0, 0),
        (1, 784, 512, 0, 0), (784, 128, 512, 1, 0), (512, 128, 512, 1, 0), (512, 128, 10, 1, 0), (128, 512, 512, 0, 1), (128, 10, 512, 0, 1),
        (32, 512, 512, 0, 0), (64, 784, 256, 0, 0), (128, 784, 1, 0, 0), (1, 512, 784, 0, 1), (784, 32, 128, 1, 0), (256, 256, 256, 0, 0),
    ],
    "conv": [
        (100352, 9, 32, 0, 0), (21632, 288, 64, 0, 0), (65536, 27, 32, 0, 0), (65536, 288, 32, 0, 0), (16384, 576, 64, 0, 0), (4096, 1152, 128, 0, 0),
        (288, 65536, 32, 1, 0), (32, 128, 512, 0, 0), (2560, 128, 512, 0, 0), (128, 2560, 512, 1, 0),
    ],
}


def aligned(shape, dtype, rng, align):
    size = int(np.prod(shape))
    raw = np.empty(size * dtype.itemsize + 128, np.uint8)
    start = -raw.ctypes.data % 64 + (0 if align == 64 else align)
    array = raw[start : start + size * dtype.itemsize].view(dtype).reshape(shape)
    array[...] = rng.standard_normal(shape)
    return array


def libraries(dtype, threads, args):
    """name -> function (a, b, c, ta, tb, repeat)."""
    f64 = dtype == np.float64
    found = {"dlcore": lambda a, b, c, ta, tb, r: blas.matmul_into(a, b, c, ta=ta, tb=tb, repeat=r)}

    def cblas(name, function):
        real = ctypes.c_double if f64 else ctypes.c_float
        function.argtypes = [ctypes.c_int] * 6 + [real, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, real, ctypes.c_void_p, ctypes.c_int]
        function.restype = None

        def run(a, b, c, ta, tb, r):
            m, n = c.shape
            k = a.shape[0 if ta else 1]
            arguments = [101, 112 if ta else 111, 112 if tb else 111, m, n, k, 1.0, a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, n]
            for _ in range(r):
                function(*arguments)

        found[name] = run

    info = blas.blas_info()
    direct = ctypes.CDLL(__import__("scipy.linalg.cython_blas", fromlist=["x"]).__file__)
    if hasattr(direct, "scipy_openblas_set_num_threads"):
        direct.scipy_openblas_set_num_threads(threads)
        cblas(f"scipy {info['version']}", getattr(direct, "scipy_cblas_dgemm" if f64 else "scipy_cblas_sgemm"))
    else:
        gemm = scipy_blas.dgemm if f64 else scipy_blas.sgemm
        found["scipy"] = lambda a, b, c, ta, tb, r: [gemm(1.0, b.T, a.T, trans_a=tb, trans_b=ta, c=c.T, overwrite_c=1) for _ in range(r)]
    for path in glob.glob(sys.prefix + "/lib/libmkl_rt.so*"):
        mkl = ctypes.CDLL(path)
        mkl.MKL_Set_Threading_Layer(3 if threads > 1 else 1)  # GNU OpenMP: the runtime that is already here
        mkl.MKL_Set_Num_Threads(threads)
        cblas("mkl", mkl.cblas_dgemm if f64 else mkl.cblas_sgemm)
    if args.torch:
        import torch

        torch.set_num_threads(threads)
        cache = {}

        def run_torch(a, b, c, ta, tb, r):
            x, y, z = cache.setdefault(c.ctypes.data, [torch.from_numpy(v) for v in (a, b, c)])
            x, y = x.T if ta else x, y.T if tb else y
            for _ in range(r):
                torch.mm(x, y, out=z)

        found["torch"] = run_torch
    return found


def empty_call():
    """The time ctypes takes to call a function with gemm's arguments, to be taken off for tiny shapes."""
    function = ctypes.CDLL(None).abs
    function.argtypes = [ctypes.c_int] * 6 + [ctypes.c_float, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_void_p, ctypes.c_int]
    arguments = [101, 111, 111, 1, 1, 1, 1.0, 1, 1, 1, 1, 0.0, 1, 1]

    def run(r):
        start = time.perf_counter()
        for _ in range(r):
            function(*arguments)
        return (time.perf_counter() - start) / r

    return min(run(20000) for _ in range(10))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--f64", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=SHAPES)
    parser.add_argument("--shape", help="m,k,n[,ta[,tb]]")
    parser.add_argument("--align", type=int, default=64)
    parser.add_argument("--torch", action="store_true")
    args = parser.parse_args()
    parallel.set_num_threads(args.threads)
    dtype = np.dtype(np.float64 if args.f64 else np.float32)
    runs = libraries(dtype, args.threads, args)
    door = empty_call()
    print(f"{ISA}, {blas.engine()}, {dtype}, {args.threads} thread(s); times of other libraries divided by ours")
    print(f"{'m,k,n':>22} {'us':>10} {'GF/s':>7} " + " ".join(f"{name:>12}" for name in runs if name != "dlcore"))
    rng = np.random.default_rng(0)
    shapes = SHAPES if args.only is None else {args.only: SHAPES[args.only]}
    if args.shape:
        shapes = {"": [tuple([*map(int, args.shape.split(",")), 0, 0][:5])]}
    for m, k, n, ta, tb in (shape for group in shapes.values() for shape in group):
        a = aligned((k, m) if ta else (m, k), dtype, rng, args.align)
        b = aligned((n, k) if tb else (k, n), dtype, rng, args.align)
        c = aligned((m, n), dtype, rng, args.align)
        repeat = max(1, int(3e-3 / max(2e-7, 2e-11 * m * n * k)))
        times = {name: [] for name in runs}
        names = list(runs)
        for run in runs.values():
            run(a, b, c, ta, tb, 2)
        for round_ in range(args.rounds):
            for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
                start = time.perf_counter()
                runs[name](a, b, c, ta, tb, repeat)
                spent = (time.perf_counter() - start) / repeat
                times[name].append(max(1e-9, spent - (0 if name in ("dlcore", "torch") else door)))
        ours = statistics.median(times["dlcore"])
        ratios = [statistics.median(x / y for x, y in zip(times[name], times["dlcore"], strict=True)) for name in names[1:]]
        label = f"{m},{k},{n}" + (" T" if ta else "") + (" ,T" if tb else "")
        print(f"{label:>22} {ours * 1e6:10.2f} {2e-9 * m * n * k / ours:7.1f} " + " ".join(f"{r:12.2f}" for r in ratios), flush=True)


main()
