"""Reductions over axes. Whole numbers and booleans go through NumPy; float16 is computed in float32."""

import numpy as np

cimport cython
from libc.math cimport INFINITY

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.fold cimport (
    D_EXTREME, D_LOGSUMEXP, D_STD, D_SUM, D_VAR, EXPONENTIAL, FOLD_MAX, FOLD_MIN, FOLD_PROD, FOLD_SUM, Groups, TIES, fold,
    gathered, group, scatter_back, spread,
)
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.rowfold cimport arg_rows, column_spread, row_logsumexp, row_spread
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, describe, empty, empty_like, tensor, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, I16, I32, kernel_void, real
from dlcore._kernels.vmath cimport log_, sqrt_

cdef enum Kind:
    SUM, MEAN, PROD, MAX, MIN, VAR, STD, LOGSUMEXP, ANY, ALL, COUNT_NONZERO, ARGMAX, ARGMIN

cdef enum:
    LONGEST = 131072        # rows that one thread reduces: they stay in the second-level cache

cdef tuple _NAMES = ("sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "any", "all", "count_nonzero", "argmax", "argmin")


# -------------------------------------------------------------------------------------------- loops of their own

cdef struct Finish:
    int kind
    int dtype
    double rows
    void* y
    void* m


cdef inline void finish_range(Finish* c, real* y, const real* m, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    cdef real n = <real>c.rows
    if c.kind == LOGSUMEXP:
        for i in range(begin, end):
            y[i] = log_(y[i]) + m[i]
    elif c.kind == STD:
        for i in range(begin, end):
            y[i] = sqrt_(y[i] / n)
    else:
        for i in range(begin, end):
            y[i] = y[i] / n


cdef kernel_void finish_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Finish* c = <Finish*>ctx
    if c.dtype == F32:
        finish_range[float](c, <float*>c.y, <float*>c.m, begin, end)
    else:
        finish_range[double](c, <double*>c.y, <double*>c.m, begin, end)


cdef int finish(int kind, Tensor y, Tensor m, double rows) except -1:
    cdef Finish c
    c.kind, c.dtype, c.rows, c.y, c.m = kind, y.dtype, rows, y.data, m.data
    launch(finish_block, &c, y.size, 16384, y.size * 0.4)
    return 0


cdef void prod_bwd(const Groups* g, const real* x, const real* dy, real* dx) noexcept nogil:
    """dx = dy * (product of the others), from products of all before and all after: right also where x has zeros."""
    cdef Py_ssize_t o, j, r, i
    cdef real p
    for o in range(g.outer):
        for j in range(g.inner):
            p = dy[o * g.inner + j]
            for r in range(g.rows):
                i = (o * g.rows + r) * g.inner + j
                dx[i] = p
                p *= x[i]
            p = 1
            for r in range(g.rows):
                i = (o * g.rows + g.rows - 1 - r) * g.inner + j
                dx[i] *= p
                p *= x[i]


# ----------------------------------------------------------------------------------------------------------------- ops

@cython.no_gc
cdef class Reduce(Op):
    """sum, mean, prod, max, min, var, std, logsumexp."""

    cdef int kind
    cdef unsigned int mask              # bit i: axis i is reduced
    cdef bint keepdims
    cdef bint bounded                   # max and min: `initial` takes part
    cdef double initial
    cdef Groups groups
    cdef Tensor centre                  # for backward: the mean or the maximum of every row

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i, dtype
        cdef int ndim = 0
        for i in range(x.ndim):
            if not (self.mask >> i) & 1:
                dims[ndim] = x.dims[i]
                ndim += 1
            else:
                if x.dims[i] == 0 and (self.kind == MAX or self.kind == MIN) and not self.bounded:
                    raise ValueError(f"{_NAMES[self.kind]}: axis {i} of {describe(x)} has no elements, so there is no result. Pass initial= or check the input")
                if self.keepdims:
                    dims[ndim] = 1
                    ndim += 1
        dtype = x.dtype
        if dtype < F16:
            if self.kind == MEAN:
                dtype = F32
            elif (self.kind == SUM or self.kind == PROD) and dtype <= I16:
                dtype = I32
        self.declare(dtype, ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor y = self.out
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor t
        cdef Groups* g = &self.groups
        cdef Py_ssize_t dims[2]
        if x.dtype < F32:
            return self.forward_whole(x)
        group(x, self.mask, g)
        x = gathered(x, self.mask, g)
        if self.kind == SUM or self.kind == MEAN:
            fold(FOLD_SUM, x.dtype, g, x.data, y.data)
            if self.kind == MEAN:
                finish(MEAN, y, y, g.rows)
        elif self.kind == PROD:
            fold(FOLD_PROD, x.dtype, g, x.data, y.data)
        elif self.kind == MAX or self.kind == MIN:
            fold(FOLD_MAX if self.kind == MAX else FOLD_MIN, x.dtype, g, x.data, y.data)
            if self.bounded:
                (np.maximum if self.kind == MAX else np.minimum)(to_numpy(y), self.initial, out=to_numpy(y))
        else:
            dims[0], dims[1] = g.outer, g.inner
            self.centre = empty(x.dtype, 2, dims)
            if self.kind == LOGSUMEXP and g.inner == 1 and 0 < g.rows <= LONGEST:
                row_logsumexp(x, g, y)
            elif self.kind == LOGSUMEXP:
                t = empty_like(x)
                fold(FOLD_MAX, x.dtype, g, x.data, self.centre.data)
                _finite_only(self.centre)
                spread(EXPONENTIAL, x, g, self.centre, self.centre, self.centre, 1, t, False)
                fold(FOLD_SUM, x.dtype, g, t.data, y.data)
                finish(LOGSUMEXP, y, self.centre, g.rows)
            elif x.size and g.inner == 1 and g.rows <= LONGEST:
                row_spread(x, g, self.centre, y, self.kind == STD)
            else:
                column_spread(x, g, self.centre, y)
                finish(self.kind, y, self.centre, g.rows)
            if not self.need:
                self.centre = None
        return 0

    cdef int forward_whole(self, Tensor x) except -1:
        options = {"axis": tuple([i for i in range(x.ndim) if (self.mask >> i) & 1]), "keepdims": self.keepdims}
        if self.bounded:
            options["initial"] = np.array(self.initial).astype(x.dtype if x.dtype == BOOL else np.float64).astype(to_numpy(x).dtype)
        array = to_numpy(self.out)
        array[...] = getattr(np, _NAMES[self.kind])(to_numpy(x), **options)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Tensor dy = self.out.grad
        cdef Tensor d, t, count, ties
        cdef Groups* g = &self.groups
        cdef bint accumulate, add
        if not wanted(self, 0):
            return 0
        d = self.grad_in(0, &accumulate)
        x = gathered(x, self.mask, g)
        t = d
        add = accumulate
        if g.scattered or (accumulate and self.kind == PROD):
            t = empty_like(x)
            add = False
        if self.kind == SUM:
            spread(D_SUM, x, g, dy, dy, dy, 1, t, add)
        elif self.kind == MEAN:
            spread(D_SUM, x, g, dy, dy, dy, 1.0 / g.rows, t, add)
        elif self.kind == PROD:
            if x.dtype == F32:
                prod_bwd[float](g, <float*>x.data, <float*>dy.data, <float*>t.data)
            else:
                prod_bwd[double](g, <double*>x.data, <double*>dy.data, <double*>t.data)
        elif self.kind == MAX or self.kind == MIN:
            count = empty_like(x)
            spread(TIES, x, g, y, y, y, 1, count, False)
            ties = empty_like(y)
            fold(FOLD_SUM, x.dtype, g, count.data, ties.data)
            spread(D_EXTREME, x, g, y, ties, dy, 1, t, add)
        elif self.kind == LOGSUMEXP:
            spread(D_LOGSUMEXP, x, g, y, y, dy, 1, t, add)
        elif self.kind == VAR:
            spread(D_VAR, x, g, self.centre, y, dy, 2.0 / g.rows, t, add)
        else:
            spread(D_STD, x, g, self.centre, y, dy, 1.0 / g.rows, t, add)
        if g.scattered or (accumulate and self.kind == PROD):
            scatter_back(t, d, self.mask if g.scattered else 0, accumulate)
        return 0


cdef int _finite_only(Tensor m) except -1:
    """Infinite maxima become 0: e^(-inf - -inf) would be NaN."""
    cdef Py_ssize_t i
    for i in range(m.size):
        if m.dtype == F32:
            if (<float*>m.data)[i] == INFINITY or (<float*>m.data)[i] == -INFINITY:
                (<float*>m.data)[i] = 0
        elif (<double*>m.data)[i] == INFINITY or (<double*>m.data)[i] == -INFINITY:
            (<double*>m.data)[i] = 0
    return 0


cdef unsigned int _axes(int kind, Tensor x, object axis) except? 0:
    cdef unsigned int mask = 0
    cdef unsigned int bit
    if axis is None:
        return (1u << x.ndim) - 1
    if not isinstance(axis, (tuple, list)):
        return 1u << axis_index(_NAMES[kind], axis, x.ndim, x)
    for a in axis:
        bit = 1u << axis_index(_NAMES[kind], a, x.ndim, x)
        if mask & bit:
            raise ValueError(f"{_NAMES[kind]}: every axis may be named once; received axis={axis} for {describe(x)}")
        mask |= bit
    return mask


cdef Tensor reduced(int kind, object value, object axis, bint keepdims, object initial):
    cdef Tensor x = tensor(value)
    cdef Reduce op
    if x.dtype == F16:
        return cast_to(reduced(kind, cast_to(x, F32), axis, keepdims, initial), F16)
    if x.dtype < F16 and kind >= VAR:
        x = cast_to(x, F32)
    op = Reduce.__new__(Reduce)
    op.kind = kind
    op.mask = _axes(kind, x, axis)
    op.keepdims = keepdims
    if initial is not None:
        op.bounded = True
        op.initial = float(initial)
    return apply(op, (x,))


@cython.no_gc
cdef class Find(Op):
    """any, all, count_nonzero, argmax, argmin: no gradient."""

    cdef int kind
    cdef unsigned int mask
    cdef bint keepdims

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        cdef int ndim = 0
        for i in range(x.ndim):
            if not (self.mask >> i) & 1:
                dims[ndim] = x.dims[i]
                ndim += 1
            else:
                if x.dims[i] == 0 and self.kind >= ARGMAX:
                    raise ValueError(f"{_NAMES[self.kind]}: axis {i} of {describe(x)} has no elements, so there is no result")
                if self.keepdims:
                    dims[ndim] = 1
                    ndim += 1
        self.declare(BOOL if self.kind <= ALL else I32, ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Groups g
        array = to_numpy(self.out)
        axes = tuple([i for i in range(x.ndim) if (self.mask >> i) & 1])
        if self.kind < ARGMAX:
            array[...] = getattr(np, _NAMES[self.kind])(to_numpy(x), axis=axes, keepdims=self.keepdims)
            return 0
        group(x, self.mask, &g)
        if x.dtype >= F32 and g.inner == 1 and g.rows and not g.scattered:
            arg_rows(x, &g, self.out, self.kind == ARGMAX)
        else:
            array[...] = getattr(np, _NAMES[self.kind])(to_numpy(x), axis=axes[0] if len(axes) == 1 and x.ndim > 1 else None, keepdims=self.keepdims)
        return 0


cdef Tensor found(int kind, object value, object axis, bint keepdims):
    cdef Tensor x = tensor(value)
    cdef Find op = Find.__new__(Find)
    op.kind = kind
    if kind >= ARGMAX and axis is not None:
        op.mask = 1u << axis_index(_NAMES[kind], axis, x.ndim, x)
    else:
        op.mask = _axes(kind, x, axis)
    op.keepdims = keepdims
    return apply(op, (x,))


# --------------------------------------------------------------------------------------------------- entry functions

def sum(x, axis=None, keepdims=False):
    """Sum over axes.

    ``y = sum of x[i]`` over the reduced indices i.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; int32 for whole numbers of up to 16 bits.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sum([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [4.0, 7.0]
    """
    return reduced(SUM, x, axis, keepdims, None)


def mean(x, axis=None, keepdims=False):
    """Mean over axes.

    ``y = sum of x[i] / n`` over the n reduced elements.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; float32 for whole numbers.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.mean([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [2.0, 3.5]
    """
    return reduced(MEAN, x, axis, keepdims, None)


def prod(x, axis=None, keepdims=False):
    """Product over axes.

    ``y = product of x[i]`` over the reduced indices i.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; int32 for whole numbers of up to 16 bits.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.prod([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [3.0, 10.0]
    """
    return reduced(PROD, x, axis, keepdims, None)


def max(x, axis=None, keepdims=False, initial=None):
    """Largest element over axes. Elements that tie share the gradient.

    ``y = max of x[i]`` over the reduced indices i; NaN if one of them is.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.
        initial: A number that takes part in every comparison.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If an axis does not exist or is named twice, or has no elements and there is no `initial`.

    Example:
        >>> import dlcore
        >>> dlcore.ops.max([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [3.0, 5.0]
    """
    return reduced(MAX, x, axis, keepdims, initial)


def min(x, axis=None, keepdims=False, initial=None):
    """Smallest element over axes. Elements that tie share the gradient.

    ``y = min of x[i]`` over the reduced indices i; NaN if one of them is.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.
        initial: A number that takes part in every comparison.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If an axis does not exist or is named twice, or has no elements and there is no `initial`.

    Example:
        >>> import dlcore
        >>> dlcore.ops.min([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [1.0, 2.0]
    """
    return reduced(MIN, x, axis, keepdims, initial)


def var(x, axis=None, keepdims=False):
    """Variance over axes.

    ``y = mean of (x[i] - mean)^2`` over the reduced indices i.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; float32 for whole numbers.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.var([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [1.0, 2.25]
    """
    return reduced(VAR, x, axis, keepdims, None)


def std(x, axis=None, keepdims=False):
    """Standard deviation over axes; its gradient where it is 0 is 0.

    ``y = sqrt(mean of (x[i] - mean)^2)`` over the reduced indices i.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; float32 for whole numbers.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.std([[1.0, 2.0], [3.0, 5.0]], axis=0).tolist()
        [1.0, 1.5]
    """
    return reduced(STD, x, axis, keepdims, None)


def logsumexp(x, axis=None, keepdims=False):
    """Logarithm of the sum of exponentials over axes, without overflow.

    ``y = log(sum of e^x[i])`` over the reduced indices i.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A tensor of the dtype of x; float32 for whole numbers.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> round(dlcore.ops.logsumexp([1000.0, 1000.0]).item(), 3)
        1000.693
    """
    return reduced(LOGSUMEXP, x, axis, keepdims, None)


def any(x, axis=None, keepdims=False):
    """Whether some element is true (not zero) over axes.

    ``y = x[i] != 0 for some i`` of the reduced indices.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A bool tensor.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.any([[0, 1], [0, 0]], axis=1).tolist()
        [True, False]
    """
    return found(ANY, x, axis, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether every element is true (not zero) over axes.

    ``y = x[i] != 0 for all i`` of the reduced indices.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.
        keepdims: Whether reduced axes stay, with one element.

    Returns:
        A bool tensor.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.all([[1, 1], [0, 1]], axis=1).tolist()
        [True, False]
    """
    return found(ALL, x, axis, keepdims)


def count_nonzero(x, axis=None):
    """Number of elements that are not zero.

    ``y = number of i with x[i] != 0`` of the reduced indices.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to reduce; all of them if ``None``.

    Returns:
        An int32 tensor.

    Raises:
        ValueError: If an axis does not exist or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.count_nonzero([[1, 1], [0, 1]], axis=1).tolist()
        [2, 1]
    """
    return found(COUNT_NONZERO, x, axis, False)


def argmax(x, axis=None, keepdims=False):
    """Index of the first largest element; NaN counts as largest.

    ``y = min of {i: x[i] = max of x}``

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; the flattened tensor if ``None``.
        keepdims: Whether the axis stays, with one element.

    Returns:
        An int32 tensor.

    Raises:
        ValueError: If the axis does not exist or has no elements.

    Example:
        >>> import dlcore
        >>> dlcore.ops.argmax([[1.0, 2.0], [3.0, 5.0]], axis=1).tolist()
        [1, 1]
    """
    return found(ARGMAX, x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    """Index of the first smallest element; NaN counts as smallest.

    ``y = min of {i: x[i] = min of x}``

    Args:
        x: Tensor of any shape.
        axis: Axis to search along; the flattened tensor if ``None``.
        keepdims: Whether the axis stays, with one element.

    Returns:
        An int32 tensor.

    Raises:
        ValueError: If the axis does not exist or has no elements.

    Example:
        >>> import dlcore
        >>> dlcore.ops.argmin([[1.0, 2.0], [3.0, 5.0]], axis=1).tolist()
        [0, 0]
    """
    return found(ARGMIN, x, axis, keepdims)


amax = max
amin = min
