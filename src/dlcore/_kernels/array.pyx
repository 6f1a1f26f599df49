"""Shapes, axes and slices. Reshaping and slicing share memory where the elements lie side by side."""

cimport cython
from libc.string cimport memset

from dlcore._kernels.cast cimport apply_move
from dlcore._kernels.layout cimport axis_index, dense_strides, extents, strided_copy
from dlcore._kernels.tape cimport Op, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, describe, itemsize, point, tensor, view


# --------------------------------------------------------------------------------------------------------------- views

@cython.no_gc
cdef class Reshape(Op):
    """The same numbers under another shape: forward shares the memory, backward hands the gradient on."""

    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] dims

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        if x.symbolic:
            self.declare(x.dtype, self.ndim, self.dims)
        else:
            self.out = view(x, 0, self.ndim, self.dims)
        return 0

    cdef int forward(self) except -1:
        return point(self.out, <Tensor>self.inputs[0], 0)       # run again, a variable may have moved

    cdef int backward(self) except -1:
        if wanted(self, 0):
            self.pass_grad(0, self.out.grad)
        return 0


cdef Tensor reshaped(Tensor x, int ndim, const Py_ssize_t* dims):
    cdef Reshape op = Reshape.__new__(Reshape)
    cdef int i
    op.ndim = ndim
    for i in range(ndim):
        op.dims[i] = dims[i]
    return apply_move(op, (x,))


