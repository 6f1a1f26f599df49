"""The math primitives on NumPy arrays, for tests and timings only."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport (
    abs_, cos_, cos_n, erf_, exp_, expm1_, gelu_, gelu_tanh_, log1p_, log_, log_sigmoid_, mish_, normcdf_, selu_,
    sigmoid_, silu_, sin_, sin_n, softplus_, sqrt_, tanh_,
)
from dlcore._kernels.simd cimport vcolsum, vdot, vexpsum, vmax, vmin, vsum, vsumabs, vsumdev, vsumsq
from dlcore._kernels.rng cimport dl_philox, drop_threshold, rng_dropout, rng_normal, rng_u32, rng_uniform

from time import perf_counter_ns

import numpy as np

__all__ = []            # no ops

UNARY = (
    "exp", "expm1", "log", "log1p", "sigmoid", "tanh", "erf", "softplus", "log_sigmoid", "silu", "gelu", "gelu_tanh",
    "mish", "selu", "sin", "cos", "sin_n", "cos_n", "sqrt", "abs", "normcdf",
)
REDUCTIONS = ("sum", "sumsq", "sumabs", "max", "min", "sumdev", "dot", "expsum")


cdef inline void map1(real (*f)(real) noexcept nogil, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(x[i])


cdef kernel_void apply(int op, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    if op == 0:
        map1[real](exp_[real], x, y, n)
    elif op == 1:
        map1[real](expm1_[real], x, y, n)
    elif op == 2:
        map1[real](log_[real], x, y, n)
    elif op == 3:
        map1[real](log1p_[real], x, y, n)
    elif op == 4:
        map1[real](sigmoid_[real], x, y, n)
    elif op == 5:
        map1[real](tanh_[real], x, y, n)
    elif op == 6:
        map1[real](erf_[real], x, y, n)
    elif op == 7:
        map1[real](softplus_[real], x, y, n)
    elif op == 8:
        map1[real](log_sigmoid_[real], x, y, n)
    elif op == 9:
        map1[real](silu_[real], x, y, n)
    elif op == 10:
        map1[real](gelu_[real], x, y, n)
    elif op == 11:
        map1[real](gelu_tanh_[real], x, y, n)
    elif op == 12:
        map1[real](mish_[real], x, y, n)
    elif op == 13:
        map1[real](selu_[real], x, y, n)
    elif op == 14:
        map1[real](sin_[real], x, y, n)
    elif op == 15:
        map1[real](cos_[real], x, y, n)
    elif op == 16:
        sin_n(x, y, n)
    elif op == 17:
        cos_n(x, y, n)
    elif op == 18:
        map1[real](sqrt_[real], x, y, n)
    elif op == 19:
        map1[real](abs_[real], x, y, n)
    elif op == 20:
        map1[real](normcdf_[real], x, y, n)


cdef double fold(int op, const real* x, const real* y, real c, real* out, Py_ssize_t n) noexcept nogil:
    if op == 0:
        return vsum(x, n)
    if op == 1:
        return vsumsq(x, n)
    if op == 2:
        return vsumabs(x, n)
    if op == 3:
        return vmax(x, n)
    if op == 4:
        return vmin(x, n)
    if op == 5:
        return vsumdev(x, c, n)
    if op == 6:
        return vdot(x, y, n)
    return vexpsum(x, c, out, n)


def _unary(int op, const real[::1] x, real[::1] y, int reps):
    cdef int _i
    if x.shape[0]:
        with nogil:
            for _i in range(reps):
                apply(op, &x[0], &y[0], x.shape[0])


def _fold(int op, const real[::1] x, const real[::1] y, real c, real[::1] out, int reps):
    cdef double result = 0
    cdef int _i
    cdef real nothing = 0
    if not x.shape[0]:
        return fold(op, &nothing, &nothing, c, &nothing, 0)
    with nogil:
        for _i in range(reps):
            result = fold(op, &x[0], &y[0], c, &out[0], x.shape[0])
    return result


def unary(name, x, out=None, int reps=1):
    """y = f(x) for a contiguous float32 or float64 array (in place with ``out=x``)."""
    y = np.empty_like(x) if out is None else out
    kernel = _unary["float"] if x.dtype == np.float32 else _unary["double"]
    kernel(UNARY.index(name), x, y, reps)
    return y


def reduction(name, x, y=None, c=0.0, out=None, int reps=1):
    """A reduction of a contiguous array; ``y`` for dot, ``c`` for sumdev and expsum, ``out`` for expsum."""
    kernel = _fold["float"] if x.dtype == np.float32 else _fold["double"]
    return kernel(REDUCTIONS.index(name), x, x if y is None else y, c, np.empty_like(x) if out is None else out, reps)


def column_sum(const real[:, ::1] x, real[::1] acc):
    if x.shape[0] and x.shape[1]:
        vcolsum(&x[0, 0], x.shape[0], x.shape[1], x.shape[1], &acc[0])


def philox(key, counter):
    """One call of the raw generator: 2 key words, 4 counter words, 4 result words."""
    cdef uint32_t[4] out
    dl_philox(key[0], key[1], counter[0], counter[1], counter[2], counter[3], out)
    return out[0], out[1], out[2], out[3]


def random(kind, uint64_t seed, uint64_t stream, int64_t begin, int64_t end, int reps=1):
    """Elements [begin, end) of a sequence: kind is u32, uniform32, uniform64, normal32 or normal64."""
    cdef uint32_t[::1] u
    cdef float[::1] f
    cdef double[::1] d
    cdef int _i
    dtype = {"u32": np.uint32, "uniform32": np.float32, "normal32": np.float32, "uniform64": np.float64, "normal64": np.float64}[kind]
    out = np.empty(end - begin, dtype)
    if end == begin:
        return out
    for _i in range(reps):
        if kind == "u32":
            u = out
            rng_u32(seed, stream, begin, end, &u[0])
        elif kind == "uniform32":
            f = out
            rng_uniform(seed, stream, begin, end, &f[0])
        elif kind == "uniform64":
            d = out
            rng_uniform(seed, stream, begin, end, &d[0])
        elif kind == "normal32":
            f = out
            rng_normal(seed, stream, begin, end, &f[0])
        else:
            d = out
            rng_normal(seed, stream, begin, end, &d[0])
    return out


def dropout(uint64_t seed, uint64_t stream, int64_t begin, double rate, const real[::1] x, real[::1] y, uint8_t[::1] mask, int reps=1):
    """y, mask = dropout of x, whose first element is element ``begin`` of the sequence."""
    cdef int _i
    cdef uint32_t drop = drop_threshold(rate)
    for _i in range(reps):
        rng_dropout(seed, stream, begin, begin + x.shape[0], drop, <real>(1 / (1 - rate)), &x[0], &y[0], &mask[0])


def nanoseconds(call, Py_ssize_t elements, int reps, int rounds=9):
    """Best time of ``call(reps)`` in nanoseconds per element and repetition."""
    best = float("inf")
    for _ in range(rounds):
        start = perf_counter_ns()
        call(reps)
        best = min(best, (perf_counter_ns() - start) / reps / elements)
    return best
