"""Losses over classes: cross-entropies between labels and predicted probabilities of k classes."""

cimport cython
from libc.math cimport floor
from libc.stdint cimport int32_t, int64_t, uint8_t

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.loss_base cimport WEIGHTED_MEAN, Ctx, _Loss
from dlcore._kernels.loss_math cimport GENERALIZED, classes, classes_bwd
from dlcore._kernels.tape cimport apply, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, cast_copy, describe, empty, tensor, to_numpy
from dlcore._kernels.types cimport BOOL, F16, F32, F64, I32, I64, U8

import numpy as np

__all__ = ["categorical_crossentropy", "sparse_categorical_crossentropy"]     # those of keras.ops


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


@cython.no_gc
cdef class CategoricalCrossentropy(_Loss):
    """-sum_j t_j log(q_j) over the classes j, with probabilities t and predicted probabilities q or their logits."""

    cdef double label_smoothing

    cdef int infer(self) except -1:
        self.line_up(True)
        self.split()
        self.expect_classes()
        if not self.fits(<Tensor>self.inputs[0]):
            self.complain_of_shapes(". Class numbers go with sparse_categorical_crossentropy")
        self.expect_dtype_of_true()
        self.par.a = 1 - self.label_smoothing
        self.par.b = self.label_smoothing / max(<Py_ssize_t>1, self.dims[self.ndim - 1])
        return self.declare_result()

    cdef int forward(self) except -1:
        self.take_inputs()
        if self.logits:
            self.keep()
        return self.run_forward(_classes_forward)

    cdef int backward(self) except -1:
        if wanted(self, 1):
            self.run_backward(_classes_backward, 1, 1)
        if wanted(self, 0):
            self.run_backward(_classes_backward, 0, 1)
        return 0


@cython.no_gc
cdef class SparseCategoricalCrossentropy(_Loss):
    """-log(q_label), with class numbers and predicted probabilities q or their logits; or another function of q_label."""

    cdef object ignore_class

    cdef int infer(self) except -1:
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef int i
        cdef bint good
        self.line_up(False)
        self.split()
        self.expect_classes()
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
        return self.declare_result()

    cdef int forward(self) except -1:
        cdef Py_ssize_t i
        self.labels = self.class_numbers(<Tensor>self.inputs[0])
        if self.ignore_class is not None and self.weight is not None and self.reduction == WEIGHTED_MEAN:
            self.scale = 0
            for i in range(self.rows):
                if (<int64_t*>self.labels.data)[i] >= 0:
                    self.scale += (<double*>self.weight.data)[i] if self.dtype == F64 else (<float*>self.weight.data)[i]
        self.p = self.axis_last(as_real(<Tensor>self.inputs[1], self.dtype))
        if self.logits:
            self.keep()
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

def categorical_crossentropy_loss(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", bint from_logits=False,
                                  double label_smoothing=0.0, axis=-1):
    """Cross-entropy of one choice among k classes, labels as probabilities, weighted and reduced.

    L = sum_i w_i (-sum_j t_ij log(q_ij)) / n, t = y_true (1 - s) + s / k with smoothing s.

    Args:
        y_true: One-hot labels or probabilities, (..., k).
        y_pred: Probabilities, which are divided by their sum and clipped to [1e-7, 1 - 1e-7] to give q, or logits x with
            q = softmax(x), (..., k).
        sample_weight: Weights of the rows, (...) or (..., 1), or what broadcasts to that.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (divides by the number of rows), ``"sum"``,
            ``"mean_with_sample_weight"`` (divides by the sum of the weights), or ``"none"`` or None for one value per row.
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
    op.start("categorical_crossentropy", sample_weight, reduction, axis, 0.6)
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
        reduction: As in `categorical_crossentropy_loss`.
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
    op.start("sparse_categorical_crossentropy", sample_weight, reduction, axis, 0.4)
    op.logits = from_logits
    op.ignore_class = ignore_class
    return apply(op, (tensor(y_true), tensor(y_pred)))


def categorical_generalized_cross_entropy(y_true, y_pred, sample_weight=None, reduction="sum_over_batch_size", double q=0.5):
    """Something between cross-entropy (q = 0) and absolute error (q = 1), for labels that may be wrong; weighted and reduced.

    (1 - p_label^q) / q. Arguments as in `sparse_categorical_crossentropy_loss`; y_pred holds probabilities.
    """
    cdef SparseCategoricalCrossentropy op = SparseCategoricalCrossentropy.__new__(SparseCategoricalCrossentropy)
    op.start("categorical_generalized_cross_entropy", sample_weight, reduction, -1, 0.4)
    op.kind = GENERALIZED
    op.par.c = q
    return apply(op, (tensor(y_true), tensor(y_pred)))


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
