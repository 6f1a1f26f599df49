"""Shapes and strides: what broadcasting, reductions and array manipulation share. No ops live here."""

import operator

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, describe, itemsize
from dlcore._kernels.types cimport F32, kernel_void

ctypedef fused word:
    uint8_t
    uint16_t
    uint32_t
    uint64_t
    float
    double


# ------------------------------------------------------------------------------------------------------ broadcasting

cdef int broadcast(str op, tuple inputs, Py_ssize_t* dims) except -1:
    """The shape to which all inputs broadcast, by NumPy's rule; an unknown dimension is taken to fit."""
    cdef Tensor x
    cdef Py_ssize_t n
    cdef int ndim = 0
    cdef int i, shift
    for x in inputs:
        if x.ndim > ndim:
            ndim = x.ndim
    for i in range(ndim):
        dims[i] = 1
    for x in inputs:
        shift = ndim - x.ndim
        for i in range(x.ndim):
            n = x.dims[i]
            if n == dims[shift + i] or n == 1:
                continue
            if dims[shift + i] == 1 or dims[shift + i] == UNKNOWN:
                dims[shift + i] = n
            elif n != UNKNOWN:
                raise ValueError(
                    f"{op}: the shapes {', '.join([str(t.shape) for t in inputs])} do not broadcast: aligned at the right, "
                    f"axis {i - x.ndim} has {dims[shift + i]} and {n} elements. Expected equal sizes or 1 there"
                )
    return ndim


