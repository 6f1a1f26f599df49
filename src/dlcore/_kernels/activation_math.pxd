"""The activation functions themselves: value f(x), and the gradient from one of x and y.

All values have the same signature and all gradients have, so that one loop serves all; a, b, c are parameters. The suffix
of a gradient says what it reads: _x, _y, or _s where either will do. Gradients come from y where that is possible,
because then a fused layer need not keep x. At the kinks the gradient is Keras': zero at relu(0), for instance.

The comparisons are written so that NaN goes through: `0 if x <= 0 else x`, never `x if x > 0 else 0`. Every literal in
arithmetic is <real>: a bare 1 is a double in the C code too, and a whole expression would be computed in double.
"""

from libc.math cimport INFINITY

from dlcore._kernels.activation cimport (
    ACT_CELU, ACT_ELU, ACT_EXPONENTIAL, ACT_GELU, ACT_GELU_TANH, ACT_HARD_SHRINK, ACT_HARD_SIGMOID,
    ACT_HARD_SILU, ACT_HARD_TANH, ACT_LEAKY_RELU, ACT_LOG_SIGMOID, ACT_MISH, ACT_RELU, ACT_RELU6,
    ACT_RELU_GENERAL, ACT_SELU, ACT_SIGMOID, ACT_SILU, ACT_SOFTPLUS, ACT_SOFTSIGN, ACT_SOFT_SHRINK,
    ACT_SPARSE_PLUS, ACT_SPARSE_SIGMOID, ACT_SQUAREPLUS, ACT_TANH, ACT_TANH_SHRINK, ACT_THRESHOLD,
)
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport (
    abs_, erf_, exp_, expm1_, gelu_, gelu_tanh_, log_sigmoid_, mish_, sigmoid_, silu_, softplus_, sqrt_, tanh_,
)

cdef extern from *:
    """
    #define DL_SELU_SCALE 1.0507009873554804934193349852946
    #define DL_SELU_ALPHA 1.7580993408473768599402175208123  /* scale * 1.67326324... */
    """
    const double DL_SELU_SCALE
    const double DL_SELU_ALPHA


cdef inline real relu(real x, real a, real b, real c) noexcept nogil:
    return 0 if x <= 0 else x


cdef inline real relu_y(real y, real g, real a, real b, real c) noexcept nogil:
    return 0 if y <= 0 else g


cdef inline real sigmoid(real x, real a, real b, real c) noexcept nogil:
    return sigmoid_(x)


cdef inline real sigmoid_y(real y, real g, real a, real b, real c) noexcept nogil:
    return g * (y * (<real>1 - y))


cdef inline real tanh(real x, real a, real b, real c) noexcept nogil:
    return tanh_(x)


cdef inline real tanh_y(real y, real g, real a, real b, real c) noexcept nogil:
    return g * ((<real>1 - y) * (<real>1 + y))


cdef inline real clip(real x, real low, real high, real c) noexcept nogil:
    x = low if x < low else x
    return high if x > high else x


cdef inline real clip_y(real y, real g, real low, real high, real slope) noexcept nogil:
    g = g * slope
    g = 0 if y <= low else g
    return 0 if y >= high else g


cdef inline real relu_general(real x, real slope, real top, real threshold) noexcept nogil:
    cdef real y = 0 if x <= threshold else x
    cdef real below = threshold - x
    # Clipping to max_value also clips at zero, which shows when the threshold is negative.
    y = 0 if y < 0 and top < <real>INFINITY else y
    y = top if y > top else y
    below = 0 if below <= 0 else below
    return y - slope * below if slope != 0 else y


cdef inline real relu_general_x(real x, real g, real slope, real top, real threshold) noexcept nogil:
    cdef real d = 0 if x <= threshold else g
    d = 0 if x < 0 and top < <real>INFINITY else d
    d = 0 if x > top else d
    return d + slope * g if x < threshold else d


cdef inline real leaky_relu(real x, real slope, real b, real c) noexcept nogil:
    return x * slope if x <= 0 else x


cdef inline real leaky_relu_s(real s, real g, real slope, real b, real c) noexcept nogil:
    return g * slope if s <= 0 else g


# elu, celu and selu are one function: positive part times `scale`, below it alpha * (exp(x * rate) - 1).

cdef inline real exp_unit(real x, real alpha, real rate, real scale) noexcept nogil:
    cdef real low = alpha * expm1_((0 if x > 0 else x) * rate)
    return x * scale if x > 0 else low


