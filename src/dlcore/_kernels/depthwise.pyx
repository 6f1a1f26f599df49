"""Depthwise convolution: every channel has filters of its own. Always channels last inside; see depthwise.h for the loops."""

cimport cython
from libc.math cimport INFINITY
from libc.string cimport memset

from dlcore._kernels.activation cimport (
    ACT_LINEAR, ACT_RELU, ACT_RELU6, act_backward, act_cost, act_forward, act_from_output, activation_code, default_params,
)
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, describe, empty, tensor, tensor_as
from dlcore._kernels.types cimport F16, F64, U8, real

from dlcore._kernels.array import reshape, transpose
from dlcore._kernels.dense import dense

__all__ = ["depthwise_conv", "separable_conv"]

cdef extern from *:
    """
    #define REAL float
    #define REAL_INT int
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "depthwise.h"
    #undef REAL
    #undef REAL_INT
    #undef NAME
    #undef AVX
    #define REAL double
    #define REAL_INT long long
    #define NAME(x) x##_f64
    #define AVX(x) x##_pd
    #include "depthwise.h"
    #undef W
    #define DW_VBYTES VBYTES
    """
    const Py_ssize_t DW_VBYTES
    ctypedef struct dw_axis:
        Py_ssize_t in_ "in"
        Py_ssize_t out, k, stride, dilation, pad
        bint back
    ctypedef struct dw_run:
        pass
    ctypedef struct dw_taps:
        pass
    ctypedef struct dw_lists:
        Py_ssize_t depth
    ctypedef struct dw_pass:
        dw_axis[3] axis
        Py_ssize_t channels, times, wide, row, segment, segments, run_count
        const dw_taps* taps
        const dw_run* runs
        const void* x
        const void* w
        const void* bias
        const void* lanes
        void* y
        bint add, clamp
        double low, high
    void dw_taps_at(const dw_axis* a, Py_ssize_t i, dw_taps* t) noexcept nogil
    Py_ssize_t dw_find_runs(const dw_axis* a, bint slide, dw_run* runs) noexcept nogil
    void dw_gather_f32(const dw_pass* q, Py_ssize_t item, dw_lists* kept) noexcept nogil
    void dw_gather_f64(const dw_pass* q, Py_ssize_t item, dw_lists* kept) noexcept nogil
    void dw_weigh_f32(const dw_pass* q, Py_ssize_t item, dw_lists* kept, float* dw, float* db) noexcept nogil
    void dw_weigh_f64(const dw_pass* q, Py_ssize_t item, dw_lists* kept, double* dw, double* db) noexcept nogil

cdef enum:
    VALID, SAME, CAUSAL
    SEGMENT = 32768             # elements: longer rows are cut
    BLOCK = 16384               # elements of a block of rows, at least
    PARTS = 64                  # blocks of the gradient by the filter, at most ...
    PIXELS_OF_PART = 256        # ... each of so many pixels, at least
    ROOM_OF_PARTS = 1 << 24     # bytes for their sums
    PIXELS_OF_SUM = 1024        # after so many pixels a running sum is added to that of its block, and begins anew


cdef struct Work:
    dw_pass q
    bint f64
    int code
    double[3] p
    Py_ssize_t size             # of an element
    Py_ssize_t items            # pieces of rows
    Py_ssize_t block            # pieces in a block
    char* y                     # forward: activated values. back: what they were
    const char* z               # back: values before the activation, or NULL
    const char* g               # back: gradient of y
    char* dz                    # back: gradient of z; g if there is no activation
    char* sums                  # (block, 2, taps + 1, row): running and whole sums for the gradients of filter and bias
    Py_ssize_t rows             # taps + 1
    char* dx
    bint accumulate
    char* dw
    char* db
    bint accumulate_w
    bint accumulate_b
    void* plan                  # back: taps along depth and height, runs along width
    Py_ssize_t room_of_plan
    void* packed
    Py_ssize_t room


