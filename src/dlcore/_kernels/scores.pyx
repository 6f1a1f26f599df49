"""Sums over the rows of a batch, column by column: what the F score and R2 are made of."""

from libc.string cimport memset

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.metric cimport weights_for
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport vmax
from dlcore._kernels.tensor cimport Tensor, describe, empty, tensor
from dlcore._kernels.types cimport F32, F64, kernel_void, real

__all__ = []            # no ops

cdef enum:
    BLOCK = 1 << 14         # elements a block, at least one row
    SUMS = 4                # for each column
    STACK_SUMS = 512        # that many lie on the stack

cdef struct Ctx:
    bint f64
    bint decide             # predictions are made 0 or 1 first
    bint largest            # 1 are those that are the largest of their row, not those above the threshold
    char* t
    char* p
    char* w                 # or NULL
    Py_ssize_t columns
    Py_ssize_t each         # elements per weight
    Py_ssize_t block
    double threshold
    double* sum             # for each block: [SUMS][columns]


cdef kernel_void _row(Ctx* c, const real* t, const real* p, const real* w, Py_ssize_t step, double* s) noexcept nogil:
    """Adds a row to the four sums."""
    cdef Py_ssize_t j, k = c.columns
    cdef double* s1 = s + k
    cdef double* s2 = s + 2 * k
    cdef double* s3 = s + 3 * k
    cdef real threshold, weight, x
    if c.decide:
        threshold = <real>c.threshold
        if c.largest:
            threshold = vmax[real](p, k)
        for j in range(k):
            weight = 1 if w == NULL else w[j * step]
            # A row of zeros has no largest.
            x = weight if (p[j] >= threshold and (p[j] > <real>1e-9 or p[j] < <real>-1e-9) if c.largest else p[j] > threshold) else 0
            s[j] += x * t[j]                        # true positives
            s1[j] += x * (1 - t[j])                 # false positives
            s2[j] += (weight - x) * t[j]            # false negatives
            s3[j] += weight * t[j]                  # positives
    else:
        for j in range(k):
            weight = 1 if w == NULL else w[j * step]
            x = t[j] - p[j]
            s[j] += weight * t[j]
            s1[j] += <double>(weight * t[j]) * t[j]
            s2[j] += weight * x * x
            s3[j] += weight


