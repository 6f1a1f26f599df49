"""The worked example of CONTRIBUTING: an op of its own family, y = x^3."""

cimport cython

from dlcore._kernels.parallel cimport launch
from dlcore._kernels.tape cimport Op, apply
from dlcore._kernels.tensor cimport Tensor, describe, tensor
from dlcore._kernels.types cimport F32, F64, real

cdef enum:
    BLOCK = 16384           # elements of a block: what the work is cut into, whatever the number of threads

cdef struct Job:            # what a kernel body needs to know; it runs without the GIL
    const void* x
    const void* dy          # NULL in the forward pass
    void* out
    bint f64
    bint accumulate


cdef void cube_fwd(const real* x, real* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i] * x[i] * x[i]


cdef void cube_bwd(const real* x, const real* dy, real* dx, bint accumulate, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] += 3 * x[i] * x[i] * dy[i]
    else:
        for i in range(n):
            dx[i] = 3 * x[i] * x[i] * dy[i]


cdef void body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    if job.f64 and job.dy == NULL:
        cube_fwd(<double*>job.x + begin, <double*>job.out + begin, end - begin)
    elif job.f64:
        cube_bwd(<double*>job.x + begin, <double*>job.dy + begin, <double*>job.out + begin, job.accumulate, end - begin)
    elif job.dy == NULL:
        cube_fwd(<float*>job.x + begin, <float*>job.out + begin, end - begin)
    else:
        cube_bwd(<float*>job.x + begin, <float*>job.dy + begin, <float*>job.out + begin, job.accumulate, end - begin)


@cython.no_gc
cdef class Cube(Op):
    cdef int infer(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        if x.dtype != F32 and x.dtype != F64:
            raise ValueError(f"cube: x must be float32 or float64; received {describe(x)}")
        self.declare_like(x)
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef Job job
        job.x, job.dy, job.out, job.f64, job.accumulate = x.data, NULL, self.out.data, x.dtype == F64, False
        launch(body, &job, x.size, BLOCK, 0.1 * x.size)
        return 0

    cdef int backward(self) except -1:
        cdef Tensor x = <Tensor>self.inputs[0]
        cdef bint accumulate
        cdef Tensor dx = self.grad_in(0, &accumulate)
        cdef Job job
        job.x, job.dy, job.out, job.f64, job.accumulate = x.data, self.out.grad.data, dx.data, x.dtype == F64, accumulate
        launch(body, &job, x.size, BLOCK, 0.1 * x.size)
        return 0


def cube(x):
    """x cubed, elementwise.

    Args:
        x: Tensor, float32 or float64.

    Returns:
        Tensor of the shape and dtype of x.

    Example:
        >>> import dlcore
        >>> dlcore.ops.cube([2.0]).numpy().tolist()
        [8.0]
    """
    return apply(Cube.__new__(Cube), (tensor(x),))
