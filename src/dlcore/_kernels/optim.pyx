"""What all optimizers share: a rule's pass over a run of the arena, and what happens to gradients before and averages after.

The rules are in the modules beside this one: `optim_moments`, `optim_squares`, and `optim_norms` for those that need more
than one pass over a variable.
"""

from libc.math cimport sqrt

from dlcore._kernels.arena cimport Run
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport Tensor, VariableBase, wrote
from dlcore._kernels.types cimport F64, real

__all__ = []            # no ops


# ------------------------------------------------------------------------------------------------------ a pass of a rule

cdef prepare(Step* s, Run run, double lr, double decay, Tensor s0, Tensor s1, Tensor s2):
    cdef Tensor slot
    for slot in (s0, s1, s2):
        if slot is not None and (slot.dtype != run.params.dtype or slot.size != run.params.size):
            raise ValueError("an optimizer slot does not have the layout of its run")
    s.f64 = run.params.dtype == F64
    s.p = run.params.data
    s.g = run.grads.data
    s.s0 = s0.data if s0 is not None else NULL
    s.s1 = s1.data if s1 is not None else NULL
    s.s2 = s2.data if s2 is not None else NULL
    s.lr = lr
    s.decay = decay


cdef struct Pass:
    const Step* step
    rule32 single
    rule64 double_


cdef inline real* _at(void* base, Py_ssize_t i, real* like) noexcept nogil:
    return NULL if base == NULL else <real*>base + i


cdef void _pass_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pass* work = <Pass*>ctx
    cdef const Step* s = work.step
    if s.f64:
        work.double_(<double*>s.p + begin, <double*>s.g + begin, _at(s.s0, begin, <double*>NULL), _at(s.s1, begin, <double*>NULL),
                     _at(s.s2, begin, <double*>NULL), end - begin, s)
    else:
        work.single(<float*>s.p + begin, <float*>s.g + begin, _at(s.s0, begin, <float*>NULL), _at(s.s1, begin, <float*>NULL),
                    _at(s.s2, begin, <float*>NULL), end - begin, s)


cdef apply_rule(Step* s, Run run, rule32 single, rule64 double_, double cost):
    cdef Pass work
    work.step = s
    work.single = single
    work.double_ = double_
    launch(_pass_body, &work, run.params.size, BLOCK, cost * run.params.size)
    wrote()


# -------------------------------------------------------------------------------------------- accumulating and averaging