cdef inline void _rows(Ctx* c, const real* t, const real* p, const real* w, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef double* s = c.sum + (begin // c.block) * SUMS * c.columns
    cdef Py_ssize_t i, k = c.columns
    memset(s, 0, SUMS * k * sizeof(double))
    for i in range(begin, end):
        if w == NULL:
            _row[real](c, t + i * k, p + i * k, NULL, 0, s)
        else:
            _row[real](c, t + i * k, p + i * k, w + i * k // c.each, c.each == 1, s)


cdef void _rows_block(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Ctx* c = <Ctx*>ctx
    if c.f64:
        _rows[double](c, <double*>c.t, <double*>c.p, <double*>c.w, begin, end)
    else:
        _rows[float](c, <float*>c.t, <float*>c.p, <float*>c.w, begin, end)


cdef int _add(Tensor state, const double* s, Py_ssize_t columns) except -1:
    """Adds a sum for each column to a state; a scalar takes the sum of all."""
    cdef Py_ssize_t j
    for j in range(columns):
        if state.dtype == F64:
            (<double*>state.data)[0 if state.ndim == 0 else j] += s[j]
        else:
            (<float*>state.data)[0 if state.ndim == 0 else j] += <float>s[j]
    return 0


cdef int _accumulate(str name, Ctx* c, tuple states, y_true, y_pred, sample_weight) except -1:
    cdef double room[STACK_SUMS]
    cdef double total
    cdef Tensor state = states[0]
    cdef Tensor t, p, store
    cdef Tensor w = None
    cdef Py_ssize_t i, j, rows, blocks, need
    for state in states:
        if state.dtype != (<Tensor>states[0]).dtype or state.dtype < F32:
            raise ValueError(f"{name}: states must be float32 or float64; received {describe(state)}")
    t = as_real(tensor(y_true), state.dtype)
    p = as_real(tensor(y_pred), state.dtype)
    if t.ndim != 2 or p.ndim != 2 or t.dims[0] != p.dims[0] or t.dims[1] != p.dims[1]:
        raise ValueError(f"{name}: y_true and y_pred must have the same shape (n, columns); received y_true, {describe(t)}, and y_pred, {describe(p)}")
    for state in states:
        if state.ndim > 1 or state.ndim == 1 and state.dims[0] != p.dims[1]:
            raise ValueError(f"{name}: the first batch had a different number of columns; received y_pred, {describe(p)}, for a state, {describe(state)}")
    rows = p.dims[0]
    c.columns = p.dims[1]
    c.f64 = state.dtype == F64
    c.t = t.data
    c.p = p.data
    c.w = NULL
    c.each = 1
    if sample_weight is not None:
        w = weights_for(name, sample_weight, state.dtype, 2, p.dims, p.size, &c.each)
        c.w = w.data
    if p.size == 0:
        return 0
    c.block = max(<Py_ssize_t>1, BLOCK // c.columns)
    blocks = (rows + c.block - 1) // c.block
    need = blocks * SUMS * c.columns
    c.sum = room
    if need > STACK_SUMS:
        store = empty(F64, 1, &need)
        c.sum = <double*>store.data
    launch(_rows_block, c, rows, c.block, p.size * 1.5)
    for j in range(SUMS * c.columns):
        total = 0
        for i in range(blocks):
            total += c.sum[i * SUMS * c.columns + j]
        c.sum[j] = total
    for j in range(SUMS):
        _add(states[j], c.sum + j * c.columns, c.columns)
    return 0


def f_score_update(str name, Tensor tp, Tensor fp, Tensor fn, Tensor weights, y_true, y_pred, sample_weight=None, threshold=None):
    """Adds a batch to the counts of an F score.

    Args:
        name: Of the metric, for messages.
        tp, fp, fn, weights: True positives, false positives, false negatives and positives, each (columns,), or a
            scalar for the sum of all columns; changed in place.
        y_true: Labels 0 or 1, (n, columns).
        y_pred: Predictions, (n, columns).
        sample_weight: Weights, (n,) or (n, columns), or None.
        threshold: Predictions above it are positive; None: those that are the largest of their row.

    Raises:
        ValueError: If the shapes do not fit.
    """
    cdef Ctx c
    c.decide = True
    c.largest = threshold is None
    c.threshold = 0 if threshold is None else threshold
    _accumulate(name, &c, (tp, fp, fn, weights), y_true, y_pred, sample_weight)


def r2_update(Tensor sums, Tensor squares, Tensor residuals, Tensor counts, y_true, y_pred, sample_weight=None):
    """Adds a batch to sum_i w_i t_i, sum_i w_i t_i^2, sum_i w_i (t_i - p_i)^2 and sum_i w_i of every column.

    Args:
        sums, squares, residuals, counts: The four, (columns,), changed in place.
        y_true: Targets t, (n, columns).
        y_pred: Predictions p, (n, columns).
        sample_weight: Weights w, (n,) or (n, columns), or None.

    Raises:
        ValueError: If the shapes do not fit.
    """
    cdef Ctx c
    c.decide = c.largest = False
    c.threshold = 0
    _accumulate("R2Score", &c, (sums, squares, residuals, counts), y_true, y_pred, sample_weight)


def f_score(Tensor tp, Tensor fp, Tensor fn, Tensor weights, str average, double beta, double epsilon):
    """(1 + beta^2) precision recall / (beta^2 precision + recall).

    Args:
        tp, fp, fn, weights: See `f_score_update`.
        average: "macro" or "micro" for the mean of the columns, "weighted" for that with the given weights, else None.
        beta: See above.
        epsilon: Added to every divisor.

    Returns:
        Tensor like tp, or a scalar.
    """
    cdef Tensor out = empty(tp.dtype, 0 if average is not None else tp.ndim, tp.dims)
    cdef double x, y, z, precision, recall, value, divisor = 0, total = 0
    cdef Py_ssize_t j
    for j in range(tp.size):
        divisor += _get(weights, j)
    divisor = divisor + epsilon if average == "weighted" else tp.size
    for j in range(tp.size):
        x, y, z = _get(tp, j), _get(fp, j), _get(fn, j)
        precision = x / (x + y + epsilon)
        recall = x / (x + z + epsilon)
        value = (1 + beta * beta) * precision * recall / (beta * beta * precision + recall + epsilon)
        if average is None:
            _set(out, j, value)
        else:
            total += value * (_get(weights, j) if average == "weighted" else 1.0)
    if average is not None:
        _set(out, 0, total / divisor)
    return out


cdef inline double _get(Tensor x, Py_ssize_t j) noexcept nogil:
    return (<double*>x.data)[j] if x.dtype == F64 else (<float*>x.data)[j]


cdef inline void _set(Tensor x, Py_ssize_t j, double value) noexcept nogil:
    if x.dtype == F64:
        (<double*>x.data)[j] = value
    else:
        (<float*>x.data)[j] = <float>value
