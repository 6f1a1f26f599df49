"""Decisions counted as true and false positives and negatives at many thresholds, in one pass over a batch.

A prediction exceeds some of the sorted thresholds: their number is its bucket. The pass adds up the weights of the
negatives and of the positives in every bucket; sums over the buckets are the counts at every threshold. Blocks of the
batch have cells of their own, which are added in the order of the blocks.
"""

from libc.math cimport log
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.metric cimport agree, weights_for
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, cast_copy, describe, empty, tensor, tensor_as, zeros
from dlcore._kernels.types cimport BOOL, F32, F64, I8, I32, I64, U8, kernel_void, real

import numpy as np

__all__ = []            # no ops

cdef enum:
    CHUNK = 512             # values whose buckets are found at a time, on the stack
    BLOCK = 1 << 14         # values a block, at least
    FEW = 8                 # thresholds that are compared one by one; with more of them a search is quicker
    WAYS = 4                # copies of the cells in turn: adding to one cell twice running would wait for memory
    STACK_CELLS = 1024      # that many cells lie on the stack

cdef struct Ctx:
    bint f64
    int label               # dtype of the labels
    char* t
    char* p
    char* w                 # or NULL
    Py_ssize_t step         # from one value to the next: 1, or the number of classes if just one of them counts
    Py_ssize_t columns      # values that lie side by side and have counts of their own, else 1
    Py_ssize_t each         # values per weight
    Py_ssize_t block        # values per block
    int thresholds
    char* threshold         # sorted
    bint even               # thresholds i / (thresholds - 1)
    bint below              # even, but the first one lies below all predictions
    Py_ssize_t cells        # (thresholds + 1) * columns * 2
    int ways
    double* cell            # for each block and way: [bucket][column][label], sums of weights


# -------------------------------------------------------------------------------------------------------------- a pass

cdef inline void _is_positive(Ctx* c, Py_ssize_t first, Py_ssize_t n, int32_t* y) noexcept nogil:
    cdef Py_ssize_t j, s = c.step
    cdef uint8_t* bytes_ = <uint8_t*>c.t + first
    cdef int32_t* ints = <int32_t*>c.t + first
    cdef int64_t* longs = <int64_t*>c.t + first
    cdef float* floats = <float*>c.t + first
    cdef double* doubles = <double*>c.t + first
    if c.label == F32:
        for j in range(n):
            y[j] = floats[j * s] != 0
    elif c.label == F64:
        for j in range(n):
            y[j] = doubles[j * s] != 0
    elif c.label == I64:
        for j in range(n):
            y[j] = longs[j * s] != 0
    elif c.label == I32:
        for j in range(n):
            y[j] = ints[j * s] != 0
    else:
        for j in range(n):
            y[j] = bytes_[j * s] != 0


cdef kernel_void _buckets(Ctx* c, const real* p, Py_ssize_t n, int32_t* bucket) noexcept nogil:
    cdef const real* threshold = <const real*>c.threshold
    cdef int32_t i, b, half, left, lowest = 1 if c.below else 0
    cdef Py_ssize_t j
    cdef real x, last = c.thresholds - 1
    if c.even:
        # ceil(p * last), as Keras has it: equal to a count of the thresholds below p but for rounding.
        for j in range(n):
            x = p[j] if p[j] > 0 else <real>0               # NaN exceeds nothing
            x = (x if x < 1 else <real>1) * last
            b = <int32_t>x
            b = b + (<real>b < x)
            b = b if b > lowest else lowest
            bucket[j] = b if p[j] == p[j] else 0
    elif c.thresholds <= FEW:
        for j in range(n):
            bucket[j] = p[j] > threshold[0]
        for i in range(1, c.thresholds):
            x = threshold[i]
            for j in range(n):
                bucket[j] += p[j] > x
    else:
        # Bisection, all values a step at a time: that vectorises.
        for j in range(n):
            bucket[j] = 0
        left = c.thresholds
        while left > 1:
            half = left >> 1
            for j in range(n):
                bucket[j] += half if threshold[bucket[j] + half - 1] < p[j] else 0
            left -= half
        for j in range(n):
            bucket[j] += threshold[bucket[j]] < p[j]


