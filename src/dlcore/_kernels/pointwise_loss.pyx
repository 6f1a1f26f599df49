"""Losses that are a mean over pairs of numbers, true and predicted: errors of regression, hinges, binary cross-entropy."""

cimport cython

from dlcore._kernels.loss_base cimport CHUNK, Ctx, _Loss
from dlcore._kernels.pointwise_math cimport (
    ABSOLUTE_ERROR, BINARY, BINARY_LOGITS, DIFFERENCES, DIVERGENCE, FOCAL, FOCAL_2, FOCAL_2_LOGITS, FOCAL_LOGITS, HINGE, HUBER, LOG_COSH,
    PERCENTAGE_ERROR, POISSON, SQUARED_ERROR, SQUARED_HINGE, SQUARED_LOG_ERROR, pointwise, pointwise_bwd,
)
from dlcore._kernels.tape cimport apply, wanted
from dlcore._kernels.tensor cimport Tensor, tensor
from dlcore._kernels.types cimport F64, kernel_void, real

__all__ = ["binary_crossentropy"]       # that of keras.ops


cdef void _forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        pointwise[double](c, <double*>c.t, <double*>c.p, <double*>c.w, <double*>c.out, begin, end)
    else:
        pointwise[float](c, <float*>c.t, <float*>c.p, <float*>c.w, <float*>c.out, begin, end)


cdef void _backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        pointwise_bwd[double](c, <double*>c.t, <double*>c.p, <double*>c.d, begin, end)
    else:
        pointwise_bwd[float](c, <float*>c.t, <float*>c.p, <float*>c.d, begin, end)


cdef kernel_void _count_others(const real* t, Py_ssize_t n, int* others) noexcept nogil:
    cdef Py_ssize_t j
    cdef int count = 0
    for j in range(n):
        count += (t[j] != 0) & (t[j] != 1)
    others[0] = count


