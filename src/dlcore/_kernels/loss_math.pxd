"""The kernels of the losses: values and gradients of elements and of rows of classes.

Every literal in arithmetic is <real>: a bare 1 is a double in the C code too.
"""

from libc.stdint cimport int64_t

from dlcore._kernels.simd cimport vexpsum, vmax, vsum
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport abs_, exp_, log1p_, log_, sigmoid_

cdef enum Kind:
    SQUARED_ERROR
    ABSOLUTE_ERROR
    BINARY              # of probabilities
    BINARY_LOGITS

cdef enum:
    CHUNK = 1024        # elements computed at a time on the stack
    SHORT = 64          # rows shorter than this are exponentiated many at a time

# Keras' epsilon: probabilities are clipped to [EPS, 1 - EPS], and the gradient is zero where the clip acts.
cdef extern from *:
    """
    #define DL_EPS 1e-7
    """
    const double DL_EPS


# ------------------------------------------------------------------------------------- elements: t true, p predicted

cdef inline real squared_error(real t, real p, real a, real b) noexcept nogil:
    return (p - t) * (p - t)


cdef inline real squared_error_p(real t, real p, real a, real b) noexcept nogil:
    return <real>2 * (p - t)


cdef inline real absolute_error(real t, real p, real a, real b) noexcept nogil:
    return abs_(p - t)


cdef inline real absolute_error_p(real t, real p, real a, real b) noexcept nogil:
    cdef real d = p - t
    d = <real>1 if d > 0 else d
    return <real>-1 if d < 0 else d


# Labels are smoothed to t a + b.

cdef inline real clip(real p) noexcept nogil:
    p = <real>DL_EPS if p < <real>DL_EPS else p
    return <real>(1.0 - DL_EPS) if p > <real>(1.0 - DL_EPS) else p


cdef inline bint inside(real p) noexcept nogil:
    return p >= <real>DL_EPS and p <= <real>(1.0 - DL_EPS)


cdef inline real binary(real t, real p, real a, real b) noexcept nogil:
    t = t * a + b
    p = clip(p)
    return (t - <real>1) * log1p_(-p) - t * log_(p)


cdef inline real binary_p(real t, real p, real a, real b) noexcept nogil:
    cdef real q = clip(p)
    cdef real d = (q - (t * a + b)) / (q * (<real>1 - q))
    return 0 if p != q else d


cdef inline real binary_logits(real t, real x, real a, real b) noexcept nogil:
    return ((0 if x < 0 else x) - x * (t * a + b)) + log1p_(exp_(-abs_(x)))


cdef inline real binary_logits_p(real t, real x, real a, real b) noexcept nogil:
    return sigmoid_(x) - (t * a + b)


cdef inline void _map(real (*f)(real, real, real, real) noexcept nogil, const real* t, const real* p, real* y, Py_ssize_t n, real a, real b) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(t[i], p[i], a, b)


cdef inline kernel_void values(int kind, const real* t, const real* p, real* y, Py_ssize_t n, real a, real b) noexcept nogil:
    if kind == SQUARED_ERROR:
        _map[real](squared_error[real], t, p, y, n, a, b)
    elif kind == ABSOLUTE_ERROR:
        _map[real](absolute_error[real], t, p, y, n, a, b)
    elif kind == BINARY:
        _map[real](binary[real], t, p, y, n, a, b)
    else:
        _map[real](binary_logits[real], t, p, y, n, a, b)


cdef inline kernel_void slopes(int kind, const real* t, const real* p, real* y, Py_ssize_t n, real a, real b) noexcept nogil:
    if kind == SQUARED_ERROR:
        _map[real](squared_error_p[real], t, p, y, n, a, b)
    elif kind == ABSOLUTE_ERROR:
        _map[real](absolute_error_p[real], t, p, y, n, a, b)
    elif kind == BINARY:
        _map[real](binary_p[real], t, p, y, n, a, b)
    else:
        _map[real](binary_logits_p[real], t, p, y, n, a, b)


# ------------------------------------------------------------------------------------------------- rows of k classes

cdef inline real row_sum(const real* x, Py_ssize_t k) noexcept nogil:
    cdef real total = 0
    cdef Py_ssize_t j
    if k >= SHORT:
        return <real>vsum[real](x, k)
    for j in range(k):
        total += x[j]
    return total


