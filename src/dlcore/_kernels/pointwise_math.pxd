"""Losses that are a mean or sum of f(t, p) over pairs of numbers, true and predicted: values and slopes.

A loss is a kind, its f, the slope of f in p, and the slope in t unless it is the same with the other sign. Every literal
in arithmetic is <real>: a bare 1 is a double in the C code too.
"""

from dlcore._kernels.loss_base cimport CHUNK, DL_EPS, Ctx, Par, finish_row, row_factor
from dlcore._kernels.simd cimport vsum
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport abs_, exp_, log1p_, log_, pow_, sigmoid_, tanh_

cdef enum Kind:
    SQUARED_ERROR
    ABSOLUTE_ERROR
    HUBER
    LOG_COSH
    DIFFERENCES         # the kinds above depend on p - t
    PERCENTAGE_ERROR
    SQUARED_LOG_ERROR
    POISSON
    DIVERGENCE          # of Kullback and Leibler
    HINGE
    SQUARED_HINGE
    BINARY              # cross-entropy of probabilities
    BINARY_LOGITS
    FOCAL               # the same with the factor (1 - p_t)^c
    FOCAL_LOGITS
    FOCAL_2             # c = 2
    FOCAL_2_LOGITS


# ------------------------------------------------------------------------------------------------------- differences

cdef inline real squared_error(real t, real p, Par q) noexcept nogil:
    return (p - t) * (p - t)


cdef inline real squared_error_p(real t, real p, Par q) noexcept nogil:
    return <real>2 * (p - t)


cdef inline real absolute_error(real t, real p, Par q) noexcept nogil:
    return abs_(p - t)


# NaN stays NaN.
cdef inline real sign(real x) noexcept nogil:
    x = <real>1 if x > 0 else x
    return <real>-1 if x < 0 else x


cdef inline real absolute_error_p(real t, real p, Par q) noexcept nogil:
    return sign(p - t)


cdef inline real huber(real t, real p, Par q) noexcept nogil:
    cdef real x = abs_(p - t)
    cdef real outer = <real>q.c * x - <real>0.5 * <real>q.c * <real>q.c
    cdef real inner = <real>0.5 * x * x
    return inner if x <= <real>q.c else outer


cdef inline real huber_p(real t, real p, Par q) noexcept nogil:
    cdef real x = p - t
    cdef real outer = <real>q.c * sign(x)
    return x if abs_(x) <= <real>q.c else outer


# log(cosh(x)) = |x| + log(1 + exp(-2 |x|)) - log(2)
cdef inline real log_cosh(real t, real p, Par q) noexcept nogil:
    cdef real x = abs_(p - t)
    return x + (log1p_(exp_(<real>-2 * x)) - <real>0.6931471805599453)


cdef inline real log_cosh_p(real t, real p, Par q) noexcept nogil:
    return tanh_(p - t)


# -------------------------------------------------------------------------------------------------- of other numbers

cdef inline real at_least(real x, real low) noexcept nogil:
    return low if x < low else x


# The slope of max(x, low): both sides have a half of it where they are equal.
cdef inline real above(real x, real low) noexcept nogil:
    cdef real s = <real>0.5 if x == low else <real>1
    return 0 if x < low else s


# |t - p| / max(|t|, EPS)
cdef inline real percentage_error(real t, real p, Par q) noexcept nogil:
    return abs_((t - p) / at_least(abs_(t), <real>DL_EPS))


cdef inline real percentage_error_p(real t, real p, Par q) noexcept nogil:
    return sign(p - t) / at_least(abs_(t), <real>DL_EPS)


cdef inline real percentage_error_t(real t, real p, Par q) noexcept nogil:
    cdef real m = at_least(abs_(t), <real>DL_EPS)
    return (sign(t - p) - abs_(t - p) / m * above(abs_(t), <real>DL_EPS) * sign(t)) / m


# (log(1 + max(p, EPS)) - log(1 + max(t, EPS)))^2; 1 + EPS is rounded, as Keras does
cdef inline real log_of(real x) noexcept nogil:
    return log_(at_least(x, <real>DL_EPS) + <real>1)


cdef inline real log_of_p(real x) noexcept nogil:
    return above(x, <real>DL_EPS) / (at_least(x, <real>DL_EPS) + <real>1)


