"""Losses of whole rows that are neither a mean over pairs of numbers nor a plain cross-entropy."""

cimport cython

from dlcore._kernels.loss_base cimport CHUNK, DL_EPS, Ctx, _Loss, finish_row, row_factor
from dlcore._kernels.loss_math cimport log_sums, row_sum
from dlcore._kernels.pointwise_math cimport above, at_least, clip
from dlcore._kernels.simd cimport vdot, vmax, vsumsq
from dlcore._kernels.tape cimport apply, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, describe, tensor, tensor_as
from dlcore._kernels.types cimport kernel_void, real
from dlcore._kernels.vmath cimport exp_, log_, pow_, sqrt_

import numpy as np

__all__ = []

cdef enum Kind:
    COSINE
    CATEGORICAL_HINGE
    FOCAL               # of probabilities
    FOCAL_LOGITS


# ------------------------------------------------------------------------------------------------- cosine similarity

# 1 / |x| from |x|^2, at most 1 / EPS
cdef inline double inverse_norm(double squares) noexcept nogil:
    return 1 / max(sqrt_(squares), <double>DL_EPS)


cdef kernel_void cosine(const real* t, const real* p, Py_ssize_t k, double* loss) noexcept nogil:
    loss[0] = -vdot[real](t, p, k) * inverse_norm(vsumsq[real](t, k)) * inverse_norm(vsumsq[real](p, k))


# dp = -c / (|t| |p|) (t - p (t p) / |p|^2), the second term only while |p| is not replaced by EPS; dt is the same with t
# and p exchanged.
cdef kernel_void cosine_bwd(const real* t, const real* p, real* dp, Py_ssize_t k, double c, bint accumulate) noexcept nogil:
    cdef double square = vsumsq[real](p, k)
    cdef double n = inverse_norm(square)
    cdef real a, b
    cdef Py_ssize_t j
    c *= -n * inverse_norm(vsumsq[real](t, k))
    a = <real>c
    b = <real>(c * vdot[real](t, p, k) * n * n) if square > DL_EPS * DL_EPS else 0
    if accumulate:
        for j in range(k):
            dp[j] += a * t[j] - b * p[j]
    else:
        for j in range(k):
            dp[j] = a * t[j] - b * p[j]


# ------------------------------------------------------------------------------------------------- categorical hinge

# max_j (1 - t_j) p_j, chunk by chunk
cdef inline real best_wrong(const real* t, const real* p, Py_ssize_t k) noexcept nogil:
    cdef real e[CHUNK]
    cdef Py_ssize_t j, n, at = 0
    cdef real top = 0, v
    while at < k:
        n = min(<Py_ssize_t>CHUNK, k - at)
        for j in range(n):
            e[j] = (<real>1 - t[at + j]) * p[at + j]
        v = vmax[real](e, n)
        top = v if at == 0 or v > top or v != v else top
        at += n
    return top


cdef kernel_void categorical_hinge_row(const real* t, const real* p, Py_ssize_t k, double* loss) noexcept nogil:
    loss[0] = at_least[double](best_wrong[real](t, p, k) - vdot[real](t, p, k) + 1, 0.0)


# Classes that share the maximum share its gradient.
cdef kernel_void categorical_hinge_bwd(const real* t, const real* p, real* d, Py_ssize_t k, double f, bint into_true, bint accumulate) noexcept nogil:
    cdef real top = best_wrong[real](t, p, k)
    cdef real c = <real>(f * above[double](top - vdot[real](t, p, k) + 1, 0.0))
    cdef real share, v, w
    cdef Py_ssize_t j
    cdef int times = 0
    for j in range(k):
        times += (<real>1 - t[j]) * p[j] == top
    if times == 0:                                  # top is NaN
        c = top
    share = c / times
    for j in range(k):
        w = <real>1 - t[j]
        v = share if w * p[j] == top else 0
        v = -(v + c) * p[j] if into_true else v * w - c * t[j]
        d[j] = d[j] + v if accumulate else v


# ----------------------------------------------------------------------------------------------- focal cross-entropy

