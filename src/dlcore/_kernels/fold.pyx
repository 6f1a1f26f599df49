"""What reductions are made of: folding rows into one, and spreading one over rows. No ops live here.

Every reduction sees its input as (outer, rows, inner) and folds the rows; axes that do not lie side by side are brought
together by a copy first. Rows are folded in blocks cut by shape, four at a time, and the blocks' results are folded in
the same way: the rounding error of a sum grows with the logarithm of its length.
"""

from libc.math cimport INFINITY

from dlcore._kernels.layout cimport dense_strides, strided_copy
from dlcore._kernels.narrow cimport vrows_max, vrows_min, vrows_sum
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport dl_fetch, vextreme_cols, vmax, vmin, vsum
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, empty, empty_like
from dlcore._kernels.types cimport F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport exp_

cdef enum:
    BLOCK = 16384
    LANES = 128             # elements that narrow rows are widened to
    BLOCK_ROWS = 256        # (widened) rows of a block
    CHUNK = 4096            # columns of a block: its running results stay in the first-level cache
    SHORT = 64              # rows shorter than this are folded many at a time
    AT_ONCE = 2048          # elements of short rows that are looked at while they are in the first-level cache


cdef void group(Tensor x, unsigned int mask, Groups* g) noexcept:
    cdef int i
    cdef int runs = 0
    cdef bint reduced
    cdef bint last = False
    g.outer = g.rows = g.inner = 1
    for i in range(x.ndim):
        if x.dims[i] == 1:
            continue
        reduced = (mask >> i) & 1
        if reduced:
            runs += not last
            g.rows *= x.dims[i]
        elif runs:
            g.inner *= x.dims[i]
        else:
            g.outer *= x.dims[i]
        last = reduced
    g.scattered = runs > 1
    if g.scattered:
        g.outer *= g.inner
        g.inner = 1


cdef int _permuted(Tensor x, unsigned int mask, Py_ssize_t* dims, Py_ssize_t* strides) noexcept:
    """Dims and strides of x with the reduced axes last."""
    cdef Py_ssize_t dense[MAX_NDIM]
    cdef int i, part
    cdef int k = 0
    dense_strides(x.ndim, x.dims, dense)
    for part in range(2):
        for i in range(x.ndim):
            if <int>((mask >> i) & 1) == part:
                dims[k] = x.dims[i]
                strides[k] = dense[i]
                k += 1
    return k


cdef Tensor gathered(Tensor x, unsigned int mask, const Groups* g):
    """x itself, or a copy in which the reduced axes are last."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t strides[MAX_NDIM]
    cdef Py_ssize_t dense[MAX_NDIM]
    cdef Tensor t
    if not g.scattered:
        return x
    t = empty(x.dtype, x.ndim, x.dims)
    _permuted(x, mask, dims, strides)
    dense_strides(x.ndim, dims, dense)
    strided_copy(x.dtype, False, x.ndim, dims, x.data, strides, t.data, dense)
    return t


cdef int scatter_back(Tensor t, Tensor d, unsigned int mask, bint accumulate) except -1:
    """The way back from `gathered`, into d."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t strides[MAX_NDIM]
    cdef Py_ssize_t dense[MAX_NDIM]
    _permuted(d, mask, dims, strides)
    dense_strides(d.ndim, dims, dense)
    return strided_copy(d.dtype, accumulate, d.ndim, dims, t.data, dense, d.data, strides)


# ---------------------------------------------------------------------------------------------------------------- fold

cdef inline real plus2(real a, real b) noexcept nogil:
    return a + b


cdef inline real times2(real a, real b) noexcept nogil:
    return a * b


cdef inline real max2(real a, real b) noexcept nogil:
    cdef real m = b if b > a else a                 # two selects: `or` would be a branch
    return m if b == b else b                       # NaN wins


cdef inline real min2(real a, real b) noexcept nogil:
    cdef real m = b if b < a else a
    return m if b == b else b


cdef struct Fold:
    int kind
    int dtype
    Py_ssize_t rows
    Py_ssize_t inner
    Py_ssize_t block            # rows of a block
    Py_ssize_t blocks
    Py_ssize_t chunks           # of columns
    const void* x               # (outer, rows, inner)
    void* y                     # (outer, blocks, inner)


