"""Pairs of sums in one pass over contiguous memory (see norm.h), in double."""

from dlcore._kernels.types cimport real

cdef extern from "norm.h" nogil:
    void dl_spread_f(const float*, const float*, const float*, float, Py_ssize_t, double*) noexcept
    void dl_spread_d(const double*, const double*, const double*, double, Py_ssize_t, double*) noexcept
    void dl_slope_f(const float*, const float*, const float*, float, Py_ssize_t, double*) noexcept
    void dl_slope_d(const double*, const double*, const double*, double, Py_ssize_t, double*) noexcept
    void dl_slope3_f(const float*, const float*, const float*, float, Py_ssize_t, double*) noexcept
    void dl_slope3_d(const double*, const double*, const double*, double, Py_ssize_t, double*) noexcept


# sums of x - c and of (x - c)^2
cdef inline void vspread(const real* x, real c, Py_ssize_t n, double* out) noexcept nogil:
    if real is float:
        dl_spread_f(x, x, x, c, n, out)
    else:
        dl_spread_d(x, x, x, c, n, out)


# sums of g z and of g z (x - c); z may be NULL: ones
cdef inline void vslope(const real* x, const real* g, const real* z, real c, Py_ssize_t n, double* out) noexcept nogil:
    if real is float:
        if z == NULL:
            dl_slope_f(x, g, g, c, n, out)
        else:
            dl_slope3_f(x, g, z, c, n, out)
    else:
        if z == NULL:
            dl_slope_d(x, g, g, c, n, out)
        else:
            dl_slope3_d(x, g, z, c, n, out)
