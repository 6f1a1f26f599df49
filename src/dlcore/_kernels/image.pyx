"""Images (n, height, width, channels) seen through other coordinates, flipped, or brighter and with more contrast."""

import numpy as np

cimport cython
from libc.math cimport floor, floorf, rint, rintf
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy, memset

from dlcore._kernels.cast cimport apply_move
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, describe, itemsize, shape_of, tensor, tensor_as
from dlcore._kernels.types cimport F32, F64, kernel_void, real

__all__ = []            # keras.ops has these in a namespace of its own: see dlcore.ops.image

cdef enum:
    CHUNK = 64          # pixels whose coordinates are computed together
    BLOCK = 16384       # elements of a block

cdef enum Fill:
    CONSTANT = 0
    NEAREST = 1
    WRAP = 2
    MIRROR = 3          # c b | a b c | b a
    REFLECT = 4         # b a | a b c | c b

FILL_MODES = {"constant": CONSTANT, "nearest": NEAREST, "wrap": WRAP, "mirror": MIRROR, "reflect": REFLECT}


# --------------------------------------------------------------------------------------------------------- coordinates

cdef struct Warp:
    Py_ssize_t h, w, c              # of the input
    Py_ssize_t oh, ow               # of the output
    int fill
    bint bilinear
    bint f64
    const double* matrix            # (n or 1, 8), or NULL
    Py_ssize_t step                 # from the matrix of an image to that of the next: 8 or 0
    const char* field               # (n or 1, oh, ow, 2): y and x of every pixel, in the type of the images; or NULL
    Py_ssize_t field_step           # oh or 0
    const char* x
    char* y                         # forward: the output; backward: its gradient
    char* dx
    const char* outside             # a pixel of the fill value


cdef inline real below(real v) noexcept nogil:
    # Far away is far enough; and NaN, which no comparison holds for, is far away too.
    v = v if v > -1e9 else <real>-1e9
    v = v if v < 1e9 else <real>1e9
    if real is float:
        return floorf(v)
    else:
        return floor(v)


cdef inline real closest(real v) noexcept nogil:
    v = v if v > -1e9 else <real>-1e9
    v = v if v < 1e9 else <real>1e9
    if real is float:
        return rintf(v)
    else:
        return rint(v)


cdef inline bint settle(const Warp* p, const real* fy, const real* fx, int32_t* y, int32_t* x, real* wy, real* wx, Py_ssize_t m) noexcept nogil:
    """From coordinates to pixels and weights (bilinear: rows y and y + 1, columns x and x + 1); whether all that is read lies inside."""
    cdef Py_ssize_t j
    cdef int32_t low_y = 2147483647, high_y = -2147483647, low_x = 2147483647, high_x = -2147483647
    cdef int32_t last = 1 if p.bilinear else 0
    cdef real v
    if p.bilinear:
        for j in range(m):
            v = below(fy[j])
            wy[j] = fy[j] - v
            y[j] = <int32_t>v
            v = below(fx[j])
            wx[j] = fx[j] - v
            x[j] = <int32_t>v
    else:
        for j in range(m):
            y[j] = <int32_t>closest(fy[j])
            x[j] = <int32_t>closest(fx[j])
    for j in range(m):
        low_y = y[j] if y[j] < low_y else low_y
        high_y = y[j] if y[j] > high_y else high_y
        low_x = x[j] if x[j] < low_x else low_x
        high_x = x[j] if x[j] > high_x else high_x
    return low_y >= 0 and low_x >= 0 and high_y + last < p.h and high_x + last < p.w


