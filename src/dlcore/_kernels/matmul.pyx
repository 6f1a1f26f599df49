"""Products of matrices, over the one door to GEMM. Transposed operands are read as they lie; batches broadcast."""

import numpy as np

cimport cython
from libc.string cimport memset

from dlcore._kernels.array cimport reshaped
from dlcore._kernels.blas cimport gemm, gemm_nogil
from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, describe, itemsize, promote, tensor, to_numpy
from dlcore._kernels.types cimport F16, F32, F64, I32, I8

from dlcore._kernels.array import transpose
from dlcore._kernels.binary import multiply

cdef enum:
    GEMM_FLOP = 1 << 21         # a product of this many multiply-adds is worth sharing out by itself


# C[t] = op(A[a(t)]) @ op(B[b(t)]) for a batch of t, where a and b follow from strides over the batch's dims.
cdef struct Batch:
    bint f64
    bint ta
    bint tb
    Py_ssize_t m
    Py_ssize_t n
    Py_ssize_t k
    Py_ssize_t lda
    Py_ssize_t ldb
    Py_ssize_t ldc
    const char* a
    const char* b
    char* c
    bint accumulate
    int ndim
    Py_ssize_t dims[MAX_NDIM]
    Py_ssize_t sa[MAX_NDIM]         # bytes; 0 along a broadcast dimension
    Py_ssize_t sb[MAX_NDIM]
    Py_ssize_t sc[MAX_NDIM]
    bint failed                     # there was no memory for partial sums


cdef inline void locate(const Batch* g, Py_ssize_t t, Py_ssize_t* a, Py_ssize_t* b, Py_ssize_t* c) noexcept nogil:
    cdef Py_ssize_t i
    cdef int d
    a[0] = b[0] = c[0] = 0
    for d in range(g.ndim - 1, -1, -1):
        i = t % g.dims[d]
        t //= g.dims[d]
        a[0] += i * g.sa[d]
        b[0] += i * g.sb[d]
        c[0] += i * g.sc[d]


cdef void batch_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Batch* g = <Batch*>ctx
    cdef Py_ssize_t t, a, b, c
    for t in range(begin, end):
        locate(g, t, &a, &b, &c)
        if gemm_nogil(g.f64, g.ta, g.tb, g.m, g.n, g.k, g.a + a, g.lda, g.b + b, g.ldb, g.c + c, g.ldc, g.accumulate, NULL, NULL):
            g.failed = True


