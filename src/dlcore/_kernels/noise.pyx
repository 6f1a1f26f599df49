"""Gaussian noise, added or multiplied: drawn and used in one pass.

The number at element i is a function of (key, counter, i) alone (see rng.h), so the result does not depend on the
number of threads, and backward draws the numbers again instead of keeping them.
"""

cimport cython
from libc.math cimport isfinite, sqrt
from libc.stdint cimport uint64_t

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.rng cimport rng_normal
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, cast_copy, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real

import numpy as np

cdef enum:
    BLOCK = 8192            # elements a block ...
    CHUNK = 512             # ... drawn so many at a time; both multiples of the 64 that are made together

cdef struct Ctx:
    bint f64
    bint multiplied
    bint accumulate
    uint64_t key
    uint64_t counter
    double stddev
    char* x
    char* y


cdef kernel_void _noisy(Ctx* c, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real[CHUNK] n
    cdef real s = <real>c.stddev
    cdef Py_ssize_t i, m
    while begin < end:
        m = min(<Py_ssize_t>CHUNK, end - begin)
        rng_normal(c.key, c.counter, begin, begin + m, n)
        if not c.multiplied:
            for i in range(m):
                y[begin + i] = x[begin + i] + s * n[i]
        elif c.accumulate:
            for i in range(m):
                y[begin + i] += x[begin + i] * (<real>1 + s * n[i])
        else:
            for i in range(m):
                y[begin + i] = x[begin + i] * (<real>1 + s * n[i])
        begin += m


cdef void _block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _noisy[double](c, <double*>c.x, <double*>c.y, begin, end)
    else:
        _noisy[float](c, <float*>c.x, <float*>c.y, begin, end)


@cython.no_gc
cdef class Noise(Op):
    """y = x + stddev n, or x (1 + stddev n), for standard normal n."""

    cdef bint multiplied
    cdef double stddev
    cdef uint64_t key, counter

    cdef tuple reads(self):
        return None                                 # other numbers each time

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        self.declare(x.dtype if x.dtype >= F16 else F32, x.ndim, x.dims)
        return 0

    cdef int run(self, Tensor x, Tensor y, bint accumulate) except -1:
        cdef Ctx c
        c.f64 = x.dtype == F64
        c.multiplied, c.accumulate, c.stddev = self.multiplied, accumulate, self.stddev
        c.key, c.counter = self.key, self.counter
        c.x, c.y = x.data, y.data
        launch(_block, &c, x.size, BLOCK, x.size * (8.0 if c.f64 else 1.5))
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        if x.dtype < F32:
            x = cast_copy(x, F32)
            if y.dtype == F16:
                y = empty(F32, y.ndim, y.dims)
        self.run(x, y, False)
        if y is not self.out:
            np.copyto(to_numpy(self.out), to_numpy(y), casting="unsafe")
        return 0

    cdef int backward(self) except -1:
        cdef Tensor d
        cdef bint accumulate
        if self.out.grad.dtype == F16:
            raise TypeError(f"gradients are computed in float32 or float64; cast {describe(self.inputs[0])} to float32 before the noise")
        if not wanted(self, 0):
            return 0
        if not self.multiplied:
            return self.pass_grad(0, self.out.grad)
        d = self.grad_in(0, &accumulate)
        return self.run(self.out.grad, d, accumulate)


cdef Tensor _noise(object x, bint multiplied, double stddev, uint64_t key, uint64_t counter):
    cdef Noise op = Noise.__new__(Noise)
    op.multiplied = multiplied
    op.stddev = stddev
    op.key = key
    op.counter = counter
    return apply(op, (tensor(x),))


def gaussian_noise(x, double stddev, uint64_t key, uint64_t counter):
    """Adds normal noise of mean 0. The gradient passes as it is.

    y = x + stddev n, n standard normal.

    Args:
        x: Tensor of any shape.
        stddev: Standard deviation of the noise, at least 0.
        key: Seed of the random numbers.
        counter: Number of the draw; each pair of key and counter gives other noise, always the same.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If stddev is negative or not finite.

    Example:
        >>> import dlcore
        >>> y = dlcore.ops.gaussian_noise([1.0] * 1000, 0.1, 7, 0).numpy()
        >>> bool(abs(y.mean() - 1) < 0.02)
        True
    """
    if not (stddev >= 0 and isfinite(stddev)):
        raise ValueError(f"gaussian_noise: stddev must be a finite number of at least 0; received stddev={stddev}")
    return _noise(x, False, stddev, key, counter)


def gaussian_dropout(x, double rate, uint64_t key, uint64_t counter):
    """Multiplies by normal noise of mean 1 and the variance that dropout has.

    y = x (1 + sqrt(rate / (1 - rate)) n), n standard normal.

    Args:
        x: Tensor of any shape.
        rate: The rate of the dropout that it stands for, from 0 to less than 1.
        key: Seed of the random numbers.
        counter: Number of the draw; each pair of key and counter gives other noise, always the same.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If rate is outside [0, 1).

    References:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014, section 10.

    Example:
        >>> import dlcore
        >>> y = dlcore.ops.gaussian_dropout([1.0] * 1000, 0.5, 7, 0).numpy()
        >>> bool(abs(y.mean() - 1) < 0.2)
        True
    """
    if not 0 <= rate < 1:
        raise ValueError(f"gaussian_dropout: rate must be at least 0 and less than 1; received rate={rate}")
    return _noise(x, True, sqrt(rate / (1 - rate)), key, counter)
