"""Loops of normalizations with a mean and variance for each channel."""

from dlcore._kernels.types cimport real

cdef struct Channels:
    bint f64
    bint accumulate
    Py_ssize_t samples
    Py_ssize_t rows
    Py_ssize_t channels
    Py_ssize_t inner
    Py_ssize_t block        # rows of a block
    Py_ssize_t blocks       # of one sample
    Py_ssize_t chunk        # channels of a block
    Py_ssize_t chunks
    const char* x
    const char* g           # NULL in forward
    char* out
    char* keep              # NULL, or where the pass of sums leaves the gradient of what goes into the activation
    char* m                 # coefficients (samples, channels): out = act(a (x - m) + b), or a h + q (x - m) + d, h the gradient
    char* a                 # of what goes into the activation
    char* b
    char* q                 # NULL: a h
    char* d
    int code                # of the activation
    double[3] p             # its parameters
    double* first           # results of blocks of the pass of sums (samples, blocks, channels)
    double* second


cdef int pass_over_sums(Channels* c) except -1          # needs `first` and `second`; see cut_for_sums
cdef int pass_over(Channels* c) except -1
cdef void cut_for_sums(Channels* c) noexcept nogil      # sets blocks and their number
cdef void share(Channels* c, Py_ssize_t groups, bint moments) noexcept nogil
cdef void set_forward(Channels* c, const real* gamma, const real* beta, double epsilon, double* inverse, real* m, real* a, real* b) noexcept nogil
cdef void weigh(Channels* c, const real* gamma) noexcept nogil
cdef void set_backward(Channels* c, const double* inverse, double n, real* q, real* d) noexcept nogil
cdef void follow(const double* now, real* moving, double momentum, Py_ssize_t n) noexcept nogil
