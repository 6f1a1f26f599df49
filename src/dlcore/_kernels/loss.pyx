"""Losses: value of each sample, sample weights and reduction in one pass.

A loss sees its predictions as `rows` samples of `k` numbers. Without reduction the result is one number per row; with it
the rows are summed in double, block by block, and the block sums in order.

Gradients go to y_pred, and for the squared and the absolute error also to y_true. Weights have no gradient.
"""

cimport cython
from cpython.long cimport PyLong_CheckExact
from libc.math cimport floor
from libc.stdint cimport int32_t, int64_t, uint8_t

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.loss_math cimport (
    ABSOLUTE_ERROR, BINARY, BINARY_LOGITS, SQUARED_ERROR, Ctx, classes, classes_bwd, pointwise, pointwise_bwd,
)
from dlcore._kernels.parallel cimport block_fn, launch
from dlcore._kernels.simd cimport vsum
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport (
    MAX_NDIM, UNKNOWN, Tensor, cast_copy, describe, empty, tensor, tensor_as, to_numpy,
)
from dlcore._kernels.types cimport BOOL, F16, F32, F64, I32, I64, U8

import numpy as np

__all__ = ["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]     # those of keras.ops

cdef enum:
    BLOCK = 16384               # elements a block, at least one row
    STACK_BLOCKS = 64           # partial sums of that many blocks lie on the stack

cdef enum Reduction:
    MEAN                        # over all rows, those of weight zero included
    SUM
    WEIGHTED_MEAN               # divided by the sum of the weights
    NONE

_REDUCTIONS = {
    "sum_over_batch_size": MEAN, "mean": MEAN, "sum": SUM, "mean_with_sample_weight": WEIGHTED_MEAN, "none": NONE, None: NONE,
}


# -------------------------------------------------------------------------------------------------- the launch bodies

cdef void _pointwise_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        pointwise[double](c, <double*>c.t, <double*>c.p, <double*>c.w, <double*>c.out, begin, end)
    else:
        pointwise[float](c, <float*>c.t, <float*>c.p, <float*>c.w, <float*>c.out, begin, end)


cdef void _pointwise_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        pointwise_bwd[double](c, <double*>c.t, <double*>c.p, <double*>c.d, begin, end)
    else:
        pointwise_bwd[float](c, <float*>c.t, <float*>c.p, <float*>c.d, begin, end)


cdef void _classes_forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        classes[double](c, <double*>c.t, <double*>c.p, <double*>c.m, <double*>c.s, begin, end)
    else:
        classes[float](c, <float*>c.t, <float*>c.p, <float*>c.m, <float*>c.s, begin, end)


cdef void _classes_backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        classes_bwd[double](c, <double*>c.t, <double*>c.p, <double*>c.m, <double*>c.s, <double*>c.d, begin, end)
    else:
        classes_bwd[float](c, <float*>c.t, <float*>c.p, <float*>c.m, <float*>c.s, <float*>c.d, begin, end)


# --------------------------------------------------------------------------------------------------------- preparation

@cython.no_gc
cdef class _Loss(Op):
    """What the losses share: alignment of shapes, weights, reduction, launching. Inputs are y_true and y_pred."""

    cdef str name
    cdef int kind, reduction
    cdef bint logits
    cdef object axis
    cdef object sample_weight
    cdef double a, b                # labels are smoothed to t a + b
    cdef double cost                # ns per element
    cdef int dtype                  # of the computation and of the result
    cdef int ndim                   # y_pred, lined up with y_true
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int value_ndim             # the values before reduction: the same without the axis
    cdef Py_ssize_t value_dims[MAX_NDIM]
    cdef tuple order                # of the axes if `axis` is not the last, else None
    cdef Py_ssize_t rows, k
    cdef Py_ssize_t counted         # rows that are not ignored
    cdef Tensor t, p                # as the kernels see them
    cdef Tensor weight              # (rows), or None
    cdef Tensor labels              # (rows), or None
    cdef Tensor kept                # maxima and sums of the rows, (2, rows), or None
    cdef double unit                # factor of a value
    cdef double scale               # factor of the reduced loss

    cdef int line_up(self, bint squeeze) except -1:
        """Effective shape of y_pred: y_true and y_pred may differ by a last axis of length 1."""
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef Tensor p = <Tensor>self.inputs[1]
        cdef int i
        self.dtype = p.dtype if p.dtype >= F32 else F32
        if p.dtype == F16 and wanted(self, 1):
            raise TypeError(f"{self.name}: gradients are computed in float32 or float64; cast y_pred to float32 first; received {describe(p)}")
        self.ndim = p.ndim
        for i in range(p.ndim):
            self.dims[i] = p.dims[i]
        if squeeze and p.ndim == t.ndim + 1 and t.ndim > 1 and p.dims[p.ndim - 1] == 1:
            self.ndim -= 1
        elif squeeze and p.ndim == 1 and t.ndim == 2 and t.dims[1] == 1:
            self.dims[1] = 1
            self.ndim = 2
        return 0

    cdef int split(self) except -1:
        """Splits the effective shape into rows and the axis that the loss is computed along."""
        cdef int i, axis = self.ndim - 1
        if self.ndim == 0:
            raise ValueError(f"{self.name}: y_pred must have at least one axis; received {describe(self.inputs[1])}")
        if not PyLong_CheckExact(self.axis) or self.axis != -1:
            if isinstance(self.axis, bool) or not isinstance(self.axis, (int, np.integer)) or not -self.ndim <= self.axis < self.ndim:
                raise ValueError(
                    f"{self.name}: axis must be an integer with {-self.ndim} <= axis < {self.ndim} for y_pred, {describe(self.inputs[1])}; "
                    f"received axis={self.axis!r}"
                )
            axis = (<int>self.axis + self.ndim) % self.ndim
            if axis != self.ndim - 1:
                self.order = tuple([i for i in range(self.ndim) if i != axis] + [axis])
        self.k = self.dims[axis]
        self.rows = 1
        self.value_ndim = 0
        for i in range(self.ndim):
            if i != axis:
                self.value_dims[self.value_ndim] = self.dims[i]
                self.value_ndim += 1
                self.rows *= self.dims[i]
        return 0

    cdef bint fits(self, Tensor t) noexcept:
        """Whether y_true has the effective shape, up to a last axis of length 1."""
        cdef int i, ndim = t.ndim
        if ndim == self.ndim + 1 and t.dims[ndim - 1] == 1:
            ndim -= 1
        elif ndim == 1 and self.ndim == 2 and self.dims[1] == 1:
            return t.dims[0] == self.dims[0] or t.dims[0] == UNKNOWN or self.dims[0] == UNKNOWN
        if ndim != self.ndim:
            return False
        for i in range(ndim):
            if t.dims[i] != self.dims[i] and t.dims[i] != UNKNOWN and self.dims[i] != UNKNOWN:
                return False
        return True

    cdef int declare_result(self) except -1:
        if self.reduction == NONE:
            self.declare(self.dtype, self.value_ndim, self.value_dims)
        else:
            self.declare(self.dtype, 0, NULL)
        if self.out.symbolic:
            return 0
        self.counted = self.rows
        if self.sample_weight is not None:
            self.align_weight(tensor_as(self.sample_weight, self.dtype))
        return 0

    cdef int align_weight(self, Tensor w) except -1:
        cdef int i, ndim = w.ndim
        # The divisor counts the weights as they were given, before they are repeated.
        if self.reduction == WEIGHTED_MEAN:
            self.scale = vsum[double](<double*>w.data, w.size) if w.dtype == F64 else vsum[float](<float*>w.data, w.size)
        # (n, 1) stands for (n), and the other way round
        if ndim == self.value_ndim + 1 and w.dims[ndim - 1] == 1:
            ndim -= 1
        elif ndim == self.value_ndim - 1 and self.value_dims[ndim] == 1:
            w = to_tensor(to_numpy(w)[..., None])
            ndim += 1
        if ndim == self.value_ndim:
            for i in range(ndim):
                if w.dims[i] != self.value_dims[i]:
                    break
            else:
                self.weight = w
                return 0
        shape = tuple([self.value_dims[i] for i in range(self.value_ndim)])
        array = to_numpy(w)
        if ndim < w.ndim:
            array = array[..., 0]
        try:
            self.weight = to_tensor(np.broadcast_to(array, shape))
        except ValueError:
            hint = ""
            if 0 < array.ndim < len(shape) and array.shape == shape[:array.ndim]:
                hint = f". For the same weight along the later axes reshape it to {array.shape + (1,) * (len(shape) - array.ndim)}"
            raise ValueError(f"{self.name}: sample_weight must fit the loss values, which have shape {shape}; received {describe(w)}{hint}") from None
        return 0

    cdef Tensor axis_last(self, Tensor x):
        return x if self.order is None else to_tensor(to_numpy(x).transpose(self.order))

    cdef void context(self, Ctx* c) noexcept:
        c.f64 = self.dtype == F64
        c.kind = self.kind
        c.logits = self.logits
        c.none = self.reduction == NONE
        c.k = self.k
        c.block = max(<Py_ssize_t>1, BLOCK // max(<Py_ssize_t>1, self.k))
        c.t = NULL if self.t is None else self.t.data
        c.p = self.p.data
        c.w = NULL if self.weight is None else self.weight.data
        c.labels = NULL if self.labels is None else <int64_t*>self.labels.data
        c.m = NULL if self.kept is None else self.kept.data
        c.s = NULL if self.kept is None else self.kept.data + self.rows * (8 if c.f64 else 4)
        c.a = self.a
        c.b = self.b
        c.scale = self.unit

    cdef int run_forward(self, block_fn body) except -1:
        cdef double room[STACK_BLOCKS]
        cdef double total = 0
        cdef Py_ssize_t i, blocks
        cdef Tensor partial
        cdef Ctx c
        self.context(&c)
        c.out = self.out.data
        if self.reduction == NONE:
            launch(body, &c, self.rows, c.block, self.rows * self.k * self.cost)
            return 0
        if self.reduction == MEAN:
            self.scale = self.counted
        elif self.reduction == SUM:
            self.scale = 1
        elif self.sample_weight is None:
            self.scale = self.counted
        self.scale = 1 / self.scale if self.scale != 0 else 0
        c.scale *= self.scale
        blocks = (self.rows + c.block - 1) // c.block
        c.partial = room
        if blocks > STACK_BLOCKS:
            partial = empty(F64, 1, &blocks)
            c.partial = <double*>partial.data
        launch(body, &c, self.rows, c.block, self.rows * self.k * self.cost)
        for i in range(blocks):
            total += c.partial[i]
        if self.dtype == F64:
            (<double*>self.out.data)[0] = total
        else:
            (<float*>self.out.data)[0] = <float>total
        return 0

    cdef int run_backward(self, block_fn body, int i, double sign) except -1:
        cdef Tensor g = self.out.grad
        cdef Tensor whole, d
        cdef Ctx c
        self.context(&c)
        d = whole = self.grad_in(i, &c.accumulate)
        if self.order is not None:
            d = to_tensor(to_numpy(whole).transpose(self.order))
        c.d = d.data
        c.g = g.data
        c.scale *= sign
        if self.reduction != NONE:
            c.scale *= self.scale * ((<double*>g.data)[0] if c.f64 else (<float*>g.data)[0])
        launch(body, &c, self.rows, c.block, self.rows * self.k * self.cost)
        if self.order is not None:
            np.copyto(to_numpy(whole).transpose(self.order), to_numpy(d))
        return 0

    cdef int refuse_gradient_of_labels(self) except -1:
        if wanted(self, 0):
            raise ValueError(
                f"{self.name}: y_true depends on variables that are being trained, and this loss has no gradient for it. "
                "Pass dlcore.ops.stop_gradient(y_true)"
            )
        return 0


cdef Tensor to_tensor(object array):
    return tensor(np.array(array, order="C"))


@cython.no_gc
cdef class PointwiseLoss(_Loss):
    """Mean over k of f(y_true, y_pred), element by element; `kind` says which f."""

    cdef bint each                  # a value for each element instead: what keras.ops calls binary_crossentropy

    cdef int infer(self) except -1:
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef int i
        self.line_up(not self.each)
        if self.each:
            self.rows = (<Tensor>self.inputs[1]).size
            self.k = 1
            self.value_ndim = self.ndim
            for i in range(self.ndim):
                self.value_dims[i] = self.dims[i]
        else:
            self.split()
        if self.kind > ABSOLUTE_ERROR:
            self.refuse_gradient_of_labels()
        if not self.fits(t) or self.each and t.ndim != self.ndim:
            self.broadcast(t)
        elif wanted(self, 0) and t.dtype != self.dtype:
            raise ValueError(f"{self.name}: for its gradient y_true must have the dtype of y_pred; received {describe(t)} and {describe(self.inputs[1])}")
        self.unit = 1.0 / self.k if self.k else 0
        return self.declare_result()

    cdef int broadcast(self, Tensor t) except -1:
        shape = tuple([None if self.dims[i] == UNKNOWN else self.dims[i] for i in range(self.ndim)])
        if self.kind <= ABSOLUTE_ERROR and not t.symbolic and None not in shape and not wanted(self, 0):
            try:
                self.t = to_tensor(np.broadcast_to(to_numpy(t), shape))
                return 0
            except ValueError:
                pass
        raise ValueError(f"{self.name}: y_true and y_pred must have the same shape; received y_true, {describe(t)}, and y_pred, {describe(self.inputs[1])}")

    cdef int forward(self) except -1:
        self.t = self.axis_last(as_real(<Tensor>self.inputs[0] if self.t is None else self.t, self.dtype))
        self.p = self.axis_last(as_real(<Tensor>self.inputs[1], self.dtype))
        return self.run_forward(_pointwise_forward)

    cdef int backward(self) except -1:
        # The slopes of both errors with respect to y_true are those with respect to y_pred, with the other sign.
        if wanted(self, 1):
            self.run_backward(_pointwise_backward, 1, 1)
        if wanted(self, 0):
            self.run_backward(_pointwise_backward, 0, -1)
        return 0


@cython.no_gc
cdef class CategoricalCrossentropy(_Loss):
    """-sum_j t_j log(q_j) over the classes j, with probabilities t and predicted probabilities q or their logits."""

    cdef double label_smoothing

    cdef int infer(self) except -1:
        cdef Tensor t = <Tensor>self.inputs[0]
        self.line_up(True)
        self.split()
        self.refuse_gradient_of_labels()
        if not self.fits(t):
            raise ValueError(f"{self.name}: y_true and y_pred must have the same shape; received y_true, {describe(t)}, and "
                             f"y_pred, {describe(self.inputs[1])}. Class numbers go with sparse_categorical_crossentropy")
        self.a = 1 - self.label_smoothing
        self.b = self.label_smoothing / max(<Py_ssize_t>1, self.dims[self.ndim - 1])
        self.unit = 1
        return self.declare_result()

    cdef int forward(self) except -1:
        cdef Py_ssize_t n = 2 * self.rows
        self.t = self.axis_last(as_real(<Tensor>self.inputs[0], self.dtype))
        self.p = self.axis_last(as_real(<Tensor>self.inputs[1], self.dtype))
        if self.logits and self.need:
            self.kept = empty(self.dtype, 1, &n)
        return self.run_forward(_classes_forward)

    cdef int backward(self) except -1:
        return self.run_backward(_classes_backward, 1, 1)


@cython.no_gc
cdef class SparseCategoricalCrossentropy(_Loss):
    """-log(q_label), with class numbers and predicted probabilities q or their logits."""

    cdef object ignore_class

    cdef int infer(self) except -1:
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef int i
        cdef bint good
        self.line_up(False)
        self.split()
        good = t.ndim == self.value_ndim
        if t.ndim == self.ndim:
            # A class axis of length 1 is left out.
            good = t.dims[self.ndim - 1 if self.order is None else <int>self.order[self.ndim - 1]] == 1
        if good:
            shape = [t.dims[i] for i in range(t.ndim)]
            if t.ndim == self.ndim:
                del shape[self.ndim - 1 if self.order is None else <int>self.order[self.ndim - 1]]
            for i in range(self.value_ndim):
                if shape[i] != self.value_dims[i] and shape[i] != UNKNOWN and self.value_dims[i] != UNKNOWN:
                    good = False
        if not good:
            raise ValueError(
                f"{self.name}: y_true must hold one class number for each sample, of the shape of y_pred without the class axis; "
                f"received y_true, {describe(t)}, and y_pred, {describe(self.inputs[1])}. One-hot labels go with categorical_crossentropy"
            )
        self.unit = 1
        return self.declare_result()

    cdef int forward(self) except -1:
        cdef Py_ssize_t n = 2 * self.rows
        cdef Py_ssize_t i
        self.labels = self.class_numbers(<Tensor>self.inputs[0])
        if self.ignore_class is not None and self.weight is not None and self.reduction == WEIGHTED_MEAN:
            self.scale = 0
            for i in range(self.rows):
                if (<int64_t*>self.labels.data)[i] >= 0:
                    self.scale += (<double*>self.weight.data)[i] if self.dtype == F64 else (<float*>self.weight.data)[i]
        self.p = self.axis_last(as_real(<Tensor>self.inputs[1], self.dtype))
        if self.logits and self.need:
            self.kept = empty(self.dtype, 1, &n)
        return self.run_forward(_classes_forward)

    cdef Tensor class_numbers(self, Tensor t):
        """The labels as int64, -1 for those to be ignored."""
        cdef Tensor labels
        cdef const int64_t* found
        cdef Py_ssize_t i
        cdef int64_t ignored, low = 0, high = -1
        if t.dtype == I64 and self.ignore_class is None:
            labels = t
        else:
            labels = empty(I64, 1, &self.rows)
            self.decode(t, <int64_t*>labels.data)
        found = <const int64_t*>labels.data
        for i in range(self.rows):
            low = min(low, found[i])
            high = max(high, found[i])
        if self.ignore_class is not None:
            ignored = self.ignore_class
            low = 0
            high = -1
            self.counted = 0
            for i in range(self.rows):
                if found[i] == ignored:
                    (<int64_t*>found)[i] = -1
                else:
                    self.counted += 1
                    low = min(low, found[i])
                    high = max(high, found[i])
        if low < 0 or high >= self.k:
            self.complain(t, found)
        return labels

    cdef int decode(self, Tensor t, int64_t* out) except -1:
        cdef Py_ssize_t i
        cdef double v
        if t.dtype == F32 or t.dtype == F64:
            for i in range(self.rows):
                v = (<double*>t.data)[i] if t.dtype == F64 else (<float*>t.data)[i]
                # What is no class number (fractions, NaN, numbers beyond int64) becomes one that is out of range.
                out[i] = <int64_t>v if v == floor(v) and -1e15 < v < 1e15 else -4611686018427387904
        elif t.dtype == I32:
            for i in range(self.rows):
                out[i] = (<int32_t*>t.data)[i]
        elif t.dtype == U8 or t.dtype == BOOL:
            for i in range(self.rows):
                out[i] = (<uint8_t*>t.data)[i]
        elif t.dtype == F16:
            self.decode(cast_copy(t, F32), out)
        else:
            t = cast_copy(t, I64)
            for i in range(self.rows):
                out[i] = (<int64_t*>t.data)[i]
        return 0

    cdef int complain(self, Tensor t, const int64_t* found) except -1:
        cdef Py_ssize_t i = 0
        while 0 <= found[i] < self.k or self.ignore_class is not None and found[i] == -1 and to_numpy(t).flat[i] == self.ignore_class:
            i += 1
        array = to_numpy(t)
        place = tuple([int(j) for j in np.unravel_index(i, array.shape)])
        raise ValueError(
            f"{self.name}: class numbers must be whole and from 0 to {self.k - 1}, because y_pred has {self.k} classes along axis {self.axis}; "
            f"received y_true with the value {array.flat[i]} at {list(place)}"
        )

    cdef int backward(self) except -1:
        return self.run_backward(_classes_backward, 1, 1) if wanted(self, 1) else 0


# ------------------------------------------------------------------------------------------------- the entry functions

cdef int _start(_Loss op, str name, object sample_weight, object reduction, object axis, double cost) except -1:
    op.name = name
    op.sample_weight = sample_weight
    op.axis = axis
    op.cost = cost
    code = _REDUCTIONS.get(reduction)
    if code is None:
        raise ValueError(f"{name}: reduction must be one of {', '.join(map(repr, _REDUCTIONS))}; received reduction={reduction!r}")
    op.reduction = code
    op.a = 1
    op.b = 0
    return 0


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
        >>> from dlcore._kernels.loss import mean_squared_error
        >>> float(mean_squared_error([[0.0], [1.0]], [[1.0], [3.0]]))
        2.5
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    _start(op, "mean_squared_error", sample_weight, reduction, -1, 0.2)
    op.kind = SQUARED_ERROR
    return apply(op, (tensor(y_true), tensor(y_pred)))


def mean_absolute_error(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size"):
    """Absolute error, weighted and reduced.

    L = sum_i w_i mean_j |y_true_ij - y_pred_ij| / n for n rows i. The derivative at 0 is 0.

    Args:
        y_true: Targets, (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: As in `mean_squared_error`.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.loss import mean_absolute_error
        >>> float(mean_absolute_error([[0.0], [1.0]], [[1.0], [3.0]]))
        1.5
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    _start(op, "mean_absolute_error", sample_weight, reduction, -1, 0.2)
    op.kind = ABSOLUTE_ERROR
    return apply(op, (tensor(y_true), tensor(y_pred)))


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
        >>> from dlcore._kernels.loss import binary_crossentropy_loss
        >>> float(binary_crossentropy_loss([[0.0], [1.0]], [[-50.0], [50.0]], from_logits=True)) < 1e-6
        True
    """
    cdef PointwiseLoss op = PointwiseLoss.__new__(PointwiseLoss)
    _start(op, "binary_crossentropy", sample_weight, reduction, axis, 1.0)
    op.kind = BINARY_LOGITS if from_logits else BINARY
    op.a = 1 - label_smoothing
    op.b = label_smoothing / 2
    return apply(op, (tensor(y_true), tensor(y_pred)))


def categorical_crossentropy_loss(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", bint from_logits=False,
                                  double label_smoothing=0.0, axis=-1):
    """Cross-entropy of one choice among k classes, labels as probabilities, weighted and reduced.

    L = sum_i w_i (-sum_j t_ij log(q_ij)) / n, t = y_true (1 - s) + s / k with smoothing s.

    Args:
        y_true: One-hot labels or probabilities, (..., k).
        y_pred: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: As in `mean_squared_error`.
        from_logits: Whether y_pred holds logits.
        label_smoothing: How far to move the labels towards 1 / k, in [0, 1].
        axis: Axis of the classes j.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.loss import categorical_crossentropy_loss
        >>> round(float(categorical_crossentropy_loss([[0.0, 1.0]], [[0.0, 0.0]], from_logits=True)), 4)
        0.6931
    """
    cdef CategoricalCrossentropy op = CategoricalCrossentropy.__new__(CategoricalCrossentropy)
    _start(op, "categorical_crossentropy", sample_weight, reduction, axis, 0.6)
    op.logits = from_logits
    op.label_smoothing = label_smoothing
    return apply(op, (tensor(y_true), tensor(y_pred)))


def sparse_categorical_crossentropy_loss(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", bint from_logits=False,
                                         axis=-1, ignore_class=None):
    """Cross-entropy of one choice among k classes, labels as class numbers, weighted and reduced.

    L = sum_i w_i (-log(q_i,label_i)) / n.

    Args:
        y_true: Class numbers from 0 to k - 1, of any dtype, (...) or (..., 1).
        y_pred: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: As in `mean_squared_error`.
        from_logits: Whether y_pred holds logits.
        axis: Axis of the classes.
        ignore_class: Label of rows that have no loss and are not counted in the mean, or None.

    Returns:
        A scalar tensor, or one of shape (...) without reduction.

    Raises:
        ValueError: If the shapes do not fit, a label is no class number, or the reduction is unknown.

    Example:
        >>> from dlcore._kernels.loss import sparse_categorical_crossentropy_loss
        >>> round(float(sparse_categorical_crossentropy_loss([1], [[0.0, 0.0]], from_logits=True)), 4)
        0.6931
    """
    cdef SparseCategoricalCrossentropy op = SparseCategoricalCrossentropy.__new__(SparseCategoricalCrossentropy)
    _start(op, "sparse_categorical_crossentropy", sample_weight, reduction, axis, 0.4)
    op.logits = from_logits
    op.ignore_class = ignore_class
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
    _start(op, "binary_crossentropy", None, None, -1, 1.0)
    op.kind = BINARY_LOGITS if from_logits else BINARY
    op.each = True
    return apply(op, (tensor(target), tensor(output)))


def categorical_crossentropy(target, output, bint from_logits=False, axis=-1):
    """Cross-entropy of one choice among k classes for every sample, labels as probabilities.

    y = -sum_j t_j log(q_j).

    Args:
        target: One-hot labels or probabilities t, (..., k).
        output: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        from_logits: Whether output holds logits.
        axis: Axis of the classes j.

    Returns:
        A tensor of the shape (...).

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> import dlcore
        >>> dlcore.ops.categorical_crossentropy([0.0, 1.0], [0.5, 0.5]).numpy()
        array(0.6931472, dtype=float32)
    """
    return categorical_crossentropy_loss(target, output, None, None, from_logits, 0.0, axis)


def sparse_categorical_crossentropy(target, output, bint from_logits=False, axis=-1):
    """Cross-entropy of one choice among k classes for every sample, labels as class numbers.

    y = -log(q_label).

    Args:
        target: Class numbers from 0 to k - 1, (...) or (..., 1).
        output: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        from_logits: Whether output holds logits.
        axis: Axis of the classes.

    Returns:
        A tensor of the shape (...).

    Raises:
        ValueError: If the shapes do not fit, or a label is no class number.

    Example:
        >>> import dlcore
        >>> dlcore.ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    return sparse_categorical_crossentropy_loss(target, output, None, None, from_logits, axis)
