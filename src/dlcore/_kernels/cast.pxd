from dlcore._kernels.tensor cimport Tensor

cdef Tensor cast_to(Tensor x, int dtype)            # differentiable; x itself if it has that dtype already
