"""Winograd's algorithm for convolutions with kernels of 3x3 and 5x5, stride 1, float32 (see winograd.h).

Two schedules each for the convolution and for the gradient by its kernel. With many tiles of output a thread takes a block of tiles
through all stages; the transformed kernel is made once. With few (deep layers, single images) the transformed image is
made once, and a thread takes a panel of output channels; the transformed kernel, which is four times as large as the kernel
and would be larger than the cache, exists only in pieces. Scratch belongs to a thread and does not grow with the batch.
"""

from libc.string cimport memset

from dlcore._kernels.activation cimport ACT_LINEAR, ACT_RELU, act_cost, act_forward, activation_code, default_params
from dlcore._kernels.parallel cimport launch, thread_count
from dlcore._kernels.tensor cimport Tensor, empty, pool_alloc, pool_free, tensor, zeros
from dlcore._kernels.types cimport F32

__all__ = []            # no ops: `conv` decides where it is used

cdef extern from *:
    """
    #define REAL float
    #define REAL_INT int
    #define REAL_PER_16 4
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "gemm.h"
    #include "winograd.h"
    """
    ctypedef struct dl_winograd:
        Py_ssize_t n, h, w, c, oh, ow, k, top, left, r, m, th, tw, seg, nseg, segments, per, cp, panels, plane_v, plane_m, plane_u
        int streams
    ctypedef struct dl_finish:
        const float* bias
        int relu
        int add
    ctypedef struct dl_stream:
        Py_ssize_t left
    ctypedef struct dl_segment:
        Py_ssize_t image, row, first, count
    const Py_ssize_t dl_winograd_lanes
    const Py_ssize_t dl_winograd_panel
    void dl_winograd_plan(dl_winograd*, Py_ssize_t tiles) noexcept nogil
    dl_segment dl_locate(const dl_winograd*, Py_ssize_t) noexcept nogil
    Py_ssize_t dl_tiles_before(const dl_winograd*, Py_ssize_t) noexcept nogil
    void dl_winograd_weights(const dl_winograd*, const float* g, int turned, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1, float* u, Py_ssize_t plane) noexcept nogil
    void dl_winograd_weight_grad(const dl_winograd*, const float* u, Py_ssize_t plane, Py_ssize_t parts, Py_ssize_t apart, float* dg, int add,
                                 Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1) noexcept nogil
    void dl_winograd_input(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, const float* x, float* v) noexcept nogil
    void dl_winograd_output(const dl_winograd*, const dl_finish*, Py_ssize_t s0, Py_ssize_t s1, const float* m, float* y, Py_ssize_t panel) noexcept nogil
    void dl_winograd_output_grad(const dl_winograd*, Py_ssize_t s0, Py_ssize_t s1, const float* dz, float* z, Py_ssize_t panel) noexcept nogil
    void dl_winograd_multiply(const dl_winograd*, Py_ssize_t tiles, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* u, Py_ssize_t plane,
                              float* m, Py_ssize_t panel, dl_stream, dl_stream) noexcept nogil
    void dl_winograd_correlate(const dl_winograd*, Py_ssize_t tiles, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* z, float* out,
                               Py_ssize_t plane, int add, Py_ssize_t panel, dl_stream, dl_stream) noexcept nogil
    dl_stream dl_input_stream(const dl_winograd*, const float* x, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t part, Py_ssize_t parts) noexcept nogil
    dl_stream dl_output_stream(const dl_winograd*, const float* y, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t panel) noexcept nogil
    char* dl_room_take(char* rooms, Py_ssize_t size, Py_ssize_t count) noexcept nogil
    void dl_room_leave(char* room) noexcept nogil

cdef enum:
    FREQUENCIES = 36
    FEW = 128               # tiles: so many outputs of a panel stay in the L2 cache
    PIECE = 64              # channels of the transformed kernel that are made at a time when there are few tiles
    PIECES = 128            # and of its gradient's: a work item
    PARTS = 8               # sums over tiles are split into so many at most, ...
    PART_TILES = 128        # ... which have so many tiles at least
    GROUP = 2               # panels of a work item in a weight gradient of many tiles

cdef struct Run:
    dl_winograd p
    dl_finish e
    const float* x          # the input, and in a weight gradient
    const float* g          # ... the output's gradient; else the kernel
    bint turned
    float* u                # all of the transformed kernel, or sums of its gradient
    float* v                # all of the transformed input
    float* out              # where sums go: y or z, or dw
    int code                # the activation that remains to be done, from `out` to `y`
    const double* params
    float* y
    char* rooms
    Py_ssize_t room, count, tiles, parts, part, groups


