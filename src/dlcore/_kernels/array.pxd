from dlcore._kernels.tensor cimport Tensor

cdef Tensor reshaped(Tensor x, int ndim, const Py_ssize_t* dims)
cdef Tensor sliced(Tensor x, tuple key)             # x[key] for slices, whole numbers, None and Ellipsis
