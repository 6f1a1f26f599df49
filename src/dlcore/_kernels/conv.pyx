"""Convolution and transposed convolution as ops: with bias and activation, forward and both gradients. The loops are in conv.h.

A convolution takes an *image* (N, space, channels) to a *field*; its gradient by data and a transposed convolution go the other
way with the same loop. So the two ops differ in which of input and output is the image.
"""

cimport cython
from libc.string cimport memset

from dlcore._kernels.activation cimport (
    ACT_LINEAR, ACT_RELU, act_cost, act_forward, act_from_output, activation_code, default_params,
)
from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.dense cimport back_through
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, describe, empty, itemsize, promote, tensor, tensor_as
from dlcore._kernels.tensor cimport VariableBase
from dlcore._kernels.types cimport F16, F32, F64, U8
from dlcore._kernels.winograd cimport (
    Prepared, dl_winograd, winograd_convolve, winograd_pays, winograd_prepare, winograd_weight_gradient,
)

from dlcore._kernels.array import transpose

cdef extern from *:
    """
    #define REAL float
    #define REAL_INT int
    #define REAL_PER_16 4
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "conv.h"
    #undef REAL
    #undef REAL_INT
    #undef REAL_PER_16
    #undef NAME
    #undef AVX
    #define REAL double
    #define REAL_INT long long
    #define REAL_PER_16 2
    #define NAME(x) x##_f64
    #define AVX(x) x##_pd
    #include "conv.h"
    """
    const dl_conv_table conv_table_f32
    const dl_conv_table conv_table_f64

__all__ = ["conv", "conv_transpose"]

cdef enum:
    FORWARD_PIXELS = 1024       # of a block; its rows come out of L2
    WEIGHT_PIXELS = 320         # of a block: the gradient of a panel of channels over them stays in L1
    INT_MAX = 2147483647

ctypedef struct Job:
    dl_conv* c
    const dl_conv_table* table
    const void* weights
    void* out
    Py_ssize_t chunks


cdef void _pack_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    job.table.pack(job.c, job.weights, begin, end)


cdef void _block_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef Py_ssize_t t
    for t in range(begin, end):
        if job.table.block(job.c, t):
            job.c.failed = True


cdef void _item_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef Py_ssize_t t
    for t in range(begin, end):
        if job.table.item(job.c, t):
            job.c.failed = True


cdef void _total_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    job.table.total(job.c.sums, job.chunks, job.c.stride, begin, end, <char*>job.out + begin * job.table.size, job.c.add)


cdef int _check(const dl_conv* c) except -1:
    if c.failed:
        raise MemoryError(f"convolution: no memory for a copy of {c.room} elements of the input")
    return 0


cdef bint _by_winograd(const dl_conv* c, const dl_conv_table* table, dl_winograd* p) noexcept:
    """Whether Winograd's algorithm does this faster; fills in what it needs of `c`."""
    cdef const dl_axis* d = &c.axis[0]
    cdef const dl_axis* h = &c.axis[1]
    cdef const dl_axis* w = &c.axis[2]
    if table.size != 4 or c.groups != 1 or d.kernel != 1 or d.stride != 1 or d.source != d.target:
        return False
    if h.stride != 1 or w.stride != 1 or h.kernel > 1 and h.dilation != 1 or w.dilation != 1:
        return False
    memset(p, 0, sizeof(dl_winograd))
    p.n, p.h, p.w, p.c = c.n * d.source, h.source, w.source, c.sc
    p.oh, p.ow, p.k, p.r, p.rows = h.target, w.target, c.tc, w.kernel, h.kernel
    p.top = p.rows - 1 - h.before if c.back else h.before
    p.left = p.r - 1 - w.before if c.back else w.before
    p.x, p.mask, p.turned = <const float*>c.x, <const float*>c.mask, c.back
    return winograd_pays(p)


cdef void _pool_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    job.table.pool(job.c, job.out, begin, end)


cdef void _unpool_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    job.table.unpool(job.c, job.out, begin, end)


