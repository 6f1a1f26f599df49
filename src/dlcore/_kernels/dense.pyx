"""The fully connected layer as one op: matrix product, bias and activation."""

cimport cython
from libc.string cimport memset

from dlcore._kernels.activation cimport (
    ACT_LINEAR, act_backward, act_cost, act_forward, act_from_output, activation_code, default_params,
)
from dlcore._kernels.blas cimport epilogue_fn, gemm
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport MAX_NDIM, UNKNOWN, Tensor, describe, empty, tensor, tensor_as
from dlcore._kernels.types cimport F16, F64, real

cdef struct Epilogue:
    bint f64
    int code
    double[3] p
    const char* bias
    char* z             # where C lies ...
    char* y             # ... and where the activated values go: the same place unless backward needs z


cdef void _add_rows(const real* bias, real* c, Py_ssize_t ldc, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(cols):
            c[i * ldc + j] += bias[j]


cdef void _finish(void* ctx, void* c, Py_ssize_t ldc, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols) noexcept nogil:
    """Bias and activation on a rectangle of the product while it is in the cache."""
    cdef Epilogue* e = <Epilogue*>ctx
    cdef Py_ssize_t size = 8 if e.f64 else 4
    cdef Py_ssize_t i
    cdef char* y
    if e.bias != NULL:
        if e.f64:
            _add_rows[double](<double*>e.bias + col, <double*>c, ldc, rows, cols)
        else:
            _add_rows[float](<float*>e.bias + col, <float*>c, ldc, rows, cols)
    if e.code == ACT_LINEAR:
        return
    y = e.y + (<char*>c - e.z)
    if cols == ldc:
        act_forward(e.f64, e.code, e.p, c, y, rows * cols)
        return
    for i in range(rows):
        act_forward(e.f64, e.code, e.p, <char*>c + i * ldc * size, y + i * ldc * size, cols)


cdef struct Back:
    bint f64
    int code
    double[3] p
    const char* z
    const char* y
    const char* g
    char* dz
    char* partial       # (blocks, n) sums of dz over the rows of each block, or NULL if no bias wants them
    Py_ssize_t n
    Py_ssize_t block


cdef void _column_sums(const real* dz, real* out, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(n):
        out[j] = dz[j]
    for i in range(1, rows):
        for j in range(n):
            out[j] += dz[i * n + j]


cdef void _back_rows(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """dz = g act'(z) and its column sums for a block of rows."""
    cdef Back* b = <Back*>ctx
    cdef Py_ssize_t size = 8 if b.f64 else 4
    cdef Py_ssize_t at = begin * b.n * size
    if b.code != ACT_LINEAR:
        act_backward(b.f64, b.code, b.p, NULL if b.z == NULL else b.z + at, b.y + at, b.g + at, b.dz + at, False, (end - begin) * b.n)
    if b.partial != NULL:
        at = begin // b.block * b.n * size
        if b.f64:
            _column_sums[double](<double*>b.dz + begin * b.n, <double*>(b.partial + at), end - begin, b.n)
        else:
            _column_sums[float](<float*>b.dz + begin * b.n, <float*>(b.partial + at), end - begin, b.n)


cdef void _add_partials(const real* partial, real* db, Py_ssize_t blocks, Py_ssize_t n, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i, j
    if not accumulate:
        for j in range(n):
            db[j] = 0
    for i in range(blocks):                     # in block order, whoever computed them
        for j in range(n):
            db[j] += partial[i * n + j]


cdef Tensor back_through(Op op, int code, Tensor z, Py_ssize_t rows, Py_ssize_t n, int bias):
    """The gradient of x W + b, seen as (rows, n), from that of the output; the gradient of input number `bias` (if not 0) on the way."""
    cdef Tensor g = op.out.grad
    cdef Tensor dz = g
    cdef Tensor d
    cdef Back b
    cdef bint f64 = g.dtype == F64
    cdef bint accumulate
    cdef Py_ssize_t blocks, scratch = 0
    if rows > 0 and n > 0 and (bias or code != ACT_LINEAR):
        if code != ACT_LINEAR:
            dz = empty(g.dtype, g.ndim, g.dims)
        b.f64 = f64
        b.code = code
        default_params(code, b.p)
        b.z = NULL if z is None else z.data
        b.y = op.out.data
        b.g = g.data
        b.dz = dz.data
        b.n = n
        b.block = max(8192 // n, 16)
        b.partial = NULL
        blocks = (rows + b.block - 1) // b.block
        if bias:
            scratch = blocks * n * (8 if f64 else 4)
            b.partial = <char*>pool_alloc(scratch)
        launch(_back_rows, &b, rows, b.block, (act_cost(code) + 0.1) * rows * n)
        if bias:
            d = op.grad_in(bias, &accumulate)
            if f64:
                _add_partials[double](<double*>b.partial, <double*>d.data, blocks, n, accumulate)
            else:
                _add_partials[float](<float*>b.partial, <float*>d.data, blocks, n, accumulate)
            pool_free(b.partial, scratch)
    elif bias:
        d = op.grad_in(bias, &accumulate)
        if not accumulate:
            memset(d.data, 0, d.size * (8 if f64 else 4))
    return dz


@cython.no_gc
cdef class Dense(Op):
    """y = act(x W + b) on the last axis; inputs x (..., k), W (k, n) and, if there is a bias, b (n,)."""

    cdef int code
    cdef Tensor z               # x W + b, kept only for activations whose derivative needs it

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor b
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        if w.ndim != 2 or w.dtype < F16 + 1:
            raise ValueError(f"dense: kernel must be a float matrix (inputs, units); received {describe(w)}")
        if x.ndim < 1 or x.dims[x.ndim - 1] != w.dims[0] and x.dims[x.ndim - 1] != UNKNOWN:
            raise ValueError(f"dense: the last axis of x must have the {w.dims[0]} elements of the kernel's first; "
                             f"received x, {describe(x)}, and a kernel of shape {w.shape}")
        if x.dtype != w.dtype and not x.symbolic:
            raise ValueError(f"dense: x and kernel must have the same dtype; received x, {describe(x)}, and the kernel, {describe(w)}")
        if len(self.inputs) == 3:
            b = <Tensor>self.inputs[2]
            if b.ndim != 1 or b.dims[0] != w.dims[1] or b.dtype != w.dtype:
                raise ValueError(f"dense: bias must have shape ({w.dims[1]},) and the kernel's dtype; received {describe(b)}")
        for i in range(x.ndim - 1):
            dims[i] = x.dims[i]
        dims[x.ndim - 1] = w.dims[1]
        self.declare(w.dtype, x.ndim, dims)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor c = self.out
        cdef Epilogue e
        cdef Py_ssize_t k = w.dims[0]
        cdef Py_ssize_t n = w.dims[1]
        cdef Py_ssize_t rows = 1
        cdef int i
        cdef epilogue_fn finish = NULL
        cdef bint plain = self.code == ACT_LINEAR and len(self.inputs) == 2
        for i in range(x.ndim - 1):
            rows *= x.dims[i]
        if self.need and not act_from_output(self.code):
            c = self.z = empty(w.dtype, self.out.ndim, self.out.dims)
        if not plain:
            e.f64 = w.dtype == F64
            e.code = self.code
            default_params(self.code, e.p)
            e.bias = (<Tensor>self.inputs[2]).data if len(self.inputs) == 3 else NULL
            e.z = c.data
            e.y = self.out.data
            finish = _finish
        gemm(w.dtype == F64, False, False, rows, n, k, x.data, k, w.data, n, c.data, n, False, finish, &e)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor w = <Tensor>self.inputs[1]
        cdef Tensor dz
        cdef Tensor d
        cdef bint f64 = w.dtype == F64
        cdef bint accumulate
        cdef bint bias = len(self.inputs) == 3 and wanted(self, 2)
        cdef Py_ssize_t k = w.dims[0]
        cdef Py_ssize_t n = w.dims[1]
        cdef Py_ssize_t rows = 1
        cdef int i
        for i in range(x.ndim - 1):
            rows *= x.dims[i]
        dz = back_through(self, self.code, self.z, rows, n, 2 if bias else 0)
        if wanted(self, 1):
            d = self.grad_in(1, &accumulate)
            gemm(f64, True, False, k, n, rows, x.data, k, dz.data, n, d.data, n, accumulate, NULL, NULL)
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            gemm(f64, False, True, rows, k, n, dz.data, n, w.data, n, d.data, k, accumulate, NULL, NULL)
        return 0


def dense(x, kernel, bias=None, activation=None):
    """``activation(x @ kernel + bias)``, fused.

    Args:
        x: Tensor (..., k); whole numbers are converted to the kernel's dtype.
        kernel: Tensor (k, n), float32 or float64.
        bias: Tensor (n,) or None.
        activation: Name of an elementwise activation with its default parameters, its code as
            :func:`fused_activation` gives it, or None.

    Returns:
        Tensor (..., n).

    Raises:
        ValueError: Shapes or dtypes do not fit, or the activation is not elementwise.

    Example:
        >>> import dlcore
        >>> dlcore.ops.dense([[1.0, -1.0]], dlcore.ops.ones((2, 1)), activation="relu").numpy().tolist()
        [[0.0]]
    """
    cdef Dense op = Dense.__new__(Dense)
    cdef Tensor t = tensor(x)
    cdef Tensor w = tensor(kernel)
    if t.dtype != w.dtype and t.dtype < F16 and not t.symbolic:
        t = tensor_as(t, w.dtype)
    op.code = ACT_LINEAR
    if activation is not None:
        op.code = activation if isinstance(activation, int) else activation_code(activation)
        if op.code < 0:
            raise ValueError(f"dense: activation must be the name of an elementwise activation; received activation={activation!r}. "
                             f"Apply other functions to the result")
    if bias is None:
        return apply(op, (t, w))
    return apply(op, (t, w, tensor(bias)))


def fused_activation(name):
    """The code with which :func:`dense` fuses the activation of that name, or None if it cannot."""
    cdef int code = activation_code(name)
    return None if code < 0 else code
