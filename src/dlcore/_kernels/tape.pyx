"""Differentiation by a tape.

An op that runs while a tape is open, on an input that the tape wants a gradient of, appends itself to the tape's list;
so execution order is topological order and backward is the list reversed, without recursion. With no tape open nothing
is recorded. A gradient is written by the first op that has one for it and added to by later ones, so no buffer is ever
zero-filled first. Gradients of trainable variables are written where the optimizer reads them (see arena.pyx).
"""

import numpy as np

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcpy

from dlcore._kernels.tensor cimport (
    KerasTensor, Tensor, VariableBase, cast_copy, describe, empty, empty_like, itemsize, same_shape, tensor, tensor_as, to_numpy, view,
)
from dlcore._kernels.types cimport F16, F32, F64, TEXT, real

cdef extern from *:
    """
    /* The innermost open tape of each thread. An open tape holds a reference to itself, so this is never dangling. */
    static __thread PyObject* dl_open_tape = NULL;
    /* Where ops on this thread note that they ran: a list that its caller holds, or NULL. */
    static __thread PyObject* dl_listener = NULL;
    """
    void* dl_open_tape
    void* dl_listener

cdef long long _next_id = 1


@cython.no_gc
cdef class Op:
    """One differentiable operation. A subclass has, on one screen:

    - ``infer``: all validation and all shape arithmetic, on ``self.inputs``; it ends by declaring the output;
    - ``forward``: fills ``self.out``; it may keep on ``self`` what backward needs (``self.need`` is 0 if it will not run);
    - ``backward``: reads ``self.out.grad`` and, for every input i with ``wanted(self, i)``, writes or adds its gradient.
    """

    cdef int infer(self) except -1:
        raise NotImplementedError(f"{type(self).__name__}.infer")

    cdef int forward(self) except -1:
        raise NotImplementedError(f"{type(self).__name__}.forward")

    cdef int backward(self) except -1:
        raise RuntimeError(f"the op {type(self).__name__} has no gradient")

    cdef tuple reads(self):
        """The tensors that `forward` reads, if running it once more with new numbers in them gives what a new op would; else None."""
        return self.inputs

    cdef Tensor declare(self, int dtype, int ndim, const Py_ssize_t* dims):
        """Makes the next output: a buffer to fill, or a placeholder when an input is symbolic."""
        cdef Tensor x, y
        cdef KerasTensor s
        for x in self.inputs:
            if x.symbolic:
                if x.dtype == TEXT:
                    raise TypeError(f"{type(self).__name__}: expected numbers; received {describe(x)}. Turn text into numbers first (StringLookup, Hashing)")
                s = KerasTensor.__new__(KerasTensor)
                s.symbolic = True
                s.dtype = dtype
                s.set_dims(ndim, dims)
                y = s
                break
        else:
            y = empty(dtype, ndim, dims)
        if self.out is None:
            self.out = y
        else:
            self.more = (y,) if self.more is None else self.more + (y,)
        return y

    cdef Tensor declare_like(self, Tensor x):
        return self.declare(x.dtype, x.ndim, x.dims)

    cdef Tensor grad_in(self, int i, bint* accumulate):
        """The buffer for the gradient of input i; `accumulate` says whether to add to it or to overwrite it."""
        cdef Tensor x = <Tensor>self.inputs[i]
        cdef Tensor g
        if x.is_leaf_variable:
            if self.tape.into_arena and (<VariableBase>x).grad_view is not None:
                g = (<VariableBase>x).grad_view
            else:
                g = self.tape.leaves.get(x)
                if g is None:
                    g = self.tape.leaves[x] = empty_like(x)
        else:
            g = x.grad
            if g is None:
                g = self.tape.make_grad(x)
        accumulate[0] = g.grad_ready
        g.grad_ready = True
        return g

    cdef int pass_grad(self, int i, Tensor g) except -1:
        """Gives input i the gradient g as it is (same number of elements): shares its memory if that is possible.

        Only for a g that nothing writes to afterwards, so at most one input may be given the same g.
        """
        cdef Tensor x = <Tensor>self.inputs[i]
        cdef Tensor d
        cdef bint accumulate
        cdef Py_ssize_t j
        if not x.is_leaf_variable and x.grad is None and x.dtype == g.dtype and x.tape_id == self.tape.id and not self.tape.sharing_shows:
            d = view(g, 0, x.ndim, x.dims)
            d.grad_ready = True
            x.grad = d
            return 0
        d = self.grad_in(i, &accumulate)
        if not accumulate:
            memcpy(d.data, g.data, g.size * itemsize(g.dtype))
        elif g.dtype == F32:
            for j in range(g.size):
                (<float*>d.data)[j] += (<float*>g.data)[j]
        elif g.dtype == F64:
            for j in range(g.size):
                (<double*>d.data)[j] += (<double*>g.data)[j]
        else:
            np.add(to_numpy(d), to_numpy(g).reshape(to_numpy(d).shape), out=to_numpy(d))
        return 0


