"""Maxima and means over windows that move over one to three axes.

Everything is seen as (images, n0, n1, n2, channels) with missing axes of size 1; channels first is the same with one channel and
an image for each of them. Tables say for every axis where the window of an output begins and ends inside the data (so padding
does not exist, and windows of any size and place, as in adaptive pooling, are no special case), and which outputs a cell is in.

Backward writes every element once where windows do not overlap: one after the other, with the cells between them. Where they
do, the gradient of a maximum is added to its place, an image at a time, and each cell of a mean collects from its windows. All
cut the data so that threads never meet. With a few channels only, windows side by side fill the vectors.
"""

import operator

cimport cython
from libc.stdint cimport int32_t
from libc.string cimport memset

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.pooling cimport (
    Cover, Window, vmax_line, vmax_pixel, vmean_line, vmean_pixel, vshare_line, vunmax_pixel, vunmax_scatter, vunmean_gather,
    vunmean_pixel,
)
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, describe, empty, itemsize, tensor
from dlcore._kernels.types cimport BOOL, F16, F32, F64, I32, I64, U8, kernel_void, real

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]

cdef enum:
    BLOCK = 16384           # elements of x that a block reads, at least
    FEW = 4                 # fewer channels go through in lines of windows side by side


cdef struct Axis:
    Py_ssize_t n            # cells
    Py_ssize_t m            # outputs
    Py_ssize_t k            # cells of the largest window
    Py_ssize_t* lo          # m: where the window begins
    Py_ssize_t* hi          # m: and ends
    Py_ssize_t* first       # n: the first window that the cell is in
    Py_ssize_t* last        # n: behind the last one
    double* share           # m: 1 / (cells of the window)


cdef struct Pool:
    int dtype
    int bytes               # of a position; 0: none are kept
    bint add
    bint apart              # no cell is in two windows
    bint gaps               # a cell of the last axis is in no window
    bint by_image           # backward goes image by image
    bint lines              # few channels: see FEW
    Py_ssize_t begin        # the windows of the last axis that lie inside the data as a whole, `step` apart
    Py_ssize_t end
    Py_ssize_t step
    Py_ssize_t* start       # where their elements begin, from the first one on
    Py_ssize_t images
    Py_ssize_t c
    Axis[3] axis
    char* x                 # data, or its gradient
    char* y                 # result, or its gradient
    char* at                # positions of the maxima


# -------------------------------------------------------------------------------------------------------------- loops

# Item t: a row of the result.
cdef inline void _row(const Pool* p, Py_ssize_t t, Py_ssize_t* image, Py_ssize_t* o0, Py_ssize_t* o1) noexcept nogil:
    o1[0] = t % p.axis[1].m
    o0[0] = t // p.axis[1].m % p.axis[0].m
    image[0] = t // p.axis[1].m // p.axis[0].m


cdef inline void _window(const Pool* p, Window* a, Py_ssize_t o0, Py_ssize_t o1) noexcept nogil:
    a.d = p.axis[0].hi[o0] - p.axis[0].lo[o0]
    a.h = p.axis[1].hi[o1] - p.axis[1].lo[o1]
    a.c = p.c
    a.row = p.axis[2].n * p.c
    a.plane = p.axis[1].n * a.row
    a.kh = p.axis[1].k
    a.kw = p.axis[2].k


