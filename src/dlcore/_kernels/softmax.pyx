"""Activations that work along an axis: softmax, log_softmax and sparsemax.

Data is seen as (outer, k, inner) with the axis in the middle. Along the last axis (inner = 1) the unit of work is a row;
otherwise it is a strip of up to STRIP neighbouring columns, so that the loops run over contiguous memory either way.
"""

import warnings

cimport cython
from cpython.long cimport PyLong_CheckExact

from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.narrow cimport NARROW, SLACK, vexpdiff, vrepeat, vrows_dot, vrows_max, vrows_sum
from dlcore._kernels.parallel cimport block_fn, launch
from dlcore._kernels.simd cimport dl_fetch, dl_fetch_to_write, vdot, vmax, vonline, vsum
from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport Tensor, cast_copy, describe, empty_like, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport exp_, log_

import numpy as np

cdef enum:
    BLOCK = 16384           # elements a block, at least one row or strip
    STRIP = 128             # columns
    SHORT = 512             # rows shorter than this are exponentiated many at a time
    BATCH = 1024            # elements of short rows exponentiated at a time

cdef struct Ctx:
    bint f64
    bint accumulate
    Py_ssize_t k
    Py_ssize_t inner
    Py_ssize_t strips       # per outer index
    char* x
    char* y
    char* g
    char* dx


cdef inline Py_ssize_t _strip(Ctx* c, Py_ssize_t i, Py_ssize_t* width) noexcept nogil:
    # Where strip i begins, in elements.
    cdef Py_ssize_t column = i % c.strips * STRIP
    width[0] = min(<Py_ssize_t>STRIP, c.inner - column)
    return i // c.strips * c.k * c.inner + column


# ---------------------------------------------------------------------------------------------------------- softmax

# y = exp(x - max of the row) and its sums, for a batch of short rows: the exponentials of all rows in one vector loop.
# `each` receives the maximum of the row for each element; `next` is what will be written after this batch.
cdef inline void _shifted_exp(const real* x, real* y, Py_ssize_t k, Py_ssize_t rows, real* sums, real* each, real* next) noexcept nogil:
    cdef Py_ssize_t i
    if k < NARROW:
        vrows_max[real](x, k, rows, sums)
    else:
        for i in range(rows):
            sums[i] = vmax[real](x + i * k, k)
    vrepeat[real](sums, k, rows, each)
    vexpdiff[real](x, each, y, rows * k, next)
    if k < NARROW:
        vrows_sum[real](y, k, rows, sums)
    else:
        for i in range(rows):
            sums[i] = <real>vsum[real](y + i * k, k)