cdef bint wanted(Op op, int i) noexcept:
    return (op.need >> min(i, 63)) & 1


cdef inline bint _wants(Tensor x, Tape tape) noexcept:
    # Identifiers grow, so a tensor recorded by an inner tape also counts for the tapes around it. At worst an op is
    # recorded in vain.
    return x.is_leaf_variable or x.tape_id >= tape.id


cdef int _prepare(Op op, tuple inputs, Tape tape) except -1:
    cdef Tensor x
    cdef Py_ssize_t i
    op.inputs = inputs
    op.need = 0
    if tape is not None:
        for i in range(len(inputs)):
            x = <Tensor>inputs[i]
            if x.dtype < F16 or x.symbolic:
                continue
            while tape is not None:
                if _wants(x, tape):
                    op.need |= <unsigned long long>1 << min(i, 63)
                    break
                tape = tape.parent
            tape = <Tape>dl_open_tape
    return 0


cdef int _record(Op op, Tape tape) except -1:
    cdef Tensor x
    cdef long long newest = 0
    while tape is not None:
        for x in op.inputs:
            if x.dtype >= F16 and _wants(x, tape):
                tape.nodes.append(op)
                newest = max(newest, tape.id)
                break
        tape = tape.parent
    op.out.tape_id = newest
    if op.more is not None:
        for x in op.more:
            x.tape_id = newest
    return 0


cdef Tensor apply(Op op, tuple inputs):
    cdef Tape tape = None
    if dl_open_tape != NULL:
        tape = <Tape>dl_open_tape
    _prepare(op, inputs, tape)
    op.infer()
    if op.out.symbolic:
        return op.out
    op.forward()
    if op.need:
        _record(op, tape)
    if dl_listener != NULL:
        (<list>dl_listener).append(op)
    return op.out


cdef object listen(list ops):
    """From now on the ops that run on this thread are appended to `ops` (None: to nothing), which the caller holds. Returns what was
    listening before."""
    global dl_listener
    outer = None if dl_listener == NULL else <list>dl_listener
    dl_listener = NULL if ops is None else <void*>ops
    return outer


cdef object apply_all(Op op, tuple inputs):
    cdef Tensor first = apply(op, inputs)
    return (first,) if op.more is None else (first,) + op.more


@cython.no_gc
cdef class _Barrier(Op):
    """Stands on an outer tape for gradients that an inner tape computed: they cannot be differentiated again."""

    cdef str culprit

    cdef tuple reads(self):
        return None                                 # no forward

    cdef int backward(self) except -1:
        raise RuntimeError(
            f"differentiating twice is not supported: the gradient came through the op {self.culprit}, whose backward "
            "pass is a kernel that no tape records. Use one tape, or finite differences for the second derivative"
        )


cdef void _add_seed(real* g, const real* w, Py_ssize_t n, bint accumulate) noexcept nogil:
    cdef Py_ssize_t i
    if not accumulate and w == NULL:
        for i in range(n):
            g[i] = 1
        return
    for i in range(n):
        g[i] = (g[i] if accumulate else 0) + (w[i] if w != NULL else 1)