def reshape(x, newshape):
    """Gives x another shape with the same number of elements, in row-major order.

    Args:
        x: Tensor of any shape.
        newshape: Tuple of whole numbers; one of them may be -1 and follows from the others.

    Returns:
        A tensor that shares the memory of x.

    Raises:
        ValueError: If the numbers of elements differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1)).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    cdef Tensor a = tensor(x)
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t n = 1
    cdef int ndim = <int>extents("reshape", "newshape", newshape, dims)
    cdef int free = -1
    cdef int i
    for i in range(ndim):
        if dims[i] == -1:                           # None reads as -1 too
            if free >= 0:
                raise ValueError(f"reshape: newshape may hold one -1; received newshape={tuple(newshape)}")
            free = i
        elif dims[i] < 0:
            raise ValueError(f"reshape: newshape must hold sizes of at least 0, or one -1; received newshape={newshape}")
        else:
            n *= dims[i]
    if a.size == UNKNOWN:
        return reshaped(a, ndim, dims)
    if free >= 0 and n and a.size % n == 0:
        dims[free] = a.size // n
        n *= dims[free]
    if n != a.size or (free >= 0 and dims[free] < 0):
        raise ValueError(f"reshape: expected a newshape with the {a.size} elements of {describe(a)}; received newshape={newshape}")
    return reshaped(a, ndim, dims)


def ravel(x):
    """Flattens x to one axis, in row-major order.

    Args:
        x: Tensor of any shape.

    Returns:
        A tensor of one axis that shares the memory of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.ravel([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    cdef Tensor a = tensor(x)
    return reshaped(a, 1, &a.size)


def expand_dims(x, axis):
    """Inserts axes of one element.

    Args:
        x: Tensor of any shape.
        axis: Place of the new axis in the result, or a tuple of places.

    Returns:
        A tensor that shares the memory of x.

    Raises:
        ValueError: If a place does not exist in the result or is named twice.

    Example:
        >>> import dlcore
        >>> dlcore.ops.expand_dims([1.0, 2.0], -1).shape
        (2, 1)
    """
    cdef Tensor a = tensor(x)
    cdef Py_ssize_t dims[MAX_NDIM]
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    cdef int ndim = a.ndim + <int>len(axes)
    cdef int i
    cdef int k = 0
    if ndim > MAX_NDIM:
        raise ValueError(f"expand_dims: tensors have at most {MAX_NDIM} dimensions; received axis={axis} for {describe(a)}")
    places = {axis_index("expand_dims", p, ndim, a) for p in axes}
    if len(places) != len(axes):
        raise ValueError(f"expand_dims: every axis may be named once; received axis={axis}")
    for i in range(ndim):
        if i in places:
            dims[i] = 1
        else:
            dims[i] = a.dims[k]
            k += 1
    return reshaped(a, ndim, dims)


def squeeze(x, axis=None):
    """Removes axes of one element.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes to remove; all of one element if ``None``.

    Returns:
        A tensor that shares the memory of x.

    Raises:
        ValueError: If an axis does not exist or does not have one element.

    Example:
        >>> import dlcore
        >>> dlcore.ops.squeeze([[1.0], [2.0]], axis=1).tolist()
        [1.0, 2.0]
    """
    cdef Tensor a = tensor(x)
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i
    cdef int ndim = 0
    if axis is None:
        gone = {j for j in range(a.ndim) if a.dims[j] == 1}
    else:
        gone = {axis_index("squeeze", p, a.ndim, a) for p in (axis if isinstance(axis, (tuple, list)) else (axis,))}
    for i in range(a.ndim):
        if i not in gone:
            dims[ndim] = a.dims[i]
            ndim += 1
        elif a.dims[i] != 1 and a.dims[i] != UNKNOWN:
            raise ValueError(f"squeeze: expected one element along axis {i}; received {describe(a)}")
    return reshaped(a, ndim, dims)


# ------------------------------------------------------------------------------------------------------------ transpose

@cython.no_gc
cdef class Transpose(Op):
    cdef int[MAX_NDIM] axes             # axis i of the result is axis axes[i] of the input

    cdef void layout(self, Tensor x, Py_ssize_t* dims, Py_ssize_t* strides) noexcept:
        """Dims of the result, and the strides along them in the input."""
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef int i
        dense_strides(x.ndim, x.dims, dense)
        for i in range(x.ndim):
            dims[i] = x.dims[self.axes[i]]
            strides[i] = dense[self.axes[i]]

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        self.layout(x, dims, strides)
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t dense[MAX_NDIM]
        self.layout(x, dims, strides)
        dense_strides(x.ndim, dims, dense)
        return strided_copy(x.dtype, False, x.ndim, dims, x.data, strides, self.out.data, dense)

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor dy = self.out.grad
        cdef Tensor d
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t back[MAX_NDIM]
        cdef int i
        cdef bint accumulate
        if wanted(self, 0):
            # In the order of the input's axes, so that the copy writes from the first element to the last.
            dense_strides(dy.ndim, dy.dims, dense)
            for i in range(x.ndim):
                back[self.axes[i]] = dense[i]
            dense_strides(x.ndim, x.dims, strides)
            d = self.grad_in(0, &accumulate)
            strided_copy(x.dtype, accumulate, x.ndim, x.dims, dy.data, back, d.data, strides)
        return 0


cdef Tensor transposed(Tensor x, list axes):
    cdef Transpose op = Transpose.__new__(Transpose)
    cdef int i
    for i in range(x.ndim):
        op.axes[i] = axes[i]
    return apply_move(op, (x,))


def transpose(x, axes=None):
    """Reorders axes; reverses them by default.

    ``y[i0, i1, ...] = x[j0, j1, ...]`` with ``j[axes[k]] = i[k]``

    Args:
        x: Tensor of any shape.
        axes: For every axis of the result the axis of x it comes from.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If `axes` does not name every axis once.

    Example:
        >>> import dlcore
        >>> dlcore.ops.transpose([[1.0, 2.0], [3.0, 4.0]]).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    cdef Tensor a = tensor(x)
    if axes is None:
        order = list(range(a.ndim - 1, -1, -1))
    else:
        order = [axis_index("transpose", i, a.ndim, a) for i in axes]
        if sorted(order) != list(range(a.ndim)):
            raise ValueError(f"transpose: axes must name each of the {a.ndim} axes of {describe(a)} once; received axes={tuple(axes)}")
    return transposed(a, order)


def swapaxes(x, axis1, axis2):
    """Exchanges two axes.

    Args:
        x: Tensor of any shape.
        axis1: First axis.
        axis2: Second axis.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If an axis does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.swapaxes(dlcore.ops.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    cdef Tensor a = tensor(x)
    order = list(range(a.ndim))
    i = axis_index("swapaxes", axis1, a.ndim, a)
    j = axis_index("swapaxes", axis2, a.ndim, a)
    order[i], order[j] = order[j], order[i]
    return transposed(a, order)


def moveaxis(x, source, destination):
    """Moves axes to other places; the rest keep their order.

    Args:
        x: Tensor of any shape.
        source: Axis or tuple of axes of x.
        destination: Their places in the result.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If an axis does not exist, or the numbers of axes differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.moveaxis(dlcore.ops.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    cdef Tensor a = tensor(x)
    sources = [axis_index("moveaxis", i, a.ndim, a) for i in (source if isinstance(source, (tuple, list)) else (source,))]
    places = [axis_index("moveaxis", i, a.ndim, a) for i in (destination if isinstance(destination, (tuple, list)) else (destination,))]
    if len(sources) != len(places) or len(set(sources)) != len(sources) or len(set(places)) != len(places):
        raise ValueError(f"moveaxis: source and destination must name the same number of different axes; received source={source}, destination={destination}")
    order = [i for i in range(a.ndim) if i not in sources]
    for place, i in sorted(zip(places, sources)):
        order.insert(place, i)
    return transposed(a, order)


# --------------------------------------------------------------------------------------------------------------- slices

@cython.no_gc
cdef class Slice(Op):
    """Basic indexing: along every axis of the input a start, a step and a count; then the shape of the result."""

    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef Py_ssize_t[MAX_NDIM] count
    cdef int ndim
    cdef Py_ssize_t[MAX_NDIM] dims

    cdef Py_ssize_t layout(self, Tensor x, Py_ssize_t* strides) noexcept:
        """Strides in the input along its own axes; returns the offset of the first element."""
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t offset = 0
        cdef int i
        dense_strides(x.ndim, x.dims, dense)
        for i in range(x.ndim):
            offset += self.start[i] * dense[i]
            strides[i] = self.step[i] * dense[i]
        return offset

    cdef bint solid(self, Tensor x) noexcept:
        """Whether the elements lie side by side: one element along leading axes, then part of one axis, then all."""
        cdef bint whole = False
        cdef int i
        for i in range(x.ndim):
            if whole and (self.count[i] != x.dims[i] or (self.step[i] != 1 and self.count[i] > 1)):
                return False
            if self.count[i] != 1:
                whole = True
                if self.step[i] != 1:
                    return False
        return True

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t strides[MAX_NDIM]
        if not x.symbolic and self.solid(x):
            self.out = view(x, self.layout(x, strides) * itemsize(x.dtype), self.ndim, self.dims)
        else:
            self.declare(x.dtype, self.ndim, self.dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t offset
        if self.out.capacity:                       # not a view
            offset = self.layout(x, strides)
            dense_strides(x.ndim, self.count, dense)
            strided_copy(x.dtype, False, x.ndim, self.count, x.data + offset * itemsize(x.dtype), strides, self.out.data, dense)
        else:
            point(self.out, x, self.layout(x, strides) * itemsize(x.dtype))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor d
        cdef Py_ssize_t strides[MAX_NDIM]
        cdef Py_ssize_t dense[MAX_NDIM]
        cdef Py_ssize_t offset
        cdef bint accumulate
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            if not accumulate:
                memset(d.data, 0, d.size * itemsize(d.dtype))
            offset = self.layout(x, strides)
            dense_strides(x.ndim, self.count, dense)
            strided_copy(x.dtype, accumulate, x.ndim, self.count, self.out.grad.data, dense, d.data + offset * itemsize(d.dtype), strides)
        return 0


cdef Slice whole(Tensor x):
    """The slice that takes everything and keeps the shape."""
    cdef Slice op = Slice.__new__(Slice)
    cdef int i
    op.ndim = x.ndim
    for i in range(x.ndim):
        op.start[i] = 0
        op.step[i] = 1
        op.count[i] = op.dims[i] = x.dims[i]
    return op


cdef Tensor sliced(Tensor x, tuple key):
    """x[key] for a key of slices, whole numbers, None and at most one Ellipsis."""
    cdef Slice op = whole(x)
    cdef Py_ssize_t start, stop, step, n
    cdef int used = 0
    cdef int axis = 0
    op.ndim = 0
    for k in key:
        used += k is not None and k is not Ellipsis
    if used > x.ndim:
        raise IndexError(f"getitem: {used} indices for {describe(x)}, which has {x.ndim} axes")
    if sum([k is Ellipsis for k in key]) > 1:
        raise IndexError(f"getitem: expected at most one Ellipsis; received {key}")
    if Ellipsis not in key:
        key = key + (Ellipsis,)
    # Every None adds an axis, every whole number takes one away. The first MAX_NDIM entries are all there is room for.
    if x.ndim - used + sum([k is None or isinstance(k, slice) for k in key]) > MAX_NDIM:
        raise ValueError(f"getitem: tensors have at most {MAX_NDIM} dimensions; received {key} for {describe(x)}")
    for k in key:
        if k is None:
            op.dims[op.ndim] = 1
            op.ndim += 1
        elif k is Ellipsis:
            for _ in range(x.ndim - used):
                op.dims[op.ndim] = x.dims[axis]
                op.ndim += 1
                axis += 1
        elif isinstance(k, slice):
            n = x.dims[axis]
            if n == UNKNOWN:
                if k != slice(None):
                    op.count[axis] = UNKNOWN
                op.dims[op.ndim] = UNKNOWN
            else:
                start, stop, step = k.indices(n)
                op.start[axis] = start
                op.step[axis] = step
                op.count[axis] = op.dims[op.ndim] = len(range(start, stop, step))
            op.ndim += 1
            axis += 1
        else:
            n = x.dims[axis]
            start = k
            if n != UNKNOWN and (start < -n or start >= n):
                raise IndexError(f"getitem: index {start} is out of range for axis {axis} with {n} elements, of {describe(x)}")
            op.start[axis] = start + n if start < 0 else start
            op.count[axis] = 1
            axis += 1
    return apply_move(op, (x,))


def flip(x, axis=None):
    """Reverses the order of the elements along axes.

    Args:
        x: Tensor of any shape.
        axis: Axis or tuple of axes; all of them if ``None``.

    Returns:
        A tensor of the shape and dtype of x.

    Raises:
        ValueError: If an axis does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.flip([1.0, 2.0, 3.0]).tolist()
        [3.0, 2.0, 1.0]
    """
    cdef Tensor a = tensor(x)
    cdef Slice op = whole(a)
    cdef int i
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    for k in axes:
        i = axis_index("flip", k, a.ndim, a)
        op.start[i] = a.dims[i] - 1
        op.step[i] = -1
    return apply_move(op, (a,)) if a.size else a


def split(x, indices_or_sections, axis=0):
    """Cuts x along an axis.

    Args:
        x: Tensor of any shape.
        indices_or_sections: Number of equal parts, or the indices at which to cut.
        axis: Axis to cut along.

    Returns:
        A list of tensors.

    Raises:
        ValueError: If the axis does not exist or cannot be cut into equal parts.

    Example:
        >>> import dlcore
        >>> [part.tolist() for part in dlcore.ops.split([1.0, 2.0, 3.0, 4.0], 2)]
        [[1.0, 2.0], [3.0, 4.0]]
    """
    cdef Tensor a = tensor(x)
    cdef int i = axis_index("split", axis, a.ndim, a)
    cdef Py_ssize_t n = a.dims[i]
    if n == UNKNOWN:
        raise ValueError(f"split: axis {axis} of {describe(a)} has an unknown number of elements")
    if hasattr(indices_or_sections, "__index__"):
        parts = int(indices_or_sections)
        if parts < 1 or n % parts:
            raise ValueError(f"split: the {n} elements along axis {axis} of {describe(a)} cannot be cut into {parts} equal parts")
        cuts = list(range(0, n + 1, n // parts)) if n else [0] * (parts + 1)
    else:
        cuts = [0, *[slice(None, int(c)).indices(n)[1] for c in indices_or_sections], n]
    lead = (slice(None),) * i
    return [sliced(a, lead + (slice(cuts[k], max(cuts[k], cuts[k + 1])),)) for k in range(len(cuts) - 1)]


def unstack(x, num=None, axis=0):
    """Takes x apart along an axis, which disappears.

    Args:
        x: Tensor of at least one axis.
        num: Number of elements along the axis; needed only if it is unknown.
        axis: Axis to take apart.

    Returns:
        A list of tensors.

    Raises:
        ValueError: If the axis does not exist or does not have `num` elements.

    Example:
        >>> import dlcore
        >>> [row.tolist() for row in dlcore.ops.unstack([[1.0, 2.0], [3.0, 4.0]])]
        [[1.0, 2.0], [3.0, 4.0]]
    """
    cdef Tensor a = tensor(x)
    cdef int i = axis_index("unstack", axis, a.ndim, a)
    n = num if a.dims[i] == UNKNOWN else a.dims[i]
    if n is None or (num is not None and num != n):
        raise ValueError(f"unstack: expected num={n} for axis {axis} of {describe(a)}; received num={num}")
    return [sliced(a, (slice(None),) * i + (k,)) for k in range(n)]
