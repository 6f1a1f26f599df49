"""Comparisons and logic, and what chooses between numbers: where, clip.

Operands are brought to one dtype first; a Python number takes the dtype of the other operand. Whole numbers go through
NumPy, in a forward pass without a gradient. float16 is computed in float32.
"""

import numpy as np

cimport cython
from libc.math cimport INFINITY, fabs

from dlcore._kernels.binary cimport beside, first_of, out_of_reach
from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.fold cimport sum_to
from dlcore._kernels.layout cimport Plan, broadcast, plan, walk
from dlcore._kernels.pairs cimport is_equal, is_less, is_less_equal, is_unequal
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, empty_like, promote, tensor, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, I32, kernel_void, real

cdef enum Kind:
    EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL
    LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR
    ISNAN, ISINF, ISFINITE

cdef tuple _NAMES = (
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor",
    "isnan", "isinf", "isfinite",
)

cdef enum:
    BLOCK = 16384


# --------------------------------------------------------------------------------------------------------- comparisons

cdef struct Test:
    Plan plan
    int kind
    int dtype
    unsigned char* y


cdef inline void test(bint (*f)(real, real) noexcept nogil, const real* a, const real* b, unsigned char* y, Py_ssize_t n,
                      const Py_ssize_t* step) noexcept nogil:
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


cdef kernel_void test_typed(int kind, const real* a, const real* b, unsigned char* y, Py_ssize_t n, const Py_ssize_t* step) noexcept nogil:
    if kind == EQUAL:
        test[real](is_equal[real], a, b, y, n, step)
    elif kind == NOT_EQUAL:
        test[real](is_unequal[real], a, b, y, n, step)
    elif kind == LESS:
        test[real](is_less[real], a, b, y, n, step)
    else:
        test[real](is_less_equal[real], a, b, y, n, step)


cdef void test_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Test* c = <Test*>ctx
    if c.dtype == F32:
        test_typed[float](c.kind, <const float*>x[0], <const float*>x[1], c.y + out, n, step)
    else:
        test_typed[double](c.kind, <const double*>x[0], <const double*>x[1], c.y + out, n, step)


cdef void test_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Test*>ctx).plan, begin, end, test_row, ctx)


