"""Shapes and strides: broadcasting, and copies between strided layouts."""

from dlcore._kernels.tensor cimport MAX_NDIM, Tensor

cdef enum:
    MAX_OPERANDS = 3

# How operands are read along a result that is written from its first element to its last. Neighbouring dimensions that
# every operand crosses alike are one, so the innermost step of an operand is 0 (the same element) or 1.
cdef struct Plan:
    int ndim
    int operands
    Py_ssize_t dims[MAX_NDIM]
    Py_ssize_t strides[MAX_OPERANDS][MAX_NDIM]
    const char* data[MAX_OPERANDS]
    int size[MAX_OPERANDS]                  # bytes of an element
    int way[MAX_OPERANDS]                   # how short rows are read, see layout.pyx

# Computes n elements of a result from element `out` on; operand k begins at x[k] and advances by step[k], 0 or 1.
ctypedef void (*row_fn)(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil

cdef int broadcast(str op, tuple inputs, Py_ssize_t* dims) except -1      # the common shape; its rank
cdef void plan(Plan* p, Tensor out, Tensor a, Tensor b, Tensor c) noexcept
cdef void walk(const Plan* p, Py_ssize_t begin, Py_ssize_t end, row_fn row, void* ctx) noexcept nogil

# Copies, or adds (float32 and float64), between layouts of the same dims; strides in elements, any sign.
cdef int strided_copy(int dtype, bint add, int ndim, const Py_ssize_t* dims, const char* src, const Py_ssize_t* src_strides,
                      char* dst, const Py_ssize_t* dst_strides) except -1
cdef void dense_strides(int ndim, const Py_ssize_t* dims, Py_ssize_t* strides) noexcept nogil

cdef int axis_index(str op, object axis, int ndim, object x) except -1    # 0 <= axis < ndim, or a ValueError
cdef Py_ssize_t extents(str op, str argument, object shape, Py_ssize_t* dims) except -1      # reads a shape; its rank
