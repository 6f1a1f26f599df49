"""Connectionist temporal classification: the probability of a label sequence, whatever its alignment with the input.

A. Graves et al., Connectionist Temporal Classification, 2006. The states s of an alignment are the labels with a blank before,
between and after them. Forward, alpha_t(s) is the log-probability of all beginnings that are in state s at time t; backward,
beta_t(s) that of all ends that go on from there. Each time step is shifted by its maximum, kept in double, so that numbers
stay near 0 where they matter however long the input is. The posterior of a state, softmax_s(alpha_t(s) + beta_t(s)), does
not depend on these shifts.
"""

cimport cython
from libc.stdint cimport int64_t

from dlcore._kernels.loss_math cimport log_sums
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.simd cimport vmax
from dlcore._kernels.tape cimport Op, apply, wanted
from dlcore._kernels.tensor cimport Tensor, UNKNOWN, describe, empty, tensor, tensor_as
from dlcore._kernels.types cimport F16, F32, F64, kernel_void, real
from dlcore._kernels.vmath cimport exp_, log_

import numpy as np

__all__ = ["ctc_loss"]

cdef double INFINITY = float("inf")

# The logarithm of what is impossible: finite, so that differences of two of them are not NaN. A sum below half of it means
# that no alignment exists.
cdef extern from *:
    """
    #define DL_NEVER -1e30
    """
    const double DL_NEVER

cdef struct Job:
    bint f64
    bint accumulate
    Py_ssize_t steps, classes, states       # states: room for those of the longest sequence
    const int64_t* lengths                  # (2, n): of labels, of inputs
    const int64_t* paths                    # (n, states) the class of each state
    const char* x                           # (n, steps, classes)
    char* m                                 # (n, steps) maximum, and log of the sum of exponentials, of the logits
    char* s
    char* alpha                             # (n, steps, states)
    char* room                              # (n, 2, states + 2)
    char* loss                              # (n)
    const char* g                           # (n) gradient of the loss
    char* d                                 # (n, steps, classes)
    Py_ssize_t n


# y_s = log(exp(a_s) + exp(a_{s-1}) + exp(a_{s-2})), the last one where it may be skipped to: a has two impossible states before it
cdef kernel_void _step(const real* a, const real* skip, real* y, Py_ssize_t states) noexcept nogil:
    cdef Py_ssize_t s
    cdef real u, v, w, m
    for s in range(states):
        u = a[s + 2]
        v = a[s + 1]
        w = a[s] + skip[s]
        m = v if v > u else u
        m = w if w > m else m
        y[s] = m + log_(exp_(u - m) + exp_(v - m) + exp_(w - m))


# y_s += log q_t(class of s), then the maximum is taken out
cdef inline double _emit(const real* x, real m, real rest, const int64_t* path, real* y, Py_ssize_t states) noexcept nogil:
    cdef Py_ssize_t s
    cdef real e, top
    for s in range(states):
        e = (x[path[s]] - m) - rest
        y[s] += <real>DL_NEVER if e < <real>DL_NEVER else e
    top = vmax[real](y, states)
    for s in range(states):
        y[s] -= top
    return top


# 0 where state s may follow s - 2 directly: a label unlike the one before; else never
cdef inline void _skips(const int64_t* path, real* skip, Py_ssize_t states) noexcept nogil:
    cdef Py_ssize_t s
    for s in range(states):
        skip[s] = 0 if s % 2 == 1 and s > 1 and path[s] != path[s - 2] else <real>DL_NEVER


