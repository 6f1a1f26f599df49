"""Functions of one number and their derivatives, for the loops of elementwise.pyx."""

from libc.math cimport ceil as ceil_, floor as floor_, rint

from dlcore._kernels.types cimport real
from dlcore._kernels.vmath cimport cos_, cosh_, exp_, log_, sin_, sinh_, sqrt_

cdef inline real log2_(real x) noexcept nogil:
    return log_(x) * <real>1.4426950408889634

cdef inline real log10_(real x) noexcept nogil:
    return log_(x) * <real>0.4342944819032518

cdef inline real rroot(real x) noexcept nogil:
    return 1 / sqrt_(x)

cdef inline real squared(real x) noexcept nogil:
    return x * x

cdef inline real inverse(real x) noexcept nogil:
    return 1 / x

cdef inline real minus(real x) noexcept nogil:
    return -x

cdef inline real signum(real x) noexcept nogil:
    return <real>((x > 0) - (x < 0))

cdef inline real rounded_down(real x) noexcept nogil:
    return <real>floor_(x)

cdef inline real rounded_up(real x) noexcept nogil:
    return <real>ceil_(x)

cdef inline real rounded(real x) noexcept nogil:
    return <real>rint(x)

# Derivatives: dx from x, y = f(x) and dy.

cdef inline real d_exp(real x, real y, real dy) noexcept nogil:
    return dy * y

cdef inline real d_expm1(real x, real y, real dy) noexcept nogil:
    return dy * (y + 1)

cdef inline real d_log(real x, real y, real dy) noexcept nogil:
    return dy / x

cdef inline real d_log1p(real x, real y, real dy) noexcept nogil:
    return dy / (x + 1)

cdef inline real d_log2(real x, real y, real dy) noexcept nogil:
    return dy * <real>1.4426950408889634 / x

cdef inline real d_log10(real x, real y, real dy) noexcept nogil:
    return dy * <real>0.4342944819032518 / x

cdef inline real d_sqrt(real x, real y, real dy) noexcept nogil:
    return dy / (2 * y)

cdef inline real d_rsqrt(real x, real y, real dy) noexcept nogil:
    return dy * y * y * y * <real>(-0.5)

cdef inline real d_square(real x, real y, real dy) noexcept nogil:
    return 2 * dy * x

cdef inline real d_reciprocal(real x, real y, real dy) noexcept nogil:
    return -dy * y * y

cdef inline real d_negative(real x, real y, real dy) noexcept nogil:
    return -dy

cdef inline real d_absolute(real x, real y, real dy) noexcept nogil:
    return dy * signum(x)

cdef inline real d_sin(real x, real y, real dy) noexcept nogil:
    return dy * cos_(x)

cdef inline real d_cos(real x, real y, real dy) noexcept nogil:
    return -dy * sin_(x)

cdef inline real d_tan(real x, real y, real dy) noexcept nogil:
    return dy * (1 + y * y)

cdef inline real d_sinh(real x, real y, real dy) noexcept nogil:
    return dy * cosh_(x)

cdef inline real d_cosh(real x, real y, real dy) noexcept nogil:
    return dy * sinh_(x)

cdef inline real d_arcsin(real x, real y, real dy) noexcept nogil:
    return dy / sqrt_(1 - x * x)

cdef inline real d_arccos(real x, real y, real dy) noexcept nogil:
    return -dy / sqrt_(1 - x * x)

cdef inline real d_arctan(real x, real y, real dy) noexcept nogil:
    return dy / (1 + x * x)

cdef inline real d_erf(real x, real y, real dy) noexcept nogil:
    return dy * <real>1.1283791670955126 * exp_(-x * x)

cdef inline real d_flat(real x, real y, real dy) noexcept nogil:
    return 0