cdef inline bint locate(const Warp* p, Py_ssize_t row, Py_ssize_t first, Py_ssize_t m, real* fy, real* fx,
                        int32_t* y, int32_t* x, real* wy, real* wx) noexcept nogil:
    """Where pixels first to first + m of row `row` of the output, which is (n, oh) flattened, come from."""
    cdef Py_ssize_t image = row // p.oh
    cdef Py_ssize_t at = row % p.oh
    cdef Py_ssize_t j
    cdef const double* t
    cdef const real* f
    cdef real a0, b0, c0, base_x, base_y, base, k
    if p.field != NULL:
        f = <const real*>p.field + ((p.field_step * image + at) * p.ow + first) * 2
        for j in range(m):
            fy[j] = f[2 * j]
            fx[j] = f[2 * j + 1]
    else:
        t = p.matrix + image * p.step
        a0, b0, c0 = <real>t[0], <real>t[3], <real>t[6]
        base_x = <real>(t[1] * at + t[2])
        base_y = <real>(t[4] * at + t[5])
        for j in range(m):
            fx[j] = a0 * <real><int32_t>(first + j) + base_x
            fy[j] = b0 * <real><int32_t>(first + j) + base_y
        if t[6] != 0 or t[7] != 0:
            base = <real>(t[7] * at + 1)
            for j in range(m):
                k = 1 / (c0 * <real><int32_t>(first + j) + base)
                fx[j] *= k
                fy[j] *= k
    return settle(p, fy, fx, y, x, wy, wx, m)


cdef inline Py_ssize_t inside(Py_ssize_t i, Py_ssize_t n, int fill) noexcept nogil:
    """The place of i among n pixels that go on as `fill` says; -1: nowhere."""
    if 0 <= i < n:
        return i
    if fill == CONSTANT:
        return -1
    if fill == NEAREST:
        return 0 if i < 0 else n - 1
    if fill == WRAP:
        i %= n
        return i + n if i < 0 else i
    if fill == MIRROR:
        if n == 1:
            return 0
        i %= 2 * n - 2
        if i < 0:
            i += 2 * n - 2
        return i if i < n else 2 * n - 2 - i
    i %= 2 * n
    if i < 0:
        i += 2 * n
    return i if i < n else 2 * n - 1 - i


cdef inline Py_ssize_t offset(const Warp* p, Py_ssize_t y, Py_ssize_t x) noexcept nogil:
    y = inside(y, p.h, p.fill)
    x = inside(x, p.w, p.fill)
    return -1 if y < 0 or x < 0 else (y * p.w + x) * p.c


cdef inline void blend(real* to, const real* a, const real* b, const real* c, const real* d, real wy, real wx, Py_ssize_t channels) noexcept nogil:
    cdef real w0 = (1 - wy) * (1 - wx)
    cdef real w1 = (1 - wy) * wx
    cdef real w2 = wy * (1 - wx)
    cdef real w3 = wy * wx
    cdef Py_ssize_t k
    for k in range(channels):
        to[k] = w0 * a[k] + w1 * b[k] + w2 * c[k] + w3 * d[k]


cdef inline void read_chunk(const Warp* p, const real* x, real* to, const int32_t* iy, const int32_t* ix, const real* wy, const real* wx,
                            bint all_inside, Py_ssize_t channels, Py_ssize_t m) noexcept nogil:
    """Writes m pixels; `channels` is the number of channels, known to the compiler for common ones."""
    cdef const real* outside = <const real*>p.outside
    cdef Py_ssize_t line = p.w * channels
    cdef Py_ssize_t j, k, a, b, c, d
    cdef const real* at
    if p.bilinear and all_inside:
        for j in range(m):
            at = x + iy[j] * line + ix[j] * channels
            blend(to + j * channels, at, at + channels, at + line, at + line + channels, wy[j], wx[j], channels)
    elif p.bilinear:
        for j in range(m):
            a, b = offset(p, iy[j], ix[j]), offset(p, iy[j], ix[j] + 1)
            c, d = offset(p, iy[j] + 1, ix[j]), offset(p, iy[j] + 1, ix[j] + 1)
            blend(to + j * channels, outside if a < 0 else x + a, outside if b < 0 else x + b, outside if c < 0 else x + c,
                  outside if d < 0 else x + d, wy[j], wx[j], channels)
    elif all_inside:
        for j in range(m):
            at = x + iy[j] * line + ix[j] * channels
            for k in range(channels):
                to[j * channels + k] = at[k]
    else:
        for j in range(m):
            a = offset(p, iy[j], ix[j])
            at = outside if a < 0 else x + a
            for k in range(channels):
                to[j * channels + k] = at[k]


