"""Winograd's algorithm for convolutions with kernels of 3x3, 5x5, 1x3 and 1x5, stride 1, float32 (see winograd.h).

Two schedules each for the convolution and for the gradient by its kernel. With many tiles of output a thread takes a block of tiles
through all stages; the transformed kernel is made once. With few (deep layers, single images) the transformed image is
made once, and a thread takes a panel of output channels; the transformed kernel, which is four times as large as the kernel
and would be larger than the cache, exists only in pieces. Scratch belongs to a thread and does not grow with the batch.
"""

import os
import weakref

cimport cython
from libc.string cimport memcmp, memset

from dlcore._kernels.parallel cimport launch, thread_count
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport Tensor, cast_copy, describe, empty, tensor, writes
from dlcore._kernels.types cimport F32, U8

__all__ = []            # no ops: `conv` decides where it is used

cdef extern from *:
    """
    #ifdef NDEBUG
    enum { dl_debug = 0 };
    #else
    enum { dl_debug = 1 };
    #endif
    #define REAL float
    #define REAL_INT int
    #define REAL_PER_16 4
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "winograd.h"
    """
    const bint dl_debug
    ctypedef struct dl_stream:
        Py_ssize_t left
    enum:
        DL_SEGMENT
    const Py_ssize_t dl_winograd_lanes
    const Py_ssize_t dl_winograd_panel
    void dl_winograd_plan(dl_winograd*, Py_ssize_t tiles) noexcept nogil
    void dl_winograd_input(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t begin, Py_ssize_t end, float* v) noexcept nogil
    void dl_winograd_weights(const dl_winograd*, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1, float* u, Py_ssize_t plane) noexcept nogil
    void dl_winograd_multiply(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* u,
                              Py_ssize_t plane, float* m, Py_ssize_t panel, dl_stream, dl_stream) noexcept nogil
    void dl_winograd_output(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, const float* m, Py_ssize_t panel) noexcept nogil
    void dl_winograd_finish(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1) noexcept nogil
    void dl_winograd_output_grad(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, float* z, Py_ssize_t panel, float* sums) noexcept nogil
    void dl_winograd_correlate(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* z,
                               float* out, Py_ssize_t plane, int add, Py_ssize_t panel, dl_stream, dl_stream) noexcept nogil
    void dl_winograd_weight_grad(const dl_winograd*, const float* u, Py_ssize_t plane, Py_ssize_t parts, Py_ssize_t apart, Py_ssize_t panel,
                                 Py_ssize_t c0, Py_ssize_t c1) noexcept nogil
    dl_stream dl_input_stream(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t part, Py_ssize_t parts) noexcept nogil
    dl_stream dl_output_stream(const dl_winograd*, const float* y, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t panel) noexcept nogil
    char* dl_room_take(char* rooms, Py_ssize_t size, Py_ssize_t count) noexcept nogil
    void dl_room_leave(char* room) noexcept nogil

cdef enum:
    FEW = 128               # tiles: the outputs of a panel stay in the L2 cache
    ALONE = 8               # tiles that are worth a thread
    PIECE = 64              # channels of a transformed kernel that exist at a time when there are few tiles,
    ITEM = 128              # and that one item makes the gradient of
    PARTS = 8               # sums over many tiles are split into so many at most, ...
    PART_TILES = 128        # ... of so many tiles at least
    GROUP = 2               # panels of an item in a gradient of many tiles
    MOST_PREPARED = 1048576     # bytes of a kernel whose transform is kept: that has four times as many

cdef double EACH_BELOW = 4000.0         # nanoseconds of the transform of an image: each thread makes its own

cdef bint _enabled = os.environ.get("DLCORE_WINOGRAD", "1") != "0"

cdef struct Run:
    dl_winograd p
    Py_ssize_t tiles
    float* u                # the whole transformed kernel, or sums of its gradient
    float* v                # the whole transformed input
    float* sums             # of the gradient of y, for the bias: (parts, panels, panel)
    Py_ssize_t parts, part, groups
    char* rooms
    Py_ssize_t room, count