cdef void _accumulate(real* p, const real* g, real* total, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        total[i] += g[i]


cdef void _release(real* p, const real* g, real* total, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real steps = <real>s.c0
    cdef real* mean = <real*>g
    for i in range(n):
        mean[i] = (mean[i] + total[i]) / steps
        total[i] = 0


cdef void _average(real* p, const real* g, real* average, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real momentum = <real>s.c0
    cdef real rest = <real>(1 - s.c0)
    cdef real a
    if s.flag:
        for i in range(n):
            a = momentum * average[i] + rest * p[i]
            average[i] = a
            p[i] = a
    else:
        for i in range(n):
            average[i] = momentum * average[i] + rest * p[i]


def accumulate(Run run, Tensor total):
    """total += gradients."""
    cdef Step s
    prepare(&s, run, 0, 0, total, None, None)
    apply_rule(&s, run, _accumulate[float], _accumulate[double], 0.15)


def release(Run run, Tensor total, double steps):
    """gradients = (gradients + total) / steps; total = 0."""
    cdef Step s
    prepare(&s, run, 0, 0, total, None, None)
    s.c0 = steps
    apply_rule(&s, run, _release[float], _release[double], 0.2)


def average(Run run, Tensor average, double momentum, bint overwrite):
    """average = momentum * average + (1 - momentum) * parameters; then the parameters may be overwritten by it."""
    cdef Step s
    prepare(&s, run, 0, 0, average, None, None)
    s.c0 = momentum
    s.flag = overwrite
    apply_rule(&s, run, _average[float], _average[double], 0.15)


# ---------------------------------------------------------------------------------------------------------- clipping

cdef struct Norm:
    bint f64
    const void* g
    double* partial
    double factor
    double limit


cdef double _squares(const real* x, Py_ssize_t n) noexcept nogil:
    # 32 partial sums in double: vectorisable, accurate, and no sum waits for the one before. (gcc keeps arrays of 8 in registers.)
    cdef double[8] a
    cdef double[8] b
    cdef double[8] c
    cdef double[8] d
    cdef const real* y
    cdef Py_ssize_t i, j
    cdef double q
    for j in range(8):
        a[j] = 0
        b[j] = 0
        c[j] = 0
        d[j] = 0
    for i in range(n // 32):
        y = x + i * 32
        for j in range(8):
            q = y[j]
            a[j] += q * q
        for j in range(8):
            q = y[8 + j]
            b[j] += q * q
        for j in range(8):
            q = y[16 + j]
            c[j] += q * q
        for j in range(8):
            q = y[24 + j]
            d[j] += q * q
    for i in range(n // 32 * 32, n):
        q = x[i]
        a[0] += q * q
    for j in range(8):
        a[j] = (a[j] + b[j]) + (c[j] + d[j])
    return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]))


cdef double sum_of_squares(const void* x, Py_ssize_t n, bint f64) noexcept nogil:
    return _squares[double](<double*>x, n) if f64 else _squares[float](<float*>x, n)


cdef void _norm_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Norm* s = <Norm*>ctx
    s.partial[begin // BLOCK] = sum_of_squares(<char*>s.g + begin * (8 if s.f64 else 4), end - begin, s.f64)


cdef double squared_norm(const void* x, Py_ssize_t n, bint f64) except -1:
    cdef Norm s
    cdef Py_ssize_t blocks = (n + BLOCK - 1) // BLOCK
    cdef Py_ssize_t i
    cdef double total = 0
    s.f64 = f64
    s.g = x
    s.partial = <double*>pool_alloc(max(blocks, 1) * sizeof(double))
    launch(_norm_body, &s, n, BLOCK, 0.1 * n)
    for i in range(blocks):                         # in block order, whoever computed them
        total += s.partial[i]
    pool_free(s.partial, max(blocks, 1) * sizeof(double))
    return total


cdef void _scale_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Norm* s = <Norm*>ctx
    cdef Py_ssize_t i
    cdef float f = <float>s.factor
    if s.f64:
        for i in range(begin, end):
            (<double*>s.g)[i] *= s.factor
    else:
        for i in range(begin, end):
            (<float*>s.g)[i] *= f


cdef _scale(void* g, Py_ssize_t n, bint f64, double factor):
    cdef Norm s
    s.f64 = f64
    s.g = g
    s.factor = factor
    launch(_scale_body, &s, n, BLOCK, 0.1 * n)


def global_norm(runs):
    """Euclidean norm of all gradients of the runs together."""
    cdef Run run
    cdef double total = 0
    for run in runs:
        total += squared_norm(run.grads.data, run.grads.size, run.grads.dtype == F64)
    return sqrt(total)


def scale_gradients(runs, double factor):
    """g *= factor for all gradients of the runs."""
    cdef Run run
    for run in runs:
        _scale(run.grads.data, run.grads.size, run.grads.dtype == F64, factor)


def clip_each_norm(runs, double limit):
    """Scales the gradient of each variable whose norm exceeds `limit` down to it."""
    cdef Run run
    cdef VariableBase v
    cdef double norm
    for run in runs:
        for v in run.variables:
            norm = sqrt(squared_norm(v.grad_view.data, v.size, v.dtype == F64))
            if not norm <= limit:                   # NaN must reach the parameters, not be mistaken for small
                _scale(v.grad_view.data, v.size, v.dtype == F64, limit / norm)


cdef void _clip(real* g, Py_ssize_t n, real limit) noexcept nogil:
    cdef Py_ssize_t i
    cdef real x
    for i in range(n):
        x = g[i]
        x = limit if x > limit else x
        x = -limit if x < -limit else x             # NaN stays NaN
        g[i] = x


cdef void _clip_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Norm* s = <Norm*>ctx
    if s.f64:
        _clip[double](<double*>s.g + begin, end - begin, s.limit)
    else:
        _clip[float](<float*>s.g + begin, end - begin, <float>s.limit)


def clip_values(runs, double limit):
    """Clips every element of the gradients to [-limit, limit]."""
    cdef Run run
    cdef Norm s
    for run in runs:
        s.f64 = run.grads.dtype == F64
        s.g = run.grads.data
        s.limit = limit
        launch(_clip_body, &s, run.grads.size, BLOCK, 0.1 * run.grads.size)
