"""Batch and group normalization: a mean and variance for each channel over all of x, or for groups of channels in each sample.

Forward takes the statistics in one pass over x and writes y in a second one; backward takes two sums and writes dx. An activation
that follows is part of the passes: backward computes anew what went into it, from x, so nothing is kept for it.
"""

cimport cython
from libc.math cimport sqrt

from dlcore._kernels.activation cimport ACT_COUNT, ACT_LINEAR, ACT_RELU, activation_code, default_params
from dlcore._kernels.cast cimport cast_to
from dlcore._kernels.channels cimport Channels, cut_for_sums, follow, pass_over, pass_over_sums, set_backward, set_forward, share, weigh
from dlcore._kernels.layout cimport axis_index
from dlcore._kernels.tape cimport Op, apply, apply_all, wanted
from dlcore._kernels.tensor cimport UNKNOWN, Tensor, describe, empty, tensor
from dlcore._kernels.types cimport F16, F32, F64, real

from dlcore._kernels.reduce import mean as mean_over
from dlcore._kernels.reduce import var as var_over

__all__ = ["batch_normalization", "moments"]


@cython.no_gc
cdef class _ChannelOp(Op):
    """What normalizations of channels share: the view of x, scratch memory, the two passes."""

    cdef object axis
    cdef double epsilon
    cdef Py_ssize_t groups          # of channels that share statistics in each sample; 0: each channel its own, over all samples
    cdef int gamma                  # which inputs they are; 0: none
    cdef int beta
    cdef Channels c
    cdef Tensor scratch
    cdef Tensor coefficients
    cdef Tensor inverse             # 1 / sqrt(variance + epsilon), double
    cdef Tensor kept                # gradient of what goes into the activation, between the passes back

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Tensor v
        cdef Channels* c = &self.c
        cdef int i, axis
        if x.ndim < 1:
            raise ValueError(f"{self.called()}: x must have a channel axis; received {describe(x)}")
        axis = axis_index(self.called(), self.axis, x.ndim, x)
        c.samples = c.rows = c.inner = 1
        c.channels = x.dims[axis]
        for i in range(x.ndim):
            if i == 0 and self.groups and axis > 0:
                c.samples = x.dims[0]
            elif i < axis:
                c.rows *= x.dims[i]
            elif i > axis:
                c.inner *= x.dims[i]
        c.f64 = x.dtype == F64
        for i in range(1, <int>len(self.inputs)):
            v = <Tensor>self.inputs[i]
            if v.ndim != 1 or v.dims[0] != c.channels and v.dims[0] != UNKNOWN and c.channels != UNKNOWN:
                raise ValueError(f"{self.called()}: statistics, offset (beta) and scale (gamma) must be vectors with an element for each of the "
                                 f"{x.shape[axis]} channels, axis {self.axis} of x; received {describe(v)}")
        if self.groups > 0 and c.channels != UNKNOWN and c.channels % self.groups:
            raise ValueError(f"{self.called()}: the number of groups must divide the {c.channels} channels; received groups={self.groups}")
        self.declare(x.dtype, x.ndim, x.dims)
        return 0

    cdef str called(self):
        return "group_normalization" if self.groups else "batch_normalization"

    cdef void* data(self, int i) noexcept:
        return NULL if i == 0 else <void*>(<Tensor>self.inputs[i]).data

    cdef int prepare(self) except -1:
        """Room for the coefficients m, a, b, q, d."""
        cdef Channels* c = &self.c
        cdef Py_ssize_t n = c.samples * c.channels
        cdef Py_ssize_t size = 8 if c.f64 else 4
        cdef Py_ssize_t dims[1]
        dims[0] = 5 * n
        self.coefficients = empty(F64 if c.f64 else F32, 1, dims)
        dims[0] = n
        self.inverse = empty(F64, 1, dims)
        c.x = (<Tensor>self.inputs[0]).data
        c.g = NULL
        c.q = NULL
        c.m = self.coefficients.data
        c.a = c.m + n * size
        c.b = c.a + n * size
        c.d = NULL
        default_params(c.code, c.p)
        return 0

    cdef int set_coefficients(self) except -1:
        cdef Channels* c = &self.c
        if c.f64:
            set_forward[double](c, <double*>self.data(self.gamma), <double*>self.data(self.beta), self.epsilon, <double*>self.inverse.data,
                                <double*>c.m, <double*>c.a, <double*>c.b)
        else:
            set_forward[float](c, <float*>self.data(self.gamma), <float*>self.data(self.beta), self.epsilon, <double*>self.inverse.data,
                               <float*>c.m, <float*>c.a, <float*>c.b)
        return 0

    cdef int room(self, Py_ssize_t blocks) except -1:
        """For two double for every channel of a block."""
        cdef Channels* c = &self.c
        cdef Py_ssize_t dims[1]
        c.blocks = blocks
        dims[0] = 2 * c.samples * blocks * c.channels
        self.scratch = empty(F64, 1, dims)
        c.first = <double*>self.scratch.data
        c.second = c.first + c.samples * blocks * c.channels
        return 0

    cdef int sums(self) except -1:
        """The pass of sums; those of a sample end at the place of its first block."""
        cdef Channels* c = &self.c
        cut_for_sums(c)
        self.room(c.blocks)
        return pass_over_sums(c)

    cdef int last_pass(self, char* out) except -1:
        cdef Channels* c = &self.c
        c.out = out
        return pass_over(c)

    cdef int backward_sums(self) except -1:
        """The pass of sums back. The gradient of what goes into an activation is computed once, and kept for the last pass if
        there is one; that of relu costs less than reading it."""
        cdef Channels* c = &self.c
        cdef Tensor d
        cdef bint accumulate
        self.kept = None
        c.keep = NULL
        if c.code > ACT_RELU and wanted(self, 0):
            d = self.grad_in(0, &accumulate)            # not yet written: the tape must not think so
            d.grad_ready = accumulate
            self.kept = empty(d.dtype, d.ndim, d.dims) if accumulate else d
            c.keep = self.kept.data
        self.sums()
        return 0

    cdef int backward_pass(self) except -1:
        """The last pass back; after `backward_sums`, or by itself."""
        cdef Channels* c = &self.c
        cdef int code = c.code
        cdef Tensor d = self.grad_in(0, &c.accumulate)
        if self.out.size == 0:
            return 0
        if self.kept is not None:
            c.g = c.keep
            c.code = ACT_LINEAR
        self.last_pass(d.data)
        c.code = code
        self.kept = None
        return 0

    cdef int vector_grad(self, int i, const double* weight, const double* sums) except -1:
        """Gives input i, a vector of channels, the sum over samples of weight (samples, channels; or NULL: 1) times sums."""
        cdef Channels* c = &self.c
        cdef Py_ssize_t s, j
        cdef bint accumulate
        cdef Tensor d
        cdef double v
        if i == 0 or not wanted(self, i):
            return 0
        d = self.grad_in(i, &accumulate)
        for j in range(c.channels):
            v = 0
            for s in range(c.samples if self.out.size else 0):
                v += (1 if weight == NULL else weight[s * c.channels + j]) * sums[s * c.blocks * c.channels + j]
            if c.f64:
                (<double*>d.data)[j] = ((<double*>d.data)[j] if accumulate else 0) + v
            else:
                (<float*>d.data)[j] = ((<float*>d.data)[j] if accumulate else 0) + <float>v
        return 0