cdef int multiply_batch(Batch* g) except -1:
    """Runs a batch. Several t with one C (a stride of 0 in sc) are added in order."""
    cdef Py_ssize_t t, a, b, c
    cdef Py_ssize_t count = 1
    cdef Py_ssize_t results = 1
    cdef Py_ssize_t work = g.m * g.n * g.k
    cdef int d
    cdef bint shared = False
    for d in range(g.ndim):
        count *= g.dims[d]
        if g.dims[d] > 1 and g.sc[d] == 0:
            shared = True
        else:
            results *= g.dims[d]
    if g.m == 0 or g.n == 0 or results == 0:
        return 0
    if count == 0 or g.k == 0:
        if not g.accumulate:
            memset(g.c, 0, results * g.m * g.n * (8 if g.f64 else 4))
        return 0
    if not shared and count > 1 and work < GEMM_FLOP:
        g.failed = False
        launch(batch_block, g, count, max(<Py_ssize_t>1, 65536 // work), count * (20 + work * (0.05 if g.f64 else 0.025)))
        if g.failed:
            raise MemoryError("matmul: no memory for partial sums")
        return 0
    if shared and not g.accumulate:
        # The first t of every C would have to overwrite: simpler to begin at zero.
        memset(g.c, 0, results * g.m * g.n * (8 if g.f64 else 4))
    for t in range(count):
        locate(g, t, &a, &b, &c)
        gemm(g.f64, g.ta, g.tb, g.m, g.n, g.k, g.a + a, g.lda, g.b + b, g.ldb, g.c + c, g.ldc, shared or g.accumulate, NULL, NULL)
    return 0


@cython.no_gc
cdef class Matmul(Op):
    cdef bint ta
    cdef bint tb
    cdef Py_ssize_t m
    cdef Py_ssize_t n
    cdef Py_ssize_t k
    cdef int batch                      # batch dims of the result

    cdef int infer(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef Py_ssize_t n, ka, kb
        cdef int i
        self.m = a.dims[a.ndim - 1] if self.ta else a.dims[a.ndim - 2]
        ka = a.dims[a.ndim - 2] if self.ta else a.dims[a.ndim - 1]
        self.n = b.dims[b.ndim - 2] if self.tb else b.dims[b.ndim - 1]
        kb = b.dims[b.ndim - 1] if self.tb else b.dims[b.ndim - 2]
        if ka != kb and ka != UNKNOWN and kb != UNKNOWN:
            raise ValueError(
                f"matmul: the columns of x1 must be as many as the rows of x2; received {describe(a)} and {describe(b)}, "
                f"that is {ka} columns and {kb} rows"
            )
        self.k = ka
        self.batch = max(a.ndim, b.ndim) - 2
        for i in range(self.batch):
            dims[i] = 1
            for x in self.inputs:
                if i - self.batch + (<Tensor>x).ndim - 2 < 0:
                    continue
                n = (<Tensor>x).dims[i - self.batch + (<Tensor>x).ndim - 2]
                if n == 1 or n == dims[i]:
                    continue
                if dims[i] == 1 or dims[i] == UNKNOWN:
                    dims[i] = n
                elif n != UNKNOWN:
                    raise ValueError(f"matmul: the leading axes of {describe(a)} and {describe(b)} do not broadcast")
        dims[self.batch] = self.m
        dims[self.batch + 1] = self.n
        self.declare(a.dtype, self.batch + 2, dims)
        return 0

    cdef bint flat(self, Tensor a, Tensor b) noexcept:
        """Whether the batch is just more rows of a: one product does it all."""
        return not self.ta and b.ndim == 2

    cdef void strides(self, Tensor x, Py_ssize_t* s) noexcept:
        """Bytes between the matrices of x (an input, or something of the shape of the result) along the batch."""
        cdef Py_ssize_t step = x.dims[x.ndim - 1] * x.dims[x.ndim - 2] * itemsize(x.dtype)
        cdef int i, d
        for i in range(self.batch - 1, -1, -1):
            d = i - self.batch + x.ndim - 2
            s[i] = 0
            if d >= 0:
                if x.dims[d] != 1:
                    s[i] = step
                step *= x.dims[d]

    cdef void begin(self, Batch* g, Tensor a, Tensor b, Tensor c):
        """A batch of products of matrices of a and b into those of c."""
        cdef int i
        g.f64 = a.dtype == F64
        g.a, g.b, g.c = a.data, b.data, c.data
        g.lda, g.ldb, g.ldc = a.dims[a.ndim - 1], b.dims[b.ndim - 1], c.dims[c.ndim - 1]
        g.ndim = self.batch
        g.accumulate = False
        for i in range(self.batch):
            g.dims[i] = self.out.dims[i]
        self.strides(a, g.sa)
        self.strides(b, g.sb)
        self.strides(c, g.sc)

    cdef int forward(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Tensor y = self.out
        cdef Batch g
        if a.dtype < F32:
            x1, x2 = to_numpy(a), to_numpy(b)
            np.matmul(x1.swapaxes(-1, -2) if self.ta else x1, x2.swapaxes(-1, -2) if self.tb else x2, out=to_numpy(y))
            return 0
        self.begin(&g, a, b, y)
        g.ta, g.tb, g.m, g.n, g.k = self.ta, self.tb, self.m, self.n, self.k
        if self.flat(a, b):
            g.ndim = 0
            g.m = y.size // self.n if self.n else 0
        return multiply_batch(&g)

    cdef int backward(self) except -1:
        cdef Tensor a = <Tensor>self.inputs[0]
        cdef Tensor b = <Tensor>self.inputs[1]
        cdef Tensor dy = self.out.grad
        cdef Tensor d
        cdef Batch g
        cdef bint accumulate
        cdef bint flat = self.flat(a, b)
        cdef Py_ssize_t m = self.m
        if flat:
            m = a.size // self.k if self.k else 0
        if wanted(self, 0):
            d = self.grad_in(0, &accumulate)
            if self.ta:                 # dA = op(B) dY^T
                self.begin(&g, b, dy, d)
                g.ta, g.tb, g.m, g.n, g.k = self.tb, True, self.k, m, self.n
            else:                       # dA = dY op(B)^T
                self.begin(&g, dy, b, d)
                g.ta, g.tb, g.m, g.n, g.k = False, not self.tb, m, self.k, self.n
            if flat:
                g.ndim = 0
            g.accumulate = accumulate
            multiply_batch(&g)
        if wanted(self, 1):
            d = self.grad_in(1, &accumulate)
            if self.tb:                 # dB = dY^T op(A)
                self.begin(&g, dy, a, d)
                g.ta, g.tb, g.m, g.n, g.k = True, self.ta, self.n, self.k, m
            else:                       # dB = op(A)^T dY
                self.begin(&g, a, dy, d)
                g.ta, g.tb, g.m, g.n, g.k = not self.ta, False, self.k, self.n, m
            if flat:
                g.ndim = 0
            g.accumulate = accumulate
            multiply_batch(&g)
        return 0


cdef Tensor product(Tensor a, Tensor b, bint transpose_a, bint transpose_b):
    cdef Matmul op
    cdef int dtype = promote(a.dtype, b.dtype)
    if dtype == F16:
        return cast_to(product(cast_to(a, F32), cast_to(b, F32), transpose_a, transpose_b), F16)
    if dtype == I8:
        dtype = I32
    op = Matmul.__new__(Matmul)
    op.ta = transpose_a
    op.tb = transpose_b
    return apply(op, (cast_to(a, dtype), cast_to(b, dtype)))


cdef Tensor without(Tensor x, int axis):
    """x without an axis of one element."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i
    for i in range(x.ndim - 1):
        dims[i] = x.dims[i if i < axis else i + 1]
    return reshaped(x, x.ndim - 1, dims)


def matmul(x1, x2):
    """Matrix product over the last two axes.

    ``y[..., i, j] = sum over k of x1[..., i, k] * x2[..., k, j]``

    Args:
        x1: Tensor of shape (..., m, k), or (k,) for a row vector that disappears again.
        x2: Tensor of shape (..., k, n), or (k,) for a column vector that disappears again. Leading axes broadcast.

    Returns:
        A tensor of shape (..., m, n) and the common dtype; int32 for two of int8.

    Raises:
        ValueError: If the shapes do not fit, or an operand has no axes.

    Numerics:
        Sums over k are cut by shape and added in a fixed order: the result is the same for any number of threads.

    Example:
        >>> import dlcore
        >>> dlcore.ops.matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
        [[11.0]]
    """
    cdef Tensor a = tensor(x1)
    cdef Tensor b = tensor(x2)
    cdef Tensor y
    cdef Py_ssize_t dims[2]
    cdef bint row = a.ndim == 1
    cdef bint column = b.ndim == 1
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: x1 and x2 must have at least one axis; received {describe(a)} and {describe(b)}. Use multiply for numbers")
    if row:
        dims[0], dims[1] = 1, a.dims[0]
        a = reshaped(a, 2, dims)
    if column:
        dims[0], dims[1] = b.dims[0], 1
        b = reshaped(b, 2, dims)
    y = product(a, b, False, False)
    if column:
        y = without(y, y.ndim - 1)
    if row:
        y = without(y, y.ndim - 1 if column else y.ndim - 2)
    return y


def _matmul(x1, x2, bint transpose_a=False, bint transpose_b=False):
    """`product` for tests: the last two axes of an operand are swapped where its flag is set."""
    return product(tensor(x1), tensor(x2), transpose_a, transpose_b)


def tensordot(x1, x2, axes=2):
    """Sum of products over several axes.

    ``y[a, b] = sum over k of x1[a, k] * x2[k, b]``, where a, b and k stand for several axes

    Args:
        x1: Tensor of any shape.
        x2: Tensor of any shape.
        axes: Number of axes: the last ones of x1 with the first ones of x2; or a pair of axes or of lists of axes.

    Returns:
        A tensor with the other axes of x1, then those of x2.

    Raises:
        ValueError: If an axis does not exist or the sizes differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.tensordot([[1.0, 2.0]], [[3.0], [4.0]], axes=1).tolist()
        [[11.0]]
    """
    cdef Tensor a = tensor(x1)
    cdef Tensor b = tensor(x2)
    if isinstance(axes, int):
        first, second = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        first, second = [list(part) if isinstance(part, (tuple, list)) else [part] for part in axes]
    first = [axis_index("tensordot", i, a.ndim, a) for i in first]
    second = [axis_index("tensordot", i, b.ndim, b) for i in second]
    if len(set(first)) < len(first) or len(set(second)) < len(second):
        raise ValueError(f"tensordot: axes must name at most all axes of {describe(a)} and {describe(b)}, each once; received axes={axes!r}")
    if [a.dims[i] for i in first] != [b.dims[i] for i in second]:
        raise ValueError(f"tensordot: axes {first} of {describe(a)} and {second} of {describe(b)} must have equal sizes")
    rest1 = [i for i in range(a.ndim) if i not in first]
    rest2 = [i for i in range(b.ndim) if i not in second]
    shape = tuple([a.dims[i] for i in rest1] + [b.dims[i] for i in rest2])
    if len(shape) > MAX_NDIM:
        raise ValueError(f"tensordot: the result would have {len(shape)} dimensions, and tensors have at most {MAX_NDIM}; "
                         f"received {describe(a)}, {describe(b)} and axes={axes!r}")
    left = as_shape(transpose(a, rest1 + first), (extent(a, rest1), extent(a, first)))
    right = as_shape(transpose(b, second + rest2), (extent(b, second), extent(b, rest2)))
    return as_shape(product(left, right, False, False), shape)


def dot(x1, x2):
    """Product of vectors, matrices or numbers; of the last axis of x1 with the second to last of x2 in general.

    ``y[a, b, j] = sum over k of x1[a, k] * x2[b, k, j]``

    Args:
        x1: Tensor of any shape.
        x2: Tensor of any shape.

    Returns:
        A tensor of the common dtype.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import dlcore
        >>> dlcore.ops.dot([1.0, 2.0], [3.0, 4.0]).item()
        11.0
    """
    cdef Tensor a = tensor(x1)
    cdef Tensor b = tensor(x2)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=(a.ndim - 1, b.ndim - 2))


cdef Tensor as_shape(Tensor x, tuple shape):
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i
    for i in range(<int>len(shape)):
        dims[i] = shape[i]
    return reshaped(x, <int>len(shape), dims)


cdef Py_ssize_t extent(Tensor x, list axes):
    """Number of elements along several axes."""
    cdef Py_ssize_t n = 1
    cdef int i
    for i in axes:
        if x.dims[i] == UNKNOWN:
            return UNKNOWN
        n *= x.dims[i]
    return n
