"""Arena: where trainable variables and their gradients live, back to back."""

from dlcore._kernels.tensor cimport Tensor

cdef class Run:
    cdef readonly Tensor params
    cdef readonly Tensor grads
    cdef readonly tuple variables
    cdef readonly tuple offsets

cdef class Arena:
    cdef readonly tuple variables
    cdef readonly tuple runs