cdef Py_ssize_t _plane(Py_ssize_t channels) noexcept nogil:
    """Elements between two of 36 matrices (channels, panel)."""
    return channels * dl_winograd_panel + dl_winograd_lanes


cdef void _set(dl_winograd* p, const Conv2D* s) noexcept nogil:
    p.n, p.h, p.w, p.c, p.oh, p.ow, p.k, p.top, p.left, p.r = s.n, s.h, s.w, s.c, s.oh, s.ow, s.k, s.top, s.left, s.r


cdef Py_ssize_t _tiles(const Conv2D* s) noexcept nogil:
    cdef Py_ssize_t m = 7 - s.r
    return s.n * ((s.oh + m - 1) // m) * ((s.ow + m - 1) // m)


cdef double _work(const Conv2D* s) noexcept nogil:
    """About the cycles that it takes, forward or backward."""
    cdef double lanes = dl_winograd_lanes
    cdef double tiles = _tiles(s)
    cdef double ins = (s.c + dl_winograd_lanes - 1) // dl_winograd_lanes
    cdef double outs = (s.k + dl_winograd_lanes - 1) // dl_winograd_lanes
    return tiles * (FREQUENCIES * s.c * outs / 2 * 1.06 + 200 * ins + 130 * outs) + 150 * s.c * outs


cdef bint winograd_pays(const Conv2D* s) noexcept nogil:
    cdef Py_ssize_t lanes = dl_winograd_lanes
    if s.r != 3 and s.r != 5 or s.c < 8 or s.k < 8 or s.c > 1024 or s.oh < 2 or s.ow < 2:
        return False
    return 1.15 * _work(s) < <double>s.n * s.oh * s.ow * s.r * s.r * s.c * ((s.k + lanes - 1) // lanes) / 2 / 0.9


cdef int _take_rooms(Run* r, Py_ssize_t floats, Py_ssize_t items) except -1:
    cdef Py_ssize_t i
    r.room = 64 + (floats + 15) // 16 * 64
    r.count = min(<Py_ssize_t>thread_count(), max(items, 1))
    r.rooms = <char*>pool_alloc(r.room * r.count)
    for i in range(r.count):
        (<int*>(r.rooms + i * r.room))[0] = 0
    return 0


# ---- The convolution

cdef void _activate(Run* r, Py_ssize_t s) noexcept nogil:
    """What remains of the activation for the rows of a segment."""
    cdef dl_segment q = dl_locate(&r.p, s)
    cdef Py_ssize_t row = q.row * r.p.m
    cdef Py_ssize_t rows = min(r.p.m, r.p.oh - row)
    cdef Py_ssize_t col = q.first * r.p.m
    cdef Py_ssize_t cols = min(q.count * r.p.m, r.p.ow - col)
    cdef Py_ssize_t at = ((q.image * r.p.oh + row) * r.p.ow + col) * r.p.k
    if cols == r.p.ow:
        cols *= rows
        rows = 1
    for row in range(rows):
        act_forward(False, r.code, r.params, r.out + at, r.y + at, cols * r.p.k)
        at += r.p.ow * r.p.k


cdef void _activate_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t s
    for s in range(begin, end):
        _activate(<Run*>ctx, s)


cdef void _weights_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are pieces of channels of a panel."""
    cdef Run* r = <Run*>ctx
    cdef Py_ssize_t pieces = (r.p.c + PIECE - 1) // PIECE
    cdef Py_ssize_t i, c0, panel
    for i in range(begin, end):
        panel = i // pieces
        c0 = i % pieces * PIECE
        dl_winograd_weights(&r.p, r.g, r.turned, panel, c0, min(r.p.c, c0 + PIECE),
                            r.u + panel * FREQUENCIES * r.p.plane_u + c0 * dl_winograd_panel, r.p.plane_u)


cdef void _blocks_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are segments of tiles: all stages."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef float* v = <float*>(room + 64)
    cdef float* m = v + FREQUENCIES * r.p.plane_v
    cdef Py_ssize_t tiles = dl_tiles_before(&r.p, end) - dl_tiles_before(&r.p, begin)
    cdef Py_ssize_t after = min(r.p.segments, end + r.p.per)
    cdef Py_ssize_t panel, s
    dl_winograd_input(&r.p, begin, end, r.x, v)
    for panel in range(r.p.panels):
        dl_winograd_multiply(&r.p, tiles, v, 0, r.p.c, r.u + panel * FREQUENCIES * r.p.plane_u, r.p.plane_u, m, panel,
                             dl_input_stream(&r.p, r.x, end, after, panel, r.p.panels), dl_output_stream(&r.p, r.out, begin, end, panel))
        dl_winograd_output(&r.p, &r.e, begin, end, m, r.out, panel)
    if r.code != ACT_LINEAR:
        for s in range(begin, end):
            _activate(r, s)
    dl_room_leave(room)


cdef void _input_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are segments: the transformed image."""
    cdef Run* r = <Run*>ctx
    dl_winograd_input(&r.p, begin, end, r.x, r.v + dl_tiles_before(&r.p, begin) * r.p.cp)


cdef void _panels_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are panels: all tiles from the transformed image."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef Py_ssize_t plane = _plane(PIECE)
    cdef float* u = <float*>(room + 64)
    cdef float* m = u + FREQUENCIES * plane
    cdef dl_stream none
    cdef Py_ssize_t panel, piece, c0, c1
    none.left = 0
    for panel in range(begin, end):
        for piece in range((r.p.c + PIECE - 1) // PIECE):
            c0 = piece * PIECE
            c1 = min(r.p.c, c0 + PIECE)
            dl_winograd_weights(&r.p, r.g, r.turned, panel, c0, c1, u, plane)
            dl_winograd_multiply(&r.p, r.tiles, r.v, c0, c1, u, plane, m, panel, none, none)
        dl_winograd_output(&r.p, &r.e, 0, r.p.segments, m, r.out, panel)
    dl_room_leave(room)


cdef Py_ssize_t _plan_input(Run* r) except -1:
    """The transformed image of few tiles; the bytes to give back."""
    cdef Py_ssize_t size
    dl_winograd_plan(&r.p, 0)
    size = FREQUENCIES * r.p.plane_v * sizeof(float)
    r.v = <float*>pool_alloc(size)
    launch(_input_body, r, r.p.segments, max(1, 16 // r.p.seg), 50.0 * r.tiles * r.p.cp / dl_winograd_lanes)
    return size


cdef int winograd_convolve(const Conv2D* s, const float* x, const float* w, bint turned, const float* bias, int code, const double* params,
                           float* z, float* y, bint add) except -1:
    cdef Run r
    cdef Py_ssize_t size, block
    cdef double cost = _work(s) / 4
    memset(&r, 0, sizeof(Run))
    _set(&r.p, s)
    r.tiles = _tiles(s)
    if r.tiles == 0 or s.k == 0:
        return 0
    r.x, r.g, r.turned, r.y, r.params = x, w, turned, y, params
    r.out = y if z == NULL else z
    r.e.bias, r.e.add = bias, add
    r.e.relu = code == ACT_RELU and z == NULL
    r.code = ACT_LINEAR if r.e.relu else code
    cost += act_cost(r.code) * s.n * s.oh * s.ow * s.k
    if r.tiles <= FEW:
        size = _plan_input(&r)
        _take_rooms(&r, FREQUENCIES * (_plane(PIECE) + r.p.plane_m), r.p.panels)
        launch(_panels_body, &r, r.p.panels, 1, cost)
        if r.code != ACT_LINEAR:
            launch(_activate_body, &r, r.p.segments, max(1, 16 // r.p.seg), act_cost(r.code) * s.n * s.oh * s.ow * s.k)
        pool_free(r.v, size)
    else:
        block = max(28, 1792 // s.c) if s.c < 256 else 42
        dl_winograd_plan(&r.p, min(block, 56))
        size = r.p.panels * FREQUENCIES * r.p.plane_u * sizeof(float)
        r.u = <float*>pool_alloc(size)
        launch(_weights_body, &r, r.p.panels * ((s.c + PIECE - 1) // PIECE), 1, 70.0 * s.c * r.p.panels)
        _take_rooms(&r, FREQUENCIES * (r.p.plane_v + r.p.plane_m), r.p.segments // r.p.per + 1)
        launch(_blocks_body, &r, r.p.segments, r.p.per, cost)
        pool_free(r.u, size)
    pool_free(r.rooms, r.room * r.count)
    return 0


# ---- The gradient by the kernel

cdef void _sums_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are (part of the tiles, group of panels): sums over the part, a block of segments at a time."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef float* v = <float*>(room + 64)
    cdef float* z = v + FREQUENCIES * r.p.plane_v
    cdef float* u
    cdef dl_stream ahead
    cdef Py_ssize_t i, s0, s1, s2, first, last, panel, start, final, tiles
    for i in range(begin, end):
        first = i // r.groups * r.part
        last = min(r.p.segments, first + r.part)
        s1 = first
        while s1 < last:
            s0 = s1
            s1 = min(last, s0 + r.p.per)
            tiles = dl_tiles_before(&r.p, s1) - dl_tiles_before(&r.p, s0)
            dl_winograd_input(&r.p, s0, s1, r.x, v)
            s2 = min(last, s1 + r.p.per)
            start = i % r.groups * GROUP
            final = min(r.p.panels, start + GROUP)
            for panel in range(start, final):
                if panel + 1 < final:
                    ahead = dl_output_stream(&r.p, r.g, s0, s1, panel + 1)
                else:
                    ahead = dl_output_stream(&r.p, r.g, s1, s2, start)
                u = r.u + (i // r.groups * r.p.panels + panel) * FREQUENCIES * r.p.plane_u
                dl_winograd_output_grad(&r.p, s0, s1, r.g, z, panel)
                dl_winograd_correlate(&r.p, tiles, v, 0, r.p.c, z, u, r.p.plane_u, s0 > first, panel,
                                      dl_input_stream(&r.p, r.x, s1, s2, panel - start, final - start), ahead)
    dl_room_leave(room)


cdef void _weight_grad_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are pieces of channels of a panel: from the sums of all parts, in order."""
    cdef Run* r = <Run*>ctx
    cdef Py_ssize_t pieces = (r.p.c + PIECE - 1) // PIECE
    cdef Py_ssize_t i, c0, panel
    for i in range(begin, end):
        panel = i // pieces
        c0 = i % pieces * PIECE
        dl_winograd_weight_grad(&r.p, r.u + panel * FREQUENCIES * r.p.plane_u + c0 * dl_winograd_panel, r.p.plane_u, r.parts,
                                r.p.panels * FREQUENCIES * r.p.plane_u, r.out, r.e.add, panel, c0, min(r.p.c, c0 + PIECE))


cdef void _pieces_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Items are pieces of channels of a panel: from the transformed image of all tiles."""
    cdef Run* r = <Run*>ctx
    cdef char* room = dl_room_take(r.rooms, r.room, r.count)
    cdef Py_ssize_t plane = _plane(PIECE)
    cdef float* u = <float*>(room + 64)
    cdef float* z = u + FREQUENCIES * plane
    cdef Py_ssize_t pieces = (r.p.c + PIECES - 1) // PIECES
    cdef dl_stream none
    cdef Py_ssize_t i, c0, c1, panel, last
    none.left = 0
    for i in range(begin, end):
        panel = i // pieces
        dl_winograd_output_grad(&r.p, 0, r.p.segments, r.g, z, panel)
        c1 = i % pieces * PIECES
        last = min(r.p.c, c1 + PIECES)
        while c1 < last:
            c0 = c1
            c1 = min(last, c0 + PIECE)
            dl_winograd_correlate(&r.p, r.tiles, r.v, c0, c1, z, u, plane, False, panel, none, none)
            dl_winograd_weight_grad(&r.p, u, plane, 1, 0, r.out, r.e.add, panel, c0, c1)
    dl_room_leave(room)


cdef int winograd_weight_grad(const Conv2D* s, const float* x, const float* dz, float* dw, bint add) except -1:
    cdef Run r
    cdef Py_ssize_t size
    cdef double cost = _work(s) / 4
    memset(&r, 0, sizeof(Run))
    _set(&r.p, s)
    r.tiles = _tiles(s)
    r.x, r.g, r.out, r.e.add = x, dz, dw, add
    if r.tiles == 0 or s.c == 0 or s.k == 0:
        if not add:
            memset(dw, 0, s.r * s.r * s.c * s.k * sizeof(float))
        return 0
    if r.tiles <= FEW:
        size = _plan_input(&r)
        _take_rooms(&r, FREQUENCIES * (_plane(PIECE) + r.p.plane_m), r.p.panels * ((s.c + PIECES - 1) // PIECES))
        launch(_pieces_body, &r, r.p.panels * ((s.c + PIECES - 1) // PIECES), 1, cost)
        pool_free(r.v, size)
    else:
        dl_winograd_plan(&r.p, 56 if s.c <= 64 else max(28, min(96, 28672 // s.c)))
        r.groups = (r.p.panels + GROUP - 1) // GROUP
        r.parts = max(1, min((PARTS + r.groups - 1) // r.groups, r.tiles // PART_TILES))
        r.part = (r.p.segments + r.parts - 1) // r.parts
        r.part = (r.part + r.p.per - 1) // r.p.per * r.p.per
        r.parts = (r.p.segments + r.part - 1) // r.part
        size = r.parts * r.p.panels * FREQUENCIES * r.p.plane_u * sizeof(float)
        r.u = <float*>pool_alloc(size)
        _take_rooms(&r, FREQUENCIES * (r.p.plane_v + r.p.plane_m), r.parts * r.groups)
        launch(_sums_body, &r, r.parts * r.groups, 1, cost)
        launch(_weight_grad_body, &r, r.p.panels * ((s.c + PIECE - 1) // PIECE), 1, 50.0 * r.parts * s.c * r.p.panels)
        pool_free(r.u, size)
    pool_free(r.rooms, r.room * r.count)
    return 0


# ---- For tests and timings

cdef Tensor _float32(object x, int ndim):
    cdef Tensor t = tensor(x)
    if t.dtype != F32 or t.ndim != ndim:
        raise ValueError(f"winograd: expected float32 of rank {ndim}; received {t.shape}")
    return t


def convolve(x, kernel, bias=None, activation=None, top=0, left=0, height=None, width=None, turned=False, keep=False, into=None):
    """The convolution with the kernel; (z, y) if `keep`. Shapes are not checked beyond their rank."""
    cdef Tensor t = _float32(x, 4)
    cdef Tensor w = _float32(kernel, 4)
    cdef Tensor b = None if bias is None else _float32(bias, 1)
    cdef Tensor y, z = None
    cdef Conv2D s
    cdef double[3] params
    cdef Py_ssize_t dims[4]
    cdef int code = ACT_LINEAR if activation is None else activation_code(activation)
    s.n, s.h, s.w, s.c, s.r, s.top, s.left = t.dims[0], t.dims[1], t.dims[2], t.dims[3], w.dims[0], top, left
    s.k = w.dims[2] if turned else w.dims[3]
    s.oh = s.h - s.r + 1 if height is None else height
    s.ow = s.w - s.r + 1 if width is None else width
    dims[0], dims[1], dims[2], dims[3] = s.n, s.oh, s.ow, s.k
    y = empty(F32, 4, dims) if into is None else _float32(into, 4)
    if keep:
        z = empty(F32, 4, dims)
    default_params(code, params)
    winograd_convolve(&s, <float*>t.data, <float*>w.data, turned, NULL if b is None else <float*>b.data, code, params,
                      NULL if z is None else <float*>z.data, <float*>y.data, into is not None)
    return (z, y) if keep else y


def weight_grad(x, dz, r, top=0, left=0, into=None):
    """The gradient by a kernel of r x r."""
    cdef Tensor t = _float32(x, 4)
    cdef Tensor g = _float32(dz, 4)
    cdef Tensor dw
    cdef Conv2D s
    cdef Py_ssize_t dims[4]
    s.n, s.h, s.w, s.c, s.r, s.top, s.left = t.dims[0], t.dims[1], t.dims[2], t.dims[3], r, top, left
    s.oh, s.ow, s.k = g.dims[1], g.dims[2], g.dims[3]
    dims[0], dims[1], dims[2], dims[3] = s.r, s.r, s.c, s.k
    dw = zeros(F32, 4, dims) if into is None else _float32(into, 4)
    winograd_weight_grad(&s, <float*>t.data, <float*>g.data, <float*>dw.data, into is not None)
    return dw


def pays(n, h, w, c, oh, ow, k, r):
    """Whether the shape is faster this way."""
    cdef Conv2D s
    s.n, s.h, s.w, s.c, s.oh, s.ow, s.k, s.r, s.top, s.left = n, h, w, c, oh, ow, k, r, 0, 0
    return bool(winograd_pays(&s))
