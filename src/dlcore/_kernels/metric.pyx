"""Accumulators of metrics: each adds a batch to two scalars, `total` and `count`, without temporaries.

A metric is a mean of values, one per row, weighted or not; values of several axes are averaged over the later ones
first, as Keras' Mean does. The batch is summed in double, and the sum is added to the float32 state.
"""

from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport vdot, vmax, vsum
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, cast_copy, describe, empty, tensor, tensor_as, to_numpy
from dlcore._kernels.types cimport BOOL, F32, F64, I32, I64, U8, kernel_void, real
from dlcore._kernels.vmath cimport abs_

import numpy as np

__all__ = []            # no ops

cdef enum Kind:
    VALUE               # y_pred itself
    SQUARED             # (y_true - y_pred)^2, averaged over the last axis
    ABSOLUTE            # |y_true - y_pred|, averaged over the last axis
    EQUAL               # y_true = y_pred
    BINARY              # y_true = (y_pred > threshold)
    ONE_HOT             # argmax(y_true) = argmax(y_pred) along the last axis
    SPARSE              # y_true = argmax(y_pred) along the last axis
    ONE_HOT_TOP         # argmax(y_true) is the index of one of the `top` largest y_pred along the last axis
    SPARSE_TOP          # y_true is the index of one of the `top` largest y_pred along the last axis
    SORTED_TOP          # y_true is one of the `top` first y_pred along the last axis

cdef enum:
    BLOCK = 16384           # elements a block, at least one value
    STACK_BLOCKS = 64       # partial sums of that many blocks lie on the stack
    CHUNK = 512             # elements computed at a time on the stack

cdef struct Ctx:
    bint f64
    int kind
    Py_ssize_t k            # elements of y_pred per value
    Py_ssize_t each         # values per weight
    Py_ssize_t block        # values per block
    int label               # dtype of class numbers
    char* t
    char* p
    char* w                 # or NULL
    double threshold
    Py_ssize_t top
    double* partial         # one sum per block; NaN for a block with a class number that is none


# ------------------------------------------------------------------------------------------------------- the kernels

cdef kernel_void _elements(int kind, const real* t, const real* p, real* e, Py_ssize_t n, real threshold) noexcept nogil:
    cdef Py_ssize_t j
    if kind == SQUARED:
        for j in range(n):
            e[j] = (t[j] - p[j]) * (t[j] - p[j])
    elif kind == ABSOLUTE:
        for j in range(n):
            e[j] = abs_(t[j] - p[j])
    elif kind == EQUAL:
        for j in range(n):
            e[j] = <real>1 if t[j] == p[j] else <real>0
    elif kind == BINARY:
        for j in range(n):
            e[j] = <real>1 if t[j] == (<real>1 if p[j] > threshold else <real>0) else <real>0
    else:
        for j in range(n):
            e[j] = p[j]


cdef inline double _element_sum(Ctx* c, const real* t, const real* p, const real* w, Py_ssize_t n) noexcept nogil:
    """Sum of n elements, each times its weight if there are any."""
    cdef real e[CHUNK]
    cdef double total = 0
    cdef Py_ssize_t m
    if c.kind == VALUE:
        return vsum[real](p, n) if w == NULL else vdot[real](p, w, n)
    while n > 0:
        m = min(<Py_ssize_t>CHUNK, n)
        _elements[real](c.kind, t, p, e, m, <real>c.threshold)
        if w == NULL:
            total += vsum[real](e, m)
        else:
            total += vdot[real](e, w, m)
            w += m
        t += m
        p += m
        n -= m
    return total


cdef inline Py_ssize_t _argmax(const real* x, Py_ssize_t k) noexcept nogil:
    # The first of equal ones; NaN is the largest, as in NumPy and PyTorch.
    cdef Py_ssize_t j = 0, best = 0
    cdef real m
    if k >= 32:
        m = vmax[real](x, k)
        while x[j] != m and x[j] == x[j]:
            j += 1
        return j
    m = x[0]
    for j in range(1, k):
        if not x[j] <= m and m == m:
            m = x[j]
            best = j
    return best


cdef inline double _label(Ctx* c, Py_ssize_t i) noexcept nogil:
    if c.label == I64:
        return <double>(<int64_t*>c.t)[i]
    if c.label == I32:
        return (<int32_t*>c.t)[i]
    if c.label == F32:
        return (<float*>c.t)[i]
    if c.label == F64:
        return (<double*>c.t)[i]
    return (<uint8_t*>c.t)[i]


