"""What accumulators of metrics share: how shapes and weights are lined up."""

from dlcore._kernels.tensor cimport Tensor

# The weights of n values of a shape, and how many values each weight holds for. ValueError if they do not fit.
cdef Tensor weights_for(str name, object sample_weight, int dtype, int ndim, const Py_ssize_t* dims, Py_ssize_t n, Py_ssize_t* each)

# Whether t has these dimensions, but for a last axis of length 1 that one of them lacks. The sizes must be equal.
cdef bint agree(Tensor t, int ndim, const Py_ssize_t* dims) noexcept
