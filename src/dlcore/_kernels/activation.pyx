"""Elementwise activation functions: one op for all, and block functions for layers that fuse one."""

cimport cython
from libc.math cimport INFINITY

from dlcore._kernels.activation_math cimport bwd, fwd
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport Tensor, cast_copy, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64

import numpy as np

cdef enum:
    BLOCK = 16384           # elements a block


# ---------------------------------------------------------------------------------- the block functions (see the .pxd)

cdef void act_forward(bint f64, int code, const double* p, const void* x, void* y, Py_ssize_t n) noexcept nogil:
    if f64:
        fwd[double](code, p, <const double*>x, <double*>y, n)
    else:
        fwd[float](code, p, <const float*>x, <float*>y, n)


cdef void act_backward(bint f64, int code, const double* p, const void* x, const void* y, const void* g,
                       void* dx, bint accumulate, Py_ssize_t n) noexcept nogil:
    if f64:
        bwd[double](code, p, <const double*>x, <const double*>y, <const double*>g, <double*>dx, accumulate, n)
    else:
        bwd[float](code, p, <const float*>x, <const float*>y, <const float*>g, <float*>dx, accumulate, n)


_CODES = {
    "linear": ACT_LINEAR, "relu": ACT_RELU, "sigmoid": ACT_SIGMOID, "tanh": ACT_TANH, "relu6": ACT_RELU6,
    "leaky_relu": ACT_LEAKY_RELU, "elu": ACT_ELU, "celu": ACT_CELU, "selu": ACT_SELU, "gelu": ACT_GELU,
    "silu": ACT_SILU, "swish": ACT_SILU, "mish": ACT_MISH, "softplus": ACT_SOFTPLUS, "softsign": ACT_SOFTSIGN,
    "hard_sigmoid": ACT_HARD_SIGMOID, "hard_silu": ACT_HARD_SILU, "hard_swish": ACT_HARD_SILU,
    "log_sigmoid": ACT_LOG_SIGMOID, "hard_tanh": ACT_HARD_TANH, "tanh_shrink": ACT_TANH_SHRINK,
    "soft_shrink": ACT_SOFT_SHRINK, "hard_shrink": ACT_HARD_SHRINK, "squareplus": ACT_SQUAREPLUS,
    "sparse_plus": ACT_SPARSE_PLUS, "sparse_sigmoid": ACT_SPARSE_SIGMOID, "exponential": ACT_EXPONENTIAL,
}


cdef int activation_code(object name) except -2:
    if not isinstance(name, str):
        return -1
    return _CODES.get(name, -1)


cdef void default_params(int code, double* p) noexcept nogil:
    p[0] = 0
    p[1] = 0
    p[2] = 0
    if code == ACT_RELU_GENERAL:
        p[1] = INFINITY
    elif code == ACT_LEAKY_RELU:
        p[0] = 0.2
    elif code == ACT_ELU or code == ACT_CELU:
        p[0] = 1
    elif code == ACT_SOFT_SHRINK or code == ACT_HARD_SHRINK:
        p[0] = 0.5
    elif code == ACT_SQUAREPLUS:
        p[0] = 4


cdef bint act_from_output(int code) noexcept nogil:
    return (
        code <= ACT_RELU6 or ACT_LEAKY_RELU <= code <= ACT_SELU or code == ACT_SOFTPLUS or code == ACT_HARD_SIGMOID
        or code == ACT_LOG_SIGMOID or code == ACT_HARD_TANH or code == ACT_SOFT_SHRINK or code == ACT_HARD_SHRINK
        or code == ACT_SPARSE_SIGMOID or code == ACT_EXPONENTIAL
    )


cdef double act_cost(int code) noexcept nogil:
    if code == ACT_SIGMOID or code == ACT_TANH or ACT_ELU <= code <= ACT_SOFTPLUS:
        return 0.35
    if code == ACT_LOG_SIGMOID or code == ACT_TANH_SHRINK or code == ACT_EXPONENTIAL or code == ACT_SQUAREPLUS:
        return 0.35
    return 0.1