cdef inline real exp_unit_x(real x, real g, real alpha, real rate, real scale) noexcept nogil:
    cdef real low = alpha * rate * exp_((0 if x > 0 else x) * rate)
    return g * (scale if x > 0 else low)


cdef inline real exp_unit_y(real y, real g, real alpha, real rate, real scale) noexcept nogil:
    cdef real low = (y + alpha) * rate
    return g * (scale if y > 0 else low)


cdef inline real gelu(real x, real a, real b, real c) noexcept nogil:
    return gelu_(x)


cdef inline real gelu_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real cumulative = <real>0.5 * (<real>1 + erf_(x * <real>0.70710678118654752440))
    return g * (cumulative + x * <real>0.39894228040143267794 * exp_(<real>-0.5 * x * x))


cdef inline real gelu_tanh(real x, real a, real b, real c) noexcept nogil:
    return gelu_tanh_(x)


cdef inline real gelu_tanh_x(real x, real g, real a, real b, real c) noexcept nogil:
    # (1 + tanh u) / 2 is sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
    cdef real s = sigmoid_(<real>1.5957691216057308 * (x + <real>0.044715 * x * x * x))
    cdef real slope = <real>1.5957691216057308 * (<real>1 + <real>0.134145 * x * x)
    return g * (s + x * slope * s * (<real>1 - s))


cdef inline real silu(real x, real a, real b, real c) noexcept nogil:
    return silu_(x)


cdef inline real silu_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real s = sigmoid_(x)
    return g * (s * (<real>1 + x * (<real>1 - s)))


cdef inline real mish(real x, real a, real b, real c) noexcept nogil:
    return mish_(x)


cdef inline real mish_x(real x, real g, real a, real b, real c) noexcept nogil:
    # tanh(log(1 + e)) with e = exp(x) is t = n / (n + 2), n = e (e + 2); beyond 20 it is 1 to the last digit.
    cdef real u = 20 if x > 20 else x
    cdef real e = exp_(u)
    cdef real r = <real>1 / (e * (e + <real>2) + <real>2)
    cdef real t = e * (e + <real>2) * r
    return g * (t + u * (<real>2 * r) * (<real>1 + t) * (e / (<real>1 + e)))


cdef inline real softplus(real x, real a, real b, real c) noexcept nogil:
    return softplus_(x)


cdef inline real softplus_y(real y, real g, real a, real b, real c) noexcept nogil:
    return -g * expm1_(-y)


cdef inline real softsign(real x, real a, real b, real c) noexcept nogil:
    return x / (<real>1 + abs_(x))


cdef inline real softsign_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real r = <real>1 / (<real>1 + abs_(x))
    return g * (r * r)


cdef inline real hard_sigmoid(real x, real a, real b, real c) noexcept nogil:
    return clip(x + <real>3, <real>0, <real>6, c) * <real>0.16666666666666666667


cdef inline real hard_silu(real x, real a, real b, real c) noexcept nogil:
    return x * hard_sigmoid(x, a, b, c)


cdef inline real hard_silu_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real d = x * <real>0.33333333333333333333 + <real>0.5
    d = 0 if x <= -3 else d
    return g * (1 if x >= 3 else d)


cdef inline real log_sigmoid(real x, real a, real b, real c) noexcept nogil:
    return log_sigmoid_(x)


cdef inline real log_sigmoid_y(real y, real g, real a, real b, real c) noexcept nogil:
    return -g * expm1_(y)


cdef inline real tanh_shrink(real x, real a, real b, real c) noexcept nogil:
    return x - tanh_(x)


cdef inline real tanh_shrink_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real t = tanh_(x)
    return g * t * t


cdef inline real soft_shrink(real x, real threshold, real b, real c) noexcept nogil:
    cdef real y = x + threshold if x < 0 else x - threshold
    return 0 if abs_(x) <= threshold else y


cdef inline real soft_shrink_y(real y, real g, real a, real b, real c) noexcept nogil:
    return 0 if y == 0 else g


cdef inline real hard_shrink(real x, real threshold, real b, real c) noexcept nogil:
    return 0 if abs_(x) <= threshold else x


cdef inline real hard_shrink_s(real s, real g, real threshold, real b, real c) noexcept nogil:
    return 0 if abs_(s) <= threshold else g


# (x + root) / 2, but without the cancellation on the left side: there it is b / (2 (root - x)).

