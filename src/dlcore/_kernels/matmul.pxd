from dlcore._kernels.tensor cimport Tensor

# op(a) @ op(b) over the last two axes, where op swaps them if its flag is set; leading axes broadcast.
cdef Tensor product(Tensor a, Tensor b, bint transpose_a, bint transpose_b)
