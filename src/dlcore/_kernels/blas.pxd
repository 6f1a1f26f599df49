"""The one door to matrix multiplication. Row major; ld is the distance between rows in elements; f64 chooses the dtype."""

# Called on each finished rectangle of C (after all of K) while it is in cache. c points at element (row, col).
# It must not call gemm itself.
ctypedef void (*epilogue_fn)(void* ctx, void* c, Py_ssize_t ldc, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols) noexcept nogil

# C[m,n] = (accumulate ? C : 0) + op(A)[m,k] @ op(B)[k,n], where op transposes when ta/tb is set (A is then stored k x m).
# C must not overlap A or B. Call with the GIL held; it is released inside when the work is large. MemoryError if there
# is no room for partial sums (only a long K needs them). Results do not depend on the number of threads.
cdef int gemm(bint f64, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
              const void* b, Py_ssize_t ldb, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) except -1

# The same on the calling thread alone, for use inside a launch body. Returns -1 when out of memory. Bit-identical to gemm.
cdef int gemm_nogil(bint f64, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
                    const void* b, Py_ssize_t ldb, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) noexcept nogil

# B packed once and used many times (weights in inference). `packed` needs packed_size bytes, best 64-byte aligned, and
# is meaningful to this process only: the layout depends on the instruction set.
cdef Py_ssize_t packed_size(bint f64, Py_ssize_t k, Py_ssize_t n) noexcept nogil
cdef void pack_b(bint f64, bint tb, Py_ssize_t k, Py_ssize_t n, const void* b, Py_ssize_t ldb, void* packed) noexcept nogil
cdef int gemm_packed(bint f64, bint ta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
                     const void* packed, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) except -1