cdef inline real squareplus(real x, real b, real tiny, real c) noexcept nogil:
    cdef real far = abs_(x) + sqrt_(x * x + b)
    cdef real low = <real>0.5 * b / (far + tiny)
    return low if x < 0 else <real>0.5 * far


cdef inline real squareplus_x(real x, real g, real b, real tiny, real c) noexcept nogil:
    return g * <real>0.5 * (<real>1 + x / (sqrt_(x * x + b) + tiny))


cdef inline real sparse_plus(real x, real a, real b, real c) noexcept nogil:
    cdef real y = <real>0.25 * (x + <real>1) * (x + <real>1)
    y = 0 if x <= -1 else y
    return x if x >= 1 else y


cdef inline real sparse_plus_x(real x, real g, real a, real b, real c) noexcept nogil:
    cdef real d = <real>0.5 * (x + <real>1)
    d = 0 if x <= -1 else d
    return g * (1 if x >= 1 else d)


cdef inline real sparse_sigmoid(real x, real a, real b, real c) noexcept nogil:
    return clip(<real>0.5 * (x + <real>1), <real>0, <real>1, c)


cdef inline real exponential(real x, real a, real b, real c) noexcept nogil:
    return exp_(x)


cdef inline real exponential_y(real y, real g, real a, real b, real c) noexcept nogil:
    return g * y


cdef inline real threshold(real x, real threshold, real value, real c) noexcept nogil:
    return value if x <= threshold else x


cdef inline real threshold_x(real x, real g, real threshold, real value, real c) noexcept nogil:
    return 0 if x <= threshold else g


cdef inline real linear(real x, real a, real b, real c) noexcept nogil:
    return x


cdef inline real linear_s(real s, real g, real a, real b, real c) noexcept nogil:
    return g


# ---------------------------------------------------------------------------- the choice, outside the loops