cdef class Tape:
    """Records ops for automatic differentiation.

    Trainable variables are watched by themselves; other tensors after :meth:`watch`.

    Args:
        persistent: Whether :meth:`gradient` may be called more than once.
        watch_accessed_variables: Only ``True`` is supported.

    Example:
        >>> import dlcore
        >>> x = dlcore.ops.convert_to_tensor([3.0])
        >>> with dlcore.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> tape.gradient(y, x).numpy().tolist()
        [6.0]
    """

    def __cinit__(self, bint persistent=False, bint watch_accessed_variables=True):
        global _next_id
        if not watch_accessed_variables:
            raise ValueError("GradientTape: watch_accessed_variables=False is not supported; set variable.trainable = False instead")
        self.persistent = persistent
        self.nodes = []
        self.watched = []
        self.leaves = {}
        self.id = _next_id
        _next_id += 1

    def __enter__(self):
        if self.entered:
            raise RuntimeError("this GradientTape is already recording")
        if self.nodes is None:
            self.nodes = []
        self.entered = True
        self.parent = <Tape>dl_open_tape if dl_open_tape != NULL else None
        Py_INCREF(self)
        _open(self)
        return self

    def __exit__(self, kind, value, traceback):
        if self.entered:
            self._close()
        if kind is not None:
            self.nodes = []

    cdef int _close(self) except -1:
        """Stops recording. Tapes may end in any order, but on the thread on which they began."""
        cdef Tape inner = <Tape>dl_open_tape if dl_open_tape != NULL else None
        if inner is self:
            _open(self.parent)
        else:
            while inner is not None and inner.parent is not self:
                inner = inner.parent
            if inner is None:
                raise RuntimeError("a GradientTape must be closed on the thread on which it was opened, and not inside stop_recording")
            inner.parent = self.parent
        self.parent = None
        self.entered = False
        Py_DECREF(self)
        return 0

    def watch(self, tensors):
        """Makes this tape want the gradients of `tensors` (a tensor or a nest of lists of tensors)."""
        cdef Tensor x
        if isinstance(tensors, (list, tuple)):
            for item in tensors:
                self.watch(item)
            return
        if not isinstance(tensors, Tensor):
            raise ValueError(f"GradientTape.watch: expected a Tensor; received {describe(tensors)}")
        x = <Tensor>tensors
        if x.dtype < F16:
            raise ValueError(f"GradientTape.watch: only floating tensors have gradients; received {describe(x)}")
        if x.symbolic:
            raise TypeError(f"GradientTape.watch: {describe(x)} is symbolic and has no gradient; call the model on numbers")
        if not x.is_leaf_variable:
            x.tape_id = max(x.tape_id, self.id)
            self.watched.append(x)

    def gradient(self, target, sources, output_gradients=None):
        """The gradient of `target` (summed over its elements) with respect to each of `sources`.

        Args:
            target: A tensor, or a list of tensors that are added up.
            sources: A tensor or variable, or a list of them.
            output_gradients: Weights of the elements of `target`, of its shape; ones by default.

        Returns:
            A tensor of the shape of the source, or a list; ``None`` where the target does not depend on the source.
        """
        cdef Tensor x, g
        cdef list wantlist = list(sources) if isinstance(sources, (list, tuple)) else [sources]
        cdef list results = []
        cdef set keep = set()
        for source in wantlist:
            if not isinstance(source, Tensor):
                raise ValueError(f"GradientTape.gradient: sources must be tensors or variables; received {describe(source)}")
            if not (<Tensor>source).is_leaf_variable:
                keep.add(source)
        self.sharing_shows = len(keep) > 0
        self._begin(False)
        try:
            self._seed(target, output_gradients)
            self._run_keeping(keep)
            for source in wantlist:
                x = <Tensor>source
                g = self.leaves.get(x) if x.is_leaf_variable else x.grad
                if g is not None:
                    g.grad_ready = False
                results.append(g)
        finally:
            for x in keep:
                x.grad = None
            self._finish()
        self._raise_barrier([g for g in results if g is not None])
        return results if isinstance(sources, (list, tuple)) else results[0]

    def backward(self, loss):
        """Writes the gradient of `loss` for every trainable variable into the arena (or ``variable.grad`` before it has one)."""
        self.sharing_shows = False
        self._begin(True)
        try:
            self._seed(loss, None)
            self.run()
            return self.leaves
        finally:
            self._finish()

    cdef int _begin(self, bint into_arena) except -1:
        if self.nodes is None:
            raise RuntimeError("GradientTape: gradients were already taken; make the tape with persistent=True to take more")
        self.into_arena = into_arena
        self.leaves = {}
        if self.entered and not self.persistent:
            self._close()
        return 0

    def _seed(self, target, output_gradients):
        cdef Tensor x, g
        if isinstance(target, (list, tuple)):
            weights = output_gradients if output_gradients is not None else [None] * len(target)
            for item, weight in zip(target, weights, strict=True):
                self._seed(item, weight)
            return
        if not isinstance(target, Tensor):
            raise ValueError(f"GradientTape.gradient: target must be a tensor; received {describe(target)}")
        x = <Tensor>target
        if x.symbolic or x.dtype != F32 and x.dtype != F64:
            raise ValueError(f"GradientTape.gradient: target must be float32 or float64; received {describe(x)}")
        w = None
        if output_gradients is not None:
            w = tensor_as(output_gradients, x.dtype)
            if (<Tensor>w).symbolic or not same_shape(<Tensor>w, x):
                raise ValueError(f"GradientTape.gradient: output_gradients must have the shape {x.shape} of the target; received {describe(w)}")
        if x.is_leaf_variable:
            g = self.leaves.get(x)
            if g is None:
                g = self.leaves[x] = empty_like(x)
        else:
            g = x.grad if x.grad is not None else self.make_grad(x)
        if x.dtype == F32:
            _add_seed[float](<float*>g.data, NULL if w is None else <float*>(<Tensor>w).data, x.size, g.grad_ready)
        else:
            _add_seed[double](<double*>g.data, NULL if w is None else <double*>(<Tensor>w).data, x.size, g.grad_ready)
        g.grad_ready = True

    cdef Tensor make_grad(self, Tensor x):
        """A buffer for the gradient of an intermediate, that no later run of this or another tape will find."""
        if x.tape_id != self.id:
            if self.strangers is None:          # else an op on this tape made it, or it is watched: both are cleared
                self.strangers = []
            self.strangers.append(x)
        x.grad = empty_like(x)
        return x.grad

    cdef int run(self) except -1:
        return self._run_keeping(None)

    def _run_keeping(self, set keep):
        cdef Op op
        cdef Tensor x
        cdef Py_ssize_t i = len(self.nodes)
        cdef bint live
        while i > 0:
            i -= 1
            op = <Op>self.nodes[i]
            live = op.out.grad is not None
            if not live and op.more is not None:
                for x in op.more:
                    if x.grad is not None:
                        live = True
                        break
            if live:
                op.tape = self
                op.backward()
                op.tape = None
                if keep is None or op.out not in keep:
                    op.out.grad = None
                if op.more is not None:
                    for x in op.more:
                        if keep is None or x not in keep:
                            x.grad = None
            if not self.persistent:
                self.nodes.pop()
        return 0

    def _finish(self):
        cdef Tensor x
        cdef Op op
        for x in self.watched:
            x.grad = None
        if self.strangers is not None:
            for x in self.strangers:
                x.grad = None
            self.strangers = None
        for op in self.nodes:               # persistent, or stopped by an exception
            op.tape = None
            op.out.grad = None
            if op.more is not None:
                for x in op.more:
                    x.grad = None
        for x in self.leaves.values():
            x.grad_ready = False
        if not self.persistent:
            self.nodes = None
            self.watched = []

    def _raise_barrier(self, list gradients):
        """On tapes that are still recording, marks gradients as things that cannot be differentiated again."""
        cdef _Barrier barrier
        cdef Tensor g
        cdef Tape tape = <Tape>dl_open_tape if dl_open_tape != NULL else None
        while tape is not None and gradients:
            if tape.nodes:
                for g in gradients:
                    barrier = _Barrier.__new__(_Barrier)
                    barrier.inputs = ()
                    barrier.culprit = type(tape.nodes[len(tape.nodes) - 1]).__name__
                    barrier.out = g
                    g.tape_id = tape.id
                    tape.nodes.append(barrier)
            tape = tape.parent


