"""Pairs of sums in one pass over contiguous memory (see norm.h), in double."""

from dlcore._kernels.types cimport real

cdef extern from "norm.h" nogil:
    void dl_spread_f(const float*, const float*, const float*, float, Py_ssize_t, double*, Py_ssize_t, float*) noexcept
    void dl_spread_d(const double*, const double*, const double*, double, Py_ssize_t, double*, Py_ssize_t, double*) noexcept
    void dl_slope_f(const float*, const float*, const float*, float, Py_ssize_t, double*, Py_ssize_t, float*) noexcept
    void dl_slope_d(const double*, const double*, const double*, double, Py_ssize_t, double*, Py_ssize_t, double*) noexcept
    void dl_slope3_f(const float*, const float*, const float*, float, Py_ssize_t, double*, Py_ssize_t, float*) noexcept
    void dl_slope3_d(const double*, const double*, const double*, double, Py_ssize_t, double*, Py_ssize_t, double*) noexcept
    void dl_two_rows_f(const float*, const float*, const float*, const float*, const float*, const float*, const float*,
                       float*, float*, float*, Py_ssize_t) noexcept
    void dl_two_rows_d(const double*, const double*, const double*, const double*, const double*, const double*, const double*,
                       double*, double*, double*, Py_ssize_t) noexcept


# sums of x - c and of (x - c)^2
cdef inline void vspread(const real* x, real c, Py_ssize_t n, double* out) noexcept nogil:
    if real is float:
        dl_spread_f(x, x, x, c, n, out, 0, NULL)
    else:
        dl_spread_d(x, x, x, c, n, out, 0, NULL)


# sums of g z and of g z (x - c); z may be NULL: ones
cdef inline void vslope(const real* x, const real* g, const real* z, real c, Py_ssize_t n, double* out) noexcept nogil:
    if real is float:
        if z == NULL:
            dl_slope_f(x, g, g, c, n, out, 0, NULL)
        else:
            dl_slope3_f(x, g, z, c, n, out, 0, NULL)
    else:
        if z == NULL:
            dl_slope_d(x, g, g, c, n, out, 0, NULL)
        else:
            dl_slope3_d(x, g, z, c, n, out, 0, NULL)


# the same; fetches the n elements of x and g that lie `ahead`, unless that is 0, and as many at `next`, to be written
cdef inline void vspread_ahead(const real* x, real c, Py_ssize_t n, double* out, Py_ssize_t ahead, real* next) noexcept nogil:
    if real is float:
        dl_spread_f(x, x, x, c, n, out, ahead, next)
    else:
        dl_spread_d(x, x, x, c, n, out, ahead, next)


cdef inline void vslope_ahead(const real* x, const real* g, const real* z, real c, Py_ssize_t n, double* out, Py_ssize_t ahead, real* next) noexcept nogil:
    if real is float:
        if z == NULL:
            dl_slope_f(x, g, g, c, n, out, ahead, next)
        else:
            dl_slope3_f(x, g, z, c, n, out, ahead, next)
    else:
        if z == NULL:
            dl_slope_d(x, g, g, c, n, out, ahead, next)
        else:
            dl_slope3_d(x, g, z, c, n, out, ahead, next)
