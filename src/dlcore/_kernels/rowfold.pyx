"""Reductions of rows that lie in one piece and stay in the cache, and of columns: read from memory once. No ops live here."""

from libc.math cimport INFINITY
from libc.string cimport memset

from dlcore._kernels.channels cimport Channels, cut_for_sums, pass_over_sums
from dlcore._kernels.fold cimport Groups
from dlcore._kernels.narrow cimport NARROW, SLACK, vexpdiff, vrepeat, vrows_dot, vrows_max, vrows_min, vrows_sum
from dlcore._kernels.norm cimport vspread_ahead
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport dl_fetch, vmax, vmin, vonline, vsum
from dlcore._kernels.tensor cimport Tensor, empty
from dlcore._kernels.types cimport F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport log_, sqrt_

cdef enum:
    AT_ONCE = 1024          # elements of short rows that go through a step together
    PIECE = 64              # elements among which an extreme is looked for together
    FAR = 8192              # longer rows are not fetched before they are needed


cdef struct Spread:
    int dtype
    bint root
    Py_ssize_t rows
    const void* x
    void* mean
    void* y


cdef inline void spread_of_short_rows(const Spread* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real[AT_ONCE + SLACK] d
    cdef Py_ssize_t i, n
    cdef Py_ssize_t k = c.rows
    cdef real share = <real>(1.0 / k)
    cdef real* m
    cdef real* y
    x += begin * k
    while begin < end:
        n = min(end - begin, AT_ONCE // k)
        m = <real*>c.mean + begin
        y = <real*>c.y + begin
        vrows_sum[real](x, k, n, m)
        dl_fetch(x + n * k, n * k * sizeof(real))
        for i in range(n):
            m[i] *= share
        vrepeat[real](m, k, n, d)
        for i in range(n * k):
            d[i] = x[i] - d[i]
        vrows_dot[real](d, d, k, n, y)
        for i in range(n):
            y[i] *= share
        if c.root:
            for i in range(n):
                y[i] = sqrt_(y[i])
        begin += n
        x += n * k


cdef inline void spread_of_rows(const Spread* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef double[2] sums
    cdef Py_ssize_t i
    cdef real m, v
    if c.rows < NARROW:
        spread_of_short_rows[real](c, x, begin, end)
        return
    for i in range(begin, end):
        m = <real>(vsum[real](x + i * c.rows, c.rows) / c.rows)
        vspread_ahead[real](x + i * c.rows, m, c.rows, sums, c.rows if c.rows <= FAR else 0, <real*>c.y + begin)
        v = <real>(sums[1] / c.rows)
        (<real*>c.mean)[i] = m
        (<real*>c.y)[i] = sqrt_(v) if c.root else v


cdef kernel_void spread_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Spread* c = <Spread*>ctx
    if c.dtype == F32:
        spread_of_rows[float](c, <const float*>c.x, begin, end)
    else:
        spread_of_rows[double](c, <const double*>c.x, begin, end)


cdef int row_spread(Tensor x, const Groups* g, Tensor mean, Tensor y, bint root) except -1:
    """Means, and variances or standard deviations, of rows that lie in one piece and in the cache: read from memory once."""
    cdef Spread c
    c.dtype, c.root, c.rows = x.dtype, root, g.rows
    c.x, c.mean, c.y = x.data, mean.data, y.data
    launch(spread_block, &c, g.outer, max(<Py_ssize_t>1, 16384 // g.rows), x.size * 0.2 + g.outer * 10.0)
    return 0


cdef struct Lse:
    int dtype
    Py_ssize_t rows
    const void* x
    void* y


cdef inline void logsumexp_of_rows(const Lse* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Rows in one piece: the exponentials are never stored."""
    cdef real[AT_ONCE] m
    cdef real[AT_ONCE + SLACK] each
    cdef real[AT_ONCE] powers
    cdef real* y = <real*>c.y
    cdef Py_ssize_t i, n
    cdef Py_ssize_t k = c.rows
    while begin < end:
        n = 1
        if k < NARROW:
            n = min(end - begin, AT_ONCE // k)
            vrows_max[real](x + begin * k, k, n, m)
            for i in range(n):                      # e^(-inf - -inf) would be NaN
                m[i] = 0 if m[i] == <real>INFINITY or m[i] == -<real>INFINITY else m[i]
            vrepeat[real](m, k, n, each)
            vexpdiff[real](x + begin * k, each, powers, n * k, powers)
            vrows_sum[real](powers, k, n, y + begin)
            for i in range(begin, begin + n):
                y[i] = log_(y[i]) + m[i - begin]
        else:
            y[begin] = log_(<real>vonline[real](x + begin * k, NULL, k, m)) + m[0]
            if m[0] == <real>INFINITY:
                y[begin] = m[0]
        begin += n


cdef kernel_void logsumexp_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Lse* c = <Lse*>ctx
    if c.dtype == F32:
        logsumexp_of_rows[float](c, <const float*>c.x, begin, end)
    else:
        logsumexp_of_rows[double](c, <const double*>c.x, begin, end)


cdef int row_logsumexp(Tensor x, const Groups* g, Tensor y) except -1:
    cdef Lse c
    c.dtype, c.rows, c.x, c.y = x.dtype, g.rows, x.data, y.data
    launch(logsumexp_block, &c, g.outer, max(<Py_ssize_t>1, 16384 // g.rows), x.size * 0.4 + g.outer * 10.0)
    return 0


cdef int column_spread(Tensor x, const Groups* g, Tensor mean, Tensor y) except -1:
    """Means and sums of squared deviations of columns (outer, rows, inner), as batch normalization takes them: one pass over x."""
    cdef Channels c
    cdef Tensor room
    cdef Py_ssize_t dims[1]
    cdef Py_ssize_t o, j
    cdef double* first
    cdef double* second
    memset(&c, 0, sizeof(Channels))
    c.f64 = x.dtype == F64
    c.samples, c.rows, c.channels, c.inner = g.outer, g.rows, g.inner, 1
    c.x = x.data
    if x.size == 0:
        for j in range(y.size):
            if c.f64:
                (<double*>mean.data)[j] = (<double*>y.data)[j] = 0
            else:
                (<float*>mean.data)[j] = (<float*>y.data)[j] = 0
        return 0
    cut_for_sums(&c)
    dims[0] = 2 * c.samples * c.blocks * c.channels
    room = empty(F64, 1, dims)
    c.first = <double*>room.data
    c.second = c.first + c.samples * c.blocks * c.channels
    pass_over_sums(&c)
    for o in range(g.outer):
        first = c.first + o * c.blocks * c.channels
        second = c.second + o * c.blocks * c.channels
        for j in range(g.inner):
            if c.f64:
                (<double*>mean.data)[o * g.inner + j] = first[j]
                (<double*>y.data)[o * g.inner + j] = second[j]
            else:
                (<float*>mean.data)[o * g.inner + j] = <float>first[j]
                (<float*>y.data)[o * g.inner + j] = <float>second[j]
    return 0


cdef struct Arg:
    int dtype
    bint largest
    Py_ssize_t rows
    const void* x
    int* y


cdef inline void arg_of_short_rows(const Arg* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The same without branches: the least of the columns in which the extreme stands. Where there is NaN one by one."""
    cdef real[AT_ONCE] best
    cdef real[AT_ONCE + SLACK] each
    cdef real[AT_ONCE] column
    cdef Py_ssize_t i, n, nan
    cdef Py_ssize_t k = c.rows
    for i in range(AT_ONCE // k * k):
        column[i] = <real>(i % k)
    while begin < end:
        n = min(end - begin, AT_ONCE // k)
        nan = 0
        for i in range(begin * k, (begin + n) * k):
            nan += x[i] != x[i]
        if nan:
            arg_of_rows[real](c, x, begin, begin + n)
            begin += n
            continue
        if c.largest:
            vrows_max[real](x + begin * k, k, n, best)
        else:
            vrows_min[real](x + begin * k, k, n, best)
        dl_fetch(x + (begin + n) * k, n * k * sizeof(real))
        vrepeat[real](best, k, n, each)
        for i in range(n * k):
            each[i] = column[i] if x[begin * k + i] == each[i] else <real>NARROW
        vrows_min[real](each, k, n, best)
        for i in range(n):
            c.y[begin + i] = <int>best[i]
        begin += n


cdef inline void arg_of_rows(const Arg* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The first place of the extreme of every row; NaN counts as extreme. First what it is, then where."""
    cdef Py_ssize_t i, j, at, hits
    cdef real best
    cdef const real* row
    for i in range(begin, end):
        row = x + i * c.rows
        best = vmax[real](row, c.rows) if c.largest else vmin[real](row, c.rows)
        at = 0
        if best == best:
            while at + PIECE < c.rows:
                hits = 0
                for j in range(PIECE):
                    hits += row[at + j] == best
                if hits:
                    break
                at += PIECE
            while row[at] != best:
                at += 1
        else:
            while row[at] == row[at]:
                at += 1
        c.y[i] = <int>at


cdef kernel_void arg_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Arg* c = <Arg*>ctx
    if c.rows < NARROW and c.dtype == F32:
        arg_of_short_rows[float](c, <const float*>c.x, begin, end)
    elif c.rows < NARROW:
        arg_of_short_rows[double](c, <const double*>c.x, begin, end)
    elif c.dtype == F32:
        arg_of_rows[float](c, <const float*>c.x, begin, end)
    else:
        arg_of_rows[double](c, <const double*>c.x, begin, end)


cdef int arg_rows(Tensor x, const Groups* g, Tensor y, bint largest) except -1:
    cdef Arg c
    c.dtype, c.largest, c.rows, c.x, c.y = x.dtype, largest, g.rows, x.data, <int*>y.data
    launch(arg_block, &c, g.outer, max(<Py_ssize_t>1, 16384 // g.rows), x.size * 0.3 + g.outer * 10.0)
    return 0