cdef Py_ssize_t _up(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef Py_ssize_t _plane(Py_ssize_t channels) noexcept nogil:
    """Elements from one of 36 matrices (channels, panel) to the next."""
    return channels * dl_winograd_panel + dl_winograd_lanes


cdef Py_ssize_t _tiles(const dl_winograd* p) noexcept nogil:
    return p.n * _up(p.oh, 7 - p.r if p.rows > 1 else 1) * _up(p.ow, 7 - p.r)


cdef Py_ssize_t _block(const dl_winograd* p, Py_ssize_t tiles) noexcept nogil:
    return tiles if p.rows > 1 else 3 * tiles


cdef Py_ssize_t _points(Py_ssize_t size, Py_ssize_t r) noexcept nogil:
    """Of all tiles along an axis."""
    cdef Py_ssize_t m = 7 - r
    return size // m * 6 + (size % m + r - 1 if size % m else 0)


cdef double _cycles(const dl_winograd* p) noexcept nogil:
    """About what it takes, forward or backward: products, transforms of tiles, of kernels."""
    cdef double ins = _up(p.c, dl_winograd_lanes)
    cdef double outs = _up(p.k, dl_winograd_lanes)
    cdef double positions = p.n * _points(p.ow, p.r) * (_points(p.oh, p.r) if p.rows > 1 else p.oh)
    if p.rows == 1:
        return positions * (.53 * p.c * outs + 8.3 * ins + 6.7 * outs) + 30 * p.c * outs
    return positions * (.53 * p.c * outs + 5.6 * ins + 3.6 * outs) + 110 * p.c * outs


cdef bint winograd_pays(const dl_winograd* p) noexcept nogil:
    if not _enabled or p.r != 3 and p.r != 5 or p.rows != 1 and p.rows != p.r or p.c < 8 or p.k < 8 or p.c > 1024 or p.ow < 2:
        return False
    return 1.1 * _cycles(p) < <double>p.n * p.oh * p.ow * p.rows * p.r * p.c * _up(p.k, dl_winograd_lanes) / 1.8


cdef int _take_rooms(Run* r, Py_ssize_t floats, Py_ssize_t items) except -1:
    """One for each thread. It begins with two flags: whether somebody is in it, and what he leaves for the next."""
    cdef Py_ssize_t i
    r.room = 64 + _up(floats, 16) * 64
    r.count = max(1, min(<Py_ssize_t>thread_count(), items))
    r.rooms = <char*>pool_alloc(r.room * r.count)
    for i in range(r.count):
        (<int*>(r.rooms + i * r.room))[0] = (<int*>(r.rooms + i * r.room))[1] = 0
    return 0


cdef void _input_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are segments: their part of the transformed input."""
    cdef Run* r = <Run*>ctx
    dl_winograd_input(&r.p, 0, r.p.segments, begin, end, r.v)


cdef Py_ssize_t _transform_input(Run* r) except -1:
    """Of few tiles; the number of bytes to give back."""
    cdef Py_ssize_t size
    dl_winograd_plan(&r.p, 0)
    size = r.p.matrices * r.p.plane_v * <Py_ssize_t>sizeof(float)
    r.v = <float*>pool_alloc(size)
    launch(_input_body, r, r.p.segments, max(1, 16 // r.p.seg), _input_cost(r))
    return size


cdef double _input_cost(const Run* r) noexcept nogil:
    return 50.0 * r.tiles * r.p.cp / dl_winograd_lanes


# ---- The convolution

cdef void _weights_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are pieces of channels of a panel."""
    cdef Run* r = <Run*>ctx
    cdef Py_ssize_t pieces = _up(r.p.c, PIECE)
    cdef Py_ssize_t i, c0, panel
    for i in range(begin, end):
        panel = i // pieces
        c0 = i % pieces * PIECE
        dl_winograd_weights(&r.p, panel, c0, min(r.p.c, c0 + PIECE), r.u + panel * r.p.matrices * r.p.plane_u + c0 * dl_winograd_panel, r.p.plane_u)


cdef void _blocks_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are segments: all stages."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef float* v = <float*>(room + 64)
    cdef float* m = v + r.p.matrices * r.p.plane_v
    cdef Py_ssize_t after = min(r.p.segments, end + r.p.per)
    cdef Py_ssize_t panel
    dl_winograd_input(&r.p, begin, end, begin, end, v)
    for panel in range(r.p.panels):
        dl_winograd_multiply(&r.p, begin, end, v, 0, r.p.c, r.u + panel * r.p.matrices * r.p.plane_u, r.p.plane_u, m, panel,
                             dl_input_stream(&r.p, end, after, panel, r.p.panels), dl_output_stream(&r.p, r.p.y, begin, end, panel))
        dl_winograd_output(&r.p, begin, end, m, panel)
    dl_winograd_finish(&r.p, begin, end)
    dl_room_leave(room)


cdef void _panels_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are panels: all tiles from the transformed input, of which each thread makes one of its own if there is none for all."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef Py_ssize_t plane = r.p.plane_u if r.u != NULL else _plane(min(r.p.c, PIECE))
    cdef float* v = r.v if r.v != NULL else <float*>(room + 64)
    cdef float* u = <float*>(room + 64) if r.v != NULL else v + r.p.matrices * r.p.plane_v
    cdef float* m = u if r.u != NULL else u + r.p.matrices * plane
    cdef Py_ssize_t panel, piece, c0, c1
    cdef dl_stream none
    none.left = 0
    if r.v == NULL and not (<int*>room)[1]:
        dl_winograd_input(&r.p, 0, r.p.segments, 0, r.p.segments, v)
        (<int*>room)[1] = True
    for panel in range(begin, end):
        for piece in range(_up(r.p.c, PIECE)):
            c0 = piece * PIECE
            c1 = min(r.p.c, c0 + PIECE)
            if r.u != NULL:
                u = r.u + panel * r.p.matrices * plane + c0 * dl_winograd_panel
            else:
                dl_winograd_weights(&r.p, panel, c0, c1, u, plane)
            dl_winograd_multiply(&r.p, 0, r.p.segments, v, c0, c1, u, plane, m, panel, none, none)
        dl_winograd_output(&r.p, 0, r.p.segments, m, panel)
    dl_room_leave(room)


cdef void _finish_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Run* r = <Run*>ctx
    dl_winograd_finish(&r.p, begin, end)


@cython.final
cdef class Prepared:
    """The transformed kernel of a variable, for inference. It holds while the variable has the numbers that it was made from. If no
    variable was written to since the last look, it has; else they are compared, in a tenth of the time that making it takes."""


cdef dict _prepared = {}        # id of a variable: Prepared


cdef Prepared winograd_prepare(Tensor w, const dl_winograd* p):
    cdef Prepared found
    cdef Py_ssize_t bytes = w.size * sizeof(float)
    cdef long long now = writes()
    cdef bint same
    if _tiles(p) > FEW or bytes > MOST_PREPARED:
        return None
    found = _prepared.get(id(w))
    if (found is not None and found.ref() is w and found.p.turned == p.turned and found.kernel.size == w.size and found.p.c == p.c and found.p.k == p.k
            and found.p.r == p.r and found.p.rows == p.rows):
        if found.seen == now and not dl_debug:
            return found
        same = memcmp(found.kernel.data, w.data, bytes) == 0
        if found.seen == now and not same:
            raise SystemError(f"the numbers of {describe(w)} have changed, but nobody said so by wrote()")
        found.seen = now
        if same:
            return found
    found = _transformed(w, p)
    found.seen = now
    key = id(w)
    found.ref = weakref.ref(w, lambda _: _prepared.pop(key, None))
    _prepared[key] = found
    return found


cdef Prepared _transformed(Tensor w, const dl_winograd* p):
    """From a copy: another thread may write to the variable."""
    cdef Prepared made = Prepared.__new__(Prepared)
    cdef Run r
    cdef Py_ssize_t size
    made.kernel = cast_copy(w, F32)
    r.p = p[0]
    r.p.weights = <const float*>made.kernel.data
    dl_winograd_plan(&r.p, 0)
    size = r.p.panels * r.p.matrices * r.p.plane_u
    made.u = empty(F32, 1, &size)
    r.u = <float*>made.u.data
    launch(_weights_body, &r, r.p.panels * _up(p.c, PIECE), 1, 70.0 * p.c * r.p.panels)
    made.p = p[0]
    return made


cdef int winograd_convolve(dl_winograd* p, float* u) except -1:
    cdef Run r
    cdef Py_ssize_t size, block
    cdef double cost = _cycles(p) / 4
    if _tiles(p) == 0 or p.k == 0:
        return 0
    r.p = p[0]
    r.u = u
    r.tiles = _tiles(p)
    if r.tiles <= FEW:
        block = _up(r.tiles, thread_count())
        if p.ow % (7 - p.r):
            block = max(block, min(_up(p.ow, 7 - p.r), DL_SEGMENT))     # narrow tiles get fewer points only in a row that is not cut
        if p.k > dl_winograd_panel or p.c > PIECE or block == r.tiles or block < ALONE:
            block = 0           # else one panel would keep one thread busy; the bits are the same, because a sum of channels is in one piece
    else:
        block = _block(p, 42 if p.c >= 256 else max(28, min(56, 1792 // p.c)))
    if block == 0:
        # A small image is transformed by every thread: quicker than to fetch it from the cache of the one that did.
        size = 0
        r.v = NULL
        dl_winograd_plan(&r.p, 0)
        if _input_cost(&r) > EACH_BELOW:
            size = _transform_input(&r)
        _take_rooms(&r, r.p.matrices * (_plane(min(p.c, PIECE)) + r.p.plane_m + (0 if size else r.p.plane_v)), r.p.panels)
        launch(_panels_body, &r, r.p.panels, 1, cost)
        if p.finish != NULL:
            launch(_finish_body, &r, r.p.segments, max(1, 16 // r.p.seg), 1.0 * p.n * p.oh * p.ow * p.k)
        if size:
            pool_free(r.v, size)
    else:
        dl_winograd_plan(&r.p, block)
        size = r.p.panels * r.p.matrices * r.p.plane_u * <Py_ssize_t>sizeof(float)
        if u == NULL:
            r.u = <float*>pool_alloc(size)
            launch(_weights_body, &r, r.p.panels * _up(p.c, PIECE), 1, 70.0 * p.c * r.p.panels)
        _take_rooms(&r, r.p.matrices * (r.p.plane_v + r.p.plane_m), _up(r.p.segments, r.p.per))
        launch(_blocks_body, &r, r.p.segments, r.p.per, cost)
        if u == NULL:
            pool_free(r.u, size)
    pool_free(r.rooms, r.room * r.count)
    return 0


# ---- The gradient by the kernel

cdef void _sums_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are (part of the tiles, group of panels): sums over the part, a block of segments at a time."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef float* v = <float*>(room + 64)
    cdef float* z = v + r.p.matrices * r.p.plane_v
    cdef Py_ssize_t i, s0, s1, s2, start, stop, first, last, panel, at
    cdef dl_stream ahead
    for i in range(begin, end):
        start = i // r.groups * r.part
        stop = min(r.p.segments, start + r.part)
        first = i % r.groups * GROUP
        last = min(r.p.panels, first + GROUP)
        s1 = start
        while s1 < stop:
            s0 = s1
            s1 = min(stop, s0 + r.p.per)
            s2 = min(stop, s1 + r.p.per)
            dl_winograd_input(&r.p, s0, s1, s0, s1, v)
            for panel in range(first, last):
                at = i // r.groups * r.p.panels + panel
                if s0 == start:
                    memset(r.sums + at * dl_winograd_panel, 0, dl_winograd_panel * sizeof(float))
                dl_winograd_output_grad(&r.p, s0, s1, z, panel, r.sums + at * dl_winograd_panel)
                if panel + 1 < last:
                    ahead = dl_output_stream(&r.p, r.p.g, s0, s1, panel + 1)
                else:
                    ahead = dl_output_stream(&r.p, r.p.g, s1, s2, first)
                dl_winograd_correlate(&r.p, s0, s1, v, 0, r.p.c, z, r.u + at * r.p.matrices * r.p.plane_u, r.p.plane_u, s0 > start, panel,
                                      dl_input_stream(&r.p, s1, s2, panel - first, last - first), ahead)
    dl_room_leave(room)


cdef void _weight_grad_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are pieces of channels of a panel: from the sums of all parts, in order."""
    cdef Run* r = <Run*>ctx
    cdef Py_ssize_t pieces = _up(r.p.c, PIECE)
    cdef Py_ssize_t i, c0, panel
    for i in range(begin, end):
        panel = i // pieces
        c0 = i % pieces * PIECE
        dl_winograd_weight_grad(&r.p, r.u + panel * r.p.matrices * r.p.plane_u + c0 * dl_winograd_panel, r.p.plane_u, r.parts,
                                r.p.panels * r.p.matrices * r.p.plane_u, panel, c0, min(r.p.c, c0 + PIECE))


cdef void _pieces_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are channels of a panel: from the transformed input of all tiles."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef Py_ssize_t plane = _plane(min(r.p.c, PIECE))
    cdef float* u = <float*>(room + 64)
    cdef float* z = u + r.p.matrices * plane
    cdef float* sums = z + r.p.matrices * r.p.plane_m
    cdef Py_ssize_t items = _up(r.p.c, ITEM)
    cdef Py_ssize_t i, c0, c1, last, panel
    cdef dl_stream none
    none.left = 0
    for i in range(begin, end):
        panel = i // items
        memset(sums, 0, dl_winograd_panel * sizeof(float))
        dl_winograd_output_grad(&r.p, 0, r.p.segments, z, panel, sums)
        c1 = i % items * ITEM
        last = min(r.p.c, c1 + ITEM)
        if c1 == 0:
            for c0 in range(dl_winograd_panel):
                r.sums[panel * dl_winograd_panel + c0] = sums[c0]
        while c1 < last:
            c0 = c1
            c1 = min(last, c0 + PIECE)
            dl_winograd_correlate(&r.p, 0, r.p.segments, r.v, c0, c1, z, u, plane, False, panel, none, none)
            dl_winograd_weight_grad(&r.p, u, plane, 1, 0, panel, c0, c1)
    dl_room_leave(room)


cdef int winograd_weight_gradient(dl_winograd* p, float* bias, bint add_bias) except -1:
    cdef Run r
    cdef Py_ssize_t size, panels, i, j
    cdef double cost = _cycles(p) / 4
    r.p = p[0]
    r.tiles = _tiles(p)
    r.parts = 1
    panels = _up(p.k, dl_winograd_panel)
    if r.tiles == 0 or p.c == 0 or p.k == 0:
        if not p.add:
            memset(p.y, 0, p.rows * p.r * p.c * p.k * sizeof(float))
        if bias != NULL and not add_bias:
            memset(bias, 0, p.k * sizeof(float))
        return 0
    if r.tiles <= FEW:
        size = _transform_input(&r)
        r.sums = <float*>pool_alloc(panels * dl_winograd_panel * sizeof(float))
        _take_rooms(&r, r.p.matrices * (_plane(min(p.c, PIECE)) + r.p.plane_m) + dl_winograd_panel, panels * _up(p.c, ITEM))
        launch(_pieces_body, &r, panels * _up(p.c, ITEM), 1, cost)
        pool_free(r.v, size)
    else:
        dl_winograd_plan(&r.p, _block(p, 56 if p.c <= 64 else max(28, min(96, 28672 // p.c))))
        r.groups = _up(panels, GROUP)
        r.parts = max(1, min(_up(PARTS, r.groups), r.tiles // PART_TILES))
        r.part = _up(_up(r.p.segments, r.parts), r.p.per) * r.p.per
        r.parts = _up(r.p.segments, r.part)
        size = r.parts * panels * r.p.matrices * r.p.plane_u * <Py_ssize_t>sizeof(float)
        r.u = <float*>pool_alloc(size)
        r.sums = <float*>pool_alloc(r.parts * panels * dl_winograd_panel * sizeof(float))
        _take_rooms(&r, r.p.matrices * (r.p.plane_v + r.p.plane_m), r.parts * r.groups)
        launch(_sums_body, &r, r.parts * r.groups, 1, cost)
        launch(_weight_grad_body, &r, panels * _up(p.c, PIECE), 1, 50.0 * r.parts * p.c * panels)
        pool_free(r.u, size)
    if bias != NULL:
        for j in range(p.k):
            bias[j] = (bias[j] if add_bias else 0) + r.sums[j]
            for i in range(1, r.parts):
                bias[j] += r.sums[i * panels * dl_winograd_panel + j]
    pool_free(r.sums, r.parts * panels * dl_winograd_panel * <Py_ssize_t>sizeof(float))
    pool_free(r.rooms, r.room * r.count)
    return 0


# ---- For tests and timings

cdef const float* _data(object x):
    return NULL if x is None else <float*>(<Tensor>x).data


cdef Tensor _float32(object x):
    cdef Tensor t
    if x is None:
        return None
    t = tensor(x)
    if t.dtype != F32:
        raise ValueError("winograd: expected float32")
    return t


def convolve(x, kernel, bias=None, scale=None, relu=False, mask=None, top=0, left=0, height=None, width=None, turned=False, into=None, pool=False):
    """The convolution with the kernel, to height x width; if `turned`, its gradient by the input at x; if `pool`, maxima over windows of two
    pixels of one row or (kernels of several) two, and places. Only dtypes are checked."""
    cdef Tensor t = _float32(x)
    cdef Tensor w = _float32(kernel)
    cdef Tensor y, places = None, b = _float32(bias), s = _float32(scale), m = _float32(mask)
    cdef dl_winograd p
    cdef Py_ssize_t dims[4]
    memset(&p, 0, sizeof(p))
    p.n, p.h, p.w, p.c, p.r, p.rows, p.top, p.left = t.dims[0], t.dims[1], t.dims[2], t.dims[3], w.dims[1], w.dims[0], top, left
    p.k = w.dims[2] if turned else w.dims[3]
    p.oh = p.h - p.rows + 1 if height is None else height
    p.ow = p.w - p.r + 1 if width is None else width
    dims[0], dims[1], dims[2], dims[3] = p.n, p.oh // (2 if pool and p.rows > 1 else 1), p.ow // (2 if pool else 1), p.k
    y = empty(F32, 4, dims) if into is None else _float32(into)
    if pool:
        places = empty(U8, 4, dims)
        p.pools, p.places = True, <unsigned char*>places.data
    p.x, p.mask, p.weights, p.turned, p.y = _data(t), _data(m), _data(w), turned, <float*>y.data
    p.bias, p.scale, p.relu, p.add = _data(b), _data(s), relu, into is not None
    winograd_convolve(&p, NULL)
    return (y, places) if pool else y


def weight_gradient(x, g, shape, mask=None, gmask=None, top=0, left=0, into=None):
    """The gradients by a kernel of that (height, width) and by the bias, where g is the output's. Only dtypes are checked."""
    cdef Tensor t = _float32(x)
    cdef Tensor d = _float32(g)
    cdef Tensor y, b, m = _float32(mask), q = _float32(gmask)
    cdef dl_winograd p
    cdef Py_ssize_t dims[4]
    memset(&p, 0, sizeof(p))
    p.n, p.h, p.w, p.c, p.rows, p.r, p.top, p.left = t.dims[0], t.dims[1], t.dims[2], t.dims[3], shape[0], shape[1], top, left
    p.oh, p.ow, p.k = d.dims[1], d.dims[2], d.dims[3]
    dims[0], dims[1], dims[2], dims[3] = p.rows, p.r, p.c, p.k
    y = empty(F32, 4, dims) if into is None else _float32(into[0])
    b = empty(F32, 1, &dims[3]) if into is None else _float32(into[1])
    p.x, p.mask, p.g, p.gmask, p.y, p.add = _data(t), _data(m), _data(d), _data(q), <float*>y.data, into is not None
    winograd_weight_gradient(&p, <float*>b.data, into is not None)
    return y, b


def enable(on):
    """Whether `conv` may use it from now on; returns whether it might before."""
    global _enabled
    before = _enabled
    _enabled = on
    return before


def pays(n, h, w, c, height, width, k, shape):
    """Whether the shape is faster this way."""
    cdef dl_winograd p
    p.n, p.h, p.w, p.c, p.oh, p.ow, p.k, p.rows, p.r = n, h, w, c, height, width, k, shape[0], shape[1]
    return bool(winograd_pays(&p))
