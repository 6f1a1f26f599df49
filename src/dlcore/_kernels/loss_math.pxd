"""The kernels of the losses over classes: values and gradients of rows.

Every literal in arithmetic is <real>: a bare 1 is a double in the C code too.
"""

from libc.stdint cimport int64_t

from dlcore._kernels.loss_base cimport CHUNK, Ctx, finish_row, row_factor
from dlcore._kernels.pointwise_math cimport clip
from dlcore._kernels.simd cimport vexpsum, vmax, vsum
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport exp_, log_, pow_

cdef enum:
    GENERALIZED = 1     # a kind: (1 - p_label^c) / c, not the cross-entropy
    SHORT = 64          # rows shorter than this are exponentiated many at a time


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


# dt_j = -c a log(q_j), q from logits or from probabilities
cdef inline kernel_void true_row_bwd(const real* p, real* dt, real m, real s, Py_ssize_t k, real a, real c, bint logits, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    cdef real v, total = 1 if logits else row_sum[real](p, k)
    for j in range(k):
        v = ((p[j] - m) - s) if logits else log_(clip(p[j] / total))
        v *= -c * a
        dt[j] = dt[j] + v if accumulate else v


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


# (1 - p_label^e) / e
cdef inline real generalized(real p, real e) noexcept nogil:
    return (<real>1 - pow_(p, e)) / e


cdef inline kernel_void generalized_row_bwd(int64_t label, const real* p, real* dp, Py_ssize_t k, real c, real e, bint accumulate) noexcept nogil:
    cdef Py_ssize_t j
    if not accumulate:
        for j in range(k):
            dp[j] = 0
    dp[label] -= c * pow_(p[label], e - <real>1)


# ---------------------------------------------------------------------------------------------------- blocks of rows

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
                    soft_row[real](t + j * k, p + j * k, m[i], s[i], k, <real>c.par.a, <real>c.par.b, &loss)
                else:
                    probable_row[real](t + j * k, p + j * k, k, <real>c.par.a, <real>c.par.b, &loss)
            elif c.labels[j] < 0:
                loss = 0
            elif c.kind == GENERALIZED:
                loss = generalized[real](p[j * k + c.labels[j]], <real>c.par.c)
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
            if c.kind == GENERALIZED:
                generalized_row_bwd[real](c.labels[i], p + at, d + at, k, f, <real>c.par.c, c.accumulate)
            elif c.logits:
                hard_row_bwd[real](c.labels[i], p + at, d + at, m[i], s[i], k, f, c.accumulate)
            else:
                chosen_row_bwd[real](c.labels[i], p + at, d + at, k, f, c.accumulate)
        elif c.into_true:
            true_row_bwd[real](p + at, d + at, 0 if m == NULL else m[i], 0 if s == NULL else s[i], k, <real>c.par.a, f, c.logits, c.accumulate)
        elif c.logits:
            soft_row_bwd[real](t + at, p + at, d + at, m[i], s[i], k, <real>c.par.a, <real>c.par.b, f, c.accumulate)
        else:
            probable_row_bwd[real](t + at, p + at, d + at, k, <real>c.par.a, <real>c.par.b, f, c.accumulate)
