"""PReLU: a rectifier whose slope below zero is learned."""

cimport cython

from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.fold cimport sum_to
from dlcore._kernels.layout cimport Plan, plan, walk
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, UNKNOWN, describe, empty_like, tensor
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real

cdef enum:
    BLOCK = 16384

cdef struct Ctx:
    Plan p
    bint f64
    bint accumulate
    char* y             # forward
    char* dx            # backward, or NULL
    char* dalpha        # what every element adds to the gradient of alpha, or NULL


cdef inline void _rectify(real* y, const real* x, const real* alpha, Py_ssize_t step, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real below
    if step:
        for i in range(n):
            below = alpha[i] * x[i]
            y[i] = x[i] if x[i] > 0 else below
    else:
        for i in range(n):
            below = alpha[0] * x[i]
            y[i] = x[i] if x[i] > 0 else below


cdef kernel_void _forward_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _rectify[double](<double*>c.y + out, <const double*>x[0], <const double*>x[1], step[1], n)
    else:
        _rectify[float](<float*>c.y + out, <const float*>x[0], <const float*>x[1], step[1], n)


cdef inline void _slope(real* dx, real* dalpha, const real* x, const real* alpha, Py_ssize_t step, const real* g, bint accumulate,
                        Py_ssize_t n) noexcept nogil:
    # At zero both gradients are zero, as in Keras, whose formula is relu(x) - alpha relu(-x).
    cdef Py_ssize_t i
    cdef real d
    if dx != NULL:
        for i in range(n):
            d = g[i] * alpha[i if step else 0]
            d = d if x[i] < 0 else 0
            d = g[i] if x[i] > 0 else d
            dx[i] = d + dx[i] if accumulate else d
    if dalpha != NULL:
        for i in range(n):
            d = g[i] * x[i]
            dalpha[i] = d if x[i] < 0 else 0


cdef kernel_void _backward_row(void* ctx, Py_ssize_t n, Py_ssize_t out, const char** x, const Py_ssize_t* step) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _slope[double](NULL if c.dx == NULL else <double*>c.dx + out, NULL if c.dalpha == NULL else <double*>c.dalpha + out,
                       <const double*>x[0], <const double*>x[1], step[1], <const double*>x[2], c.accumulate, n)
    else:
        _slope[float](NULL if c.dx == NULL else <float*>c.dx + out, NULL if c.dalpha == NULL else <float*>c.dalpha + out,
                      <const float*>x[0], <const float*>x[1], step[1], <const float*>x[2], c.accumulate, n)


cdef void _forward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Ctx*>ctx).p, begin, end, _forward_row, ctx)


cdef void _backward_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    walk(&(<Ctx*>ctx).p, begin, end, _backward_row, ctx)


@cython.no_gc
cdef class PReLU(Op):
    """y = x if x > 0, else alpha x; alpha broadcasts to the shape of x."""

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor alpha = <Tensor>self.inputs[1]
        cdef int shift = x.ndim - alpha.ndim
        cdef int i
        if x.dtype != alpha.dtype and not x.symbolic:
            raise ValueError(f"prelu: x and alpha must have the same dtype; received x, {describe(x)}, and alpha, {describe(alpha)}")
        if alpha.dtype < F32:
            raise ValueError(f"prelu: alpha must be float32 or float64; received alpha, {describe(alpha)}")
        for i in range(alpha.ndim):
            if shift < 0 or alpha.dims[i] != 1 and x.dims[shift + i] not in (UNKNOWN, alpha.dims[i]):
                raise ValueError(f"prelu: alpha must broadcast to the shape of x; received x, {describe(x)}, and alpha, {describe(alpha)}")
        self.declare_like(x)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Ctx c
        if x.size == 0:
            return 0
        plan(&c.p, self.out, x, <Tensor>self.inputs[1], None)
        c.f64 = x.dtype == F64
        c.y = self.out.data
        launch(_forward_block, &c, x.size, BLOCK, x.size * 0.15)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor share = None
        cdef Tensor d
        cdef Ctx c
        cdef bint accumulate
        c.f64 = x.dtype == F64
        c.accumulate = False
        c.dx = c.dalpha = NULL
        if wanted(self, 0):
            c.dx = self.grad_in(0, &c.accumulate).data
        if wanted(self, 1):
            share = empty_like(x)
            c.dalpha = share.data
        if x.size:
            plan(&c.p, self.out, x, <Tensor>self.inputs[1], self.out.grad)
            launch(_backward_block, &c, x.size, BLOCK, x.size * 0.3)
        if share is not None:
            d = self.grad_in(1, &accumulate)
            sum_to(share, d, accumulate, 1)
        return 0


def prelu(x, alpha):
    """Rectifier with a slope below zero for every element, channel, ...

    y = x if x > 0, else alpha * x.

    Args:
        x: Tensor of any shape.
        alpha: Tensor of slopes, float32 or float64, whose shape broadcasts to that of x.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If shapes or dtypes do not fit.

    References:
        He et al., "Delving deep into rectifiers", ICCV 2015.

    Example:
        >>> import dlcore
        >>> dlcore.ops.prelu([[-1.0, 2.0]], [0.25, 0.5]).numpy().tolist()
        [[-0.25, 2.0]]
    """
    cdef Tensor a = tensor(x)
    cdef Tensor slope = tensor(alpha)
    if a.dtype < F16:
        a = cast_to(a, slope.dtype)
    return apply(PReLU.__new__(PReLU), (a, slope))
