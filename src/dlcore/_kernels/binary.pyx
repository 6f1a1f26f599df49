"""Arithmetic of two tensors with broadcasting.

Operands are brought to one dtype first; a Python number takes the dtype of the other operand. Whole numbers go through
NumPy, in a forward pass without a gradient. float16 is computed in float32.
"""

import numpy as np

cimport cython

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.fold cimport sum_to
from dlcore._kernels.layout cimport Plan, broadcast, plan, walk
from dlcore._kernels.pairs cimport (
    flat, floor_over, larger, larger_da, larger_db, minus, modulo, modulo_db, negated, over, over_da, over_db, plus, power_da, power_db,
    same, second_power, second_power_da, smaller, smaller_da, smaller_db, times, times_da, times_db,
)
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, describe, empty_like, is_python_number, itemsize, promote, same_shape, tensor, tensor_as, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, I32, U8, U16, U32, U64, kernel_void, real
from dlcore._kernels.vmath cimport pow_

cdef enum Kind:
    ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, MOD, POWER, MAXIMUM, MINIMUM

cdef tuple _NAMES = ("add", "subtract", "multiply", "divide", "floor_divide", "mod", "power", "maximum", "minimum")

cdef enum:
    BLOCK = 16384


# --------------------------------------------------------------------------------------------------------------- loops

cdef struct Pair:
    Plan plan
    int kind
    int dtype
    int side            # backward: 0 for the gradient of a, 1 for that of b
    bint accumulate
    void* y             # forward: the result; backward: the gradient of the result
    void* d             # backward: the gradient of a or b, of the shape of the result


cdef inline void pair_fwd(real (*f)(real, real) noexcept nogil, const real* a, const real* b, real* y, Py_ssize_t n, const Py_ssize_t* step) noexcept nogil:
    cdef Py_ssize_t i
    cdef real fixed
    if step[0] == step[1]:
        for i in range(n):
            y[i] = f(a[i], b[i])
    elif step[1] == 0:
        fixed = b[0]
        for i in range(n):
            y[i] = f(a[i], fixed)
    else:
        fixed = a[0]
        for i in range(n):
            y[i] = f(fixed, b[i])


cdef kernel_void pair_fwd_typed(int kind, const real* a, const real* b, real* y, Py_ssize_t n, const Py_ssize_t* step) noexcept nogil:
    if kind == ADD:
        pair_fwd[real](plus[real], a, b, y, n, step)
    elif kind == SUBTRACT:
        pair_fwd[real](minus[real], a, b, y, n, step)
    elif kind == MULTIPLY:
        pair_fwd[real](times[real], a, b, y, n, step)
    elif kind == DIVIDE:
        pair_fwd[real](over[real], a, b, y, n, step)
    elif kind == FLOOR_DIVIDE:
        pair_fwd[real](floor_over[real], a, b, y, n, step)
    elif kind == MOD:
        pair_fwd[real](modulo[real], a, b, y, n, step)
    elif kind == MAXIMUM:
        pair_fwd[real](larger[real], a, b, y, n, step)
    elif kind == MINIMUM:
        pair_fwd[real](smaller[real], a, b, y, n, step)
    elif step[1] == 0 and b[0] == 2:
        pair_fwd[real](second_power[real], a, b, y, n, step)
    else:
        pair_fwd[real](pow_[real], a, b, y, n, step)


cdef void pair_fwd_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Pair* c = <Pair*>ctx
    if c.dtype == F32:
        pair_fwd_typed[float](c.kind, <const float*>x[0], <const float*>x[1], <float*>c.y + out, n, step)
    else:
        pair_fwd_typed[double](c.kind, <const double*>x[0], <const double*>x[1], <double*>c.y + out, n, step)


cdef void pair_fwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Pair*>ctx).plan, begin, end, pair_fwd_row, ctx)