cdef inline Py_ssize_t _place(const Work* k, Py_ssize_t item, Py_ssize_t* pixels) noexcept nogil:
    """The first element of a piece of a row of the output, and how many pixels it has."""
    cdef Py_ssize_t start = item % k.q.segments * k.q.segment
    cdef Py_ssize_t width = k.q.axis[2].out
    pixels[0] = min(k.q.segment, width - start)
    return (item // k.q.segments * width + start) * k.q.channels


cdef void _forward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Work* k = <Work*>ctx
    cdef Py_ssize_t i, at, pixels
    cdef dw_lists kept
    kept.depth = -1
    for i in range(begin, end):
        if k.f64:
            dw_gather_f64(&k.q, i, &kept)
        else:
            dw_gather_f32(&k.q, i, &kept)
        if k.code != ACT_LINEAR and not k.q.clamp:
            at = _place(k, i, &pixels)
            act_forward(k.f64, k.code, k.p, <char*>k.q.y + at * k.size, k.y + at * k.size, pixels * k.q.channels)


cdef void _fold_channels(const real* e, real* dx, Py_ssize_t n, Py_ssize_t times, bint accumulate) noexcept nogil:
    """dx[c] (+)= the sum of e over the channels that were made of c."""
    cdef Py_ssize_t i, j
    cdef real total
    for i in range(n):
        total = e[i * times]
        for j in range(1, times):
            total += e[i * times + j]
        dx[i] = dx[i] + total if accumulate else total


cdef void _back_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Gradient by x. With a multiplier it is computed for every channel of y, and then summed."""
    cdef Work* k = <Work*>ctx
    cdef Py_ssize_t i, at, pixels, n, times = k.rows
    cdef dw_lists kept
    kept.depth = -1
    for i in range(begin, end):
        if k.f64:
            dw_gather_f64(&k.q, i, &kept)
        else:
            dw_gather_f32(&k.q, i, &kept)
        if times > 1:
            at = _place(k, i, &pixels)
            n = pixels * k.q.channels // times
            if k.f64:
                _fold_channels[double](<double*>k.q.y + at, <double*>k.dx + at // times, n, times, k.accumulate)
            else:
                _fold_channels[float](<float*>k.q.y + at, <float*>k.dx + at // times, n, times, k.accumulate)


cdef inline void _add(real* total, real* running, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        total[i] += running[i]
        running[i] = 0


cdef void _weigh_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """dz = g act'(z), and the sums over the pixels of a block for the gradients of filter and bias."""
    cdef Work* k = <Work*>ctx
    cdef Py_ssize_t n = k.rows * k.q.row
    cdef Py_ssize_t i, at, pixels, since = 0
    cdef char* running = NULL
    cdef char* total = NULL
    cdef char* db = NULL
    cdef dw_lists kept
    kept.depth = -1
    if k.sums != NULL:
        running = k.sums + begin // k.block * 2 * n * k.size
        total = running + n * k.size
        db = running + (n - k.q.row) * k.size
        memset(running, 0, 2 * n * k.size)
    for i in range(begin, end):
        at = _place(k, i, &pixels) * k.size
        if k.code != ACT_LINEAR:
            act_backward(k.f64, k.code, k.p, NULL if k.z == NULL else k.z + at, k.y + at, k.g + at, k.dz + at, False, pixels * k.q.channels)
        if k.sums == NULL:
            continue
        if k.f64:
            dw_weigh_f64(&k.q, i, &kept, <double*>running, <double*>db)
        else:
            dw_weigh_f32(&k.q, i, &kept, <float*>running, <float*>db)
        since += pixels
        if since >= PIXELS_OF_SUM or i == end - 1:
            since = 0
            if k.f64:
                _add[double](<double*>total, <double*>running, n)
            else:
                _add[float](<float*>total, <float*>running, n)


cdef void _fold_parts(const Work* k, real* to, Py_ssize_t t, bint accumulate) noexcept nogil:
    """Row t of the sums: blocks in order, and in each the pixels of a wide pixel."""
    cdef Py_ssize_t channels = k.q.channels
    cdef Py_ssize_t blocks = (k.items + k.block - 1) // k.block
    cdef Py_ssize_t b, m, j
    cdef const real* part
    if not accumulate:
        for j in range(channels):
            to[j] = 0
    for b in range(blocks):
        for m in range(k.q.wide):
            part = <const real*>k.sums + ((2 * b + 1) * k.rows + t) * k.q.row + m * channels
            for j in range(channels):
                to[j] += part[j]


cdef void _fold_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Work* k = <Work*>ctx
    cdef Py_ssize_t t
    cdef bint is_bias
    cdef char* to
    for t in range(begin, end):
        is_bias = t == k.rows - 1
        to = k.db if is_bias else k.dw
        if to != NULL:
            to += 0 if is_bias else t * k.q.channels * k.size
            if k.f64:
                _fold_parts[double](k, <double*>to, t, k.accumulate_b if is_bias else k.accumulate_w)
            else:
                _fold_parts[float](k, <float*>to, t, k.accumulate_b if is_bias else k.accumulate_w)


cdef void _pack(const real* w, const real* scale, real* to, Py_ssize_t rows, Py_ssize_t channels, Py_ssize_t wide) noexcept nogil:
    """Rows of the filter, scaled, once for every pixel of a wide one."""
    cdef Py_ssize_t t, j, _m
    for t in range(rows):
        for _m in range(wide):
            for j in range(channels):
                to[j] = w[t * channels + j] if scale == NULL else w[t * channels + j] * scale[j]
            to += channels


cdef void _set_lanes(char* lanes, Py_ssize_t n, Py_ssize_t width, Py_ssize_t times, bint f64) noexcept nogil:
    cdef Py_ssize_t j, lane
    for j in range(n):
        lane = j // times - j // width * width // times
        if f64:
            (<long long*>lanes)[j] = lane
        else:
            (<int*>lanes)[j] = <int>lane


@cython.no_gc
cdef class Depthwise(Op):
    """y[.., c m + j] = act(scale sum_t w[t, c, j] x[.. + t, c] + bias); inputs x, kernel and, if there are any, bias and scale."""

    cdef int code
    cdef int padding
    cdef int bias               # which inputs they are; 0: none
    cdef int scale
    cdef Py_ssize_t[3] strides  # of depth, height and width; axes that do not exist have one place and a filter of one
    cdef Py_ssize_t[3] dilation
    cdef Tensor z               # before the activation, kept only if its derivative needs it
    cdef Tensor plan            # of the passes that do not go back; see make_plan
    cdef Py_ssize_t runs

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor v
        cdef dw_axis a
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int n = x.ndim
        cdef int i
        if not 3 <= n <= 5:
            raise ValueError(f"depthwise_conv: inputs must have 1 to 3 spatial axes between batch and channels; received {describe(x)}")
        if w.ndim != n or w.dtype <= F16:
            raise ValueError(f"depthwise_conv: kernel must be float32 or float64 and of shape ({n - 2} sizes, channels, multiplier); received {describe(w)}")
        for i in range(n):
            if w.dims[i] < 1:
                raise ValueError(f"depthwise_conv: no axis of the kernel may be empty or unknown; received {describe(w)}")
        if x.dims[n - 1] not in (w.dims[n - 2], UNKNOWN):
            raise ValueError(f"depthwise_conv: inputs must have the {w.dims[n - 2]} channels of the kernel; received inputs, {describe(x)}, "
                             f"and the kernel, {describe(w)}")
        if x.dtype != w.dtype and not x.symbolic:
            raise ValueError(f"depthwise_conv: inputs and kernel must have the same dtype; received inputs, {describe(x)}, and the kernel, {describe(w)}")
        dims[0] = x.dims[0]
        dims[n - 1] = w.dims[n - 2] * w.dims[n - 1]
        for i in range(2, <int>len(self.inputs)):
            v = <Tensor>self.inputs[i]
            if v.ndim != 1 or v.dims[0] != dims[n - 1] or v.dtype != w.dtype:
                raise ValueError(f"depthwise_conv: {'scale' if i == self.scale else 'bias'} must have shape ({dims[n - 1]},) and the kernel's dtype; "
                                 f"received {describe(v)}")
        for i in range(1, n - 1):
            if x.dims[i] == UNKNOWN:
                dims[i] = UNKNOWN
                continue
            self.axis(i + 4 - n, &a)
            dims[i] = a.out
            if a.out < 1 and (x.dims[i] > 0 or self.padding == VALID):
                raise ValueError(f"depthwise_conv: the result would have no elements: a kernel of size {w.dims[i]} with "
                                 f"dilation_rate={self.dilation[i + 4 - n]} does not fit into axis {i} of the inputs; received {describe(x)}")
        self.declare(w.dtype, n, dims)
        return 0

    cdef void axis(self, int i, dw_axis* a) noexcept:
        """Spatial axis i: depth, height, width."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef int d = i + x.ndim - 4
        cdef Py_ssize_t reach
        a.in_ = x.dims[d] if d > 0 else 1
        a.k = w.dims[d - 1] if d > 0 else 1
        a.stride, a.dilation, a.pad, a.back = self.strides[i], self.dilation[i], 0, False
        reach = (a.k - 1) * a.dilation + 1
        if self.padding == VALID:
            a.out = (a.in_ - reach) // a.stride + 1 if a.in_ >= reach else 0
            return
        a.out = (a.in_ + a.stride - 1) // a.stride
        if self.padding == CAUSAL:
            a.pad = reach - 1
        else:
            a.pad = max(<Py_ssize_t>0, (a.out - 1) * a.stride + reach - a.in_) // 2

    cdef int begin(self, Work* k, bint back, bint parts) except -1:
        """The shape of a pass, and its scratch memory. Ended by `end`."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor bias = None if self.bias == 0 or back or parts else <Tensor>self.inputs[self.bias]
        cdef dw_pass* q = &k.q
        cdef dw_axis* a
        cdef Py_ssize_t taps = 1, lanes = 0, vector, i
        cdef const char* scale = NULL
        cdef char* to
        k.f64 = w.dtype == F64
        k.size = 8 if k.f64 else 4
        vector = DW_VBYTES // k.size
        for i in range(3):
            a = &q.axis[i]
            self.axis(<int>i, a)
            taps *= a.k
            if back:
                a.in_, a.out, a.back = a.out, a.in_, True
        q.channels = self.out.dims[x.ndim - 1]
        q.times = 1 if back else w.dims[w.ndim - 1]
        q.wide = 1
        if q.axis[2].stride == 1 and q.channels % vector and q.channels < 8 * vector:
            q.wide = vector
            while q.wide % 2 == 0 and q.channels * (q.wide // 2) % vector == 0:
                q.wide //= 2
        q.row = q.wide * q.channels
        q.segment = max(<Py_ssize_t>64, SEGMENT // q.channels)
        q.segments = (q.axis[2].out + q.segment - 1) // q.segment
        q.add = q.clamp = False
        q.w = w.data
        q.bias = NULL if bias is None else bias.data
        k.items = x.dims[0] * q.axis[0].out * q.axis[1].out * q.segments
        k.rows = taps + 1
        if q.times > 1:
            lanes = (q.row + vector) * k.size
        k.room = lanes
        k.packed = NULL
        if not parts and (q.wide > 1 or self.scale):
            k.room += (taps + 1) * q.row * k.size
        if k.room:
            k.packed = pool_alloc(k.room)
            to = <char*>k.packed + lanes
            if lanes:
                _set_lanes(<char*>k.packed, q.row, vector, q.times, k.f64)
                q.lanes = k.packed
            if k.room > lanes:
                scale = NULL if self.scale == 0 else (<Tensor>self.inputs[self.scale]).data
                q.w = to
                if k.f64:
                    _pack[double](<double*>w.data, <double*>scale, <double*>to, taps, q.channels, q.wide)
                else:
                    _pack[float](<float*>w.data, <float*>scale, <float*>to, taps, q.channels, q.wide)
                if bias is not None:
                    to += taps * q.row * k.size
                    q.bias = to
                    if k.f64:
                        _pack[double](<double*>bias.data, NULL, <double*>to, 1, q.channels, q.wide)
                    else:
                        _pack[float](<float*>bias.data, NULL, <float*>to, 1, q.channels, q.wide)
        k.plan = NULL
        k.room_of_plan = 0
        if back or self.plan is None:
            try:
                self.make_plan(k, back)
            except MemoryError:
                self.end(k)
                raise
        if not back:
            q.taps = <dw_taps*>self.plan.data
            q.run_count = self.runs
        q.runs = <dw_run*>(q.taps + q.axis[0].out + q.axis[1].out)
        return 0

    cdef int make_plan(self, Work* k, bint back) except -1:
        """Taps along depth and height, runs along width. Those that do not go back are kept: they depend on shapes only."""
        cdef dw_pass* q = &k.q
        cdef bint slide = q.wide == 1 and q.times == 1
        cdef Py_ssize_t i, j, n
        cdef dw_taps* t
        q.run_count = dw_find_runs(&q.axis[2], slide, NULL)
        n = (q.axis[0].out + q.axis[1].out) * <Py_ssize_t>sizeof(dw_taps) + q.run_count * <Py_ssize_t>sizeof(dw_run)
        if back:
            k.plan = pool_alloc(n)
            k.room_of_plan = n
            t = <dw_taps*>k.plan
        else:
            self.plan = empty(U8, 1, &n)
            self.runs = q.run_count
            t = <dw_taps*>self.plan.data
        q.taps = t
        for i in range(2):
            for j in range(q.axis[i].out):
                dw_taps_at(&q.axis[i], j, t)
                t += 1
        dw_find_runs(&q.axis[2], slide, <dw_run*>t)
        return 0

    cdef void end(self, Work* k) noexcept:
        if k.packed != NULL:
            pool_free(k.packed, k.room)
        if k.plan != NULL:
            pool_free(k.plan, k.room_of_plan)

    cdef double cost(self, const Work* k) noexcept:
        """Of a gather or a gradient by the filter, in nanoseconds: what is moved, and multiplications, most of them for nothing if there
        are few channels."""
        cdef Py_ssize_t used = k.q.channels if k.q.wide == 1 else 16
        return (0.2 + (k.rows - 1) * (0.03 if used >= 16 else 0.5 / used)) * (k.size // 4) * self.out.size

    cdef int forward(self) except -1:
        cdef Tensor c = self.out
        cdef Work k
        if self.scale and self.need:
            raise ValueError("depthwise_conv: scale is for inference: no gradient is computed with it. Multiply the result instead")
        if self.out.size == 0:
            return 0
        if self.need and not act_from_output(self.code):
            c = self.z = empty(self.out.dtype, self.out.ndim, self.out.dims)
        self.begin(&k, False, False)
        k.code = self.code
        default_params(k.code, k.p)
        k.q.x, k.q.y, k.y = (<Tensor>self.inputs[0]).data, c.data, self.out.data
        k.q.clamp = k.code == ACT_RELU or k.code == ACT_RELU6
        k.q.low = 0
        k.q.high = 6 if k.code == ACT_RELU6 else INFINITY
        launch(_forward_block, &k, k.items, self.rows_of_block(&k),
               self.cost(&k) + (0 if k.q.clamp or k.code == ACT_LINEAR else act_cost(k.code) * self.out.size))
        self.end(&k)
        return 0

    cdef Py_ssize_t rows_of_block(self, const Work* k) noexcept:
        # Neighbouring rows read the same rows of the image.
        cdef Py_ssize_t n = k.q.channels * min(k.q.segment, k.q.axis[2].out)
        return max(<Py_ssize_t>1, max(BLOCK // n, min(k.q.axis[1].out, <Py_ssize_t>4)))

    cdef int backward(self) except -1:
        cdef Tensor g = self.out.grad
        cdef Tensor dz = g
        cdef bint sums = wanted(self, 1) or self.bias and wanted(self, self.bias)
        if self.out.size == 0:
            self.no_gradients()
            return 0
        if self.code != ACT_LINEAR:
            dz = empty(g.dtype, g.ndim, g.dims)
        if sums or self.code != ACT_LINEAR:
            self.back_to_filter(dz, sums)
        if wanted(self, 0):
            self.back_to_data(dz)
        return 0

    cdef int no_gradients(self) except -1:
        cdef Tensor d
        cdef bint accumulate
        cdef int i
        for i in range(<int>len(self.inputs)):
            if wanted(self, i):
                d = self.grad_in(i, &accumulate)
                if not accumulate:
                    memset(d.data, 0, d.size * (8 if d.dtype == F64 else 4))
        return 0

    cdef int back_to_filter(self, Tensor dz, bint sums) except -1:
        cdef Work k
        cdef Py_ssize_t pixels, room = 0
        self.begin(&k, False, True)
        k.code = self.code
        default_params(k.code, k.p)
        k.q.x, k.q.y = (<Tensor>self.inputs[0]).data, dz.data
        k.z = NULL if self.z is None else self.z.data
        k.y, k.g, k.dz = self.out.data, self.out.grad.data, dz.data
        k.sums = k.dw = k.db = NULL
        pixels = min(k.q.segment, k.q.axis[2].out)
        k.block = max(<Py_ssize_t>1, max(PIXELS_OF_PART // pixels, (k.items + PARTS - 1) // PARTS))
        try:
            if sums:
                room = 2 * k.rows * k.q.row * k.size                # of a block
                k.block = max(k.block, (k.items * room + ROOM_OF_PARTS - 1) // ROOM_OF_PARTS)
                room *= (k.items + k.block - 1) // k.block
                k.sums = <char*>pool_alloc(room)
            launch(_weigh_block, &k, k.items, k.block, (self.cost(&k) if sums else 0) + act_cost(k.code) * self.out.size)
            if wanted(self, 1):
                k.dw = self.grad_in(1, &k.accumulate_w).data
            if self.bias and wanted(self, self.bias):
                k.db = self.grad_in(self.bias, &k.accumulate_b).data
            if sums:
                launch(_fold_block, &k, k.rows, 1, 0.1 * room / k.size)
        finally:
            if k.sums != NULL:
                pool_free(k.sums, room)
            self.end(&k)
        return 0

    cdef int back_to_data(self, Tensor dz) except -1:
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor d, e
        cdef Work k
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t times = w.dims[w.ndim - 1]
        cdef bint accumulate
        cdef int i
        d = e = self.grad_in(0, &accumulate)
        if times > 1:
            for i in range(d.ndim):
                dims[i] = d.dims[i]
            dims[d.ndim - 1] *= times
            e = empty(d.dtype, d.ndim, dims)
        self.begin(&k, True, False)
        k.q.x, k.q.y, k.dx = dz.data, e.data, d.data
        k.q.add = accumulate and times == 1
        k.accumulate = accumulate
        k.block = self.rows_of_block(&k)
        k.rows = times
        launch(_back_block, &k, k.items, k.block, 0.1 * e.size + self.cost(&k))
        self.end(&k)
        return 0


cdef int _numbers(object value, str name, int n, Py_ssize_t* to) except -1:
    """A whole number of at least 1 for each of n spatial axes; axes that are not there come first and have 1."""
    cdef int i
    try:
        items = (value,) * n if hasattr(value, "__index__") else tuple(value)
        if len(items) != n or not all([1 <= v.__index__() < 2 ** 31 for v in items]):       # their products stay far below 2 ** 63
            raise TypeError
    except (TypeError, AttributeError):
        raise ValueError(f"depthwise_conv: {name} must be a whole number from 1 to 2147483647, or one for each of the {n} spatial axes; "
                         f"received {name}={value!r}") from None
    for i in range(3):
        to[i] = items[i + n - 3] if i + n >= 3 else 1
    return 0


def depthwise_convolve(x, kernel, bias, strides, padding, dilation, activation=None, scale=None):
    """Depthwise convolution, channels last: ``activation(scale * conv(x, kernel) + bias)``, fused.

    Args:
        x: Tensor (batch, 1 to 3 spatial axes, channels); whole numbers are converted to the kernel's dtype.
        kernel: Tensor (sizes, channels, multiplier), float32 or float64.
        bias: Vector of channels * multiplier elements, or None.
        strides: A whole number, or one for each spatial axis.
        padding: "valid", "same" or, with one spatial axis, "causal".
        dilation: A whole number, or one for each spatial axis.
        activation: Name of an elementwise activation, its code as ``activations.fused_code`` gives it, or None.
        scale: Vector of channels * multiplier elements, or None. For inference only.

    Returns:
        Tensor (batch, spatial axes, channels * multiplier); channel c * multiplier + j is made of channel c.

    Raises:
        ValueError: Shapes, dtypes or arguments do not fit, or a gradient is wanted with `scale`.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.depthwise import depthwise_convolve
        >>> depthwise_convolve(dlcore.ops.ones((1, 4, 2)), dlcore.ops.ones((3, 2, 1)), None, 1, "same", 1).tolist()
        [[[2.0, 2.0], [3.0, 3.0], [3.0, 3.0], [2.0, 2.0]]]
    """
    cdef Depthwise op = Depthwise.__new__(Depthwise)
    cdef Tensor t = tensor(x)
    cdef Tensor w = tensor(kernel)
    cdef int n = t.ndim - 2
    if t.dtype != w.dtype and t.dtype < F16 and not t.symbolic:
        t = tensor_as(t, w.dtype)
    if not 1 <= n <= 3:
        raise ValueError(f"depthwise_conv: inputs must have 1 to 3 spatial axes between batch and channels; received {describe(t)}")
    _numbers(strides, "strides", n, op.strides)
    _numbers(dilation, "dilation_rate", n, op.dilation)
    if padding == "valid":
        op.padding = VALID
    elif padding == "same":
        op.padding = SAME
    elif padding == "causal" and n == 1:
        op.padding = CAUSAL
    else:
        raise ValueError(f"depthwise_conv: padding must be 'valid' or 'same'{', or causal' if n == 1 else ''}; received padding={padding!r}")
    op.code = ACT_LINEAR
    if activation is not None:
        op.code = activation if isinstance(activation, int) else activation_code(activation)
        if op.code < 0:
            raise ValueError(f"depthwise_conv: activation must be the name of an elementwise activation; received activation={activation!r}. "
                             f"Apply other functions to the result")
    if scale is not None:
        op.scale = 2 if bias is None else 3
    if bias is not None:
        op.bias = 2
    if scale is None:
        return apply(op, (t, w) if bias is None else (t, w, tensor(bias)))
    return apply(op, (t, w, tensor(scale)) if bias is None else (t, w, tensor(bias), tensor(scale)))


cdef tuple _channels(object data_format, Tensor x):
    """The orders of axes that bring channels last and back, or (None, None)."""
    from dlcore.config import standardize_data_format
    if standardize_data_format(data_format) == "channels_last":
        return None, None
    return (0, *range(2, x.ndim), 1), (0, x.ndim - 1, *range(1, x.ndim - 1))


def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of every channel with filters of its own.

    Args:
        inputs: Tensor (batch, spatial axes, channels), or (batch, channels, spatial axes) if `data_format` says so. There may
            be 1 to 3 spatial axes.
        kernel: Tensor (sizes, channels, multiplier).
        strides: A whole number, or one for each spatial axis.
        padding: ``"valid"`` for none, or ``"same"`` for zeros at both ends (the odd one at the end) so that with stride 1
            the result is as large as the inputs.
        data_format: ``"channels_last"`` or ``"channels_first"``; by default ``dlcore.config.image_data_format()``.
        dilation_rate: Distance between the elements of the kernel, one number or one for each spatial axis.

    Returns:
        Tensor (batch, spatial axes, channels * multiplier), or with channels first. Channel c * multiplier + j is made of
        channel c.

    Raises:
        ValueError: If shapes, dtypes or arguments do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.depthwise_conv(dlcore.ops.ones((2, 8, 8, 3)), dlcore.ops.ones((3, 3, 3, 2)), strides=2, padding="same").shape
        (2, 4, 4, 6)
    """
    cdef Tensor x = tensor(inputs)
    last, back = _channels(data_format, x)
    padding = str(padding).lower()
    if last is None:
        return depthwise_convolve(x, kernel, None, strides, padding, dilation_rate)
    return transpose(depthwise_convolve(transpose(x, last), kernel, None, strides, padding, dilation_rate), back)


def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Depthwise convolution, whose channels are then mixed.

    Args:
        inputs: Tensor (batch, spatial axes, channels), or (batch, channels, spatial axes) if `data_format` says so. There may
            be 1 to 3 spatial axes.
        depthwise_kernel: Tensor (sizes, channels, multiplier).
        pointwise_kernel: Tensor (1, ..., channels * multiplier, filters), a one for each spatial axis.
        strides: Of the depthwise convolution: a whole number, or one for each spatial axis.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; by default ``dlcore.config.image_data_format()``.
        dilation_rate: Of the depthwise convolution: one number, or one for each spatial axis.

    Returns:
        Tensor (batch, spatial axes, filters), or with channels first.

    Raises:
        ValueError: If shapes, dtypes or arguments do not fit.

    Example:
        >>> import dlcore
        >>> ones = dlcore.ops.ones
        >>> dlcore.ops.separable_conv(ones((2, 8, 8, 3)), ones((3, 3, 3, 2)), ones((1, 1, 6, 4))).shape
        (2, 6, 6, 4)
    """
    cdef Tensor x = tensor(inputs)
    last, back = _channels(data_format, x)
    y = separable_convolve(x if last is None else transpose(x, last), depthwise_kernel, pointwise_kernel, None, strides, str(padding).lower(), dilation_rate)
    return y if last is None else transpose(y, back)


def separable_convolve(x, depthwise_kernel, pointwise_kernel, bias, strides, padding, dilation, activation=None):
    """Separable convolution, channels last, with the arguments of :func:`depthwise_convolve`.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.depthwise import separable_convolve
        >>> separable_convolve([[[1.0], [2.0]]], dlcore.ops.ones((2, 1, 1)), dlcore.ops.ones((1, 1, 2)), None, 1, "valid", 1).tolist()
        [[[3.0, 3.0]]]
    """
    cdef Tensor p = tensor(pointwise_kernel)
    cdef Tensor y
    cdef int i, n = p.ndim
    y = depthwise_convolve(x, depthwise_kernel, None, strides, padding, dilation)
    for i in range(n - 2):
        if p.dims[i] != 1:
            n = 0
    if n != y.ndim or p.dims[n - 2] != y.dims[n - 1]:
        raise ValueError(f"separable_conv: pointwise_kernel must have shape {(*[1] * (y.ndim - 2), y.dims[y.ndim - 1], 'filters')}; received {describe(p)}")
    # One element for each pair of channels: the fully connected layer on the last axis.
    return dense(y, reshape(p, (p.dims[n - 2], p.dims[n - 1])), bias, activation)