@cython.no_gc
cdef class BatchNorm(_ChannelOp):
    """y = act((x - mean) scale / sqrt(variance + epsilon) + offset); inputs x, mean, variance and, if there are any, scale and offset."""

    cdef int forward(self) except -1:
        cdef Channels* c = &self.c
        cdef Py_ssize_t j
        cdef void* mean
        cdef void* variance
        if self.out.size == 0:
            return 0
        self.prepare()
        self.room(1)
        mean = self.data(1)
        variance = self.data(2)
        for j in range(c.channels):
            c.first[j] = (<double*>mean)[j] if c.f64 else (<float*>mean)[j]
            c.second[j] = ((<double*>variance)[j] if c.f64 else (<float*>variance)[j]) * <double>(c.rows * c.inner)
        self.set_coefficients()
        self.last_pass(self.out.data)
        self.scratch = None
        if not self.need:
            self.coefficients = self.inverse = None
        return 0

    cdef int backward(self) except -1:
        cdef Channels* c = &self.c
        cdef Py_ssize_t j
        cdef double* inverse
        cdef double[1] nothing
        c.g = self.out.grad.data
        c.q = NULL
        if self.out.size == 0:
            for j in range(1, len(self.inputs)):
                self.vector_grad(<int>j, NULL, nothing)
        elif self.need > 1:
            inverse = <double*>self.inverse.data
            self.backward_sums()
            self.vector_grad(self.beta, NULL, c.first)
            self.vector_grad(self.gamma, inverse, c.second)
            if wanted(self, 1) or wanted(self, 2):
                if c.f64:
                    weigh[double](c, <double*>self.data(self.gamma))
                else:
                    weigh[float](c, <float*>self.data(self.gamma))
                for j in range(c.channels):
                    c.first[j] *= -inverse[j]
                    c.second[j] *= -0.5 * inverse[j] * inverse[j] * inverse[j]
                self.vector_grad(1, NULL, c.first)
                self.vector_grad(2, NULL, c.second)
            self.scratch = None
        if wanted(self, 0):
            self.backward_pass()
        return 0


