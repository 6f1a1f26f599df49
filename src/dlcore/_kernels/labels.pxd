"""Conversion of what labels come in, without a detour through NumPy for the common dtypes."""

from libc.stdint cimport int32_t, uint8_t

from dlcore._kernels.tensor cimport Tensor, cast_copy, empty
from dlcore._kernels.types cimport BOOL, F32, I32


cdef inline Tensor as_real(Tensor x, int dtype):
    """x as float32 or float64."""
    cdef Tensor y
    cdef Py_ssize_t i
    if x.dtype == dtype:
        return x
    if dtype != F32 or x.dtype != I32 and x.dtype != BOOL:
        return cast_copy(x, dtype)
    y = empty(F32, x.ndim, x.dims)
    if x.dtype == I32:
        for i in range(x.size):
            (<float*>y.data)[i] = <float>(<int32_t*>x.data)[i]
    else:
        for i in range(x.size):
            (<float*>y.data)[i] = (<uint8_t*>x.data)[i]
    return y
