"""Loops of normalizations with a mean and variance for each channel. No ops live here.

Data is seen as x[sample, row, channel, inner]: batch norm has one sample, group norm one for each element of the batch, and
the axes before and after the channel axis are the rows and the inner index. Nothing is transposed: where channels are last
(inner = 1) the loops run over the channels of a row, else over the runs of one channel.

Sums over rows are taken in blocks cut by shape and joined in block order. In a block the numbers are taken relative to
the mean of its first rows, so that a large mean costs no digits, and blocks are joined by the formula of Chan, Golub and
LeVeque (1983).
"""

from libc.math cimport sqrt

from dlcore._kernels.activation cimport ACT_LINEAR, ACT_RELU, act_backward, act_cost, act_forward, act_from_output
from dlcore._kernels.norm cimport vslope, vspread
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.types cimport kernel_void, real

cdef extern from *:
    """
    #define REAL float
    #define REAL_INT int
    #define REAL_PER_16 4
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "channels.h"
    #undef REAL
    #undef REAL_INT
    #undef REAL_PER_16
    #undef NAME
    #undef AVX
    #define REAL double
    #define REAL_INT long long
    #define REAL_PER_16 2
    #define NAME(x) x##_f64
    #define AVX(x) x##_pd
    #include "channels.h"
    """
    enum:
        DL_MOMENTS
        DL_SLOPES
        DL_AFFINE
        DL_SCALED
        DL_BACK
    ctypedef struct dl_strip:
        const char* x
        const char* g
        const char* m
        const char* a
        const char* b
        const char* q
        const char* d
        char* out
        char* s
        char* t
        Py_ssize_t rows, width, ld, ldg, ldo, ahead
        bint relu
        bint accumulate
    void strip_f32(int, const dl_strip*) noexcept nogil
    void strip_f64(int, const dl_strip*) noexcept nogil

__all__ = []

cdef enum:
    BLOCK = 16384           # elements of a block that is only passed through
    BLOCK_ROWS = 256        # rows of a block of sums (of LANES elements at least)
    LANES = 128             # elements that narrow rows are widened to
    NARROW = 64             # rows shorter than this are
    CHUNK = 1024            # channels of a block, where they are last
    STRIP = 2048            # elements that are kept in the first-level cache from one step to the next
    FIRST = 4               # rows whose mean stands for that of the block

