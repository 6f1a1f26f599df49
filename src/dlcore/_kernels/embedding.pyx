"""Rows of a table chosen by ids.

The gradient of the table is dense, as the optimizer reads it, and most of its rows are zero. Setting 50 MB to zero
first and adding then would touch every row that occurs twice; here the table is cut into blocks of rows that fit into
the cache, the ids are sorted into these blocks, and each block is zeroed and added to by one thread in one go.
"""

import numpy as np

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, cast_copy, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, I64, kernel_void, real

cdef enum:
    CACHED = 16384          # elements of a block of rows
    STRIP = 64              # columns that one item takes when there are too few blocks to share out
    FEW = 16

cdef struct Ctx:
    bint f64
    bint accumulate
    Py_ssize_t m                # ids
    Py_ssize_t n                # rows of the table
    Py_ssize_t width            # elements of a row
    Py_ssize_t rows             # rows of a block
    Py_ssize_t strips
    const int64_t* ids
    const int64_t* order        # ids of block b are ids[order[i]] for i from first[b] to first[b + 1]; NULL: in their own order
    const int64_t* first
    char* table                 # (n, width): the table, or its gradient
    char* y                     # (m, width): the result, or its gradient


cdef void _gather(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    cdef Py_ssize_t size = c.width * (8 if c.f64 else 4)
    cdef Py_ssize_t t
    for t in range(begin, end):
        memcpy(c.y + t * size, c.table + c.ids[t] * size, size)


cdef kernel_void _add_rows(Ctx* c, real* d, const real* g, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t item, block, row, last, left, right, i, j, at
    cdef real* to
    cdef const real* from_
    for item in range(begin, end):
        block = item // c.strips
        left = item % c.strips * STRIP if c.strips > 1 else 0
        right = min(left + STRIP, c.width) if c.strips > 1 else c.width
        row = block * c.rows
        last = min(row + c.rows, c.n)
        if not c.accumulate:
            if right - left == c.width:
                memset(d + row * c.width, 0, (last - row) * c.width * sizeof(real))
            else:
                for i in range(row, last):
                    memset(d + i * c.width + left, 0, (right - left) * sizeof(real))
        for i in range(c.first[block], c.first[block + 1]):
            at = c.order[i] if c.order != NULL else i
            to = d + c.ids[at] * c.width
            from_ = g + at * c.width
            for j in range(left, right):
                to[j] += from_[j]


cdef void _scatter(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _add_rows[double](c, <double*>c.table, <const double*>c.y, begin, end)
    else:
        _add_rows[float](c, <float*>c.table, <const float*>c.y, begin, end)


cdef void _sort(Ctx* c, int64_t* order, int64_t* first, Py_ssize_t blocks) noexcept nogil:
    """Sorts positions of ids by block, those of one block in their own order. `first` has blocks + 2 places."""
    cdef Py_ssize_t i, b
    for b in range(blocks + 2):
        first[b] = 0
    for i in range(c.m):
        first[c.ids[i] // c.rows + 2] += 1
    for b in range(1, blocks + 2):
        first[b] += first[b - 1]
    for i in range(c.m):                        # first[b + 1] runs from the beginning of block b to its end
        b = c.ids[i] // c.rows + 1
        order[first[b]] = i
        first[b] += 1


@cython.no_gc
cdef class Embedding(Op):
    """y[..., :] = table[ids[...], :]; inputs: the table (n, width) and ids of any shape."""

    cdef Tensor ids             # as int64

    cdef tuple reads(self):
        return None                                 # infer checks the ids

    cdef int infer(self) except -1:
        cdef Tensor table = <Tensor>self.inputs[0]
        cdef Tensor ids = <Tensor>self.inputs[1]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        if table.ndim != 2 or table.dtype < F32:
            raise ValueError(f"embedding: table must be a matrix of float32 or float64; received {describe(table)}")
        if ids.ndim >= MAX_NDIM:
            raise ValueError(f"embedding: tensors have at most {MAX_NDIM} dimensions, and the result has one more than ids; received {describe(ids)}")
        for i in range(ids.ndim):
            dims[i] = ids.dims[i]
        dims[ids.ndim] = table.dims[1]
        if not ids.symbolic:
            self.ids = self.checked(ids, table.dims[0])
        self.declare(table.dtype, ids.ndim + 1, dims)
        return 0

    cdef Tensor checked(self, Tensor ids, Py_ssize_t n):
        """The ids as int64, fractions cut off."""
        cdef Tensor whole = self.rounded(cast_copy(ids, F64), n) if ids.dtype >= F16 else cast_copy(ids, I64)
        cdef Py_ssize_t i
        for i in range(whole.size):
            if not 0 <= (<int64_t*>whole.data)[i] < n:
                place = tuple([int(k) for k in np.unravel_index(i, ids.shape)])
                raise ValueError(f"embedding: ids must lie in [0, {n}), the rows of the table; received {to_numpy(ids)[place]} at position {place}")
        return whole

    cdef Tensor rounded(self, Tensor ids, Py_ssize_t n):
        cdef Tensor whole = empty(I64, ids.ndim, ids.dims)
        cdef Py_ssize_t i
        cdef double v
        for i in range(ids.size):
            v = (<double*>ids.data)[i]
            (<int64_t*>whole.data)[i] = <int64_t>v if -1 < v < n else -1        # NaN and what int64 cannot hold, too
        return whole

    cdef void begin(self, Ctx* c, Tensor table, Tensor y):
        c.f64 = table.dtype == F64
        c.m, c.n, c.width = self.ids.size, table.dims[0], table.dims[1]
        c.ids = <const int64_t*>self.ids.data
        c.table, c.y = table.data, y.data

    cdef int forward(self) except -1:
        cdef Ctx c
        cdef Py_ssize_t size
        self.begin(&c, <Tensor>self.inputs[0], self.out)
        size = max(<Py_ssize_t>1, c.width * (8 if c.f64 else 4))
        launch(_gather, &c, c.m, max(<Py_ssize_t>1, 65536 // size), c.m * (3 + 0.05 * size))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor d
        cdef Ctx c
        cdef Py_ssize_t blocks, room = 0
        cdef int64_t[2] whole
        cdef int64_t* order = NULL
        cdef double cost
        if not wanted(self, 0):
            return 0
        d = self.grad_in(0, &c.accumulate)
        if d.size == 0:
            return 0
        self.begin(&c, d, self.out.grad)
        c.rows = max(<Py_ssize_t>1, CACHED // c.width)
        blocks = (c.n + c.rows - 1) // c.rows
        c.strips = (c.width + STRIP - 1) // STRIP if blocks < FEW else 1
        c.order, c.first = NULL, whole
        whole[0], whole[1] = 0, c.m
        if blocks > 1:
            room = (c.m + blocks + 2) * sizeof(int64_t)
            order = <int64_t*>pool_alloc(room)
            _sort(&c, order, order + c.m, blocks)
            c.order, c.first = order, order + c.m
        cost = c.m * (2 + 0.1 * c.width) + (0 if c.accumulate else 0.1 * d.size)
        launch(_scatter, &c, blocks * c.strips, max(<Py_ssize_t>1, blocks * c.strips // 256), cost)
        if order != NULL:
            pool_free(order, room)
        return 0


def embedding(table, ids):
    """Rows of a table. The gradients of a row taken several times add up.

    ``y[i, k] = table[ids[i], k]``

    Args:
        table: Tensor (n, width), float32 or float64.
        ids: Tensor of any shape; of numbers that are not whole, the fraction is cut off.

    Returns:
        A tensor of the shape of `ids` with an axis of `width` elements behind.

    Raises:
        ValueError: If an id is negative, NaN or not below n; the message has its position.

    Numerics:
        The gradients of a row are added in the order of the ids, whatever the number of threads.

    Example:
        >>> import dlcore
        >>> dlcore.ops.embedding([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).tolist()
        [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    return apply(Embedding.__new__(Embedding), (tensor(table), tensor(ids)))