cdef inline bint _is_class(double label, Py_ssize_t k) noexcept nogil:
    return 0 <= label < k and label == <Py_ssize_t>label


cdef inline bint _in_top(const real* p, Py_ssize_t k, Py_ssize_t label, Py_ssize_t top) noexcept nogil:
    """Whether fewer than `top` of the k values are larger than that of the label."""
    cdef Py_ssize_t j
    cdef int32_t larger = 0
    cdef real x = p[label]
    for j in range(k):
        larger += not p[j] <= x                         # NaN is the largest
    return x == x and larger < top


cdef inline bint _in_first(const real* p, double label, Py_ssize_t top) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(top):
        if p[j] == <real>label:
            return True
    return False


cdef inline double _value(Ctx* c, const real* t, const real* p, Py_ssize_t i) noexcept nogil:
    cdef double label
    p += i * c.k
    if c.kind >= ONE_HOT:
        if c.kind == ONE_HOT or c.kind == ONE_HOT_TOP:
            label = _argmax[real](t + i * c.k, c.k)
        else:
            label = _label(c, i)
            if c.kind == SORTED_TOP:
                return _in_first[real](p, label, c.top)
            if not _is_class(label, c.k):
                return NAN
        return label == _argmax[real](p, c.k) if c.kind <= SPARSE else _in_top[real](p, c.k, <Py_ssize_t>label, c.top)
    return _element_sum[real](c, t + i * c.k, p, NULL, c.k)