cdef inline real squared_log_error(real t, real p, Par q) noexcept nogil:
    cdef real d = log_of(p) - log_of(t)
    return d * d


cdef inline real squared_log_error_p(real t, real p, Par q) noexcept nogil:
    return <real>2 * (log_of(p) - log_of(t)) * log_of_p(p)


cdef inline real squared_log_error_t(real t, real p, Par q) noexcept nogil:
    return <real>2 * (log_of(t) - log_of(p)) * log_of_p(t)


cdef inline real poisson(real t, real p, Par q) noexcept nogil:
    return p - t * log_(p + <real>DL_EPS)


cdef inline real poisson_p(real t, real p, Par q) noexcept nogil:
    return <real>1 - t / (p + <real>DL_EPS)


cdef inline real poisson_t(real t, real p, Par q) noexcept nogil:
    return -log_(p + <real>DL_EPS)


# t log(t / p), both clipped to [EPS, 1]
cdef inline real clip_to_one(real x) noexcept nogil:
    x = at_least(x, <real>DL_EPS)
    return <real>1 if x > <real>1 else x


cdef inline real divergence(real t, real p, Par q) noexcept nogil:
    t = clip_to_one(t)
    return t * log_(t / clip_to_one(p))


cdef inline real divergence_p(real t, real p, Par q) noexcept nogil:
    cdef real d = -clip_to_one(t) / clip_to_one(p)
    return d if p == clip_to_one(p) else 0


cdef inline real divergence_t(real t, real p, Par q) noexcept nogil:
    cdef real d = log_(clip_to_one(t) / clip_to_one(p)) + <real>1
    return d if t == clip_to_one(t) else 0


# max(1 - (t a + b) p, 0): labels 0 and 1 are used as -1 and 1
cdef inline real margin(real t, real p, Par q) noexcept nogil:
    return <real>1 - (t * <real>q.a + <real>q.b) * p


cdef inline real hinge(real t, real p, Par q) noexcept nogil:
    return at_least(margin(t, p, q), <real>0)


cdef inline real hinge_p(real t, real p, Par q) noexcept nogil:
    return -(t * <real>q.a + <real>q.b) * above(margin(t, p, q), <real>0)


cdef inline real hinge_t(real t, real p, Par q) noexcept nogil:
    return -<real>q.a * p * above(margin(t, p, q), <real>0)


cdef inline real squared_hinge(real t, real p, Par q) noexcept nogil:
    return hinge(t, p, q) * hinge(t, p, q)


cdef inline real squared_hinge_p(real t, real p, Par q) noexcept nogil:
    return <real>-2 * (t * <real>q.a + <real>q.b) * hinge(t, p, q)


cdef inline real squared_hinge_t(real t, real p, Par q) noexcept nogil:
    return <real>-2 * <real>q.a * p * hinge(t, p, q)


# ---------------------------------------------------------------------------------------------- binary cross-entropy

# Probabilities are clipped to [EPS, 1 - EPS]; the slope is zero where the clip acts.
cdef inline real clip(real p) noexcept nogil:
    p = <real>DL_EPS if p < <real>DL_EPS else p
    return <real>(1.0 - DL_EPS) if p > <real>(1.0 - DL_EPS) else p


cdef inline real binary(real t, real p, Par q) noexcept nogil:
    t = t * <real>q.a + <real>q.b
    p = clip(p)
    return (t - <real>1) * log1p_(-p) - t * log_(p)


cdef inline real binary_p(real t, real p, Par q) noexcept nogil:
    cdef real s = clip(p)
    cdef real d = (s - (t * <real>q.a + <real>q.b)) / (s * (<real>1 - s))
    return 0 if p != s else d


cdef inline real binary_t(real t, real p, Par q) noexcept nogil:
    p = clip(p)
    return <real>q.a * (log1p_(-p) - log_(p))


cdef inline real binary_logits(real t, real x, Par q) noexcept nogil:
    return ((0 if x < 0 else x) - x * (t * <real>q.a + <real>q.b)) + log1p_(exp_(-abs_(x)))


