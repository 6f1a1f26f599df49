from dlcore._kernels.tensor cimport Tensor

cdef Tensor beside(object x, Tensor other)          # x as a tensor; a Python number takes the dtype of `other`
cdef bint out_of_reach(object x, int dtype)         # whether x is a Python number that a dtype of whole numbers cannot hold
cdef Tensor first_of(object x1, object x2)          # x1 as a tensor, a Python number beside x2
