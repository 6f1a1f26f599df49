"""Op, Tape: differentiation by recording fused operations in the order in which they ran."""

from dlcore._kernels.tensor cimport Tensor

cdef class Op:
    cdef tuple inputs
    cdef Tensor out                 # the first output
    cdef tuple more                 # the outputs after the first, or None
    cdef unsigned long long need    # bit i: input i wants a gradient, bit 63: so does any later one; 0: nothing will be differentiated
    cdef Tape tape                  # the tape that is running backward
    cdef int infer(self) except -1
    cdef int forward(self) except -1
    cdef int backward(self) except -1
    cdef tuple reads(self)
    # for infer
    cdef Tensor declare(self, int dtype, int ndim, const Py_ssize_t* dims)
    cdef Tensor declare_like(self, Tensor x)
    # for backward
    cdef Tensor grad_in(self, int i, bint* accumulate)
    cdef int pass_grad(self, int i, Tensor g) except -1

cdef class Tape:
    cdef list nodes
    cdef list watched
    cdef list strangers             # None, or tensors with a gradient in the present run that no op on this tape made
    cdef Tape parent
    cdef long long id
    cdef bint persistent
    cdef bint entered
    cdef bint into_arena            # gradients of variables go to their places in the arena
    cdef bint sharing_shows         # gradients of intermediates are asked for, so they may not share memory
    cdef dict leaves                # else here: variable -> gradient
    cdef Tensor make_grad(self, Tensor x)
    cdef int _begin(self, bint into_arena) except -1
    cdef int _close(self) except -1
    cdef int run(self) except -1

cdef Tensor apply(Op op, tuple inputs)          # infer, forward, record; the first output
cdef object apply_all(Op op, tuple inputs)      # the same, all outputs as a tuple
cdef object listen(list ops)                    # where ops that run note themselves
cdef bint observed() noexcept                   # whether a tape or a list notes the ops of this thread
cdef bint wanted(Op op, int i) noexcept
