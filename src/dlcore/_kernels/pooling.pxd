"""Pooling of one window, and of rows of windows that lie side by side (see pooling.h)."""

from libc.stdint cimport int32_t, uint8_t

from dlcore._kernels.types cimport real

cdef extern from "pooling.h" nogil:
    ctypedef struct Window "dl_window":
        Py_ssize_t d, h, w              # cells of the window
        Py_ssize_t plane, row, c        # elements from one cell to the next along each axis
        Py_ssize_t kh, kw               # cell (i, j, l) has the position (i * kh + j) * kw + l

    ctypedef struct Cover "dl_cover":
        Py_ssize_t d, h, w              # windows that a cell is in
        Py_ssize_t plane, row, c
        const double* s0                # their shares
        const double* s1
        const double* s2

    void dl_max_pixel_f(const float*, const Window*, float*, char*, int) noexcept
    void dl_max_pixel_d(const double*, const Window*, double*, char*, int) noexcept
    void dl_unmax_pixel_f(const float*, const char*, int, const Window*, float*, bint) noexcept
    void dl_unmax_pixel_d(const double*, const char*, int, const Window*, double*, bint) noexcept
    void dl_mean_pixel_f(const float*, const Window*, float, float*) noexcept
    void dl_mean_pixel_d(const double*, const Window*, double, double*) noexcept
    void dl_unmean_pixel_f(const float*, const Window*, float, float*, bint) noexcept
    void dl_unmean_pixel_d(const double*, const Window*, double, double*, bint) noexcept
    void dl_unmean_gather_pixel_f(const float*, const Cover*, float*, bint) noexcept
    void dl_unmean_gather_pixel_d(const double*, const Cover*, double*, bint) noexcept
    void dl_max_line_f(const float*, const Window*, Py_ssize_t, Py_ssize_t, const Py_ssize_t*, float*, char*, int) noexcept
    void dl_mean_line_f(const float*, const Window*, Py_ssize_t, Py_ssize_t, const Py_ssize_t*, float, float*) noexcept
    void dl_share_line_f(float*, Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, float) noexcept
    void dl_unmax_scatter_f(const float*, const uint8_t*, const Py_ssize_t*, Py_ssize_t, float*) noexcept
    void dl_max_line_d(const double*, const Window*, Py_ssize_t, Py_ssize_t, const Py_ssize_t*, double*, char*, int) noexcept
    void dl_mean_line_d(const double*, const Window*, Py_ssize_t, Py_ssize_t, const Py_ssize_t*, double, double*) noexcept
    void dl_share_line_d(double*, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, double) noexcept
    void dl_unmax_scatter_d(const double*, const uint8_t*, const Py_ssize_t*, Py_ssize_t, double*) noexcept


# y = the maxima of the window's channels; `at`: their positions of `bytes` bytes each (1 or 4, 0 for none)
cdef inline void vmax_pixel(const real* x, const Window* a, real* y, char* at, int bytes) noexcept nogil:
    if real is float:
        dl_max_pixel_f(x, a, y, at, bytes)
    else:
        dl_max_pixel_d(x, a, y, at, bytes)


# dx = g where the maximum was, 0 elsewhere in the window; added if `add`
cdef inline void vunmax_pixel(const real* g, const char* at, int bytes, const Window* a, real* dx, bint add) noexcept nogil:
    if real is float:
        dl_unmax_pixel_f(g, at, bytes, a, dx, add)
    else:
        dl_unmax_pixel_d(g, at, bytes, a, dx, add)


# y = share * sum of the window
cdef inline void vmean_pixel(const real* x, const Window* a, double share, real* y) noexcept nogil:
    if real is float:
        dl_mean_pixel_f(x, a, <float>share, y)
    else:
        dl_mean_pixel_d(x, a, share, y)


cdef inline void vunmean_pixel(const real* g, const Window* a, double share, real* dx, bint add) noexcept nogil:
    if real is float:
        dl_unmean_pixel_f(g, a, <float>share, dx, add)
    else:
        dl_unmean_pixel_d(g, a, share, dx, add)


# one cell: the sum of share * g over the windows that it is in
cdef inline void vunmean_gather(const real* g, const Cover* a, real* dx, bint add) noexcept nogil:
    if real is float:
        dl_unmean_gather_pixel_f(g, a, dx, add)
    else:
        dl_unmean_gather_pixel_d(g, a, dx, add)


# n elements of y: the maxima of windows of kw cells side by side, `step` apart; element i begins at x[start[i]]
cdef inline void vmax_line(const real* x, const Window* a, Py_ssize_t n, Py_ssize_t step, const Py_ssize_t* start, real* y, char* at, int bytes) noexcept nogil:
    if real is float:
        dl_max_line_f(x, a, n, step, start, y, at, bytes)
    else:
        dl_max_line_d(x, a, n, step, start, y, at, bytes)


# the same with share * sum
cdef inline void vmean_line(const real* x, const Window* a, Py_ssize_t n, Py_ssize_t step, const Py_ssize_t* start, double share, real* y) noexcept nogil:
    if real is float:
        dl_mean_line_f(x, a, n, step, start, <float>share, y)
    else:
        dl_mean_line_d(x, a, n, step, start, share, y)


# one cell of each of n windows, `step` apart: x += share * y
cdef inline void vshare_line(real* x, Py_ssize_t n, Py_ssize_t step, Py_ssize_t c, const real* y, double share) noexcept nogil:
    if real is float:
        dl_share_line_f(x, n, step, c, y, <float>share)
    else:
        dl_share_line_d(x, n, step, c, y, share)


# x[off[at[k]] + k] += g[k] over the channels k of a window
cdef inline void vunmax_scatter(const real* g, const char* at, const Py_ssize_t* off, Py_ssize_t c, real* x) noexcept nogil:
    if real is float:
        dl_unmax_scatter_f(g, <const uint8_t*>at, off, c, x)
    else:
        dl_unmax_scatter_d(g, <const uint8_t*>at, off, c, x)