cdef inline void _forward_one(Job* job, const real* x, real* m, real* rest, real* alpha, real* room, const int64_t* path,
                              Py_ssize_t states, Py_ssize_t steps, double* loss) noexcept nogil:
    cdef real* a = room
    cdef real* skip = room + job.states + 2
    cdef Py_ssize_t t, s
    cdef double total = 0
    cdef real last, other, top
    if steps == 0:
        loss[0] = 0 if states == 1 else INFINITY
        return
    log_sums[real](x, m, rest, job.classes, steps)
    _skips[real](path, skip, states)
    for s in range(states):
        alpha[s] = 0 if s < 2 else <real>DL_NEVER
    total = _emit[real](x, m[0], rest[0], path, alpha, states)
    a[0] = a[1] = <real>DL_NEVER
    for t in range(1, steps):
        for s in range(states):
            a[s + 2] = alpha[s]
        alpha += job.states
        _step[real](a, skip, alpha, states)
        total += _emit[real](x + t * job.classes, m[t], rest[t], path, alpha, states)
    last = alpha[states - 1]
    other = alpha[states - 2] if states > 1 else <real>DL_NEVER
    top = other if other > last else last
    total += top + log_(exp_(last - top) + exp_(other - top))
    loss[0] = INFINITY if total < DL_NEVER / 2 else -total


# d_t,k = g (softmax(x_t)_k - the posterior of the states of class k)
cdef inline void _backward_one(Job* job, const real* x, const real* m, const real* rest, const real* alpha, real* room, const int64_t* path, real* d,
                               Py_ssize_t states, Py_ssize_t steps, double loss, real g) noexcept nogil:
    cdef real* b = room
    cdef real* next = room + job.states + 2
    cdef Py_ssize_t t, s, k
    cdef real top
    if loss == INFINITY or steps == 0:
        steps = 0
    for s in range(states):                         # an alignment ends with the last label or the blank after it
        next[s] = 0 if s >= states - 2 else <real>DL_NEVER
    for t in range(steps - 1, -1, -1):              # here `next` is beta_t
        top = vmax[real](next, states)
        for s in range(states):
            b[s] = next[s] - top
        _posterior[real](alpha + t * job.states, b, next, states)
        # softmax, minus the posteriors
        if job.accumulate:
            for k in range(job.classes):
                d[t * job.classes + k] += g * exp_((x[t * job.classes + k] - m[t]) - rest[t])
        else:
            for k in range(job.classes):
                d[t * job.classes + k] = g * exp_((x[t * job.classes + k] - m[t]) - rest[t])
        for s in range(states):
            d[t * job.classes + path[s]] -= g * next[s]
        if t > 0:
            _step_back[real](x + t * job.classes, m[t], rest[t], path, b, next, states)
    if not job.accumulate:
        for k in range(steps * job.classes, job.steps * job.classes):
            d[k] = 0


# y = softmax(a + b)
cdef kernel_void _posterior(const real* a, const real* b, real* y, Py_ssize_t states) noexcept nogil:
    cdef Py_ssize_t s
    cdef real top
    cdef double sum = 0
    for s in range(states):
        y[s] = a[s] + b[s]
    top = vmax[real](y, states)
    for s in range(states):
        y[s] = exp_(y[s] - top)
    for s in range(states):
        sum += y[s]
    for s in range(states):
        y[s] = <real>(y[s] / sum)


# y_s = log(sum over the states r that may follow s of exp(b_r) q_t(class of r)); b is used up
cdef kernel_void _step_back(const real* x, real m, real rest, const int64_t* path, real* b, real* y, Py_ssize_t states) noexcept nogil:
    cdef Py_ssize_t s
    cdef real e, u, v, w, top
    for s in range(states):
        e = (x[path[s]] - m) - rest
        b[s] += <real>DL_NEVER if e < <real>DL_NEVER else e
    b[states] = b[states + 1] = <real>DL_NEVER
    for s in range(states):
        u = b[s]
        v = b[s + 1]
        w = b[s + 2] if s % 2 == 1 and s + 2 < states and path[s] != path[s + 2] else <real>DL_NEVER
        top = v if v > u else u
        top = w if w > top else top
        y[s] = top + log_(exp_(u - top) + exp_(v - top) + exp_(w - top))


