"""Elementary functions for use inside loops: float versions vectorise, double versions are libm's (see vmath.h).

How to write an elementwise kernel: a `cdef inline real f(real x)` per function, one `map1` that takes it as a function
pointer, and around the `if`/`elif` over functions a `cdef kernel_void ...`. That return type (gcc's flatten) is what
makes it reliable: with `inline`, or always_inline on map1 alone, gcc stops inlining once a module has some 40 functions,
silently and 10 times slower. Write `<real>0.5`: a bare 0.5 is a double, and exp_(x * 0.5) is then libm's exp.
"""

from libc cimport math
from dlcore._kernels.types cimport real

cdef extern from "vmath.h" nogil:
    float dl_expf(float) noexcept
    float dl_expm1f(float) noexcept
    float dl_logf(float) noexcept
    float dl_log1pf(float) noexcept
    float dl_sigmoidf(float) noexcept
    double dl_sigmoid(double) noexcept
    float dl_tanhf(float) noexcept
    float dl_erff(float) noexcept
    float dl_softplusf(float) noexcept
    double dl_softplus(double) noexcept
    float dl_log_sigmoidf(float) noexcept
    double dl_log_sigmoid(double) noexcept
    float dl_siluf(float) noexcept
    double dl_silu(double) noexcept
    float dl_normcdff(float) noexcept
    double dl_normcdf(double) noexcept
    float dl_geluf(float) noexcept
    double dl_gelu(double) noexcept
    float dl_gelu_tanhf(float) noexcept
    double dl_gelu_tanh(double) noexcept
    float dl_mishf(float) noexcept
    double dl_mish(double) noexcept
    float dl_sinf(float) noexcept
    float dl_cosf(float) noexcept
    void dl_sin_n(const float*, float*, Py_ssize_t) noexcept
    void dl_cos_n(const float*, float*, Py_ssize_t) noexcept


cdef extern from "vmath_wide.h" nogil:
    float dl_powf(float, float) noexcept
    float dl_sinhf(float) noexcept
    float dl_coshf(float) noexcept
    float dl_arctanf(float) noexcept
    float dl_arcsinf(float) noexcept
    float dl_arccosf(float) noexcept
    void dl_tan_n(const float*, float*, Py_ssize_t) noexcept


cdef inline real exp_(real x) noexcept nogil:
    if real is float:
        return dl_expf(x)
    else:
        return math.exp(x)


cdef inline real expm1_(real x) noexcept nogil:
    if real is float:
        return dl_expm1f(x)
    else:
        return math.expm1(x)


cdef inline real log_(real x) noexcept nogil:
    if real is float:
        return dl_logf(x)
    else:
        return math.log(x)


cdef inline real log1p_(real x) noexcept nogil:
    if real is float:
        return dl_log1pf(x)
    else:
        return math.log1p(x)


cdef inline real sigmoid_(real x) noexcept nogil:
    if real is float:
        return dl_sigmoidf(x)
    else:
        return dl_sigmoid(x)


cdef inline real tanh_(real x) noexcept nogil:
    if real is float:
        return dl_tanhf(x)
    else:
        return math.tanh(x)


cdef inline real erf_(real x) noexcept nogil:
    if real is float:
        return dl_erff(x)
    else:
        return math.erf(x)


# log(1 + e^x)
cdef inline real softplus_(real x) noexcept nogil:
    if real is float:
        return dl_softplusf(x)
    else:
        return dl_softplus(x)


cdef inline real log_sigmoid_(real x) noexcept nogil:
    if real is float:
        return dl_log_sigmoidf(x)
    else:
        return dl_log_sigmoid(x)


cdef inline real silu_(real x) noexcept nogil:
    if real is float:
        return dl_siluf(x)
    else:
        return dl_silu(x)


# standard normal distribution function
cdef inline real normcdf_(real x) noexcept nogil:
    if real is float:
        return dl_normcdff(x)
    else:
        return dl_normcdf(x)


cdef inline real gelu_(real x) noexcept nogil:
    if real is float:
        return dl_geluf(x)
    else:
        return dl_gelu(x)


cdef inline real gelu_tanh_(real x) noexcept nogil:
    if real is float:
        return dl_gelu_tanhf(x)
    else:
        return dl_gelu_tanh(x)


cdef inline real mish_(real x) noexcept nogil:
    if real is float:
        return dl_mishf(x)
    else:
        return dl_mish(x)


# alpha (e^x - 1) for x < 0
cdef inline real elu_(real x, real alpha) noexcept nogil:
    cdef real negative = alpha * expm1_(x)
    return x if x > 0 else negative


cdef inline real selu_(real x) noexcept nogil:
    return <real>1.0507009873554805 * elu_(x, <real>1.6732632423543772)


# |x| < 4.2e8 in float; over arrays sin_n and cos_n are right everywhere
cdef inline real sin_(real x) noexcept nogil:
    if real is float:
        return dl_sinf(x)
    else:
        return math.sin(x)


cdef inline real cos_(real x) noexcept nogil:
    if real is float:
        return dl_cosf(x)
    else:
        return math.cos(x)


cdef inline void sin_n(const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if real is float:
        dl_sin_n(x, y, n)
    else:
        for i in range(n):
            y[i] = math.sin(x[i])


cdef inline void cos_n(const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if real is float:
        dl_cos_n(x, y, n)
    else:
        for i in range(n):
            y[i] = math.cos(x[i])


cdef inline real sqrt_(real x) noexcept nogil:
    if real is float:
        return math.sqrtf(x)
    else:
        return math.sqrt(x)


cdef inline real abs_(real x) noexcept nogil:
    if real is float:
        return math.fabsf(x)
    else:
        return math.fabs(x)


# libm's, one element at a time
cdef inline real pow_(real x, real y) noexcept nogil:
    if real is float:
        return dl_powf(x, y)
    else:
        return math.pow(x, y)


cdef inline real sinh_(real x) noexcept nogil:
    if real is float:
        return dl_sinhf(x)
    else:
        return math.sinh(x)


cdef inline real cosh_(real x) noexcept nogil:
    if real is float:
        return dl_coshf(x)
    else:
        return math.cosh(x)


cdef inline real arctan_(real x) noexcept nogil:
    if real is float:
        return dl_arctanf(x)
    else:
        return math.atan(x)


cdef inline real arcsin_(real x) noexcept nogil:
    if real is float:
        return dl_arcsinf(x)
    else:
        return math.asin(x)


cdef inline real arccos_(real x) noexcept nogil:
    if real is float:
        return dl_arccosf(x)
    else:
        return math.acos(x)


cdef inline void tan_n(const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if real is float:
        dl_tan_n(x, y, n)
    else:
        for i in range(n):
            y[i] = math.tan(x[i])
