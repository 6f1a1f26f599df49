"""Normalization of every row by itself: layer normalization, root mean square normalization, normalization to length one.

Data is seen as rows of k elements along the normalized axes; where those are not the last ones they are brought there by a
copy. A row is read from memory once: it is in the cache when its statistics are known. Backward writes dx and adds up the
gradients of gamma and beta in the same pass, in blocks of rows cut by shape; the sums of blocks are added in block order.
"""

import warnings

cimport cython
from libc.string cimport memcpy

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.fold cimport Groups, gathered, group, scatter_back
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.narrow cimport SLACK, vrepeat, vrows_dot, vrows_sum
from dlcore._kernels.norm cimport dl_two_rows_d, dl_two_rows_f, vslope_ahead, vspread_ahead
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport dl_fetch, dl_fetch_to_write, vsum
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, describe, empty, empty_like, tensor
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport sqrt_

from dlcore._kernels.binary import divide, maximum
from dlcore._kernels.binary import power as raised
from dlcore._kernels.elementwise import absolute
from dlcore._kernels.reduce import sum as total

__all__ = ["layer_normalization", "rms_normalization", "normalize"]

cdef enum Kind:
    LAYER           # (x - mean) / sqrt(var + epsilon)
    ROOT            # x / sqrt(mean of x^2 + epsilon)
    LENGTH          # x / max(sqrt(sum of x^2), epsilon)
    SPREAD          # x / sqrt(var + epsilon)

cdef tuple _NAMES = ("layer_normalization", "rms_normalization", "normalize", "layer_normalization")

cdef enum:
    BLOCK = 16384           # elements of a block in forward
    FEW = 1024              # elements of the rows whose roots are taken together
    MOST = 64               # blocks that have sums of their own in backward (fewer if rows are very long)
    FAR = 16384             # elements further on that are fetched before they are needed
    SHORT = 48              # rows shorter than this go many at a time
    SUB = 32                # rows that are added in the dtype of x before they go into sums in double

cdef struct Rows:
    int kind
    bint f64
    bint accumulate
    Py_ssize_t k
    Py_ssize_t block        # rows of a block in backward
    double epsilon
    const char* x
    const char* g
    char* out
    const char* gamma       # or NULL
    const char* beta
    char* m                 # of every row: y = (x - m) r gamma + beta
    char* r
    char* few               # (blocks, 2, k) of the dtype of x, or NULL if nobody wants the gradients of gamma and beta
    double* sums            # (blocks, 2, k)


# ------------------------------------------------------------------------------------------------------------- forward

cdef inline void roots(const Rows* c, real* r, Py_ssize_t rows) noexcept nogil:
    """r from sums of squares: of a few rows together, so that the roots go into vectors."""
    cdef real s
    cdef real share = <real>(1.0 / c.k)
    cdef real epsilon = <real>c.epsilon
    cdef real top = <real>(1 / c.epsilon)
    cdef Py_ssize_t i
    if c.kind == LENGTH:
        for i in range(rows):
            s = 1 / sqrt_(r[i])
            r[i] = top if s > top else s
    else:
        for i in range(rows):
            r[i] = 1 / sqrt_(r[i] * share + epsilon)


cdef inline Py_ssize_t ahead(const Rows* c, Py_ssize_t rows) noexcept nogil:
    """How far on the data is that memory shall fetch while a row is worked on: that of the rows after these, if the caches hold both."""
    return rows * c.k if rows * c.k <= FAR else 0


cdef inline void statistics(const Rows* c, const real* x, Py_ssize_t rows, real* m, real* r, real* y) noexcept nogil:
    cdef double[2] sums
    cdef Py_ssize_t i
    for i in range(rows):
        m[i] = 0
        if c.kind == LAYER or c.kind == SPREAD:
            m[i] = <real>(vsum[real](x + i * c.k, c.k) / c.k)
        vspread_ahead[real](x + i * c.k, m[i], c.k, sums, ahead(c, rows), y + i * c.k + rows * c.k)
        r[i] = <real>sums[1]
    roots[real](c, r, rows)