cdef bint _zeros_and_ones(const real* t, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t at = 0
    cdef int others
    while at < n:
        _count_others[real](t + at, min(<Py_ssize_t>CHUNK, n - at), &others)
        if others:
            return False
        at += CHUNK
    return True


@cython.no_gc
cdef class PointwiseLoss(_Loss):
    """Mean or sum over k of f(y_true, y_pred), element by element; `kind` says which f."""

    cdef bint each                  # a value for each element instead: what keras.ops calls binary_crossentropy
    cdef bint summed                # over a row, instead of the mean

    cdef int infer(self) except -1:
        self.infer_rows()
        if self.kind >= FOCAL:
            self.refuse_gradient_of_labels()
        if self.kind >= BINARY:
            if not self.fits(<Tensor>self.inputs[0]) or self.each and (<Tensor>self.inputs[0]).ndim != self.ndim:
                self.complain_of_shapes("")
        else:
            self.broadcast_true()
        self.expect_dtype_of_true()
        if not self.summed and self.k:
            self.unit /= self.k
        return self.declare_result()

    cdef int infer_rows(self) except -1:
        cdef int i
        self.line_up(not self.each)
        if not self.each:
            return self.split()
        self.rows = (<Tensor>self.inputs[1]).size
        self.k = 1
        self.value_ndim = self.ndim
        for i in range(self.ndim):
            self.value_dims[i] = self.dims[i]
        return 0

    cdef int forward(self) except -1:
        self.take_inputs()
        if self.kind == HINGE or self.kind == SQUARED_HINGE:
            if _zeros_and_ones[double](<double*>self.t.data, self.t.size) if self.dtype == F64 else _zeros_and_ones[float](<float*>self.t.data, self.t.size):
                self.par.a = 2
                self.par.b = -1
        return self.run_forward(_forward)

    cdef int backward(self) except -1:
        if wanted(self, 1):
            self.run_backward(_backward, 1, 1)
        if wanted(self, 0):
            self.run_backward(_backward, 0, -1 if self.kind < DIFFERENCES else 1)
        return 0


# ------------------------------------------------------------------------------------------------- the entry functions

cdef Tensor _mean(int kind, str name, object y_true, object y_pred, object sample_weight, object reduction, double cost):
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start(name, sample_weight, reduction, -1, cost)
    op.kind = kind
    return apply(op, (tensor(y_true), tensor(y_pred)))


def mean_squared_error(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Squared error, weighted and reduced.

    L = sum_i w_i mean_j (y_true_ij - y_pred_ij)^2 / n for n rows i.

    Args:
        y_true: Targets, (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (divides by the number of rows), ``"sum"``,
            ``"mean_with_sample_weight"`` (divides by the sum of the weights), or ``"none"`` or None for one value per row.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.pointwise_loss import mean_squared_error
        >>> float(mean_squared_error([[0.0], [1.0]], [[1.0], [3.0]]))
        2.5
    """
    return _mean(SQUARED_ERROR, "mean_squared_error", y_true, y_pred, sample_weight, reduction, 0.2)


def mean_absolute_error(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Absolute error, weighted and reduced.

    f = |y_true - y_pred|. The derivative at 0 is 0.
    Arguments as in `mean_squared_error`.
    """
    return _mean(ABSOLUTE_ERROR, "mean_absolute_error", y_true, y_pred, sample_weight, reduction, 0.2)


def mean_absolute_percentage_error(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Absolute error in percent of the true value, weighted and reduced.

    f = 100 |y_true - y_pred| / max(|y_true|, 1e-7).
    Arguments as in `mean_squared_error`.
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("mean_absolute_percentage_error", sample_weight, reduction, -1, 0.4)
    op.kind = PERCENTAGE_ERROR
    op.unit = 100
    return apply(op, (tensor(y_true), tensor(y_pred)))


def mean_squared_logarithmic_error(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Squared difference of logarithms, weighted and reduced.

    f = (log(1 + max(y_true, 1e-7)) - log(1 + max(y_pred, 1e-7)))^2.
    Arguments as in `mean_squared_error`.
    """
    return _mean(SQUARED_LOG_ERROR, "mean_squared_logarithmic_error", y_true, y_pred, sample_weight, reduction, 1.0)


def log_cosh(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Logarithm of the hyperbolic cosine of the error, weighted and reduced.

    f = log(cosh(y_pred - y_true)).
    Arguments as in `mean_squared_error`.
    """
    return _mean(LOG_COSH, "log_cosh", y_true, y_pred, sample_weight, reduction, 1.0)


def poisson(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Negative log-likelihood of counts, weighted and reduced.

    f = y_pred - y_true log(y_pred + 1e-7).
    Arguments as in `mean_squared_error`.
    """
    return _mean(POISSON, "poisson", y_true, y_pred, sample_weight, reduction, 0.5)


def kl_divergence(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Divergence of Kullback and Leibler, weighted and reduced.

    The sum over j, not the mean, of y_true log(y_true / y_pred), both clipped to [1e-7, 1].
    Arguments as in `mean_squared_error`.
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("kl_divergence", sample_weight, reduction, -1, 0.6)
    op.kind = DIVERGENCE
    op.summed = True
    return apply(op, (tensor(y_true), tensor(y_pred)))


def huber(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", double delta=1.0):
    """Squared error near 0, absolute error far away, weighted and reduced.

    f = x^2 / 2 where |x| <= delta, else delta |x| - delta^2 / 2, with x = y_pred - y_true.
    Arguments as in `mean_squared_error`.
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("huber", sample_weight, reduction, -1, 0.2)
    op.kind = HUBER
    op.par.c = delta
    return apply(op, (tensor(y_true), tensor(y_pred)))


def hinge(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Hinge loss, weighted and reduced.

    f = max(1 - y_true y_pred, 0). If all labels are 0 or 1 they are used as -1 and 1.
    Arguments as in `mean_squared_error`.
    """
    return _mean(HINGE, "hinge", y_true, y_pred, sample_weight, reduction, 0.3)


def squared_hinge(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """The square of the hinge loss, weighted and reduced; arguments and labels as in `hinge`."""
    return _mean(SQUARED_HINGE, "squared_hinge", y_true, y_pred, sample_weight, reduction, 0.3)


def binary_crossentropy_loss(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", bint from_logits=False, double label_smoothing=0.0, axis=-1):
    """Cross-entropy of independent yes-or-no questions, weighted and reduced.

    L = sum_i w_i mean_j -(t_ij log(q_ij) + (1 - t_ij) log(1 - q_ij)) / n, t = y_true (1 - s) + s / 2 with smoothing s.

    Args:
        y_true: Targets in [0, 1], (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Probabilities q, which are clipped to [1e-7, 1 - 1e-7], or logits x with q = sigmoid(x), (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: As in `mean_squared_error`.
        from_logits: Whether y_pred holds logits.
        label_smoothing: How far to move the labels towards 1/2, in [0, 1].
        axis: Axis of the mean over j.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.pointwise_loss import binary_crossentropy_loss
        >>> float(binary_crossentropy_loss([[0.0], [1.0]], [[-50.0], [50.0]], from_logits=True)) < 1e-6
        True
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("binary_crossentropy", sample_weight, reduction, axis, 1.0)
    op.kind = BINARY_LOGITS if from_logits else BINARY
    op.par.a = 1 - label_smoothing
    op.par.b = label_smoothing / 2
    return apply(op, (tensor(y_true), tensor(y_pred)))


def binary_focal_crossentropy_loss(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", bint apply_class_balancing=False,
                                   double alpha=0.25, double gamma=2.0, bint from_logits=False, double label_smoothing=0.0, axis=-1):
    """Binary cross-entropy in which answers that are right already count little, weighted and reduced.

    f = w (1 - p_t)^gamma (-t log(q) - (1 - t) log(1 - q)), p_t = t q + (1 - t) (1 - q), t = y_true (1 - s) + s / 2
    with smoothing s; w = t alpha + (1 - t) (1 - alpha) with balancing, else 1.

    Args:
        apply_class_balancing: Whether to weight the labels.
        alpha: Weight of label 1; label 0 has 1 - alpha.
        gamma: Exponent of the focus.
        others: As in `binary_crossentropy_loss`.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("binary_focal_crossentropy", sample_weight, reduction, axis, 2.0 if gamma == 2 else 20.0)
    if gamma == 2:
        op.kind = FOCAL_2_LOGITS if from_logits else FOCAL_2
    else:
        op.kind = FOCAL_LOGITS if from_logits else FOCAL
    op.par.a = 1 - label_smoothing
    op.par.b = label_smoothing / 2
    op.par.c = gamma
    if apply_class_balancing:
        op.par.u = 2 * alpha - 1
        op.par.v = 1 - alpha
    return apply(op, (tensor(y_true), tensor(y_pred)))


def binary_crossentropy(target, output, bint from_logits=False):
    """Cross-entropy of independent yes-or-no questions, element by element.

    y = -(t log(q) + (1 - t) log(1 - q)).

    Args:
        target: Targets t in [0, 1], of any shape.
        output: Probabilities q, which are clipped to [1e-7, 1 - 1e-7], or logits x with q = sigmoid(x), of the same shape.
        from_logits: Whether output holds logits.

    Returns:
        A tensor of the shape of output.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.binary_crossentropy([1.0], [0.0], from_logits=True).numpy()
        array([0.6931472], dtype=float32)
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    op.start("binary_crossentropy", None, None, -1, 1.0)
    op.kind = BINARY_LOGITS if from_logits else BINARY
    op.each = True
    return apply(op, (tensor(target), tensor(output)))