@cython.no_gc
cdef class Compare(Op):
    """No gradient."""

    cdef int kind

    cdef int infer(self) except -1:
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int ndim = broadcast(_NAMES[self.kind], self.inputs, dims)
        self.declare(BOOL, ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Tensor y = self.out
        cdef Test c
        if a.dtype < F32:
            getattr(np, _NAMES[self.kind])(to_numpy(a), to_numpy(b), out=to_numpy(y))
            return 0
        c.kind, c.dtype, c.y = self.kind, a.dtype, <unsigned char*>y.data
        if self.kind == GREATER or self.kind == GREATER_EQUAL:
            c.kind = LESS if self.kind == GREATER else LESS_EQUAL
            a, b = b, a
        plan(&c.plan, y, a, b, None)
        launch(test_block, &c, y.size, BLOCK, y.size * 0.1)
        return 0


cdef object within_reach(object x, object other):
    """x, or infinity for a Python number beyond all values of the dtype of `other`, which compares as the number does."""
    if isinstance(x, int) and not isinstance(x, bool) and out_of_reach(x, tensor(other).dtype):
        return INFINITY if x > 0 else -INFINITY
    return x


cdef Tensor compared(int kind, object x1, object x2):
    x1, x2 = within_reach(x1, x2), within_reach(x2, x1)
    cdef Tensor a = first_of(x1, x2)
    cdef Tensor b = beside(x2, a)
    cdef int dtype = BOOL if kind >= LOGICAL_AND else promote(a.dtype, b.dtype)
    cdef Compare op = Compare.__new__(Compare)
    op.kind = kind
    if dtype == F16:
        dtype = F32
    return apply(op, (cast_to(a, dtype), cast_to(b, dtype)))


# ------------------------------------------------------------------------------------------------- NaN and infinity

cdef struct Classes:
    int kind
    int dtype
    const void* x
    unsigned char* y


cdef kernel_void classify(int kind, const real* x, unsigned char* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if kind == ISNAN:
        for i in range(n):
            y[i] = x[i] != x[i]
    elif kind == ISINF:
        for i in range(n):
            y[i] = fabs(x[i]) == INFINITY
    else:
        for i in range(n):
            y[i] = fabs(x[i]) < INFINITY


cdef void classify_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Classes* m = <Classes*>ctx
    if m.dtype == F32:
        classify[float](m.kind, <const float*>m.x + begin, m.y + begin, end - begin)
    else:
        classify[double](m.kind, <const double*>m.x + begin, m.y + begin, end - begin)


@cython.no_gc
cdef class Classify(Op):
    """No gradient."""

    cdef int kind

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        self.declare(BOOL, x.ndim, x.dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Classes m
        if x.dtype < F32:
            getattr(np, _NAMES[self.kind])(to_numpy(x), out=to_numpy(self.out))
            return 0
        m.kind, m.dtype, m.x, m.y = self.kind, x.dtype, x.data, <unsigned char*>self.out.data
        launch(classify_block, &m, x.size, BLOCK, x.size * 0.1)
        return 0


cdef Tensor classified(int kind, object value):
    cdef Classify op = Classify.__new__(Classify)
    op.kind = kind
    return apply(op, (tensor(value),))


# -------------------------------------------------------------------------------------------------------- where, clip

cdef struct Choice:
    Plan plan
    bint clips              # clip(x, low, high), else where(condition, a, b)
    int dtype
    int side                # backward: the input whose gradient is computed
    bint accumulate
    void* y                 # forward: the result; backward: the gradient of the result
    void* d                 # backward: the gradient of that input, of the shape of the result


cdef inline void where_fwd(const unsigned char* c, const real* a, const real* b, real* y, Py_ssize_t n, const Py_ssize_t* step) noexcept nogil:
    cdef Py_ssize_t i
    cdef real a0, b0
    if step[1] == 1 and step[2] == 1 and step[0] == 1:
        for i in range(n):
            a0 = a[i]                   # both are loaded before one is chosen: a load under a condition is slow
            b0 = b[i]
            y[i] = a0 if c[i] else b0
    elif step[1] == 0 and step[0] == 1 and step[2] == 1:
        a0 = a[0]
        for i in range(n):
            b0 = b[i]
            y[i] = a0 if c[i] else b0
    elif step[2] == 0 and step[0] == 1 and step[1] == 1:
        b0 = b[0]
        for i in range(n):
            a0 = a[i]
            y[i] = a0 if c[i] else b0
    else:
        for i in range(n):
            y[i] = a[i * step[1]] if c[i * step[0]] else b[i * step[2]]


cdef inline void where_bwd(const unsigned char* c, Py_ssize_t step, bint chosen, const real* dy, real* d, Py_ssize_t n, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = dy[i]
        g = g if (c[i * step] != 0) == chosen else 0
        d[i] = d[i] + g if accumulate else g


cdef inline void clip_fwd(const real* x, const real* low, const real* high, real* y, Py_ssize_t n, const Py_ssize_t* step) noexcept nogil:
    cdef Py_ssize_t i
    cdef real v, l, h
    if step[0] == 1 and step[1] == 0 and step[2] == 0:
        l = low[0]
        h = high[0]
        for i in range(n):
            v = x[i]
            v = l if v < l else v
            y[i] = h if v > h else v
    else:
        for i in range(n):
            v = x[i * step[0]]
            l = low[i * step[1]]
            h = high[i * step[2]]
            v = l if v < l else v
            y[i] = h if v > h else v


cdef inline void clip_bwd(int side, const real* x, const real* low, const real* high, const real* dy, real* d, Py_ssize_t n,
                          const Py_ssize_t* step, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i
    cdef real v, l, h, g
    for i in range(n):
        v = x[i * step[0]]
        l = low[i * step[1]]
        h = high[i * step[2]]
        g = dy[i]
        if side == 0:
            g = g if (v >= l) & (v <= h) else 0
        elif side == 1:
            g = g if (v < l) & (l < h) else 0
        else:
            g = g if (v > h) | (h < l) else 0
        d[i] = d[i] + g if accumulate else g


cdef kernel_void choice_fwd(Choice* c, const real* tag, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    if c.clips:
        clip_fwd(<const real*>x[0], <const real*>x[1], <const real*>x[2], <real*>c.y + out, n, step)
    else:
        where_fwd(<const unsigned char*>x[0], <const real*>x[1], <const real*>x[2], <real*>c.y + out, n, step)


cdef kernel_void choice_bwd(Choice* c, const real* tag, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef const real* dy = <const real*>c.y + out
    cdef real* d = <real*>c.d + out
    if c.clips:
        clip_bwd(c.side, <const real*>x[0], <const real*>x[1], <const real*>x[2], dy, d, n, step, c.accumulate)
    else:
        where_bwd(<const unsigned char*>x[0], step[0], c.side == 1, dy, d, n, c.accumulate)


cdef void choice_fwd_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Choice* c = <Choice*>ctx
    if c.dtype == F32:
        choice_fwd[float](c, NULL, n, out, x, step)
    else:
        choice_fwd[double](c, NULL, n, out, x, step)


cdef void choice_bwd_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Choice* c = <Choice*>ctx
    if c.dtype == F32:
        choice_bwd[float](c, NULL, n, out, x, step)
    else:
        choice_bwd[double](c, NULL, n, out, x, step)


cdef void choice_fwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Choice*>ctx).plan, begin, end, choice_fwd_row, ctx)


cdef void choice_bwd_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Choice*>ctx).plan, begin, end, choice_bwd_row, ctx)


@cython.no_gc
cdef class Choose(Op):
    """where(condition, a, b) and clip(x, low, high)."""

    cdef bint clips

    cdef int infer(self) except -1:
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int ndim = broadcast("clip" if self.clips else "where", self.inputs, dims)
        self.declare((<Tensor>self.inputs[1]).dtype, ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Tensor y = self.out
        cdef Choice c
        if y.dtype < F32:
            arrays = [to_numpy(<Tensor>x) for x in self.inputs]
            np.copyto(to_numpy(y), np.minimum(np.maximum(arrays[0], arrays[1]), arrays[2]) if self.clips else np.where(*arrays))
            return 0
        plan(&c.plan, y, a, b, <Tensor>self.inputs[2])
        c.clips, c.dtype, c.y = self.clips, y.dtype, y.data
        launch(choice_fwd_block, &c, y.size, BLOCK, y.size * 0.2)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor dy = self.out.grad
        cdef Choice c
        cdef bint accumulate
        cdef Tensor d, t
        cdef int i
        for i in range(3):
            if not wanted(self, i):
                continue
            d = self.grad_in(i, &accumulate)
            t = d if d.size == dy.size else empty_like(dy)
            plan(&c.plan, dy, <Tensor>self.inputs[0], <Tensor>self.inputs[1], <Tensor>self.inputs[2])
            c.clips, c.dtype, c.side, c.accumulate = self.clips, dy.dtype, i, accumulate and t is d
            c.y, c.d = dy.data, t.data
            launch(choice_bwd_block, &c, dy.size, BLOCK, dy.size * 0.4)
            if t is not d:
                sum_to(t, d, accumulate, 1)
        return 0


cdef Tensor chosen(bint clips, Tensor a, Tensor b, Tensor c, int dtype):
    cdef Choose op
    if dtype == F16:
        return cast_to(chosen(clips, cast_to(a, F32) if clips else a, cast_to(b, F32), cast_to(c, F32), F32), F16)
    op = Choose.__new__(Choose)
    op.clips = clips
    return apply(op, (cast_to(a, dtype if clips else BOOL), cast_to(b, dtype), cast_to(c, dtype)))


# --------------------------------------------------------------------------------------------------- entry functions

def where(condition, x1=None, x2=None):
    """Elements of x1 where the condition holds, of x2 elsewhere.

    ``y[i] = x1[i] if condition[i] else x2[i]``

    Args:
        condition: Tensor of any shape; not zero means true. It has no gradient.
        x1: Tensor whose shape broadcasts with the others, or a number.
        x2: The same. Without x1 and x2 the result is a tuple of index tensors of the true elements, one per axis.

    Returns:
        A tensor of the common shape, and the common dtype of x1 and x2.

    Raises:
        ValueError: If the shapes do not broadcast, or only one of x1 and x2 is given.

    Example:
        >>> import dlcore
        >>> dlcore.ops.where([True, False], [1.0, 2.0], 0.0).tolist()
        [1.0, 0.0]
    """
    cdef Tensor a, b
    if x1 is None and x2 is None:
        return tuple([tensor(i.astype(np.int32)) for i in np.nonzero(to_numpy(tensor(condition)))])
    if x1 is None or x2 is None:
        raise ValueError("where: expected both x1 and x2, or neither; received only one of them")
    a = first_of(x1, x2)
    b = beside(x2, a)
    return chosen(False, tensor(condition), a, b, promote(a.dtype, b.dtype))


def clip(x, x_min, x_max):
    """Limits the elements of x to an interval. At the limits themselves the gradient still passes.

    ``y[i] = min(max(x[i], x_min[i]), x_max[i])``

    Args:
        x: Tensor of any shape.
        x_min: Lower limit: a number, or a tensor whose shape broadcasts with that of x.
        x_max: Upper limit, likewise.

    Returns:
        A tensor of the common shape and dtype.

    Raises:
        ValueError: If the shapes do not broadcast, or a limit is None.

    Example:
        >>> import dlcore
        >>> dlcore.ops.clip([-1.0, 0.5, 3.0], 0.0, 1.0).tolist()
        [0.0, 0.5, 1.0]
    """
    cdef Tensor a = tensor(x)
    cdef Tensor b = beside(x_min, a)
    cdef Tensor c = beside(x_max, a)
    cdef int dtype = promote(promote(a.dtype, b.dtype), c.dtype)
    return chosen(True, a, b, c, I32 if dtype == BOOL else dtype)


def equal(x1, x2):
    """Whether two numbers are equal.

    ``y[i] = x1[i] = x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.equal([1.0, 2.0, 3.0], 2.0).tolist()
        [False, True, False]
    """
    return compared(EQUAL, x1, x2)


def not_equal(x1, x2):
    """Whether two numbers are different.

    ``y[i] = x1[i] != x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.not_equal([1.0, 2.0, 3.0], 2.0).tolist()
        [True, False, True]
    """
    return compared(NOT_EQUAL, x1, x2)


def less(x1, x2):
    """Whether x1 is less than x2.

    ``y[i] = x1[i] < x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.less([1.0, 2.0, 3.0], 2.0).tolist()
        [True, False, False]
    """
    return compared(LESS, x1, x2)


def less_equal(x1, x2):
    """Whether x1 is at most x2.

    ``y[i] = x1[i] <= x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.less_equal([1.0, 2.0, 3.0], 2.0).tolist()
        [True, True, False]
    """
    return compared(LESS_EQUAL, x1, x2)


def greater(x1, x2):
    """Whether x1 is greater than x2.

    ``y[i] = x1[i] > x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.greater([1.0, 2.0, 3.0], 2.0).tolist()
        [False, False, True]
    """
    return compared(GREATER, x1, x2)


def greater_equal(x1, x2):
    """Whether x1 is at least x2.

    ``y[i] = x1[i] >= x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.greater_equal([1.0, 2.0, 3.0], 2.0).tolist()
        [False, True, True]
    """
    return compared(GREATER_EQUAL, x1, x2)


def logical_and(x1, x2):
    """Whether both are true (not zero).

    ``y[i] = x1[i] and x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.logical_and([True, True, False], [True, False, False]).tolist()
        [True, False, False]
    """
    return compared(LOGICAL_AND, x1, x2)


def logical_or(x1, x2):
    """Whether at least one is true (not zero).

    ``y[i] = x1[i] or x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.logical_or([True, True, False], [True, False, False]).tolist()
        [True, True, False]
    """
    return compared(LOGICAL_OR, x1, x2)


def logical_xor(x1, x2):
    """Whether exactly one is true (not zero).

    ``y[i] = x1[i] xor x2[i]``

    Args:
        x1: Tensor of any shape, or a number.
        x2: Tensor whose shape broadcasts with that of x1, or a number.

    Returns:
        A bool tensor of the common shape.

    Raises:
        ValueError: If the shapes do not broadcast.

    Example:
        >>> import dlcore
        >>> dlcore.ops.logical_xor([True, True, False], [True, False, False]).tolist()
        [False, True, False]
    """
    return compared(LOGICAL_XOR, x1, x2)


def logical_not(x):
    """Whether an element is false (zero).

    Args:
        x: Tensor of any shape.

    Returns:
        A bool tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.logical_not([True, False]).tolist()
        [False, True]
    """
    return compared(LOGICAL_XOR, x, True)


def isnan(x):
    """Whether an element is NaN.

    Args:
        x: Tensor of any shape.

    Returns:
        A bool tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.isnan([1.0, float("nan")]).tolist()
        [False, True]
    """
    return classified(ISNAN, x)


def isinf(x):
    """Whether an element is infinite.

    Args:
        x: Tensor of any shape.

    Returns:
        A bool tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.isinf([1.0, float("-inf")]).tolist()
        [False, True]
    """
    return classified(ISINF, x)


def isfinite(x):
    """Whether an element is neither infinite nor NaN.

    Args:
        x: Tensor of any shape.

    Returns:
        A bool tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.isfinite([1.0, float("inf")]).tolist()
        [True, False]
    """
    return classified(ISFINITE, x)
