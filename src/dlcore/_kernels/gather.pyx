"""Indexing by tensors, joining, padding and repeating."""

import numpy as np

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from dlcore._kernels.array cimport reshaped, sliced
from dlcore._kernels.cast cimport apply_move, cast_to
from dlcore._kernels.fold cimport sum_to
from dlcore._kernels.layout cimport axis_index, dense_strides, extents, strided_copy
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, cast_copy, describe, dtype_code, itemsize, promote, shape_of, tensor, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, I64, real

from dlcore._kernels.array import expand_dims, ravel


cdef double MAX_ELEMENTS = 2.0 ** 46      # as many as the pool gives bytes


# --------------------------------------------------------------------------------------------------------------- gather

cdef struct Rows:
    Py_ssize_t outer
    Py_ssize_t n                # elements of the axis
    Py_ssize_t m                # indices
    Py_ssize_t inner            # bytes of a row (forward), elements of a row (backward)
    int dtype
    const int64_t* index        # in [0, n)
    char* x                     # (outer, n, inner): the input, or its gradient
    char* y                     # (outer, m, inner)


cdef void gather_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows* c = <Rows*>ctx
    cdef Py_ssize_t t, o
    for t in range(begin, end):
        o = t // c.m
        if c.inner == 4:
            (<int*>c.y)[t] = (<int*>c.x)[o * c.n + c.index[t % c.m]]
        else:
            memcpy(c.y + t * c.inner, c.x + (o * c.n + c.index[t % c.m]) * c.inner, c.inner)


