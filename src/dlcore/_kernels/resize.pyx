"""Larger grids: cells repeated along up to three axes, and weighted sums of neighbours along one."""

import numpy as np

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from dlcore._kernels.cast cimport apply_move
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, wanted
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, describe, itemsize, tensor
from dlcore._kernels.types cimport F32, F64, U8, kernel_void, real

__all__ = []            # keras.ops has no such names; layers import them from here

ctypedef fused word:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


# ------------------------------------------------------------------------------------------------------ repeated cells

cdef struct Grid:
    # x (outer, n0, n1, n2, inner) -> y (outer, n0 * f0, n1 * f1, n2 * f2, inner)
    Py_ssize_t[3] n
    Py_ssize_t[3] f
    Py_ssize_t inner
    int dtype
    bint accumulate
    char* x
    char* y


cdef inline Py_ssize_t _first_row(const Grid* c, Py_ssize_t r) noexcept nogil:
    """The first of the rows of y that row r of x, which is (outer, n0, n1) flattened, becomes."""
    cdef Py_ssize_t b = r % c.n[1]
    cdef Py_ssize_t a = r // c.n[1]             # (outer, n0) flattened
    return (a * c.f[0] * c.n[1] + b) * c.f[1]


cdef inline void repeat_rows(const Grid* c, const word* x, word* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t inner = c.inner
    cdef Py_ssize_t times = c.f[2]
    cdef Py_ssize_t width = c.n[2] * times * inner
    cdef Py_ssize_t r, i, k, p, q
    cdef const word* row
    cdef word* first
    cdef word* at
    for r in range(begin, end):
        row = x + r * c.n[2] * inner
        first = y + _first_row(c, r) * width
        if times == 1:
            memcpy(first, row, width * sizeof(word))
        elif inner == 1 and times == 2:
            for i in range(c.n[2]):
                first[2 * i] = row[i]
                first[2 * i + 1] = row[i]
        elif inner == 1:
            for i in range(c.n[2]):
                for k in range(times):
                    first[i * times + k] = row[i]
        else:
            at = first
            for i in range(c.n[2]):
                for _ in range(times):
                    memcpy(at, row + i * inner, inner * sizeof(word))
                    at += inner
        for p in range(c.f[0]):
            for q in range(c.f[1]):
                if p or q:
                    memcpy(first + (p * c.n[1] * c.f[1] + q) * width, first, width * sizeof(word))


cdef void repeat_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Grid* c = <Grid*>ctx
    cdef Py_ssize_t size = itemsize(c.dtype)
    if size == 1:
        repeat_rows[uint8_t](c, <uint8_t*>c.x, <uint8_t*>c.y, begin, end)
    elif size == 2:
        repeat_rows[uint16_t](c, <uint16_t*>c.x, <uint16_t*>c.y, begin, end)
    elif size == 4:
        repeat_rows[uint32_t](c, <uint32_t*>c.x, <uint32_t*>c.y, begin, end)
    else:
        repeat_rows[uint64_t](c, <uint64_t*>c.x, <uint64_t*>c.y, begin, end)


cdef kernel_void sum_rows(const Grid* c, real* d, const real* dy, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t inner = c.inner
    cdef Py_ssize_t times = c.f[2]
    cdef Py_ssize_t width = c.n[2] * times * inner
    cdef Py_ssize_t r, i, j, k, p, q
    cdef real* row
    cdef real* to
    cdef const real* g
    cdef const real* cell
    cdef bint add
    for r in range(begin, end):
        row = d + r * c.n[2] * inner
        add = c.accumulate
        for p in range(c.f[0]):
            for q in range(c.f[1]):
                g = dy + (_first_row(c, r) + p * c.n[1] * c.f[1] + q) * width
                if inner == 1:
                    for k in range(times):
                        if add:
                            for i in range(c.n[2]):
                                row[i] += g[i * times + k]
                        else:
                            for i in range(c.n[2]):
                                row[i] = g[i * times + k]
                        add = True
                    continue
                for i in range(c.n[2]):
                    to = row + i * inner
                    cell = g + i * times * inner
                    if add:
                        for j in range(inner):
                            to[j] += cell[j]
                    else:
                        for j in range(inner):
                            to[j] = cell[j]
                    for _ in range(1, times):
                        cell += inner
                        for j in range(inner):
                            to[j] += cell[j]
                add = True


cdef void sum_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Grid* c = <Grid*>ctx
    if c.dtype == F32:
        sum_rows[float](c, <float*>c.x, <const float*>c.y, begin, end)
    else:
        sum_rows[double](c, <double*>c.x, <const double*>c.y, begin, end)


@cython.no_gc
cdef class Upsample(Op):
    """Every cell of up to three neighbouring axes repeated."""

    cdef int first                      # the first of the axes
    cdef int axes                       # how many
    cdef Py_ssize_t[3] times

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef double size = itemsize(x.dtype)
        cdef int i
        for i in range(x.ndim):
            dims[i] = x.dims[i]
            if self.first <= i < self.first + self.axes and dims[i] != UNKNOWN:
                dims[i] *= self.times[i - self.first]
            if dims[i] != UNKNOWN:
                size *= <double>x.dims[i] * (self.times[i - self.first] if self.first <= i < self.first + self.axes else 1)
        if size > 2.0 ** 46:
            raise MemoryError(f"upsample: the result would be too large: {describe(x)} repeated {tuple([self.times[i] for i in range(self.axes)])} times")
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef Py_ssize_t plan(self, Grid* c) noexcept:
        """Fills c; returns the number of rows of x."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t rows = 1
        cdef int i, k
        c.dtype = x.dtype
        c.inner = 1
        for i in range(self.first):
            rows *= x.dims[i]
        for i in range(self.first + self.axes, x.ndim):
            c.inner *= x.dims[i]
        for i in range(3):
            k = i - (3 - self.axes)             # missing axes are in front
            c.n[i] = x.dims[self.first + k] if k >= 0 else 1
            c.f[i] = self.times[k] if k >= 0 else 1
        if c.f[2] == 1:                         # the last axis is only part of the row
            c.inner *= c.n[2]
            c.n[2] = 1
        return rows * c.n[0] * c.n[1]

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Grid c
        cdef Py_ssize_t rows = self.plan(&c)
        cdef Py_ssize_t work = max(<Py_ssize_t>1, self.out.size // max(<Py_ssize_t>1, rows))
        c.x, c.y = x.data, self.out.data
        if self.out.size:
            launch(repeat_block, &c, rows, max(<Py_ssize_t>1, 16384 // work), self.out.size * (0.5 if c.inner < 8 else 0.15))
        return 0

    cdef int backward(self) except -1:
        cdef Tensor dy = self.out.grad
        cdef Tensor d
        cdef Grid c
        cdef Py_ssize_t rows, work
        cdef bint accumulate
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            rows = self.plan(&c)
            work = max(<Py_ssize_t>1, dy.size // max(<Py_ssize_t>1, rows))
            c.x, c.y, c.accumulate = d.data, dy.data, accumulate
            if dy.size:
                launch(sum_block, &c, rows, max(<Py_ssize_t>1, 16384 // work), dy.size * (0.5 if c.inner < 8 else 0.15))
        return 0


def upsample(x, times, axis):
    """Repeats every cell along up to three neighbouring axes.

    ``y[.., i, j, .., c] = x[.., i // times[0], j // times[1], .., c]``

    Args:
        x: Tensor of any shape.
        times: Tuple of one to three whole numbers of at least 1.
        axis: The axis that the first of them is for.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If an axis does not exist or a number is below 1.
    """
    cdef Tensor a = tensor(x)
    cdef Upsample op = Upsample.__new__(Upsample)
    cdef int i
    if not 1 <= len(times) <= 3 or min(times) < 1:
        raise ValueError(f"upsample: times must be one to three whole numbers of at least 1; received times={times}")
    op.axes = <int>len(times)
    op.first = axis_index("upsample", axis, a.ndim, a)
    if op.first + op.axes > a.ndim:
        raise ValueError(f"upsample: {op.axes} axes from axis {axis} on were expected; received {describe(a)}")
    for i in range(op.axes):
        op.times[i] = times[i]
    return apply_move(op, (a,))


# ------------------------------------------------------------------------------------------------------ weighted sums

cdef extern from "resample.h" nogil:
    ctypedef struct dl_taps:
        const int64_t* start
        const int64_t* column
        const void* weight

    ctypedef struct dl_resample:
        Py_ssize_t h, w, c, oh, ow
        dl_taps down, across
        const void* x
        void* y
        bint accumulate
        char* room
        Py_ssize_t size, block, lanes

    enum:
        DL_PAD
        DL_LANES

    void dl_resample_f(const dl_resample* p, Py_ssize_t begin, Py_ssize_t end)
    void dl_resample_d(const dl_resample* p, Py_ssize_t begin, Py_ssize_t end)
    void dl_resample_u(const dl_resample* p, Py_ssize_t begin, Py_ssize_t end)


cdef void sum_f(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    dl_resample_f(<dl_resample*>ctx, begin, end)


cdef void sum_d(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    dl_resample_d(<dl_resample*>ctx, begin, end)


cdef void sum_u(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    dl_resample_u(<dl_resample*>ctx, begin, end)


cdef enum:
    LONG = 4096             # longer rows of one channel go through one by one: eight of them would not stay in the cache


cdef class Taps:
    """A sparse matrix (m, n), by rows, together with its transpose: which neighbours make up a new cell.

    Args:
        matrix: Array of two axes; or only its shape, with
        entries: arrays of rows, columns and weights, each of which adds up where it meets another.
    """

    cdef readonly Py_ssize_t m
    cdef readonly Py_ssize_t n
    cdef tuple rows         # start, column, weight as double and as float
    cdef tuple columns      # of the transpose

    def __cinit__(self, matrix, entries=None):
        if entries is None:
            matrix = np.asarray(matrix, dtype=np.float64)
            if matrix.ndim != 2:
                raise ValueError(f"Taps: expected a matrix; received an array of shape {matrix.shape}")
            rows, columns = np.nonzero(matrix)
            entries = rows, columns, matrix[rows, columns]
            matrix = matrix.shape
        self.m, self.n = matrix
        rows, columns, weights = entries
        if len(rows) and not (0 <= np.min(rows) and np.max(rows) < self.m and 0 <= np.min(columns) and np.max(columns) < self.n):
            raise ValueError(f"Taps: entries outside a matrix of shape {matrix}")
        self.rows, self.columns = _by_rows(self.m, self.n, rows, columns, weights), _by_rows(self.n, self.m, columns, rows, weights)

    cdef void show(self, dl_taps* t, bint transposed, bint f64) noexcept:
        cdef tuple parts = self.columns if transposed else self.rows
        t.start = <const int64_t*>(<Tensor>parts[0]).data
        t.column = <const int64_t*>(<Tensor>parts[1]).data
        t.weight = (<Tensor>parts[2 if f64 else 3]).data


def _by_rows(m, n, rows, columns, weights):
    place, which = np.unique(np.asarray(rows, np.int64) * n + columns, return_inverse=True)
    weight = np.bincount(which, weights, minlength=place.size)
    place, weight = place[weight != 0], weight[weight != 0]
    start = np.zeros(m + 1, dtype=np.int64)
    np.cumsum(np.bincount(place // max(n, 1), minlength=m), out=start[1:])
    return tensor(start), tensor(place % max(n, 1)), tensor(weight), tensor(weight.astype(np.float32))


@cython.no_gc
cdef class Resample(Op):
    """Weighted sums of neighbours along an axis, along the next one, or along both."""

    cdef int axis
    cdef Taps down          # along `axis`, or None
    cdef Taps across        # along the next one, or None
    cdef bint whole         # whether bytes are allowed

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Taps taps
        cdef int i
        if x.dtype < F32 and not (self.whole and x.dtype == U8):
            raise ValueError(f"resample: expected float32 or float64{' or uint8' if self.whole else ''}; received {describe(x)}")
        for i in range(x.ndim):
            dims[i] = x.dims[i]
        for i in range(2):
            taps = self.across if i else self.down
            if taps is not None:
                if x.dims[self.axis + i] != taps.n:
                    raise ValueError(f"resample: expected {taps.n} elements along axis {self.axis + i}; received {describe(x)}")
                dims[self.axis + i] = taps.m
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef int run(self, Tensor x, Tensor y, bint back, bint accumulate) except -1:
        """y from x; `back`: with the transposed matrices."""
        cdef dl_resample p
        cdef bint f64 = x.dtype == F64
        cdef Py_ssize_t rows = 1, blocks, row
        cdef double work
        cdef int i, last = self.axis + (1 if self.across is not None else 0)
        p.h = p.oh = p.w = p.ow = p.c = 1
        p.down.start = p.across.start = NULL
        for i in range(self.axis):
            rows *= x.dims[i]
        for i in range(last + 1, x.ndim):
            p.c *= x.dims[i]
        if self.axis >= 0:
            p.h, p.oh = x.dims[self.axis], y.dims[self.axis]
        if self.across is not None:
            p.w, p.ow = x.dims[last], y.dims[last]
            self.across.show(&p.across, back, f64)
        if self.down is not None:
            self.down.show(&p.down, back, f64)
        if y.size == 0:
            return 0
        rows *= p.oh
        row = (p.w + p.ow) * p.c
        p.x, p.y, p.accumulate = x.data, y.data, accumulate
        p.lanes = DL_LANES if p.c == 1 and self.across is not None and rows >= DL_LANES and row <= LONG else 1
        p.size = (row + 2 * DL_PAD) * (8 if f64 else 4)
        p.block = max(<Py_ssize_t>1, 32768 // row)
        if p.lanes > 1:
            p.size *= 2 * p.lanes
            p.block = max(4 * p.lanes, (p.block + p.lanes - 1) // p.lanes * p.lanes)
        blocks = (rows + p.block - 1) // p.block
        work = <double>rows * row
        p.room = <char*>pool_alloc(blocks * p.size)
        launch(sum_u if x.dtype == U8 else sum_d if f64 else sum_f, &p, rows, p.block, work * (0.3 if self.across is None else 0.6))
        pool_free(p.room, blocks * p.size)
        return 0

    cdef int forward(self) except -1:
        self.run(<Tensor>self.inputs[0], self.out, False, False)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor d
        cdef bint accumulate
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            self.run(self.out.grad, d, True, accumulate)
        return 0


def resample(x, Taps taps not None, axis):
    """Weighted sums of neighbours along an axis.

    ``y[.., i, ..] = sum_j taps[i, j] x[.., j, ..]``

    Args:
        x: Tensor of floating numbers.
        taps: Taps of a matrix (m, n).
        axis: Axis of n elements; it has m in the result.

    Returns:
        A tensor of the dtype of x.

    Raises:
        ValueError: If the axis does not exist or does not have n elements, or x does not hold floating numbers.
    """
    cdef Tensor a = tensor(x)
    cdef Resample op = Resample.__new__(Resample)
    cdef Py_ssize_t inner = 1
    cdef int i
    op.axis = axis_index("resample", axis, a.ndim, a)
    for i in range(op.axis + 1, a.ndim):
        inner *= a.dims[i]
    if 0 <= inner < 16:             # short cells have their own code, along the second of the two axes
        op.axis -= 1
        op.across = taps
    else:
        op.down = taps
    return apply_move(op, (a,))


def resize_images(images, Taps down, Taps across):
    """Weighted sums of neighbours along height and width, in one pass.

    Args:
        images: Tensor (n, height, width, channels), floating or uint8; sums of bytes are computed in float32, rounded, and cut to
            what a byte holds.
        down: Taps along the height, or None.
        across: Taps along the width, or None.

    Returns:
        A tensor of the dtype of images.

    Raises:
        ValueError: If shapes or dtypes do not fit.
    """
    cdef Tensor a = tensor(images)
    cdef Resample op = Resample.__new__(Resample)
    if a.ndim != 4:
        raise ValueError(f"resize_images: expected images (n, height, width, channels); received {describe(a)}")
    op.axis, op.down, op.across, op.whole = 1, down, across, True
    return apply_move(op, (a,))
