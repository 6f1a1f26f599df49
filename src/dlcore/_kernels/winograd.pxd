"""Winograd's algorithm for convolutions with kernels of 3x3 and 5x5, stride 1, float32 (see winograd.h).

NaN and infinity in x reach every output of the tiles that read them (up to 3 pixels further than by the definition).
"""

# A convolution over x (n, h, w, c) with a kernel (r, r, c, k): y is (n, oh, ow, k), and y[0, 0] reads x from -top, -left on.
cdef struct Conv2D:
    Py_ssize_t n, h, w, c, oh, ow, k, top, left, r

# Whether it is faster than the direct way, by shape only; of the convolution, of its gradient by the kernel, and with x and y
# exchanged of that by x.
cdef bint winograd_pays(const Conv2D* s) noexcept nogil

# y = act(x * w + bias) (bias may be NULL). If z is not NULL it receives what goes into the activation. If `add`, the result
# is added to y (without activation). If `turned`, w is (r, r, k, c) and the convolution is the gradient by the input of the one
# that w belongs to: x is its output's gradient, y its input's, top and left are r - 1 minus its own.
cdef int winograd_convolve(const Conv2D* s, const float* x, const float* w, bint turned, const float* bias, int code, const double* params,
                           float* z, float* y, bint add) except -1

# dw (+)= the gradient by the kernel, where dz is (n, oh, ow, k)
cdef int winograd_weight_grad(const Conv2D* s, const float* x, const float* dz, float* dw, bint add) except -1
