"""Memory for tensors and scratch, kept for the next of about that size. With the GIL held."""

cdef void* pool_alloc(Py_ssize_t nbytes) except NULL
cdef void pool_free(void* block, Py_ssize_t nbytes) noexcept
