"""Tensors from nothing: constructors and conversions."""

import numpy as np

cimport cython

from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport Tensor, dtype_code, shape_of, tensor, to_numpy

from dlcore._kernels.tensor import convert


cdef object _name(object dtype, object default="float32"):
    return default if dtype is None else np.dtype(dtype) if not isinstance(dtype, str) else dtype


cdef Tensor filled(str op, object shape, object value, object dtype):
    cdef tuple dims = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    for n in dims:
        if not hasattr(n, "__index__") or n < 0:
            raise ValueError(f"{op}: shape must hold whole numbers of at least 0; received shape={shape}")
    dtype_code(dtype)
    return tensor(np.full(dims, value, dtype=dtype))


def zeros(shape, dtype=None):
    """Zeros.

    Args:
        shape: Tuple of whole numbers.
        dtype: dtype of the result; float32 by default.

    Returns:
        A tensor of that shape.

    Raises:
        ValueError: For a shape or a dtype that does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.zeros((2,)).tolist()
        [0.0, 0.0]
    """
    return filled("zeros", shape, 0, _name(dtype))


def ones(shape, dtype=None):
    """Ones.

    Args:
        shape: Tuple of whole numbers.
        dtype: dtype of the result; float32 by default.

    Returns:
        A tensor of that shape.

    Raises:
        ValueError: For a shape or a dtype that does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.ones((2,)).tolist()
        [1.0, 1.0]
    """
    return filled("ones", shape, 1, _name(dtype))


def full(shape, fill_value, dtype=None):
    """One number, everywhere.

    Args:
        shape: Tuple of whole numbers.
        fill_value: The number, or a tensor that broadcasts to the shape.
        dtype: dtype of the result; float32 by default.

    Returns:
        A tensor of that shape.

    Raises:
        ValueError: For a shape or a dtype that does not exist.

    Example:
        >>> import dlcore
        >>> dlcore.ops.full((2,), 3.0).tolist()
        [3.0, 3.0]
    """
    value = to_numpy(<Tensor>fill_value) if isinstance(fill_value, Tensor) else fill_value
    return filled("full", shape, value, _name(dtype))


@cython.no_gc
cdef class FullLike(Op):
    """A constant of the shape of x; an op so that it may stand in a functional model. No gradient."""

    cdef int dtype
    cdef object value

    cdef tuple reads(self):
        return None                                 # the value is an argument

    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        self.declare(self.dtype, x.ndim, x.dims)
        return 0

    cdef int forward(self) except -1:
        to_numpy(self.out)[...] = self.value
        self.need = 0
        return 0


cdef Tensor like(object x, object value, object dtype):
    cdef FullLike op = FullLike.__new__(FullLike)
    cdef Tensor a = tensor(x)
    op.dtype = a.dtype if dtype is None else dtype_code(dtype)
    op.value = to_numpy(<Tensor>value) if isinstance(value, Tensor) else value
    return apply(op, (a,))


def zeros_like(x, dtype=None):
    """Zeros of the shape of x.

    Args:
        x: Tensor of any shape.
        dtype: dtype of the result; that of x by default.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.zeros_like([1.0, 2.0]).tolist()
        [0.0, 0.0]
    """
    return like(x, 0, dtype)


def ones_like(x, dtype=None):
    """Ones of the shape of x.

    Args:
        x: Tensor of any shape.
        dtype: dtype of the result; that of x by default.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.ones_like([1.0, 2.0]).tolist()
        [1.0, 1.0]
    """
    return like(x, 1, dtype)


def full_like(x, fill_value, dtype=None):
    """One number, in the shape of x.

    Args:
        x: Tensor of any shape.
        fill_value: The number.
        dtype: dtype of the result; that of x by default.

    Returns:
        A tensor of the shape of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.full_like([1.0, 2.0], 3.0).tolist()
        [3.0, 3.0]
    """
    return like(x, fill_value, dtype)


def arange(start, stop=None, step=None, dtype=None):
    """Evenly spaced numbers from `start` to before `stop`.

    Args:
        start: First number; the end, from 0, if `stop` is not given.
        stop: End, not included.
        step: Distance; 1 by default.
        dtype: dtype of the result; int32 for whole arguments, else float32.

    Returns:
        A tensor of one axis.

    Example:
        >>> import dlcore
        >>> dlcore.ops.arange(3).tolist()
        [0, 1, 2]
    """
    cdef bint real_valued = any(isinstance(v, (float, np.floating)) for v in (start, stop, step))
    if stop is None:
        start, stop = 0, start
    if step is not None and step == 0:
        raise ValueError("arange: step must not be 0; received step=0")
    name = _name(dtype, "float32" if real_valued else "int32")
    dtype_code(name)
    return tensor(np.arange(start, stop, 1 if step is None else step).astype(name))


def eye(N, M=None, k=0, dtype=None):
    """Ones on a diagonal, zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; N by default.
        k: The diagonal: above the main one if positive, below if negative.
        dtype: dtype of the result; float32 by default.

    Returns:
        A tensor of shape (N, M).

    Example:
        >>> import dlcore
        >>> dlcore.ops.eye(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return tensor(np.eye(N, M, k, dtype=_name(dtype)))


def identity(n, dtype=None):
    """The identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: dtype of the result; float32 by default.

    Returns:
        A tensor of shape (n, n).

    Example:
        >>> import dlcore
        >>> dlcore.ops.identity(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return tensor(np.eye(n, dtype=_name(dtype)))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """Evenly spaced numbers from `start` to `stop`.

    Args:
        start: First number.
        stop: Last number.
        num: How many.
        endpoint: Whether `stop` is one of them.
        retstep: Whether to return the distance too.
        dtype: dtype of the result; float32 by default.
        axis: Axis of the numbers when start and stop are tensors.

    Returns:
        A tensor, or a tuple of it and the distance.

    Example:
        >>> import dlcore
        >>> dlcore.ops.linspace(0.0, 1.0, 3).tolist()
        [0.0, 0.5, 1.0]
    """
    if num < 0:
        raise ValueError(f"linspace: num must be at least 0; received num={num}")
    values, distance = np.linspace(np.asarray(start), np.asarray(stop), num, endpoint=endpoint, retstep=True, axis=axis)
    result = tensor(values.astype(_name(dtype)))
    return (result, distance) if retstep else result


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """A tensor of x, sharing its memory where that is possible.

    Args:
        x: Tensor, array, number or nest of lists.
        dtype: dtype of the result; by default that of x, float32 and int32 for Python numbers.
        sparse: Must be None or False.
        ragged: Must be None or False.

    Returns:
        A tensor.

    Raises:
        ValueError: If x cannot become a tensor.

    Example:
        >>> import dlcore
        >>> dlcore.ops.convert_to_tensor([1.0, 2.0]).dtype
        'float32'
    """
    if sparse or ragged:
        raise ValueError("convert_to_tensor: sparse and ragged tensors are not supported; pass a dense array")
    return convert(x, dtype)


def convert_to_numpy(x):
    """A NumPy array that shares the memory of x.

    Args:
        x: Tensor, or anything a tensor can be made of.

    Returns:
        An array of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.convert_to_numpy(dlcore.ops.ones((2,)))
        array([1., 1.], dtype=float32)
    """
    return to_numpy(tensor(x))


def shape(x):
    """The shape of x as a tuple.

    Args:
        x: Tensor of any shape.

    Returns:
        A tuple of whole numbers; ``None`` for one that is not known yet.

    Example:
        >>> import dlcore
        >>> dlcore.ops.shape([[1.0, 2.0]])
        (1, 2)
    """
    return shape_of(tensor(x))
