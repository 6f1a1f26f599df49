"""Elementwise activations as serial block functions, for kernels that fuse one (dense, convolution)."""

cdef enum Act:
    ACT_LINEAR = 0
    ACT_RELU = 1
    ACT_SIGMOID
    ACT_TANH
    ACT_RELU6
    ACT_RELU_GENERAL        # p: negative_slope, max_value (inf: none), threshold
    ACT_LEAKY_RELU          # p: negative_slope
    ACT_ELU                 # p: alpha
    ACT_CELU                # p: alpha
    ACT_SELU
    ACT_GELU
    ACT_GELU_TANH
    ACT_SILU
    ACT_MISH
    ACT_SOFTPLUS
    ACT_SOFTSIGN
    ACT_HARD_SIGMOID
    ACT_HARD_SILU
    ACT_LOG_SIGMOID
    ACT_HARD_TANH
    ACT_TANH_SHRINK
    ACT_SOFT_SHRINK         # p: threshold
    ACT_HARD_SHRINK         # p: threshold
    ACT_SQUAREPLUS          # p: b
    ACT_SPARSE_PLUS
    ACT_SPARSE_SIGMOID
    ACT_EXPONENTIAL
    ACT_THRESHOLD           # p: threshold, default_value
    ACT_COUNT

# The code of an elementwise activation with Keras' default parameters; -1 for any other name or object.
cdef int activation_code(object name) except -2
cdef void default_params(int code, double* p) noexcept nogil        # 3 doubles
# Whether the derivative can be computed from y alone, with the default parameters (or any alpha or slope >= 0).
cdef bint act_from_output(int code) noexcept nogil
cdef double act_cost(int code) noexcept nogil                       # ns per element, forward or backward

# y may be x.
cdef void act_forward(bint f64, int code, const double* p, const void* x, void* y, Py_ssize_t n) noexcept nogil
# x may be NULL when act_from_output(code), y when not; dx may be g unless it accumulates.
cdef void act_backward(bint f64, int code, const double* p, const void* x, const void* y, const void* g, void* dx, bint accumulate, Py_ssize_t n) noexcept nogil
