"""The base of the losses: shapes, sample weights, reduction, launching.

A loss sees its predictions as `rows` samples of `k` numbers. Without reduction the result is one number per row; with it
the rows are summed in double, block by block, and the block sums in order.

Gradients go to y_pred, and where the formula has one also to y_true. Weights have no gradient.
"""

cimport cython
from cpython.long cimport PyLong_CheckExact
from libc.stdint cimport int64_t

from dlcore._kernels.labels cimport as_real
from dlcore._kernels.parallel cimport block_fn, launch
from dlcore._kernels.simd cimport vsum
from dlcore._kernels.tape cimport Op, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, describe, empty, tensor, tensor_as, to_numpy
from dlcore._kernels.types cimport F16, F32, F64

import numpy as np

__all__ = []

cdef enum:
    BLOCK = 16384               # elements a block, at least one row
    STACK_BLOCKS = 64           # partial sums of that many blocks lie on the stack

_REDUCTIONS = {
    "sum_over_batch_size": MEAN, "mean": MEAN, "sum": SUM, "mean_with_sample_weight": WEIGHTED_MEAN, "none": NONE, None: NONE,
}


@cython.no_gc
cdef class _Loss(Op):
    """What the losses share: alignment of shapes, weights, reduction, launching. Inputs are y_true and y_pred."""

    cdef tuple reads(self):
        return None                                 # what is prepared of the labels is kept

    cdef int start(self, str name, object sample_weight, object reduction, object axis, double cost) except -1:
        """Takes the arguments that every loss has."""
        self.name = name
        self.sample_weight = sample_weight
        self.axis = axis
        self.cost = cost
        code = _REDUCTIONS.get(reduction)
        if code is None:
            raise ValueError(f"{name}: reduction must be one of {', '.join(map(repr, _REDUCTIONS))}; received reduction={reduction!r}")
        self.reduction = code
        self.par.a = 1
        self.par.v = 1
        self.unit = 1
        return 0

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

    cdef int complain_of_shapes(self, str hint) except -1:
        raise ValueError(f"{self.name}: y_true and y_pred must have the same shape; received y_true, {describe(self.inputs[0])}, "
                         f"and y_pred, {describe(self.inputs[1])}{hint}")

    cdef int expect_classes(self) except -1:
        if self.k == 0:
            raise ValueError(f"{self.name}: y_pred must have at least one class along axis {self.axis}; received {describe(self.inputs[1])}")
        return 0

    cdef int broadcast_true(self) except -1:
        """Repeats y_true along axes of y_pred where it has one element or none, as Keras' arithmetic does."""
        cdef Tensor t = <Tensor>self.inputs[0]
        cdef int i
        if self.fits(t):
            return 0
        shape = tuple([None if self.dims[i] == UNKNOWN else self.dims[i] for i in range(self.ndim)])
        if not t.symbolic and None not in shape and not wanted(self, 0):
            try:
                self.t = to_tensor(np.broadcast_to(to_numpy(t), shape))
                return 0
            except ValueError:
                pass
        return self.complain_of_shapes("")

    cdef int expect_dtype_of_true(self) except -1:
        """For its gradient."""
        if wanted(self, 0) and (<Tensor>self.inputs[0]).dtype != self.dtype:
            raise ValueError(f"{self.name}: for its gradient y_true must have the dtype of y_pred; "
                             f"received {describe(self.inputs[0])} and {describe(self.inputs[1])}")
        return 0

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

    cdef int take_inputs(self) except -1:
        """y_true and y_pred as rows of numbers of one dtype."""
        self.t = self.axis_last(as_real(<Tensor>self.inputs[0] if self.t is None else self.t, self.dtype))
        self.p = self.axis_last(as_real(<Tensor>self.inputs[1], self.dtype))
        return 0

    cdef int keep(self) except -1:
        """Room for two numbers for each row that backward will read."""
        cdef Py_ssize_t n = 2 * self.rows
        if self.need:
            self.kept = empty(self.dtype, 1, &n)
        return 0

    cdef void context(self, Ctx* c) noexcept:
        c.f64 = self.dtype == F64
        c.kind = self.kind
        c.logits = self.logits
        c.none = self.reduction == NONE
        c.into_true = False
        c.k = self.k
        c.block = max(<Py_ssize_t>1, BLOCK // max(<Py_ssize_t>1, self.k))
        c.t = NULL if self.t is None else self.t.data
        c.p = self.p.data
        c.w = NULL if self.weight is None else self.weight.data
        c.labels = NULL if self.labels is None else <int64_t*>self.labels.data
        c.m = NULL if self.kept is None else self.kept.data
        c.s = NULL if self.kept is None else self.kept.data + self.rows * (8 if c.f64 else 4)
        c.alpha = NULL if self.alpha is None else self.alpha.data
        c.par = self.par
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
        elif self.sample_weight is None or self.value_ndim == 0:    # a single value is not a mean
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
        c.into_true = i == 0
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
