"""Matrix multiplication compiled for one instruction set. `blas` (trunk) imports it and takes its two tables."""

from cpython.pycapsule cimport PyCapsule_New

cdef extern from *:
    """
    #define REAL float
    #define REAL_INT int
    #define REAL_PER_16 4
    #define NAME(x) x##_f32
    #define AVX(x) x##_ps
    #include "gemm.h"
    #undef REAL
    #undef REAL_INT
    #undef REAL_PER_16
    #undef NAME
    #undef AVX
    #define REAL double
    #define REAL_INT long long
    #define REAL_PER_16 2
    #define NAME(x) x##_f64
    #define AVX(x) x##_pd
    #include "gemm.h"
    """
    ctypedef struct dl_gemm_table:
        pass
    const dl_gemm_table table_f32
    const dl_gemm_table table_f64

TABLES = (PyCapsule_New(<void*>&table_f32, "dl_gemm_table", NULL), PyCapsule_New(<void*>&table_f64, "dl_gemm_table", NULL))