cdef inline void _sum(Ctx* c, const real* t, const real* p, const real* w, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i
    if c.kind < ONE_HOT and (w == NULL or c.k == 1 and c.each == 1):
        total = _element_sum[real](c, t + begin * c.k, p + begin * c.k, w + begin if w != NULL else NULL, (end - begin) * c.k)
    elif w == NULL:
        for i in range(begin, end):
            total += _value[real](c, t, p, i)
    else:
        for i in range(begin, end):
            # What has no weight need not be a class.
            total += _value[real](c, t, p, i) * w[i // c.each] if w[i // c.each] != 0 or c.kind < ONE_HOT else 0.0
    c.partial[begin // c.block] = total


cdef void _sum_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _sum[double](c, <double*>c.t, <double*>c.p, <double*>c.w, begin, end)
    else:
        _sum[float](c, <float*>c.t, <float*>c.p, <float*>c.w, begin, end)


# ---------------------------------------------------------------------------------------------------------- the frame

cdef int _add(str name, Tensor state, double value) except -1:
    if state is None or state.size != 1 or state.dtype < F32:
        raise ValueError(f"{name}: total and count must be float32 or float64 scalars; received {describe(state)}")
    if state.dtype == F64:
        (<double*>state.data)[0] += value
    else:
        (<float*>state.data)[0] += <float>value
    return 0


cdef Tensor _repeat(str name, Tensor w, int ndim, const Py_ssize_t* dims):
    """w broadcast to the first ndim of the dimensions."""
    shape = tuple([dims[i] for i in range(ndim)])
    array = to_numpy(w)
    if w.ndim == ndim + 1 and w.dims[ndim] == 1:
        array = array[..., 0]
    elif w.ndim == ndim - 1:
        array = array[..., None]
    try:
        return tensor(np.array(np.broadcast_to(array, shape), order="C"))
    except ValueError:
        raise ValueError(f"{name}: sample_weight must fit the values of the metric, which begin with the shape {shape}; received {describe(w)}") from None


cdef Tensor weights_for(str name, object sample_weight, int dtype, int ndim, const Py_ssize_t* dims, Py_ssize_t n, Py_ssize_t* each):
    cdef Tensor w = tensor_as(sample_weight, dtype)
    cdef int i, size = w.ndim
    # (n, 1) stands for (n), and the other way round; weights of fewer axes hold for all that is on the later axes.
    if w.ndim == ndim + 1 and w.dims[ndim] == 1 or w.ndim == ndim - 1 and dims[ndim - 1] == 1:
        size = ndim
    for i in range(min(<int>w.ndim, size)):
        if size > ndim or w.dims[i] != dims[i]:
            w = _repeat(name, w, min(size, ndim), dims)
            break
    each[0] = n // w.size if w.size else 1
    return w


cdef int _no_class(str name, Ctx* c, Py_ssize_t n) except -1:
    """Raises if a value that has a weight has a class number that is none."""
    cdef Py_ssize_t i
    cdef double w
    for i in range(n):
        w = 1 if c.w == NULL else (<double*>c.w)[i // c.each] if c.f64 else (<float*>c.w)[i // c.each]
        if w != 0 and not _is_class(_label(c, i), c.k):
            raise ValueError(f"{name}: y_true must hold class numbers in [0, {c.k}), the classes of y_pred; received {_label(c, i)} at position {i}. "
                             "Samples that belong to no class must have the weight zero: pass weights with `weighted_metrics`, or mask the predictions")
    return 0


cdef int _accumulate(str name, Tensor total, Tensor count, int kind, Tensor t, Tensor p, int ndim, const Py_ssize_t* dims,
                     object sample_weight, double threshold, Py_ssize_t top=0) except -1:
    """Adds the values, of the shape `dims`, of a batch. t and p have the same real dtype, or t holds class numbers."""
    cdef double room[STACK_BLOCKS]
    cdef double s = 0
    cdef Py_ssize_t i, n = 1, blocks, rows
    cdef Tensor w = None
    cdef Tensor partial
    cdef Ctx c
    for i in range(ndim):
        n *= dims[i]
    rows = dims[0] if ndim > 0 else 1
    c.f64 = p.dtype == F64
    c.kind = kind
    c.threshold = threshold
    c.top = top
    c.k = p.size // n if n else 1
    c.each = 1
    c.t = NULL if t is None else t.data
    c.label = -1 if t is None else t.dtype
    c.p = p.data
    c.w = NULL
    if sample_weight is not None:
        w = weights_for(name, sample_weight, p.dtype, ndim, dims, n, &c.each)
        c.w = w.data
        if w.ndim == 0:
            rows = 1
    c.block = max(<Py_ssize_t>1, BLOCK // max(<Py_ssize_t>1, c.k))
    blocks = (n + c.block - 1) // c.block
    c.partial = room
    if blocks > STACK_BLOCKS:
        partial = empty(F64, 1, &blocks)
        c.partial = <double*>partial.data
    if c.k > 0:
        launch(_sum_block, &c, n, c.block, n * c.k * (1.0 if kind >= ONE_HOT else 0.15))
        for i in range(blocks):
            s += c.partial[i]
        if (kind == SPARSE or kind == SPARSE_TOP) and s != s:
            _no_class(name, &c, n)
    if kind == SQUARED or kind == ABSOLUTE:
        s /= c.k
    # A row counts once, however many values it has.
    _add(name, total, s * rows / n if n else 0)
    if w is None:
        _add(name, count, rows)
    else:
        s = vsum[double](<double*>w.data, w.size) if c.f64 else vsum[float](<float*>w.data, w.size)
        _add(name, count, s * rows / w.size if w.size else 0)
    return 0


cdef int _by_element(str name, Tensor total, Tensor count, int kind, Tensor t, Tensor p, object sample_weight, double threshold,
                     bint whole=False) except -1:
    """Lines up y_true and y_pred, whose shapes may differ by a last axis of length 1. `whole`: each element is a value."""
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i, ndim = p.ndim
    for i in range(p.ndim):
        dims[i] = p.dims[i]
    if t.ndim == p.ndim + 1 and p.ndim == 1 and t.dims[1] == 1:
        dims[1] = 1
        ndim = 2
    elif p.ndim == t.ndim + 1 and t.ndim > 1 and p.dims[t.ndim] == 1:
        ndim -= 1
    if t.size != p.size or not agree(t, ndim, dims):
        shape = tuple([dims[i] for i in range(ndim)])
        try:
            t = tensor(np.array(np.broadcast_to(to_numpy(t), shape), order="C"))
        except ValueError:
            raise ValueError(f"{name}: y_true and y_pred must have the same shape; received y_true, {describe(t)}, and y_pred, {describe(p)}") from None
    if kind == EQUAL and p.dtype < F32:
        t = cast_copy(t, p.dtype)
        i = F64
    else:
        i = F64 if p.dtype == F64 else F32
    t = as_real(t, i)
    p = as_real(p, i)
    if (kind == SQUARED or kind == ABSOLUTE) and not whole:
        if ndim == 0:
            raise ValueError(f"{name}: y_pred must have at least one axis; received {describe(p)}")
        ndim -= 1
    return _accumulate(name, total, count, kind, t, p, ndim, dims, sample_weight, threshold)


cdef bint agree(Tensor t, int ndim, const Py_ssize_t* dims) noexcept:
    cdef int i
    # Beyond a last axis of length 1 there is nothing left that could differ, since the sizes are equal.
    for i in range(min(ndim, t.ndim)):
        if t.dims[i] != dims[i]:
            return False
    return abs(ndim - t.ndim) <= 1


# ------------------------------------------------------------------------------------------------- the entry functions

def mean_update(Tensor total, Tensor count, values, sample_weight=None):
    """Adds a batch of values to a mean: total += sum_i w_i v_i, count += sum_i w_i.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        values: Values v, (n, ...) or a scalar; averaged over all axes but the first (or over those the weights lack).
        sample_weight: Weights w, of the shape of the first axes of values, or None; then each row counts 1.

    Raises:
        ValueError: If the weights do not fit.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.metric import mean_update
        >>> total, count = dlcore.Variable(0.0), dlcore.Variable(0.0)
        >>> mean_update(total, count, [1.0, 2.0, 6.0])
        >>> float(total), float(count)
        (9.0, 3.0)
    """
    cdef Tensor v = tensor(values)
    v = as_real(v, F64 if v.dtype == F64 else F32)
    _accumulate("Mean", total, count, VALUE, None, v, v.ndim, v.dims, sample_weight, 0)


def squared_error_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to a mean squared error.

    The value of a row is mean_j (y_true_ij - y_pred_ij)^2.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Targets, (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (..., k).
        sample_weight: Weights, (...), or None.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.metric import squared_error_update
        >>> total, count = dlcore.Variable(0.0), dlcore.Variable(0.0)
        >>> squared_error_update(total, count, [[0.0], [1.0]], [[2.0], [1.0]])
        >>> float(total), float(count)
        (4.0, 2.0)
    """
    _by_element("MeanSquaredError", total, count, SQUARED, tensor(y_true), tensor(y_pred), sample_weight, 0)


def element_error_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to a mean squared error whose values are the elements, so that each may have a weight of its own.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Targets, (...). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (...).
        sample_weight: Weights, of the shape of the first axes, or None.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _by_element("RootMeanSquaredError", total, count, SQUARED, tensor(y_true), tensor(y_pred), sample_weight, 0, True)


def absolute_error_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to a mean absolute error; as `squared_error_update` with |y_true_ij - y_pred_ij|.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Targets, (..., k). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (..., k).
        sample_weight: Weights, (...), or None.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _by_element("MeanAbsoluteError", total, count, ABSOLUTE, tensor(y_true), tensor(y_pred), sample_weight, 0)


def accuracy_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to the share of predictions that equal their targets.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Targets, (...). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (...).
        sample_weight: Weights, of the shape of the first axes, or None.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _by_element("Accuracy", total, count, EQUAL, tensor(y_true), tensor(y_pred), sample_weight, 0)


def binary_accuracy_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None, double threshold=0.5):
    """Adds a batch to the share of predictions on the right side of a threshold.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Labels 0 or 1, (...). A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (...); those above the threshold mean 1.
        sample_weight: Weights, of the shape of the first axes, or None.
        threshold: The threshold.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.metric import binary_accuracy_update
        >>> total, count = dlcore.Variable(0.0), dlcore.Variable(0.0)
        >>> binary_accuracy_update(total, count, [1, 0, 0], [[0.9], [0.5], [0.6]])
        >>> float(total), float(count)
        (2.0, 3.0)
    """
    _by_element("BinaryAccuracy", total, count, BINARY, tensor(y_true), tensor(y_pred), sample_weight, threshold)


cdef int _by_one_hot(str name, Tensor total, Tensor count, int kind, Tensor t, Tensor p, object sample_weight, Py_ssize_t top) except -1:
    cdef int dtype = F64 if p.dtype == F64 else F32
    if t.ndim != p.ndim or p.ndim == 0 or p.dims[p.ndim - 1] == 0 or t.size != p.size or not agree(t, p.ndim, p.dims):
        raise ValueError(f"{name}: y_true and y_pred must have the same shape, with classes along the last axis; "
                         f"received y_true, {describe(t)}, and y_pred, {describe(p)}")
    _check_top(name, kind, p, top)
    return _accumulate(name, total, count, kind, as_real(t, dtype), as_real(p, dtype), p.ndim - 1, p.dims, sample_weight, 0, top)


cdef int _by_class(str name, Tensor total, Tensor count, int kind, Tensor t, Tensor p, object sample_weight, Py_ssize_t top) except -1:
    if p.ndim == 0 or p.dims[p.ndim - 1] == 0 or t.size * p.dims[p.ndim - 1] != p.size or not agree(t, p.ndim - 1, p.dims) or t.ndim < p.ndim - 1:
        raise ValueError(f"{name}: y_true must hold one class number for each sample of y_pred; received y_true, {describe(t)}, and y_pred, {describe(p)}")
    _check_top(name, kind, p, top)
    if t.dtype != I64 and t.dtype != I32 and t.dtype != F32 and t.dtype != F64 and t.dtype != U8 and t.dtype != BOOL:
        t = cast_copy(t, F64)
    p = as_real(p, F64 if p.dtype == F64 else F32)
    return _accumulate(name, total, count, kind, t, p, p.ndim - 1, p.dims, sample_weight, 0, top)


cdef int _check_top(str name, int kind, Tensor p, Py_ssize_t top) except -1:
    if kind > SPARSE and not 1 <= top <= p.dims[p.ndim - 1]:
        raise ValueError(f"{name}: k must be at least 1 and at most the length of the last axis of y_pred; received k={top} and y_pred, {describe(p)}")
    return 0


def categorical_accuracy_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to the share of samples whose largest prediction stands where their largest label does.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: One-hot labels or probabilities, (..., k); of equal ones the first counts.
        y_pred: Predictions, (..., k).
        sample_weight: Weights, (...), or None.

    Raises:
        ValueError: If the shapes do not fit.
    """
    _by_one_hot("CategoricalAccuracy", total, count, ONE_HOT, tensor(y_true), tensor(y_pred), sample_weight, 0)


def top_k_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None, Py_ssize_t k=5):
    """Adds a batch to the share of samples whose largest label stands where one of their k largest predictions does.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: One-hot labels or probabilities, (..., classes); of equal ones the first counts.
        y_pred: Predictions, (..., classes). What equals the k-th largest one counts as well.
        sample_weight: Weights, (...), or None.
        k: The number of predictions.

    Raises:
        ValueError: If the shapes do not fit, or k is larger than the number of classes.
    """
    _by_one_hot("TopKCategoricalAccuracy", total, count, ONE_HOT_TOP, tensor(y_true), tensor(y_pred), sample_weight, k)


def sparse_categorical_accuracy_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None):
    """Adds a batch to the share of samples whose largest prediction stands at the index that is their label.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Class numbers, (...) or (..., 1).
        y_pred: Predictions, (..., k); of equal ones the first counts.
        sample_weight: Weights, (...), or None. A sample of weight zero need not have a class.

    Raises:
        ValueError: If the shapes do not fit, or a class number is out of range.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.metric import sparse_categorical_accuracy_update
        >>> total, count = dlcore.Variable(0.0), dlcore.Variable(0.0)
        >>> sparse_categorical_accuracy_update(total, count, [1, 0], [[0.1, 0.9], [0.2, 0.8]])
        >>> float(total), float(count)
        (1.0, 2.0)
    """
    _by_class("SparseCategoricalAccuracy", total, count, SPARSE, tensor(y_true), tensor(y_pred), sample_weight, 0)


def sparse_top_k_update(Tensor total, Tensor count, y_true, y_pred, sample_weight=None, Py_ssize_t k=5, bint from_sorted_ids=False):
    """Adds a batch to the share of samples whose label is the index of one of their k largest predictions.

    Args:
        total: float32 scalar, changed in place.
        count: float32 scalar, changed in place.
        y_true: Class numbers, (...) or (..., 1).
        y_pred: Predictions, (..., classes). What equals the k-th largest one counts as well.
        sample_weight: Weights, (...), or None. A sample of weight zero need not have a class.
        k: The number of predictions.
        from_sorted_ids: Whether y_pred holds the class numbers themselves, the most likely ones first.

    Raises:
        ValueError: If the shapes do not fit, k is larger than the number of classes, or a class number is out of range.
    """
    cdef int kind = SORTED_TOP if from_sorted_ids else SPARSE_TOP
    _by_class("SparseTopKCategoricalAccuracy", total, count, kind, tensor(y_true), tensor(y_pred), sample_weight, k)
