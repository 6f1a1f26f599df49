"""Update rules of the optimizers: one pass over a run of the arena each, and what prepares the gradients.

Every rule takes ``decay`` = learning rate x decoupled weight decay, which shrinks the parameter first: p -= p * decay.
"""

from libc.math cimport sqrt

from dlcore._kernels.arena cimport Run
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tensor cimport Tensor, VariableBase, pool_alloc, pool_free
from dlcore._kernels.types cimport F64, real

__all__ = []            # no ops

cdef extern from *:
    """
    static inline float dl_sqrt_f(float x) { return __builtin_sqrtf(x); }
    static inline double dl_sqrt_d(double x) { return __builtin_sqrt(x); }
    """
    float dl_sqrt_f(float) noexcept nogil
    double dl_sqrt_d(double) noexcept nogil

cdef enum:
    BLOCK = 131072              # long blocks: with short ones two threads disturb one another in memory

cdef struct Step:
    bint f64
    void* p
    void* g
    void* s0                    # slots of the rule, in its order
    void* s1
    void* s2
    double lr
    double decay
    double c0                   # constants of the rule
    double c1
    double c2
    bint flag


cdef inline real _sqrt(real x) noexcept nogil:
    return dl_sqrt_f(x) if real is float else dl_sqrt_d(x)


cdef _start(Step* step, Run run, double lr, double decay, Tensor s0, Tensor s1, Tensor s2):
    cdef Tensor slot
    for slot in (s0, s1, s2):
        if slot is not None and (slot.dtype != run.params.dtype or slot.size != run.params.size):
            raise ValueError("an optimizer slot does not have the layout of its run")
    step.f64 = run.params.dtype == F64
    step.p = run.params.data
    step.g = run.grads.data
    step.s0 = s0.data if s0 is not None else NULL
    step.s1 = s1.data if s1 is not None else NULL
    step.s2 = s2.data if s2 is not None else NULL
    step.lr = lr
    step.decay = decay


cdef void* _at(void* base, Py_ssize_t i, bint f64) noexcept nogil:
    if base == NULL:
        return NULL
    return <char*>base + i * (8 if f64 else 4)


# --------------------------------------------------------------------------------------------------------------- SGD

