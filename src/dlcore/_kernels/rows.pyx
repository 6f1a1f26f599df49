"""Rows of tensors: what batches of data are made of."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, describe, empty, itemsize, view
from dlcore._kernels.types cimport I64


def slice_rows(Tensor x, Py_ssize_t begin, Py_ssize_t end):
    """Rows begin..end of x, sharing its memory."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t row = itemsize(x.dtype)
    cdef int i
    if x.symbolic or x.ndim == 0 or begin < 0 or end < begin or end > x.dims[0]:
        raise ValueError(f"slice_rows: rows {begin}:{end} are outside {describe(x)}")
    dims[0] = end - begin
    for i in range(1, x.ndim):
        dims[i] = x.dims[i]
        row *= x.dims[i]
    return view(x, begin * row, x.ndim, dims)


def gather_rows(Tensor x, Tensor order, Py_ssize_t begin, Py_ssize_t end):
    """The rows of x that order[begin:end] (int64) names, as a fresh tensor."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t row = itemsize(x.dtype)
    cdef Py_ssize_t i
    cdef Tensor y
    cdef int64_t* index = <int64_t*>order.data
    if x.symbolic or order.symbolic or order.dtype != I64 or order.ndim != 1 or begin < 0 or end < begin or end > order.dims[0] or x.ndim == 0:
        raise ValueError(f"gather_rows: rows order[{begin}:{end}] of {describe(order)} from {describe(x)}")
    for i in range(begin, end):
        if index[i] < 0 or index[i] >= x.dims[0]:
            raise IndexError(f"gather_rows: row {index[i]} is outside {describe(x)}")
    dims[0] = end - begin
    for i in range(1, x.ndim):
        dims[i] = x.dims[i]
        row *= x.dims[i]
    y = empty(x.dtype, x.ndim, dims)
    if row == 4:
        for i in range(end - begin):
            (<float*>y.data)[i] = (<float*>x.data)[index[begin + i]]
    elif row * (end - begin) < 65536:
        for i in range(end - begin):
            memcpy(y.data + i * row, x.data + index[begin + i] * row, row)
    else:
        with nogil:
            for i in range(end - begin):
                memcpy(y.data + i * row, x.data + index[begin + i] * row, row)
    return y
