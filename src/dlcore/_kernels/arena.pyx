"""Where trainable variables and their gradients live.

A Block is one aligned piece of memory for parameters and one for gradients with the same layout. A variable moves into
a block when it first becomes part of an Arena and stays there, so that models which share layers share the memory too.
An Arena is the list of variables that one optimizer updates, cut into the longest runs that lie back to back: usually
one, so that an optimizer step is one kernel call.
"""

from libc.string cimport memcpy

from dlcore._kernels.tensor cimport Tensor, VariableBase, describe, itemsize, same_shape, tensor_as, to_numpy, view, zeros
from dlcore._kernels.types cimport F32, F64

cdef enum:
    ALIGN = 16                      # elements: 64 bytes of float32, so that every variable starts on a cache line


cdef Py_ssize_t _padded(Py_ssize_t n) noexcept:
    return (n + ALIGN - 1) // ALIGN * ALIGN


cdef class Run:
    """Variables that lie back to back: flat views of their parameters and gradients, padding included.

    The padding between variables is zero in both, and stays zero in the gradients. Nothing reads that of the parameters.
    """


cdef _move_in(list variables):
    """Gives variables of one dtype, none of which has a place yet, a block of their own."""
    cdef VariableBase v
    cdef Tensor params, grads
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t dims[1]
    cdef int dtype = (<VariableBase>variables[0]).dtype
    for v in variables:
        total += _padded(v.size)
    dims[0] = total
    params = zeros(dtype, 1, dims)
    params.kept = True
    grads = zeros(dtype, 1, dims)
    home = (params, grads)
    total = 0
    for v in variables:
        memcpy(params.data + total * itemsize(dtype), v.data, v.size * itemsize(dtype))
        v.hold(view(params, total * itemsize(dtype), v.ndim, v.dims))
        v.grad_view = view(grads, total * itemsize(dtype), v.ndim, v.dims)
        v.home = home
        v.place = total
        total += _padded(v.size)


cdef Run _make_run(list variables):
    cdef Run run = Run.__new__(Run)
    cdef VariableBase v = <VariableBase>variables[0]
    cdef VariableBase last = <VariableBase>variables[len(variables) - 1]
    cdef Py_ssize_t dims[1]
    cdef Py_ssize_t start = v.place
    dims[0] = last.place + _padded(last.size) - start
    params, grads = v.home
    run.params = view(<Tensor>params, start * itemsize(v.dtype), 1, dims)
    run.grads = view(<Tensor>grads, start * itemsize(v.dtype), 1, dims)
    run.variables = tuple(variables)
    run.offsets = tuple([(<VariableBase>v).place - start for v in variables])
    return run


cdef tuple _runs(variables):
    cdef VariableBase v, last
    cdef list runs = []
    cdef list current = []
    for v in variables:
        if current:
            last = <VariableBase>current[len(current) - 1]
            if v.home is not last.home or v.place != last.place + _padded(last.size):
                runs.append(_make_run(current))
                current = []
        current.append(v)
    if current:
        runs.append(_make_run(current))
    return tuple(runs)


def runs_of(variables):
    """Variables that have a place already, cut into the longest runs that lie back to back in the order given."""
    return _runs(variables)


def alone(VariableBase v, gradient=None):
    """A run of one variable, which must have a place, without the padding; its gradient may lie elsewhere."""
    cdef Run run = Run.__new__(Run)
    cdef Tensor grads = v.grad_view if gradient is None else <Tensor?>gradient
    run.params = view(v, 0, 1, &v.size)
    run.grads = view(grads, 0, 1, &v.size)
    run.variables = (v,)
    run.offsets = (0,)
    return run


cdef class Slots:
    """What an optimizer remembers about variables: numbers for every parameter, with the values `starts` at first.

    Every block of parameters that it meets gets one flat tensor of the same layout for each of `starts`. So the state of a
    run lies as the run does, however the variables are cut into runs, and stays where it is when some are frozen or added.
    """

    cdef readonly tuple starts
    cdef dict blocks                    # id of a variable's home -> (home, flat tensors)

    def __init__(self, starts):
        self.starts = tuple(starts)
        self.blocks = {}

    cdef list _new(self, Tensor params):
        cdef Tensor flat
        cdef list made = []
        for start in self.starts:
            flat = zeros(params.dtype, 1, params.dims)
            if start:
                to_numpy(flat).fill(start)
            made.append(flat)
        return made

    cdef list _views(self, VariableBase v, int ndim, const Py_ssize_t* dims):
        if id(v.home) not in self.blocks:
            self.blocks[id(v.home)] = (v.home, self._new(<Tensor>v.home[0]))
        return [view(<Tensor>flat, v.place * itemsize(v.dtype), ndim, dims) for flat in self.blocks[id(v.home)][1]]

    def of_run(self, Run run):
        """One flat tensor per slot, laid out like the run."""
        return self._views(<VariableBase>run.variables[0], 1, run.params.dims)

    def of_variable(self, VariableBase v):
        """One tensor per slot, of the shape of the variable, which must have a place in an arena."""
        return self._views(v, v.ndim, v.dims)


cdef class Arena:
    """The trainable variables of one optimizer and where they lie.

    Args:
        variables: Variables of dtype float32 or float64, each once.
    """

    def __init__(self, variables):
        cdef VariableBase v
        homeless = {}
        variables = tuple(variables)
        if len(set(variables)) < len(variables):
            raise ValueError(f"each variable may be given once; received {len(variables)} of which {len(set(variables))} differ")
        for v in variables:
            if v.dtype != F32 and v.dtype != F64:
                raise ValueError(f"trainable variables must be float32 or float64; received {describe(v)}")
            if v.home is None:
                homeless.setdefault(v.dtype, []).append(v)
        for group in homeless.values():
            _move_in(group)
        self.variables = variables
        self.runs = _runs(self.variables)

    def start(self):
        """Forgets the gradients of the last step: the next one written overwrites."""
        cdef VariableBase v
        for v in self.variables:
            v.grad_view.grad_ready = False

    def ready_runs(self):
        """The runs of the variables whose gradient has been written since :meth:`start`; ``runs`` itself if all were."""
        cdef VariableBase v
        for v in self.variables:
            if not v.grad_view.grad_ready:
                return _runs([v for v in self.variables if (<VariableBase>v).grad_view.grad_ready])
        return self.runs

    def put(self, gradients):
        """Copies gradients given from outside (arrays, tensors or None, in the order of the variables) into place."""
        cdef VariableBase v
        cdef Tensor place
        for v, g in zip(self.variables, gradients, strict=True):
            place = v.grad_view
            place.grad_ready = g is not None
            if g is not None:
                _fill(v, place, g)


cdef _fill(VariableBase v, Tensor place, value):
    cdef Tensor g = tensor_as(value, place.dtype)
    if g.symbolic or not same_shape(g, place):
        raise ValueError(f"a gradient must have the shape {place.shape} of its variable {v.path!r}; received {describe(g)}")
    memcpy(place.data, g.data, place.size * itemsize(place.dtype))
