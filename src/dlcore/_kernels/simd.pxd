"""Reductions over contiguous memory (see simd.h). Sums come back in double; max and min pass NaN on, as NumPy's do."""

from dlcore._kernels.types cimport real

cdef extern from "simd.h" nogil:
    double dl_sum_f(const float*, Py_ssize_t) noexcept
    double dl_sum_d(const double*, Py_ssize_t) noexcept
    double dl_sumsq_f(const float*, Py_ssize_t) noexcept
    double dl_sumsq_d(const double*, Py_ssize_t) noexcept
    double dl_sumdev_f(const float*, float, Py_ssize_t) noexcept
    double dl_sumdev_d(const double*, double, Py_ssize_t) noexcept
    double dl_sumabs_f(const float*, Py_ssize_t) noexcept
    double dl_sumabs_d(const double*, Py_ssize_t) noexcept
    double dl_dot_f(const float*, const float*, Py_ssize_t) noexcept
    double dl_dot_d(const double*, const double*, Py_ssize_t) noexcept
    float dl_max_f(const float*, Py_ssize_t) noexcept
    double dl_max_d(const double*, Py_ssize_t) noexcept
    float dl_min_f(const float*, Py_ssize_t) noexcept
    double dl_min_d(const double*, Py_ssize_t) noexcept
    double dl_expsum_f(const float*, float, float*, Py_ssize_t) noexcept
    double dl_expsum_d(const double*, double, double*, Py_ssize_t) noexcept
    void dl_fetch(const void*, Py_ssize_t) noexcept
    void dl_fetch_to_write(const void*, Py_ssize_t) noexcept
    double dl_online_f(const float*, float*, Py_ssize_t, float*) noexcept
    double dl_online_d(const double*, double*, Py_ssize_t, double*) noexcept
    void dl_max_cols_f(const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_max_cols_d(const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_min_cols_f(const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_min_cols_d(const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_colsum_f(const float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_colsum_d(const double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, double*) noexcept


cdef inline double vsum(const real* x, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_sum_f(x, n)
    else:
        return dl_sum_d(x, n)


# sum of x^2
cdef inline double vsumsq(const real* x, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_sumsq_f(x, n)
    else:
        return dl_sumsq_d(x, n)


# sum of (x - c)^2
cdef inline double vsumdev(const real* x, real c, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_sumdev_f(x, c, n)
    else:
        return dl_sumdev_d(x, c, n)


cdef inline double vsumabs(const real* x, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_sumabs_f(x, n)
    else:
        return dl_sumabs_d(x, n)


cdef inline double vdot(const real* x, const real* y, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_dot_f(x, y, n)
    else:
        return dl_dot_d(x, y, n)


# -inf when n is 0
cdef inline real vmax(const real* x, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_max_f(x, n)
    else:
        return dl_max_d(x, n)


cdef inline real vmin(const real* x, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_min_f(x, n)
    else:
        return dl_min_d(x, n)


# out = exp(x - m); returns the sum of out. out may be x.
cdef inline double vexpsum(const real* x, real m, real* out, Py_ssize_t n) noexcept nogil:
    if real is float:
        return dl_expsum_f(x, m, out, n)
    else:
        return dl_expsum_d(x, m, out, n)


# sum of exp(x - m) where m is the maximum, which it sets; y = softmax of x unless it is NULL
cdef inline double vonline(const real* x, real* y, Py_ssize_t n, real* m) noexcept nogil:
    if real is float:
        return dl_online_f(x, y, n, m)
    else:
        return dl_online_d(x, y, n, m)


# acc[j] += sum over i of x[i * ld + j]; acc must not overlap x
cdef inline void vcolsum(const real* x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t ld, real* acc) noexcept nogil:
    if real is float:
        dl_colsum_f(x, rows, cols, ld, acc)
    else:
        dl_colsum_d(x, rows, cols, ld, acc)


# y[j] = the largest (or smallest) of y[j] and x[i * ld + j] over i; NaN wins; y must not overlap x
cdef inline void vextreme_cols(bint largest, const real* x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t ld, real* y) noexcept nogil:
    if real is float:
        if largest:
            dl_max_cols_f(x, rows, cols, ld, y)
        else:
            dl_min_cols_f(x, rows, cols, ld, y)
    elif largest:
        dl_max_cols_d(x, rows, cols, ld, y)
    else:
        dl_min_cols_d(x, rows, cols, ld, y)