@cython.no_gc
cdef class ChannelNorm(_ChannelOp):
    """The same with the mean and variance of x itself, and moving averages of them; inputs x and, if there are any, scale and offset."""

    cdef double momentum
    cdef Tensor moving_mean         # None: nothing follows
    cdef Tensor moving_variance

    cdef tuple reads(self):
        return self.inputs if self.moving_mean is None else None

    cdef int forward(self) except -1:
        cdef Channels* c = &self.c
        if self.out.size == 0:
            return 0
        self.prepare()
        self.sums()
        if self.groups:
            share(c, self.groups, True)
        self.set_coefficients()
        if self.moving_mean is not None:
            if c.f64:
                follow[double](c.first, <double*>self.moving_mean.data, self.momentum, c.channels)
                follow[double](c.second, <double*>self.moving_variance.data, self.momentum, c.channels)
            else:
                follow[float](c.first, <float*>self.moving_mean.data, self.momentum, c.channels)
                follow[float](c.second, <float*>self.moving_variance.data, self.momentum, c.channels)
        self.last_pass(self.out.data)
        self.scratch = None
        if not self.need:
            self.coefficients = self.inverse = None
        return 0

    cdef int backward(self) except -1:
        cdef Channels* c = &self.c
        cdef double[1] nothing
        cdef double n
        cdef double* inverse
        if self.out.size == 0:
            self.vector_grad(self.beta, NULL, nothing)
            self.vector_grad(self.gamma, NULL, nothing)
            if wanted(self, 0):
                self.backward_pass()
            return 0
        c.g = self.out.grad.data
        inverse = <double*>self.inverse.data
        self.backward_sums()
        self.vector_grad(self.beta, NULL, c.first)
        self.vector_grad(self.gamma, inverse, c.second)
        if wanted(self, 0):
            c.q = c.b + c.samples * c.channels * (8 if c.f64 else 4)
            c.d = c.q + c.samples * c.channels * (8 if c.f64 else 4)
            n = <double>(c.rows * c.inner) * (c.channels // self.groups if self.groups else 1)
            if c.f64:
                weigh[double](c, <double*>self.data(self.gamma))
            else:
                weigh[float](c, <float*>self.data(self.gamma))
            if self.groups:
                share(c, self.groups, False)
            if c.f64:
                set_backward[double](c, inverse, n, <double*>c.q, <double*>c.d)
            else:
                set_backward[float](c, inverse, n, <float*>c.q, <float*>c.d)
            self.backward_pass()
        self.scratch = None
        return 0


cdef Tensor beside_x(object v, Tensor x):
    cdef Tensor t = tensor(v)
    return t if t.symbolic else cast_to(t, x.dtype)


cdef int code_of(object activation) except -2:
    cdef int code = ACT_LINEAR
    if activation is not None:
        code = activation if isinstance(activation, int) else activation_code(activation)
        if not 0 <= code < ACT_COUNT:
            raise ValueError(f"batch_normalization: activation must be the name of an elementwise activation; received activation={activation!r}. "
                             f"Apply other functions to the result")
    return code


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, double epsilon=1e-3):
    """Normalizes every channel with the given mean and variance.

    ``y = scale (x - mean) / sqrt(variance + epsilon) + offset``

    Args:
        x: Tensor of any shape.
        mean: Vector of the size of x along `axis`.
        variance: Vector of the same size.
        axis: The axis of the channels.
        offset: Vector of the same size, or None for zeros.
        scale: Vector of the same size, or None for ones.
        epsilon: Added to the variance.

    Returns:
        A tensor of the shape of x.

    Raises:
        ValueError: If axis is out of range or a vector has another size.

    Example:
        >>> import dlcore
        >>> dlcore.ops.batch_normalization([[1.0], [5.0]], [3.0], [4.0], -1, epsilon=0.0).tolist()
        [[-1.0], [1.0]]
    """
    return normalize_with(x, mean, variance, axis, offset, scale, epsilon)