cdef void plan(Plan* p, Tensor out, Tensor a, Tensor b, Tensor c) noexcept:
    cdef void* operands[MAX_OPERANDS]           # borrowed: the caller holds them
    cdef Py_ssize_t[MAX_OPERANDS][MAX_NDIM] strides
    cdef Py_ssize_t step
    cdef Tensor x
    cdef int i, k, d, top
    cdef bint joins
    operands[0], operands[1], operands[2] = <void*>a, <void*>b, <void*>c
    p.operands = 3 if c is not None else 2
    p.ndim = 1
    p.dims[0] = out.size
    joins = True
    for k in range(p.operands):
        x = <Tensor>operands[k]
        p.data[k] = x.data
        p.size[k] = <int>itemsize(x.dtype)
        p.strides[k][0] = x.size == out.size
        if x.size != out.size and x.size != 1:
            joins = False
    if joins:
        return
    for k in range(p.operands):
        x = <Tensor>operands[k]
        step = 1
        for i in range(out.ndim):
            d = x.ndim - 1 - i
            if d < 0 or x.dims[d] == 1:
                strides[k][out.ndim - 1 - i] = 0
            else:
                strides[k][out.ndim - 1 - i] = step
                step *= x.dims[d]
    # Build from the innermost dimension out (reversed in place at the end); size-1 dimensions say nothing.
    top = -1
    for i in range(out.ndim - 1, -1, -1):
        if out.dims[i] == 1:
            continue
        joins = top >= 0
        for k in range(p.operands):
            if joins and strides[k][i] != p.strides[k][top] * p.dims[top]:
                joins = False
        if joins:
            p.dims[top] *= out.dims[i]
        else:
            top += 1
            p.dims[top] = out.dims[i]
            for k in range(p.operands):
                p.strides[k][top] = strides[k][i]
    p.ndim = top + 1
    for i in range(p.ndim // 2):
        d = p.ndim - 1 - i
        p.dims[i], p.dims[d] = p.dims[d], p.dims[i]
        for k in range(p.operands):
            p.strides[k][i], p.strides[k][d] = p.strides[k][d], p.strides[k][i]
    _ways(p)


cdef enum Way:
    DENSE           # laid out as the result
    PERIODIC        # the same row again and again
    SCATTERED       # anything else

cdef enum:
    BATCH = 512     # elements of short rows that are brought together, so that the loops over them are long


cdef void _ways(Plan* p) noexcept nogil:
    cdef Py_ssize_t step
    cdef int k, d
    for k in range(p.operands):
        p.way[k] = DENSE
        step = 1
        for d in range(p.ndim - 1, -1, -1):
            if p.strides[k][d] != step:
                p.way[k] = SCATTERED
            step *= p.dims[d]
        if p.way[k] == SCATTERED and p.strides[k][p.ndim - 1] == 1:
            for d in range(p.ndim - 1):
                if p.strides[k][d]:
                    break
            else:
                p.way[k] = PERIODIC


cdef inline void _fill(char* out, Py_ssize_t at, const char* x, Py_ssize_t from_, Py_ssize_t step, Py_ssize_t n, int size) noexcept nogil:
    """out[at + i] = x[from_ + i * step], elements of `size` bytes."""
    cdef Py_ssize_t i
    if size == 4:
        for i in range(n):
            (<uint32_t*>out)[at + i] = (<const uint32_t*>x)[from_ + i * step]
    elif size == 8:
        for i in range(n):
            (<uint64_t*>out)[at + i] = (<const uint64_t*>x)[from_ + i * step]
    else:
        for i in range(n):
            (<uint8_t*>out)[at + i] = (<const uint8_t*>x)[from_ + i * step]


cdef void _walk_short(const Plan* p, Py_ssize_t begin, Py_ssize_t end, row_fn row, void* ctx) noexcept nogil:
    cdef char[MAX_OPERANDS][16 * BATCH] buffer
    cdef const char* here[MAX_OPERANDS]
    cdef Py_ssize_t[MAX_OPERANDS] step
    cdef Py_ssize_t[MAX_NDIM] index
    cdef int last = p.ndim - 1
    cdef Py_ssize_t inner = p.dims[last]
    cdef Py_ssize_t j = begin % inner
    cdef Py_ssize_t rest = begin // inner
    cdef Py_ssize_t at, n, m, done
    cdef int d, k
    cdef bint scattered = False
    for d in range(last - 1, -1, -1):
        index[d] = rest % p.dims[d]
        rest //= p.dims[d]
    for k in range(p.operands):
        step[k] = 1
        scattered = scattered or p.way[k] == SCATTERED
        if p.way[k] == PERIODIC:
            at = 0
            while at < BATCH + inner:
                _fill(buffer[k], at, p.data[k], 0, 1, inner, p.size[k])
                at += inner
    while begin < end:
        n = min(<Py_ssize_t>BATCH, end - begin)
        for k in range(p.operands):
            if p.way[k] == DENSE:
                here[k] = p.data[k] + begin * p.size[k]
            elif p.way[k] == PERIODIC:
                here[k] = buffer[k] + begin % inner * p.size[k]
            else:
                here[k] = buffer[k]
        if scattered:
            done = 0
            while done < n:
                m = min(inner - j, n - done)
                for k in range(p.operands):
                    if p.way[k] == SCATTERED:
                        at = j * p.strides[k][last]
                        for d in range(last):
                            at += index[d] * p.strides[k][d]
                        _fill(buffer[k], done, p.data[k], at, p.strides[k][last], m, p.size[k])
                done += m
                j += m
                if j == inner:
                    j = 0
                    d = last - 1
                    while d >= 0:
                        index[d] += 1
                        if index[d] < p.dims[d]:
                            break
                        index[d] = 0
                        d -= 1
        row(ctx, n, begin, here, step)
        begin += n


cdef void walk(const Plan* p, Py_ssize_t begin, Py_ssize_t end, row_fn row, void* ctx) noexcept nogil:
    cdef const char* here[MAX_OPERANDS]
    cdef Py_ssize_t[MAX_OPERANDS] step
    cdef int last = p.ndim - 1
    cdef Py_ssize_t inner = p.dims[last]
    cdef Py_ssize_t j, n, rest, at
    cdef int d, k
    if p.ndim > 1 and inner < BATCH // 2:
        _walk_short(p, begin, end, row, ctx)
        return
    for k in range(p.operands):
        step[k] = p.strides[k][last]
    while begin < end:
        j = begin % inner
        n = min(inner - j, end - begin)
        for k in range(p.operands):
            rest = begin // inner
            at = j * step[k]
            for d in range(last - 1, -1, -1):
                at += rest % p.dims[d] * p.strides[k][d]
                rest //= p.dims[d]
            here[k] = p.data[k] + at * p.size[k]
        row(ctx, n, begin, here, step)
        begin += n


# ---------------------------------------------------------------------------------------------------- strided copies

cdef enum:
    TILE = 32           # rows and columns of a tile that is transposed within the first-level cache

cdef struct Copy:
    int size            # bytes of an element
    bint add
    int ndim            # at least 2; the last two dimensions are the rows and columns of a plane
    Py_ssize_t dims[MAX_NDIM]
    Py_ssize_t ss[MAX_NDIM]
    Py_ssize_t ds[MAX_NDIM]
    Py_ssize_t tiles    # row tiles of a plane
    const char* src
    char* dst


cdef inline void copy_tile(word* dst, const word* src, Py_ssize_t rows, Py_ssize_t columns,
                           Py_ssize_t dr, Py_ssize_t dc, Py_ssize_t sr, Py_ssize_t sc, bint add) noexcept nogil:
    cdef Py_ssize_t i, j, j0, j1
    cdef word* d
    cdef const word* s
    if dc == 1 and (sc == 1 or sc == 0):
        for i in range(rows):
            d = dst + i * dr
            s = src + i * sr
            if add:
                if sc:
                    for j in range(columns):
                        d[j] = d[j] + s[j]
                else:
                    for j in range(columns):
                        d[j] = d[j] + s[0]
            elif sc:
                memcpy(d, s, columns * sizeof(word))
            else:
                for j in range(columns):
                    d[j] = s[0]
        return
    j0 = 0
    while j0 < columns:
        j1 = min(columns, j0 + TILE)
        for i in range(rows):
            d = dst + i * dr
            s = src + i * sr
            if add:
                for j in range(j0, j1):
                    d[j * dc] = d[j * dc] + s[j * sc]
            else:
                for j in range(j0, j1):
                    d[j * dc] = s[j * sc]
        j0 = j1


cdef inline void copy_tiles(Copy* c, word* dst, const word* src, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, rest, r0, i, s, d
    cdef int k
    cdef int row = c.ndim - 2
    cdef int column = c.ndim - 1
    for t in range(begin, end):
        r0 = (t % c.tiles) * TILE
        rest = t // c.tiles
        s = r0 * c.ss[row]
        d = r0 * c.ds[row]
        for k in range(c.ndim - 3, -1, -1):
            i = rest % c.dims[k]
            rest //= c.dims[k]
            s += i * c.ss[k]
            d += i * c.ds[k]
        copy_tile(dst + d, src + s, min(<Py_ssize_t>TILE, c.dims[row] - r0), c.dims[column], c.ds[row], c.ds[column], c.ss[row], c.ss[column], c.add)


cdef kernel_void copy_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Copy* c = <Copy*>ctx
    if c.add:
        if c.size == 4:
            copy_tiles[float](c, <float*>c.dst, <const float*>c.src, begin, end)
        else:
            copy_tiles[double](c, <double*>c.dst, <const double*>c.src, begin, end)
    elif c.size == 1:
        copy_tiles[uint8_t](c, <uint8_t*>c.dst, <const uint8_t*>c.src, begin, end)
    elif c.size == 2:
        copy_tiles[uint16_t](c, <uint16_t*>c.dst, <const uint16_t*>c.src, begin, end)
    elif c.size == 4:
        copy_tiles[uint32_t](c, <uint32_t*>c.dst, <const uint32_t*>c.src, begin, end)
    else:
        copy_tiles[uint64_t](c, <uint64_t*>c.dst, <const uint64_t*>c.src, begin, end)


cdef inline void swap_dims(Copy* c, int i, int j) noexcept nogil:
    c.dims[i], c.dims[j] = c.dims[j], c.dims[i]
    c.ss[i], c.ss[j] = c.ss[j], c.ss[i]
    c.ds[i], c.ds[j] = c.ds[j], c.ds[i]


cdef int strided_copy(int dtype, bint add, int ndim, const Py_ssize_t* dims, const char* src, const Py_ssize_t* src_strides,
                      char* dst, const Py_ssize_t* dst_strides) except -1:
    cdef Copy c
    cdef Py_ssize_t n = 1
    cdef Py_ssize_t planes = 1
    cdef int i, best
    c.size = <int>itemsize(dtype)
    c.add = add
    c.src = src
    c.dst = dst
    c.ndim = 0
    if add and dtype < F32:
        raise RuntimeError("strided_copy: only float32 and float64 can be added")
    for i in range(ndim):
        n *= dims[i]
        if dims[i] == 1:
            continue
        if c.ndim and src_strides[i] * dims[i] == c.ss[c.ndim - 1] and dst_strides[i] * dims[i] == c.ds[c.ndim - 1]:
            c.dims[c.ndim - 1] *= dims[i]
            c.ss[c.ndim - 1] = src_strides[i]
            c.ds[c.ndim - 1] = dst_strides[i]
        else:
            c.dims[c.ndim] = dims[i]
            c.ss[c.ndim] = src_strides[i]
            c.ds[c.ndim] = dst_strides[i]
            c.ndim += 1
    if n == 0:
        return 0
    if c.ndim == 1 and c.dims[0] > 16384 and c.ss[0] == 1 and c.ds[0] == 1:
        # One long run: as rows, so that there is something to share out.
        c.ndim = 2
        c.dims[1] = 16384
        c.dims[0] = c.dims[0] // 16384
        c.ss[1] = c.ds[1] = 1
        c.ss[0] = c.ds[0] = 16384
        strided_tail(&c, n)
    while c.ndim < 2:
        # A dimension of one row in front.
        for i in range(c.ndim, 0, -1):
            c.dims[i] = c.dims[i - 1]
            c.ss[i] = c.ss[i - 1]
            c.ds[i] = c.ds[i - 1]
        c.dims[0] = 1
        c.ss[0] = c.ds[0] = 0
        c.ndim += 1
    # The rows of a plane are the dimension along which the source is densest: tiles then reuse every cache line.
    best = c.ndim - 2
    for i in range(c.ndim - 1):
        if c.ss[i] and (c.ss[best] == 0 or c.ss[i] * c.ss[i] < c.ss[best] * c.ss[best]):
            best = i
    swap_dims(&c, best, c.ndim - 2)
    c.tiles = (c.dims[c.ndim - 2] + TILE - 1) // TILE
    for i in range(c.ndim - 2):
        planes *= c.dims[i]
    launch(copy_block, &c, planes * c.tiles, max(<Py_ssize_t>1, 16384 * planes * c.tiles // n),
           n * (0.1 if c.ss[c.ndim - 1] == 1 and c.ds[c.ndim - 1] == 1 else 0.6))
    return 0


cdef void strided_tail(Copy* c, Py_ssize_t n) noexcept:
    """Copies what whole rows of a long run leave over."""
    cdef Py_ssize_t done = c.dims[0] * 16384
    cdef Py_ssize_t i
    if c.add and c.size == 4:
        for i in range(done, n):
            (<float*>c.dst)[i] += (<const float*>c.src)[i]
    elif c.add:
        for i in range(done, n):
            (<double*>c.dst)[i] += (<const double*>c.src)[i]
    else:
        memcpy(c.dst + done * c.size, c.src + done * c.size, (n - done) * c.size)


cdef void dense_strides(int ndim, const Py_ssize_t* dims, Py_ssize_t* strides) noexcept nogil:
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        strides[i] = step
        step *= dims[i]


# --------------------------------------------------------------------------------------------- arguments that name axes

cdef int axis_index(str op, object axis, int ndim, object x) except -1:
    cdef Py_ssize_t a
    try:
        a = operator.index(axis)
    except TypeError:
        raise TypeError(f"{op}: axis must be a whole number; received axis={axis!r}") from None
    if a < -ndim or a >= ndim:
        raise ValueError(f"{op}: axis must lie in [{-ndim}, {ndim}) for {describe(x)}; received axis={axis}")
    return <int>(a + ndim if a < 0 else a)


cdef Py_ssize_t extents(str op, str argument, object shape, Py_ssize_t* dims) except -1:
    cdef Py_ssize_t n, i
    if not isinstance(shape, (tuple, list)):
        shape = (shape,)
    n = len(shape)
    if n > MAX_NDIM:
        raise ValueError(f"{op}: tensors have at most {MAX_NDIM} dimensions; received {argument}={tuple(shape)}")
    for i in range(n):
        if shape[i] is None:
            dims[i] = UNKNOWN
            continue
        try:
            dims[i] = operator.index(shape[i])
        except TypeError:
            raise TypeError(f"{op}: {argument} must hold whole numbers; received {argument}={shape!r}") from None
    return n
