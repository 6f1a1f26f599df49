"""Dropout, and alpha dropout: random numbers, comparison and scaling in one pass.

Whether element i is kept is a function of (key, counter, i) alone (see rng.h), so the result depends neither on the
number of threads nor on what was drawn before.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from dlcore._kernels.layout cimport dense_strides, strided_copy
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.rng cimport drop_threshold, rng_dropout
from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, cast_copy, describe, empty, tensor, to_numpy, zeros
from dlcore._kernels.types cimport F16, F32, F64, U8, kernel_void, real

import numpy as np

cdef enum:
    BLOCK = 16384           # elements a block; a multiple of the 128 elements that are decided together

cdef struct Ctx:
    bint f64
    bint accumulate
    uint64_t key
    uint64_t counter
    uint32_t drop
    double scale
    bint alpha              # adds `shift` where kept and puts `dropped` elsewhere
    double shift
    double dropped
    uint8_t* mask
    char* x
    char* y


cdef kernel_void _shift(real* y, const uint8_t* mask, real shift, real dropped, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real v
    for i in range(n):
        v = y[i] + shift
        y[i] = v if mask[i] else dropped


cdef void _finish(Ctx* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The second half of alpha dropout, while the block is in the cache."""
    if c.f64:
        _shift[double](<double*>c.y + begin, c.mask + begin, c.shift, c.dropped, end - begin)
    else:
        _shift[float](<float*>c.y + begin, c.mask + begin, <float>c.shift, <float>c.dropped, end - begin)


