"""Replay: the run of a model on a few samples, repeated on other numbers.

What a small model spends on one sample is mostly not arithmetic but layers that are called, shapes that are checked, tensors that
are made. A recording keeps the ops of one run, with their outputs. To repeat the run on inputs of the same shape is to copy them to
where the first ones lay and to run the forward passes once more, in order. Variables are read where they are at that moment.
"""

from cpython.object cimport PyObject
from libc.string cimport memcpy

from dlcore._kernels.tape cimport Op, listen, observed
from dlcore._kernels.tensor cimport Tensor, VariableBase, cast_copy, dtype_code, empty_like, itemsize, same_shape, shape_of, tensor
from dlcore._kernels.types cimport F16

import numpy as np

cdef extern from "Python.h":
    PyObject* _PyType_Lookup(type cls, object name)     # as cls.name, but without binding; from the interpreter's cache of methods

cdef enum:
    MOST_INPUT = 65536          # bytes of an input: with larger ones the arithmetic is what takes the time
    MOST_MADE = 1048576         # bytes that the ops of a recording made and that it keeps
    MOST_SHAPES = 4             # of which a model has recordings


cdef class Recording:
    """The ops of a run of ``function(*inputs)`` on copies of the inputs.

    Args:
        function: What it computes with Python may depend on shapes, not on numbers.
        inputs: List of tensors or arrays.
        constants: Tensors that it uses and that stay what they are.
        numbers: Whether tensors without axes are constants, too: an op that is called with a number makes it one.

    Attributes:
        result: What the function gave.
        repeatable: Whether :meth:`repeat` will do.
    """

    cdef tuple inputs
    cdef list ops
    cdef bint busy              # another thread runs the ops
    cdef readonly object result
    cdef readonly bint repeatable

    def __init__(self, function, inputs, constants=(), bint numbers=True):
        self.inputs = tuple([cast_copy(tensor(x), tensor(x).dtype) for x in inputs])
        self.ops = []
        outer = listen(self.ops)
        try:
            self.result = function(*self.inputs)
        finally:
            listen(outer)
        self.repeatable = self.follows(constants, numbers)
        if not self.repeatable:
            self.ops = None

    cdef bint follows(self, object constants, bint numbers) except -1:
        """Whether the result follows from inputs, constants and variables by these ops alone."""
        cdef Op op
        cdef Tensor x
        cdef tuple read
        cdef Py_ssize_t nbytes = 0
        known = {id(x) for x in (*self.inputs, *constants)}
        for op in self.ops:
            read = op.reads()
            if read is None or op.need:
                return False
            for x in read:
                if id(x) not in known and not (numbers and x.ndim == 0) and not isinstance(x, VariableBase):
                    return False
            for x in (op.out,) if op.more is None else (op.out, *op.more):
                known.add(id(x))
                nbytes += x.capacity
        return type(self.result) is Tensor and id(self.result) in known and self.result.mask is None and nbytes <= MOST_MADE

    cdef Tensor again(self, tuple inputs):
        """None if another thread is at it."""
        cdef Op op
        cdef Tensor x, y
        cdef Py_ssize_t i
        if self.busy:
            return None
        self.busy = True
        try:
            for i in range(len(inputs)):
                x, y = <Tensor>inputs[i], <Tensor>self.inputs[i]
                memcpy(y.data, x.data, y.size * itemsize(y.dtype))
            for op in self.ops:
                op.forward()
            x = <Tensor>self.result
            y = empty_like(x)
            memcpy(y.data, x.data, y.size * itemsize(y.dtype))
        finally:
            self.busy = False
        return y

    def repeat(self, *inputs):
        """The result for other inputs, a new tensor.

        Raises:
            ValueError: The inputs differ in number, shape or dtype from those of the recording, or the recording is not repeatable.
        """
        cdef tuple given = tuple([tensor(x) for x in inputs])
        if not self.repeatable or len(given) != len(self.inputs):
            raise ValueError(f"repeat: expected {len(self.inputs)} inputs of a repeatable recording; received {len(given)}")
        for x, y in zip(given, self.inputs, strict=True):
            if x.dtype != y.dtype or x.shape != y.shape:
                raise ValueError(f"repeat: expected the shape {y.shape} and dtype {y.dtype} that were recorded; received {x.shape} and {x.dtype}")
        y = self.again(given)
        if y is None:
            raise RuntimeError("repeat: another thread repeats this recording")
        return y


cdef class Replay:
    """The recordings of a model that is called with one tensor, one for each of the last few shapes.

    Args:
        dtype: That of the tensors; floats of another one are converted.
        constants, numbers: As for a Recording.
        methods: List of ``(class, call, __call__)``, a class of layers and its functions. A class that has others is not replayed.
    """

    cdef list recordings
    cdef list constants
    cdef list methods
    cdef bint numbers
    cdef list missed            # the last shapes that came without a recording
    cdef int dtype

    def __init__(self, dtype, constants, numbers, methods):
        self.dtype = dtype_code(dtype)
        self.constants, self.numbers, self.methods = constants, numbers, methods
        self.recordings, self.missed = [], []

    cdef bint replaced(self) except -1:
        """Whether somebody has put other functions into the classes of layers."""
        cdef tuple m
        for m in self.methods:
            if _PyType_Lookup(<type>m[0], "call") != <PyObject*>m[1] or _PyType_Lookup(<type>m[0], "__call__") != <PyObject*>m[2]:
                return True
        return False

    def run(self, model, x):
        """``model.call(x, training=False)``, or None where that is not to be repeated. A shape is recorded when it comes again."""
        cdef Recording r
        cdef Tensor t
        if observed() or self.replaced():
            return None
        if type(x) is Tensor:
            t = <Tensor>x
        elif isinstance(x, np.ndarray) and x.dtype.kind == "f":
            t = tensor(x)
        else:
            return None
        if t.symbolic or t.mask is not None or t.dtype < F16 or t.size * itemsize(t.dtype) > MOST_INPUT:
            return None
        if t.dtype != self.dtype:
            t = cast_copy(t, self.dtype)
        for r in self.recordings:
            if same_shape(t, <Tensor>r.inputs[0]):
                return r.again((t,)) if r.repeatable else None
        shape = shape_of(t)
        if shape not in self.missed:
            self.missed = [*self.missed[1 - MOST_SHAPES:], shape]
            return None
        if len(self.recordings) == MOST_SHAPES:
            self.recordings = []
        r = Recording(lambda v: model.call(v, training=False), (t,), self.constants, self.numbers)
        self.recordings.append(r)
        return r.again((t,)) if r.repeatable else r.result
