"""Update rules that follow running means of the gradient: SGD with momentum and Adam's family.

Each is one pass over a run. `decay` is learning rate x decoupled weight decay, which shrinks the parameter first.
"""

from libc.math cimport sqrt

from dlcore._kernels.arena cimport Run
from dlcore._kernels.optim cimport Step, apply_rule, prepare
from dlcore._kernels.tensor cimport Tensor
from dlcore._kernels.types cimport real
from dlcore._kernels.vmath cimport abs_, sqrt_

__all__ = []            # no ops


# --------------------------------------------------------------------------------------------------------------- SGD

cdef void _sgd(real* p, const real* g, real* m, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
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


def sgd_step(Run run, Tensor velocity, double lr, double momentum, bint nesterov, double decay):
    """m = momentum m - lr g; p += m (Nesterov: p += momentum m - lr g). Without velocity: p -= lr g."""
    cdef Step s
    prepare(&s, run, lr, decay, velocity, None, None)
    s.c0 = momentum
    s.flag = nesterov
    apply_rule(&s, run, _sgd[float], _sgd[double], 0.15)


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
            p[i] = p[i] - p[i] * decay - a * alpha / (sqrt_(b) + eps)
    else:
        for i in range(n):
            q = g[i]
            a = m[i] + (q - m[i]) * w1
            b = v[i] + (q * q - v[i]) * w2
            m[i] = a
            v[i] = b
            q = vhat[i]
            b = q if q > b else b
            vhat[i] = b
            p[i] = p[i] - p[i] * decay - a * alpha / (sqrt_(b) + eps)


def adam_step(Run run, Tensor m, Tensor v, Tensor vhat, double lr, double beta_1, double beta_2, double epsilon,
              double t, double decay):
    """Adam (Kingma & Ba 2015, the form before section 2.1): step size lr sqrt(1 - beta_2^t) / (1 - beta_1^t).

    ``t`` counts steps from 1; with ``vhat`` AMSGrad (Reddi et al. 2018), the maximum of the uncorrected v.
    """
    cdef Step s
    prepare(&s, run, lr * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t), decay, m, v, vhat)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    apply_rule(&s, run, _adam[float], _adam[double], 0.5)


# ------------------------------------------------------------------------------------------------------------ Adamax

cdef void _adamax(real* p, const real* g, real* m, real* u, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real alpha = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real w1 = <real>(1 - s.c0)
    cdef real beta_2 = <real>s.c1
    cdef real eps = <real>s.c2
    cdef real a, b, q
    for i in range(n):
        q = g[i]
        a = m[i] + (q - m[i]) * w1
        m[i] = a
        b = beta_2 * u[i]
        q = abs_(q)
        b = b if b > q or b != b else q            # NaN stays
        u[i] = b
        p[i] = p[i] - p[i] * decay - a * alpha / (b + eps)


def adamax_step(Run run, Tensor m, Tensor u, double lr, double beta_1, double beta_2, double epsilon, double t, double decay):
    """Adamax (Kingma & Ba 2015, section 7.1): u = max(beta_2 u, |g|); p -= lr / (1 - beta_1^t) m / (u + epsilon)."""
    cdef Step s
    prepare(&s, run, lr / (1 - beta_1 ** t), decay, m, u, None)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    apply_rule(&s, run, _adamax[float], _adamax[double], 0.4)


# ------------------------------------------------------------------------------------------------------------- Nadam

cdef void _nadam(real* p, const real* g, real* m, real* v, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real>s.decay
    cdef real w1 = <real>(1 - s.c0)
    cdef real w2 = <real>(1 - s.c1)
    cdef real eps = <real>s.c2
    cdef real of_mean = <real>s.c3
    cdef real of_gradient = <real>s.c4
    cdef real correction = <real>s.lr
    cdef real a, b, q
    for i in range(n):
        q = g[i]
        a = m[i] + (q - m[i]) * w1
        b = v[i] + (q * q - v[i]) * w2
        m[i] = a
        v[i] = b
        p[i] = p[i] - p[i] * decay - (a * of_mean + q * of_gradient) / (sqrt_(b * correction) + eps)


def nadam_step(Run run, Tensor m, Tensor v, double lr, double beta_1, double beta_2, double epsilon, double u, double u_next,
               double u_product, double t, double decay):
    """Nadam (Dozat 2015). ``u`` and ``u_next`` are the momenta of this step and the next, ``u_product`` that of all so far.

    p -= lr (u_next m / (1 - u_product u_next) + (1 - u) g / (1 - u_product)) / (sqrt(v / (1 - beta_2^t)) + epsilon).
    """
    cdef Step s
    prepare(&s, run, 1 / (1 - beta_2 ** t), decay, m, v, None)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    s.c3 = lr * u_next / (1 - u_product * u_next)
    s.c4 = lr * (1 - u) / (1 - u_product)
    apply_rule(&s, run, _nadam[float], _nadam[double], 0.5)


# -------------------------------------------------------------------------------------------------------------- Lion

cdef void _lion(real* p, const real* g, real* m, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real b1 = <real>s.c0
    cdef real w1 = <real>(1 - s.c0)
    cdef real b2 = <real>s.c1
    cdef real w2 = <real>(1 - s.c1)
    cdef real q, c
    for i in range(n):
        q = g[i]
        c = m[i] * b1 + q * w1
        m[i] = m[i] * b2 + q * w2
        c = <real>1 if c > 0 else (<real>-1 if c < 0 else c)        # 0 and NaN stay
        p[i] = p[i] - p[i] * decay - lr * c


def lion_step(Run run, Tensor m, double lr, double beta_1, double beta_2, double decay):
    """Lion (Chen et al. 2023): p -= lr sign(beta_1 m + (1 - beta_1) g), then m = beta_2 m + (1 - beta_2) g."""
    cdef Step s
    prepare(&s, run, lr, decay, m, None, None)
    s.c0 = beta_1
    s.c1 = beta_2
    apply_rule(&s, run, _lion[float], _lion[double], 0.25)


# ------------------------------------------------------------------------------------------------ Schedule-Free AdamW

cdef void _schedule_free(real* y, const real* g, real* z, real* v, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real b1 = <real>s.c0
    cdef real rest = <real>(1 - s.c0)
    cdef real w2 = <real>(1 - s.c1)
    cdef real eps = <real>s.c2
    cdef real correction = <real>s.c3
    cdef real weight = <real>s.c4
    cdef real kept = <real>(1 - s.c4)
    cdef real b, q, x, old
    for i in range(n):
        q = g[i]
        b = v[i] + (q * q - v[i]) * w2
        v[i] = b
        old = z[i]
        q = old - lr * q / (sqrt_(b * correction) + eps)
        z[i] = q
        x = (y[i] - y[i] * decay - rest * old) / b1
        x = kept * x + weight * q
        y[i] = rest * q + b1 * x


def schedule_free_step(Run run, Tensor z, Tensor v, double lr, double beta_1, double beta_2, double epsilon, double t, double decay):
    """Schedule-Free AdamW (Defazio et al. 2024): Adam without momentum moves z, x is the mean of all z so far.

    The parameters are y = (1 - beta_1) z + beta_1 x; x is found back from y and z.
    """
    cdef Step s
    prepare(&s, run, lr, decay, z, v, None)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    s.c3 = 1 / (1 - beta_2 ** t)
    s.c4 = 1 / t
    apply_rule(&s, run, _schedule_free[float], _schedule_free[double], 0.6)
