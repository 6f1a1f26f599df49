"""Types that all kernels share."""

ctypedef fused real:
    float
    double

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define DL_KERNEL_VOID __attribute__((flatten)) void
    #else
    #define DL_KERNEL_VOID void
    #endif
    """
    # The return type of a function whose loops must vectorise: everything it calls is inlined into it (see vmath.pxd).
    ctypedef void kernel_void "DL_KERNEL_VOID"