# The maximum m of each row and s = log(sum(exp(x - m))): log softmax(x) is (x - m) - s.
cdef inline kernel_void log_sums(const real* x, real* m, real* s, Py_ssize_t k, Py_ssize_t rows) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t i, j, n, at
    cdef double total
    if k >= SHORT:
        for i in range(rows):
            m[i] = vmax[real](x + i * k, k)
            total = 0
            at = 0
            while at < k:
                n = min(<Py_ssize_t>CHUNK, k - at)
                total += vexpsum[real](x + i * k + at, m[i], e, n)
                at += n
            s[i] = <real>total
    else:
        at = 0
        while at < rows:
            n = min(rows - at, CHUNK // k)
            for i in range(n):
                m[at + i] = x[(at + i) * k]
                for j in range(1, k):
                    m[at + i] = x[(at + i) * k + j] if x[(at + i) * k + j] > m[at + i] else m[at + i]
                for j in range(k):
                    e[i * k + j] = x[(at + i) * k + j] - m[at + i]
            for j in range(n * k):
                e[j] = exp_(e[j])
            for i in range(n):
                s[at + i] = 0
                for j in range(k):
                    s[at + i] += e[i * k + j]
            at += n
    for i in range(rows):
        s[i] = log_(s[i])


# -sum_j t_j log softmax(x)_j of one row, labels smoothed to t a + b
cdef inline kernel_void soft_row(const real* t, const real* x, real m, real s, Py_ssize_t k, real a, real b, double* loss) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t j, n, at = 0
    loss[0] = 0
    while at < k:
        n = min(<Py_ssize_t>CHUNK, k - at)
        for j in range(n):
            e[j] = (t[at + j] * a + b) * ((x[at + j] - m) - s)
        loss[0] -= row_sum[real](e, n)
        at += n


# dx_j = c (softmax(x)_j sum(t) - t_j)
cdef inline kernel_void soft_row_bwd(const real* t, const real* x, real* dx, real m, real s, Py_ssize_t k, real a, real b, real c,
                                     bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    cdef real total = row_sum[real](t, k) * a + b * k
    if accumulate:
        for j in range(k):
            dx[j] += c * (exp_((x[j] - m) - s) * total - (t[j] * a + b))
    else:
        for j in range(k):
            dx[j] = c * (exp_((x[j] - m) - s) * total - (t[j] * a + b))


# -sum_j t_j log(clip(q_j)), q = p / sum(p)
cdef inline kernel_void probable_row(const real* t, const real* p, Py_ssize_t k, real a, real b, double* loss) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t j, n, at = 0
    cdef real total = row_sum[real](p, k)
    loss[0] = 0
    while at < k:
        n = min(<Py_ssize_t>CHUNK, k - at)
        for j in range(n):
            e[j] = (t[at + j] * a + b) * log_(clip(p[at + j] / total))
        loss[0] -= row_sum[real](e, n)
        at += n


# dp_j = c (sum_i t_i - t_j / q_j) / sum(p), both only where the clip lets q through
cdef inline kernel_void probable_row_bwd(const real* t, const real* p, real* dp, Py_ssize_t k, real a, real b, real c, bint accumulate) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t j, n, at = 0
    cdef double free = 0
    cdef real q, d, total = row_sum[real](p, k)
    while at < k:
        n = min(<Py_ssize_t>CHUNK, k - at)
        for j in range(n):
            q = p[at + j] / total
            d = t[at + j] * a + b
            e[j] = d if q == clip(q) else 0
        free += row_sum[real](e, n)
        at += n
    c = c / total
    for j in range(k):
        q = p[j] / total
        d = (t[j] * a + b) / q
        d = c * (<real>free - (d if q == clip(q) else 0))
        dp[j] = dp[j] + d if accumulate else d


# dx = c (softmax(x) - onehot(label)); a negative label: the row is ignored
cdef inline kernel_void hard_row_bwd(int64_t label, const real* x, real* dx, real m, real s, Py_ssize_t k, real c, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    if label >= 0 and accumulate:
        for j in range(k):
            dx[j] += c * exp_((x[j] - m) - s)
    elif label >= 0:
        for j in range(k):
            dx[j] = c * exp_((x[j] - m) - s)
    elif not accumulate:
        for j in range(k):
            dx[j] = 0
    if label >= 0:
        dx[label] -= c


# The same from probabilities p, q = p / sum(p): dp_j = c (1 - [j = label] / q_j) / sum(p) where the clip lets q_label through
cdef inline kernel_void chosen_row_bwd(int64_t label, const real* p, real* dp, Py_ssize_t k, real c, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    cdef real q, total
    if label >= 0:
        total = row_sum[real](p, k)
        q = p[label] / total
        c = c / total
    if label < 0 or q != clip(q):
        c = 0
        q = 1
    if not accumulate:
        for j in range(k):
            dp[j] = c
    elif c != 0:
        for j in range(k):
            dp[j] += c
    if label >= 0:
        dp[label] -= c / q


# ------------------------------------------------------------------------------------------------- blocks of rows

cdef struct Ctx:
    bint f64
    int kind
    bint logits
    bint none                   # no reduction
    bint accumulate
    Py_ssize_t k                # numbers per row
    Py_ssize_t block            # rows per block
    char* t
    char* p
    char* w                     # (rows), or NULL
    char* out                   # (rows), without reduction
    char* m                     # (rows), from logits: maximum and
    char* s                     # (rows)  log of the sum of exponentials
    char* g                     # gradient of the result: (rows) without reduction, else a scalar
    char* d                     # gradient to write
    int64_t* labels             # (rows)
    double* partial             # one sum per block
    double a, b                 # labels are smoothed to t a + b
    double scale                # factor of every row


cdef inline void finish_row(Ctx* c, Py_ssize_t i, double loss, double* total) noexcept nogil:
    if c.w != NULL:
        loss *= (<double*>c.w)[i] if c.f64 else (<float*>c.w)[i]
    if not c.none:
        total[0] += loss
    elif c.f64:
        (<double*>c.out)[i] = loss
    else:
        (<float*>c.out)[i] = <float>loss


cdef inline double row_factor(Ctx* c, Py_ssize_t i) noexcept nogil:
    cdef double f = c.scale
    if c.none:
        f *= (<double*>c.g)[i] if c.f64 else (<float*>c.g)[i]
    if c.w != NULL:
        f *= (<double*>c.w)[i] if c.f64 else (<float*>c.w)[i]
    return f


cdef inline void pointwise(Ctx* c, const real* t, const real* p, const real* w, real* out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t i, j, n, at
    cdef double loss, total = 0
    if c.k == 1 or not c.none and w == NULL:
        at = begin * c.k
        while at < end * c.k:
            n = min(<Py_ssize_t>CHUNK, end * c.k - at)
            values[real](c.kind, t + at, p + at, e, n, <real>c.a, <real>c.b)
            if w != NULL:
                for j in range(n):
                    e[j] *= w[at + j]
            if c.none:
                for j in range(n):
                    out[at + j] = e[j]
            else:
                total += vsum[real](e, n)
            at += n
        total *= c.scale
    else:
        for i in range(begin, end):
            loss = 0
            at = i * c.k
            while at < (i + 1) * c.k:
                n = min(<Py_ssize_t>CHUNK, (i + 1) * c.k - at)
                values[real](c.kind, t + at, p + at, e, n, <real>c.a, <real>c.b)
                loss += vsum[real](e, n)
                at += n
            finish_row(c, i, loss * c.scale, &total)
    if not c.none:
        c.partial[begin // c.block] = total


cdef inline void pointwise_bwd(Ctx* c, const real* t, const real* p, real* d, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t i, j, n, at = begin * c.k
    cdef bint uniform = not c.none and c.w == NULL
    cdef real f = <real>c.scale
    while at < end * c.k:
        n = min(<Py_ssize_t>CHUNK, end * c.k - at)
        slopes[real](c.kind, t + at, p + at, e, n, <real>c.a, <real>c.b)
        if uniform:
            for j in range(n):
                e[j] *= f
        else:
            i = at // c.k
            f = <real>row_factor(c, i)
            for j in range(n):
                if at + j == (i + 1) * c.k:
                    i += 1
                    f = <real>row_factor(c, i)
                e[j] *= f
        if c.accumulate:
            for j in range(n):
                d[at + j] += e[j]
        else:
            for j in range(n):
                d[at + j] = e[j]
        at += n


# ------------------------------------------------------------------------------------------------------- over classes

# Where backward will not run, maximum and sum of the rows are kept only while a group of rows is summed up.

cdef inline void classes(Ctx* c, const real* t, const real* p, real* kept_m, real* kept_s, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real room_m[64]
    cdef real room_s[64]
    cdef real* m
    cdef real* s
    cdef Py_ssize_t i, j, n, k = c.k
    cdef Py_ssize_t number = begin // c.block
    cdef double loss, total = 0
    while begin < end:
        n = min(<Py_ssize_t>64, end - begin)
        m = &room_m[0] if kept_m == NULL else kept_m + begin
        s = &room_s[0] if kept_s == NULL else kept_s + begin
        if c.logits:
            log_sums[real](p + begin * k, m, s, k, n)
        for i in range(n):
            j = begin + i
            if c.labels == NULL:
                if c.logits:
                    soft_row[real](t + j * k, p + j * k, m[i], s[i], k, <real>c.a, <real>c.b, &loss)
                else:
                    probable_row[real](t + j * k, p + j * k, k, <real>c.a, <real>c.b, &loss)
            elif c.labels[j] < 0:
                loss = 0
            elif c.logits:
                loss = s[i] - (p[j * k + c.labels[j]] - m[i])
            else:
                loss = -log_(clip[real](p[j * k + c.labels[j]] / row_sum[real](p + j * k, k)))
            finish_row(c, j, loss * c.scale, &total)
        begin += n
    if not c.none:
        c.partial[number] = total


cdef inline void classes_bwd(Ctx* c, const real* t, const real* p, const real* m, const real* s, real* d, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, k = c.k
    cdef real f
    for i in range(begin, end):
        f = <real>row_factor(c, i)
        at = i * k
        if c.labels != NULL:
            if c.logits:
                hard_row_bwd[real](c.labels[i], p + at, d + at, m[i], s[i], k, f, c.accumulate)
            else:
                chosen_row_bwd[real](c.labels[i], p + at, d + at, k, f, c.accumulate)
        elif c.logits:
            soft_row_bwd[real](t + at, p + at, d + at, m[i], s[i], k, <real>c.a, <real>c.b, f, c.accumulate)
        else:
            probable_row_bwd[real](t + at, p + at, d + at, k, <real>c.a, <real>c.b, f, c.accumulate)