cdef inline void scale_row(const real* x, const real* gamma, const real* beta, real m, real r, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    if gamma == NULL and beta == NULL:
        for j in range(n):
            y[j] = (x[j] - m) * r
    elif beta == NULL:
        for j in range(n):
            y[j] = (x[j] - m) * r * gamma[j]
    elif gamma == NULL:
        for j in range(n):
            y[j] = (x[j] - m) * r + beta[j]
    else:
        for j in range(n):
            y[j] = (x[j] - m) * r * gamma[j] + beta[j]


cdef inline void scale_all(const real* d, const real* r, const real* gamma, const real* beta, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    if gamma == NULL and beta == NULL:
        for j in range(n):
            y[j] = d[j] * r[j]
    elif beta == NULL:
        for j in range(n):
            y[j] = d[j] * r[j] * gamma[j]
    elif gamma == NULL:
        for j in range(n):
            y[j] = d[j] * r[j] + beta[j]
    else:
        for j in range(n):
            y[j] = d[j] * r[j] * gamma[j] + beta[j]


cdef inline void repeated(const real* v, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    """v once for every row; nothing if there is none."""
    cdef Py_ssize_t i
    for i in range(rows if v != NULL else 0):
        memcpy(out + i * k, v, k * sizeof(real))


cdef kernel_void forward_narrow(const Rows* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Short rows, a few at a time: what belongs to a row or a column is first written out for every element."""
    cdef real[FEW + SLACK] each
    cdef real[FEW] d
    cdef real[FEW] gamma
    cdef real[FEW] beta
    cdef Py_ssize_t j, n
    cdef Py_ssize_t k = c.k
    cdef Py_ssize_t rows = FEW // k
    cdef real share = <real>(1.0 / k)
    cdef real* m
    cdef real* r
    cdef real* y
    repeated[real](<const real*>c.gamma, k, min(rows, end - begin), gamma)
    repeated[real](<const real*>c.beta, k, min(rows, end - begin), beta)
    x += begin * k
    y = <real*>c.out + begin * k
    while begin < end:
        rows = min(rows, end - begin)
        n = rows * k
        m = <real*>c.m + begin
        r = <real*>c.r + begin
        if c.kind == LAYER or c.kind == SPREAD:
            vrows_sum[real](x, k, rows, m)
            for j in range(rows):
                m[j] *= share
            vrepeat[real](m, k, rows, each)
            for j in range(n):
                d[j] = x[j] - each[j]
            dl_fetch(x + n, n * sizeof(real))
            vrows_dot[real](d, d, k, rows, r)
        else:
            for j in range(rows):
                m[j] = 0
            vrows_dot[real](x, x, k, rows, r)
            dl_fetch(x + n, n * sizeof(real))
        dl_fetch_to_write(y + n, n * sizeof(real))
        roots[real](c, r, rows)
        vrepeat[real](r, k, rows, each)
        if c.kind == LAYER:
            scale_all[real](d, each, gamma if c.gamma != NULL else NULL, beta if c.beta != NULL else NULL, y, n)
        else:
            scale_all[real](x, each, gamma if c.gamma != NULL else NULL, beta if c.beta != NULL else NULL, y, n)
        begin += rows
        x += n
        y += n


cdef kernel_void forward_typed(const Rows* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real* m = <real*>c.m
    cdef real* r = <real*>c.r
    cdef Py_ssize_t at, i, rows
    cdef Py_ssize_t few = max(<Py_ssize_t>1, FEW // c.k)
    while begin < end:
        rows = min(few, end - begin)
        at = begin * c.k
        statistics[real](c, x + at, rows, m + begin, r + begin, <real*>c.out + at)
        for i in range(begin, begin + rows):
            at = i * c.k
            scale_row[real](x + at, <const real*>c.gamma, <const real*>c.beta, 0 if c.kind == SPREAD else m[i], r[i], <real*>c.out + at, c.k)
        begin += rows


cdef void forward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows* c = <Rows*>ctx
    if c.k < SHORT and c.f64:
        forward_narrow[double](c, <const double*>c.x, begin, end)
    elif c.k < SHORT:
        forward_narrow[float](c, <const float*>c.x, begin, end)
    elif c.f64:
        forward_typed[double](c, <const double*>c.x, begin, end)
    else:
        forward_typed[float](c, <const float*>c.x, begin, end)


# ------------------------------------------------------------------------------------------------------------ backward
#
# With u = gamma g and xh = (x - m) r: dx = r (u - mean(u) - xh mean(u xh)); without centring the mean(u) is not there, and
# for x r gamma with the r of the variance it is sum(u x) that takes the place of sum(u (x - m)).

cdef inline void slope_of_row(const Rows* c, const real* x, const real* g, real m, real r, real* q, real* d, real* next) noexcept nogil:
    """dx = r gamma g + q (x - m) + d"""
    cdef double[2] sums
    cdef double n = 1 if c.kind == LENGTH else c.k
    q[0] = 0
    d[0] = 0
    if c.kind == LENGTH and r >= <real>(1 / c.epsilon):
        return                                      # epsilon, not the length, divides: r is a constant
    vslope_ahead[real](x, g, <const real*>c.gamma, m, c.k, sums, ahead(c, 2), next)
    if c.kind == SPREAD:
        sums[1] += m * sums[0]
    q[0] = <real>(-<double>r * r * r / n * sums[1])
    if c.kind == LAYER:
        d[0] = <real>(-r / n * sums[0])


cdef inline void add_up(real* few, double* sums, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        sums[j] += few[j]
        few[j] = 0


cdef kernel_void backward_narrow(const Rows* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Short rows, a few at a time. The gradients of gamma and beta are added up for each element of these few, then for each column."""
    cdef real[FEW + SLACK] each
    cdef real[FEW + SLACK] slope
    cdef real[FEW] gamma
    cdef real[FEW] u
    cdef real[FEW] d
    cdef real[FEW] p
    cdef real[FEW] q
    cdef real[FEW] dgamma
    cdef real[FEW] dbeta
    cdef double[FEW] gammas
    cdef double[FEW] betas
    cdef Py_ssize_t k = c.k
    cdef Py_ssize_t i, j, n
    cdef Py_ssize_t rows = min(FEW // k, end - begin)
    cdef Py_ssize_t most = rows * k
    cdef Py_ssize_t batches = 0
    cdef Py_ssize_t at = begin // c.block * 2 * k
    cdef double share = -1.0 / (1 if c.kind == LENGTH else k)
    cdef real top = <real>(1 / c.epsilon)
    cdef const real* g = <const real*>c.g + begin * k
    cdef real* dx = <real*>c.out
    cdef const real* r
    cdef const real* m
    cdef double* sums = c.sums + at
    repeated[real](<const real*>c.gamma, k, rows, gamma)
    x += begin * k
    if dx != NULL:
        dx += begin * k
    for j in range(most):
        dgamma[j] = 0
        dbeta[j] = 0
        gammas[j] = 0
        betas[j] = 0
    while begin < end:
        rows = min(rows, end - begin)
        n = rows * k
        r = <const real*>c.r + begin
        m = <const real*>c.m + begin
        vrepeat[real](m, k, rows, each)
        for j in range(n):
            d[j] = x[j] - each[j]
        vrepeat[real](r, k, rows, each)
        dl_fetch(x + n, n * sizeof(real))
        if c.few != NULL:
            if c.kind == SPREAD:
                for j in range(n):
                    dgamma[j] += g[j] * (x[j] * each[j])
                    dbeta[j] += g[j]
            else:
                for j in range(n):
                    dgamma[j] += g[j] * (d[j] * each[j])
                    dbeta[j] += g[j]
            batches += 1
            if batches % SUB == 0 or begin + rows == end:
                add_up[real](dgamma, gammas, most)
                add_up[real](dbeta, betas, most)
        if dx != NULL:
            if c.gamma == NULL:
                for j in range(n):
                    u[j] = g[j]
            else:
                for j in range(n):
                    u[j] = g[j] * gamma[j]
            dl_fetch(g + n, n * sizeof(real))
            vrows_sum[real](u, k, rows, p)
            vrows_dot[real](u, d, k, rows, q)
            dl_fetch_to_write(dx + n, n * sizeof(real))
            for i in range(rows):
                if c.kind == SPREAD:
                    q[i] += m[i] * p[i]
                q[i] = <real>(share * r[i] * r[i] * r[i] * q[i])
                if c.kind == LENGTH and r[i] >= top:
                    q[i] = 0                        # epsilon, not the length, divides: r is a constant
                p[i] = <real>(share * r[i] * p[i])
            vrepeat[real](q, k, rows, slope)
            for j in range(n):
                u[j] = each[j] * u[j] + slope[j] * d[j]
            if c.kind == LAYER:
                vrepeat[real](p, k, rows, each)
                for j in range(n):
                    u[j] += each[j]
            if c.accumulate:
                for j in range(n):
                    dx[j] += u[j]
            else:
                for j in range(n):
                    dx[j] = u[j]
            dx += n
        begin += rows
        x += n
        g += n
    if c.few != NULL:
        for j in range(2 * k):
            sums[j] = 0
        for i in range(most // k):
            for j in range(k):
                sums[j] += gammas[i * k + j]
                sums[k + j] += betas[i * k + j]


cdef inline void two_rows(const Rows* c, const real* x, const real* g, const real* m, const real* r, real* dx, real* dgamma, real* dbeta) noexcept nogil:
    """The usual case, with all gradients."""
    cdef real[2] q
    cdef real[2] d
    cdef Py_ssize_t k = c.k
    slope_of_row[real](c, x, g, m[0], r[0], q, d, dx + 2 * k)
    slope_of_row[real](c, x + k, g + k, m[1], r[1], q + 1, d + 1, dx + 3 * k)
    if real is float:
        dl_two_rows_f(x, g, <const real*>c.gamma, m, r, q, d, dx, dgamma, dbeta, k)
    else:
        dl_two_rows_d(x, g, <const real*>c.gamma, m, r, q, d, dx, dgamma, dbeta, k)


cdef kernel_void backward_typed(const Rows* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const real* g = <const real*>c.g
    cdef const real* gamma = <const real*>c.gamma
    cdef real* dx = <real*>c.out
    cdef Py_ssize_t k = c.k
    cdef Py_ssize_t at = begin // c.block * 2 * k
    cdef real* dgamma = <real*>c.few + at
    cdef real* dbeta = dgamma + k
    cdef double* sums = c.sums + at
    cdef Py_ssize_t i, j
    cdef real m, r, q, d, centre
    if c.few != NULL:
        for j in range(2 * k):
            dgamma[j] = 0
            sums[j] = 0
    i = begin - 1
    while i + 1 < end:
        i += 1
        at = i * k
        if i + 1 < end and c.few != NULL and dx != NULL and gamma != NULL and not c.accumulate and c.kind != SPREAD:
            two_rows[real](c, x + at, g + at, <real*>c.m + i, <real*>c.r + i, dx + at, dgamma, dbeta)
            i += 1
            if (i - begin) % SUB == SUB - 1 or i == end - 1:
                add_up[real](dgamma, sums, 2 * k)
            continue
        m = (<real*>c.m)[i]
        r = (<real*>c.r)[i]
        if c.few != NULL:
            centre = 0 if c.kind == SPREAD else m
            for j in range(k):
                dgamma[j] += g[at + j] * ((x[at + j] - centre) * r)
                dbeta[j] += g[at + j]
            if (i - begin) % SUB == SUB - 1 or i == end - 1:
                add_up[real](dgamma, sums, 2 * k)
        if dx == NULL:
            continue
        slope_of_row[real](c, x + at, g + at, m, r, &q, &d, dx + at + 2 * k)
        if gamma != NULL and c.accumulate:
            for j in range(k):
                dx[at + j] += r * g[at + j] * gamma[j] + (q * (x[at + j] - m) + d)
        elif gamma != NULL:
            for j in range(k):
                dx[at + j] = r * g[at + j] * gamma[j] + (q * (x[at + j] - m) + d)
        elif c.accumulate:
            for j in range(k):
                dx[at + j] += r * g[at + j] + (q * (x[at + j] - m) + d)
        else:
            for j in range(k):
                dx[at + j] = r * g[at + j] + (q * (x[at + j] - m) + d)


cdef void backward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows* c = <Rows*>ctx
    if c.k < SHORT and c.f64:
        backward_narrow[double](c, <const double*>c.x, begin, end)
    elif c.k < SHORT:
        backward_narrow[float](c, <const float*>c.x, begin, end)
    elif c.f64:
        backward_typed[double](c, <const double*>c.x, begin, end)
    else:
        backward_typed[float](c, <const float*>c.x, begin, end)


# ------------------------------------------------------------------------------------------------------------------ op

@cython.no_gc
cdef class RowNorm(Op):
    """y = (x - m) r gamma + beta with m and r of each row; inputs x and, if there are any, gamma and beta."""

    cdef int kind
    cdef unsigned int mask              # bit i: axis i is normalized over
    cdef double epsilon
    cdef int gamma                      # which inputs they are; 0: none
    cdef int beta
    cdef Groups rows
    cdef Tensor statistics              # (2, rows): m and r

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor v
        cdef Py_ssize_t k = 1
        cdef int i
        for i in range(x.ndim):
            if (self.mask >> i) & 1:
                k = UNKNOWN if k == UNKNOWN or x.dims[i] == UNKNOWN else k * x.dims[i]
        for i in range(1, <int>len(self.inputs)):
            v = <Tensor>self.inputs[i]
            if v.size != k and v.size != UNKNOWN and k != UNKNOWN:
                raise ValueError(f"{_NAMES[self.kind]}: gamma (scale) and beta must have the {k} elements of x along the normalized axes; "
                                 f"received {describe(v)} and x, {describe(x)}")
        self.declare(x.dtype, x.ndim, x.dims)
        return 0

    cdef void start(self, Rows* c, Tensor x) noexcept:
        cdef Py_ssize_t n = self.rows.outer * (8 if x.dtype == F64 else 4)
        c.kind = self.kind
        c.f64 = x.dtype == F64
        c.k = self.rows.rows
        c.epsilon = self.epsilon
        c.x = x.data
        c.gamma = (<Tensor>self.inputs[self.gamma]).data if self.gamma else NULL
        c.beta = (<Tensor>self.inputs[self.beta]).data if self.beta else NULL
        c.m = self.statistics.data
        c.r = c.m + n

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Rows c
        cdef Py_ssize_t dims[1]
        if x.size == 0:
            return 0
        group(x, self.mask, &self.rows)
        if self.rows.inner > 1:
            self.rows.outer *= self.rows.inner
            self.rows.inner = 1
            self.rows.scattered = True
        dims[0] = 2 * self.rows.outer
        self.statistics = empty(x.dtype, 1, dims)
        if self.rows.scattered:
            x = gathered(x, self.mask, &self.rows)
            y = empty_like(x)
        self.start(&c, x)
        c.out = y.data
        launch(forward_block, &c, self.rows.outer, max(<Py_ssize_t>1, BLOCK // c.k), x.size * 0.3 + self.rows.outer * 10.0)
        if y is not self.out:
            scatter_back(y, self.out, self.mask, False)
        if not self.need:
            self.statistics = None
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor g = self.out.grad
        cdef Tensor d = None
        cdef Tensor t = None
        cdef Tensor few, sums
        cdef Rows c
        cdef Py_ssize_t dims[1]
        cdef Py_ssize_t blocks = 0
        cdef Py_ssize_t n = self.rows.outer
        cdef bint accumulate
        c.sums = NULL
        c.k = 0
        if x.size:
            x = gathered(x, self.mask, &self.rows)
            g = gathered(g, self.mask, &self.rows)
            self.start(&c, x)
            c.g = g.data
            c.out = NULL
            c.few = NULL
            c.block = max(max(<Py_ssize_t>1, BLOCK // c.k), (n + MOST - 1) // MOST)
        if wanted(self, 0):
            d = t = self.grad_in(0, &accumulate)
            if x.size:
                if self.rows.scattered:
                    t = empty_like(x)
                c.accumulate = accumulate and t is d
                c.out = t.data
        if x.size:
            if (self.gamma and wanted(self, self.gamma)) or (self.beta and wanted(self, self.beta)):
                # The sums of blocks must not be much next to x itself.
                blocks = max(<Py_ssize_t>8, min(<Py_ssize_t>MOST, (1 << 20) // c.k))
                c.block = max(c.block, (n + blocks - 1) // blocks)
                blocks = (n + c.block - 1) // c.block
                dims[0] = 2 * blocks * c.k
                few = empty(x.dtype, 1, dims)
                sums = empty(F64, 1, dims)
                c.few = few.data
                c.sums = <double*>sums.data
            launch(backward_block, &c, n, c.block, x.size * 0.4 + n * 10.0)
            if t is not d:
                scatter_back(t, d, self.mask, accumulate)
        self.vector_grad(self.gamma, c.sums, 2 * c.k, blocks)
        self.vector_grad(self.beta, c.sums + c.k if blocks else NULL, 2 * c.k, blocks)
        return 0

    cdef int vector_grad(self, int i, const double* sums, Py_ssize_t stride, Py_ssize_t blocks) except -1:
        """Gives input i the sums of the blocks, added in order."""
        cdef Tensor d
        cdef bint accumulate
        cdef Py_ssize_t j, b
        cdef double v
        if i == 0 or not wanted(self, i):
            return 0
        d = self.grad_in(i, &accumulate)
        for j in range(d.size):
            v = 0
            for b in range(blocks):
                v += sums[b * stride + j]
            if d.dtype == F64:
                (<double*>d.data)[j] = ((<double*>d.data)[j] if accumulate else 0) + v
            else:
                (<float*>d.data)[j] = ((<float*>d.data)[j] if accumulate else 0) + <float>v
        return 0


cdef unsigned int axes_of(int kind, Tensor x, object axis) except? 0:
    cdef unsigned int mask = 0
    if axis is None:
        return (1u << x.ndim) - 1
    if not isinstance(axis, (tuple, list)):
        return 1u << axis_index(_NAMES[kind], axis, x.ndim, x)
    if not axis:
        raise ValueError(f"{_NAMES[kind]}: axis must name at least one axis; received axis={axis!r}")
    for a in axis:
        mask |= 1u << axis_index(_NAMES[kind], a, x.ndim, x)
    return mask


cdef Tensor like(object v, Tensor x):
    cdef Tensor t = tensor(v)
    return t if t.symbolic else cast_to(t, x.dtype)


cdef Tensor normalized(int kind, object value, object gamma, object beta, object axis, object epsilon):
    cdef Tensor x = tensor(value)
    cdef Tensor y
    cdef RowNorm op
    if x.dtype < F32:
        y = normalized(kind, cast_to(x, F32), gamma, beta, axis, epsilon)
        return cast_to(y, F16) if x.dtype == F16 else y
    op = RowNorm.__new__(RowNorm)
    op.kind = kind
    op.mask = axes_of(kind, x, axis)
    if epsilon is None:
        from dlcore.config import epsilon as default
        op.epsilon = default()
    else:
        op.epsilon = epsilon
    if gamma is None:
        if beta is None:
            return apply(op, (x,))
        op.beta = 1
        return apply(op, (x, like(beta, x)))
    op.gamma = 1
    if beta is None:
        return apply(op, (x, like(gamma, x)))
    op.beta = 2
    return apply(op, (x, like(gamma, x), like(beta, x)))


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """Normalizes each row (along `axis`) to mean 0 and variance 1.

    ``y = gamma (x - mean) / sqrt(variance + epsilon) + beta``

    Args:
        x: Tensor of any shape.
        gamma: Scale, with the elements that x has along `axis`; None for ones.
        beta: Offset of the same size; None for zeros.
        axis: Axis or axes that are normalized together.
        epsilon: Added to the variance; ``dlcore.config.epsilon()`` by default.
        **kwargs: ``rms_scaling=True`` leaves out the mean and beta (deprecated, see :func:`rms_normalization`).

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If an axis is out of range, or gamma or beta has another size.

    Example:
        >>> import dlcore
        >>> dlcore.ops.layer_normalization([[1.0, 5.0]], epsilon=0.0).tolist()
        [[-1.0, 1.0]]
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: unexpected arguments {sorted(kwargs)}")
    if rms_scaling:
        warnings.warn("rms_scaling=True is deprecated: it divides by the standard deviation, not by the root mean square. Use rms_normalization")
        return normalized_by_deviation(x, gamma, axis, epsilon)
    return normalized(LAYER, x, gamma, beta, axis, epsilon)


def normalized_by_deviation(x, gamma, axis, epsilon):
    """``gamma x / sqrt(variance + epsilon)``: what Keras calls rms_scaling."""
    return normalized(SPREAD, x, gamma, None, axis, epsilon)


def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """Divides each row (along `axis`) by its root mean square.

    ``y = scale x / sqrt(mean(x^2) + epsilon)``

    Args:
        x: Tensor of any shape.
        scale: Tensor with the elements that x has along `axis`; None for ones.
        axis: Axis or axes that are normalized together.
        epsilon: Added to the mean square; ``dlcore.config.epsilon()`` by default.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If an axis is out of range, or scale has another size.

    References:
        Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Example:
        >>> import dlcore
        >>> dlcore.ops.rms_normalization([[3.0, 3.0]], epsilon=0.0).tolist()
        [[1.0, 1.0]]
    """
    return normalized(ROOT, x, scale, None, axis, epsilon)


def normalize(x, axis=-1, order=2, epsilon=None):
    """Divides each row (along `axis`) by its norm.

    ``y = x / max(norm(x), epsilon)`` with the norm ``(sum |x|^order)^(1/order)``

    Args:
        x: Tensor of any shape.
        axis: Axis or axes that are normalized together; None for all. One axis if order is not 2.
        order: Whole number, at least 1.
        epsilon: Smallest divisor; ``dlcore.config.epsilon()`` by default.

    Returns:
        A tensor of the shape of x; a number becomes a vector.

    Raises:
        ValueError: If order is less than 1 or an axis is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.ops.normalize([[1.0, 3.0]], order=1, axis=-1).numpy().tolist()
        [[0.25, 0.75]]
    """
    cdef Tensor t = tensor(x)
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: order must be a whole number from 1 on; received order={order!r}")
    if epsilon is None:
        from dlcore.config import epsilon as default
        epsilon = default()
    if t.ndim == 0:
        from dlcore._kernels.array import reshape
        t = reshape(t, (1,))
    if order == 2:
        return normalized(LENGTH, t, None, None, axis, epsilon)
    if axis is None and t.ndim > 1 or isinstance(axis, (tuple, list)) and len(axis) > 1:
        raise ValueError(f"normalize: with an order other than 2 there must be one axis; received order={order}, axis={axis!r}")
    if t.dtype < F16:
        t = cast_to(t, F32)
    size = absolute(t)
    norm = total(size, axis, True) if order == 1 else raised(total(raised(size, order), axis, True), 1.0 / order)
    return divide(t, maximum(norm, epsilon))