cdef inline void fold_wide(int kind, real (*f)(real, real) noexcept nogil, const real* x,
                           Py_ssize_t rows, Py_ssize_t width, Py_ssize_t stride, real* y) noexcept nogil:
    """y[j] = x[0, j] f x[1, j] f ... over `rows` rows that lie `stride` apart."""
    cdef Py_ssize_t j
    cdef Py_ssize_t r = 1
    cdef const real* a
    cdef const real* b
    cdef const real* c
    cdef const real* d
    for j in range(width):
        y[j] = x[j]
    if kind == FOLD_MAX or kind == FOLD_MIN:
        vextreme_cols[real](kind == FOLD_MAX, x + stride, rows - 1, width, stride, y)
        return
    while r + 4 <= rows:
        a = x + r * stride
        b = a + stride
        c = b + stride
        d = c + stride
        for j in range(width):
            y[j] = f(y[j], f(f(a[j], b[j]), f(c[j], d[j])))
        r += 4
    while r < rows:
        a = x + r * stride
        for j in range(width):
            y[j] = f(y[j], a[j])
        r += 1


cdef inline void fold_narrow(int kind, real (*f)(real, real) noexcept nogil, const real* x, Py_ssize_t rows, Py_ssize_t width, real* y) noexcept nogil:
    """The same for dense rows of less than LANES / 2 elements: several of them make one wide row."""
    cdef real[LANES] lanes
    cdef real a
    cdef Py_ssize_t j, r
    cdef Py_ssize_t k = 1
    while 2 * k * width <= LANES and rows >= 4 * k:
        k *= 2
    if k * width < 16:
        for j in range(width):
            a = x[j]
            for r in range(1, rows):
                a = f(a, x[r * width + j])
            y[j] = a
        return
    fold_wide(kind, f, x, rows // k, k * width, k * width, lanes)
    r = rows // k * k
    while k > 1:
        k //= 2
        for j in range(k * width):
            lanes[j] = f(lanes[j], lanes[j + k * width])
    while r < rows:
        for j in range(width):
            lanes[j] = f(lanes[j], x[r * width + j])
        r += 1
    for j in range(width):
        y[j] = lanes[j]


cdef inline void fold_items(real (*f)(real, real) noexcept nogil, const Fold* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, column, b, outer, first, rows
    cdef const real* x
    cdef real* y
    for t in range(begin, end):
        column = t % c.chunks * CHUNK
        b = t // c.chunks % c.blocks
        outer = t // c.chunks // c.blocks
        first = b * c.block
        rows = min(c.block, c.rows - first)
        x = <const real*>c.x + (outer * c.rows + first) * c.inner + column
        y = <real*>c.y + (outer * c.blocks + b) * c.inner + column
        if c.inner < LANES // 2:
            fold_narrow(c.kind, f, x, rows, c.inner, y)
        else:
            fold_wide(c.kind, f, x, rows, min(<Py_ssize_t>CHUNK, c.inner - column), c.inner, y)


cdef inline void fold_short_rows(const Fold* c, const real* x, Py_ssize_t rows, real* y) noexcept nogil:
    """Many rows at once; where there is NaN one by one."""
    cdef Py_ssize_t i, n, nan
    while rows > 0:
        n = min(rows, AT_ONCE // c.rows)
        dl_fetch(x + n * c.rows, n * c.rows * sizeof(real))
        if c.kind == FOLD_SUM:
            vrows_sum[real](x, c.rows, n, y)
        else:
            if c.kind == FOLD_MAX:
                vrows_max[real](x, c.rows, n, y)
            else:
                vrows_min[real](x, c.rows, n, y)
            nan = 0
            for i in range(n * c.rows):
                nan += x[i] != x[i]
            if nan:
                for i in range(n):
                    y[i] = vmax[real](x + i * c.rows, c.rows) if c.kind == FOLD_MAX else vmin[real](x + i * c.rows, c.rows)
        rows -= n
        x += n * c.rows
        y += n


cdef inline void fold_rows(const Fold* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """The same where a row's elements lie side by side (inner is 1): sums and extremes of vectors. Items follow one another."""
    cdef Py_ssize_t t, n
    cdef Py_ssize_t b = begin % c.blocks
    cdef const real* x = <const real*>c.x + begin // c.blocks * c.rows + b * c.block
    cdef real* y = <real*>c.y
    if c.rows < SHORT:
        fold_short_rows[real](c, x, end - begin, y + begin)
        return
    for t in range(begin, end):
        n = min(c.block, c.rows - b * c.block)
        if c.kind == FOLD_SUM:
            y[t] = <real>vsum[real](x, n)
        elif c.kind == FOLD_MAX:
            y[t] = vmax[real](x, n)
        else:
            y[t] = vmin[real](x, n)
        x += n
        b = b + 1 if b + 1 < c.blocks else 0


cdef kernel_void fold_typed(const Fold* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if c.inner == 1 and c.kind != FOLD_PROD:
        fold_rows[real](c, tag, begin, end)
    elif c.kind == FOLD_SUM:
        fold_items[real](plus2[real], c, begin, end)
    elif c.kind == FOLD_PROD:
        fold_items[real](times2[real], c, begin, end)
    elif c.kind == FOLD_MAX:
        fold_items[real](max2[real], c, begin, end)
    else:
        fold_items[real](min2[real], c, begin, end)


cdef void fold_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Fold* c = <Fold*>ctx
    if c.dtype == F32:
        fold_typed[float](c, <const float*>c.x, begin, end)
    else:
        fold_typed[double](c, <const double*>c.x, begin, end)


cdef int fold(int kind, int dtype, const Groups* g, const void* x, void* y) except -1:
    """Folds the rows of x (outer, rows, inner) into y (outer, inner)."""
    cdef Fold c
    cdef Py_ssize_t dims[3]
    cdef Py_ssize_t i, items, each
    cdef double identity = 1.0 if kind == FOLD_PROD else -INFINITY if kind == FOLD_MAX else INFINITY if kind == FOLD_MIN else 0.0
    cdef Tensor partial = None
    cdef Tensor _previous = None                    # keeps the input of a later round alive
    if g.rows == 0 or g.outer == 0 or g.inner == 0:
        for i in range(g.outer * g.inner):
            if dtype == F32:
                (<float*>y)[i] = <float>identity
            else:
                (<double*>y)[i] = identity
        return 0
    c.kind = kind
    c.dtype = dtype
    c.rows = g.rows
    c.inner = g.inner
    c.chunks = (g.inner + CHUNK - 1) // CHUNK if g.inner >= LANES // 2 else 1
    c.block = BLOCK_ROWS if g.inner >= LANES // 2 else BLOCK_ROWS * (LANES // g.inner)
    c.x = x
    while True:
        c.blocks = (c.rows + c.block - 1) // c.block
        if c.blocks == 1:
            c.y = y
        else:
            dims[0], dims[1], dims[2] = g.outer, c.blocks, g.inner
            _previous = partial
            partial = empty(dtype, 3, dims)
            c.y = partial.data
        items = g.outer * c.blocks * c.chunks
        each = max(<Py_ssize_t>1, g.outer * c.rows * g.inner // items)
        launch(fold_block, &c, items, max(<Py_ssize_t>1, 2 * BLOCK // each), g.outer * c.rows * g.inner * 0.1)
        if c.blocks == 1:
            return 0
        c.x = partial.data
        c.rows = c.blocks


cdef int sum_to(Tensor g, Tensor d, bint accumulate, double scale) except -1:
    cdef Groups s
    cdef Tensor t
    cdef unsigned int mask = 0
    cdef Py_ssize_t n
    cdef int i
    cdef int shift = g.ndim - d.ndim
    for i in range(g.ndim):
        if i < shift or (d.dims[i - shift] == 1 and g.dims[i] != 1):
            mask |= 1u << i
    group(g, mask, &s)
    t = gathered(g, mask, &s)
    if not accumulate and scale == 1:
        return fold(FOLD_SUM, g.dtype, &s, t.data, d.data)
    g = empty_like(d)
    fold(FOLD_SUM, d.dtype, &s, t.data, g.data)
    if d.dtype == F32:
        for n in range(d.size):
            (<float*>d.data)[n] = ((<float*>d.data)[n] if accumulate else 0) + <float>scale * (<float*>g.data)[n]
    else:
        for n in range(d.size):
            (<double*>d.data)[n] = ((<double*>d.data)[n] if accumulate else 0) + scale * (<double*>g.data)[n]
    return 0


# -------------------------------------------------------------------------------------------------------------- spread

# The other direction: out[o, r, j] = f(x[o, r, j], u[o, j], v[o, j], w[o, j]).
cdef struct Spreading:
    int kind
    int dtype
    bint accumulate
    Py_ssize_t rows
    Py_ssize_t inner
    double scale
    const void* x
    const void* u
    const void* v
    const void* w
    void* out


cdef inline real s_squared(real x, real u, real v, real w, real scale) noexcept nogil:
    return (x - u) * (x - u)


cdef inline real s_exponential(real x, real u, real v, real w, real scale) noexcept nogil:
    return exp_(x - u)


cdef inline real s_ties(real x, real u, real v, real w, real scale) noexcept nogil:
    return <real>(x == u)


cdef inline real s_sum(real x, real u, real v, real w, real scale) noexcept nogil:
    return scale * w


cdef inline real s_extreme(real x, real u, real v, real w, real scale) noexcept nogil:
    cdef real share = w / v                         # v of the row's elements are extreme: they share the gradient
    return share if x == u else 0


cdef inline real s_var(real x, real u, real v, real w, real scale) noexcept nogil:
    return scale * w * (x - u)


cdef inline real s_std(real x, real u, real v, real w, real scale) noexcept nogil:
    cdef real d = scale * w * (x - u) / (v if v != 0 else 1)
    return d if v != 0 else 0


cdef inline real s_logsumexp(real x, real u, real v, real w, real scale) noexcept nogil:
    return w * exp_(x - u)


cdef inline void spread_range(real (*f)(real, real, real, real, real) noexcept nogil, const Spreading* c, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const real* x
    cdef const real* u
    cdef const real* v
    cdef const real* w
    cdef real* out
    cdef real u0, v0, w0
    cdef real scale = <real>c.scale
    cdef Py_ssize_t at, n, i
    while begin < end:
        x = <const real*>c.x + begin
        out = <real*>c.out + begin
        if c.inner == 1:
            at = begin // c.rows
            n = min(end, (at + 1) * c.rows) - begin
            u0, v0, w0 = (<const real*>c.u)[at], (<const real*>c.v)[at], (<const real*>c.w)[at]
            if c.accumulate:
                for i in range(n):
                    out[i] = out[i] + f(x[i], u0, v0, w0, scale)
            else:
                for i in range(n):
                    out[i] = f(x[i], u0, v0, w0, scale)
        else:
            at = begin // c.inner // c.rows * c.inner + begin % c.inner
            n = min(end - begin, c.inner - begin % c.inner)
            u, v, w = <const real*>c.u + at, <const real*>c.v + at, <const real*>c.w + at
            if c.accumulate:
                for i in range(n):
                    out[i] = out[i] + f(x[i], u[i], v[i], w[i], scale)
            else:
                for i in range(n):
                    out[i] = f(x[i], u[i], v[i], w[i], scale)
        begin += n


cdef kernel_void spread_typed(const Spreading* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if c.kind == SQUARED:
        spread_range[real](s_squared[real], c, begin, end)
    elif c.kind == EXPONENTIAL:
        spread_range[real](s_exponential[real], c, begin, end)
    elif c.kind == TIES:
        spread_range[real](s_ties[real], c, begin, end)
    elif c.kind == D_SUM:
        spread_range[real](s_sum[real], c, begin, end)
    elif c.kind == D_EXTREME:
        spread_range[real](s_extreme[real], c, begin, end)
    elif c.kind == D_VAR:
        spread_range[real](s_var[real], c, begin, end)
    elif c.kind == D_STD:
        spread_range[real](s_std[real], c, begin, end)
    else:
        spread_range[real](s_logsumexp[real], c, begin, end)


cdef void spread_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Spreading* c = <Spreading*>ctx
    if c.dtype == F32:
        spread_typed[float](c, <const float*>c.x, begin, end)
    else:
        spread_typed[double](c, <const double*>c.x, begin, end)


cdef int spread(int kind, Tensor x, const Groups* g, Tensor u, Tensor v, Tensor w, double scale, Tensor out, bint accumulate) except -1:
    cdef Spreading c
    cdef double cost = 4.0 if x.dtype == F64 else 0.4
    c.kind, c.dtype, c.accumulate, c.scale = kind, x.dtype, accumulate, scale
    c.rows, c.inner = g.rows, g.inner
    c.x, c.u, c.v, c.w, c.out = x.data, u.data, v.data, w.data, out.data
    launch(spread_block, &c, x.size, BLOCK, x.size * (cost if kind == EXPONENTIAL or kind == D_LOGSUMEXP else 0.15))
    return 0