# ------------------------------------------------------------------------------------------------------------ the op

cdef struct Ctx:
    bint f64
    int code
    const double* p
    char* x           # may be NULL in backward
    char* y
    char* g
    char* out
    bint accumulate


cdef void _forward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    cdef Py_ssize_t at = begin * (8 if c.f64 else 4)
    act_forward(c.f64, c.code, c.p, c.x + at, c.out + at, end - begin)


cdef void _backward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    cdef Py_ssize_t at = begin * (8 if c.f64 else 4)
    act_backward(c.f64, c.code, c.p, NULL if c.x == NULL else c.x + at, c.y + at, c.g + at, c.out + at, c.accumulate, end - begin)


@cython.no_gc
cdef class Activation(Op):
    """y = f(x), element by element; `code` says which f. Integers become float32, float16 passes through float32."""

    cdef int code
    cdef double p[3]

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        self.declare(x.dtype if x.dtype >= F16 else F32, x.ndim, x.dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Ctx ctx
        if x.dtype < F32:
            x = cast_copy(x, F32)
            if y.dtype == F16:
                y = empty(F32, x.ndim, x.dims)
        ctx.f64 = x.dtype == F64
        ctx.code = self.code
        ctx.p = self.p
        ctx.x = x.data
        ctx.out = y.data
        launch(_forward_block, &ctx, x.size, BLOCK, x.size * act_cost(self.code))
        if y is not self.out:
            _copy_back(self.out, y)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor d
        cdef Ctx ctx
        if x.dtype == F16:
            raise TypeError(f"gradients are computed in float32 or float64; cast {describe(x)} to float32 before the activation")
        d = self.grad_in(0, &ctx.accumulate)
        ctx.f64 = x.dtype == F64
        ctx.code = self.code
        ctx.p = self.p
        # Reading y instead of x is cheaper, and right as long as f rises (leaky_relu, elu: no negative slope or alpha).
        ctx.x = NULL if self.p[0] >= 0 and act_from_output(self.code) else x.data
        ctx.y = self.out.data
        ctx.g = self.out.grad.data
        ctx.out = d.data
        launch(_backward_block, &ctx, x.size, BLOCK, x.size * act_cost(self.code))
        return 0


cdef _copy_back(Tensor out, Tensor result):
    with np.errstate(over="ignore"):
        np.copyto(to_numpy(out), to_numpy(result), casting="unsafe")


cdef inline Tensor _activation(int code, double p0, double p1, double p2, object x):
    cdef Activation op = Activation.__new__(Activation)
    op.code = code
    op.p[0] = p0
    op.p[1] = p1
    op.p[2] = p2
    return apply(op, (tensor(x),))


# ------------------------------------------------------------------------------------------------- the entry functions

def relu(x, double negative_slope=0.0, max_value=None, double threshold=0.0):
    """Rectifier.

    y = min(x, max_value) if x > threshold, else negative_slope * (x - threshold). With max_value, values between a
    negative threshold and zero become zero.

    Args:
        x: Tensor of any shape. Integers stay integers with the default arguments.
        negative_slope: Slope below the threshold.
        max_value: Upper bound, or None.
        threshold: Values up to it count as inactive.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.relu([-1.0, 2.0]).numpy().tolist()
        [0.0, 2.0]
    """
    cdef Tensor t = tensor(x)
    cdef double top
    if max_value is None and negative_slope == 0 and threshold == 0:
        if t.dtype < F16 and not t.symbolic:
            return tensor(np.maximum(to_numpy(t), 0))
        return _activation(ACT_RELU, 0, 0, 0, t)
    top = INFINITY if max_value is None else max_value
    if negative_slope != 0 and top == INFINITY and threshold == 0:
        return _activation(ACT_LEAKY_RELU, negative_slope, 0, 0, t)
    if negative_slope == 0 and top == 6 and threshold == 0:
        return _activation(ACT_RELU6, 0, 0, 0, t)
    return _activation(ACT_RELU_GENERAL, negative_slope, top, threshold, t)


def linear(x):
    """The identity.

    y = x.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.linear([-1.0, 2.0]).numpy().tolist()
        [-1.0, 2.0]
    """
    return tensor(x)


def sigmoid(x):
    """Sigmoid.

    y = 1 / (1 + exp(-x)).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sigmoid([0.0]).numpy().tolist()
        [0.5]
    """
    return _activation(ACT_SIGMOID, 0, 0, 0, x)


def tanh(x):
    """Hyperbolic tangent.

    y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.tanh([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_TANH, 0, 0, 0, x)


def relu6(x):
    """Rectifier that saturates at 6.

    y = min(max(x, 0), 6).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.relu6([-1.0, 3.0, 8.0]).numpy().tolist()
        [0.0, 3.0, 6.0]
    """
    return _activation(ACT_RELU6, 0, 0, 0, x)


def leaky_relu(x, double negative_slope=0.2):
    """Rectifier with a slope below zero.

    y = x if x > 0, else negative_slope * x.

    Args:
        x: Tensor of any shape.
        negative_slope: Slope below zero.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.leaky_relu([-1.0, 2.0], negative_slope=0.5).numpy().tolist()
        [-0.5, 2.0]
    """
    return _activation(ACT_LEAKY_RELU, negative_slope, 0, 0, x)


def elu(x, double alpha=1.0):
    """Exponential linear unit.

    y = x if x > 0, else alpha * (exp(x) - 1).

    Args:
        x: Tensor of any shape.
        alpha: Minus the limit for large negative x.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.elu([0.0, 2.0]).numpy().tolist()
        [0.0, 2.0]
    """
    return _activation(ACT_ELU, alpha, 0, 0, x)


def celu(x, double alpha=1.0):
    """Continuously differentiable exponential linear unit.

    y = x if x > 0, else alpha * (exp(x / alpha) - 1).

    Args:
        x: Tensor of any shape.
        alpha: Scale of the exponential part; not zero.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.celu([0.0, 2.0]).numpy().tolist()
        [0.0, 2.0]
    """
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0")
    return _activation(ACT_CELU, alpha, 0, 0, x)


def selu(x):
    """Scaled exponential linear unit.

    y = s * x if x > 0, else s * a * (exp(x) - 1), with s = 1.05070098 and a = 1.67326324.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.selu([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_SELU, 0, 0, 0, x)


def gelu(x, bint approximate=True):
    """Gaussian error linear unit.

    y = x * P(X <= x) for standard normal X, that is x * (1 + erf(x / sqrt(2))) / 2, or an approximation of it. By
    default this op approximates and ``activations.gelu`` does not, as in Keras.

    Args:
        x: Tensor of any shape.
        approximate: Whether to use 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.gelu([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_GELU_TANH if approximate else ACT_GELU, 0, 0, 0, x)


def silu(x):
    """Sigmoid linear unit, also called swish.

    y = x / (1 + exp(-x)).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.silu([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_SILU, 0, 0, 0, x)


def mish(x):
    """Mish.

    y = x * tanh(log(1 + exp(x))).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.mish([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_MISH, 0, 0, 0, x)


def softplus(x):
    """Softplus.

    y = log(1 + exp(x)).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.softplus([100.0]).numpy().tolist()
        [100.0]
    """
    return _activation(ACT_SOFTPLUS, 0, 0, 0, x)


def softsign(x):
    """Softsign.

    y = x / (1 + |x|).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.softsign([-1.0, 3.0]).numpy().tolist()
        [-0.5, 0.75]
    """
    return _activation(ACT_SOFTSIGN, 0, 0, 0, x)


def hard_sigmoid(x):
    """Piecewise linear sigmoid.

    y = min(max(x + 3, 0), 6) / 6.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.hard_sigmoid([-4.0, 0.0, 3.0]).numpy().tolist()
        [0.0, 0.5, 1.0]
    """
    return _activation(ACT_HARD_SIGMOID, 0, 0, 0, x)


def hard_silu(x):
    """Silu with the piecewise linear sigmoid, also called hard swish.

    y = x * min(max(x + 3, 0), 6) / 6.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.hard_silu([-4.0, 0.0, 3.0]).numpy().tolist()
        [-0.0, 0.0, 3.0]
    """
    return _activation(ACT_HARD_SILU, 0, 0, 0, x)


def log_sigmoid(x):
    """Logarithm of the sigmoid.

    y = -log(1 + exp(-x)).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.log_sigmoid([-100.0]).numpy().tolist()
        [-100.0]
    """
    return _activation(ACT_LOG_SIGMOID, 0, 0, 0, x)


def hard_tanh(x):
    """Clips to [-1, 1].

    y = min(max(x, -1), 1).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.hard_tanh([-4.0, 0.5]).numpy().tolist()
        [-1.0, 0.5]
    """
    return _activation(ACT_HARD_TANH, 0, 0, 0, x)


def tanh_shrink(x):
    """What the hyperbolic tangent takes away.

    y = x - tanh(x).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.tanh_shrink([0.0]).numpy().tolist()
        [0.0]
    """
    return _activation(ACT_TANH_SHRINK, 0, 0, 0, x)


def hard_shrink(x, double threshold=0.5):
    """Zero near zero, x elsewhere.

    y = x if |x| > threshold, else 0.

    Args:
        x: Tensor of any shape.
        threshold: Half the width of the zero part.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.hard_shrink([-0.5, 2.0]).numpy().tolist()
        [0.0, 2.0]
    """
    return _activation(ACT_HARD_SHRINK, threshold, 0, 0, x)


def soft_shrink(x, double threshold=0.5):
    """Moves x towards zero by a threshold, and what is nearer to zero to zero.

    y = x - threshold if x > threshold, x + threshold if x < -threshold, else 0.

    Args:
        x: Tensor of any shape.
        threshold: How far to move; not negative.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If threshold is negative.

    Example:
        >>> import dlcore
        >>> dlcore.ops.soft_shrink([-0.5, 2.0]).numpy().tolist()
        [0.0, 1.5]
    """
    if threshold < 0:
        raise ValueError(f"soft_shrink: threshold must not be negative; received threshold={threshold}")
    return _activation(ACT_SOFT_SHRINK, threshold, 0, 0, x)


def squareplus(x, double b=4):
    """Smooth rectifier without an exponential.

    y = (x + sqrt(x^2 + b)) / 2.

    Args:
        x: Tensor of any shape.
        b: Smoothness; 0 gives relu.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.squareplus([0.0]).numpy().tolist()
        [1.0]
    """
    return _activation(ACT_SQUAREPLUS, b, 0, 0, x)


def sparse_plus(x):
    """Softplus that reaches zero.

    y = 0 if x <= -1, x if x >= 1, else (x + 1)^2 / 4.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sparse_plus([-1.0, 0.0, 2.0]).numpy().tolist()
        [0.0, 0.25, 2.0]
    """
    return _activation(ACT_SPARSE_PLUS, 0, 0, 0, x)


def sparse_sigmoid(x):
    """Sigmoid that reaches 0 and 1.

    y = min(max((x + 1) / 2, 0), 1).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sparse_sigmoid([-1.0, 0.0, 2.0]).numpy().tolist()
        [0.0, 0.5, 1.0]
    """
    return _activation(ACT_SPARSE_SIGMOID, 0, 0, 0, x)


def exponential(x):
    """Exponential.

    y = exp(x).

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.exponential([0.0]).numpy().tolist()
        [1.0]
    """
    return _activation(ACT_EXPONENTIAL, 0, 0, 0, x)


def threshold(x, double threshold, double default_value):
    """Replaces what does not exceed a threshold.

    y = x if x > threshold, else default_value.

    Args:
        x: Tensor of any shape.
        threshold: Values up to it are replaced.
        default_value: What replaces them.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.threshold([1.0, 3.0], 2.0, -1.0).numpy().tolist()
        [-1.0, 3.0]
    """
    return _activation(ACT_THRESHOLD, threshold, default_value, 0, x)


swish = silu
hard_swish = hard_silu
