"""Loops of normalizations with a mean and variance for each channel. No ops live here.

Data is seen as x[sample, row, channel, inner]: batch norm has one sample, group norm one for each element of the batch, and
the axes before and after the channel axis are the rows and the inner index. Nothing is transposed: where channels are last
(inner = 1) the loops run over the channels of a row, else over the runs of one channel.

Sums over rows are taken in blocks cut by shape and joined in block order. In a block the numbers are taken relative to
the mean of its first rows, so that a large mean costs no digits, and blocks are joined by the formula of Chan, Golub and
LeVeque (1983).
"""

from libc.math cimport sqrt

from dlcore._kernels.norm cimport vslope, vspread
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.types cimport kernel_void, real

__all__ = []

cdef enum:
    BLOCK = 16384           # elements of a block that is only passed through
    BLOCK_ROWS = 256        # rows of a block of sums (of LANES elements at least)
    LANES = 128             # elements that narrow rows are widened to
    NARROW = 64             # rows shorter than this are
    CHUNK = 512             # channels of a block of sums: they stay in the first-level cache
    FIRST = 4               # rows whose mean stands for that of the block

cdef void cut(Channels* c, Py_ssize_t elements) noexcept nogil:
    """Blocks of about that many elements."""
    c.chunk = min(c.channels, max(<Py_ssize_t>1, 4 * elements // c.inner))
    c.block = max(<Py_ssize_t>1, elements // (c.chunk * c.inner))
    c.chunks = (c.channels + c.chunk - 1) // c.chunk
    c.blocks = (c.rows + c.block - 1) // c.block


cdef void cut_for_sums(Channels* c) noexcept nogil:
    cut(c, BLOCK)
    if c.inner == 1:
        c.chunk = c.channels if c.channels < NARROW else min(<Py_ssize_t>CHUNK, c.channels)
        c.block = BLOCK_ROWS * (LANES // c.channels if c.channels < NARROW else 1)
    else:
        c.block = max(c.block, BLOCK_ROWS // c.inner)
    c.chunks = (c.channels + c.chunk - 1) // c.chunk
    c.blocks = (c.rows + c.block - 1) // c.block


# Item t: a block of rows of a chunk of channels of a sample.
cdef inline Py_ssize_t place(const Channels* c, Py_ssize_t t, Py_ssize_t* rows, Py_ssize_t* width, Py_ssize_t* at) noexcept nogil:
    """Where its elements begin; `at`: where its channels lie in arrays (samples, channels)."""
    cdef Py_ssize_t channel = t % c.chunks * c.chunk
    cdef Py_ssize_t row = t // c.chunks % c.blocks * c.block
    cdef Py_ssize_t sample = t // c.chunks // c.blocks
    rows[0] = min(c.block, c.rows - row)
    width[0] = min(c.chunk, c.channels - channel)
    at[0] = sample * c.channels + channel
    return ((sample * c.rows + row) * c.channels + channel) * c.inner


cdef inline Py_ssize_t widening(const Channels* c, Py_ssize_t rows) noexcept nogil:
    """How many narrow rows make a wide one."""
    cdef Py_ssize_t k = 1
    while c.channels < NARROW and 2 * k * c.channels <= LANES and rows >= 4 * k:
        k *= 2
    return k


# ---------------------------------------------------------------------------------------------------------------- sums

cdef inline void deviations(const real* x, const real* m, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t ld, real* s, real* t) noexcept nogil:
    """s[j] += sum of x - m, t[j] += sum of (x - m)^2, over rows."""
    cdef Py_ssize_t j
    cdef Py_ssize_t r = 0
    cdef const real* a
    cdef const real* b
    cdef const real* c
    cdef const real* d
    cdef real p, q, u, v
    while r + 4 <= rows:
        a = x + r * ld
        b = a + ld
        c = b + ld
        d = c + ld
        for j in range(width):
            p = a[j] - m[j]
            q = b[j] - m[j]
            u = c[j] - m[j]
            v = d[j] - m[j]
            s[j] += (p + q) + (u + v)
            t[j] += (p * p + q * q) + (u * u + v * v)
        r += 4
    while r < rows:
        a = x + r * ld
        for j in range(width):
            p = a[j] - m[j]
            s[j] += p
            t[j] += p * p
        r += 1


cdef inline void slopes(const real* x, const real* g, const real* m, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t ld, real* s, real* t) noexcept nogil:
    """s[j] += sum of g, t[j] += sum of g (x - m), over rows."""
    cdef Py_ssize_t i, j
    cdef Py_ssize_t r = 0
    cdef const real* a
    cdef const real* b
    cdef const real* ga
    cdef const real* gb
    while r + 2 <= rows:
        a = x + r * ld
        b = a + ld
        ga = g + r * ld
        gb = ga + ld
        for j in range(width):
            s[j] += ga[j] + gb[j]
            t[j] += ga[j] * (a[j] - m[j]) + gb[j] * (b[j] - m[j])
        r += 2
    if r < rows:
        i = r * ld
        for j in range(width):
            s[j] += g[i + j]
            t[j] += g[i + j] * (x[i + j] - m[j])


cdef inline void column_sums(const Channels* c, const real* x, const real* g, const real* means, Py_ssize_t rows, Py_ssize_t width,
                             double* first, double* second) noexcept nogil:
    """Channels last. Without g: mean and sum of squared deviations; with g: sums of g and g (x - m)."""
    cdef real[CHUNK] m
    cdef real[CHUNK] s
    cdef real[CHUNK] t
    cdef Py_ssize_t i, j
    cdef Py_ssize_t k = widening(c, rows)
    cdef Py_ssize_t wide = rows // k
    cdef Py_ssize_t few = min(<Py_ssize_t>FIRST, rows)
    cdef double p, q
    for j in range(width):
        if g == NULL:
            m[j] = x[j]
            for i in range(1, few):
                m[j] += x[i * c.channels + j]
            m[j] /= few
        else:
            m[j] = means[j]
    for j in range(width, k * width):
        m[j] = m[j - width]
    for j in range(k * width):
        s[j] = 0
        t[j] = 0
    i = wide * k
    if g == NULL:
        deviations(x, m, wide, k * width, k * c.channels, s, t)
        deviations(x + i * c.channels, m, rows - i, width, c.channels, s, t)
    else:
        slopes(x, g, m, wide, k * width, k * c.channels, s, t)
        slopes(x + i * c.channels, g + i * c.channels, m, rows - i, width, c.channels, s, t)
    for j in range(width):
        p = s[j]
        q = t[j]
        for i in range(1, k):
            p += s[i * width + j]
            q += t[i * width + j]
        if g == NULL:
            first[j] = m[j] + p / rows
            q -= p * p / rows
            second[j] = 0 if q < 0 else q
        else:
            first[j] = p
            second[j] = q


cdef inline void run_sums(const Channels* c, const real* x, const real* g, const real* means, Py_ssize_t rows, Py_ssize_t width,
                          double* first, double* second) noexcept nogil:
    """The same where a channel has runs of `inner` elements."""
    cdef Py_ssize_t i, j, at
    cdef Py_ssize_t n = rows * c.inner
    cdef double[2] sums
    cdef real m
    for j in range(width):
        first[j] = 0
        second[j] = 0
    for i in range(rows):
        for j in range(width):
            at = (i * c.channels + j) * c.inner
            if g == NULL:
                vspread[real](x + at, x[j * c.inner], c.inner, sums)
            else:
                vslope[real](x + at, g + at, NULL, means[j], c.inner, sums)
            first[j] += sums[0]
            second[j] += sums[1]
    if g == NULL:
        for j in range(width):
            m = x[j * c.inner]
            second[j] -= first[j] * first[j] / n
            second[j] = 0 if second[j] < 0 else second[j]
            first[j] = m + first[j] / n


cdef inline void sum_items(const Channels* c, const real* x, const real* g, const real* m, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, rows, width, at, i, j
    for t in range(begin, end):
        i = place(c, t, &rows, &width, &at)
        j = t // c.chunks * c.channels + t % c.chunks * c.chunk
        if c.inner == 1:
            column_sums(c, x + i, NULL if g == NULL else g + i, m + at, rows, width, c.first + j, c.second + j)
        else:
            run_sums(c, x + i, NULL if g == NULL else g + i, m + at, rows, width, c.first + j, c.second + j)


cdef kernel_void sums_typed(const Channels* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    sum_items[real](c, <const real*>c.x, <const real*>c.g, <const real*>c.m, begin, end)


cdef void sum_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Channels* c = <Channels*>ctx
    if c.f64:
        sums_typed[double](c, <const double*>c.x, begin, end)
    else:
        sums_typed[float](c, <const float*>c.x, begin, end)


cdef void join_moments(Channels* c) noexcept nogil:
    """Means and sums of squared deviations of the blocks of each sample into those of the sample, at the place of its first block."""
    cdef Py_ssize_t s, b, j
    cdef double n, more, d
    cdef double* mean
    cdef double* m2
    cdef double* mean_b
    cdef double* m2_b
    for s in range(c.samples):
        mean = c.first + s * c.blocks * c.channels
        m2 = c.second + s * c.blocks * c.channels
        n = <double>(min(c.block, c.rows) * c.inner)
        for b in range(1, c.blocks):
            mean_b = mean + b * c.channels
            m2_b = m2 + b * c.channels
            more = <double>(min(c.block, c.rows - b * c.block) * c.inner)
            for j in range(c.channels):
                d = mean_b[j] - mean[j]
                mean[j] += d * (more / (n + more))
                m2[j] += m2_b[j] + d * d * (n * more / (n + more))
            n += more


cdef void join_sums(Channels* c) noexcept nogil:
    cdef Py_ssize_t s, b, j, at
    for s in range(c.samples):
        at = s * c.blocks * c.channels
        for b in range(1, c.blocks):
            for j in range(at, at + c.channels):
                c.first[j] += c.first[j + b * c.channels]
                c.second[j] += c.second[j + b * c.channels]


cdef int pass_over_sums(Channels* c) except -1:
    """Means and sums of squared deviations of x (without g), or sums of g and g (x - m), at the place of the first block of each sample."""
    launch(sum_block, c, c.samples * c.blocks * c.chunks, 1, c.samples * c.rows * c.channels * c.inner * (0.15 if c.g == NULL else 0.25))
    if c.g == NULL:
        join_moments(c)
    else:
        join_sums(c)
    return 0


# ------------------------------------------------------------------------------------------------------------ one pass

cdef inline void affine(const real* x, const real* m, const real* a, const real* b, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        y[j] = (x[j] - m[j]) * a[j] + b[j]


cdef inline void back(const real* x, const real* g, const real* m, const real* a, const real* q, const real* b, real* dx, bint accumulate,
                      Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    if accumulate:
        for j in range(n):
            dx[j] += a[j] * g[j] + (q[j] * (x[j] - m[j]) + b[j])
    else:
        for j in range(n):
            dx[j] = a[j] * g[j] + (q[j] * (x[j] - m[j]) + b[j])


cdef inline void scaled(const real* g, const real* a, real* dx, bint accumulate, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    if accumulate:
        for j in range(n):
            dx[j] += a[j] * g[j]
    else:
        for j in range(n):
            dx[j] = a[j] * g[j]


cdef inline void pass_rows(const Channels* c, const real* x, const real* g, const real* m, const real* a, const real* q, const real* b, real* out,
                           Py_ssize_t n) noexcept nogil:
    if g == NULL:
        affine(x, m, a, b, out, n)
    elif q == NULL:
        scaled(g, a, out, c.accumulate, n)
    else:
        back(x, g, m, a, q, b, out, c.accumulate, n)


cdef inline void pass_columns(const Channels* c, const real* x, const real* g, const real* m, const real* a, const real* q, const real* b, real* out,
                              Py_ssize_t rows, Py_ssize_t width) noexcept nogil:
    """Channels last; narrow rows several at a time, with the coefficients repeated."""
    cdef real[LANES] wm
    cdef real[LANES] wa
    cdef real[LANES] wq
    cdef real[LANES] wb
    cdef Py_ssize_t i, j
    cdef Py_ssize_t k = widening(c, rows)
    if k == 1:
        for j in range(rows):
            i = j * c.channels
            pass_rows(c, x + i, NULL if g == NULL else g + i, m, a, q, b, out + i, width)
        return
    for i in range(k):
        for j in range(width):
            wa[i * width + j] = a[j]
            wm[i * width + j] = m[j]
            wb[i * width + j] = b[j]
            wq[i * width + j] = 0 if q == NULL else q[j]
    i = 0
    while i < rows * width:
        pass_rows(c, x + i, NULL if g == NULL else g + i, wm, wa, NULL if q == NULL else wq, wb, out + i, min(k * width, rows * width - i))
        i += k * width


cdef inline void pass_run(const Channels* c, const real* x, const real* g, real m, real a, real q, real b, real* out, bint sums) noexcept nogil:
    cdef Py_ssize_t j
    if g == NULL:
        for j in range(c.inner):
            out[j] = (x[j] - m) * a + b
    elif not sums and c.accumulate:
        for j in range(c.inner):
            out[j] += a * g[j]
    elif not sums:
        for j in range(c.inner):
            out[j] = a * g[j]
    elif c.accumulate:
        for j in range(c.inner):
            out[j] += a * g[j] + (q * (x[j] - m) + b)
    else:
        for j in range(c.inner):
            out[j] = a * g[j] + (q * (x[j] - m) + b)


cdef kernel_void pass_typed(const Channels* c, const real* x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, rows, width, at, i, j, _r
    cdef const real* g = <const real*>c.g
    cdef const real* m = <const real*>c.m
    cdef const real* a = <const real*>c.a
    cdef const real* b = <const real*>c.b
    cdef const real* q = <const real*>c.q
    cdef real* out = <real*>c.out
    for t in range(begin, end):
        i = place(c, t, &rows, &width, &at)
        if c.inner == 1:
            pass_columns(c, x + i, NULL if g == NULL else g + i, m + at, a + at, NULL if q == NULL else q + at, b + at, out + i, rows, width)
            continue
        for _r in range(rows):
            for j in range(width):
                pass_run(c, x + i + j * c.inner, NULL if g == NULL else g + i + j * c.inner, m[at + j], a[at + j], 0 if q == NULL else q[at + j],
                         b[at + j], out + i + j * c.inner, q != NULL)
            i += c.channels * c.inner


cdef void pass_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Channels* c = <Channels*>ctx
    if c.f64:
        pass_typed[double](c, <const double*>c.x, begin, end)
    else:
        pass_typed[float](c, <const float*>c.x, begin, end)


cdef int pass_over(Channels* c) except -1:
    """out = a (x - m) + b, or a g + q (x - m) + b; without q: a g."""
    cut(c, BLOCK)
    launch(pass_block, c, c.samples * c.blocks * c.chunks, 1, c.samples * c.rows * c.channels * c.inner * (0.12 if c.g == NULL else 0.2))
    return 0


# -------------------------------------------------------------------------------------------------------- coefficients
#
# Arrays (samples, channels); what the last pass needs for every channel, also where channels share statistics.

cdef void share(Channels* c, Py_ssize_t groups, bint moments) noexcept nogil:
    """In the sums of each sample: the mean and mean square of deviations of every group (or its two sums) for all its channels."""
    cdef Py_ssize_t s, i, j
    cdef Py_ssize_t k = c.channels // groups
    cdef double p, q
    cdef double* first
    cdef double* second
    for s in range(c.samples):
        for i in range(groups):
            first = c.first + s * c.blocks * c.channels + i * k
            second = c.second + s * c.blocks * c.channels + i * k
            p = q = 0
            for j in range(k):
                p += first[j]
                q += second[j]
            if moments:
                p /= k
                for j in range(k):
                    q += (first[j] - p) * (first[j] - p) * c.rows * c.inner
                q /= k
            for j in range(k):
                first[j] = p
                second[j] = q


cdef void set_forward(Channels* c, const real* gamma, const real* beta, double epsilon, double* inverse, real* m, real* a, real* b) noexcept nogil:
    """From means and sums of squared deviations, which become variances."""
    cdef Py_ssize_t s, j
    cdef double share = 1.0 / (c.rows * c.inner)
    cdef const double* first
    cdef double* second
    for s in range(c.samples):
        first = c.first + s * c.blocks * c.channels
        second = c.second + s * c.blocks * c.channels
        for j in range(c.channels):
            second[j] *= share
        for j in range(c.channels):
            inverse[j] = 1 / sqrt(second[j] + epsilon)
        for j in range(c.channels):
            m[j] = <real>first[j]
        if gamma == NULL:
            for j in range(c.channels):
                a[j] = <real>inverse[j]
        else:
            for j in range(c.channels):
                a[j] = <real>(inverse[j] * gamma[j])
        for j in range(c.channels):
            b[j] = <real>0 if beta == NULL else beta[j]
        m += c.channels
        a += c.channels
        b += c.channels
        inverse += c.channels


cdef void weigh(Channels* c, const real* gamma) noexcept nogil:
    """The sums times gamma: of the gradient of (x - m) / std."""
    cdef Py_ssize_t s, j, at
    if gamma == NULL:
        return
    for s in range(c.samples):
        at = s * c.blocks * c.channels
        for j in range(c.channels):
            c.first[at + j] *= gamma[j]
            c.second[at + j] *= gamma[j]


cdef void set_backward(Channels* c, const double* inverse, double n, real* q, real* b) noexcept nogil:
    """dx = a g - inverse^3 (x - m) sum(gamma g (x - m)) / n - inverse sum(gamma g) / n"""
    cdef Py_ssize_t s, j
    cdef const double* first
    cdef const double* second
    for s in range(c.samples):
        first = c.first + s * c.blocks * c.channels
        second = c.second + s * c.blocks * c.channels
        for j in range(c.channels):
            q[j] = <real>(-inverse[j] * inverse[j] * inverse[j] / n * second[j])
            b[j] = <real>(-inverse[j] / n * first[j])
        inverse += c.channels
        q += c.channels
        b += c.channels


cdef void follow(const double* now, real* moving, double momentum, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef real old = <real>momentum
    cdef real new = <real>(1 - momentum)
    for j in range(n):
        moving[j] = moving[j] * old + <real>now[j] * new
