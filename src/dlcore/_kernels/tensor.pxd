"""Tensor: pointer, dtype, shape, owner; always C-contiguous. Buffers come from the pool."""

cdef enum:
    MAX_NDIM = 8
    UNKNOWN = -1        # a dimension that a symbolic tensor does not know yet

cdef class Tensor:
    cdef char* data                     # NULL for a symbolic tensor
    cdef object owner                   # keeps `data` alive; None when the pool does
    cdef Py_ssize_t capacity            # bytes taken from the pool
    cdef int dtype
    cdef int ndim
    cdef bint symbolic
    cdef bint kept                      # memory of variables: its arrays are read-only
    cdef bint is_leaf_variable          # a trainable variable: every tape wants its gradient
    cdef bint grad_ready                # `grad` holds a value already: the next writer adds
    cdef Py_ssize_t size                # UNKNOWN if a dimension is
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef long long tape_id              # the tape that recorded or watches it; 0: none
    cdef Tensor grad                    # gradient of an intermediate while its tape runs backward
    cdef public object mask             # Keras' mask, travels with the tensor
    cdef object __weakref__
    cdef set_dims(self, int ndim, const Py_ssize_t* dims)

cdef class VariableBase(Tensor):
    cdef object home                    # the arena block that holds it, or None
    cdef Py_ssize_t place               # offset in that block, in elements
    cdef Tensor grad_view
    cdef hold(self, Tensor store)

cdef Py_ssize_t itemsize(int dtype) noexcept nogil
cdef void wrote() noexcept              # numbers of a variable have changed
cdef long long writes() noexcept        # how often; the same number again: no variable has changed
cdef Tensor empty(int dtype, int ndim, const Py_ssize_t* dims)
cdef Tensor zeros(int dtype, int ndim, const Py_ssize_t* dims)
cdef Tensor empty_like(Tensor x)
cdef Tensor view(Tensor base, Py_ssize_t offset, int ndim, const Py_ssize_t* dims)      # offset in bytes
cdef int point(Tensor x, Tensor base, Py_ssize_t offset) except -1      # x, a view, is one of base from now on
cdef Tensor tensor(object x)                                # a Tensor is returned as it is
cdef Tensor tensor_as(object x, int dtype)                  # the same, converted to dtype if need be
cdef Tensor cast_copy(Tensor x, int dtype)
cdef object to_numpy(Tensor x)
cdef str dtype_name(int dtype)
cdef int dtype_code(object name) except -1
cdef tuple shape_of(Tensor x)
cdef bint same_shape(Tensor a, Tensor b) noexcept nogil
cdef str describe(object x)
cdef int promote(int a, int b) noexcept nogil
cdef bint is_python_number(object x) noexcept

cdef class KerasTensor(Tensor):
    cdef public object name
    cdef public object history