cdef inline void scatter_add(Rows* c, real* d, const real* dy, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    # An item is a strip of columns, added in the order of the indices: repeated indices add up in a fixed order.
    cdef Py_ssize_t strips = (c.inner + 63) // 64
    cdef Py_ssize_t t, o, first, width, i, j
    cdef real* to
    cdef const real* g
    for t in range(begin, end):
        o = t // strips
        first = t % strips * 64
        width = min(<Py_ssize_t>64, c.inner - first)
        for i in range(c.m):
            to = d + (o * c.n + c.index[i]) * c.inner + first
            g = dy + (o * c.m + i) * c.inner + first
            for j in range(width):
                to[j] += g[j]


cdef void scatter_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows* c = <Rows*>ctx
    if c.dtype == F32:
        scatter_add[float](c, <float*>c.x, <const float*>c.y, begin, end)
    else:
        scatter_add[double](c, <double*>c.x, <const double*>c.y, begin, end)


@cython.no_gc
cdef class Gather(Op):
    """Rows of x along an axis, chosen by a tensor of whole numbers."""

    cdef int axis
    cdef str name               # of the entry function, for errors
    cdef Tensor index           # as int64 in [0, n)

    cdef tuple reads(self):
        return None                                 # infer checks the indices

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor index = <Tensor>self.inputs[1]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t n = x.dims[self.axis]
        cdef Py_ssize_t i, at
        cdef int64_t* p
        cdef int ndim = x.ndim - 1 + index.ndim
        if index.dtype == BOOL or index.dtype >= F16:
            raise TypeError(f"{self.name}: indices must be whole numbers; received {describe(index)}. Cast them first")
        if ndim > MAX_NDIM:
            raise ValueError(f"{self.name}: tensors have at most {MAX_NDIM} dimensions; received {describe(x)} and indices of shape {index.shape}")
        for i in range(ndim):
            if i < self.axis:
                dims[i] = x.dims[i]
            elif i < self.axis + index.ndim:
                dims[i] = index.dims[i - self.axis]
            else:
                dims[i] = x.dims[i - index.ndim + 1]
        if not x.symbolic and not index.symbolic:
            self.index = cast_copy(index, I64)
            p = <int64_t*>self.index.data
            for i in range(index.size):
                at = p[i]
                if at < -n or at >= n:
                    raise IndexError(f"{self.name}: index {at} is out of range for axis {self.axis} with {n} elements, of {describe(x)}")
                if at < 0:
                    p[i] = at + n
        self.declare(x.dtype, ndim, dims)
        return 0

    cdef void rows(self, Tensor x, Rows* c):
        cdef int i
        c.outer = c.inner = 1
        for i in range(x.ndim):
            if i < self.axis:
                c.outer *= x.dims[i]
            elif i > self.axis:
                c.inner *= x.dims[i]
        c.n = x.dims[self.axis]
        c.m = self.index.size
        c.index = <const int64_t*>self.index.data
        c.dtype = x.dtype

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Rows c
        self.rows(x, &c)
        c.inner *= itemsize(x.dtype)
        c.x, c.y = x.data, self.out.data
        if self.out.size:
            launch(gather_block, &c, c.outer * c.m, max(<Py_ssize_t>1, 65536 // c.inner), c.outer * c.m * (3 + 0.05 * c.inner))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor d
        cdef Rows c
        cdef bint accumulate
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            if not accumulate:
                memset(d.data, 0, d.size * itemsize(d.dtype))
            self.rows(x, &c)
            c.x, c.y = d.data, self.out.grad.data
            if self.out.size:
                launch(scatter_block, &c, c.outer * ((c.inner + 63) // 64), max(<Py_ssize_t>1, 16384 // (c.m * min(c.inner, <Py_ssize_t>64))),
                       c.outer * c.m * (1 + 0.2 * c.inner))
        return 0


cdef Tensor gathered_along(Tensor x, Tensor index, int axis, str name):
    cdef Gather op = Gather.__new__(Gather)
    op.axis = axis
    op.name = name
    return apply_move(op, (x, index))


cdef Tensor gathered_by(Tensor x, object numbers, int axis, str name):
    return gathered_along(x, tensor(np.asarray(numbers, dtype=np.int64)), axis, name)


def take(x, indices, axis=None):
    """Elements of x along an axis. The gradients of an element taken several times add up.

    ``y[a, i, b] = x[a, indices[i], b]``

    Args:
        x: Tensor of any shape.
        indices: Tensor of whole numbers of any shape; negative ones count from the end.
        axis: Axis along which to take; the flattened tensor if ``None``.

    Returns:
        A tensor of the dtype of x, whose axis is replaced by the axes of `indices`.

    Raises:
        IndexError: If an index is out of range.
        TypeError: If the indices are not whole numbers.
        ValueError: If the axis does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.take([1.0, 2.0, 3.0], [2, 0, -1]).tolist()
        [3.0, 1.0, 3.0]
    """
    cdef Tensor a = tensor(x)
    if axis is None:
        return gathered_along(ravel(a), tensor(indices), 0, "take")
    return gathered_along(a, tensor(indices), axis_index("take", axis, a.ndim, a), "take")


def take_along_axis(x, indices, axis=None):
    """Elements of x along an axis, with indices of their own for every place.

    ``y[a, i, b] = x[a, indices[a, i, b], b]``

    Args:
        x: Tensor of any shape.
        indices: Tensor of whole numbers with as many axes as x; its other axes broadcast with those of x.
        axis: Axis along which to take; the flattened tensor if ``None``.

    Returns:
        A tensor of the dtype of x and the shape of `indices`.

    Raises:
        IndexError: If an index is out of range.
        ValueError: If the shapes do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).tolist()
        [[2.0], [3.0]]
    """
    cdef Tensor a = tensor(x)
    cdef Tensor flat = ravel(a)
    index = to_numpy(tensor(indices))
    if axis is None:
        return gathered_along(flat, tensor(index.reshape(-1)), 0, "take_along_axis")
    i = axis_index("take_along_axis", axis, a.ndim, a)
    if index.size and a.dims[i] and not -a.dims[i] <= index.min() <= index.max() < a.dims[i]:
        raise IndexError(f"take_along_axis: indices from {index.min()} to {index.max()} are out of range for axis {i} "
                         f"with {a.dims[i]} elements, of {describe(a)}")
    return gathered_by(flat, np.take_along_axis(np.arange(a.size).reshape(shape_of(a)), index, i), 0, "take_along_axis")


def getitem(x, key):
    """Indexing as in NumPy: ``x[key]``.

    Args:
        x: Tensor of any shape.
        key: Whole number, slice, None, Ellipsis, tensor or list of indices, bool mask, or a tuple of them.

    Returns:
        A tensor of the dtype of x; it shares the memory of x where the elements lie side by side.

    Raises:
        IndexError: If an index is out of range or there are too many.

    Example:
        >>> import dlcore
        >>> x = dlcore.ops.reshape(dlcore.ops.arange(6), (2, 3))
        >>> x[:, 1].tolist(), x[[1, 0]].tolist()
        ([1, 4], [[3, 4, 5], [0, 1, 2]])
    """
    cdef Tensor a = tensor(x)
    cdef bint basic = True
    keys = []
    for k in (key if isinstance(key, tuple) else (key,)):
        if isinstance(k, Tensor) and not (<Tensor>k).symbolic:
            k = to_numpy(<Tensor>k)
        if isinstance(k, (list, np.ndarray)) and not isinstance(k, np.generic):
            k = np.asarray(k)
            if k.ndim == 0 and k.dtype != bool:
                k = k.item()
            elif k.size == 0 and k.dtype.kind == "f":
                k = k.astype(np.int64)
        if isinstance(k, (bool, np.bool_, np.ndarray, Tensor)):
            basic = False
        elif k is not None and k is not Ellipsis and not isinstance(k, slice) and not hasattr(k, "__index__"):
            raise IndexError(f"getitem: expected whole numbers, slices, None, Ellipsis or tensors of indices; received {k!r}")
        keys.append(k)
    if basic:
        return sliced(a, tuple(keys))
    if len(keys) == 1 and isinstance(keys[0], Tensor):
        return gathered_along(a, <Tensor>keys[0], 0, "getitem")
    if len(keys) == 1 and isinstance(keys[0], np.ndarray) and a.ndim and (keys[0].dtype != bool or keys[0].ndim == 1):
        if keys[0].dtype == bool:
            if a.dims[0] != UNKNOWN and len(keys[0]) != a.dims[0]:
                raise IndexError(f"getitem: expected a mask of {a.dims[0]} elements for axis 0 of {describe(a)}; received {len(keys[0])}")
            keys[0] = np.nonzero(keys[0])[0]
        return gathered_along(a, tensor(keys[0]), 0, "getitem")
    if a.size == UNKNOWN:
        raise TypeError(f"getitem: {describe(a)} is symbolic; several index tensors or masks need its whole shape")
    # Let NumPy say which elements these are.
    places = np.arange(a.size).reshape(shape_of(a))[tuple(keys)]
    return gathered_along(reshaped(a, 1, &a.size), tensor(places), 0, "getitem")


def repeat(x, repeats, axis=None):
    """Repeats every element along an axis.

    Args:
        x: Tensor of any shape.
        repeats: Number of times, or one for every element of the axis.
        axis: Axis along which to repeat; the flattened tensor if ``None``.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If the axis does not exist or `repeats` does not fit it.

    Example:
        >>> import dlcore
        >>> dlcore.ops.repeat([1.0, 2.0], 2).tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    cdef Tensor a = tensor(x)
    if axis is None:
        a = ravel(a)
        axis = 0
    cdef int i = axis_index("repeat", axis, a.ndim, a)
    times = np.asarray(repeats)
    if times.ndim > 1 or times.size not in (1, a.dims[i]) or times.min() < 0:
        raise ValueError(f"repeat: repeats must be one number of at least 0, or one for each of the "
                         f"{a.dims[i]} elements along axis {i}; received repeats={repeats!r}")
    # NumPy's repeat does not notice that a product of sizes overflows, and crashes.
    if float(times.sum()) * (a.dims[i] if times.size == 1 else 1) > MAX_ELEMENTS:
        raise MemoryError(f"repeat: the result would be too large; received repeats={repeats!r} for {describe(a)}")
    return gathered_by(a, np.repeat(np.arange(_known(a, i, "repeat")), times), i, "repeat")


def tile(x, repeats):
    """Repeats x as a whole along its axes.

    Args:
        x: Tensor of any shape.
        repeats: Number of times for every axis; missing leading ones are 1.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If a number is negative.

    Example:
        >>> import dlcore
        >>> dlcore.ops.tile([1.0, 2.0], 2).tolist()
        [1.0, 2.0, 1.0, 2.0]
    """
    cdef Tensor a = tensor(x)
    cdef int i
    times = list(repeats) if isinstance(repeats, (tuple, list)) else [repeats]
    if any(t < 0 for t in times):
        raise ValueError(f"tile: repeats must be at least 0; received repeats={repeats}")
    if max(a.ndim, len(times)) > MAX_NDIM:
        raise ValueError(f"tile: tensors have at most {MAX_NDIM} dimensions; received repeats={repeats}")
    times = [1] * (a.ndim - len(times)) + times
    while a.ndim < len(times):
        a = expand_dims(a, 0)
    for i in range(a.ndim):
        if times[i] != 1:
            a = gathered_by(a, np.tile(np.arange(_known(a, i, "tile")), times[i]), i, "tile")
    return a


def roll(x, shift, axis=None):
    """Moves elements along axes; what leaves at the end comes back at the front.

    Args:
        x: Tensor of any shape.
        shift: Number of places, or one for every axis named.
        axis: Axis or tuple of axes; the flattened tensor if ``None``.

    Returns:
        A tensor of the shape and dtype of x.

    Raises:
        ValueError: If an axis does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.roll([1.0, 2.0, 3.0], 1).tolist()
        [3.0, 1.0, 2.0]
    """
    cdef Tensor a = tensor(x)
    cdef int i
    if axis is None:
        return reshaped(roll(ravel(a), shift, 0), a.ndim, a.dims)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    for k, by in zip(axes, shifts, strict=True):
        i = axis_index("roll", k, a.ndim, a)
        a = gathered_by(a, np.roll(np.arange(_known(a, i, "roll")), by), i, "roll")
    return a


cdef Py_ssize_t _known(Tensor x, int axis, str name) except -1:
    if x.dims[axis] == UNKNOWN:
        raise ValueError(f"{name}: axis {axis} of {describe(x)} has an unknown number of elements")
    return x.dims[axis]


# ----------------------------------------------------------------------------------------------------------------- join

@cython.no_gc
cdef class Concatenate(Op):
    cdef int axis

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor other
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        for i in range(x.ndim):
            dims[i] = x.dims[i]
        dims[self.axis] = 0
        for other in self.inputs:
            if other.ndim != x.ndim:
                raise ValueError(f"concatenate: expected tensors of one rank; received the shapes {', '.join([str(t.shape) for t in self.inputs])}")
            for i in range(x.ndim):
                if i == self.axis:
                    dims[i] = UNKNOWN if dims[i] == UNKNOWN or other.dims[i] == UNKNOWN else dims[i] + other.dims[i]
                elif dims[i] == UNKNOWN:
                    dims[i] = other.dims[i]
                elif other.dims[i] != dims[i] and other.dims[i] != UNKNOWN:
                    raise ValueError(f"concatenate: expected equal sizes along all axes but axis {self.axis}; "
                                     f"received the shapes {', '.join([str(t.shape) for t in self.inputs])}")
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef char* at = self.out.data
        dense_strides(self.out.ndim, self.out.dims, strides)
        for x in self.inputs:
            dense_strides(x.ndim, x.dims, dense)
            strided_copy(x.dtype, False, x.ndim, x.dims, x.data, dense, at, strides)
            at += x.dims[self.axis] * strides[self.axis] * itemsize(x.dtype)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x, d
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef const char* at = self.out.grad.data
        cdef bint accumulate
        cdef int i
        dense_strides(self.out.ndim, self.out.dims, strides)
        for i in range(<int>len(self.inputs)):
            x = <Tensor>self.inputs[i]
            if wanted(self, i):
                d = self.grad_in(i, &accumulate)
                dense_strides(x.ndim, x.dims, dense)
                strided_copy(x.dtype, accumulate, x.ndim, x.dims, at, strides, d.data, dense)
            at += x.dims[self.axis] * strides[self.axis] * itemsize(x.dtype)
        return 0


def concatenate(xs, axis=0):
    """Joins tensors along an axis they have.

    Args:
        xs: List of tensors whose shapes are equal but for that axis.
        axis: Axis along which to join.

    Returns:
        A tensor of the common dtype.

    Raises:
        ValueError: If there is no tensor, an axis does not exist, or shapes do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.concatenate([[1.0, 2.0], [3.0]]).tolist()
        [1.0, 2.0, 3.0]
    """
    cdef list parts = [tensor(x) for x in xs]
    cdef Concatenate op
    cdef int dtype
    if not parts:
        raise ValueError("concatenate: expected at least one tensor; received an empty list")
    if len(parts) > 31:
        # An op has room for the marks of 32 inputs: join in groups, in order.
        return concatenate([concatenate(parts[k:k + 31], axis) for k in range(0, len(parts), 31)], axis)
    dtype = (<Tensor>parts[0]).dtype
    for part in parts:
        dtype = promote(dtype, (<Tensor>part).dtype)
    op = Concatenate.__new__(Concatenate)
    op.axis = axis_index("concatenate", axis, (<Tensor>parts[0]).ndim, parts[0])
    return apply_move(op, tuple([cast_to(<Tensor>part, dtype) for part in parts]))


def stack(x, axis=0):
    """Joins tensors along a new axis.

    Args:
        x: List of tensors of one shape.
        axis: Place of the new axis in the result.

    Returns:
        A tensor of the common dtype.

    Raises:
        ValueError: If there is no tensor, or the shapes differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.stack([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    return concatenate([expand_dims(part, axis) for part in x], axis)


# ------------------------------------------------------------------------------------------------- broadcast, pad, one-hot

@cython.no_gc
cdef class BroadcastTo(Op):
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] dims

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef int i
        cdef int shift = self.ndim - x.ndim
        for i in range(x.ndim):
            if shift < 0 or (x.dims[i] != 1 and x.dims[i] != UNKNOWN and x.dims[i] != self.dims[shift + i]):
                raise ValueError(f"broadcast_to: {describe(x)} does not broadcast to the shape {tuple([self.dims[j] for j in range(self.ndim)])}")
        self.declare(x.dtype, self.ndim, self.dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t to[MAX_NDIM]
        cdef int i
        cdef int shift = self.ndim - x.ndim
        dense_strides(x.ndim, x.dims, dense)
        dense_strides(self.ndim, self.dims, to)
        for i in range(self.ndim):
            strides[i] = 0 if i < shift or x.dims[i - shift] == 1 else dense[i - shift]
        return strided_copy(x.dtype, False, self.ndim, self.dims, x.data, strides, self.out.data, to)

    cdef int backward(self) except -1:
        cdef bint accumulate
        cdef Tensor d
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            sum_to(self.out.grad, d, accumulate, 1)
        return 0


def broadcast_to(x, shape):
    """Repeats x along new axes and along axes of one element.

    Args:
        x: Tensor of any shape.
        shape: Shape of the result, to which that of x broadcasts.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If the shape of x does not broadcast to `shape`.

    Example:
        >>> import dlcore
        >>> dlcore.ops.broadcast_to([1.0, 2.0], (2, 2)).tolist()
        [[1.0, 2.0], [1.0, 2.0]]
    """
    cdef Tensor a = tensor(x)
    cdef BroadcastTo op = BroadcastTo.__new__(BroadcastTo)
    cdef int i
    op.ndim = <int>extents("broadcast_to", "shape", shape, op.dims)
    for i in range(op.ndim):
        # None is a dimension that a symbolic tensor does not know yet.
        if op.dims[i] < 0 and not (a.symbolic and shape[i] is None):
            raise ValueError(f"broadcast_to: shape must hold whole numbers of at least 0; received shape={shape!r} for {describe(a)}")
    return apply_move(op, (a,))


@cython.no_gc
cdef class Pad(Op):
    """A constant around x."""

    cdef double value
    cdef Py_ssize_t[MAX_NDIM] before
    cdef Py_ssize_t[MAX_NDIM] after

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        for i in range(x.ndim):
            dims[i] = UNKNOWN if x.dims[i] == UNKNOWN and self.before[i] + self.after[i] else x.dims[i] + self.before[i] + self.after[i]
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef Py_ssize_t layout(self, Tensor x, Py_ssize_t* dense, Py_ssize_t* strides):
        """Strides of x and of the result; returns where x begins in the result, in bytes."""
        cdef Py_ssize_t offset = 0
        cdef int i
        dense_strides(x.ndim, x.dims, dense)
        dense_strides(x.ndim, self.out.dims, strides)
        for i in range(x.ndim):
            offset += self.before[i] * strides[i]
        return offset * itemsize(x.dtype)

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t offset = self.layout(x, dense, strides)
        if self.value == 0:
            memset(self.out.data, 0, self.out.size * itemsize(x.dtype))
        else:
            to_numpy(self.out).fill(self.value)
        return strided_copy(x.dtype, False, x.ndim, x.dims, x.data, dense, self.out.data + offset, strides)

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor d
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t offset
        cdef bint accumulate
        if wanted(self, 0):
            offset = self.layout(x, dense, strides)
            d = self.grad_in(0, &accumulate)
            strided_copy(x.dtype, accumulate, x.ndim, x.dims, self.out.grad.data + offset, strides, d.data, dense)
        return 0


def pad(x, pad_width, mode="constant", constant_values=None):
    """Puts elements around x.

    Args:
        x: Tensor of any shape.
        pad_width: A pair (before, after) for every axis, one pair for all, or one number for all sides.
        mode: ``"constant"``, ``"reflect"``, ``"symmetric"`` or ``"edge"``, as in NumPy.
        constant_values: Number to pad with in mode ``"constant"``; 0 by default.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: For an unknown mode, or a pad_width that does not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.pad([1.0, 2.0], ((1, 2),)).tolist()
        [0.0, 1.0, 2.0, 0.0, 0.0]
    """
    cdef Tensor a = tensor(x)
    cdef Pad op
    cdef int i
    try:
        widths = np.broadcast_to(np.asarray(pad_width, dtype=np.int64), (a.ndim, 2)).tolist()
    except (ValueError, OverflowError):
        widths = None
    if widths is None or not all(0 <= w < 2 ** 46 for pair in widths for w in pair):       # no tensor is larger; sums do not overflow
        raise ValueError(f"pad: pad_width must be a pair (before, after) of numbers from 0 to 2 ** 46 for each of the {a.ndim} axes of "
                         f"{describe(a)}; received pad_width={pad_width}")
    if mode == "constant":
        op = Pad.__new__(Pad)
        op.value = 0 if constant_values is None else float(constant_values)
        for i in range(a.ndim):
            op.before[i], op.after[i] = widths[i]
        return apply_move(op, (a,))
    if mode not in ("reflect", "symmetric", "edge"):
        raise ValueError(f"pad: mode must be 'constant', 'reflect', 'symmetric' or 'edge'; received mode={mode!r}")
    if constant_values is not None:
        raise ValueError(f"pad: constant_values is for mode='constant' only; received mode={mode!r}")
    for i in range(a.ndim):
        if widths[i] != [0, 0]:
            a = gathered_by(a, np.pad(np.arange(_known(a, i, "pad")), widths[i], mode=mode), i, "pad")
    return a


@cython.no_gc
cdef class OneHot(Op):
    """No gradient."""

    cdef int dtype
    cdef int axis
    cdef Py_ssize_t classes

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        for i in range(x.ndim + 1):
            dims[i] = x.dims[i] if i < self.axis else self.classes if i == self.axis else x.dims[i - 1]
        self.declare(self.dtype, x.ndim + 1, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor index = cast_copy(x, I64)
        cdef Py_ssize_t i, k
        cdef Py_ssize_t inner = 1
        cdef int axis
        for axis in range(self.axis, x.ndim):
            inner *= x.dims[axis]
        memset(self.out.data, 0, self.out.size * itemsize(self.dtype))
        array = None if self.dtype == F32 else to_numpy(self.out).reshape(-1)
        for i in range(index.size):
            k = (<int64_t*>index.data)[i]
            if 0 <= k < self.classes:
                k = (i // inner * self.classes + k) * inner + i % inner
                if array is None:
                    (<float*>self.out.data)[k] = 1
                else:
                    array[k] = 1
        return 0


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Ones at the places that x names, zeros elsewhere. A number outside [0, num_classes) gives zeros only.

    ``y[i, k] = 1 if x[i] = k else 0``

    Args:
        x: Tensor of whole numbers (fractions are cut off).
        num_classes: Size of the new axis.
        axis: Place of the new axis in the result.
        dtype: dtype of the result; float32 by default.
        sparse: Must be False.

    Returns:
        A tensor with one axis more than x.

    Raises:
        ValueError: If the axis does not exist or `num_classes` is negative.

    Example:
        >>> import dlcore
        >>> dlcore.ops.one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    cdef Tensor a = tensor(x)
    cdef OneHot op = OneHot.__new__(OneHot)
    if sparse:
        raise ValueError("one_hot: sparse=True is not supported; the result is dense")
    op.dtype = F32 if dtype is None else dtype_code(dtype)
    if num_classes < 0:
        raise ValueError(f"one_hot: num_classes must be at least 0; received num_classes={num_classes}")
    if a.ndim == MAX_NDIM:
        raise ValueError(f"one_hot: tensors have at most {MAX_NDIM} dimensions, and the result has one more than x; received {describe(a)}")
    op.axis = axis_index("one_hot", axis, a.ndim + 1, a)
    op.classes = num_classes
    return apply(op, (a,))
