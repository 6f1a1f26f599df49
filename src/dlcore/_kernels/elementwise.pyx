"""Functions of one number, element by element.

Whole numbers and booleans go through NumPy, in a forward pass without a gradient. float16 is computed in float32.
"""

import numpy as np

from dlcore._kernels.binary import divide, multiply

cimport cython

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, describe, tensor, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, F64, I32, kernel_void, real
from dlcore._kernels.unary cimport (
    d_absolute, d_arccos, d_arcsin, d_arctan, d_cos, d_cosh, d_erf, d_exp, d_expm1, d_flat, d_log, d_log10, d_log1p, d_log2, d_negative,
    d_reciprocal, d_rsqrt, d_sin, d_sinh, d_sqrt, d_square, d_tan, inverse, log10_, log2_, minus, rounded, rounded_down, rounded_up, rroot,
    signum, squared,
)
from dlcore._kernels.vmath cimport (
    abs_, arccos_, arcsin_, arctan_, cos_n, cosh_, erf_, exp_, expm1_, log1p_, log_, sin_n, sinh_, sqrt_, tan_n,
)

cdef enum Kind:
    EXP, EXPM1, LOG, LOG1P, LOG2, LOG10, SQRT, RSQRT, SQUARE, RECIPROCAL, NEGATIVE, ABSOLUTE, SIGN
    SIN, COS, TAN, SINH, COSH, ARCSIN, ARCCOS, ARCTAN, ERF, FLOOR, CEIL, ROUND

cdef tuple _NAMES = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "square", "reciprocal", "negative", "absolute", "sign",
    "sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "erf", "floor", "ceil", "round",
)

cdef enum:
    BLOCK = 16384


cdef inline bint _is_cheap(int kind) noexcept:
    return SQRT <= kind <= SIGN or kind >= FLOOR


cdef inline double _cost(int kind, int dtype) noexcept:
    """Nanoseconds for one element: plain arithmetic, our vector code, or libm."""
    if _is_cheap(kind):
        return 0.15
    if dtype == F64:
        return 8.0
    return 1.0 if TAN <= kind <= ARCTAN else 0.4


# --------------------------------------------------------------------------------------------------------------- loops

cdef struct Map:
    int kind
    int dtype
    bint accumulate
    void* x
    void* y
    void* dy
    void* dx


