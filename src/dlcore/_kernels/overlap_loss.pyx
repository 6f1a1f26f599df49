"""How much two sets overlap: the index of Tversky, of which Dice's coefficient is the symmetric case.

1 - I / (I + alpha (T - I) + beta (P - I) + eps) with the sums I of t p, T of t and P of p over some axes. Long rows are cut
into pieces, so that an image in one row uses all threads; sums of pieces are added in their order.
"""

cimport cython

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.loss_base cimport DL_EPS, to_tensor
from dlcore._kernels.parallel cimport block_fn, launch
from dlcore._kernels.simd cimport vdot, vsum
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real

import numpy as np

__all__ = []

cdef enum:
    PIECE = 16384           # elements

cdef struct Job:
    bint f64
    bint accumulate
    Py_ssize_t k            # elements of a row
    Py_ssize_t pieces       # of a row
    const char* t
    const char* p
    char* d                 # gradient to write
    double* sums            # I, T, P of each piece
    double* slopes          # of each row: a gradient is t slopes[0] + slopes[1]


cdef void _sums(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef Py_ssize_t i, at, n
    cdef double* s
    for i in range(begin, end):
        at = i // job.pieces * job.k + i % job.pieces * PIECE
        n = min(<Py_ssize_t>PIECE, job.k - i % job.pieces * PIECE)
        s = job.sums + 3 * i
        if job.f64:
            s[0] = vdot[double](<double*>job.t + at, <double*>job.p + at, n)
            s[1] = vsum[double](<double*>job.t + at, n)
            s[2] = vsum[double](<double*>job.p + at, n)
        else:
            s[0] = vdot[float](<float*>job.t + at, <float*>job.p + at, n)
            s[1] = vsum[float](<float*>job.t + at, n)
            s[2] = vsum[float](<float*>job.p + at, n)


cdef inline kernel_void _line(const real* x, real* d, Py_ssize_t n, double slope, double rest, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    cdef real a = <real>slope, b = <real>rest
    if accumulate:
        for j in range(n):
            d[j] += x[j] * a + b
    else:
        for j in range(n):
            d[j] = x[j] * a + b


cdef void _gradients(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef Py_ssize_t i, at, n
    cdef double* s
    for i in range(begin, end):
        at = i // job.pieces * job.k + i % job.pieces * PIECE
        n = min(<Py_ssize_t>PIECE, job.k - i % job.pieces * PIECE)
        s = job.slopes + 2 * (i // job.pieces)
        if job.f64:
            _line[double](<double*>job.t + at, <double*>job.d + at, n, s[0], s[1], job.accumulate)
        else:
            _line[float](<float*>job.t + at, <float*>job.d + at, n, s[0], s[1], job.accumulate)


@cython.no_gc
cdef class Overlap(Op):
    """1 - the index of Tversky of y_true and y_pred along `axis`."""

    cdef str name
    cdef object axis
    cdef double alpha, beta, eps
    cdef int dtype
    cdef tuple order                # of the axes if those to sum over are not the last, else None
    cdef Py_ssize_t rows, k, pieces
    cdef Tensor t, p
    cdef Tensor totals              # (rows, 2) I and the denominator

    cdef tuple reads(self):
        return None                                 # a loss

    cdef int infer(self) except -1:
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef Tensor p = <Tensor>self.inputs[1]
        cdef Py_ssize_t[MAX_NDIM] dims
        cdef int i, n = 0
        cdef bint same = t.ndim == p.ndim
        self.dtype = p.dtype if p.dtype >= F32 else F32
        if p.dtype == F16 and wanted(self, 1):
            raise TypeError(f"{self.name}: gradients are computed in float32 or float64; cast y_pred to float32 first; received {describe(p)}")
        if wanted(self, 0) and t.dtype != self.dtype:
            raise ValueError(f"{self.name}: for its gradient y_true must have the dtype of y_pred; received {describe(t)} and {describe(p)}")
        for i in range(p.ndim if same else 0):
            same = same and (t.dims[i] == p.dims[i] or t.dims[i] == UNKNOWN or p.dims[i] == UNKNOWN)
        if not same:
            raise ValueError(f"{self.name}: y_true and y_pred must have the same shape; received y_true, {describe(t)}, and y_pred, {describe(p)}")
        axes = range(p.ndim) if self.axis is None else self.axis if isinstance(self.axis, (tuple, list)) else (self.axis,)
        summed = {axis_index(self.name, a, p.ndim, p) for a in axes}
        if self.axis is not None and len(summed) != len(axes):
            raise ValueError(f"{self.name}: every axis may be named once; received axis={self.axis}")
        kept = [i for i in range(p.ndim) if i not in summed]
        if kept and summed and max(kept) > min(summed):
            self.order = tuple(kept + sorted(summed))
        self.rows = self.k = 1
        for i in range(p.ndim):
            if i in summed:
                self.k *= p.dims[i]
            else:
                self.rows *= p.dims[i]
                dims[n] = p.dims[i]
                n += 1
        self.pieces = max(<Py_ssize_t>1, (self.k + PIECE - 1) // PIECE)
        self.declare(self.dtype, n, dims)
        return 0

    cdef Tensor sums_last(self, Tensor x):
        x = as_real(x, self.dtype)
        return x if self.order is None else to_tensor(to_numpy(x).transpose(self.order))

    cdef int run(self, block_fn body, Job* job) except -1:
        job.f64 = self.dtype == F64
        job.k = self.k
        job.pieces = self.pieces
        launch(body, job, self.rows * self.pieces, max(<Py_ssize_t>1, PIECE // max(<Py_ssize_t>1, self.k)), 0.2 * self.rows * self.k)
        return 0

    cdef int forward(self) except -1:
        cdef Py_ssize_t n = 3 * self.rows * self.pieces
        cdef Py_ssize_t m = 2 * self.rows
        cdef Tensor sums = empty(F64, 1, &n)
        cdef Py_ssize_t i, j
        cdef double both, true, predicted, value
        cdef double* s
        cdef Job job
        self.t = self.sums_last(<Tensor>self.inputs[0])
        self.p = self.sums_last(<Tensor>self.inputs[1])
        self.totals = empty(F64, 1, &m)
        job.t = self.t.data
        job.p = self.p.data
        job.sums = <double*>sums.data
        self.run(_sums, &job)
        for i in range(self.rows):
            both = true = predicted = 0
            for j in range(self.pieces):
                s = job.sums + 3 * (i * self.pieces + j)
                both += s[0]
                true += s[1]
                predicted += s[2]
            s = <double*>self.totals.data + 2 * i
            s[0] = both
            s[1] = both + self.alpha * (true - both) + self.beta * (predicted - both) + self.eps
            value = 1 - both / s[1]
            if self.dtype == F64:
                (<double*>self.out.data)[i] = value
            else:
                (<float*>self.out.data)[i] = <float>value
        return 0

    cdef int backward(self) except -1:
        if wanted(self, 1):
            self.write(1, self.t, self.beta)
        if wanted(self, 0):
            self.write(0, self.p, self.alpha)
        return 0

    cdef int write(self, int i, Tensor other, double weight) except -1:
        """With the denominator D: d/dp_j = t_j ((1 - alpha - beta) I / D^2 - 1 / D) + beta I / D^2; for t with p and alpha."""
        cdef Py_ssize_t m = 2 * self.rows
        cdef Tensor slopes = empty(F64, 1, &m)
        cdef Tensor g = self.out.grad
        cdef Tensor whole, d
        cdef Py_ssize_t j
        cdef double both, divisor, f
        cdef Job job
        d = whole = self.grad_in(i, &job.accumulate)
        if self.order is not None:
            d = to_tensor(to_numpy(whole).transpose(self.order))
        for j in range(self.rows):
            both = (<double*>self.totals.data)[2 * j]
            divisor = (<double*>self.totals.data)[2 * j + 1]
            f = (<double*>g.data)[j] if self.dtype == F64 else (<float*>g.data)[j]
            (<double*>slopes.data)[2 * j] = f * ((1 - self.alpha - self.beta) * both / divisor - 1) / divisor
            (<double*>slopes.data)[2 * j + 1] = f * weight * both / divisor / divisor
        job.t = other.data
        job.d = d.data
        job.slopes = <double*>slopes.data
        self.run(_gradients, &job)
        if self.order is not None:
            np.copyto(to_numpy(whole).transpose(self.order), to_numpy(d))
        return 0


cdef Tensor _overlap(str name, object y_true, object y_pred, object axis, double alpha, double beta, double eps):
    cdef Overlap op = Overlap.__new__(Overlap)
    op.name = name
    op.axis = axis
    op.alpha = alpha
    op.beta = beta
    op.eps = eps
    return apply(op, (tensor(y_true), tensor(y_pred)))


def dice(y_true, y_pred, axis=None):
    """1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7).

    Args:
        y_true: Labels t of any shape.
        y_pred: Predictions p of the same shape.
        axis: The axis or axes of the sums, or None for all.

    Returns:
        A tensor of the other axes.

    Raises:
        ValueError: If the shapes differ or an axis does not exist.

    Example:
        >>> from dlcore._kernels.overlap_loss import dice
        >>> round(float(dice([1.0, 0.0], [0.5, 0.5])), 4)
        0.5
    """
    return _overlap("dice", y_true, y_pred, axis, 0.5, 0.5, 0.5 * DL_EPS)


def tversky(y_true, y_pred, double alpha=0.5, double beta=0.5, axis=None):
    """1 - I / (I + alpha sum(t (1 - p)) + beta sum(p (1 - t)) + 1e-7) with I = sum(t p).

    Args:
        y_true: Labels t of any shape.
        y_pred: Predictions p of the same shape.
        alpha: Weight of what is true and not predicted.
        beta: Weight of what is predicted and not true.
        axis: The axis or axes of the sums, or None for all.

    Returns:
        A tensor of the other axes.

    Raises:
        ValueError: If the shapes differ or an axis does not exist.
    """
    return _overlap("tversky", y_true, y_pred, axis, alpha, beta, DL_EPS)
