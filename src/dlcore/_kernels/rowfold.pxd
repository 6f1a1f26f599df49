"""Reductions that read rows or columns from memory once."""

from dlcore._kernels.fold cimport Groups
from dlcore._kernels.tensor cimport Tensor

# means, and variances (root: standard deviations), of rows of which inner is 1
cdef int row_spread(Tensor x, const Groups* g, Tensor mean, Tensor y, bint root) except -1
# means and sums of squared deviations
cdef int column_spread(Tensor x, const Groups* g, Tensor mean, Tensor y) except -1
cdef int row_logsumexp(Tensor x, const Groups* g, Tensor y) except -1
cdef int arg_rows(Tensor x, const Groups* g, Tensor y, bint largest) except -1