cdef void cut(Channels* c, Py_ssize_t elements) noexcept nogil:
    """Blocks of about that many elements."""
    c.chunk = min(c.channels, max(<Py_ssize_t>1, 4 * elements // c.inner) if c.inner > 1 else <Py_ssize_t>CHUNK)
    c.block = max(<Py_ssize_t>1, elements // (c.chunk * c.inner))
    c.chunks = (c.channels + c.chunk - 1) // c.chunk
    c.blocks = (c.rows + c.block - 1) // c.block


cdef void cut_for_sums(Channels* c) noexcept nogil:
    cut(c, BLOCK)
    c.block = BLOCK_ROWS * (LANES // c.channels if c.channels < NARROW else 1) if c.inner == 1 else max(c.block, BLOCK_ROWS // c.inner)
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


# ---------------------------------------------------------------------------------------------- channels last: strips

cdef inline void behind(const Channels* c, const real* z, const real* g, real* h, Py_ssize_t n) noexcept nogil:
    """h = g act'(z), the gradient of what goes into the activation."""
    act_backward(c.f64, c.code, c.p, NULL if act_from_output(c.code) else z, z, g, h, False, n)


cdef inline void activated(const Channels* c, dl_strip* s, real* z, real* room) noexcept nogil:
    """Puts the gradient of what goes into the activation in the place of g; it lies where c.keep says, else in `room`. z: room, too."""
    cdef dl_strip t = s[0]
    cdef Py_ssize_t r
    cdef Py_ssize_t ld = s.width if c.keep == NULL else s.ldo
    cdef real* h = <real*>s.out
    if c.keep == NULL:
        h = room
    t.out, t.ldo, t.ahead, t.accumulate = <char*>z, s.width, 0, False
    strip(DL_AFFINE, &t, z)
    if act_from_output(c.code):
        act_forward(c.f64, c.code, c.p, z, z, s.rows * s.width)
    if s.ldg == s.width and ld == s.width:
        behind(c, z, <const real*>s.g, h, s.rows * s.width)
    else:
        for r in range(s.rows):
            behind(c, z + r * s.width, <const real*>s.g + r * s.ldg, h + r * ld, s.width)
    s.g, s.ldg = <const char*>h, ld


cdef inline void strip(int what, const dl_strip* s, const real* tag) noexcept nogil:
    if real is float:
        strip_f32(what, s)
    else:
        strip_f64(what, s)


cdef inline void walk(const Channels* c, int what, dl_strip* s, Py_ssize_t rows, const real* tag) noexcept nogil:
    """A pass over rows, strip by strip."""
    cdef real[STRIP] z
    cdef real[STRIP] h
    cdef dl_strip t
    cdef Py_ssize_t i
    cdef Py_ssize_t r = 0
    cdef Py_ssize_t most = max(<Py_ssize_t>1, STRIP // s.width)
    cdef bint other = c.code > ACT_RELU
    s.ahead = most * s.ld
    while r < rows:
        s.rows = min(most, rows - r)
        t = s[0]
        if other and (what == DL_SLOPES or what >= DL_SCALED):
            activated(c, &t, z, h)
        strip(what, &t, tag)
        if other and what == DL_AFFINE:
            for i in range(1 if s.ldo == s.width else s.rows):
                act_forward(c.f64, c.code, c.p, <real*>s.out + i * s.ldo, <real*>s.out + i * s.ldo, s.width * (s.rows if s.ldo == s.width else 1))
        r += s.rows
        s.x = <const char*>(<const real*>s.x + s.rows * s.ld)
        if s.g != NULL:
            s.g = <const char*>(<const real*>s.g + s.rows * s.ldg)
        if s.out != NULL:
            s.out = <char*>(<real*>s.out + s.rows * s.ldo)


cdef inline const char* repeated(const char* v, real* wide, Py_ssize_t width, Py_ssize_t k) noexcept nogil:
    """The same k times."""
    cdef Py_ssize_t i, j
    if v == NULL or k == 1:
        return v
    for i in range(k):
        for j in range(width):
            wide[i * width + j] = (<const real*>v)[j]
    return <const char*>wide


cdef inline void walk_block(const Channels* c, int what, dl_strip* s, Py_ssize_t rows, const real* tag) noexcept nogil:
    """A pass over a block of rows: narrow ones several at a time, with the coefficients repeated."""
    cdef real[5][LANES] wide
    cdef dl_strip w = s[0]
    cdef Py_ssize_t k = widening(c, rows)
    s.relu = w.relu = c.code == ACT_RELU
    s.accumulate = w.accumulate = c.accumulate
    s.ld = s.ldg = s.ldo = c.channels
    if k > 1:
        w.m, w.a, w.b = repeated(s.m, wide[0], s.width, k), repeated(s.a, wide[1], s.width, k), repeated(s.b, wide[2], s.width, k)
        w.q, w.d = repeated(s.q, wide[3], s.width, k), repeated(s.d, wide[4], s.width, k)
        w.width = w.ld = w.ldg = w.ldo = k * c.channels
        walk(c, what, &w, rows // k, tag)
        s.x, s.g, s.out = w.x, w.g, w.out
    walk(c, what, s, rows % k if k > 1 else rows, tag)


cdef inline const char* part(const char* v, Py_ssize_t at, const real* tag) noexcept nogil:
    return NULL if v == NULL else <const char*>(<const real*>v + at)


cdef inline dl_strip strip_of(const Channels* c, Py_ssize_t i, Py_ssize_t at, Py_ssize_t width, const real* tag) noexcept nogil:
    cdef dl_strip s
    s.x, s.g, s.out = part(c.x, i, tag), part(c.g, i, tag), <char*>part(c.keep, i, tag)
    s.m, s.a, s.b = part(c.m, at, tag), part(c.a, at, tag), part(c.b, at, tag)
    s.q, s.d = part(c.q, at, tag), part(c.d, at, tag)
    s.width = width
    return s


# ---------------------------------------------------------------------------------------------------------------- sums

cdef inline void column_sums(const Channels* c, dl_strip* strip, Py_ssize_t rows, double* first, double* second, const real* tag) noexcept nogil:
    """Channels last. Without g: mean and sum of squared deviations; with g: sums of g and g (x - m)."""
    cdef real[CHUNK] m
    cdef real[CHUNK] s
    cdef real[CHUNK] t
    cdef Py_ssize_t i, j
    cdef Py_ssize_t width = strip.width
    cdef Py_ssize_t k = widening(c, rows)
    cdef Py_ssize_t few = min(<Py_ssize_t>FIRST, rows)
    cdef const real* x = <const real*>strip.x
    cdef double p, q
    if c.g == NULL:
        for j in range(width):
            m[j] = x[j]
            for i in range(1, few):
                m[j] += x[i * c.channels + j]
            m[j] /= few
        strip.m = <const char*>m
    for j in range(k * width):
        s[j] = 0
        t[j] = 0
    strip.s, strip.t = <char*>s, <char*>t
    walk_block(c, DL_MOMENTS if c.g == NULL else DL_SLOPES, strip, rows, tag)
    for j in range(width):
        p = s[j]
        q = t[j]
        for i in range(1, k):
            p += s[i * width + j]
            q += t[i * width + j]
        if c.g == NULL:
            first[j] = m[j] + p / rows
            q -= p * p / rows
            second[j] = 0 if q < 0 else q
        else:
            first[j] = p
            second[j] = q


cdef inline void behind_run(const Channels* c, const real* x, const real* g, real m, real a, real b, real* z, real* h, Py_ssize_t n) noexcept nogil:
    """The gradient h of what goes into the activation, for a run of one channel; z is room."""
    cdef Py_ssize_t j
    for j in range(n):
        z[j] = (x[j] - m) * a + b
    if act_from_output(c.code):
        act_forward(c.f64, c.code, c.p, z, z, n)
    behind(c, z, g, h, n)


cdef inline void run_sums(const Channels* c, const real* x, const real* g, Py_ssize_t where, Py_ssize_t rows, Py_ssize_t width,
                          double* first, double* second) noexcept nogil:
    """The same where a channel has runs of `inner` elements; `where`: the place of the first channel."""
    cdef real[STRIP] z
    cdef real[STRIP] h
    cdef Py_ssize_t i, j, k, at, few
    cdef Py_ssize_t n = rows * c.inner
    cdef Py_ssize_t piece = c.inner if g == NULL or c.code == ACT_LINEAR else min(<Py_ssize_t>STRIP, c.inner)
    cdef double[2] sums
    cdef real* kept
    cdef const real* m = <const real*>c.m + where
    cdef const real* a = <const real*>c.a + where
    cdef const real* b = <const real*>c.b + where
    cdef real base
    for j in range(width):
        first[j] = 0
        second[j] = 0
    for i in range(rows):
        for j in range(width):
            k = 0
            while k < c.inner:
                at = (i * c.channels + j) * c.inner + k
                few = min(piece, c.inner - k)
                if g == NULL:
                    vspread[real](x + at, x[j * c.inner], few, sums)
                elif c.code == ACT_LINEAR:
                    vslope[real](x + at, g + at, NULL, m[j], few, sums)
                else:
                    kept = h
                    if c.keep != NULL:
                        kept = <real*>c.keep + (x - <const real*>c.x) + at
                    behind_run(c, x + at, g + at, m[j], a[j], b[j], z, kept, few)
                    vslope[real](x + at, kept, NULL, m[j], few, sums)
                first[j] += sums[0]
                second[j] += sums[1]
                k += piece
    if g == NULL:
        for j in range(width):
            base = x[j * c.inner]
            second[j] -= first[j] * first[j] / n
            second[j] = 0 if second[j] < 0 else second[j]
            first[j] = base + first[j] / n


cdef kernel_void sums_typed(const Channels* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, rows, width, at, i, j
    cdef const real* x = <const real*>c.x
    cdef const real* g = <const real*>c.g
    cdef dl_strip s
    for t in range(begin, end):
        i = place(c, t, &rows, &width, &at)
        j = t // c.chunks * c.channels + t % c.chunks * c.chunk
        if c.inner == 1:
            s = strip_of(c, i, at, width, tag)
            column_sums(c, &s, rows, c.first + j, c.second + j, tag)
        else:
            run_sums(c, x + i, NULL if g == NULL else g + i, at, rows, width, c.first + j, c.second + j)


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
    """Means and sums of squared deviations of x (without g), or sums of h and h (x - m) with the gradient h of what
    goes into the activation, at the place of the first block of each sample."""
    launch(sum_block, c, c.samples * c.blocks * c.chunks, 1, cost(c, 0.15 if c.g == NULL else 0.25))
    if c.g == NULL:
        join_moments(c)
    else:
        join_sums(c)
    return 0


# ------------------------------------------------------------------------------------------------------------ one pass

cdef inline void pass_run(const Channels* c, int what, const real* x, const real* g, real m, real a, real b, real q, real d, real* out,
                          Py_ssize_t n) noexcept nogil:
    """A run of one channel, of at most STRIP elements if there is an activation."""
    cdef real[STRIP] z
    cdef real[STRIP] h
    cdef Py_ssize_t j
    if what == DL_AFFINE:
        for j in range(n):
            out[j] = (x[j] - m) * a + b
        if c.code != ACT_LINEAR:
            act_forward(c.f64, c.code, c.p, out, out, n)
        return
    if c.code != ACT_LINEAR:
        behind_run(c, x, g, m, a, b, z, h, n)
        g = h
    if what == DL_SCALED and c.accumulate:
        for j in range(n):
            out[j] += a * g[j]
    elif what == DL_SCALED:
        for j in range(n):
            out[j] = a * g[j]
    elif c.accumulate:
        for j in range(n):
            out[j] += a * g[j] + (q * (x[j] - m) + d)
    else:
        for j in range(n):
            out[j] = a * g[j] + (q * (x[j] - m) + d)


cdef inline void pass_runs(const Channels* c, int what, const real* x, const real* g, real* out, Py_ssize_t at, Py_ssize_t rows,
                           Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef Py_ssize_t piece = c.inner if c.code == ACT_LINEAR else min(<Py_ssize_t>STRIP, c.inner)
    cdef const real* m = <const real*>c.m
    cdef const real* a = <const real*>c.a
    cdef const real* b = <const real*>c.b
    cdef const real* q = <const real*>c.q
    cdef const real* d = <const real*>c.d
    for i in range(rows):
        for j in range(width):
            k = (i * c.channels + j) * c.inner
            while k < (i * c.channels + j + 1) * c.inner:
                pass_run(c, what, x + k, NULL if g == NULL else g + k, m[at + j], a[at + j], b[at + j], 0 if q == NULL else q[at + j],
                         0 if q == NULL else d[at + j], out + k, min(piece, (i * c.channels + j + 1) * c.inner - k))
                k += piece


cdef kernel_void pass_typed(const Channels* c, const real* tag, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, rows, width, at, i
    cdef const real* x = <const real*>c.x
    cdef const real* g = <const real*>c.g
    cdef real* out = <real*>c.out
    cdef dl_strip s
    cdef int what = DL_AFFINE if g == NULL else DL_SCALED if c.q == NULL else DL_BACK
    for t in range(begin, end):
        i = place(c, t, &rows, &width, &at)
        if c.inner > 1:
            pass_runs(c, what, x + i, NULL if g == NULL else g + i, out + i, at, rows, width)
            continue
        s = strip_of(c, i, at, width, tag)
        s.out = <char*>(out + i)
        walk_block(c, what, &s, rows, tag)


cdef void pass_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Channels* c = <Channels*>ctx
    if c.f64:
        pass_typed[double](c, <const double*>c.x, begin, end)
    else:
        pass_typed[float](c, <const float*>c.x, begin, end)


cdef double cost(const Channels* c, double ns) noexcept nogil:
    """Of a pass in which an element takes that long without the activation."""
    return c.samples * c.rows * c.channels * c.inner * (ns + (2 * act_cost(c.code) if c.code > ACT_RELU else 0))


cdef int pass_over(Channels* c) except -1:
    """out = act(a (x - m) + b), or a h + q (x - m) + d with the gradient h of what goes into the activation; without q: a h."""
    cut(c, BLOCK)
    launch(pass_block, c, c.samples * c.blocks * c.chunks, 1, cost(c, 0.12 if c.g == NULL else 0.2))
    return 0


# -------------------------------------------------------------------------------------------------------- coefficients
#
# Arrays (samples, channels); what the passes need for every channel, also where channels share statistics.

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


cdef void set_backward(Channels* c, const double* inverse, double n, real* q, real* d) noexcept nogil:
    """dx = a g - inverse^3 (x - m) sum(gamma g (x - m)) / n - inverse sum(gamma g) / n"""
    cdef Py_ssize_t s, j
    cdef const double* first
    cdef const double* second
    for s in range(c.samples):
        first = c.first + s * c.blocks * c.channels
        second = c.second + s * c.blocks * c.channels
        for j in range(c.channels):
            q[j] = <real>(-inverse[j] * inverse[j] * inverse[j] / n * second[j])
            d[j] = <real>(-inverse[j] / n * first[j])
        inverse += c.channels
        q += c.channels
        d += c.channels


cdef void follow(const double* now, real* moving, double momentum, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef real old = <real>momentum
    cdef real new = <real>(1 - momentum)
    for j in range(n):
        moving[j] = moving[j] * old + <real>now[j] * new
