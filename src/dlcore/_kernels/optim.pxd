"""What the kernels of the optimizers share: a rule is a loop over a run, given for both element types."""

from dlcore._kernels.arena cimport Run
from dlcore._kernels.tensor cimport Tensor

cdef enum:
    BLOCK = 131072              # long blocks: with short ones two threads disturb one another in memory

cdef struct Step:
    bint f64
    void* p
    void* g
    void* s0                    # slots of the rule, in its order; NULL where it has fewer
    void* s1
    void* s2
    double lr
    double decay                # learning rate x weight decay: the parameter shrinks first, p -= p * decay
    double c0                   # constants of the rule
    double c1
    double c2
    double c3
    double c4
    bint flag
    double* partial             # sums of the blocks, two for each, for rules that need norms

ctypedef void (*rule32)(float* p, const float* g, float* s0, float* s1, float* s2, Py_ssize_t n, const Step* s) noexcept nogil
ctypedef void (*rule64)(double* p, const double* g, double* s0, double* s1, double* s2, Py_ssize_t n, const Step* s) noexcept nogil

# Checks the slots (None for those that the rule does not have) and fills in all of the step but its constants.
cdef prepare(Step* s, Run run, double lr, double decay, Tensor s0, Tensor s1, Tensor s2)

# One pass of a rule over the run; `cost` is in nanoseconds per element.
cdef apply_rule(Step* s, Run run, rule32 single, rule64 double_, double cost)

# Sum of squares in double, added up in the order of the blocks. The first works on a part, without the GIL.
cdef double sum_of_squares(const void* x, Py_ssize_t n, bint f64) noexcept nogil
cdef double squared_norm(const void* x, Py_ssize_t n, bint f64) except -1