def normalize_with(x, mean, variance, axis, offset, scale, double epsilon, activation=None):
    """:func:`batch_normalization` and an activation that follows.

    Args:
        x, mean, variance, axis, offset, scale, epsilon: See there.
        activation: Name of an elementwise activation with its default parameters, its code, or None.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> from dlcore._kernels.channelnorm import normalize_with
        >>> normalize_with([[1.0], [5.0]], [3.0], [4.0], -1, None, None, 0.0, "relu").tolist()
        [[0.0], [1.0]]
    """
    cdef BatchNorm op
    cdef Tensor t = tensor(x)
    if t.dtype < F32:
        y = normalize_with(cast_to(t, F32), mean, variance, axis, offset, scale, epsilon, activation)
        return cast_to(y, F16) if t.dtype == F16 else y
    op = BatchNorm.__new__(BatchNorm)
    op.c.code = code_of(activation)
    inputs = [t, beside_x(mean, t), beside_x(variance, t)]
    if scale is not None:
        op.gamma = 3
        inputs.append(beside_x(scale, t))
    if offset is not None:
        op.beta = <int>len(inputs)
        inputs.append(beside_x(offset, t))
    op.axis = axis
    op.epsilon = epsilon
    return apply(op, tuple(inputs))


def normalize_channels(x, gamma, beta, axis, double epsilon, Py_ssize_t groups=0, moving_mean=None, moving_variance=None, double momentum=0,
                       activation=None):
    """Normalizes channels with statistics of x itself: those of each channel over all of x, or of groups of channels in each sample.

    Args:
        x: Tensor with a channel axis.
        gamma, beta: Scale and offset, vectors with an element for each channel, or None.
        axis: The axis of the channels.
        epsilon: Added to the variance.
        groups: Number of groups of channels; 0 for statistics of each channel over all samples.
        moving_mean, moving_variance: Variables that follow the statistics, or None.
        momentum: Share of their old values that they keep.
        activation: Name of an elementwise activation with its default parameters that follows, its code, or None.

    Returns:
        A tensor of the shape of x. Without elements in x the moving statistics stay what they are.

    Example:
        >>> from dlcore._kernels.channelnorm import normalize_channels
        >>> normalize_channels([[1.0], [5.0]], None, None, -1, 0.0).tolist()
        [[-1.0], [1.0]]
    """
    cdef ChannelNorm op
    cdef Tensor t = tensor(x)
    cdef Tensor m
    if t.dtype < F32:
        y = normalize_channels(cast_to(t, F32), gamma, beta, axis, epsilon, groups, moving_mean, moving_variance, momentum, activation)
        return cast_to(y, F16) if t.dtype == F16 else y
    op = ChannelNorm.__new__(ChannelNorm)
    op.c.code = code_of(activation)
    op.axis = axis
    op.epsilon = epsilon
    op.groups = groups
    if gamma is None:
        if beta is None:
            inputs = (t,)
        else:
            op.beta = 1
            inputs = (t, beside_x(beta, t))
    else:
        op.gamma = 1
        if beta is None:
            inputs = (t, beside_x(gamma, t))
        else:
            op.beta = 2
            inputs = (t, beside_x(gamma, t), beside_x(beta, t))
    if moving_mean is not None:
        for v in (moving_mean, moving_variance):
            m = <Tensor?>v
            if m.dtype != t.dtype or m.ndim != 1:
                raise ValueError(f"batch_normalization: moving statistics must be vectors of the dtype of x; received {describe(m)} and x, {describe(t)}")
        op.moving_mean = <Tensor>moving_mean
        op.moving_variance = <Tensor>moving_variance
        op.momentum = momentum
    return apply(op, inputs)


