"""Sums and extremes of many short rows at once (see narrow.h): for rows of less than NARROW elements."""

from dlcore._kernels.types cimport real

cdef enum:
    NARROW = 128            # longer rows are worth a sum of their own (and float sums of this length need no double)
    SLACK = 16              # elements that vrepeat may write beyond the end

cdef extern from "narrow.h" nogil:
    void dl_rows_max_f(const float*, const float*, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_rows_max_d(const double*, const double*, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_rows_min_f(const float*, const float*, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_rows_sum_f(const float*, const float*, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_rows_min_d(const double*, const double*, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_rows_sum_d(const double*, const double*, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_rows_dot_f(const float*, const float*, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_rows_dot_d(const double*, const double*, Py_ssize_t, Py_ssize_t, double*) noexcept
    void dl_expdiff_f(const float*, const float*, float*, Py_ssize_t, float*) noexcept
    void dl_expdiff_d(const double*, const double*, double*, Py_ssize_t, double*) noexcept
    void dl_repeat_f(const float*, Py_ssize_t, Py_ssize_t, float*) noexcept
    void dl_repeat_d(const double*, Py_ssize_t, Py_ssize_t, double*) noexcept


# the largest of every row; NaN may get lost
cdef inline void vrows_max(const real* x, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    if real is float:
        dl_rows_max_f(x, x, k, rows, out)
    else:
        dl_rows_max_d(x, x, k, rows, out)


cdef inline void vrows_min(const real* x, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    if real is float:
        dl_rows_min_f(x, x, k, rows, out)
    else:
        dl_rows_min_d(x, x, k, rows, out)


cdef inline void vrows_sum(const real* x, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    if real is float:
        dl_rows_sum_f(x, x, k, rows, out)
    else:
        dl_rows_sum_d(x, x, k, rows, out)


# sums of x y
cdef inline void vrows_dot(const real* x, const real* y, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    if real is float:
        dl_rows_dot_f(x, y, k, rows, out)
    else:
        dl_rows_dot_d(x, y, k, rows, out)


# out[i, j] = v[i] for j < k; SLACK elements more are written
cdef inline void vrepeat(const real* v, Py_ssize_t k, Py_ssize_t rows, real* out) noexcept nogil:
    if real is float:
        dl_repeat_f(v, k, rows, out)
    else:
        dl_repeat_d(v, k, rows, out)


# y = exp(x - m) for n elements; fetches the n of x behind them, and n at `next`, to be written
cdef inline void vexpdiff(const real* x, const real* m, real* y, Py_ssize_t n, real* next) noexcept nogil:
    if real is float:
        dl_expdiff_f(x, m, y, n, next)
    else:
        dl_expdiff_d(x, m, y, n, next)
