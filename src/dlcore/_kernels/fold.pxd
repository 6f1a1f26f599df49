"""What reductions are made of."""

from dlcore._kernels.tensor cimport Tensor

# A reduction sees its input as (outer, rows, inner) and its result as (outer, inner).
cdef struct Groups:
    Py_ssize_t outer
    Py_ssize_t rows
    Py_ssize_t inner
    bint scattered          # the reduced axes do not lie side by side

cdef enum FoldKind:
    FOLD_SUM, FOLD_PROD, FOLD_MAX, FOLD_MIN

# out[o, r, j] = f(x[o, r, j], u[o, j], v[o, j], w[o, j])
cdef enum SpreadKind:
    SQUARED                 # (x - u)^2
    EXPONENTIAL             # e^(x - u)
    TIES                    # 1 where x = u
    D_SUM                   # scale w
    D_EXTREME               # w / v where x = u
    D_VAR                   # scale w (x - u)
    D_STD                   # the same / v
    D_LOGSUMEXP             # w e^(x - u)

cdef void group(Tensor x, unsigned int mask, Groups* g) noexcept                        # bit i of the mask: axis i goes
cdef Tensor gathered(Tensor x, unsigned int mask, const Groups* g)
cdef int scatter_back(Tensor t, Tensor d, unsigned int mask, bint accumulate) except -1
cdef int fold(int kind, int dtype, const Groups* g, const void* x, void* y) except -1
cdef int spread(int kind, Tensor x, const Groups* g, Tensor u, Tensor v, Tensor w, double scale, Tensor out, bint accumulate) except -1

# d = scale * g, or d += scale * g, where g is summed over the axes along which d was broadcast to the shape of g
cdef int sum_to(Tensor g, Tensor d, bint accumulate, double scale) except -1