cdef bint observed() noexcept:
    return dl_open_tape != NULL or dl_listener != NULL


cdef _open(Tape tape):
    global dl_open_tape
    dl_open_tape = NULL if tape is None else <void*>tape


def recording():
    """Whether a tape is open on this thread."""
    return dl_open_tape != NULL


def followed(x):
    """Whether a tape that is open on this thread records what becomes of a tensor."""
    cdef Tape tape = None if dl_open_tape == NULL else <Tape>dl_open_tape
    while isinstance(x, Tensor) and tape is not None:
        if (<Tensor>x).dtype >= F16 and _wants(<Tensor>x, tape):
            return True
        tape = tape.parent
    return False


class stop_recording:
    """Context in which nothing is recorded, whatever tapes are open."""

    def __enter__(self):
        self._tape = <Tape>dl_open_tape if dl_open_tape != NULL else None
        _open(None)
        return self

    def __exit__(self, kind, value, traceback):
        _open(self._tape)


# ---------------------------------------------------------------------------------------------------- user's own ops

cdef bint _overlap(Tensor a, Tensor b) noexcept:
    return a.data < b.data + b.size * itemsize(b.dtype) and b.data < a.data + a.size * itemsize(a.dtype)


@cython.no_gc
cdef class FunctionOp(Op):
    """Calls the NumPy code of a Function (dlcore.ops.Function) as one op."""

    cdef object function
    cdef bint single

    cdef tuple reads(self):
        return None                                 # the user's code

    cdef int infer(self) except -1:
        cdef Tensor y
        for x in self.inputs:
            if (<Tensor>x).symbolic:
                self.single, specs = self.function._infer([KerasTensor(x.shape, x.dtype) for x in self.inputs])
                for y in specs:
                    self._add(y)
                return 0
        return self._compute()

    cdef _add(self, Tensor y):
        if self.out is None:
            self.out = y
        else:
            self.more = (y,) if self.more is None else self.more + (y,)

    cdef int _compute(self) except -1:
        cdef Tensor y
        arrays = []
        for x in self.inputs:
            array = x.numpy()
            array.flags.writeable = False
            arrays.append(array)
        self.single, results = self.function._run(arrays)
        for result in results:
            y = tensor(result)
            # What forward returns may be a view of an input.
            self._add(cast_copy(y, y.dtype) if any([_overlap(y, x) for x in self.inputs]) else y)
        return 0

    cdef int forward(self) except -1:
        return 0                                    # the shapes of the results are known only once they are there

    cdef int backward(self) except -1:
        cdef Tensor x, g, d
        cdef Py_ssize_t i
        name = type(self.function).__name__
        grads = []
        for x in (self.out,) + (self.more or ()):
            array = np.zeros(x.shape, x.numpy().dtype) if x.grad is None else x.grad.numpy()
            array.flags.writeable = False
            grads.append(array)
        results = self.function.backward(*grads)
        if not isinstance(results, tuple):
            results = (results,)
        if len(results) != len(self.inputs):
            raise ValueError(f"{name}.backward must return one gradient for each of the {len(self.inputs)} inputs of forward; received {len(results)}")
        for i in range(len(results)):
            if not wanted(self, i):
                continue
            x = <Tensor>self.inputs[i]
            if results[i] is None:
                continue
            g = tensor_as(results[i], x.dtype)
            if not same_shape(g, x):
                raise ValueError(f"{name}.backward: the gradient of input {i} must have its shape {x.shape}; received {describe(g)}")
            d = empty_like(g)                       # the user's array is not ours to keep
            memcpy(d.data, g.data, g.size * itemsize(g.dtype))
            self.pass_grad(i, d)
        return 0


def apply_function(function, inputs):
    """Runs a Function on tensors; what dlcore.ops.Function.__call__ does."""
    cdef FunctionOp op = FunctionOp.__new__(FunctionOp)
    op.function = function
    results = apply_all(op, tuple([tensor(x) for x in inputs]))
    return results[0] if op.single else results
