from dlcore._kernels.tape cimport Op
from dlcore._kernels.tensor cimport Tensor

cdef Tensor cast_to(Tensor x, int dtype)            # differentiable; x itself if it has that dtype already

# apply() for ops that only move numbers, and so take float16 as it is; but gradients are added up, which takes float32.
cdef Tensor apply_move(Op op, tuple inputs)