cdef inline real binary_logits_p(real t, real x, Par q) noexcept nogil:
    return sigmoid_(x) - (t * <real>q.a + <real>q.b)


cdef inline real binary_logits_t(real t, real x, Par q) noexcept nogil:
    return -<real>q.a * x


# With p_t = t p + (1 - t) (1 - p), the probability of the label: (t u + v) (1 - p_t)^c times the cross-entropy.
# The first factor is not clipped. Functions with _2 are those for c = 2, which need no power.

cdef inline real miss(real t, real p) noexcept nogil:
    return <real>1 - (t * p + (<real>1 - t) * (<real>1 - p))


cdef inline real focal(real t, real p, Par q) noexcept nogil:
    cdef real s = t * <real>q.a + <real>q.b
    return (s * <real>q.u + <real>q.v) * pow_(miss(s, p), <real>q.c) * binary(t, p, q)


cdef inline real focal_p(real t, real p, Par q) noexcept nogil:
    cdef real s = t * <real>q.a + <real>q.b
    cdef real m = miss(s, p)
    # 0 for c = 0, also where m is 0
    cdef real d = 0 if q.c == 0 else <real>q.c * pow_(m, <real>q.c - <real>1) * (<real>1 - <real>2 * s)
    return (s * <real>q.u + <real>q.v) * (d * binary(t, p, q) + pow_(m, <real>q.c) * binary_p(t, p, q))


cdef inline real focal_2(real t, real p, Par q) noexcept nogil:
    cdef real s = t * <real>q.a + <real>q.b
    cdef real m = miss(s, p)
    return (s * <real>q.u + <real>q.v) * (m * m) * binary(t, p, q)


cdef inline real focal_2_p(real t, real p, Par q) noexcept nogil:
    cdef real s = t * <real>q.a + <real>q.b
    cdef real m = miss(s, p)
    return (s * <real>q.u + <real>q.v) * m * (<real>2 * (<real>1 - <real>2 * s) * binary(t, p, q) + m * binary_p(t, p, q))


cdef inline real focal_logits(real t, real x, Par q) noexcept nogil:
    return focal(t, sigmoid_(x), q)


cdef inline real focal_logits_p(real t, real x, Par q) noexcept nogil:
    cdef real p = sigmoid_(x)
    return focal_p(t, p, q) * p * (<real>1 - p)


cdef inline real focal_2_logits(real t, real x, Par q) noexcept nogil:
    return focal_2(t, sigmoid_(x), q)


cdef inline real focal_2_logits_p(real t, real x, Par q) noexcept nogil:
    cdef real p = sigmoid_(x)
    return focal_2_p(t, p, q) * p * (<real>1 - p)


# ------------------------------------------------------------------------------------------------------------ arrays

cdef inline void _map(real (*f)(real, real, Par) noexcept nogil, const real* t, const real* p, real* y, Py_ssize_t n, Par q) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(t[i], p[i], q)


cdef inline kernel_void values(int kind, const real* t, const real* p, real* y, Py_ssize_t n, Par q) noexcept nogil:
    if kind == SQUARED_ERROR:
        _map[real](squared_error[real], t, p, y, n, q)
    elif kind == ABSOLUTE_ERROR:
        _map[real](absolute_error[real], t, p, y, n, q)
    elif kind == HUBER:
        _map[real](huber[real], t, p, y, n, q)
    elif kind == LOG_COSH:
        _map[real](log_cosh[real], t, p, y, n, q)
    elif kind == PERCENTAGE_ERROR:
        _map[real](percentage_error[real], t, p, y, n, q)
    elif kind == SQUARED_LOG_ERROR:
        _map[real](squared_log_error[real], t, p, y, n, q)
    elif kind == POISSON:
        _map[real](poisson[real], t, p, y, n, q)
    elif kind == DIVERGENCE:
        _map[real](divergence[real], t, p, y, n, q)
    elif kind == HINGE:
        _map[real](hinge[real], t, p, y, n, q)
    elif kind == SQUARED_HINGE:
        _map[real](squared_hinge[real], t, p, y, n, q)
    elif kind == BINARY:
        _map[real](binary[real], t, p, y, n, q)
    elif kind == BINARY_LOGITS:
        _map[real](binary_logits[real], t, p, y, n, q)
    elif kind == FOCAL:
        _map[real](focal[real], t, p, y, n, q)
    elif kind == FOCAL_LOGITS:
        _map[real](focal_logits[real], t, p, y, n, q)
    elif kind == FOCAL_2:
        _map[real](focal_2[real], t, p, y, n, q)
    else:
        _map[real](focal_2_logits[real], t, p, y, n, q)