cdef inline void warp_rows(const Warp* p, const real* x, real* to, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef real[CHUNK] fy, fx, wy, wx
    cdef int32_t[CHUNK] iy, ix
    cdef Py_ssize_t r, t, first, m
    cdef const real* image
    cdef real* out
    cdef bint all_inside
    for r in range(begin, end):
        image = x + r // p.oh * p.h * p.w * p.c
        for t in range((p.ow + CHUNK - 1) // CHUNK):
            first = t * CHUNK
            m = min(<Py_ssize_t>CHUNK, p.ow - first)
            out = to + (r * p.ow + first) * p.c
            all_inside = locate(p, r, first, m, fy, fx, iy, ix, wy, wx)
            if p.c == 1:
                read_chunk(p, image, out, iy, ix, wy, wx, all_inside, 1, m)
            elif p.c == 3:
                read_chunk(p, image, out, iy, ix, wy, wx, all_inside, 3, m)
            elif p.c == 4:
                read_chunk(p, image, out, iy, ix, wy, wx, all_inside, 4, m)
            else:
                read_chunk(p, image, out, iy, ix, wy, wx, all_inside, p.c, m)


cdef kernel_void warp_f(const Warp* p, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    warp_rows[float](p, <const float*>p.x, <float*>p.y, begin, end)


cdef kernel_void warp_d(const Warp* p, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    warp_rows[double](p, <const double*>p.x, <double*>p.y, begin, end)


cdef void warp_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Warp* p = <Warp*>ctx
    if p.f64:
        warp_d(p, begin, end)
    else:
        warp_f(p, begin, end)


cdef inline void give(real* d, Py_ssize_t at, const real* g, real w, Py_ssize_t channels) noexcept nogil:
    cdef Py_ssize_t k
    if at >= 0:
        for k in range(channels):
            d[at + k] += w * g[k]


cdef inline void scatter(const Warp* p, real* dx, const real* dy, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Images begin to end: what each pixel of the output read gets its gradient, in the order of the output."""
    cdef real[CHUNK] fy, fx, wy, wx
    cdef int32_t[CHUNK] iy, ix
    cdef Py_ssize_t r, t, first, m, j
    cdef const real* g
    cdef real* image
    for r in range(begin * p.oh, end * p.oh):
        image = dx + r // p.oh * p.h * p.w * p.c
        for t in range((p.ow + CHUNK - 1) // CHUNK):
            first = t * CHUNK
            m = min(<Py_ssize_t>CHUNK, p.ow - first)
            locate(p, r, first, m, fy, fx, iy, ix, wy, wx)
            g = dy + (r * p.ow + first) * p.c
            for j in range(m):
                if p.bilinear:
                    give(image, offset(p, iy[j], ix[j]), g, (1 - wy[j]) * (1 - wx[j]), p.c)
                    give(image, offset(p, iy[j], ix[j] + 1), g, (1 - wy[j]) * wx[j], p.c)
                    give(image, offset(p, iy[j] + 1, ix[j]), g, wy[j] * (1 - wx[j]), p.c)
                    give(image, offset(p, iy[j] + 1, ix[j] + 1), g, wy[j] * wx[j], p.c)
                else:
                    give(image, offset(p, iy[j], ix[j]), g, 1, p.c)
                g += p.c


cdef void scatter_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Warp* p = <Warp*>ctx
    if p.f64:
        scatter[double](p, <double*>p.dx, <const double*>p.y, begin, end)
    else:
        scatter[float](p, <float*>p.dx, <const float*>p.y, begin, end)


cdef int batch_of(str op, Tensor x) except -1:
    if x.ndim != 4:
        raise ValueError(f"{op}: expected images (n, height, width, channels); received {describe(x)}")
    if x.dtype != F32 and x.dtype != F64 and not x.symbolic:
        raise ValueError(f"{op}: expected images of float32 or float64; received {describe(x)}")
    return 0


@cython.no_gc
cdef class WarpImages(Op):
    """Images (n, h, w, c) read at other places: those that a matrix gives, or a field of coordinates."""

    cdef bint by_field
    cdef bint bilinear
    cdef int fill
    cdef double fill_value

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor t = <Tensor>self.inputs[1]
        cdef Py_ssize_t dims[4]
        cdef bint fits
        cdef int i
        batch_of("warp", x)
        for i in range(4):
            dims[i] = x.dims[i]
        fits = t.ndim > 0 and (t.dims[0] == x.dims[0] or t.dims[0] == 1 or UNKNOWN in (t.dims[0], x.dims[0]))
        if self.by_field:
            if not fits or t.ndim != 4 or t.dims[3] != 2:
                raise ValueError(f"warp: expected coordinates (n or 1, height, width, 2) for images of shape {shape_of(x)}; received {describe(t)}")
            dims[1], dims[2] = t.dims[1], t.dims[2]
        elif not fits or t.ndim != 2 or t.dims[1] != 8:
            raise ValueError(f"warp: expected matrices (n or 1, 8) for images of shape {shape_of(x)}; received {describe(t)}")
        if not x.symbolic and x.size == 0 and x.dims[0] > 0 and x.dims[3] > 0 and dims[1] * dims[2] > 0 and self.fill != CONSTANT:
            raise ValueError(f"warp: images without pixels cannot be continued beyond their border; received {describe(x)}")
        self.declare(x.dtype, 4, dims)
        return 0

    cdef Tensor prepare(self, Warp* p):
        """Fills p; what it returns must live as long as p is in use."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor t = <Tensor>self.inputs[1]
        cdef Tensor kept
        p.h, p.w, p.c = x.dims[1], x.dims[2], x.dims[3]
        p.oh, p.ow = self.out.dims[1], self.out.dims[2]
        p.fill, p.bilinear, p.f64 = self.fill, self.bilinear, x.dtype == F64
        p.matrix, p.field = NULL, NULL
        kept = tensor_as(t, x.dtype if self.by_field else F64)
        if self.by_field:
            p.field = kept.data
            p.field_step = p.oh if t.dims[0] > 1 else 0
        else:
            p.matrix = <const double*>kept.data
            p.step = 8 if t.dims[0] > 1 else 0
        p.x = x.data
        return kept

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Warp p
        cdef Tensor _kept = self.prepare(&p)
        cdef Tensor outside = tensor(np.full(max(1, p.c), self.fill_value, np.float64 if p.f64 else np.float32))
        p.y, p.outside = self.out.data, outside.data
        if self.out.size:
            launch(warp_block, &p, x.dims[0] * p.oh, max(<Py_ssize_t>1, BLOCK // (p.ow * p.c)), <double>self.out.size * 2)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Warp p
        cdef Tensor _kept, d
        cdef bint accumulate
        if wanted(self, 1):
            raise ValueError("images have no gradient by the map that they are read through; put it under dlcore.ops.stop_gradient")
        if wanted(self, 0):
            _kept = self.prepare(&p)
            d = self.grad_in(0, &accumulate)
            if not accumulate:
                memset(d.data, 0, d.size * itemsize(d.dtype))
            p.y, p.dx = self.out.grad.data, d.data
            if d.size and self.out.size:
                launch(scatter_block, &p, x.dims[0], 1, <double>self.out.size * 5)
        return 0


cdef object warp(x, where, bint by_field, interpolation, fill_mode, double fill_value):
    cdef WarpImages op = WarpImages.__new__(WarpImages)
    op.by_field = by_field
    op.bilinear = interpolation == "bilinear"
    op.fill = FILL_MODES[fill_mode]
    op.fill_value = fill_value
    return apply(op, (tensor(x), tensor(where)))


def affine(images, matrices, interpolation="bilinear", fill_mode="constant", fill_value=0.0):
    """Images read through affine or projective maps: the pixel (x, y) of the result is that at
    ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) of the image, with k = c0 x + c1 y + 1.

    Args:
        images: (n, height, width, channels) of float32 or float64.
        matrices: (n or 1, 8): a0, a1, a2, b0, b1, b2, c0, c1.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: How images go on beyond their border: a key of FILL_MODES.
        fill_value: What ``"constant"`` fills with.

    Returns:
        A tensor like images.

    Raises:
        ValueError: If shapes do not fit.
    """
    return warp(images, matrices, False, interpolation, fill_mode, fill_value)


def sample(images, coordinates, interpolation="bilinear", fill_mode="constant", fill_value=0.0):
    """Images read at given places.

    Args:
        images: (n, height, width, channels) of float32 or float64.
        coordinates: (n or 1, new height, new width, 2): y and x in pixels.
        interpolation, fill_mode, fill_value: As in :func:`affine`.

    Returns:
        A tensor (n, new height, new width, channels).

    Raises:
        ValueError: If shapes do not fit.
    """
    return warp(images, coordinates, True, interpolation, fill_mode, fill_value)


# --------------------------------------------------------------------------------------------------------------- flips

cdef struct Turn:
    Py_ssize_t h, w, pixel          # a pixel has that many bytes (forward) or elements (backward)
    bint accumulate
    bint f64
    const uint8_t* how              # of every image: 1 for left and right, 2 for top and bottom
    const char* x
    char* y


cdef inline void reverse(const char* x, char* y, Py_ssize_t n, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        memcpy(y + j * size, x + (n - 1 - j) * size, size)


cdef inline Py_ssize_t turned(const Turn* p, Py_ssize_t r) noexcept nogil:
    """The row of x that row r of y is; both are (n, h) flattened."""
    return r // p.h * p.h + (p.h - 1 - r % p.h) if p.how[r // p.h] & 2 else r


cdef void turn_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Turn* p = <Turn*>ctx
    cdef Py_ssize_t row = p.w * p.pixel
    cdef Py_ssize_t r
    cdef const char* x
    cdef char* y
    for r in range(begin, end):
        x = p.x + turned(p, r) * row
        y = p.y + r * row
        if not p.how[r // p.h] & 1:
            memcpy(y, x, row)
        elif p.pixel == 4:
            reverse(x, y, p.w, 4)
        elif p.pixel == 12:
            reverse(x, y, p.w, 12)
        elif p.pixel == 3:
            reverse(x, y, p.w, 3)
        elif p.pixel == 16:
            reverse(x, y, p.w, 16)
        else:
            reverse(x, y, p.w, p.pixel)


cdef inline void turn_back(const Turn* p, const real* dy, real* dx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t c = p.pixel
    cdef Py_ssize_t r, j, k
    cdef const real* g
    cdef real* d
    for r in range(begin, end):
        for j in range(p.w):
            g = dy + (turned(p, r) * p.w + (p.w - 1 - j if p.how[r // p.h] & 1 else j)) * c
            d = dx + (r * p.w + j) * c
            for k in range(c):
                d[k] = d[k] + g[k] if p.accumulate else g[k]


cdef void turn_back_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Turn* p = <Turn*>ctx
    if p.f64:
        turn_back[double](p, <const double*>p.x, <double*>p.y, begin, end)
    else:
        turn_back[float](p, <const float*>p.x, <float*>p.y, begin, end)


@cython.no_gc
cdef class FlipImages(Op):
    """Images (n, h, w, c), some of them flipped."""

    cdef Tensor how

    cdef tuple reads(self):
        return None                                 # `how` was drawn

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        if x.ndim != 4:
            raise ValueError(f"flip: expected images (n, height, width, channels); received {describe(x)}")
        if self.how.ndim != 1 or self.how.dims[0] != x.dims[0] and x.dims[0] != UNKNOWN:
            raise ValueError(f"flip: expected one choice for each image; received {describe(x)} and {describe(self.how)}")
        self.declare_like(x)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Turn p
        p.h, p.w, p.pixel = x.dims[1], x.dims[2], x.dims[3] * itemsize(x.dtype)
        p.how, p.x, p.y = <const uint8_t*>self.how.data, x.data, self.out.data
        if x.size:
            launch(turn_block, &p, x.dims[0] * p.h, max(<Py_ssize_t>1, BLOCK // (p.w * x.dims[3])), <double>x.size * 0.5)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor d
        cdef Turn p
        if wanted(self, 0):
            d = self.grad_in(0, &p.accumulate)
            p.h, p.w, p.pixel, p.f64 = x.dims[1], x.dims[2], x.dims[3], x.dtype == F64
            p.how, p.x, p.y = <const uint8_t*>self.how.data, self.out.grad.data, d.data
            if x.size:
                launch(turn_back_block, &p, x.dims[0] * p.h, max(<Py_ssize_t>1, BLOCK // (p.w * p.pixel)), <double>x.size)
        return 0


def flip_images(images, how):
    """Images, each as it is or flipped.

    Args:
        images: (n, height, width, channels).
        how: (n,) of whole numbers: 1 swaps left and right, 2 top and bottom, 3 both, 0 nothing.

    Returns:
        A tensor like images.

    Raises:
        ValueError: If shapes do not fit.
    """
    cdef FlipImages op = FlipImages.__new__(FlipImages)
    op.how = tensor(np.ascontiguousarray(how, np.uint8))
    return apply_move(op, (tensor(images),))


# ------------------------------------------------------------------------------------------- brightness and contrast

cdef enum:
    PERIOD = 192        # a multiple of the usual numbers of channels, and of the lanes of a vector

cdef struct Tone:
    Py_ssize_t rows, c              # pixels of an image, channels
    Py_ssize_t block, blocks        # pixels of a block; blocks of an image
    double low, high
    bint f64
    bint accumulate
    const char* x
    const char* centre              # (n, c)
    const double* factor            # (n,)
    const double* shift             # (n,)
    const char* dy                  # NULL in the forward pass
    char* out                       # forward: y; backward: dx, or NULL
    double* sums                    # backward: (n, blocks, c), what centre gets; or NULL


cdef inline real toned(real x, real centre, real f, real shift) noexcept nogil:
    return (x - centre) * f + (centre + shift)


cdef inline void tone_pixels(const Tone* p, const real* x, real* y, const real* centre, real f, real shift, Py_ssize_t n) noexcept nogil:
    cdef real low = <real>p.low
    cdef real high = <real>p.high
    cdef real[PERIOD] m
    cdef real v
    cdef Py_ssize_t period = PERIOD if PERIOD % p.c == 0 else p.c
    cdef Py_ssize_t periods = n * p.c // period
    cdef Py_ssize_t i, k
    if period == PERIOD:                # the channels side by side, so that the loop over them fills vectors
        for k in range(PERIOD):
            m[k] = centre[k % p.c]
        centre = m
    for i in range(periods + 1):
        for k in range(period if i < periods else n * p.c - periods * period):
            v = toned(x[i * period + k], centre[k], f, shift)
            v = low if v < low else v
            y[i * period + k] = high if v > high else v


cdef inline void tone_back(const Tone* p, const real* x, const real* dy, real* dx, const real* centre, real f, real shift, double* sums,
                           Py_ssize_t n) noexcept nogil:
    cdef real low = <real>p.low
    cdef real high = <real>p.high
    cdef real v, g
    cdef Py_ssize_t i, k, c = p.c
    if sums != NULL:
        for k in range(c):
            sums[k] = 0
    for i in range(n):
        for k in range(c):
            v = toned(x[i * c + k], centre[k], f, shift)
            g = dy[i * c + k] if low <= v <= high else <real>0
            if dx != NULL:
                dx[i * c + k] = dx[i * c + k] + f * g if p.accumulate else f * g
            if sums != NULL:
                sums[k] += (1 - f) * g


cdef inline void tone(const Tone* p, const real* x, const real* centres, const real* dy, real* out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t t, image, first, n, at
    for t in range(begin, end):
        image, first = t // p.blocks, t % p.blocks * p.block
        n = min(p.block, p.rows - first)
        at = (image * p.rows + first) * p.c
        if dy == NULL:
            tone_pixels(p, x + at, out + at, centres + image * p.c, <real>p.factor[image], <real>p.shift[image], n)
        else:
            tone_back(p, x + at, dy + at, NULL if out == NULL else out + at, centres + image * p.c, <real>p.factor[image], <real>p.shift[image],
                      NULL if p.sums == NULL else p.sums + t * p.c, n)


cdef kernel_void tone_f(const Tone* p, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    tone[float](p, <const float*>p.x, <const float*>p.centre, <const float*>p.dy, <float*>p.out, begin, end)


cdef kernel_void tone_d(const Tone* p, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    tone[double](p, <const double*>p.x, <const double*>p.centre, <const double*>p.dy, <double*>p.out, begin, end)


cdef void tone_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Tone* p = <Tone*>ctx
    if p.f64:
        tone_d(p, begin, end)
    else:
        tone_f(p, begin, end)


@cython.no_gc
cdef class ToneImages(Op):
    """Images with more or less contrast around a centre, and shifted, within bounds."""

    cdef Tensor factor
    cdef Tensor shift
    cdef double low, high

    cdef tuple reads(self):
        return None                                 # factors were drawn

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor centre = <Tensor>self.inputs[1]
        cdef Tensor each
        batch_of("tone", x)
        if centre.ndim != 2 or centre.dtype != x.dtype or centre.dims[0] != x.dims[0] or centre.dims[1] != x.dims[3]:
            raise ValueError(f"tone: expected a centre for every image and channel of {describe(x)}; received {describe(centre)}")
        for each in (self.factor, self.shift):
            if each.ndim != 1 or each.dims[0] != x.dims[0]:
                raise ValueError(f"tone: expected a factor and a shift for each image; received {describe(x)} and {describe(each)}")
        self.declare_like(x)
        return 0

    cdef Py_ssize_t prepare(self, Tone* p) noexcept:
        """Fills p; returns the number of blocks."""
        cdef Tensor x = <Tensor>self.inputs[0]
        p.rows, p.c = x.dims[1] * x.dims[2], x.dims[3]
        p.block = max(<Py_ssize_t>1, BLOCK // max(<Py_ssize_t>1, p.c))
        p.blocks = (p.rows + p.block - 1) // p.block
        p.low, p.high, p.f64 = self.low, self.high, x.dtype == F64
        p.x, p.centre = x.data, (<Tensor>self.inputs[1]).data
        p.factor, p.shift = <const double*>self.factor.data, <const double*>self.shift.data
        p.dy, p.sums = NULL, NULL
        return x.dims[0] * p.blocks

    cdef int forward(self) except -1:
        cdef Tone p
        cdef Py_ssize_t blocks = self.prepare(&p)
        p.out = self.out.data
        if self.out.size:
            launch(tone_block, &p, blocks, 1, <double>self.out.size * 0.15)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tone p
        cdef Py_ssize_t blocks = self.prepare(&p)
        cdef Tensor sums = None
        p.dy, p.out = self.out.grad.data, NULL
        if wanted(self, 0):
            p.out = self.grad_in(0, &p.accumulate).data
        if wanted(self, 1):
            sums = tensor(np.zeros((x.dims[0], p.blocks, p.c)))
            p.sums = <double*>sums.data
        if x.size:
            launch(tone_block, &p, blocks, 1, <double>x.size * 0.5)
        if sums is not None:
            self.pass_grad(1, tensor_as(tensor(np.asarray(sums).sum(axis=1)), x.dtype))
        return 0


def tone_images(images, centre, factor, shift, double low, double high):
    """Contrast, brightness and bounds in one pass: ``min(max((x - centre) factor + centre + shift, low), high)``.

    Args:
        images: (n, height, width, channels) of float32 or float64.
        centre: (n, channels) of the same dtype.
        factor: (n,).
        shift: (n,).
        low, high: The bounds.

    Returns:
        A tensor like images.

    Raises:
        ValueError: If shapes do not fit.
    """
    cdef ToneImages op = ToneImages.__new__(ToneImages)
    op.factor = tensor(np.ascontiguousarray(factor, np.float64))
    op.shift = tensor(np.ascontiguousarray(shift, np.float64))
    op.low, op.high = low, high
    return apply(op, (tensor(images), tensor(centre)))