cdef inline void _map(real (*f)(real, real, real, real) noexcept nogil, real a, real b, real c,
                      const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(x[i], a, b, c)


cdef inline void _grad(real (*d)(real, real, real, real, real) noexcept nogil, real a, real b, real c,
                       const real* s, const real* g, real* dx, bint accumulate, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] += d(s[i], g[i], a, b, c)
    else:
        for i in range(n):
            dx[i] = d(s[i], g[i], a, b, c)


cdef inline kernel_void fwd(int code, const double* p, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef real a = <real>p[0], b = <real>p[1], c = <real>p[2]
    cdef real one = 1, zero = 0
    if code == ACT_RELU:
        _map[real](relu[real], a, b, c, x, y, n)
    elif code == ACT_SIGMOID:
        _map[real](sigmoid[real], a, b, c, x, y, n)
    elif code == ACT_TANH:
        _map[real](tanh[real], a, b, c, x, y, n)
    elif code == ACT_RELU6:
        _map[real](clip[real], zero, <real>6, c, x, y, n)
    elif code == ACT_RELU_GENERAL:
        _map[real](relu_general[real], a, b, c, x, y, n)
    elif code == ACT_LEAKY_RELU:
        _map[real](leaky_relu[real], a, b, c, x, y, n)
    elif code == ACT_ELU:
        _map[real](exp_unit[real], a, one, one, x, y, n)
    elif code == ACT_CELU:
        _map[real](exp_unit[real], a, one / a, one, x, y, n)
    elif code == ACT_SELU:
        _map[real](exp_unit[real], <real>DL_SELU_ALPHA, one, <real>DL_SELU_SCALE, x, y, n)
    elif code == ACT_GELU:
        _map[real](gelu[real], a, b, c, x, y, n)
    elif code == ACT_GELU_TANH:
        _map[real](gelu_tanh[real], a, b, c, x, y, n)
    elif code == ACT_SILU:
        _map[real](silu[real], a, b, c, x, y, n)
    elif code == ACT_MISH:
        _map[real](mish[real], a, b, c, x, y, n)
    elif code == ACT_SOFTPLUS:
        _map[real](softplus[real], a, b, c, x, y, n)
    elif code == ACT_SOFTSIGN:
        _map[real](softsign[real], a, b, c, x, y, n)
    elif code == ACT_HARD_SIGMOID:
        _map[real](hard_sigmoid[real], a, b, c, x, y, n)
    elif code == ACT_HARD_SILU:
        _map[real](hard_silu[real], a, b, c, x, y, n)
    elif code == ACT_LOG_SIGMOID:
        _map[real](log_sigmoid[real], a, b, c, x, y, n)
    elif code == ACT_HARD_TANH:
        _map[real](clip[real], -one, one, c, x, y, n)
    elif code == ACT_TANH_SHRINK:
        _map[real](tanh_shrink[real], a, b, c, x, y, n)
    elif code == ACT_SOFT_SHRINK:
        _map[real](soft_shrink[real], a, b, c, x, y, n)
    elif code == ACT_HARD_SHRINK:
        _map[real](hard_shrink[real], a, b, c, x, y, n)
    elif code == ACT_SQUAREPLUS:
        _map[real](squareplus[real], a, <real>1e-30, c, x, y, n)
    elif code == ACT_SPARSE_PLUS:
        _map[real](sparse_plus[real], a, b, c, x, y, n)
    elif code == ACT_SPARSE_SIGMOID:
        _map[real](sparse_sigmoid[real], a, b, c, x, y, n)
    elif code == ACT_EXPONENTIAL:
        _map[real](exponential[real], a, b, c, x, y, n)
    elif code == ACT_THRESHOLD:
        _map[real](threshold[real], a, b, c, x, y, n)
    elif x != y:
        _map[real](linear[real], a, b, c, x, y, n)


cdef inline kernel_void bwd(int code, const double* p, const real* x, const real* y, const real* g, real* dx, bint accumulate, Py_ssize_t n) noexcept nogil:
    cdef real a = <real>p[0], b = <real>p[1], c = <real>p[2]
    cdef real one = 1, zero = 0
    cdef bint acc = accumulate
    cdef const real* s = y if x == NULL else x
    if code == ACT_RELU:
        _grad[real](relu_y[real], a, b, c, s, g, dx, acc, n)
    elif code == ACT_SIGMOID:
        _grad[real](sigmoid_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_TANH:
        _grad[real](tanh_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_RELU6:
        _grad[real](clip_y[real], zero, <real>6, one, s, g, dx, acc, n)
    elif code == ACT_RELU_GENERAL:
        _grad[real](relu_general_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_LEAKY_RELU:
        _grad[real](leaky_relu_s[real], a, b, c, s, g, dx, acc, n)
    elif code == ACT_ELU or code == ACT_CELU or code == ACT_SELU:
        b = one / a if code == ACT_CELU else 1
        c = 1
        if code == ACT_SELU:
            a = <real>DL_SELU_ALPHA
            c = <real>DL_SELU_SCALE
        if x != NULL:
            _grad[real](exp_unit_x[real], a, b, c, x, g, dx, acc, n)
        else:
            _grad[real](exp_unit_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_GELU:
        _grad[real](gelu_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_GELU_TANH:
        _grad[real](gelu_tanh_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_SILU:
        _grad[real](silu_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_MISH:
        _grad[real](mish_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_SOFTPLUS:
        _grad[real](softplus_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_SOFTSIGN:
        _grad[real](softsign_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_HARD_SIGMOID:
        _grad[real](clip_y[real], zero, one, <real>0.16666666666666666667, y, g, dx, acc, n)
    elif code == ACT_HARD_SILU:
        _grad[real](hard_silu_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_LOG_SIGMOID:
        _grad[real](log_sigmoid_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_HARD_TANH:
        _grad[real](clip_y[real], -one, one, one, s, g, dx, acc, n)
    elif code == ACT_TANH_SHRINK:
        _grad[real](tanh_shrink_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_SOFT_SHRINK:
        _grad[real](soft_shrink_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_HARD_SHRINK:
        _grad[real](hard_shrink_s[real], a, b, c, s, g, dx, acc, n)
    elif code == ACT_SQUAREPLUS:
        _grad[real](squareplus_x[real], a, <real>1e-30, c, x, g, dx, acc, n)
    elif code == ACT_SPARSE_PLUS:
        _grad[real](sparse_plus_x[real], a, b, c, x, g, dx, acc, n)
    elif code == ACT_SPARSE_SIGMOID:
        _grad[real](clip_y[real], zero, one, <real>0.5, y, g, dx, acc, n)
    elif code == ACT_EXPONENTIAL:
        _grad[real](exponential_y[real], a, b, c, y, g, dx, acc, n)
    elif code == ACT_THRESHOLD:
        _grad[real](threshold_x[real], a, b, c, x, g, dx, acc, n)
    elif acc or dx != g:
        _grad[real](linear_s[real], a, b, c, g, g, dx, acc, n)
