"""Element types shared by all kernels."""

ctypedef fused real:
    float
    double

# Codes of Tensor.dtype. Floating types come last, so that `dtype >= F16` asks for them.
cdef enum DType:
    BOOL = 0
    U8 = 1
    I8 = 2
    U16 = 3
    I16 = 4
    U32 = 5
    I32 = 6
    U64 = 7
    I64 = 8
    F16 = 9
    F32 = 10
    F64 = 11
    TEXT = 12           # of symbolic tensors only: numbers are never made of it

# The return type of a function with element loops: `flatten` inlines every function below it, also those passed as
# (constant) function pointers, which is what lets the loops vectorise.
cdef extern from *:
    """
    #define DL_KERNEL_VOID __attribute__((flatten)) void
    """
    ctypedef void kernel_void "DL_KERNEL_VOID"