cdef inline void map_fwd(real (*f)(real) noexcept nogil, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = f(x[i])


cdef inline void map_bwd(real (*f)(real, real, real) noexcept nogil, const real* x, const real* y, const real* dy, real* dx,
                         Py_ssize_t n, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] = dx[i] + f(x[i], y[i], dy[i])
    else:
        for i in range(n):
            dx[i] = f(x[i], y[i], dy[i])


cdef kernel_void unary_fwd(int kind, const real* x, real* y, Py_ssize_t n) noexcept nogil:
    if kind == EXP:
        map_fwd[real](exp_[real], x, y, n)
    elif kind == EXPM1:
        map_fwd[real](expm1_[real], x, y, n)
    elif kind == LOG:
        map_fwd[real](log_[real], x, y, n)
    elif kind == LOG1P:
        map_fwd[real](log1p_[real], x, y, n)
    elif kind == LOG2:
        map_fwd[real](log2_[real], x, y, n)
    elif kind == LOG10:
        map_fwd[real](log10_[real], x, y, n)
    elif kind == SQRT:
        map_fwd[real](sqrt_[real], x, y, n)
    elif kind == RSQRT:
        map_fwd[real](rroot[real], x, y, n)
    elif kind == SQUARE:
        map_fwd[real](squared[real], x, y, n)
    elif kind == RECIPROCAL:
        map_fwd[real](inverse[real], x, y, n)
    elif kind == NEGATIVE:
        map_fwd[real](minus[real], x, y, n)
    elif kind == ABSOLUTE:
        map_fwd[real](abs_[real], x, y, n)
    elif kind == SIGN:
        map_fwd[real](signum[real], x, y, n)
    elif kind == SIN:
        sin_n[real](x, y, n)
    elif kind == COS:
        cos_n[real](x, y, n)
    elif kind == TAN:
        tan_n[real](x, y, n)
    elif kind == SINH:
        map_fwd[real](sinh_[real], x, y, n)
    elif kind == COSH:
        map_fwd[real](cosh_[real], x, y, n)
    elif kind == ARCSIN:
        map_fwd[real](arcsin_[real], x, y, n)
    elif kind == ARCCOS:
        map_fwd[real](arccos_[real], x, y, n)
    elif kind == ARCTAN:
        map_fwd[real](arctan_[real], x, y, n)
    elif kind == ERF:
        map_fwd[real](erf_[real], x, y, n)
    elif kind == FLOOR:
        map_fwd[real](rounded_down[real], x, y, n)
    elif kind == CEIL:
        map_fwd[real](rounded_up[real], x, y, n)
    elif kind == ROUND:
        map_fwd[real](rounded[real], x, y, n)


cdef kernel_void unary_bwd(int kind, const real* x, const real* y, const real* dy, real* dx, Py_ssize_t n, bint accumulate) noexcept nogil:
    if kind == EXP:
        map_bwd[real](d_exp[real], x, y, dy, dx, n, accumulate)
    elif kind == EXPM1:
        map_bwd[real](d_expm1[real], x, y, dy, dx, n, accumulate)
    elif kind == LOG:
        map_bwd[real](d_log[real], x, y, dy, dx, n, accumulate)
    elif kind == LOG1P:
        map_bwd[real](d_log1p[real], x, y, dy, dx, n, accumulate)
    elif kind == LOG2:
        map_bwd[real](d_log2[real], x, y, dy, dx, n, accumulate)
    elif kind == LOG10:
        map_bwd[real](d_log10[real], x, y, dy, dx, n, accumulate)
    elif kind == SQRT:
        map_bwd[real](d_sqrt[real], x, y, dy, dx, n, accumulate)
    elif kind == RSQRT:
        map_bwd[real](d_rsqrt[real], x, y, dy, dx, n, accumulate)
    elif kind == SQUARE:
        map_bwd[real](d_square[real], x, y, dy, dx, n, accumulate)
    elif kind == RECIPROCAL:
        map_bwd[real](d_reciprocal[real], x, y, dy, dx, n, accumulate)
    elif kind == NEGATIVE:
        map_bwd[real](d_negative[real], x, y, dy, dx, n, accumulate)
    elif kind == ABSOLUTE:
        map_bwd[real](d_absolute[real], x, y, dy, dx, n, accumulate)
    elif kind == SIN:
        map_bwd[real](d_sin[real], x, y, dy, dx, n, accumulate)
    elif kind == COS:
        map_bwd[real](d_cos[real], x, y, dy, dx, n, accumulate)
    elif kind == TAN:
        map_bwd[real](d_tan[real], x, y, dy, dx, n, accumulate)
    elif kind == SINH:
        map_bwd[real](d_sinh[real], x, y, dy, dx, n, accumulate)
    elif kind == COSH:
        map_bwd[real](d_cosh[real], x, y, dy, dx, n, accumulate)
    elif kind == ARCSIN:
        map_bwd[real](d_arcsin[real], x, y, dy, dx, n, accumulate)
    elif kind == ARCCOS:
        map_bwd[real](d_arccos[real], x, y, dy, dx, n, accumulate)
    elif kind == ARCTAN:
        map_bwd[real](d_arctan[real], x, y, dy, dx, n, accumulate)
    elif kind == ERF:
        map_bwd[real](d_erf[real], x, y, dy, dx, n, accumulate)
    else:
        map_bwd[real](d_flat[real], x, y, dy, dx, n, accumulate)


cdef void unary_fwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Map* m = <Map*>ctx
    if m.dtype == F32:
        unary_fwd[float](m.kind, <float*>m.x + begin, <float*>m.y + begin, end - begin)
    else:
        unary_fwd[double](m.kind, <double*>m.x + begin, <double*>m.y + begin, end - begin)


cdef void unary_bwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Map* m = <Map*>ctx
    if m.dtype == F32:
        unary_bwd[float](m.kind, <float*>m.x + begin, <float*>m.y + begin, <float*>m.dy + begin, <float*>m.dx + begin, end - begin, m.accumulate)
    else:
        unary_bwd[double](m.kind, <double*>m.x + begin, <double*>m.y + begin, <double*>m.dy + begin, <double*>m.dx + begin, end - begin, m.accumulate)


# ----------------------------------------------------------------------------------------------------------------- ops

@cython.no_gc
cdef class Unary(Op):
    cdef int kind

    cdef int infer(self) except -1:
        self.declare_like(<Tensor>self.inputs[0])
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Map m
        if x.dtype < F32:
            with np.errstate(all="ignore"):
                getattr(np, _NAMES[self.kind])(to_numpy(x), out=to_numpy(self.out))
            return 0
        m.kind, m.dtype, m.x, m.y = self.kind, x.dtype, x.data, self.out.data
        launch(unary_fwd_block, &m, x.size, BLOCK, x.size * _cost(self.kind, x.dtype))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Map m
        cdef bint accumulate
        if wanted(self, 0):
            m.kind, m.dtype, m.x, m.y, m.dy = self.kind, x.dtype, x.data, self.out.data, self.out.grad.data
            m.dx = self.grad_in(0, &accumulate).data
            m.accumulate = accumulate
            launch(unary_bwd_block, &m, x.size, BLOCK, x.size * _cost(self.kind, x.dtype))
        return 0


cdef Tensor unary(int kind, object value):
    cdef Tensor x = tensor(value)
    cdef Unary op
    if x.dtype < F32:
        if x.dtype == F16:
            return cast_to(unary(kind, cast_to(x, F32)), F16)
        if kind == ROUND or (x.dtype == BOOL and (kind == SIGN or kind == ABSOLUTE)):
            return x
        if kind < SQUARE or kind == RECIPROCAL or kind > SIGN:
            x = cast_to(x, F32)
        elif x.dtype == BOOL:
            if kind == NEGATIVE:
                raise TypeError(f"negative: x must hold numbers; received {describe(x)}. Use logical_not, or cast it first")
            x = cast_to(x, I32)
    op = Unary.__new__(Unary)
    op.kind = kind
    return apply(op, (x,))


# --------------------------------------------------------------------------------------------------- entry functions

def exp(x):
    """Exponential.

    ``y[i] = e^x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.exp([0.0, 1.0]).tolist()]
        [1.0, 2.718]
    """
    return unary(EXP, x)


def expm1(x):
    """Exponential minus one, accurate for small x.

    ``y[i] = e^x[i] - 1``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.expm1([0.0, 1.0]).tolist()]
        [0.0, 1.718]
    """
    return unary(EXPM1, x)


def log(x):
    """Natural logarithm.

    ``y[i] = log(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.log([1.0, 10.0]).tolist()]
        [0.0, 2.303]
    """
    return unary(LOG, x)


def log1p(x):
    """Logarithm of one plus x, accurate for small x.

    ``y[i] = log(1 + x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.log1p([0.0, 1.0]).tolist()]
        [0.0, 0.693]
    """
    return unary(LOG1P, x)


def log2(x):
    """Logarithm to base 2.

    ``y[i] = log(x[i]) / log(2)``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.log2([1.0, 8.0]).tolist()
        [0.0, 3.0]
    """
    return unary(LOG2, x)


def log10(x):
    """Logarithm to base 10.

    ``y[i] = log(x[i]) / log(10)``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.log10([1.0, 100.0]).tolist()
        [0.0, 2.0]
    """
    return unary(LOG10, x)


def sqrt(x):
    """Square root.

    ``y[i] = sqrt(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sqrt([4.0, 2.25]).tolist()
        [2.0, 1.5]
    """
    return unary(SQRT, x)


def rsqrt(x):
    """Reciprocal of the square root.

    ``y[i] = 1 / sqrt(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.rsqrt([4.0, 0.25]).tolist()
        [0.5, 2.0]
    """
    return unary(RSQRT, x)


def square(x):
    """Square.

    ``y[i] = x[i]^2``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.square([-2.0, 3.0]).tolist()
        [4.0, 9.0]
    """
    return unary(SQUARE, x)


def reciprocal(x):
    """Reciprocal.

    ``y[i] = 1 / x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.reciprocal([2.0, -0.5]).tolist()
        [0.5, -2.0]
    """
    return unary(RECIPROCAL, x)


def negative(x):
    """Negation.

    ``y[i] = -x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.negative([2.0, -3.0]).tolist()
        [-2.0, 3.0]
    """
    return unary(NEGATIVE, x)


def absolute(x):
    """Absolute value; its gradient at 0 is 0.

    ``y[i] = |x[i]|``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.absolute([-2.0, 3.0]).tolist()
        [2.0, 3.0]
    """
    return unary(ABSOLUTE, x)


def sign(x):
    """Sign: -1, 0 or 1. Its gradient is 0.

    ``y[i] = sign(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sign([-2.0, 0.0, 3.0]).tolist()
        [-1.0, 0.0, 1.0]
    """
    return unary(SIGN, x)


def sin(x):
    """Sine of an angle in radians.

    ``y[i] = sin(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.sin([0.0, 1.0]).tolist()]
        [0.0, 0.841]
    """
    return unary(SIN, x)


def cos(x):
    """Cosine of an angle in radians.

    ``y[i] = cos(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.cos([0.0, 1.0]).tolist()]
        [1.0, 0.54]
    """
    return unary(COS, x)


def tan(x):
    """Tangent of an angle in radians.

    ``y[i] = tan(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.tan([0.0, 1.0]).tolist()]
        [0.0, 1.557]
    """
    return unary(TAN, x)


def sinh(x):
    """Hyperbolic sine.

    ``y[i] = (e^x[i] - e^-x[i]) / 2``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.sinh([0.0, 1.0]).tolist()]
        [0.0, 1.175]
    """
    return unary(SINH, x)


def cosh(x):
    """Hyperbolic cosine.

    ``y[i] = (e^x[i] + e^-x[i]) / 2``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.cosh([0.0, 1.0]).tolist()]
        [1.0, 1.543]
    """
    return unary(COSH, x)


def arcsin(x):
    """Inverse sine, in [-pi/2, pi/2].

    ``sin(y[i]) = x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.arcsin([0.0, 1.0]).tolist()]
        [0.0, 1.571]
    """
    return unary(ARCSIN, x)


def arccos(x):
    """Inverse cosine, in [0, pi].

    ``cos(y[i]) = x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.arccos([0.0, 1.0]).tolist()]
        [1.571, 0.0]
    """
    return unary(ARCCOS, x)


def arctan(x):
    """Inverse tangent, in [-pi/2, pi/2].

    ``tan(y[i]) = x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.arctan([0.0, 1.0]).tolist()]
        [0.0, 0.785]
    """
    return unary(ARCTAN, x)


def erf(x):
    """Error function.

    ``y[i] = 2 / sqrt(pi) * integral of e^(-t^2) for t from 0 to x[i]``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> [round(v, 3) for v in dlcore.ops.erf([0.0, 1.0]).tolist()]
        [0.0, 0.843]
    """
    return unary(ERF, x)


def floor(x):
    """Largest whole number that is not above x. Its gradient is 0.

    ``y[i] = floor(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.floor([1.7, -1.2]).tolist()
        [1.0, -2.0]
    """
    return unary(FLOOR, x)


def ceil(x):
    """Smallest whole number that is not below x. Its gradient is 0.

    ``y[i] = ceil(x[i])``

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of x; float32 for whole numbers.

    Example:
        >>> import dlcore
        >>> dlcore.ops.ceil([1.2, -1.7]).tolist()
        [2.0, -1.0]
    """
    return unary(CEIL, x)


def round(x, decimals=0):
    """Nearest number with the given number of decimals; halves go to the even one. Its gradient is 0.

    ``y[i] = rint(x[i] * 10^decimals) / 10^decimals``

    Args:
        x: Tensor of any shape.
        decimals: Number of decimals; negative for tens, hundreds ...

    Returns:
        A tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.round([0.5, 1.5, 1.7]).tolist()
        [0.0, 2.0, 2.0]
    """
    if decimals == 0:
        return unary(ROUND, x)
    unit = 10.0 ** -decimals
    if decimals > 0:
        unit = 10.0 ** decimals
        return divide(unary(ROUND, multiply(x, unit)), unit)
    return multiply(unary(ROUND, divide(x, unit)), unit)


abs = absolute
