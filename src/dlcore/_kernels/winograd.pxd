"""Winograd's algorithm for convolutions with kernels of 3x3, 5x5, 1x3 and 1x5, stride 1, float32 (see winograd.h).

NaN and infinity in x reach every output of the tiles that read them: up to 3 pixels further than by the definition.
"""

from dlcore._kernels.tensor cimport Tensor

cdef extern from "winograd.h":
    ctypedef struct dl_winograd:
        Py_ssize_t n, h, w, c, oh, ow, k, top, left, r, rows
        const float* x
        const float* mask
        const float* weights
        int turned
        float* y
        int pools
        unsigned char* places
        const float* bias
        const float* scale
        int relu, add
        void (*finish)(void* ctx, void* y, Py_ssize_t n) noexcept nogil
        void* ctx
        const float* g
        const float* gmask
        Py_ssize_t m, mv, th, tw, matrices, seg, nseg, segments, per, cp, panels, ev, eh, plane_v, plane_m, plane_u
        int streams

# Whether it is faster than the direct way, by shape only: the convolution and its gradient by the kernel.
cdef bint winograd_pays(const dl_winograd* p) noexcept nogil

# y = relu(scale * (x conv weights) + bias)
cdef int winograd_convolve(dl_winograd* p, float* u) except -1

# With few tiles (a single image) the transform of the kernel takes as long as the products: of a variable it is kept, and its `u` given to
# winograd_convolve. None: there are many tiles, or the kernel is large; then u must be NULL.
cdef class Prepared:
    cdef object ref
    cdef long long seen             # `writes()` when the variable was looked at last
    cdef dl_winograd p
    cdef Tensor kernel
    cdef Tensor u

cdef Prepared winograd_prepare(Tensor w, const dl_winograd* p)

# y (rows, r, c, k) = the gradient by the kernel; and if it is not NULL, `bias` that by the bias
cdef int winograd_weight_gradient(dl_winograd* p, float* bias, bint add_bias) except -1