cdef inline kernel_void slopes(int kind, const real* t, const real* p, real* y, Py_ssize_t n, Par q) noexcept nogil:
    if kind == SQUARED_ERROR:
        _map[real](squared_error_p[real], t, p, y, n, q)
    elif kind == ABSOLUTE_ERROR:
        _map[real](absolute_error_p[real], t, p, y, n, q)
    elif kind == HUBER:
        _map[real](huber_p[real], t, p, y, n, q)
    elif kind == LOG_COSH:
        _map[real](log_cosh_p[real], t, p, y, n, q)
    elif kind == PERCENTAGE_ERROR:
        _map[real](percentage_error_p[real], t, p, y, n, q)
    elif kind == SQUARED_LOG_ERROR:
        _map[real](squared_log_error_p[real], t, p, y, n, q)
    elif kind == POISSON:
        _map[real](poisson_p[real], t, p, y, n, q)
    elif kind == DIVERGENCE:
        _map[real](divergence_p[real], t, p, y, n, q)
    elif kind == HINGE:
        _map[real](hinge_p[real], t, p, y, n, q)
    elif kind == SQUARED_HINGE:
        _map[real](squared_hinge_p[real], t, p, y, n, q)
    elif kind == BINARY:
        _map[real](binary_p[real], t, p, y, n, q)
    elif kind == BINARY_LOGITS:
        _map[real](binary_logits_p[real], t, p, y, n, q)
    elif kind == FOCAL:
        _map[real](focal_p[real], t, p, y, n, q)
    elif kind == FOCAL_LOGITS:
        _map[real](focal_logits_p[real], t, p, y, n, q)
    elif kind == FOCAL_2:
        _map[real](focal_2_p[real], t, p, y, n, q)
    else:
        _map[real](focal_2_logits_p[real], t, p, y, n, q)


# For differences the slope in p: who calls changes the sign. The focal losses have none.
cdef inline kernel_void slopes_true(int kind, const real* t, const real* p, real* y, Py_ssize_t n, Par q) noexcept nogil:
    if kind == PERCENTAGE_ERROR:
        _map[real](percentage_error_t[real], t, p, y, n, q)
    elif kind == SQUARED_LOG_ERROR:
        _map[real](squared_log_error_t[real], t, p, y, n, q)
    elif kind == POISSON:
        _map[real](poisson_t[real], t, p, y, n, q)
    elif kind == DIVERGENCE:
        _map[real](divergence_t[real], t, p, y, n, q)
    elif kind == HINGE:
        _map[real](hinge_t[real], t, p, y, n, q)
    elif kind == SQUARED_HINGE:
        _map[real](squared_hinge_t[real], t, p, y, n, q)
    elif kind == BINARY:
        _map[real](binary_t[real], t, p, y, n, q)
    elif kind == BINARY_LOGITS:
        _map[real](binary_logits_t[real], t, p, y, n, q)


# ---------------------------------------------------------------------------------------------------- blocks of rows

cdef inline void pointwise(Ctx* c, const real* t, const real* p, const real* w, real* out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t i, j, n, at
    cdef double loss, total = 0
    if c.k == 1 or not c.none and w == NULL:
        at = begin * c.k
        while at < end * c.k:
            n = min(<Py_ssize_t>CHUNK, end * c.k - at)
            values[real](c.kind, t + at, p + at, e, n, c.par)
            if w != NULL:
                for j in range(n):
                    e[j] *= w[at + j]
            if c.none:
                for j in range(n):
                    out[at + j] = e[j] * <real>c.scale
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
                values[real](c.kind, t + at, p + at, e, n, c.par)
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
        if c.into_true and c.kind > DIFFERENCES:
            slopes_true[real](c.kind, t + at, p + at, e, n, c.par)
        else:
            slopes[real](c.kind, t + at, p + at, e, n, c.par)
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
