"""What the losses share: see loss_base.pyx. Kernels get a Ctx and a range of rows."""

from libc.stdint cimport int64_t

from dlcore._kernels.parallel cimport block_fn
from dlcore._kernels.tape cimport Op
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor

cdef enum:
    CHUNK = 1024        # elements computed at a time on the stack

# Keras' epsilon
cdef extern from *:
    """
    #define DL_EPS 1e-7
    """
    const double DL_EPS

cdef enum Reduction:
    MEAN                        # over all rows, those of weight zero included
    SUM
    WEIGHTED_MEAN               # divided by the sum of the weights
    NONE

# Parameters of the formulas
cdef struct Par:
    double a, b                 # labels are used as t a + b
    double c                    # an exponent, a width
    double u, v                 # elements count with the weight t u + v

cdef struct Ctx:
    bint f64
    int kind
    bint logits
    bint none                   # no reduction
    bint accumulate
    bint into_true              # backward into y_true, not y_pred
    Py_ssize_t k                # numbers per row
    Py_ssize_t block            # rows per block
    char* t
    char* p
    char* w                     # (rows), or NULL
    char* out                   # (rows), without reduction
    char* m                     # (rows), two numbers that forward keeps for backward, or NULL:
    char* s                     # (rows)  from logits maximum and log of the sum of exponentials
    char* alpha                 # (k) factors of the classes, or NULL
    char* g                     # gradient of the result: (rows) without reduction, else a scalar
    char* d                     # gradient to write
    int64_t* labels             # (rows)
    double* partial             # one sum per block
    Par par
    double scale                # factor of every row


cdef inline void finish_row(Ctx* c, Py_ssize_t i, double loss, double* total) noexcept nogil:
    if c.w != NULL:
        loss *= (<double*>c.w)[i] if c.f64 else (<float*>c.w)[i]
    if not c.none:
        total[0] += loss
    elif c.f64:
        (<double*>c.out)[i] = loss
    else:
        (<float*>c.out)[i] = <float>loss


cdef inline double row_factor(Ctx* c, Py_ssize_t i) noexcept nogil:
    cdef double f = c.scale
    if c.none:
        f *= (<double*>c.g)[i] if c.f64 else (<float*>c.g)[i]
    if c.w != NULL:
        f *= (<double*>c.w)[i] if c.f64 else (<float*>c.w)[i]
    return f


cdef class _Loss(Op):
    cdef str name
    cdef int kind, reduction
    cdef bint logits
    cdef object axis
    cdef object sample_weight
    cdef Par par
    cdef double cost                # ns per element
    cdef int dtype                  # of the computation and of the result
    cdef int ndim                   # y_pred, lined up with y_true
    cdef Py_ssize_t[MAX_NDIM] dims
    cdef int value_ndim             # the values before reduction: the same without the axis
    cdef Py_ssize_t[MAX_NDIM] value_dims
    cdef tuple order                # of the axes if `axis` is not the last, else None
    cdef Py_ssize_t rows, k
    cdef Py_ssize_t counted         # rows that are not ignored
    cdef Tensor t, p                # as the kernels see them
    cdef Tensor weight              # (rows), or None
    cdef Tensor labels              # (rows), or None
    cdef Tensor kept                # two numbers for each row, (2, rows), or None
    cdef Tensor alpha               # (k), or None
    cdef double unit                # factor of a value
    cdef double scale               # factor of the reduced loss
    cdef int start(self, str name, object sample_weight, object reduction, object axis, double cost) except -1
    # for infer
    cdef int line_up(self, bint squeeze) except -1
    cdef int split(self) except -1
    cdef bint fits(self, Tensor t) noexcept
    cdef int complain_of_shapes(self, str hint) except -1
    cdef int expect_classes(self) except -1
    cdef int broadcast_true(self) except -1
    cdef int expect_dtype_of_true(self) except -1
    cdef int refuse_gradient_of_labels(self) except -1
    cdef int declare_result(self) except -1
    cdef int align_weight(self, Tensor w) except -1
    # for forward and backward
    cdef Tensor axis_last(self, Tensor x)
    cdef int take_inputs(self) except -1
    cdef int keep(self) except -1
    cdef void context(self, Ctx* c) noexcept
    cdef int run_forward(self, block_fn body) except -1
    cdef int run_backward(self, block_fn body, int i, double sign) except -1

cdef Tensor to_tensor(object array)             # a copy of an array, in C order