cdef void _fold(const real* gamma, const real* beta, const real* mean, const real* variance, double epsilon, const real* bias,
                real* scale, real* offset, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    cdef double a, b
    for j in range(n):
        a = (<double>1 if gamma == NULL else <double>gamma[j]) / sqrt(<double>variance[j] + epsilon)
        b = -<double>mean[j] if bias == NULL else <double>bias[j] - <double>mean[j]
        scale[j] = <real>a
        offset[j] = <real>(a * b + (0 if beta == NULL else <double>beta[j]))


@cython.no_gc
cdef class Fold(Op):
    """The factor and the offset that `folded` gives; inputs mean, variance and those of gamma, beta and bias that there are."""

    cdef int gamma                  # which inputs they are; 0: none
    cdef int beta
    cdef int bias
    cdef double epsilon

    cdef int infer(self) except -1:
        cdef Tensor m = <Tensor>self.inputs[0]
        cdef Tensor v
        if m.ndim != 1 or m.dtype < F32 or m.symbolic:
            raise ValueError(f"batch_normalization: expected a vector of float32 or float64 as mean; received {describe(m)}")
        for v in self.inputs:
            if v.dtype != m.dtype or v.ndim != 1 or v.dims[0] != m.dims[0]:
                raise ValueError(f"batch_normalization: expected a vector like the mean, {describe(m)}; received {describe(v)}")
        self.declare_like(m)
        self.declare_like(m)
        return 0

    cdef const char* data(self, int i) noexcept:
        return NULL if i == 0 else (<Tensor>self.inputs[i]).data

    cdef int forward(self) except -1:
        cdef Tensor m = <Tensor>self.inputs[0]
        cdef Tensor offset = <Tensor>self.more[0]
        cdef const char* variance = (<Tensor>self.inputs[1]).data
        if m.dtype == F64:
            _fold[double](<double*>self.data(self.gamma), <double*>self.data(self.beta), <double*>m.data, <double*>variance, self.epsilon,
                          <double*>self.data(self.bias), <double*>self.out.data, <double*>offset.data, m.dims[0])
        else:
            _fold[float](<float*>self.data(self.gamma), <float*>self.data(self.beta), <float*>m.data, <float*>variance, self.epsilon,
                         <float*>self.data(self.bias), <float*>self.out.data, <float*>offset.data, m.dims[0])
        return 0


def folded(gamma, beta, mean, variance, double epsilon, bias=None):
    """What a normalization with given statistics does to the outputs x + bias of a linear layer, as one factor and one offset.

    Args:
        gamma, beta: Scale and offset of the normalization, vectors of the dtype of mean, or None.
        mean, variance: Its statistics, tensors of one axis.
        epsilon: Added to the variance.
        bias: Vector, or None.

    Returns:
        Tensors (scale, offset): the normalized x + bias is ``scale x + offset``. For inference: there is no gradient.

    Example:
        >>> import dlcore
        >>> from dlcore._kernels.channelnorm import folded
        >>> [v.tolist() for v in folded(None, None, dlcore.ops.ones(1), dlcore.ops.full(1, 4.0), 0.0)]
        [[0.5], [-0.5]]
    """
    cdef Fold op = Fold.__new__(Fold)
    cdef list inputs = [<Tensor?>mean, <Tensor?>variance]
    op.epsilon = epsilon
    if gamma is not None:
        op.gamma = <int>len(inputs)
        inputs.append(<Tensor?>gamma)
    if beta is not None:
        op.beta = <int>len(inputs)
        inputs.append(<Tensor?>beta)
    if bias is not None:
        op.bias = <int>len(inputs)
        inputs.append(<Tensor?>bias)
    return apply_all(op, tuple(inputs))


def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over axes.

    Args:
        x: Tensor of any shape.
        axes: Axis or axes to reduce.
        keepdims: Whether reduced axes stay, with one element.
        synchronized: Must be False: there is one device.

    Returns:
        A tuple of two tensors: mean and variance.

    Raises:
        ValueError: If an axis does not exist or is named twice, or `synchronized` is set.

    Example:
        >>> import dlcore
        >>> [y.tolist() for y in dlcore.ops.moments([[1.0, 2.0], [3.0, 5.0]], axes=[0])]
        [[2.0, 3.5], [1.0, 2.25]]
    """
    if synchronized:
        raise ValueError("moments: synchronized=True is not supported, there is one device; pass synchronized=False")
    return mean_over(x, axes, keepdims), var_over(x, axes, keepdims)