cdef kernel_void _softmax_rows(const real* x, real* y, Py_ssize_t k, Py_ssize_t rows) noexcept nogil:
    cdef real sums[BATCH]
    cdef real each[BATCH + SLACK]
    cdef Py_ssize_t i, j, n
    while rows > 0:
        if k >= SHORT:
            n = 1
            vonline[real](x, y, k, sums)
        else:
            n = min(rows, BATCH // k)
            _shifted_exp[real](x, y, k, n, sums, each, y + n * k)
            for i in range(n):
                sums[i] = <real>1 / sums[i]
            vrepeat[real](sums, k, n, each)
            for j in range(n * k):
                y[j] *= each[j]
        rows -= n
        x += n * k
        y += n * k


cdef kernel_void _softmax_strip(const real* x, real* y, Py_ssize_t k, Py_ssize_t inner, Py_ssize_t w) noexcept nogil:
    cdef real m[STRIP]
    cdef real s[STRIP]
    cdef Py_ssize_t i, j
    cdef const real* a
    cdef real* b
    for j in range(w):
        m[j] = x[j]
        s[j] = 0
    for i in range(1, k):
        a = x + i * inner
        for j in range(w):
            m[j] = a[j] if a[j] > m[j] else m[j]
    for i in range(k):
        a = x + i * inner
        b = y + i * inner
        for j in range(w):
            b[j] = exp_(a[j] - m[j])
            s[j] += b[j]
    for j in range(w):
        s[j] = <real>1 / s[j]
    for i in range(k):
        b = y + i * inner
        for j in range(w):
            b[j] *= s[j]


cdef inline void _softmax_fwd(Ctx* c, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, w
    if c.inner == 1:
        _softmax_rows[real](x + begin * c.k, y + begin * c.k, c.k, end - begin)
        return
    for i in range(begin, end):
        at = _strip(c, i, &w)
        _softmax_strip[real](x + at, y + at, c.k, c.inner, w)


cdef void _softmax_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _softmax_fwd[double](c, <double*>c.x, <double*>c.y, begin, end)
    else:
        _softmax_fwd[float](c, <float*>c.x, <float*>c.y, begin, end)


# dx = y * (g - sum(g * y))

cdef kernel_void _softmax_rows_bwd(const real* y, const real* g, real* dx, Py_ssize_t k, Py_ssize_t rows, bint accumulate) noexcept nogil:
    cdef real sums[BATCH]
    cdef real each[BATCH + SLACK]
    cdef Py_ssize_t j, n
    cdef real s
    while rows > 0:
        if k < NARROW:
            n = min(rows, BATCH // k)
            vrows_dot[real](y, g, k, n, sums)
            dl_fetch(y + n * k, n * k * sizeof(real))
            dl_fetch(g + n * k, n * k * sizeof(real))
            dl_fetch_to_write(dx + n * k, n * k * sizeof(real))
            vrepeat[real](sums, k, n, each)
            if accumulate:
                for j in range(n * k):
                    dx[j] += y[j] * (g[j] - each[j])
            else:
                for j in range(n * k):
                    dx[j] = y[j] * (g[j] - each[j])
        else:
            n = 1
            s = <real>vdot[real](y, g, k)
            if accumulate:
                for j in range(k):
                    dx[j] += y[j] * (g[j] - s)
            else:
                for j in range(k):
                    dx[j] = y[j] * (g[j] - s)
        rows -= n
        y += n * k
        g += n * k
        dx += n * k


cdef kernel_void _softmax_strip_bwd(const real* y, const real* g, real* dx, Py_ssize_t k, Py_ssize_t inner, Py_ssize_t w, bint accumulate) noexcept nogil:
    cdef real s[STRIP]
    cdef Py_ssize_t i, j, at
    for j in range(w):
        s[j] = 0
    for i in range(k):
        at = i * inner
        for j in range(w):
            s[j] += y[at + j] * g[at + j]
    for i in range(k):
        at = i * inner
        if accumulate:
            for j in range(w):
                dx[at + j] += y[at + j] * (g[at + j] - s[j])
        else:
            for j in range(w):
                dx[at + j] = y[at + j] * (g[at + j] - s[j])


cdef inline void _softmax_bwd(Ctx* c, const real* y, const real* g, real* dx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, w
    if c.inner == 1:
        at = begin * c.k
        _softmax_rows_bwd[real](y + at, g + at, dx + at, c.k, end - begin, c.accumulate)
        return
    for i in range(begin, end):
        at = _strip(c, i, &w)
        _softmax_strip_bwd[real](y + at, g + at, dx + at, c.k, c.inner, w, c.accumulate)


cdef void _softmax_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _softmax_bwd[double](c, <double*>c.y, <double*>c.g, <double*>c.dx, begin, end)
    else:
        _softmax_bwd[float](c, <float*>c.y, <float*>c.g, <float*>c.dx, begin, end)


# ------------------------------------------------------------------------------------------------------ log_softmax

cdef kernel_void _log_softmax_rows(const real* x, real* y, Py_ssize_t k, Py_ssize_t rows) noexcept nogil:
    cdef real sums[BATCH]
    cdef real each[BATCH + SLACK]
    cdef real powers[BATCH + SLACK]
    cdef Py_ssize_t i, j, n
    cdef real m, s
    while rows > 0:
        if k >= SHORT:
            n = 1
            s = log_(<real>vonline[real](x, NULL, k, &m))
            for j in range(k):
                y[j] = (x[j] - m) - s
        else:
            n = min(rows, BATCH // k)
            _shifted_exp[real](x, powers, k, n, sums, each, y)
            for i in range(n):
                sums[i] = log_(sums[i])
            vrepeat[real](sums, k, n, powers)
            for j in range(n * k):
                y[j] = (x[j] - each[j]) - powers[j]
        rows -= n
        x += n * k
        y += n * k


cdef kernel_void _log_softmax_strip(const real* x, real* y, Py_ssize_t k, Py_ssize_t inner, Py_ssize_t w) noexcept nogil:
    cdef real m[STRIP]
    cdef real s[STRIP]
    cdef Py_ssize_t i, j
    cdef const real* a
    cdef real* b
    for j in range(w):
        m[j] = x[j]
        s[j] = 0
    for i in range(1, k):
        a = x + i * inner
        for j in range(w):
            m[j] = a[j] if a[j] > m[j] else m[j]
    for i in range(k):
        a = x + i * inner
        for j in range(w):
            s[j] += exp_(a[j] - m[j])
    for j in range(w):
        s[j] = log_(s[j])
    for i in range(k):
        a = x + i * inner
        b = y + i * inner
        for j in range(w):
            b[j] = (a[j] - m[j]) - s[j]


cdef inline void _log_softmax_fwd(Ctx* c, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, w
    if c.inner == 1:
        _log_softmax_rows[real](x + begin * c.k, y + begin * c.k, c.k, end - begin)
        return
    for i in range(begin, end):
        at = _strip(c, i, &w)
        _log_softmax_strip[real](x + at, y + at, c.k, c.inner, w)


cdef void _log_softmax_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _log_softmax_fwd[double](c, <double*>c.x, <double*>c.y, begin, end)
    else:
        _log_softmax_fwd[float](c, <float*>c.x, <float*>c.y, begin, end)


# dx = g - exp(y) * sum(g)

cdef kernel_void _log_softmax_rows_bwd(const real* y, const real* g, real* dx, Py_ssize_t k, Py_ssize_t rows, bint accumulate) noexcept nogil:
    cdef real sums[BATCH]
    cdef real each[BATCH + SLACK]
    cdef Py_ssize_t i, j, n
    cdef real s
    while rows > 0:
        if k < SHORT:
            n = min(rows, BATCH // k)
            if k < NARROW:
                vrows_sum[real](g, k, n, sums)
            else:
                for i in range(n):
                    sums[i] = <real>vsum[real](g + i * k, k)
            dl_fetch(y + n * k, n * k * sizeof(real))
            dl_fetch(g + n * k, n * k * sizeof(real))
            dl_fetch_to_write(dx + n * k, n * k * sizeof(real))
            vrepeat[real](sums, k, n, each)
            if accumulate:
                for j in range(n * k):
                    dx[j] += g[j] - exp_(y[j]) * each[j]
            else:
                for j in range(n * k):
                    dx[j] = g[j] - exp_(y[j]) * each[j]
        else:
            n = 1
            s = <real>vsum[real](g, k)
            if accumulate:
                for j in range(k):
                    dx[j] += g[j] - exp_(y[j]) * s
            else:
                for j in range(k):
                    dx[j] = g[j] - exp_(y[j]) * s
        rows -= n
        y += n * k
        g += n * k
        dx += n * k


cdef kernel_void _log_softmax_strip_bwd(const real* y, const real* g, real* dx, Py_ssize_t k, Py_ssize_t inner, Py_ssize_t w, bint accumulate) noexcept nogil:
    cdef real s[STRIP]
    cdef Py_ssize_t i, j, at
    for j in range(w):
        s[j] = 0
    for i in range(k):
        at = i * inner
        for j in range(w):
            s[j] += g[at + j]
    for i in range(k):
        at = i * inner
        if accumulate:
            for j in range(w):
                dx[at + j] += g[at + j] - exp_(y[at + j]) * s[j]
        else:
            for j in range(w):
                dx[at + j] = g[at + j] - exp_(y[at + j]) * s[j]


cdef inline void _log_softmax_bwd(Ctx* c, const real* y, const real* g, real* dx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, w
    if c.inner == 1:
        at = begin * c.k
        _log_softmax_rows_bwd[real](y + at, g + at, dx + at, c.k, end - begin, c.accumulate)
        return
    for i in range(begin, end):
        at = _strip(c, i, &w)
        _log_softmax_strip_bwd[real](y + at, g + at, dx + at, c.k, c.inner, w, c.accumulate)


cdef void _log_softmax_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _log_softmax_bwd[double](c, <double*>c.y, <double*>c.g, <double*>c.dx, begin, end)
    else:
        _log_softmax_bwd[float](c, <float*>c.y, <float*>c.g, <float*>c.dx, begin, end)


# -------------------------------------------------------------------------------------------------------- sparsemax
#
# The projection of a row onto the simplex (Martins & Astudillo, ICML 2016). The threshold tau is found without sorting
# (Michelot, 1986): start from the whole row, and drop what is not above tau until nothing more is dropped.

cdef inline void _sparsemax_row(const real* x, real* y, Py_ssize_t k, Py_ssize_t stride) noexcept nogil:
    cdef Py_ssize_t j, count = k, before = k + 1
    cdef double s = 0
    cdef real m = x[0], tau
    # Relative to the maximum, so that large numbers lose nothing.
    for j in range(k):
        m = m if x[j * stride] <= m else x[j * stride]
    for j in range(k):
        s += x[j * stride] - m
    tau = <real>((s - 1) / k)
    while 0 < count < before:
        before = count
        count = 0
        s = 0
        for j in range(k):
            if x[j * stride] - m > tau:
                s += x[j * stride] - m
                count += 1
        if count:
            tau = <real>((s - 1) / count)
    for j in range(k):
        s = x[j * stride] - m - tau
        y[j * stride] = <real>(0 if s <= 0 else s)


cdef inline void _sparsemax_row_bwd(const real* y, const real* g, real* dx, Py_ssize_t k, Py_ssize_t stride, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j, at, count = 0
    cdef double s = 0
    cdef real mean, d
    for j in range(k):
        if y[j * stride] > 0:
            s += g[j * stride]
            count += 1
    mean = <real>(s / count)
    for j in range(k):
        at = j * stride
        d = 0 if y[at] <= 0 else g[at] - mean
        dx[at] = dx[at] + d if accumulate else d


cdef inline void _sparsemax_fwd(Ctx* c, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, j, at, w
    for i in range(begin, end):
        at = _strip(c, i, &w)
        for j in range(at, at + w):
            _sparsemax_row[real](x + j, y + j, c.k, c.inner)


cdef void _sparsemax_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _sparsemax_fwd[double](c, <double*>c.x, <double*>c.y, begin, end)
    else:
        _sparsemax_fwd[float](c, <float*>c.x, <float*>c.y, begin, end)


cdef inline void _sparsemax_bwd(Ctx* c, const real* y, const real* g, real* dx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, j, at, w
    for i in range(begin, end):
        at = _strip(c, i, &w)
        for j in range(at, at + w):
            _sparsemax_row_bwd[real](y + j, g + j, dx + j, c.k, c.inner, c.accumulate)


cdef void _sparsemax_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _sparsemax_bwd[double](c, <double*>c.y, <double*>c.g, <double*>c.dx, begin, end)
    else:
        _sparsemax_bwd[float](c, <float*>c.y, <float*>c.g, <float*>c.dx, begin, end)


# -------------------------------------------------------------------------------------------------------------- ops

@cython.no_gc
cdef class _AxisOp(Op):
    """What ops along an axis share: the split into (outer, k, inner), and conversions of dtype and layout."""

    cdef object axis
    cdef Py_ssize_t outer, k, inner
    cdef tuple order                # axes in an order that makes the group the last ones, or None if it is in one piece

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef int first, last, i
        self.order = None
        if PyLong_CheckExact(self.axis):
            first = last = axis_index(_name(self), self.axis, max(1, x.ndim), x)
        else:
            axes = sorted({axis_index(_name(self), a, max(1, x.ndim), x) for a in (range(x.ndim) if self.axis is None else self.axis)})
            if not axes and x.ndim:
                raise ValueError(f"{_name(self)}: axis must name at least one axis; received axis={self.axis!r}")
            first, last = (axes[0], axes[len(axes) - 1]) if axes else (0, -1)
            if last - first + 1 != len(axes):
                self.order = tuple([a for a in range(x.ndim) if a not in axes] + axes)
        self.outer = self.k = self.inner = 1
        if not x.symbolic:
            if self.order is not None:
                for a in axes:
                    self.k *= x.dims[<int>a]
                self.outer = x.size // self.k if self.k else 0
            else:
                for i in range(x.ndim):
                    if i < first:
                        self.outer *= x.dims[i]
                    elif i <= last:
                        self.k *= x.dims[i]
                    else:
                        self.inner *= x.dims[i]
        self.declare(x.dtype if x.dtype >= F16 else F32, x.ndim, x.dims)
        return 0

    cdef int run(self, block_fn body, Ctx* c, double cost):
        cdef Py_ssize_t items, elements
        c.k = self.k
        c.inner = self.inner
        c.strips = (self.inner + STRIP - 1) // STRIP
        items = self.outer * c.strips
        if self.k == 0 or items == 0:
            return 0
        elements = self.k * min(<Py_ssize_t>STRIP, self.inner)
        launch(body, c, items, max(<Py_ssize_t>1, BLOCK // elements), cost * self.out.size)
        return 0

    cdef int run_forward(self, block_fn body, double cost) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Ctx c
        if x.dtype < F32:
            x = cast_copy(x, F32)
        if self.order is not None:
            x = tensor(np.ascontiguousarray(to_numpy(x).transpose(self.order)))
        if self.order is not None or y.dtype == F16:
            y = empty_like(x)
        c.f64 = x.dtype == F64
        c.x = x.data
        c.y = y.data
        self.run(body, &c, cost)
        if y is not self.out:
            target = to_numpy(self.out)
            np.copyto(target if self.order is None else target.transpose(self.order), to_numpy(y), casting="unsafe")
        return 0

    cdef int run_backward(self, block_fn body, double cost) except -1:
        cdef Tensor y = self.out
        cdef Tensor g = y.grad
        cdef Tensor d, p
        cdef Ctx c
        if y.dtype == F16:
            raise TypeError(f"gradients are computed in float32 or float64; cast {describe(self.inputs[0])} to float32 before {_name(self)}")
        d = p = self.grad_in(0, &c.accumulate)
        if self.order is not None:
            y = tensor(np.ascontiguousarray(to_numpy(y).transpose(self.order)))
            g = tensor(np.ascontiguousarray(to_numpy(g).transpose(self.order)))
            p = tensor(np.array(to_numpy(d).transpose(self.order), order="C"))
        c.f64 = y.dtype == F64
        c.y = y.data
        c.g = g.data
        c.dx = p.data
        self.run(body, &c, cost)
        if p is not d:
            np.copyto(to_numpy(d).transpose(self.order), to_numpy(p))
        return 0


cdef str _name(Op op):
    name = type(op).__name__
    return "log_softmax" if name == "LogSoftmax" else name.lower()


@cython.no_gc
cdef class Softmax(_AxisOp):
    """y = exp(x) / sum(exp(x)) along an axis or a group of axes."""

    cdef int forward(self) except -1:
        if self.k == 1 and self.inner == 1 and (<Tensor>self.inputs[0]).ndim > 0:
            warnings.warn(
                f"softmax over axis {self.axis} of {describe(self.inputs[0])}: the axis has size 1, so the result is 1 "
                "everywhere. Did you mean sigmoid?"
            )
        return self.run_forward(_softmax_forward, 0.5)

    cdef int backward(self) except -1:
        return self.run_backward(_softmax_backward, 0.2)


@cython.no_gc
cdef class LogSoftmax(_AxisOp):
    """y = x - log(sum(exp(x))) along an axis or a group of axes."""

    cdef int forward(self) except -1:
        return self.run_forward(_log_softmax_forward, 0.5)

    cdef int backward(self) except -1:
        return self.run_backward(_log_softmax_backward, 0.4)


@cython.no_gc
cdef class Sparsemax(_AxisOp):
    """y = max(x - tau, 0) along an axis, tau such that the sum is 1."""

    cdef int forward(self) except -1:
        return self.run_forward(_sparsemax_forward, 8.0)

    cdef int backward(self) except -1:
        return self.run_backward(_sparsemax_backward, 2.0)


# ---------------------------------------------------------------------------------------------- the entry functions

def softmax(x, axis=-1):
    """Softmax.

    y_i = exp(x_i) / sum_j exp(x_j), the sum along `axis`.

    Args:
        x: Tensor of any shape.
        axis: Axis, tuple of axes that are normalised together, or None for all.

    Returns:
        A tensor of the shape of x; it sums to 1 along `axis`.

    Raises:
        ValueError: If axis is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.ops.softmax([0.0, 0.0]).numpy().tolist()
        [0.5, 0.5]
    """
    cdef Softmax op = Softmax.__new__(Softmax)
    op.axis = axis
    return apply(op, (tensor(x),))


def log_softmax(x, axis=-1):
    """Logarithm of softmax, without underflow.

    y_i = x_i - log(sum_j exp(x_j)), the sum along `axis`.

    Args:
        x: Tensor of any shape.
        axis: Axis, tuple of axes that are normalised together, or None for all.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If axis is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.ops.log_softmax([0.0, 1000.0]).numpy().tolist()
        [-1000.0, 0.0]
    """
    cdef LogSoftmax op = LogSoftmax.__new__(LogSoftmax)
    op.axis = axis
    return apply(op, (tensor(x),))


def sparsemax(x, axis=-1):
    """Sparsemax: the point of the probability simplex that is nearest to x.

    y_i = max(x_i - tau, 0) with tau such that y sums to 1 along `axis`.

    Args:
        x: Tensor of any shape.
        axis: Axis.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If axis is out of range.

    References:
        Martins and Astudillo, "From softmax to sparsemax", ICML 2016.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sparsemax([0.5, 0.5, -1.0]).numpy().tolist()
        [0.5, 0.5, 0.0]
    """
    cdef Sparsemax op = Sparsemax.__new__(Sparsemax)
    op.axis = axis
    return apply(op, (tensor(x),))
