"""sgemm of a BLAS, called as directly as Python can: SciPy's (OpenBLAS) and MKL."""

import ctypes
from importlib import metadata

import numpy as np
from workload import Job

sgemm = None  # (a, b, out): a (m, k) may be a transposed view


def setup(threads: int, variant: str) -> None:
    global sgemm
    sgemm = scipy_sgemm() if variant == "scipy" else mkl_sgemm(threads)


def scipy_sgemm():
    from scipy.linalg.blas import sgemm as fortran

    # Row-major C = A B is column-major C' = B' A', which is what Fortran's routine can do without a copy.
    def call(a, b, out):
        if a.flags.c_contiguous:
            fortran(1.0, b.T, a.T, c=out.T, overwrite_c=1)
        else:
            fortran(1.0, b.T, a, trans_b=1, c=out.T, overwrite_c=1)

    return call


def mkl_sgemm(threads: int):
    found = [f.locate() for f in metadata.files("mkl") if "libmkl_rt" in f.name]
    library = ctypes.CDLL(str(found[0].resolve()))
    library.MKL_Set_Num_Threads(threads)
    routine, row_major, plain, flipped = library.cblas_sgemm, 101, 111, 112
    pointer, number = ctypes.c_void_p, ctypes.c_float
    routine.argtypes = [ctypes.c_int] * 6 + [number, pointer, ctypes.c_int, pointer, ctypes.c_int, number, pointer,
                                             ctypes.c_int]  # fmt: skip

    def call(a, b, out):
        (m, n), k, transposed = out.shape, b.shape[0], not a.flags.c_contiguous
        routine(row_major, flipped if transposed else plain, plain, m, n, k, 1.0, a.ctypes.data, m if transposed else k,
                b.ctypes.data, n, 0.0, out.ctypes.data, n)  # fmt: skip

    return call


def gemm(m: int, k: int, n: int, transposed: bool) -> Job:
    rng = np.random.default_rng(5)
    a = rng.standard_normal((k, m) if transposed else (m, k), dtype=np.float32)
    a = a.T if transposed else a
    b, out = rng.standard_normal((k, n), dtype=np.float32), np.empty((m, n), np.float32)
    sgemm(a, b, out)
    if not np.allclose(out, a @ b, rtol=1e-3, atol=1e-2):
        raise ArithmeticError("sgemm: wrong result")
    return Job(lambda: sgemm(a, b, out), 1)
