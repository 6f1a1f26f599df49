"""Update rules that divide by sums or means of squared gradients: RMSprop, Adagrad, Adadelta, Ftrl.

Each is one pass over a run. `decay` is learning rate x decoupled weight decay, which shrinks the parameter first.
"""

from dlcore._kernels.arena cimport Run
from dlcore._kernels.optim cimport Step, apply_rule, prepare
from dlcore._kernels.tensor cimport Tensor
from dlcore._kernels.types cimport real
from dlcore._kernels.vmath cimport pow_, sqrt_

__all__ = []            # no ops


# ----------------------------------------------------------------------------------------------------------- RMSprop

cdef inline void _rmsprop(real* p, const real* g, real* v, real* mom, real* mean, Py_ssize_t n, const Step* s) noexcept nogil:
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
        q = lr * q / sqrt_(d + eps)
        if mom != NULL:
            q = momentum * mom[i] + q
            mom[i] = q
        p[i] = p[i] - p[i] * decay - q


cdef void _rmsprop_rule(real* p, const real* g, real* v, real* mom, real* mean, Py_ssize_t n, const Step* s) noexcept nogil:
    if mom == NULL and mean == NULL:                # a NULL that the compiler can see leaves a loop that vectorises
        _rmsprop[real](p, g, v, NULL, NULL, n, s)
    elif mean == NULL:
        _rmsprop[real](p, g, v, mom, NULL, n, s)
    elif mom == NULL:
        _rmsprop[real](p, g, v, NULL, mean, n, s)
    else:
        _rmsprop[real](p, g, v, mom, mean, n, s)


def rmsprop_step(Run run, Tensor velocity, Tensor momentum_slot, Tensor average, double lr, double rho, double momentum,
                 double epsilon, double decay):
    """v = rho v + (1 - rho) g^2; step = lr g / sqrt(v [- mean(g)^2] + epsilon), accumulated if there is momentum."""
    cdef Step s
    prepare(&s, run, lr, decay, velocity, momentum_slot, average)
    s.c0 = rho
    s.c1 = momentum
    s.c2 = epsilon
    apply_rule(&s, run, _rmsprop_rule[float], _rmsprop_rule[double], 0.4)


# ----------------------------------------------------------------------------------------------------------- Adagrad

cdef void _adagrad(real* p, const real* g, real* total, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real eps = <real>s.c0
    cdef real q, a
    for i in range(n):
        q = g[i]
        a = total[i] + q * q
        total[i] = a
        p[i] = p[i] - p[i] * decay - lr * q / sqrt_(a + eps)


def adagrad_step(Run run, Tensor accumulator, double lr, double epsilon, double decay):
    """Adagrad (Duchi et al. 2011): a += g^2; p -= lr g / sqrt(a + epsilon)."""
    cdef Step s
    prepare(&s, run, lr, decay, accumulator, None, None)
    s.c0 = epsilon
    apply_rule(&s, run, _adagrad[float], _adagrad[double], 0.35)


# ---------------------------------------------------------------------------------------------------------- Adadelta

cdef void _adadelta(real* p, const real* g, real* squares, real* moves, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    cdef real rho = <real>s.c0
    cdef real rest = <real>(1 - s.c0)
    cdef real eps = <real>s.c1
    cdef real q, a, d
    for i in range(n):
        q = g[i]
        a = rho * squares[i] + rest * q * q
        squares[i] = a
        d = moves[i]
        q = q * sqrt_((d + eps) / (a + eps))        # one root for the quotient of two
        moves[i] = rho * d + rest * q * q
        p[i] = p[i] - p[i] * decay - lr * q


def adadelta_step(Run run, Tensor squares, Tensor moves, double lr, double rho, double epsilon, double decay):
    """Adadelta (Zeiler 2012): d = g sqrt(mean(d^2) + epsilon) / sqrt(mean(g^2) + epsilon); p -= lr d."""
    cdef Step s
    prepare(&s, run, lr, decay, squares, moves, None)
    s.c0 = rho
    s.c1 = epsilon
    apply_rule(&s, run, _adadelta[float], _adadelta[double], 0.5)


# -------------------------------------------------------------------------------------------------------------- Ftrl

cdef inline void _ftrl(real* p, const real* g, real* total, real* linear, Py_ssize_t n, const Step* s, bint root) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real>s.decay
    cdef real per_lr = <real>(1 / s.lr)
    cdef real power = <real>s.c0
    cdef real l1 = <real>s.c1
    cdef real l2 = <real>s.c2
    cdef real shrinkage = <real>s.c3
    cdef real q, w, a, before, after, z, clipped
    for i in range(n):
        q = g[i]
        w = p[i] - p[i] * decay
        a = total[i] + q * q
        before = sqrt_(total[i]) if root else pow_(total[i], power)
        after = sqrt_(a) if root else pow_(a, power)
        total[i] = a
        z = linear[i] + (q + shrinkage * w - (after - before) * per_lr * w)
        linear[i] = z
        clipped = l1 if z > l1 else z
        clipped = -l1 if clipped < -l1 else clipped
        p[i] = (clipped - z) / (after * per_lr + l2)


cdef void _ftrl_rule(real* p, const real* g, real* total, real* linear, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    if s.flag:
        _ftrl[real](p, g, total, linear, n, s, True)
    else:
        _ftrl[real](p, g, total, linear, n, s, False)


def ftrl_step(Run run, Tensor accumulator, Tensor linear, double lr, double lr_power, double l1, double l2, double l2_shrinkage,
              double beta, double decay):
    """FTRL-Proximal (McMahan et al. 2013) with shrinkage: the parameters follow from the sums that are kept.

    n' = n + g^2;  z += g + 2 l2_shrinkage p - (n'^-lr_power - n^-lr_power) / lr p;
    p = (clip(z, -l1, l1) - z) / (n'^-lr_power / lr + 2 l2 + beta / lr).
    """
    cdef Step s
    prepare(&s, run, lr, decay, accumulator, linear, None)
    s.c0 = -lr_power
    s.c1 = l1
    s.c2 = 2 * (l2 + beta / (2 * lr))
    s.c3 = 2 * l2_shrinkage
    s.flag = lr_power == -0.5
    apply_rule(&s, run, _ftrl_rule[float], _ftrl_rule[double], 0.6 if s.flag else 20.0)
