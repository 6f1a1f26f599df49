from dlcore._kernels.loss_base cimport _Loss

cdef class PointwiseLoss(_Loss):
    cdef bint each                  # a value for each element instead: what keras.ops calls binary_crossentropy
    cdef bint summed                # over a row, instead of the mean
    cdef int infer_rows(self) except -1
