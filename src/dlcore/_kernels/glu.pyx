"""glu: one half of a tensor, gated by the sigmoid of the other."""

cimport cython

from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, cast_copy, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport sigmoid_

import numpy as np

cdef enum:
    BLOCK = 16384           # elements of the result a block


cdef struct Ctx:
    bint f64
    bint accumulate
    Py_ssize_t half         # elements of one half for one outer index
    char* x
    char* y
    char* g
    char* dx


cdef kernel_void _glu_run(const real* a, const real* b, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] = a[j] * sigmoid_(b[j])


cdef kernel_void _glu_run_bwd(const real* a, const real* b, const real* g, real* da, real* db, Py_ssize_t n, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    cdef real s
    if accumulate:
        for j in range(n):
            s = sigmoid_(b[j])
            da[j] += g[j] * s
            db[j] += g[j] * a[j] * s * (<real>1 - s)
    else:
        for j in range(n):
            s = sigmoid_(b[j])
            da[j] = g[j] * s
            db[j] = g[j] * a[j] * s * (<real>1 - s)


# An item is an element of y; a block may begin and end inside a run of `half` of them.

cdef inline void _glu_fwd(Ctx* c, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n, at
    while begin < end:
        n = min(end - begin, c.half - begin % c.half)
        at = begin // c.half * 2 * c.half + begin % c.half
        _glu_run[real](x + at, x + at + c.half, y + begin, n)
        begin += n


cdef void _glu_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _glu_fwd[double](c, <double*>c.x, <double*>c.y, begin, end)
    else:
        _glu_fwd[float](c, <float*>c.x, <float*>c.y, begin, end)


cdef inline void _glu_bwd(Ctx* c, const real* x, const real* g, real* dx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t n, at
    while begin < end:
        n = min(end - begin, c.half - begin % c.half)
        at = begin // c.half * 2 * c.half + begin % c.half
        _glu_run_bwd[real](x + at, x + at + c.half, g + begin, dx + at, dx + at + c.half, n, c.accumulate)
        begin += n


cdef void _glu_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _glu_bwd[double](c, <double*>c.x, <double*>c.g, <double*>c.dx, begin, end)
    else:
        _glu_bwd[float](c, <float*>c.x, <float*>c.g, <float*>c.dx, begin, end)


@cython.no_gc
cdef class Glu(Op):
    """y = a * sigmoid(b), where a and b are the halves of x along an axis."""

    cdef object axis
    cdef Py_ssize_t half

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i, axis
        if x.ndim == 0:
            raise ValueError(f"glu: x must have at least one axis; received {describe(x)}")
        axis = axis_index("glu", self.axis, x.ndim, x)
        self.half = 1
        for i in range(x.ndim):
            dims[i] = x.dims[i]
            if i == axis and dims[i] != UNKNOWN:
                if dims[i] % 2:
                    raise ValueError(f"glu: axis size must be divisible by 2; received {describe(x)} with axis={self.axis}")
                dims[i] //= 2
            if i >= axis:
                self.half *= dims[i]
        self.declare(x.dtype if x.dtype >= F16 else F32, x.ndim, dims)
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
        c.half = self.half
        c.x = x.data
        c.y = y.data
        launch(_glu_forward, &c, y.size, BLOCK, y.size * 0.35)
        if y is not self.out:
            np.copyto(to_numpy(self.out), to_numpy(y), casting="unsafe")
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Ctx c
        if x.dtype == F16:
            raise TypeError(f"gradients are computed in float32 or float64; cast {describe(x)} to float32 before glu")
        c.f64 = x.dtype == F64
        c.half = self.half
        c.x = x.data
        c.g = self.out.grad.data
        c.dx = self.grad_in(0, &c.accumulate).data
        launch(_glu_backward, &c, self.out.size, BLOCK, self.out.size * 0.5)
        return 0


def glu(x, axis=-1):
    """Gated linear unit.

    y = a * sigmoid(b), where a and b are the first and the second half of x along `axis`.

    Args:
        x: Tensor with an even size along `axis`.
        axis: Axis.

    Returns:
        A tensor of half the size of x along `axis`.

    Raises:
        ValueError: If axis is out of range or its size is odd.

    Example:
        >>> import dlcore
        >>> dlcore.ops.glu([2.0, 0.0]).numpy().tolist()
        [1.0]
    """
    cdef Glu op = Glu.__new__(Glu)
    op.axis = axis
    return apply(op, (tensor(x),))