cdef inline void windows(const Pool* p, bint largest, Window* a, const real* row, real* y, char* at, double share,
                         Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Windows begin to end of a row, one after the other."""
    cdef const Axis* w = &p.axis[2]
    cdef Py_ssize_t o
    for o in range(begin, end):
        a.w = w.hi[o] - w.lo[o]
        if largest:
            vmax_pixel(row + w.lo[o] * p.c, a, y + o * p.c, at + o * p.c * p.bytes, p.bytes)
        else:
            vmean_pixel(row + w.lo[o] * p.c, a, share * w.share[o], y + o * p.c)


cdef inline void forward_rows(const Pool* p, bint largest, const real* x, real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Window a
    cdef const Axis* w = &p.axis[2]
    cdef const real* row
    cdef const real* inside
    cdef char* at
    cdef real* to
    cdef Py_ssize_t t, n, image, o0, o1
    cdef double share
    for t in range(begin, end):
        _row(p, t, &image, &o0, &o1)
        _window(p, &a, o0, o1)
        row = x + ((image * p.axis[0].n + p.axis[0].lo[o0]) * p.axis[1].n + p.axis[1].lo[o1]) * a.row
        to = y + t * w.m * p.c
        at = p.at + t * w.m * p.c * p.bytes
        share = p.axis[0].share[o0] * p.axis[1].share[o1]
        if not p.lines:
            windows(p, largest, &a, row, to, at, share, 0, w.m)
            continue
        windows(p, largest, &a, row, to, at, share, 0, p.begin)
        if p.begin < p.end:
            n = (p.end - p.begin) * p.c
            inside = row + w.lo[p.begin] * p.c
            if largest:
                vmax_line(inside, &a, n, p.step, p.start, to + p.begin * p.c, at + p.begin * p.c * p.bytes, p.bytes)
            else:
                vmean_line(inside, &a, n, p.step, p.start, share * w.share[p.begin], to + p.begin * p.c)
        windows(p, largest, &a, row, to, at, share, p.end, w.m)


cdef kernel_void max_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pool* p = <Pool*>ctx
    if p.dtype == F32:
        forward_rows(p, True, <const float*>p.x, <float*>p.y, begin, end)
    else:
        forward_rows(p, True, <const double*>p.x, <double*>p.y, begin, end)


cdef kernel_void mean_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pool* p = <Pool*>ctx
    if p.dtype == F32:
        forward_rows(p, False, <const float*>p.x, <float*>p.y, begin, end)
    else:
        forward_rows(p, False, <const double*>p.x, <double*>p.y, begin, end)


cdef inline void _zero_gaps(const Pool* p, real* row) noexcept nogil:
    """The cells of a row of dx that are in no window."""
    cdef const Axis* w = &p.axis[2]
    cdef Py_ssize_t o
    cdef Py_ssize_t at = 0
    for o in range(w.m):
        memset(row + at * p.c, 0, (w.lo[o] - at) * p.c * sizeof(real))
        at = w.hi[o]
    memset(row + at * p.c, 0, (w.n - at) * p.c * sizeof(real))


cdef inline void scatter_rows(const Pool* p, bint largest, real* x, const real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Windows apart. A row of windows also owns the rows of dx behind it that are in no window (the first one those before it)."""
    cdef Window a
    cdef const Axis* u = &p.axis[0]
    cdef const Axis* v = &p.axis[1]
    cdef const Axis* w = &p.axis[2]
    cdef real* row
    cdef real* image
    cdef Py_ssize_t t, i, j, n, o0, o1, o
    cdef double share
    for t in range(begin, end):
        _row(p, t, &n, &o0, &o1)
        _window(p, &a, o0, o1)
        image = x + n * u.n * a.plane
        if not p.add:
            for i in range(0 if o0 == 0 else u.lo[o0], u.n if o0 == u.m - 1 else u.lo[o0 + 1]):
                for j in range(0 if o1 == 0 else v.lo[o1], v.n if o1 == v.m - 1 else v.lo[o1 + 1]):
                    row = image + i * a.plane + j * a.row
                    if not (u.lo[o0] <= i < u.hi[o0] and v.lo[o1] <= j < v.hi[o1]):
                        memset(row, 0, a.row * sizeof(real))
                    elif p.gaps:
                        _zero_gaps(p, row)
        row = image + u.lo[o0] * a.plane + v.lo[o1] * a.row
        share = u.share[o0] * v.share[o1]
        for o in range(w.m):
            a.w = w.hi[o] - w.lo[o]
            i = (t * w.m + o) * p.c
            if largest:
                vunmax_pixel(y + i, p.at + i * p.bytes, p.bytes, &a, row + w.lo[o] * p.c, p.add)
            else:
                vunmean_pixel(y + i, &a, share * w.share[o], row + w.lo[o] * p.c, p.add)


cdef inline void gather_rows(const Pool* p, real* x, const real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Means of windows that overlap. Item t: a row of dx."""
    cdef Cover a
    cdef const Axis* u = &p.axis[0]
    cdef const Axis* v = &p.axis[1]
    cdef const Axis* w = &p.axis[2]
    cdef Py_ssize_t t, i, i0, i1
    cdef const real* row
    a.c = p.c
    a.row = w.m * a.c
    a.plane = v.m * a.row
    for t in range(begin, end):
        i1 = t % v.n
        i0 = t // v.n % u.n
        a.d = u.last[i0] - u.first[i0]
        a.h = v.last[i1] - v.first[i1]
        a.s0 = u.share + u.first[i0]
        a.s1 = v.share + v.first[i1]
        row = y + t // v.n // u.n * u.m * a.plane + u.first[i0] * a.plane + v.first[i1] * a.row
        for i in range(w.n):
            a.w = w.last[i] - w.first[i]
            a.s2 = w.share + w.first[i]
            vunmean_gather(row + w.first[i] * a.c, &a, x + (t * w.n + i) * a.c, p.add)


cdef inline void unmax_image(const Pool* p, real* x, const real* y, const char* at) noexcept nogil:
    """The gradients at the places of the maxima. What windows reach next is cleared first, while it is on its way to the cache."""
    cdef Py_ssize_t[256] off
    cdef const Axis* u = &p.axis[0]
    cdef const Axis* v = &p.axis[1]
    cdef const Axis* w = &p.axis[2]
    cdef Py_ssize_t row = w.n * p.c
    cdef Py_ssize_t plane = v.n * row
    cdef Py_ssize_t cleared = u.n * plane if p.add else 0
    cdef Py_ssize_t o0, o1, o, i, k, q, reach
    cdef real* to
    if p.bytes == 1:
        for q in range(u.k * v.k * w.k):
            off[q] = _place(p, q)
    for o0 in range(u.m):
        for o1 in range(v.m):
            reach = v.hi[o1] * row if u.n == 1 else u.hi[o0] * plane
            if reach > cleared:
                memset(x + cleared, 0, (reach - cleared) * sizeof(real))
                cleared = reach
            to = x + u.lo[o0] * plane + v.lo[o1] * row
            for o in range(w.m):
                i = ((o0 * v.m + o1) * w.m + o) * p.c
                if p.bytes == 1:
                    vunmax_scatter(y + i, at + i, off, p.c, to + w.lo[o] * p.c)
                else:
                    for k in range(p.c):
                        to[w.lo[o] * p.c + k + _place(p, (<const int32_t*>at)[i + k])] += y[i + k]
    memset(x + cleared, 0, (u.n * plane - cleared) * sizeof(real))


cdef inline Py_ssize_t _place(const Pool* p, Py_ssize_t position) noexcept nogil:
    """Elements from the first cell of a window to that of a position."""
    cdef Py_ssize_t rest = position // p.axis[2].k
    return ((rest // p.axis[1].k * p.axis[1].n + rest % p.axis[1].k) * p.axis[2].n + position % p.axis[2].k) * p.c


cdef inline void unmean_image(const Pool* p, real* x, const real* y) noexcept nogil:
    cdef Window a
    cdef const Axis* w = &p.axis[2]
    cdef Py_ssize_t o0, o1, o, i, j, l
    cdef double share
    cdef real* row
    cdef real* inside
    for o0 in range(p.axis[0].m):
        for o1 in range(p.axis[1].m):
            _window(p, &a, o0, o1)
            row = x + p.axis[0].lo[o0] * a.plane + p.axis[1].lo[o1] * a.row
            share = p.axis[0].share[o0] * p.axis[1].share[o1]
            for o in range(w.m):
                if not p.begin <= o < p.end:
                    a.w = w.hi[o] - w.lo[o]
                    vunmean_pixel(y + o * p.c, &a, share * w.share[o], row + w.lo[o] * p.c, True)
            if p.begin < p.end:
                inside = row + w.lo[p.begin] * p.c
                share *= w.share[p.begin]
                for i in range(a.d):
                    for j in range(a.h):
                        for l in range(a.kw):
                            vshare_line(inside + i * a.plane + j * a.row + l * p.c, p.end - p.begin, p.step, p.c, y + p.begin * p.c, share)
            y += w.m * p.c


cdef inline void backward_images(const Pool* p, bint largest, real* x, const real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Item t: an image, which is cleared and then added to."""
    cdef Py_ssize_t n = p.axis[0].n * p.axis[1].n * p.axis[2].n * p.c
    cdef Py_ssize_t m = p.axis[0].m * p.axis[1].m * p.axis[2].m * p.c
    cdef Py_ssize_t t
    for t in range(begin, end):
        if largest:
            unmax_image(p, x + t * n, y + t * m, p.at + t * m * p.bytes)
        else:
            if not p.add:
                memset(x + t * n, 0, n * sizeof(real))
            unmean_image(p, x + t * n, y + t * m)


cdef inline void backward_items(const Pool* p, bint largest, real* x, const real* y, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    if p.by_image:
        backward_images(p, largest, x, y, begin, end)
    elif p.apart:
        scatter_rows(p, largest, x, y, begin, end)
    else:
        gather_rows(p, x, y, begin, end)


cdef kernel_void unmax_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pool* p = <Pool*>ctx
    if p.dtype == F32:
        backward_items(p, True, <float*>p.x, <const float*>p.y, begin, end)
    else:
        backward_items(p, True, <double*>p.x, <const double*>p.y, begin, end)


cdef kernel_void unmean_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pool* p = <Pool*>ctx
    if p.dtype == F32:
        backward_items(p, False, <float*>p.x, <const float*>p.y, begin, end)
    else:
        backward_items(p, False, <double*>p.x, <const double*>p.y, begin, end)


# ----------------------------------------------------------------------------------------------------------------- ops

cdef class _Pooling(Op):
    """What pooling by maxima and by means share."""

    cdef str name
    cdef int rank
    cdef int first              # the first axis that windows move along
    cdef bint adaptive          # `size` is that of the result
    cdef bint same
    cdef Py_ssize_t[3] size
    cdef Py_ssize_t[3] strides
    cdef Pool pool
    cdef Tensor room            # of the tables in `pool`

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t n
        cdef double total = itemsize(x.dtype)
        cdef int i
        if x.ndim != self.rank + 2:
            raise ValueError(f"{self.name}: expected {self.rank + 2} axes (batch, {self.rank} for windows, channels); received {describe(x)}")
        for i in range(x.ndim):
            dims[i] = n = x.dims[i]
            if self.first <= i < self.first + self.rank:
                dims[i] = self.outputs(i - self.first, n)
                if dims[i] <= 0 and n != UNKNOWN and (not self.same or n > 0):
                    raise ValueError(f"{self.name}: Computed output size would be zero or negative. Received: inputs of shape {x.shape}, "
                                     f"pool_size={self.tuple_of(self.size)}, strides={self.tuple_of(self.strides)}, padding='valid'")
                if n == 0 and self.adaptive:
                    raise ValueError(f"{self.name}: there is nothing to pool along axis {i} of inputs of shape {x.shape}")
            total *= dims[i] if dims[i] != UNKNOWN else 1
        if total > 2.0 ** 46:
            raise MemoryError(f"{self.name}: the result would be too large: output_size={self.tuple_of(self.size)} of inputs of shape {x.shape}")
        self.declare(x.dtype, x.ndim, dims)
        return 0

    cdef tuple tuple_of(self, const Py_ssize_t* items):
        return tuple([items[i] for i in range(self.rank)])

    cdef Py_ssize_t outputs(self, int i, Py_ssize_t n) noexcept:
        if self.adaptive:
            return self.size[i]
        if n == UNKNOWN:
            return UNKNOWN
        if self.same:
            return (n + self.strides[i] - 1) // self.strides[i]
        return (n - self.size[i]) // self.strides[i] + 1 if n >= self.size[i] else 0

    cdef int plan(self) except -1:
        """Shapes and tables, which a second run finds made."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor y = self.out
        cdef Pool* p = &self.pool
        cdef Axis* a
        cdef Py_ssize_t words = 0
        cdef Py_ssize_t* room
        cdef Py_ssize_t i
        cdef int k, axis
        if self.room is not None:
            return 0
        p.dtype = x.dtype
        p.images, p.c = x.dims[0], x.dims[x.ndim - 1]
        if self.first == 2:
            p.images, p.c = x.dims[0] * x.dims[1], 1
        for k in range(3):
            a = &p.axis[k]
            axis = k - (3 - self.rank) + self.first                # missing axes are in front
            a.n = x.dims[axis] if axis >= self.first else 1
            a.m = y.dims[axis] if axis >= self.first else 1
            words += 3 * a.m + 2 * a.n
        p.lines = not self.adaptive and (p.c < FEW or (self.strides[self.rank - 1] == 1 and p.c < 4 * FEW))
        if p.lines:
            words += p.axis[2].m * p.c
        self.room = empty(I64, 1, &words)
        room = <Py_ssize_t*>self.room.data
        p.apart, p.gaps = True, False
        for k in range(3):
            a = &p.axis[k]
            a.lo, a.hi, a.share, a.first, a.last = room, room + a.m, <double*>(room + 2 * a.m), room + 3 * a.m, room + 3 * a.m + a.n
            room += 3 * a.m + 2 * a.n
            axis = k - (3 - self.rank)
            if axis < 0:
                a.lo[0], a.hi[0] = 0, 1
            else:
                self.place_windows(a, axis)
            a.k = 1
            for i in range(a.m):
                a.k = max(a.k, a.hi[i] - a.lo[i])
                a.share[i] = 1.0 / (a.hi[i] - a.lo[i])
                if i and a.lo[i] < a.hi[i - 1]:
                    p.apart = False
                if k == 2 and a.lo[i] != (a.hi[i - 1] if i else 0):
                    p.gaps = True
            if k == 2 and a.m and a.hi[a.m - 1] < a.n:
                p.gaps = True
        p.begin = p.end = 0
        if p.lines:
            p.start = room
            self.find_lines(a)
        return 0

    cdef void find_lines(self, Axis* w) noexcept:
        """The windows of the last axis that can go through in lines."""
        cdef Pool* p = &self.pool
        cdef Py_ssize_t i
        p.step = self.strides[self.rank - 1]
        while p.begin < w.m and w.hi[p.begin] - w.lo[p.begin] < self.size[self.rank - 1]:
            p.begin += 1
        p.end = w.m
        while p.end > p.begin and w.hi[p.end - 1] - w.lo[p.end - 1] < self.size[self.rank - 1]:
            p.end -= 1
        for i in range((p.end - p.begin) * p.c):
            p.start[i] = i // p.c * p.step * p.c + i % p.c

    cdef void place_windows(self, Axis* a, int i) noexcept:
        cdef Py_ssize_t o, begin
        cdef Py_ssize_t before = 0
        if self.adaptive:
            for o in range(a.m):
                # o * n / m without a product that may be too large
                a.lo[o] = a.n // a.m * o + a.n % a.m * o // a.m
                a.hi[o] = a.n // a.m * (o + 1) + (a.n % a.m * (o + 1) + a.m - 1) // a.m
            return
        if self.same and a.m:
            before = max(<Py_ssize_t>0, self.size[i] + ((a.m - 1) * self.strides[i] - a.n)) // 2
        for o in range(a.m):
            begin = o * self.strides[i] - before
            a.lo[o] = max(<Py_ssize_t>0, begin)
            a.hi[o] = min(a.n, begin + self.size[i])

    cdef void find_windows(self) noexcept:
        """Which windows a cell is in."""
        cdef Axis* a
        cdef Py_ssize_t i, first, last
        cdef int k
        for k in range(3):
            a = &self.pool.axis[k]
            first = last = 0
            for i in range(a.n):
                while first < a.m and a.hi[first] <= i:
                    first += 1
                while last < a.m and a.lo[last] <= i:
                    last += 1
                a.first[i] = first
                a.last[i] = max(first, last)

    cdef double cells(self) noexcept:
        """Cells of all windows."""
        return <double>self.out.size * self.pool.axis[0].k * self.pool.axis[1].k * self.pool.axis[2].k

    cdef double cost(self, double each) noexcept:
        """Nanoseconds: of reading and writing, and of looking at each cell."""
        return 0.15 * (<Tensor>self.inputs[0]).size + self.cells() * (each if self.pool.c >= 8 else each * 16 / (1 + self.pool.c))

    cdef void run_forward(self, bint largest) noexcept:
        cdef Pool* p = &self.pool
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Py_ssize_t rows = p.images * p.axis[0].m * p.axis[1].m
        cdef Py_ssize_t block
        p.x, p.y = x.data, self.out.data
        if self.out.size:
            block = max(<Py_ssize_t>1, <Py_ssize_t>(BLOCK / (max(<double>x.size, self.cells()) / rows)))
            if largest:
                launch(max_block, p, rows, block, self.cost(0.08))
            else:
                launch(mean_block, p, rows, block, self.cost(0.08))

    cdef int run_backward(self, bint largest) except -1:
        cdef Pool* p = &self.pool
        cdef Tensor dy = self.out.grad
        cdef Tensor d
        cdef Py_ssize_t rows, block
        if not wanted(self, 0):
            return 0
        d = self.grad_in(0, &p.add)
        p.x, p.y = d.data, dy.data
        if not d.size:
            return 0
        if not dy.size:
            if not p.add:
                memset(d.data, 0, d.size * itemsize(d.dtype))
            return 0
        p.by_image = p.lines or (largest and not p.apart)
        if p.by_image:
            rows = p.images
        elif p.apart:
            rows = p.images * p.axis[0].m * p.axis[1].m
        else:
            self.find_windows()
            rows = p.images * p.axis[0].n * p.axis[1].n
        block = max(<Py_ssize_t>1, <Py_ssize_t>(BLOCK / (max(<double>d.size, self.cells()) / rows)))
        if largest:
            launch(unmax_block, p, rows, block, self.cost(0.1))
        else:
            launch(unmean_block, p, rows, block, self.cost(0.1))
        return 0


@cython.no_gc
cdef class MaxPool(_Pooling):
    """The largest element of each window. The position of the maximum is kept, in a byte if that is enough."""

    cdef Tensor at

    cdef int forward(self) except -1:
        cdef Py_ssize_t n = self.out.size
        cdef Pool* p = &self.pool
        cdef double positions
        self.plan()
        p.bytes = 0
        if self.need:
            positions = <double>p.axis[0].k * p.axis[1].k * p.axis[2].k
            if positions >= 2.0 ** 31:
                raise ValueError(f"{self.name}: windows of {positions:.0f} cells are too large for a gradient")
            p.bytes = 1 if positions <= 256 else 4
            self.at = empty(U8 if p.bytes == 1 else I32, 1, &n)
            p.at = self.at.data
        self.run_forward(True)
        return 0

    cdef int backward(self) except -1:
        return self.run_backward(True)


@cython.no_gc
cdef class AveragePool(_Pooling):
    """The mean of each window; of the cells that exist."""

    cdef int forward(self) except -1:
        self.plan()
        self.run_forward(False)
        return 0

    cdef int backward(self) except -1:
        return self.run_backward(False)


# ----------------------------------------------------------------------------------------------------- entry functions

cdef int _whole(str op, str name, object value, int n, Py_ssize_t* to) except -1:
    """n whole numbers of at least 1 from one (n times) or a sequence of n."""
    cdef int i
    try:
        items = (value,) * n if hasattr(value, "__index__") else tuple(value)
        items = [operator.index(item) for item in items]
    except TypeError:
        items = []
    if len(items) != n:
        raise ValueError(f"{op}: the `{name}` argument must be a whole number or a tuple of {n} whole numbers. Received: {name}={value!r}")
    for i in range(n):
        if not 1 <= items[i] < 2 ** 62:
            raise ValueError(f"{op}: the `{name}` argument must hold numbers of at least 1. Received: {name}={value!r}")
        to[i] = items[i]
    return 0


cdef Tensor _prepare(_Pooling op, str name, object inputs, object data_format):
    """Name, rank and place of the windows' axes; the inputs as a tensor."""
    cdef Tensor x = tensor(inputs)
    if data_format is None:
        from dlcore.config import image_data_format
        data_format = image_data_format()
    if data_format != "channels_last" and data_format != "channels_first":
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}")
    if not 3 <= x.ndim <= 5:
        raise ValueError(f"{name}: inputs must have 3 to 5 axes (batch, one to three for windows, channels); received {describe(x)}")
    op.name = name
    op.rank = x.ndim - 2
    op.first = 2 if data_format == "channels_first" else 1
    return x


cdef Tensor _run(_Pooling op, Tensor x, bint largest):
    if x.dtype >= F32:
        return apply(op, (x,))
    if x.dtype == F16:
        return cast_to(apply(op, (cast_to(x, F32),)), F16)
    if not largest:
        return apply(op, (cast_to(x, F32),))
    if x.dtype == BOOL:
        raise ValueError(f"{op.name}: expected numbers; received {describe(x)}")
    return cast_to(apply(op, (cast_to(x, F64),)), x.dtype)


cdef Tensor _pool(_Pooling op, str name, object inputs, object pool_size, object strides, object padding, object data_format, bint largest):
    cdef Tensor x = _prepare(op, name, inputs, data_format)
    _whole(name, "pool_size", pool_size, op.rank, op.size)
    _whole(name, "strides", pool_size if strides is None else strides, op.rank, op.strides)
    mode = padding.lower() if isinstance(padding, str) else padding
    if mode != "valid" and mode != "same":
        raise ValueError(f"{name}: the argument `padding` must be either 'valid' or 'same'. Received: padding={padding!r}")
    op.same = mode == "same"
    return _run(op, x, largest)


cdef Tensor _adapt(_Pooling op, str name, object inputs, object output_size, object data_format, bint largest):
    cdef Tensor x = _prepare(op, name, inputs, data_format)
    _whole(name, "output_size", output_size, op.rank, op.size)
    op.adaptive = True
    return _run(op, x, largest)


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest element of each window.

    ``y[n, i, .., c] = max of x[n, i * stride + k, .., c]`` over k from 0 to pool_size - 1. Of elements that tie the first gets
    the gradient. NaN is larger than everything.

    Args:
        inputs: Tensor of 3 to 5 axes: batch, one to three axes that windows move along, channels. (Whole numbers are exact
            up to 2**53.)
        pool_size: Size of the window, a whole number or one for each axis.
        strides: Steps of the window likewise; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: they may reach over its borders, as much at the end
            as at the beginning or one more, and there are ``ceil(size / stride)`` of them.
        data_format: ``"channels_last"``, ``"channels_first"`` (batch, channels, ...), or None for the default of the configuration.

    Returns:
        A tensor of the dtype of the inputs.

    Raises:
        ValueError: For a window that is larger than the data, or another argument that does not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.max_pool([[[1.0], [4.0], [2.0], [3.0]]], 2).numpy().ravel().tolist()
        [4.0, 3.0]
    """
    return _pool(MaxPool.__new__(MaxPool), "max_pool", inputs, pool_size, strides, padding, data_format, True)


def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window.

    ``y[n, i, .., c] = mean of x[n, i * stride + k, .., c]`` over k from 0 to pool_size - 1, as far as these elements exist.

    Args:
        inputs: Tensor of 3 to 5 axes: batch, one to three axes that windows move along, channels.
        pool_size: Size of the window, a whole number or one for each axis.
        strides: Steps of the window likewise; `pool_size` by default.
        padding: ``"valid"``: windows lie inside the data; ``"same"``: they may reach over its borders, as much at the end
            as at the beginning or one more, and there are ``ceil(size / stride)`` of them.
        data_format: ``"channels_last"``, ``"channels_first"`` (batch, channels, ...), or None for the default of the configuration.

    Returns:
        A tensor of the dtype of the inputs; float32 for whole numbers.

    Raises:
        ValueError: For a window that is larger than the data, or another argument that does not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.average_pool([[[1.0], [4.0], [2.0]]], 2, padding="same").numpy().ravel().tolist()
        [2.5, 2.0]
    """
    return _pool(AveragePool.__new__(AveragePool), "average_pool", inputs, pool_size, strides, padding, data_format, False)


def adaptive_max_pool(inputs, output_size, data_format=None):
    """The largest element of each of a given number of windows.

    Output i of m looks at the elements from ``floor(i n / m)`` to ``ceil((i + 1) n / m)`` of the n along an axis.

    Args:
        inputs: Tensor of 3 to 5 axes: batch, one to three axes that windows move along, channels.
        output_size: Number of windows, a whole number or one for each axis.
        data_format: ``"channels_last"``, ``"channels_first"`` (batch, channels, ...), or None for the default of the configuration.

    Returns:
        A tensor of the dtype of the inputs.

    Raises:
        ValueError: For an argument that does not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.adaptive_max_pool([[[1.0], [4.0], [2.0]]], 2).numpy().ravel().tolist()
        [4.0, 4.0]
    """
    return _adapt(MaxPool.__new__(MaxPool), "adaptive_max_pool", inputs, output_size, data_format, True)


def adaptive_average_pool(inputs, output_size, data_format=None):
    """The mean of each of a given number of windows.

    Output i of m looks at the elements from ``floor(i n / m)`` to ``ceil((i + 1) n / m)`` of the n along an axis.

    Args:
        inputs: Tensor of 3 to 5 axes: batch, one to three axes that windows move along, channels.
        output_size: Number of windows, a whole number or one for each axis.
        data_format: ``"channels_last"``, ``"channels_first"`` (batch, channels, ...), or None for the default of the configuration.

    Returns:
        A tensor of the dtype of the inputs; float32 for whole numbers.

    Raises:
        ValueError: For an argument that does not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.adaptive_average_pool([[[1.0], [4.0], [2.0]]], 2).numpy().ravel().tolist()
        [2.5, 3.0]
    """
    return _adapt(AveragePool.__new__(AveragePool), "adaptive_average_pool", inputs, output_size, data_format, False)