# The power of 1 - q_j is a square for gamma = 2, which vectorises.
cdef inline real focus(real miss, real gamma) noexcept nogil:
    return pow_(miss, gamma)


cdef inline real focus_2(real miss, real gamma) noexcept nogil:
    return miss * miss


# its slope
cdef inline real focus_p(real miss, real gamma) noexcept nogil:
    return 0 if gamma == 0 else gamma * pow_(miss, gamma - <real>1)


cdef inline real focus_2_p(real miss, real gamma) noexcept nogil:
    return <real>2 * miss


# y_j = t_j (1 - q_j)^gamma log(q_j) with t = t a + b and q clipped
cdef inline void focal(real (*f)(real, real) noexcept nogil, const real* t, const real* q, real* y, Py_ssize_t n, real a, real b, real gamma) noexcept nogil:
    cdef Py_ssize_t j
    cdef real s
    for j in range(n):
        s = clip(q[j])
        y[j] = (t[j] * a + b) * f(<real>1 - s, gamma) * log_(s)


# y_j = the slope in q_j, with the sign of the loss
cdef inline void focal_q(real (*f)(real, real) noexcept nogil, real (*slope)(real, real) noexcept nogil, const real* t, const real* q, real* y,
                         Py_ssize_t n, real a, real b, real gamma) noexcept nogil:
    cdef Py_ssize_t j
    cdef real s, v
    for j in range(n):
        s = clip(q[j])
        v = (t[j] * a + b) * (slope(<real>1 - s, gamma) * log_(s) - f(<real>1 - s, gamma) / s)
        y[j] = v if s == q[j] else 0


# Probabilities of n classes from logits x, or from what is to be divided by its sum
cdef inline void probabilities(const real* x, real* q, Py_ssize_t n, bint logits, real m, real s, real total) noexcept nogil:
    cdef Py_ssize_t j
    if logits:
        for j in range(n):
            q[j] = exp_((x[j] - m) - s)
    else:
        for j in range(n):
            q[j] = x[j] / total


cdef kernel_void focal_row(Ctx* c, const real* t, const real* p, real m, real s, double* loss) noexcept nogil:
    cdef real q[CHUNK]
    cdef Py_ssize_t j, n, at = 0, k = c.k
    cdef bint logits = c.kind == FOCAL_LOGITS
    cdef const real* alpha = <const real*>c.alpha
    cdef real total = 1 if logits else row_sum[real](p, k)
    cdef real a = <real>c.par.a, b = <real>c.par.b, gamma = <real>c.par.c
    loss[0] = 0
    while at < k:
        n = min(<Py_ssize_t>CHUNK, k - at)
        probabilities[real](p + at, q, n, logits, m, s, total)
        if gamma == 2:
            focal[real](focus_2[real], t + at, q, q, n, a, b, gamma)
        else:
            focal[real](focus[real], t + at, q, q, n, a, b, gamma)
        if alpha != NULL:
            for j in range(n):
                q[j] *= alpha[at + j]
        loss[0] -= row_sum[real](q, n)
        at += n


# With g_j = dL/dq_j: dp_j = c (g_j - sum_i g_i q_i) / sum(p); from logits dx_j = c q_j (g_j - sum_i g_i q_i)
cdef kernel_void focal_row_bwd(Ctx* c, const real* t, const real* p, real m, real s, real* d, double factor) noexcept nogil:
    cdef real q[CHUNK]
    cdef real g[CHUNK]
    cdef Py_ssize_t j, n, at = 0, k = c.k
    cdef bint logits = c.kind == FOCAL_LOGITS
    cdef const real* alpha = <const real*>c.alpha
    cdef real total = 1 if logits else row_sum[real](p, k)
    cdef real a = <real>c.par.a, b = <real>c.par.b, gamma = <real>c.par.c
    cdef real v, mean, f
    cdef double together = 0
    cdef int turn
    for turn in range(2):
        mean = <real>together
        f = <real>(factor / total)
        at = 0
        while at < k:
            n = min(<Py_ssize_t>CHUNK, k - at)
            if turn == 0 or k > CHUNK:                # a short row is still there at the second turn
                probabilities[real](p + at, q, n, logits, m, s, total)
                if gamma == 2:
                    focal_q[real](focus_2[real], focus_2_p[real], t + at, q, g, n, a, b, gamma)
                else:
                    focal_q[real](focus[real], focus_p[real], t + at, q, g, n, a, b, gamma)
                if alpha != NULL:
                    for j in range(n):
                        g[j] *= alpha[at + j]
            if turn == 0:
                together += vdot[real](g, q, n)
            else:
                for j in range(n):
                    v = f * (g[j] - mean) * (q[j] if logits else <real>1)
                    d[at + j] = d[at + j] + v if c.accumulate else v
            at += n


