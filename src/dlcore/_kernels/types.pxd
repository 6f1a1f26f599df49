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
