"""The one door to threads. A kernel is a body over a range of items, cut into blocks by shape, never by thread count."""

ctypedef void (*block_fn)(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

# Runs body(ctx, begin, end) for every block [i*block, min(n, (i+1)*block)). `cost` is the estimated time of the whole
# work on one thread in nanoseconds: it decides whether the GIL is released and whether threads are used, never how the
# work is cut. Call it with the GIL held. Denormals are flushed inside the body.
cdef void launch(block_fn body, void* ctx, Py_ssize_t n, Py_ssize_t block, double cost) noexcept

# The same from code that has already released the GIL.
cdef void launch_nogil(block_fn body, void* ctx, Py_ssize_t n, Py_ssize_t block, double cost) noexcept nogil

cdef int thread_count() noexcept nogil