cdef void _draw(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        rng_dropout[double](c.key, c.counter, begin, end, c.drop, c.scale, <double*>c.x + begin, <double*>c.y + begin, c.mask + begin)
    else:
        rng_dropout[float](c.key, c.counter, begin, end, c.drop, <float>c.scale, <float*>c.x + begin, <float*>c.y + begin, c.mask + begin)
    if c.alpha:
        _finish(c, begin, end)


cdef kernel_void _keep(const real* x, real* y, const uint8_t* mask, real scale, bint accumulate, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real v
    if accumulate:
        for i in range(n):
            v = x[i] * scale
            y[i] += v if mask[i] else 0
    else:
        for i in range(n):
            v = x[i] * scale
            y[i] = v if mask[i] else 0


cdef void _apply_mask(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _keep[double](<double*>c.x + begin, <double*>c.y + begin, c.mask + begin, c.scale, c.accumulate, end - begin)
    else:
        _keep[float](<float*>c.x + begin, <float*>c.y + begin, c.mask + begin, <float>c.scale, c.accumulate, end - begin)
    if c.alpha:
        _finish(c, begin, end)


@cython.no_gc
cdef class Dropout(Op):
    """y = scale x + shift where kept, else `dropped`: 1 / (1 - rate), 0 and 0 in ordinary dropout."""

    cdef double rate
    cdef bint alpha
    cdef double scale, shift, dropped
    cdef uint64_t key, counter
    cdef object noise_shape
    cdef Tensor mask                # 1 where kept, a byte for each element of x

    cdef tuple reads(self):
        return None                                 # other numbers each time

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef int i
        if self.noise_shape is not None:
            noise = tuple(self.noise_shape)
            if len(noise) != x.ndim:
                raise ValueError(f"dropout: noise_shape must have {x.ndim} entries, one for each axis of x; "
                                 f"received noise_shape={self.noise_shape} and x, {describe(x)}")
            for i in range(x.ndim):
                if noise[i] is not None and noise[i] != 1 and noise[i] != x.dims[i] and x.dims[i] != UNKNOWN:
                    raise ValueError(f"dropout: noise_shape must hold 1, None or the size of x along each axis; "
                                     f"received noise_shape={self.noise_shape} and x, {describe(x)}")
        self.declare(x.dtype if x.dtype >= F16 else F32, x.ndim, x.dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Ctx c
        if x.dtype < F32:
            x = cast_copy(x, F32)
            if y.dtype == F16:
                y = empty(F32, y.ndim, y.dims)
        c.f64 = x.dtype == F64
        c.accumulate = False
        c.key = self.key
        c.counter = self.counter
        c.drop = drop_threshold(self.rate)
        c.scale, c.alpha, c.shift, c.dropped = self.scale, self.alpha, self.shift, self.dropped
        c.x = x.data
        c.y = y.data
        if self.noise_shape is None and self.rate < 1:
            self.mask = empty(U8, x.ndim, x.dims)
            c.mask = <uint8_t*>self.mask.data
            launch(_draw, &c, x.size, BLOCK, x.size * 0.7)
        else:
            self.mask = self.shared_mask(x)
            c.mask = <uint8_t*>self.mask.data
            launch(_apply_mask, &c, x.size, BLOCK, x.size * 0.1)
        if y is not self.out:
            np.copyto(to_numpy(self.out), to_numpy(y), casting="unsafe")
        return 0

    cdef Tensor shared_mask(self, Tensor x):
        """The mask when all is dropped, or when one decision holds for a whole axis: drawn small and repeated."""
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t to[MAX_NDIM]
        cdef Tensor values, small, mask
        cdef Ctx c
        cdef int i
        if self.rate >= 1:
            return zeros(U8, x.ndim, x.dims)
        for i in range(x.ndim):
            dims[i] = x.dims[i] if self.noise_shape[i] is None else self.noise_shape[i]
        small = empty(U8, x.ndim, dims)
        values = tensor(np.zeros(small.size, np.float32))
        c.f64 = False
        c.key = self.key
        c.counter = self.counter
        c.drop = drop_threshold(self.rate)
        c.scale, c.alpha = 0, False
        c.mask = <uint8_t*>small.data
        c.x = c.y = values.data
        launch(_draw, &c, small.size, BLOCK, small.size * 0.7)
        mask = empty(U8, x.ndim, x.dims)
        dense_strides(x.ndim, x.dims, to)
        dense_strides(x.ndim, dims, strides)
        for i in range(x.ndim):
            if dims[i] == 1:
                strides[i] = 0
        strided_copy(U8, False, x.ndim, x.dims, small.data, strides, mask.data, to)
        return mask

    cdef int backward(self) except -1:
        cdef Tensor g = self.out.grad
        cdef Ctx c
        if g.dtype == F16:
            raise TypeError(f"gradients are computed in float32 or float64; cast {describe(self.inputs[0])} to float32 before dropout")
        c.f64 = g.dtype == F64
        c.scale, c.alpha = self.scale, False
        c.mask = <uint8_t*>self.mask.data
        c.x = g.data
        c.y = self.grad_in(0, &c.accumulate).data
        launch(_apply_mask, &c, g.size, BLOCK, g.size * 0.1)
        return 0


def dropout(x, double rate, uint64_t key, uint64_t counter, noise_shape=None):
    """Sets a random share of the elements to zero and scales up the others, so that the mean stays.

    y = x / (1 - rate) where kept, else 0; an element is dropped with probability `rate`.

    Args:
        x: Tensor of any shape.
        rate: Share to drop, from 0 to 1.
        key: Seed of the random numbers.
        counter: Number of the draw; each pair of key and counter gives another mask, always the same one.
        noise_shape: Shape of the decisions, for instance (n, 1, channels) to drop whole channels: 1 for an axis that shares
            them, None or the size of x for one that does not. None stands for the shape of x.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If rate is outside [0, 1], or noise_shape does not fit.

    References:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014. The
        random numbers are Philox: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

    Example:
        >>> import dlcore
        >>> y = dlcore.ops.dropout([1.0] * 1000, 0.5, 7, 0).numpy()
        >>> set(y.tolist()), bool(400 < (y == 0).sum() < 600)
        ({0.0, 2.0}, True)
    """
    cdef Dropout op
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: rate must be from 0 to 1; received rate={rate}")
    if rate == 0 and noise_shape is None:
        return tensor(x)
    op = Dropout.__new__(Dropout)
    op.rate = rate
    op.scale = 1 / (1 - rate) if rate < 1 else 0
    op.key = key
    op.counter = counter
    op.noise_shape = noise_shape
    return apply(op, (tensor(x),))


def alpha_dropout(x, double rate, uint64_t key, uint64_t counter, noise_shape=None):
    """Dropout for networks of selu: sets a random share to selu's limit and keeps mean 0 and variance 1.

    y = a x + b where kept, else a m + b, with m = -1.7581 (selu of -infinity), a = ((1 - rate) (1 + rate m^2))^(-1/2)
    and b = -a rate m.

    Args:
        x: Tensor of any shape.
        rate: Share to drop, from 0 to less than 1.
        key: Seed of the random numbers.
        counter: Number of the draw; each pair of key and counter gives another mask, always the same one.
        noise_shape: Shape of the decisions, as in :func:`dropout`.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If rate is outside [0, 1), or noise_shape does not fit.

    References:
        Klambauer et al., "Self-normalizing neural networks", NIPS 2017.

    Example:
        >>> import dlcore
        >>> y = dlcore.ops.alpha_dropout([1.0] * 1000, 0.5, 7, 0).numpy()
        >>> len(set(y.tolist()))
        2
    """
    cdef Dropout op
    cdef double m = -1.7580993408473768599402175208123
    if not 0 <= rate < 1:
        raise ValueError(f"alpha_dropout: rate must be at least 0 and less than 1; received rate={rate}")
    if rate == 0 and noise_shape is None:
        return tensor(x)
    op = Dropout.__new__(Dropout)
    op.rate = rate
    op.alpha = True
    op.scale = ((1 - rate) * (1 + rate * m * m)) ** -0.5
    op.shift = -op.scale * m * rate
    op.dropped = op.scale * m + op.shift
    op.key = key
    op.counter = counter
    op.noise_shape = noise_shape
    return apply(op, (tensor(x),))
