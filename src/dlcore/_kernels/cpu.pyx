"""Which instruction-set levels this processor (and its operating system) can run."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    static int dl_has_v2(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("ssse3");
    }
    static int dl_has_v3(void) {
        return dl_has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    }
    static int dl_has_v4(void) {
        return dl_has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    static const int dl_machine = 1;
    #else
    static int dl_has_v2(void) { return 0; }
    static int dl_has_v3(void) { return 0; }
    static int dl_has_v4(void) { return 0; }
    #if defined(__aarch64__)
    static const int dl_machine = 2;
    #else
    static const int dl_machine = 0;
    #endif
    #endif
    """
    bint dl_has_v2() noexcept nogil
    bint dl_has_v3() noexcept nogil
    bint dl_has_v4() noexcept nogil
    const int dl_machine


def runnable_levels():
    """Names of the instruction-set levels that run here, best first."""
    if dl_machine == 1:
        return [name for name, ok in (("v4", dl_has_v4()), ("v3", dl_has_v3()), ("v2", dl_has_v2())) if ok]
    return ["neon"] if dl_machine == 2 else ["base"]
