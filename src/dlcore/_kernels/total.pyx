"""The sum of many tensors of one shape, in one pass."""

cimport cython
from libc.string cimport memcpy

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, same_shape, tensor
from dlcore._kernels.types cimport F32, kernel_void, real

from dlcore._kernels.binary import add, divide

__all__ = []            # keras.ops has no such name; layers import it from here

cdef enum:
    MOST = 31           # tensors of one op: a tape has room for the marks of 32 inputs
    CHUNK = 1024        # elements that stay in the first-level cache while the tensors are added to them


cdef struct Terms:
    int n
    int dtype
    bint accumulate
    double divisor
    char* x[MOST]
    char* y


cdef kernel_void add_terms(const Terms* c, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, stop
    cdef const real* a
    cdef const real* b
    cdef int k
    while begin < end:
        stop = min(begin + CHUNK, end)
        a = <const real*>c.x[0]
        b = <const real*>c.x[1]
        for i in range(begin, stop):
            y[i] = a[i] + b[i]
        for k in range(2, c.n):
            a = <const real*>c.x[k]
            for i in range(begin, stop):
                y[i] += a[i]
        if c.divisor != 1:
            for i in range(begin, stop):
                y[i] = y[i] / <real>c.divisor
        begin = stop


cdef kernel_void share(const Terms* c, const real* dy, real* d, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    cdef real divisor = <real>c.divisor
    if c.accumulate and divisor == 1:
        for i in range(begin, end):
            d[i] += dy[i]
    elif c.accumulate:
        for i in range(begin, end):
            d[i] += dy[i] / divisor
    elif divisor == 1:
        memcpy(d + begin, dy + begin, (end - begin) * sizeof(real))
    else:
        for i in range(begin, end):
            d[i] = dy[i] / divisor


cdef void add_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Terms* c = <Terms*>ctx
    if c.dtype == F32:
        add_terms[float](c, <float*>c.y, begin, end)
    else:
        add_terms[double](c, <double*>c.y, begin, end)


cdef void share_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Terms* c = <Terms*>ctx
    if c.dtype == F32:
        share[float](c, <const float*>c.x[0], <float*>c.y, begin, end)
    else:
        share[double](c, <const double*>c.x[0], <double*>c.y, begin, end)


@cython.no_gc
cdef class Total(Op):
    cdef double divisor

    cdef int infer(self) except -1:
        self.declare_like(<Tensor>self.inputs[0])
        return 0

    cdef int forward(self) except -1:
        cdef Terms c
        cdef int k
        c.n, c.dtype, c.divisor, c.y = <int>len(self.inputs), self.out.dtype, self.divisor, self.out.data
        for k in range(c.n):
            c.x[k] = (<Tensor>self.inputs[k]).data
        launch(add_block, &c, self.out.size, 16 * CHUNK, self.out.size * 0.08 * c.n)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor dy = self.out.grad
        cdef Tensor d
        cdef Terms c
        cdef bint accumulate
        cdef int k
        c.dtype, c.divisor, c.x[0] = dy.dtype, self.divisor, dy.data
        # The first input comes last: it may take over the memory of dy.
        for k in range(<int>len(self.inputs) - 1, -1, -1):
            if not wanted(self, k):
                continue
            if k == 0 and self.divisor == 1:
                self.pass_grad(0, dy)
                continue
            d = self.grad_in(k, &accumulate)
            c.y, c.accumulate = d.data, accumulate
            launch(share_block, &c, dy.size, 16 * CHUNK, dy.size * 0.1)
        return 0


def total(xs, divisor=1):
    """The sum of tensors, divided by a number.

    ``y[i] = (xs[0][i] + xs[1][i] + ...) / divisor``

    Args:
        xs: List of tensors whose shapes broadcast. Equal shapes of float32 or float64 take one pass.
        divisor: Number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If there is no tensor, or the shapes do not broadcast.
    """
    cdef list parts = [tensor(part) for part in xs]
    cdef Tensor first, x
    cdef Total op
    cdef bint alike = True
    if not parts:
        raise ValueError("total: expected at least one tensor; received an empty list")
    first = parts[0]
    for x in parts:
        alike = alike and x.dtype == first.dtype and same_shape(first, x)
    if len(parts) == 1 or not alike or first.dtype < F32:
        y = parts[0]
        for x in parts[1:]:
            y = add(y, x)
        return y if divisor == 1 else divide(y, divisor)
    if len(parts) > MOST:
        return total([total(parts[k:k + MOST]) for k in range(0, len(parts), MOST)], divisor)
    op = Total.__new__(Total)
    op.divisor = divisor
    return apply(op, tuple(parts))