cdef inline void _forward_range(Job* job, const real* x, real* m, real* rest, real* alpha, real* room, real* out,
                                Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    cdef double loss
    for i in range(begin, end):
        _forward_one[real](job, x + i * job.steps * job.classes, m + i * job.steps, rest + i * job.steps, alpha + i * job.steps * job.states,
                           room + i * 2 * (job.states + 2), job.paths + i * job.states, 2 * job.lengths[i] + 1, job.lengths[job.n + i], &loss)
        out[i] = <real>loss


cdef inline void _backward_range(Job* job, const real* x, const real* m, const real* rest, const real* alpha, real* room, const real* loss, const real* g,
                                 real* d, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(begin, end):
        _backward_one[real](job, x + i * job.steps * job.classes, m + i * job.steps, rest + i * job.steps, alpha + i * job.steps * job.states,
                            room + i * 2 * (job.states + 2), job.paths + i * job.states, d + i * job.steps * job.classes, 2 * job.lengths[i] + 1,
                            job.lengths[job.n + i], loss[i], g[i])


cdef void _forward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* j = <Job*>ctx
    if j.f64:
        _forward_range[double](j, <double*>j.x, <double*>j.m, <double*>j.s, <double*>j.alpha, <double*>j.room, <double*>j.loss, begin, end)
    else:
        _forward_range[float](j, <float*>j.x, <float*>j.m, <float*>j.s, <float*>j.alpha, <float*>j.room, <float*>j.loss, begin, end)


cdef void _backward(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* j = <Job*>ctx
    if j.f64:
        _backward_range[double](j, <double*>j.x, <double*>j.m, <double*>j.s, <double*>j.alpha, <double*>j.room, <double*>j.loss, <double*>j.g,
                                <double*>j.d, begin, end)
    else:
        _backward_range[float](j, <float*>j.x, <float*>j.m, <float*>j.s, <float*>j.alpha, <float*>j.room, <float*>j.loss, <float*>j.g,
                               <float*>j.d, begin, end)


@cython.no_gc
cdef class CTCLoss(Op):
    """-log of the probability of the labels, for each sequence. Inputs are the logits; labels and lengths are arguments."""

    cdef object labels, label_length, input_length
    cdef int64_t blank
    cdef Tensor x, lengths, paths, kept, alpha
    cdef Py_ssize_t states

    cdef tuple reads(self):
        return None                                 # labels are arguments

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor labels = <Tensor>self.labels
        if x.ndim != 3:
            raise ValueError(f"ctc_loss: output must hold logits of shape (batch, steps, classes); received {describe(x)}")
        if labels.ndim != 2 or labels.dims[0] != x.dims[0] and labels.dims[0] != UNKNOWN and x.dims[0] != UNKNOWN:
            raise ValueError(f"ctc_loss: target must hold class numbers of shape (batch, labels); received {describe(labels)} and output, {describe(x)}")
        if x.dtype == F16 and self.need:
            raise TypeError(f"ctc_loss: gradients are computed in float32 or float64; cast output to float32 first; received {describe(x)}")
        if not 0 <= self.blank < x.dims[2] and x.dims[2] != UNKNOWN:
            raise ValueError(f"ctc_loss: mask_index must be one of the classes of output, {describe(x)}; received mask_index={self.blank}")
        self.declare(x.dtype if x.dtype >= F32 else F32, 1, x.dims)
        return 0

    cdef int take_labels(self) except -1:
        cdef Py_ssize_t n = self.x.dims[0]
        labels = _whole(self.labels, "target")
        of_labels = _lengths(self.label_length, "target_length", n, labels.shape[1])
        of_inputs = _lengths(self.input_length, "output_length", n, self.x.dims[1])
        used = np.arange(labels.shape[1]) < of_labels[:, None]
        bad = used & ((labels < 0) | (labels >= self.x.dims[2]))
        if bad.any():
            place = tuple([int(j) for j in np.argwhere(bad)[0]])
            raise ValueError(f"ctc_loss: labels must be class numbers from 0 to {self.x.dims[2] - 1}; received target with {labels[place]} at {list(place)}")
        self.states = 2 * labels.shape[1] + 1
        paths = np.full((n, self.states), self.blank, np.int64)
        paths[:, 1::2] = np.where(used, labels, self.blank)
        self.paths = tensor(paths)
        self.lengths = tensor(np.stack([of_labels, of_inputs]))
        return 0

    cdef int forward(self) except -1:
        cdef Py_ssize_t n
        cdef Job job
        self.x = tensor_as(<Tensor>self.inputs[0], self.out.dtype)
        self.take_labels()
        n = 2 * self.x.dims[0] * self.x.dims[1]
        self.kept = empty(self.x.dtype, 1, &n)
        n = self.x.dims[0] * self.x.dims[1] * self.states
        self.alpha = empty(self.x.dtype, 1, &n)
        self.launch_all(&job, False)
        if not self.need:
            self.alpha = self.kept = None
        return 0

    cdef int launch_all(self, Job* job, bint back) except -1:
        cdef Py_ssize_t n = 2 * self.x.dims[0] * (self.states + 2)
        cdef Tensor room = empty(self.x.dtype, 1, &n)
        cdef double cost
        n = self.x.dims[0]
        job.n = n
        job.f64 = self.x.dtype == F64
        job.steps = self.x.dims[1]
        job.classes = self.x.dims[2]
        job.states = self.states
        job.lengths = <int64_t*>self.lengths.data
        job.paths = <int64_t*>self.paths.data
        job.x = self.x.data
        job.m = self.kept.data
        job.s = job.m + n * job.steps * (8 if job.f64 else 4)
        job.alpha = self.alpha.data
        job.room = room.data
        job.loss = self.out.data
        cost = <double>n * job.steps * (job.classes + job.states * (30.0 if job.f64 else 5.0))
        launch(_backward if back else _forward, job, n, 1, cost)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor d
        cdef Job job
        if not wanted(self, 0):
            return 0
        d = self.grad_in(0, &job.accumulate)
        job.d = d.data
        job.g = (<Tensor>self.out.grad).data
        return self.launch_all(&job, True)


def _whole(x, name):
    """Numbers of any dtype as int64."""
    array = np.asarray(x)
    if array.dtype.kind == "f":
        whole = array.astype(np.int64, copy=True) if np.isfinite(array).all() and (np.floor(array) == array).all() else None
        if whole is None:
            raise ValueError(f"ctc_loss: {name} must hold whole numbers; received {array[~np.isfinite(array) | (np.floor(array) != array)][0]}")
        return whole
    return array.astype(np.int64)


def _lengths(x, name, n, limit):
    array = _whole(x, name)
    if array.shape != (n,) or array.size and not 0 <= array.min() <= array.max() <= limit:
        raise ValueError(f"ctc_loss: {name} must hold {n} whole numbers from 0 to {limit}; received {array.tolist() if array.size < 9 else array.shape}")
    return array


def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """Minus the logarithm of the probability of a sequence of labels, whatever the time steps at which they come.

    Args:
        target: Class numbers, (batch, labels); what comes after the length of a sequence is ignored.
        output: Logits, (batch, steps, classes).
        target_length: Number of labels of each sequence, (batch,).
        output_length: Number of time steps of each sequence, (batch,).
        mask_index: The class that means no label, and parts labels that repeat.

    Returns:
        A tensor (batch,). Infinity, with a gradient of zero, where there are fewer steps than the labels need.

    Raises:
        ValueError: If shapes do not fit, or a label or length is out of range.

    Example:
        >>> import dlcore
        >>> loss = dlcore.ops.ctc_loss([[1]], [[[0.0, 0.0], [0.0, 0.0]]], [1], [2])
        >>> [round(x, 4) for x in loss.numpy().tolist()]
        [0.2877]
    """
    cdef CTCLoss op = CTCLoss.__new__(CTCLoss)
    op.labels = tensor(target)
    op.label_length = target_length
    op.input_length = output_length
    op.blank = mask_index
    return apply(op, (tensor(output),))