cdef int _winograd(dl_winograd* fast, dl_conv* c, const dl_conv_table* table, Tensor w) except -1:
    cdef Prepared ready = None if w is None else winograd_prepare(w, fast)
    cdef float* u = NULL if ready is None else <float*>ready.u.data
    return _winograd_and_pool(fast, c, table, u) if c.ph else winograd_convolve(fast, u)


cdef int _winograd_and_pool(dl_winograd* fast, dl_conv* c, const dl_conv_table* table, float* u) except -1:
    """Windows of two pixels of one or two rows lie in the algorithm's tiles. With others the field exists as a whole, for a while."""
    cdef Job job
    cdef Py_ssize_t rows = c.n * c.axis[1].target
    cdef Py_ssize_t size = rows * c.axis[2].target * c.tc * sizeof(float)
    if c.pw == 2 and c.ph == (2 if fast.rows > 1 else 1):
        fast.pools, fast.places = True, c.places
        return winograd_convolve(fast, u)
    job.c = c
    job.table = table
    job.out = pool_alloc(size)
    fast.y = <float*>job.out
    winograd_convolve(fast, u)
    launch(_pool_body, &job, rows // c.ph, 4, 0.05 * size)
    pool_free(job.out, size)
    return 0


cdef int run(dl_conv* c, const dl_conv_table* table, const void* weights, Tensor lasting) except -1:
    """Computes the target. `lasting`: the variable with the weights if they may be the same at the next call, or None."""
    cdef Job job
    cdef Py_ssize_t n
    cdef char* memory
    cdef dl_winograd fast
    if _by_winograd(c, table, &fast):
        fast.weights, fast.y = <const float*>weights, <float*>c.y
        fast.bias, fast.scale, fast.relu, fast.add = <const float*>c.bias, <const float*>c.scale, c.relu, c.add
        fast.finish, fast.ctx = c.finish, c.ctx
        return _winograd(&fast, c, table, lasting)
    dl_conv_plan(c, table.size, table.mr, table.lanes, FORWARD_PIXELS)
    if c.span > INT_MAX:
        raise ValueError(f"convolution: a kernel may span at most {INT_MAX} elements of the input; with these sizes and dilations it spans {c.span}")
    n = dl_conv_memory(c, table.size, table.lanes)
    memory = <char*>pool_alloc(n)
    dl_conv_phases(c, memory, table.size, table.lanes)
    job.c = c
    job.table = table
    job.weights = weights
    c.failed = False
    launch(_pack_body, &job, c.phases * c.bundles, 1, 0.1 * n)
    launch(_block_body, &job, c.blocks, 1, c.cost)
    pool_free(memory, n)
    return _check(c)


cdef int weight_gradient(dl_conv* c, const dl_conv_table* table, void* out, bint add, void* bias, bint add_bias) except -1:
    """The gradients by weights and by the bias, where they are not NULL, of a convolution with source c.x and the field's gradient c.g."""
    cdef Job job
    cdef Py_ssize_t size = table.size, taps, panels, scratch, pixels, width, i, j, k, m, n
    cdef char* memory
    cdef dl_winograd fast
    if out != NULL and _by_winograd(c, table, &fast):
        fast.g, fast.gmask, fast.y, fast.add = <const float*>c.g, <const float*>c.gmask, <float*>out, add
        return winograd_weight_gradient(&fast, <float*>bias, add_bias)
    dl_conv_plan(c, size, table.mr, table.lanes, WEIGHT_PIXELS)
    if c.span > INT_MAX or (c.images - 1) * c.image + c.bh * c.axis[1].sstep * c.row > INT_MAX:
        raise ValueError(f"convolution: {c.images} x {c.bh} rows of the input and the rows under a kernel may have at most {INT_MAX} elements; "
                         f"with these sizes and dilations a row has {c.row} and a kernel spans {c.span}")
    taps = c.axis[0].kernel * c.axis[1].kernel * c.axis[2].kernel
    panels = (c.side * c.gt + 2 * table.lanes - 1) // (2 * table.lanes)
    c.stride = (taps * c.gs + 1) * c.tc
    # As many chunks as keep all threads busy, while their sums fit into a cache.
    job.chunks = 1
    if c.cost > 8000:
        job.chunks = max(1, min(min(16, c.blocks), <Py_ssize_t>(c.cost / 4000), 4194304 // (c.stride * size)))
    c.chunk = (c.blocks + job.chunks - 1) // job.chunks
    job.chunks = (c.blocks + c.chunk - 1) // c.chunk
    c.parts = min(panels * c.bundles, (15 + job.chunks) // job.chunks) if c.cost > 8000 else 1
    if out == NULL:
        c.parts = 1
        c.stride = c.tc
        c.cost = 0.1 * c.n * c.axis[0].target * c.axis[1].target * c.axis[2].target * c.tc
    # A block's pixels, and those of the last one in a row, which may be narrower.
    pixels = c.images * c.bh * c.bw
    scratch = (2 * pixels + taps * c.gs) * sizeof(int) + 64 + job.chunks * c.stride * size
    memory = <char*>pool_alloc(scratch)
    c.pixel = <int*>memory
    c.corner = c.pixel + 2 * pixels
    c.sums = <char*>((<size_t>(c.corner + taps * c.gs) + 63) // 64 * 64)
    n = 0
    for width in (c.bw, c.axis[2].target - (c.across - 1) * c.bw):
        for i in range(c.images):
            for j in range(c.bh):
                for k in range(width):
                    c.pixel[n] = <int>(i * c.image + j * c.axis[1].sstep * c.row + k * c.axis[2].sstep * c.sc)
                    n += 1
    n = 0
    for i in range(c.axis[0].kernel):
        for j in range(c.axis[1].kernel):
            for k in range(c.axis[2].kernel):
                for m in range(c.gs):
                    c.corner[n] = <int>(i * c.axis[0].dilation * c.plane + j * c.axis[1].dilation * c.row + k * c.axis[2].dilation * c.sc + m)
                    n += 1
    c.with_weights, c.with_bias = out != NULL, bias != NULL
    c.failed = False
    job.c = c
    job.table = table
    launch(_item_body, &job, job.chunks * c.parts, 1, c.cost)
    if not c.failed:
        if out != NULL:
            job.out = out
            c.add = add
            launch(_total_body, &job, taps * c.gs * c.tc, 4096, 0.05 * job.chunks * c.stride)
        if bias != NULL:
            c.add = add_bias
            table.total(c.sums, job.chunks, c.stride, c.stride - c.tc, c.stride, bias, add_bias)
    pool_free(memory, scratch)
    return _check(c)


cdef struct Finish:
    bint f64
    int code
    double[3] p
    char* z
    char* y


cdef void _finish(void* ctx, void* z, Py_ssize_t n) noexcept nogil:
    cdef Finish* f = <Finish*>ctx
    act_forward(f.f64, f.code, f.p, z, f.y + (<char*>z - f.z), n)


cdef void _finish_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Finish* f = <Finish*>ctx
    _finish(ctx, f.z + begin * (8 if f.f64 else 4), end - begin)


@cython.no_gc
cdef class _ConvOp(Op):
    """What both share. Inputs: x, kernel (space, channels of a group of the image, channels of the field) and, if there is one, bias."""

    cdef int rank
    cdef int code
    cdef bint half              # computed in float32 between casts
    cdef bint transposed
    cdef Py_ssize_t[3] stride
    cdef Py_ssize_t[3] dilation
    cdef Py_ssize_t[3] before
    cdef Py_ssize_t groups
    cdef Tensor scale
    cdef Tensor z               # before the activation, kept only for activations whose derivative needs it
    cdef Py_ssize_t[3] window   # of the maximum pooling that follows; window[2] = 0: none
    cdef Tensor places          # which element of its window each maximum is, kept for backward

    cdef str called(self):
        return "conv_transpose" if self.transposed else "conv"

    cdef Py_ssize_t extent(self, int i, Py_ssize_t size) except -2:
        """The output's size along axis i; sets the padding before."""
        return UNKNOWN

    cdef tuple reads(self):
        return self.inputs if self.scale is None else (*self.inputs, self.scale)

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor v
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t channels, filters
        cdef int i
        name = self.called()
        if x.ndim < 3 or x.ndim > 5:
            raise ValueError(f"{name}: inputs must have 1 to 3 spatial axes between the batch and the channels; received {describe(x)}")
        if w.ndim != x.ndim or w.dtype < F32:
            raise ValueError(f"{name}: kernel must be a float tensor with as many axes as the inputs; received {describe(w)} and inputs, {describe(x)}")
        if x.dtype != w.dtype and not x.symbolic:
            raise ValueError(f"{name}: inputs and kernel must have the same dtype; received inputs, {describe(x)}, and the kernel, {describe(w)}")
        channels = x.dims[x.ndim - 1]
        filters = w.dims[w.ndim - 2] if self.transposed else w.dims[w.ndim - 1]
        self.groups = 1
        if self.transposed:
            if channels != UNKNOWN and channels != w.dims[w.ndim - 1]:
                raise ValueError(f"{name}: the number of input channels must be the {w.dims[w.ndim - 1]} of the kernel's last axis; received inputs, "
                                 f"{describe(x)}, and a kernel of shape {w.shape}")
        elif channels != UNKNOWN and channels != w.dims[w.ndim - 2]:
            self.groups = channels // w.dims[w.ndim - 2] if w.dims[w.ndim - 2] else 0
            if self.groups < 1 or channels % w.dims[w.ndim - 2] or filters % self.groups:
                raise ValueError(f"{name}: the number of input channels must be evenly divisible by kernel's in_channels, and filters by the number of groups; "
                                 f"received inputs, {describe(x)}, and a kernel of shape {w.shape}")
        for i in range(2, len(self.inputs) + (self.scale is not None)):
            v = self.scale if i == len(self.inputs) else <Tensor>self.inputs[i]
            if v.ndim != 1 or v.dims[0] != filters or v.dtype != w.dtype:
                raise ValueError(f"{name}: bias and scale must have shape ({filters},) and the kernel's dtype; received {describe(v)}")
        if self.scale is not None and self.need:
            raise ValueError(f"{name}: scale is for inference only, but a gradient is recorded here")
        dims[0] = x.dims[0]
        for i in range(self.rank):
            if w.dims[i] < 1:
                raise ValueError(f"{name}: kernel sizes must be positive; received a kernel of shape {w.shape}")
            dims[i + 1] = self.extent(i, x.dims[i + 1])
            if self.window[2] and dims[i + 1] != UNKNOWN:
                dims[i + 1] //= self.window[3 - self.rank + i]
                if dims[i + 1] < 1:
                    raise ValueError(f"{name}: Computed output size would be zero or negative. The windows of pooling are larger than what they pool, of "
                                     f"inputs of shape {x.shape} and a kernel of shape {w.shape}")
        dims[x.ndim - 1] = filters
        self.declare(w.dtype, x.ndim, dims)
        return 0

    cdef const dl_conv_table* fill(self, dl_conv* c, bint back) noexcept:
        """The geometry of the pass from image to field, or back. Axes that are not there have size 1."""
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor image = self.out if self.transposed else x
        cdef Tensor field = x if self.transposed else self.out
        cdef dl_axis* a
        cdef bint plain = True
        cdef Py_ssize_t pixels = image.dims[0]
        cdef Py_ssize_t size
        cdef int i, j
        memset(c, 0, sizeof(dl_conv))
        c.ph = self.window[1]
        c.pw = self.window[2]
        c.places = NULL if self.places is None else <unsigned char*>self.places.data
        c.n = image.dims[0]
        c.back = back
        c.groups = self.groups
        for i in range(3):
            a = &c.axis[i]
            j = i - 3 + self.rank
            a.source = a.target = a.kernel = a.stride = a.dilation = 1
            if j >= 0:
                size = field.dims[j + 1] * max(self.window[i], 1)
                a.source = size if back else image.dims[j + 1]
                a.target = image.dims[j + 1] if back else size
                a.kernel = w.dims[j]
                a.dilation = self.dilation[j]
                a.before = self.before[j]
                a.stride = self.stride[j]
                if size == 1:                       # there is no next position: no need for more phases than the kernel meets pixels
                    a.stride = min(a.stride, max(image.dims[j + 1] + a.before, (a.kernel - 1) * a.dilation + 1))
                plain = plain and c.pw == 0 and a.kernel == 1 and a.stride == 1 and a.source == a.target
                pixels *= a.source
        if plain:                                   # 1 x 1: all pixels are one long row
            c.n = 1
            for i in range(2):
                c.axis[i].source = c.axis[i].target = 1
            c.axis[2].source = c.axis[2].target = pixels
        c.sc = field.dims[field.ndim - 1] if back else image.dims[image.ndim - 1]
        c.tc = image.dims[image.ndim - 1] if back else field.dims[field.ndim - 1]
        c.gs = c.sc // self.groups
        c.gt = c.tc // self.groups
        return &conv_table_f64 if w.dtype == F64 else &conv_table_f32

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor y = self.out
        cdef dl_conv c
        cdef Finish f
        cdef const dl_conv_table* table
        if y.size == 0:
            return 0
        if self.need and self.window[2]:
            self.places = empty(U8, y.ndim, y.dims)
        table = self.fill(&c, self.transposed)
        if self.need and not act_from_output(self.code):
            y = self.z = empty(w.dtype, y.ndim, y.dims)
        c.x = x.data
        c.y = y.data
        c.bias = (<Tensor>self.inputs[2]).data if len(self.inputs) == 3 else NULL
        c.scale = NULL if self.scale is None else self.scale.data
        c.relu = self.code == ACT_RELU
        if self.code != ACT_LINEAR and self.code != ACT_RELU:
            f.f64 = w.dtype == F64
            f.code = self.code
            default_params(self.code, f.p)
            f.z = y.data
            f.y = self.out.data
            c.ctx = &f
            if not self.transposed:
                c.finish = _finish
        run(&c, table, w.data, w if self.need == 0 and isinstance(w, VariableBase) else None)
        if c.ctx != NULL and self.transposed:
            launch(_finish_body, &f, y.size, 4096, act_cost(self.code) * y.size)
        return 0

    cdef bint by_winograd(self, bint back) noexcept:
        cdef dl_conv c
        cdef dl_winograd fast
        return _by_winograd(&c, self.fill(&c, back), &fast)

    cdef Tensor unpooled(self, const char* mask):
        """The gradient of the field, which Winograd's algorithm reads as a whole."""
        cdef dl_conv c
        cdef Job job
        cdef Tensor field
        cdef Py_ssize_t[4] dims
        job.table = self.fill(&c, False)
        job.c = &c
        dims[0], dims[1], dims[2], dims[3] = c.n, c.axis[1].target, c.axis[2].target, c.tc
        field = empty(self.out.dtype, 4, dims)
        job.out = field.data
        c.g, c.gmask = self.out.grad.data, mask
        launch(_unpool_body, &job, c.n * c.axis[1].target // c.ph, 4, 0.3 * field.size)
        return field

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor g = self.out.grad
        cdef Tensor d
        cdef Tensor b = None
        cdef dl_conv c
        cdef const dl_conv_table* table
        cdef const char* mask = NULL
        cdef bint accumulate, add_bias = False
        cdef bint by_x = wanted(self, 0), by_kernel = wanted(self, 1), bias = len(self.inputs) == 3 and wanted(self, 2)
        cdef int i
        if x.size == 0 or self.out.size == 0:
            for i in range(len(self.inputs)):
                if wanted(self, i) and (i < 2 or self.out.size == 0):
                    d = self.grad_in(i, &accumulate)
                    if not accumulate:
                        memset(d.data, 0, d.size * itemsize(d.dtype))
            if self.out.size == 0:
                return 0
            by_x = by_kernel = False                # images without channels have a bias, all the same
        if self.code == ACT_RELU:
            mask = self.out.data
        # Activations other than relu, and biases of what is not the field, take a pass of their own.
        if self.code != ACT_LINEAR and self.code != ACT_RELU or bias and self.transposed:
            g = back_through(self, self.code, self.z, self.out.size // self.out.dims[self.out.ndim - 1], self.out.dims[self.out.ndim - 1], 2 if bias else 0)
            mask = NULL
            bias = False
        if self.window[2] and (by_x and self.by_winograd(True) or by_kernel and self.by_winograd(False)):
            g = self.unpooled(mask)
            mask = NULL
        if by_kernel or bias:
            table = self.fill(&c, False)
            if self.transposed:
                c.x, c.mask, c.g = g.data, mask, x.data
            else:
                c.x, c.g, c.gmask = x.data, g.data, mask
            if bias:
                b = self.grad_in(2, &add_bias)
            accumulate = False
            d = self.grad_in(1, &accumulate) if by_kernel else None
            if g is not self.out.grad:
                c.ph = 0
            weight_gradient(&c, table, NULL if d is None else d.data, accumulate, NULL if b is None else b.data, add_bias)
        if by_x:
            table = self.fill(&c, not self.transposed)
            c.x, c.mask = g.data, mask
            if g is not self.out.grad:
                c.ph = 0
            d = self.grad_in(0, &accumulate)
            c.y = d.data
            c.add = accumulate
            run(&c, table, w.data, None)
        return 0


@cython.no_gc
cdef class Conv(_ConvOp):
    """y = act(x * kernel + b)."""

    cdef int padding            # 0: valid, 1: same, 2: causal

    cdef Py_ssize_t extent(self, int i, Py_ssize_t size) except -2:
        cdef Py_ssize_t stride = self.stride[i]
        cdef Py_ssize_t reach = ((<Tensor>self.inputs[1]).dims[i] - 1) * self.dilation[i] + 1
        cdef Py_ssize_t result
        self.before[i] = 0
        if size == UNKNOWN:
            return UNKNOWN
        if self.padding == 0:
            if size < reach:
                raise ValueError(f"conv: Computed output size would be zero or negative. Received inputs of shape {(<Tensor>self.inputs[0]).shape}, "
                                 f"a kernel of shape {(<Tensor>self.inputs[1]).shape} and dilation_rate={self.dilation[i]} with padding='valid'")
            return (size - reach) // stride + 1
        result = (size + stride - 1) // stride
        if self.padding == 1:
            self.before[i] = max(0, (result - 1) * stride + reach - size) // 2
        else:
            self.before[i] = reach - 1
        return result


@cython.no_gc
cdef class ConvTranspose(_ConvOp):
    """y = act(the gradient by data of the convolution, at x, + b)."""

    cdef bint same
    cdef Py_ssize_t[3] more     # output padding, or UNKNOWN

    cdef Py_ssize_t extent(self, int i, Py_ssize_t size) except -2:
        cdef Py_ssize_t stride = self.stride[i]
        cdef Py_ssize_t reach = ((<Tensor>self.inputs[1]).dims[i] - 1) * self.dilation[i] + 1
        cdef Py_ssize_t pads, left
        if self.same:
            pads = stride + reach - 2 if self.more[i] == UNKNOWN else reach + reach % 2 - 2 + self.more[i]
            left = min(pads // 2 + pads % 2, reach - 1)
        else:
            pads = 2 * (reach - 1) + (max(stride - reach, 0) if self.more[i] == UNKNOWN else self.more[i])
            left = reach - 1
        self.before[i] = reach - 1 - left
        if size == UNKNOWN:
            return UNKNOWN
        return 0 if size == 0 else max(0, (size - 1) * stride + pads - reach + 2)


cdef int _sizes(str name, str argument, object value, int rank, int least, Py_ssize_t* out) except -1:
    """Whole numbers of at least `least` from one for all axes, or one for each."""
    cdef int i
    cdef object v
    cdef bint one = type(value) is int
    cdef bint good = one or type(value) in (tuple, list) and len(value) == rank
    for i in range(rank if good else 0):
        v = value if one else value[i]
        good = type(v) is int and least <= v <= INT_MAX
        if not good:
            break
        out[i] = v
    if not good:
        raise ValueError(f"{name}: {argument} must be a whole number from {least} to {INT_MAX}, or {rank} of them; received {argument}={value!r}")
    return 0


cdef int _activation(str name, object activation) except -1:
    cdef int code = ACT_LINEAR
    if activation is not None:
        code = activation if isinstance(activation, int) else activation_code(activation)
        if code < 0:
            raise ValueError(f"{name}: activation must be the name of an elementwise activation; received activation={activation!r}. "
                             f"Apply other functions to the result")
    return code


cdef object _start(_ConvOp op, str name, object x, object kernel, object bias, object strides, object dilation, object activation, object scale):
    """Fills in what both ops have; the inputs as tensors of one dtype."""
    cdef Tensor t = tensor(x)
    cdef Tensor w = tensor(kernel)
    cdef int dtype
    if t.ndim < 3 or t.ndim > 5:
        raise ValueError(f"{name}: inputs must have 1 to 3 spatial axes between the batch and the channels; received {describe(t)}")
    op.rank = t.ndim - 2
    op.code = _activation(name, activation)
    _sizes(name, "strides", strides, op.rank, 1, op.stride)
    _sizes(name, "dilation_rate", dilation, op.rank, 1, op.dilation)
    op.half = t.dtype == w.dtype == F16
    if t.dtype != w.dtype and not t.symbolic:
        dtype = w.dtype if t.dtype < F16 else max(promote(t.dtype, w.dtype), <int>F32)
        t = cast_to(t, dtype)
        w = cast_to(w, dtype)
    elif w.dtype < F32 and not w.symbolic:
        t = cast_to(t, F32)
        w = cast_to(w, F32)
    if scale is not None:
        op.scale = tensor_as(scale, w.dtype)
    return (t, w) if bias is None else (t, w, cast_to(tensor(bias), w.dtype))


cdef Tensor _apply(_ConvOp op, tuple inputs):
    cdef Tensor y = apply(op, inputs)
    return cast_to(y, F16) if op.half else y


def convolve(x, kernel, bias, strides, padding, dilation, activation=None, scale=None, pool=None):
    """``max_pool(activation(scale * (x conv kernel) + bias))``, fused; channels last.

    Args:
        x: Tensor (N, space, C), with 1 to 3 spatial axes.
        kernel: Tensor (space, C / groups, filters), float32 or float64.
        bias: Tensor (filters,) or None.
        strides, dilation: An integer, or one for each spatial axis.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        activation: Name of an elementwise activation, or its code.
        scale: Tensor (filters,) or None; for inference only.
        pool: None, or window of a maximum pooling, which is also its stride, for each of one or two spatial axes. Only with relu or
            without activation. What the convolution gives is then never stored.

    Returns:
        Tensor (N, space, filters).

    Raises:
        ValueError: Shapes or options do not fit.
    """
    cdef Conv op = Conv.__new__(Conv)
    inputs = _start(op, "conv", x, kernel, bias, strides, dilation, activation, scale)
    if padding == "same":
        op.padding = 1
    elif padding == "causal":
        op.padding = 2
    elif padding != "valid":
        raise ValueError(f"conv: padding must be 'valid', 'same' or 'causal'; received padding={padding!r}")
    if pool is not None:
        if op.rank > 2 or op.code != ACT_LINEAR and op.code != ACT_RELU:
            raise ValueError(f"conv: pool is for 1 or 2 spatial axes and for relu or no activation; received inputs of shape {inputs[0].shape}, "
                             f"activation={activation!r}")
        op.window[1] = 1
        _sizes("conv", "pool", pool, op.rank, 1, &op.window[3 - op.rank])
        if op.window[1] * op.window[2] > 256:
            raise ValueError(f"conv: windows of pooling may have at most 256 elements; received pool={pool!r}")
    return _apply(op, inputs)


def convolve_transpose(x, kernel, bias, strides, padding, output_padding, dilation, activation=None):
    """``activation(transposed convolution of x with kernel + bias)``, fused; channels last.

    Args:
        x: Tensor (N, space, C), with 1 to 3 spatial axes.
        kernel: Tensor (space, filters, C), float32 or float64.
        bias: Tensor (filters,) or None.
        strides, dilation: An integer, or one for each spatial axis.
        padding: ``"valid"`` or ``"same"``.
        output_padding: None, an integer, or one for each spatial axis.
        activation: Name of an elementwise activation, or its code.

    Returns:
        Tensor (N, space, filters).

    Raises:
        ValueError: Shapes or options do not fit.
    """
    cdef ConvTranspose op = ConvTranspose.__new__(ConvTranspose)
    cdef int i
    inputs = _start(op, "conv_transpose", x, kernel, bias, strides, dilation, activation, None)
    op.transposed = True
    if padding not in ("valid", "same"):
        raise ValueError(f"conv_transpose: padding must be 'valid' or 'same'; received padding={padding!r}")
    op.same = padding == "same"
    for i in range(3):
        op.more[i] = UNKNOWN
    if isinstance(output_padding, (tuple, list)) and len(output_padding) == op.rank:
        for i in range(op.rank):
            if output_padding[i] is not None:
                _sizes("conv_transpose", "output_padding", output_padding[i], 1, 0, &op.more[i])
    elif output_padding is not None:
        _sizes("conv_transpose", "output_padding", output_padding, op.rank, 0, op.more)
    return _apply(op, inputs)


cdef bint _channels_first(str name, object data_format) except -1:
    if data_format is None:
        from dlcore.config import image_data_format     # it lies above the kernels

        data_format = image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first'; received data_format={data_format!r}")
    return data_format == "channels_first"


cdef object _turn(object x, bint to_last):
    """Channels from the second to the last axis, or back."""
    cdef Py_ssize_t n = len(x.shape)
    return transpose(x, (0, *range(2, n), 1)) if to_last else transpose(x, (0, n - 1, *range(1, n - 1)))


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution with 1 to 3 spatial axes.

    Args:
        inputs: Tensor (N, space, C), or (N, C, space) with channels first.
        kernel: Tensor (space, C / groups, filters); the number of groups follows from its shape.
        strides: Steps of the kernel, one for all axes or one for each.
        padding: ``"valid"``, ``"same"`` (zeros around, so that strides of 1 keep the size) or ``"causal"`` (zeros before).
        data_format: ``"channels_last"`` or ``"channels_first"``; ``dlcore.config.image_data_format()`` by default.
        dilation_rate: Distance of the kernel's elements, one for all axes or one for each.

    Returns:
        Tensor (N, space, filters), or with channels first (N, filters, space).

    Raises:
        ValueError: Shapes or options do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.conv([[[1.0], [2.0], [4.0]]], [[[1.0]], [[10.0]]]).tolist()
        [[[21.0], [42.0]]]
    """
    first = _channels_first("conv", data_format)
    x = tensor(inputs)
    padding = padding.lower() if isinstance(padding, str) else padding
    if not first or len(x.shape) < 3:
        return convolve(x, kernel, None, strides, padding, dilation_rate)
    return _turn(convolve(_turn(x, True), kernel, None, strides, padding, dilation_rate), False)


def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """Transposed convolution: the gradient of a convolution by its input, at `inputs`.

    Args:
        inputs: Tensor (N, space, C), or (N, C, space) with channels first.
        kernel: Tensor (space, filters, C).
        strides: Distance in the output of neighbours in the input, one for all axes or one for each.
        padding: ``"valid"`` or ``"same"`` (the output is `strides` times as large).
        output_padding: What the output has more at its end, one for all axes or one for each; None: what `padding` says.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``dlcore.config.image_data_format()`` by default.
        dilation_rate: Distance of the kernel's elements, one for all axes or one for each.

    Returns:
        Tensor (N, space, filters), or with channels first (N, filters, space).

    Raises:
        ValueError: Shapes or options do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]], strides=2).tolist()
        [[[1.0], [10.0], [2.0], [20.0]]]
    """
    first = _channels_first("conv_transpose", data_format)
    x = tensor(inputs)
    padding = padding.lower() if isinstance(padding, str) else padding
    if not first or len(x.shape) < 3:
        return convolve_transpose(x, kernel, None, strides, padding, output_padding, dilation_rate)
    return _turn(convolve_transpose(_turn(x, True), kernel, None, strides, padding, output_padding, dilation_rate), False)