cdef inline void _scatter(Ctx* c, const int32_t* bucket, const int32_t* y, const real* w, double* cell, Py_ssize_t n, Py_ssize_t first) noexcept nogil:
    cdef Py_ssize_t j, column
    cdef double* way[WAYS]
    if c.columns > 1:
        column = first % c.columns
        for j in range(n):
            cell[(bucket[j] * c.columns + column) * 2 + y[j]] += 1.0 if w == NULL else w[j]
            column = column + 1 if column + 1 < c.columns else 0
        return
    for j in range(WAYS):
        way[j] = cell + c.cells * (j & (c.ways - 1))
    if w == NULL:
        for j in range(n):
            way[j & (WAYS - 1)][bucket[j] * 2 + y[j]] += 1.0
    else:
        for j in range(n):
            way[j & (WAYS - 1)][bucket[j] * 2 + y[j]] += w[j]


cdef inline void _count(Ctx* c, const real* p_all, const real* w_all, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef int32_t bucket[CHUNK]
    cdef int32_t y[CHUNK]
    cdef real gathered[CHUNK]
    cdef real weight[CHUNK]
    cdef const real* p
    cdef const real* w = NULL
    cdef Py_ssize_t j, n, at, left
    cdef double* cell = c.cell + (begin // c.block) * c.cells * c.ways
    memset(cell, 0, c.cells * c.ways * sizeof(double))
    while begin < end:
        n = min(<Py_ssize_t>CHUNK, end - begin)
        p = p_all + begin * c.step
        if c.step > 1:
            for j in range(n):
                gathered[j] = p[j * c.step]
            p = gathered
        _buckets[real](c, p, n, bucket)
        _is_positive(c, begin * c.step, n, y)
        if w_all != NULL:
            at = begin // c.each
            w = w_all + at
            if c.each > 1:
                left = (at + 1) * c.each - begin        # values that still have this weight
                for j in range(n):
                    weight[j] = w[0]
                    left -= 1
                    if left == 0:
                        left = c.each
                        w += 1
                w = weight
        _scatter[real](c, bucket, y, w, cell, n, begin)
        begin += n


cdef void _count_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _count[double](c, <double*>c.p, <double*>c.w, begin, end)
    else:
        _count[float](c, <float*>c.p, <float*>c.w, begin, end)


# ------------------------------------------------------------------------------------------------- from cells to states

cdef void _add_above(Tensor state, const int64_t* order, int thresholds, Py_ssize_t columns, const double* cell) noexcept:
    """state[i, column] += sum of the cells of the buckets that exceed threshold i."""
    cdef Py_ssize_t column, at
    cdef double s
    cdef int i
    if state is None:
        return
    for column in range(columns):
        s = 0
        for i in range(thresholds - 1, -1, -1):
            s += cell[((i + 1) * columns + column) * 2]
            at = order[i] * columns + column
            if state.dtype == F64:
                (<double*>state.data)[at] += s
            else:
                (<float*>state.data)[at] += <float>s


cdef void _add_below(Tensor state, const int64_t* order, int thresholds, Py_ssize_t columns, const double* cell) noexcept:
    """state[i, column] += sum of the cells of the buckets that do not exceed threshold i."""
    cdef Py_ssize_t column, at
    cdef double s
    cdef int i
    if state is None:
        return
    for column in range(columns):
        s = 0
        for i in range(thresholds):
            s += cell[(i * columns + column) * 2]
            at = order[i] * columns + column
            if state.dtype == F64:
                (<double*>state.data)[at] += s
            else:
                (<float*>state.data)[at] += <float>s


cdef class Thresholds:
    """Thresholds, sorted and at hand in both precisions.

    Args:
        values: The thresholds, in the order of the states.
        even: Whether they are i / (n - 1), but perhaps for a first one below 0 and a last one above 1.

    Example:
        >>> from dlcore._kernels.confusion import Thresholds
        >>> len(Thresholds([0.7, 0.2]))
        2
    """
    cdef object values
    cdef bint even
    cdef int count
    cdef Tensor order, floats, doubles

    def __init__(self, values, bint even=False):
        array = np.asarray(values, dtype="float64")
        if array.ndim != 1 or not 0 < array.size < 1 << 30:
            raise ValueError(f"thresholds must be a list of at least one number; received thresholds={values}")
        order = np.argsort(array, kind="stable")
        self.values = list(values)
        self.even = even
        self.count = array.size
        self.order = tensor(order.astype("int64"))
        self.doubles = tensor(array[order])
        self.floats = tensor(array[order].astype("float32"))

    def __len__(self):
        return self.count

    def __reduce__(self):
        return Thresholds, (self.values, self.even)


cdef Tensor _common_state(str name, states, int thresholds):
    """The first of the states that are there; all must have its dtype and shape."""
    cdef Tensor first = None
    cdef Tensor state
    for state in states:
        if state is None:
            continue
        if first is None:
            first = state
        if state.dtype < F32 or state.dtype != first.dtype or state.size != first.size or not 1 <= state.ndim <= 2 or state.dims[0] != thresholds:
            raise ValueError(f"{name}: a state must be float32 or float64 and hold a row for each of the {thresholds} thresholds; received {describe(state)}")
    if first is None:
        raise ValueError(f"{name}: there must be at least one state; received none")
    return first


def confusion_update(str name, Tensor tp, Tensor fp, Tensor tn, Tensor fn, y_true, y_pred, Thresholds thresholds, sample_weight=None, class_id=None):
    """Adds a batch to the weights of true and false positives and negatives at every threshold.

    A prediction strictly above a threshold is positive there.

    Args:
        name: The name for error messages.
        tp, fp, tn, fn: States, (thresholds,) or (thresholds, columns), changed in place; None for those not wanted.
        y_true: Labels, (...); 0 is negative, all else positive. A last axis of length 1 may be missing or superfluous.
        y_pred: Predictions, (...), or (n, columns) with states of two axes.
        thresholds: The thresholds.
        sample_weight: Weights, of the shape of the first axes of y_pred, or None.
        class_id: The only index along the last axis of y_pred that counts, or None.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.confusion import Thresholds, confusion_update
        >>> tp = dlcore.Variable([0.0, 0.0])
        >>> confusion_update("tp", tp, None, None, None, [0, 1, 1], [0.9, 0.5, 0.3], Thresholds([0.2, 0.5]))
        >>> tp.numpy().tolist()
        [2.0, 0.0]
    """
    cdef double room[STACK_CELLS]
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef Py_ssize_t i, j, n, id_, blocks, need
    cdef int ndim
    cdef const int64_t* order = <int64_t*>thresholds.order.data
    cdef Tensor state = _common_state(name, (tp, fp, tn, fn), thresholds.count)
    cdef Tensor t = tensor(y_true)
    cdef Tensor p = as_real(tensor(y_pred), state.dtype)
    cdef Tensor w, store
    cdef double* cell
    cdef Ctx c
    ndim = p.ndim
    for i in range(ndim):
        dims[i] = p.dims[i]
    if t.ndim == 2 and ndim == 1 and t.dims[1] == 1:
        dims[1] = 1
        ndim = 2
    elif ndim == t.ndim + 1 and t.ndim > 1 and dims[ndim - 1] == 1:
        ndim -= 1
    if t.size != p.size or not agree(t, ndim, dims):
        raise ValueError(f"{name}: y_true and y_pred must have the same shape; received y_true, {describe(t)}, and y_pred, {describe(p)}")
    if t.dtype != F32 and t.dtype != F64 and t.dtype != I64 and t.dtype != I32 and t.dtype != BOOL and t.dtype != U8 and t.dtype != I8:
        t = cast_copy(t, F64)
    c.columns = state.dims[1] if state.ndim == 2 else 1
    if state.ndim == 2 and (ndim != 2 or dims[1] != c.columns):
        raise ValueError(f"{name}: y_pred must have the shape (n, {c.columns}), with a column for each label; received {describe(p)}")
    n = p.size
    c.step = 1
    id_ = 0
    if class_id is not None:
        if ndim < 2:
            raise ValueError(f"{name}: when class_id is given, y_pred must have the shape (..., classes); received {describe(p)}")
        c.step = dims[ndim - 1]
        id_ = class_id
        if not -c.step <= id_ < c.step:
            raise ValueError(f"{name}: class_id must be in [0, {c.step}), the classes of y_pred; received class_id={class_id}")
        if id_ < 0:
            id_ += c.step
        ndim -= 1
        n = n // c.step
    c.f64 = state.dtype == F64
    c.label = t.dtype
    c.t = t.data + id_ * (8 if t.dtype == F64 or t.dtype == I64 else 4 if t.dtype == F32 or t.dtype == I32 else 1)
    c.p = p.data + id_ * (8 if c.f64 else 4)
    c.w = NULL
    c.each = 1
    if sample_weight is not None:
        w = weights_for(name, sample_weight, state.dtype, ndim, dims, n, &c.each)
        c.w = w.data
    c.thresholds = thresholds.count
    c.threshold = thresholds.doubles.data if c.f64 else thresholds.floats.data
    c.even = thresholds.even
    c.below = c.even and (<double*>thresholds.doubles.data)[0] < 0
    c.cells = (c.thresholds + 1) * c.columns * 2
    c.block = max(<Py_ssize_t>BLOCK, 4 * c.cells)
    blocks = max(<Py_ssize_t>1, (n + c.block - 1) // c.block)
    c.ways = WAYS if c.columns == 1 and n >= 4 * c.cells else 1
    need = blocks * c.ways * c.cells
    c.cell = room
    if need > STACK_CELLS:
        store = empty(F64, 1, &need)
        c.cell = <double*>store.data
    if n == 0:
        return
    launch(_count_block, &c, n, c.block, n * (1.5 if c.even or c.thresholds <= FEW else 4.0) + 0.2 * c.cells)
    cell = c.cell
    for i in range(1, blocks * c.ways):
        for j in range(c.cells):
            cell[j] += cell[i * c.cells + j]
    _add_above(tp, order, c.thresholds, c.columns, cell + 1)
    _add_above(fp, order, c.thresholds, c.columns, cell)
    _add_below(fn, order, c.thresholds, c.columns, cell + 1)
    _add_below(tn, order, c.thresholds, c.columns, cell)


# ------------------------------------------------------------------------------------------------------------- results

cdef inline double _part(double a, double b) noexcept nogil:
    return a / b if b != 0 else 0.0


cdef inline double _at(Tensor state, Py_ssize_t i) noexcept nogil:
    return (<double*>state.data)[i] if state.dtype == F64 else (<float*>state.data)[i]


def share(Tensor a, Tensor b):
    """a / (a + b), and 0 where that is 0 / 0; a scalar if a has one element.

    Args:
        a: Counts, (n,), float32 or float64.
        b: Counts, (n,), of the same dtype.

    Returns:
        Tensor, () or (n,).

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.confusion import share
        >>> share(dlcore.Variable([3.0, 0.0]), dlcore.Variable([1.0, 0.0])).tolist()
        [0.75, 0.0]
    """
    cdef Tensor out = empty(a.dtype, a.ndim if a.size != 1 else 0, a.dims)
    cdef Py_ssize_t i
    for i in range(a.size):
        if a.dtype == F64:
            (<double*>out.data)[i] = _part(_at(a, i), _at(a, i) + _at(b, i))
        else:
            (<float*>out.data)[i] = <float>_part(_at(a, i), <float>(_at(a, i) + _at(b, i)))
    return out


cdef inline real _best(const real* a, const real* b, const real* c, const real* d, Py_ssize_t n, real value) noexcept nogil:
    cdef Py_ssize_t i
    cdef real bound, found, best = 0
    for i in range(n):
        bound = a[i] / (a[i] + b[i]) if a[i] + b[i] != 0 else <real>0
        found = c[i] / (c[i] + d[i]) if c[i] + d[i] != 0 else <real>0
        if bound >= value and found > best:
            best = found
    return best


def best_share(Tensor a, Tensor b, Tensor c, Tensor d, double value):
    """The largest c_i / (c_i + d_i) among the i where a_i / (a_i + b_i) >= value; 0 if there is none.

    Args:
        a, b, c, d: Counts, (n,), of one dtype, in which the shares are computed and compared.
        value: The bound.

    Returns:
        Scalar tensor.
    """
    cdef Tensor out = empty(a.dtype, 0, NULL)
    if a.dtype == F64:
        (<double*>out.data)[0] = _best[double](<double*>a.data, <double*>b.data, <double*>c.data, <double*>d.data, a.size, value)
    else:
        (<float*>out.data)[0] = _best[float](<float*>a.data, <float*>b.data, <float*>c.data, <float*>d.data, a.size, <float>value)
    return out


cdef struct Point:          # of a curve
    double x
    double y


cdef inline Point _point(int curve, double tp, double fp, double tn, double fn) noexcept nogil:
    cdef Point q
    cdef double scale
    if curve == 0:
        q.x = _part(fp, fp + tn)
        q.y = _part(tp, tp + fn)
    elif curve == 1:
        q.x = _part(tp, tp + fn)
        q.y = _part(tp, tp + fp)
    elif tp == 0:
        q.x = 0
        q.y = 1
    else:
        # Gains lie in (-inf, 1]; a recall worse than that of always saying yes counts as no gain.
        scale = _part(tp + fn, tn + fp)
        q.x = max(1 - scale * fn / tp, 0.0)
        q.y = 1 - scale * fp / tp
    return q


def curve_area(Tensor tp, Tensor fp, Tensor tn, Tensor fn, int curve, int summation):
    """Area below a curve whose points belong to sorted thresholds.

    Args:
        tp, fp, tn, fn: Counts, (thresholds,) or (thresholds, columns).
        curve: 0 for ROC, 1 for precision over recall, 2 for their gains (Flach and Kull 2015).
        summation: 0 for the mean of the heights at both ends of an interval, 1 for the smaller, 2 for the larger. With
            curve 1, 0 means an interpolation of the counts, not of precision (Davis and Goadrich 2006).

    Returns:
        Scalar tensor, or (columns,).
    """
    cdef Py_ssize_t columns = tp.dims[1] if tp.ndim == 2 else 1
    cdef Tensor out = empty(tp.dtype, tp.ndim - 1, &columns)
    cdef Py_ssize_t i, column
    cdef double area, height, d_tp, d_all, slope, here, there, ratio
    cdef Point a, b
    for column in range(columns):
        area = 0
        for i in range(column, tp.size - columns, columns):
            if curve == 1 and summation == 0:
                here = _at(tp, i) + _at(fp, i)
                there = _at(tp, i + columns) + _at(fp, i + columns)
                d_tp = _at(tp, i) - _at(tp, i + columns)
                d_all = here - there
                slope = _part(d_tp, max(d_all, 0.0))
                ratio = here / there if here > 0 and there > 0 else 1.0
                height = _at(tp, i + columns) - slope * there
                area += _part(slope * (d_tp + height * log(ratio)), max(_at(tp, i + columns) + _at(fn, i + columns), 0.0))
                continue
            a = _point(curve, _at(tp, i), _at(fp, i), _at(tn, i), _at(fn, i))
            b = _point(curve, _at(tp, i + columns), _at(fp, i + columns), _at(tn, i + columns), _at(fn, i + columns))
            height = (a.y + b.y) / 2 if summation == 0 else min(a.y, b.y) if summation == 1 else max(a.y, b.y)
            area += (a.x - b.x) * height
        if tp.dtype == F64:
            (<double*>out.data)[column] = area
        else:
            (<float*>out.data)[column] = <float>area
    return out


# -------------------------------------------------------------------------------------------------- pairs of class numbers

cdef struct Pairs:
    int64_t* t
    int64_t* p
    double* w               # or NULL
    Py_ssize_t classes
    Py_ssize_t block
    double* matrix          # for each block


cdef void _pair_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Pairs* c = <Pairs*>ctx
    cdef double* matrix = c.matrix + (begin // c.block) * c.classes * c.classes
    cdef Py_ssize_t i
    memset(matrix, 0, c.classes * c.classes * sizeof(double))
    for i in range(begin, end):
        if 0 <= c.t[i] < c.classes and 0 <= c.p[i] < c.classes:
            matrix[c.t[i] * c.classes + c.p[i]] += 1.0 if c.w == NULL else c.w[i]


def count_pairs(y_true, y_pred, Py_ssize_t classes, sample_weight=None):
    """Weights of the pairs of true and predicted class. Pairs with a number out of range do not count.

    Args:
        y_true: True classes, int64, (n,).
        y_pred: Predicted classes, int64, (n,).
        classes: Number of classes.
        sample_weight: Weights, (n,), or None.

    Returns:
        float64 Tensor (classes, classes).

    Raises:
        ValueError: If the sizes differ.
        MemoryError: If there are too many classes.

    Example:
        >>> import numpy as np
        >>> from dlcore._kernels.confusion import count_pairs
        >>> count_pairs(np.array([0, 1, 1]), np.array([1, 1, 7]), 2).tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """
    cdef Tensor t = tensor_as(y_true, I64)
    cdef Tensor p = tensor_as(y_pred, I64)
    cdef Tensor w = None
    cdef Tensor out, store
    cdef Py_ssize_t dims[3]
    cdef Py_ssize_t i, j
    cdef Pairs c
    if sample_weight is not None:
        w = tensor_as(sample_weight, F64)
    if t.size != p.size or w is not None and w.size != t.size:
        raise ValueError(f"count_pairs: sizes must be equal; received y_true, {describe(t)}, y_pred, {describe(p)}, and sample_weight, {describe(w)}")
    dims[1] = dims[2] = classes
    out = zeros(F64, 2, dims + 1)
    if t.size == 0 or classes == 0:
        return out
    c.t = <int64_t*>t.data
    c.p = <int64_t*>p.data
    c.w = <double*>w.data if w is not None else NULL
    c.classes = classes
    c.block = max(<Py_ssize_t>BLOCK, 4 * out.size)
    dims[0] = (t.size + c.block - 1) // c.block
    store = out if dims[0] == 1 else empty(F64, 3, dims)
    c.matrix = <double*>store.data
    launch(_pair_block, &c, t.size, c.block, 1.5 * t.size + 0.2 * out.size)
    if store is not out:
        for i in range(dims[0]):
            for j in range(out.size):
                (<double*>out.data)[j] += c.matrix[i * out.size + j]
    return out