# ---------------------------------------------------------------------------------------------------- blocks of rows

cdef inline void rows(Ctx* c, const real* t, const real* p, real* m, real* s, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, k = c.k
    cdef Py_ssize_t number = begin // c.block
    cdef double loss, total = 0
    cdef real largest, rest
    for i in range(begin, end):
        if c.kind == COSINE:
            cosine[real](t + i * k, p + i * k, k, &loss)
        elif c.kind == CATEGORICAL_HINGE:
            categorical_hinge_row[real](t + i * k, p + i * k, k, &loss)
        else:
            largest = rest = 0
            if c.kind == FOCAL_LOGITS:
                log_sums[real](p + i * k, &largest, &rest, k, 1)
                if m != NULL:
                    m[i] = largest
                    s[i] = rest
            focal_row[real](c, t + i * k, p + i * k, largest, rest, &loss)
        finish_row(c, i, loss * c.scale, &total)
    if not c.none:
        c.partial[number] = total


cdef inline void rows_bwd(Ctx* c, const real* t, const real* p, const real* m, const real* s, real* d, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, at, k = c.k
    cdef double f
    for i in range(begin, end):
        f = row_factor(c, i)
        at = i * k
        if c.kind == COSINE and c.into_true:
            cosine_bwd[real](p + at, t + at, d + at, k, f, c.accumulate)
        elif c.kind == COSINE:
            cosine_bwd[real](t + at, p + at, d + at, k, f, c.accumulate)
        elif c.kind == CATEGORICAL_HINGE:
            categorical_hinge_bwd[real](t + at, p + at, d + at, k, f, c.into_true, c.accumulate)
        else:
            focal_row_bwd[real](c, t + at, p + at, 0 if m == NULL else m[i], 0 if m == NULL else s[i], d + at, f)


cdef void _forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        rows[double](c, <double*>c.t, <double*>c.p, <double*>c.m, <double*>c.s, begin, end)
    else:
        rows[float](c, <float*>c.t, <float*>c.p, <float*>c.m, <float*>c.s, begin, end)


cdef void _backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        rows_bwd[double](c, <double*>c.t, <double*>c.p, <double*>c.m, <double*>c.s, <double*>c.d, begin, end)
    else:
        rows_bwd[float](c, <float*>c.t, <float*>c.p, <float*>c.m, <float*>c.s, <float*>c.d, begin, end)


@cython.no_gc
cdef class RowLoss(_Loss):
    """A function of the numbers of a row, true and predicted; `kind` says which."""

    cdef object factors             # of the classes of a focal loss: an array, or None
    cdef double label_smoothing

    cdef int infer(self) except -1:
        self.line_up(True)
        self.split()
        if self.kind == COSINE:
            self.expect_vectors_of_true()
            self.broadcast_true()
        else:
            self.expect_classes()
            if self.kind == CATEGORICAL_HINGE:
                self.broadcast_true()
            elif not self.fits(<Tensor>self.inputs[0]):
                self.complain_of_shapes(". Labels are one-hot")
        if self.kind >= FOCAL:
            self.refuse_gradient_of_labels()
            self.par.a = 1 - self.label_smoothing
            self.par.b = self.label_smoothing / max(<Py_ssize_t>1, self.dims[self.ndim - 1])
        self.expect_dtype_of_true()
        if self.factors is not None:
            self.take_factors(self.factors)
        return self.declare_result()

    cdef int expect_vectors_of_true(self) except -1:
        """y_true may have fewer vectors than y_pred, to be repeated, but not shorter ones."""
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef int back = 1 if self.order is None else self.ndim - <int>self.order[self.ndim - 1]       # the axis, from the end
        if not self.fits(t) and (t.ndim < back or t.dims[t.ndim - back] != self.k and self.k != UNKNOWN and t.dims[t.ndim - back] != UNKNOWN):
            self.complain_of_shapes(f", with vectors of one length along axis {self.axis}")
        return 0

    cdef int take_factors(self, object factors) except -1:
        array = np.asarray(factors, dtype=np.float64)
        if array.ndim == 0:
            self.unit = float(array)
        elif self.order is None and array.shape == (self.k,):
            self.alpha = tensor_as(array, self.dtype)
        else:
            raise ValueError(f"{self.name}: alpha must be a number, or hold one for each class of the last axis of y_pred; "
                             f"received alpha of shape {array.shape} and y_pred, {describe(self.inputs[1])}, with axis={self.axis}")
        return 0

    cdef int forward(self) except -1:
        self.take_inputs()
        if self.kind == FOCAL_LOGITS:
            self.keep()
        return self.run_forward(_forward)

    cdef int backward(self) except -1:
        if wanted(self, 1):
            self.run_backward(_backward, 1, 1)
        if wanted(self, 0):
            self.run_backward(_backward, 0, 1)
        return 0


# ------------------------------------------------------------------------------------------------- the entry functions

def cosine_similarity(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", axis=-1):
    """The negative cosine of the angle between two vectors, weighted and reduced.

    -sum_j t_j p_j / (max(|t|, 1e-7) max(|p|, 1e-7)).

    Args:
        y_true: Targets t, (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions p, (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (divides by the number of rows), ``"sum"``,
            ``"mean_with_sample_weight"`` (divides by the sum of the weights), or ``"none"`` or None for one value per row.
        axis: Axis of the vectors.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.row_loss import cosine_similarity
        >>> float(cosine_similarity([[3.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]))
        -0.5
    """
    cdef RowLoss op = RowLoss.__new__(RowLoss)
    op.start("cosine_similarity", sample_weight, reduction, axis, 0.4)
    op.kind = COSINE
    return apply(op, (tensor(y_true), tensor(y_pred)))


def categorical_hinge(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """By how much the best wrong class comes within 1 of the right one, weighted and reduced.

    max(max_j (1 - t_j) p_j - sum_j t_j p_j + 1, 0). Arguments as in `cosine_similarity`.
    """
    cdef RowLoss op = RowLoss.__new__(RowLoss)
    op.start("categorical_hinge", sample_weight, reduction, -1, 1.0)
    op.kind = CATEGORICAL_HINGE
    return apply(op, (tensor(y_true), tensor(y_pred)))


def categorical_focal_crossentropy(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", alpha=0.25, double gamma=2.0,
                                   bint from_logits=False, double label_smoothing=0.0, axis=-1):
    """Cross-entropy of classes in which answers that are right already count little, weighted and reduced.

    -sum_j alpha_j t_j (1 - q_j)^gamma log(q_j), t = y_true (1 - s) + s / k with smoothing s.

    Args:
        y_true: One-hot labels or probabilities, (..., k).
        y_pred: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        sample_weight, reduction: As in `cosine_similarity`.
        alpha: A number, or one for each class.
        gamma: Exponent of the focus.
        from_logits: Whether y_pred holds logits.
        label_smoothing: How far to move the labels towards 1 / k, in [0, 1].
        axis: Axis of the classes j.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.
    """
    cdef RowLoss op = RowLoss.__new__(RowLoss)
    op.start("categorical_focal_crossentropy", sample_weight, reduction, axis, 2.0 if gamma == 2 else 20.0)
    op.kind = FOCAL_LOGITS if from_logits else FOCAL
    op.par.c = gamma
    op.factors = alpha
    op.label_smoothing = label_smoothing
    return apply(op, (tensor(y_true), tensor(y_pred)))
