"""Conversion of dtypes, and the end of a gradient."""

import numpy as np

cimport cython
from libc.string cimport memcpy

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, dtype_code, itemsize, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, kernel_void

from dlcore._kernels.tape import recording


cdef struct Conversion:
    int dtype           # of x, float32 or float64; y has the other
    bint accumulate
    void* x
    void* y


@cython.no_gc
cdef class Cast(Op):
    cdef int dtype

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        self.declare(self.dtype, x.ndim, x.dims)
        return 0

    cdef int forward(self) except -1:
        convert_into(self.out, <Tensor>self.inputs[0], False)
        return 0

    cdef int backward(self) except -1:
        cdef bint accumulate
        cdef Tensor d
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            convert_into(d, self.out.grad, accumulate)
        return 0


cdef kernel_void convert_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Conversion* m = <Conversion*>ctx
    cdef Py_ssize_t i
    if m.dtype == F32:
        if m.accumulate:
            for i in range(begin, end):
                (<double*>m.y)[i] += (<float*>m.x)[i]
        else:
            for i in range(begin, end):
                (<double*>m.y)[i] = (<float*>m.x)[i]
    elif m.accumulate:
        for i in range(begin, end):
            (<float*>m.y)[i] += <float>(<double*>m.x)[i]
    else:
        for i in range(begin, end):
            (<float*>m.y)[i] = <float>(<double*>m.x)[i]


cdef int convert_into(Tensor y, Tensor x, bint accumulate) except -1:
    """y = x or y += x, in the dtype of y."""
    cdef Conversion m
    if x.dtype >= F32 and y.dtype >= F32 and x.dtype != y.dtype:
        m.dtype, m.x, m.y, m.accumulate = x.dtype, x.data, y.data, accumulate
        launch(convert_block, &m, x.size, 16384, x.size * 0.15)
        return 0
    with np.errstate(all="ignore"):
        if accumulate:
            np.add(to_numpy(y), to_numpy(x), out=to_numpy(y), casting="unsafe")
        else:
            np.copyto(to_numpy(y), to_numpy(x), casting="unsafe")
    return 0


cdef Tensor cast_to(Tensor x, int dtype):
    cdef Cast op
    if x.dtype == dtype:
        return x
    op = Cast.__new__(Cast)
    op.dtype = dtype
    return apply(op, (x,))


cdef Tensor apply_move(Op op, tuple inputs):
    cdef Tensor x = <Tensor>inputs[0]
    if x.dtype != F16 or not recording():
        return apply(op, inputs)
    return cast_to(apply(op, tuple([cast_to(x, F32) if x.dtype == F16 else x for x in inputs])), F16)


@cython.no_gc
cdef class StopGradient(Op):
    cdef int infer(self) except -1:
        self.declare_like(<Tensor>self.inputs[0])
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        memcpy(self.out.data, x.data, x.size * itemsize(x.dtype))
        self.need = 0                               # so no tape records it
        return 0


def cast(x, dtype):
    """Converts x to another dtype. Between floating types it passes gradients on.

    Args:
        x: Tensor of any shape.
        dtype: Name of the dtype to convert to, such as ``"float32"``.

    Returns:
        A tensor of the shape of x; x itself if it has that dtype already.

    Raises:
        ValueError: For an unknown dtype.

    Example:
        >>> import dlcore
        >>> dlcore.ops.cast([0.0, 2.7], "int32").tolist()
        [0, 2]
    """
    return cast_to(tensor(x), dtype_code(dtype))


def stop_gradient(variable):
    """The same numbers, through which no gradient flows.

    Args:
        variable: Tensor of any shape.

    Returns:
        A tensor of the shape and dtype of `variable`.

    Example:
        >>> import dlcore
        >>> dlcore.ops.stop_gradient([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    return apply(StopGradient.__new__(StopGradient), (tensor(variable),))