cdef void _sgd(real* p, const real* g, real* m, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real momentum = <real>s.c0
    cdef real q
    if m == NULL:
        for i in range(n):
            q = p[i]
            p[i] = q - q * decay - lr * g[i]
    elif s.flag:                                    # Nesterov
        for i in range(n):
            q = momentum * m[i] - lr * g[i]
            m[i] = q
            p[i] = p[i] - p[i] * decay + (momentum * q - lr * g[i])
    else:
        for i in range(n):
            q = momentum * m[i] - lr * g[i]
            m[i] = q
            p[i] = p[i] - p[i] * decay + q


cdef void _sgd_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*>ctx
    if s.f64:
        _sgd[double](<double*>s.p + begin, <double*>s.g + begin, <double*>_at(s.s0, begin, True), end - begin, s)
    else:
        _sgd[float](<float*>s.p + begin, <float*>s.g + begin, <float*>_at(s.s0, begin, False), end - begin, s)


def sgd_step(Run run, Tensor velocity, double lr, double momentum, bint nesterov, double decay):
    """m = momentum m - lr g; p += m (Nesterov: p += momentum m - lr g). Without velocity: p -= lr g."""
    cdef Step s
    _start(&s, run, lr, decay, velocity, None, None)
    s.c0 = momentum
    s.flag = nesterov
    launch(_sgd_body, &s, run.params.size, BLOCK, 0.15 * run.params.size)


# -------------------------------------------------------------------------------------------------------------- Adam

cdef void _adam(real* p, const real* g, real* m, real* v, real* vhat, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real alpha = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real w1 = <real>(1 - s.c0)
    cdef real w2 = <real>(1 - s.c1)
    cdef real eps = <real>s.c2
    cdef real a, b, q
    if vhat == NULL:
        for i in range(n):
            q = g[i]
            a = m[i] + (q - m[i]) * w1
            b = v[i] + (q * q - v[i]) * w2
            m[i] = a
            v[i] = b
            p[i] = p[i] - p[i] * decay - a * alpha / (_sqrt(b) + eps)
    else:
        for i in range(n):
            q = g[i]
            a = m[i] + (q - m[i]) * w1
            b = v[i] + (q * q - v[i]) * w2
            m[i] = a
            v[i] = b
            q = vhat[i]
            b = b if b > q else q
            vhat[i] = b
            p[i] = p[i] - p[i] * decay - a * alpha / (_sqrt(b) + eps)


cdef void _adam_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*>ctx
    if s.f64:
        _adam[double](<double*>s.p + begin, <double*>s.g + begin, <double*>s.s0 + begin, <double*>s.s1 + begin,
                      <double*>_at(s.s2, begin, True), end - begin, s)
    else:
        _adam[float](<float*>s.p + begin, <float*>s.g + begin, <float*>s.s0 + begin, <float*>s.s1 + begin,
                     <float*>_at(s.s2, begin, False), end - begin, s)


def adam_step(Run run, Tensor m, Tensor v, Tensor vhat, double lr, double beta_1, double beta_2, double epsilon,
              double t, double decay):
    """Adam (Kingma & Ba 2015, the form before section 2.1): step size lr sqrt(1 - beta_2^t) / (1 - beta_1^t).

    ``t`` counts steps from 1; with ``vhat`` AMSGrad (Reddi et al. 2018), the maximum of the uncorrected v.
    """
    cdef Step s
    _start(&s, run, lr * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t), decay, m, v, vhat)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    launch(_adam_body, &s, run.params.size, BLOCK, 0.5 * run.params.size)


# ----------------------------------------------------------------------------------------------------------- RMSprop

cdef void _rmsprop(real* p, const real* g, real* v, real* mom, real* mean, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real rho = <real>s.c0
    cdef real rest = <real>(1 - s.c0)
    cdef real momentum = <real>s.c1
    cdef real eps = <real>s.c2
    cdef real q, d, a
    for i in range(n):
        q = g[i]
        d = rho * v[i] + rest * q * q
        v[i] = d
        if mean != NULL:
            a = rho * mean[i] + rest * q
            mean[i] = a
            d = d - a * a
        q = lr * q / _sqrt(d + eps)
        if mom != NULL:
            q = momentum * mom[i] + q
            mom[i] = q
        p[i] = p[i] - p[i] * decay - q


cdef void _rmsprop_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*>ctx
    cdef Py_ssize_t n = end - begin
    cdef float* p
    cdef float* g
    cdef float* v
    if s.f64:
        _rmsprop[double](<double*>s.p + begin, <double*>s.g + begin, <double*>s.s0 + begin,
                         <double*>_at(s.s1, begin, True), <double*>_at(s.s2, begin, True), n, s)
        return
    p = <float*>s.p + begin
    g = <float*>s.g + begin
    v = <float*>s.s0 + begin
    if s.s1 == NULL and s.s2 == NULL:               # a NULL that the compiler can see leaves a loop that vectorises
        _rmsprop[float](p, g, v, NULL, NULL, n, s)
    elif s.s2 == NULL:
        _rmsprop[float](p, g, v, <float*>s.s1 + begin, NULL, n, s)
    else:
        _rmsprop[float](p, g, v, <float*>_at(s.s1, begin, False), <float*>s.s2 + begin, n, s)


def rmsprop_step(Run run, Tensor velocity, Tensor momentum_slot, Tensor average, double lr, double rho, double momentum,
                 double epsilon, double decay):
    """v = rho v + (1 - rho) g^2; step = lr g / sqrt(v [- mean(g)^2] + epsilon), accumulated if there is momentum."""
    cdef Step s
    _start(&s, run, lr, decay, velocity, momentum_slot, average)
    s.c0 = rho
    s.c1 = momentum
    s.c2 = epsilon
    launch(_rmsprop_body, &s, run.params.size, BLOCK, 0.4 * run.params.size)


# ---------------------------------------------------------------------------------------------------------- clipping

cdef struct Norm:
    bint f64
    const void* g
    double* partial
    double factor
    double limit


cdef double _sum_of_squares(const real* g, Py_ssize_t n) noexcept nogil:
    # Eight partial sums in double: vectorisable and accurate.
    cdef double[8] acc
    cdef Py_ssize_t i, j
    cdef double x
    for j in range(8):
        acc[j] = 0
    for i in range(n // 8):
        for j in range(8):
            x = g[i * 8 + j]
            acc[j] += x * x
    for i in range(n // 8 * 8, n):
        x = g[i]
        acc[0] += x * x
    return ((acc[0] + acc[1]) + (acc[2] + acc[3])) + ((acc[4] + acc[5]) + (acc[6] + acc[7]))


cdef void _norm_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Norm* s = <Norm*>ctx
    if s.f64:
        s.partial[begin // BLOCK] = _sum_of_squares[double](<double*>s.g + begin, end - begin)
    else:
        s.partial[begin // BLOCK] = _sum_of_squares[float](<float*>s.g + begin, end - begin)


cdef double _squared_norm(const void* g, Py_ssize_t n, bint f64) except -1:
    cdef Norm s
    cdef Py_ssize_t blocks = (n + BLOCK - 1) // BLOCK
    cdef Py_ssize_t i
    cdef double total = 0
    s.f64 = f64
    s.g = g
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
        total += _squared_norm(run.grads.data, run.grads.size, run.grads.dtype == F64)
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
            norm = sqrt(_squared_norm(v.grad_view.data, v.size, v.dtype == F64))
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
