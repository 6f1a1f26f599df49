"""What ops with bias and activation share."""

from dlcore._kernels.tape cimport Op
from dlcore._kernels.tensor cimport Tensor

cdef Tensor back_through(Op op, int code, Tensor z, Py_ssize_t rows, Py_ssize_t n, int bias)