cdef inline void pair_bwd(real (*f)(real, real, real) noexcept nogil, const real* a, const real* b, const real* dy, real* d,
                          Py_ssize_t n, const Py_ssize_t* step, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i
    cdef real fixed
    if step[0] == step[1] and accumulate:
        for i in range(n):
            d[i] = d[i] + f(a[i], b[i], dy[i])
    elif step[0] == step[1]:
        for i in range(n):
            d[i] = f(a[i], b[i], dy[i])
    elif step[1] == 0:
        fixed = b[0]
        if accumulate:
            for i in range(n):
                d[i] = d[i] + f(a[i], fixed, dy[i])
        else:
            for i in range(n):
                d[i] = f(a[i], fixed, dy[i])
    else:
        fixed = a[0]
        if accumulate:
            for i in range(n):
                d[i] = d[i] + f(fixed, b[i], dy[i])
        else:
            for i in range(n):
                d[i] = f(fixed, b[i], dy[i])


cdef kernel_void pair_bwd_typed(int kind, int side, const real* a, const real* b, const real* dy, real* d, Py_ssize_t n,
                                const Py_ssize_t* step, bint accumulate) noexcept nogil:
    if kind == MULTIPLY:
        if side == 0:
            pair_bwd[real](times_da[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](times_db[real], a, b, dy, d, n, step, accumulate)
    elif kind == ADD:
        pair_bwd[real](same[real], a, b, dy, d, n, step, accumulate)
    elif kind == SUBTRACT:
        if side == 0:
            pair_bwd[real](same[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](negated[real], a, b, dy, d, n, step, accumulate)
    elif kind == DIVIDE:
        if side == 0:
            pair_bwd[real](over_da[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](over_db[real], a, b, dy, d, n, step, accumulate)
    elif kind == MAXIMUM:
        if side == 0:
            pair_bwd[real](larger_da[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](larger_db[real], a, b, dy, d, n, step, accumulate)
    elif kind == MINIMUM:
        if side == 0:
            pair_bwd[real](smaller_da[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](smaller_db[real], a, b, dy, d, n, step, accumulate)
    elif kind == MOD:
        if side == 0:
            pair_bwd[real](same[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](modulo_db[real], a, b, dy, d, n, step, accumulate)
    elif kind == POWER:
        if side == 1:
            pair_bwd[real](power_db[real], a, b, dy, d, n, step, accumulate)
        elif step[1] == 0 and b[0] == 2:
            pair_bwd[real](second_power_da[real], a, b, dy, d, n, step, accumulate)
        else:
            pair_bwd[real](power_da[real], a, b, dy, d, n, step, accumulate)
    else:
        pair_bwd[real](flat[real], a, b, dy, d, n, step, accumulate)


cdef void pair_bwd_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Pair* c = <Pair*>ctx
    if c.dtype == F32:
        pair_bwd_typed[float](c.kind, c.side, <const float*>x[0], <const float*>x[1], <float*>c.y + out, <float*>c.d + out, n, step, c.accumulate)
    else:
        pair_bwd_typed[double](c.kind, c.side, <const double*>x[0], <const double*>x[1], <double*>c.y + out, <double*>c.d + out, n, step, c.accumulate)


cdef void pair_bwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Pair*>ctx).plan, begin, end, pair_bwd_row, ctx)


# ----------------------------------------------------------------------------------------------------------------- ops

cdef inline double _cost(int kind, int dtype) noexcept:
    if kind == POWER:
        return 10.0
    return 8.0 if kind == MOD or kind == FLOOR_DIVIDE else 0.15


@cython.no_gc
cdef class Binary(Op):
    cdef int kind

    cdef int infer(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int ndim
        if same_shape(a, b):
            self.declare_like(a)
        else:
            ndim = broadcast(_NAMES[self.kind], self.inputs, dims)
            self.declare(a.dtype, ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Tensor y = self.out
        cdef Pair c
        if a.dtype < F32:
            with np.errstate(all="ignore"):
                getattr(np, _NAMES[self.kind])(to_numpy(a), to_numpy(b), out=to_numpy(y))
            return 0
        plan(&c.plan, y, a, b, None)
        c.kind, c.dtype, c.y = self.kind, a.dtype, y.data
        launch(pair_fwd_block, &c, y.size, BLOCK, y.size * _cost(self.kind, a.dtype))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor dy = self.out.grad
        cdef Tensor x = <Tensor>self.inputs[0]
        if wanted(self, 1):
            self.side(1, dy)
        if wanted(self, 0):
            if x.size == dy.size and (self.kind == ADD or self.kind == SUBTRACT):
                self.pass_grad(0, dy)
            else:
                self.side(0, dy)
        return 0

    cdef int side(self, int i, Tensor dy) except -1:
        """The gradient of input i."""
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Pair c
        cdef bint accumulate
        cdef Tensor d = self.grad_in(i, &accumulate)
        cdef Tensor t = d
        if d.size != dy.size:
            if self.kind == ADD or self.kind == SUBTRACT:
                return sum_to(dy, d, accumulate, -1 if i == 1 and self.kind == SUBTRACT else 1)
            t = empty_like(dy)
        plan(&c.plan, dy, a, b, None)
        c.kind, c.dtype, c.side, c.accumulate = self.kind, a.dtype, i, accumulate and t is d
        c.y, c.d = dy.data, t.data
        launch(pair_bwd_block, &c, dy.size, BLOCK, dy.size * _cost(self.kind, a.dtype))
        if t is not d:
            sum_to(t, d, accumulate, 1)
        return 0


# ---------------------------------------------------------------------------------------------------------- common dtypes

cdef bint out_of_reach(object x, int dtype):
    """Whether x is a Python number that a dtype of whole numbers cannot hold."""
    cdef int bits
    if dtype >= F16 or not isinstance(x, int) or isinstance(x, bool):
        return False
    bits = 32 if dtype == BOOL else 8 * <int>itemsize(dtype)
    if dtype == U8 or dtype == U16 or dtype == U32 or dtype == U64:
        return not 0 <= x < (<object>1 << bits)
    return not -(<object>1 << (bits - 1)) <= x < (<object>1 << (bits - 1))


cdef Tensor beside(object x, Tensor other):
    """x as a tensor; a Python number takes the dtype of `other`, unless it is a fraction beside whole numbers."""
    cdef int dtype = other.dtype
    if isinstance(x, Tensor):
        return <Tensor>x
    if not is_python_number(x):
        return tensor(x)
    if out_of_reach(x, dtype):
        raise OverflowError(f"the number {x} does not fit beside {describe(other)}: convert that to a dtype that holds it first, with dlcore.ops.cast")
    if dtype < F16 and isinstance(x, float):
        dtype = F32
    elif dtype == BOOL and not isinstance(x, bool):
        dtype = I32
    return tensor_as(x, dtype)


cdef Tensor first_of(object x1, object x2):
    if isinstance(x1, Tensor) or not is_python_number(x1):
        return tensor(x1)
    return beside(x1, tensor(x2))


cdef Tensor binary(int kind, object x1, object x2):
    cdef Tensor a = first_of(x1, x2)
    cdef Tensor b = beside(x2, a)
    cdef int dtype = promote(a.dtype, b.dtype)
    cdef Binary op
    if dtype == F16:
        return cast_to(binary(kind, cast_to(a, F32), cast_to(b, F32)), F16)
    if dtype < F16:
        if kind == DIVIDE:
            dtype = F32
        elif dtype == BOOL and kind == SUBTRACT:
            raise TypeError(f"subtract: x1 and x2 must hold numbers; received {describe(a)} and {describe(b)}. Use logical_xor, or cast them first")
        elif dtype == BOOL and FLOOR_DIVIDE <= kind <= POWER:
            dtype = I32
    op = Binary.__new__(Binary)
    op.kind = kind
    return apply(op, (cast_to(a, dtype), cast_to(b, dtype)))


# --------------------------------------------------------------------------------------------------- entry functions

def add(x1, x2):
    """Sum of two tensors.

    ``y[i] = x1[i] + x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.add([1.0, 2.0], 3.0).tolist()
        [4.0, 5.0]
    """
    return binary(ADD, x1, x2)


def subtract(x1, x2):
    """Difference of two tensors.

    ``y[i] = x1[i] - x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.subtract([1.0, 2.0], 3.0).tolist()
        [-2.0, -1.0]
    """
    return binary(SUBTRACT, x1, x2)


def multiply(x1, x2):
    """Product of two tensors.

    ``y[i] = x1[i] * x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.multiply([1.0, 2.0], 3.0).tolist()
        [3.0, 6.0]
    """
    return binary(MULTIPLY, x1, x2)


def divide(x1, x2):
    """Quotient of two tensors.

    ``y[i] = x1[i] / x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype; float32 for whole numbers.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.divide([1.0, 3.0], 2.0).tolist()
        [0.5, 1.5]
    """
    return binary(DIVIDE, x1, x2)


def floor_divide(x1, x2):
    """Quotient of two tensors, rounded down. It has no gradient: it is 0.

    ``y[i] = floor(x1[i] / x2[i])``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.floor_divide([7.0, -7.0], 2.0).tolist()
        [3.0, -4.0]
    """
    return binary(FLOOR_DIVIDE, x1, x2)


def mod(x1, x2):
    """Remainder of a division, with the sign of x2.

    ``y[i] = x1[i] - x2[i] * floor(x1[i] / x2[i])``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.mod([7.0, -7.0], 4.0).tolist()
        [3.0, 1.0]
    """
    return binary(MOD, x1, x2)


def power(x1, x2):
    """Power.

    ``y[i] = x1[i]^x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.power([2.0, 3.0], 2.0).tolist()
        [4.0, 9.0]
    """
    return binary(POWER, x1, x2)


def maximum(x1, x2):
    """The larger of two numbers; NaN if one of them is. A tie shares the gradient.

    ``y[i] = max(x1[i], x2[i])``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.maximum([1.0, 3.0], 2.0).tolist()
        [2.0, 3.0]
    """
    return binary(MAXIMUM, x1, x2)


def minimum(x1, x2):
    """The smaller of two numbers; NaN if one of them is. A tie shares the gradient.

    ``y[i] = min(x1[i], x2[i])``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.minimum([1.0, 3.0], 2.0).tolist()
        [1.0, 2.0]
    """
    return binary(MINIMUM, x1, x2)


true_divide = divide
