"""Threads: the only place where OpenMP is used.

Results do not depend on the number of threads, because a body sees the same blocks whoever runs them. Denormals are
flushed to zero inside every body (Adam's second moments reach them within an epoch) and the caller's floating-point
state is put back afterwards, on every thread. After ``fork`` the child runs on one thread: the parent's OpenMP pool
does not exist there, and opening a region would hang.
"""

import os

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    static const int dl_openmp = _OPENMP;
    static int dl_cpus(void) { return omp_get_num_procs(); }
    static int dl_in_parallel(void) { return omp_in_parallel(); }
    #else
    static const int dl_openmp = 0;
    static int dl_cpus(void) { return 1; }
    static int dl_in_parallel(void) { return 0; }
    #endif
    #include <time.h>
    static inline double dl_now(void) {             /* nanoseconds */
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
    }
    #if defined(__SSE2__)
    #include <xmmintrin.h>
    typedef unsigned int dl_fpstate;
    /* bit 15: flush results to zero, bit 6: read denormals as zero */
    static inline dl_fpstate dl_flush_on(void) { unsigned int s = _mm_getcsr(); _mm_setcsr(s | 0x8040u); return s; }
    static inline void dl_flush_off(dl_fpstate s) { _mm_setcsr(s); }
    #elif defined(__aarch64__)
    typedef unsigned long long dl_fpstate;
    static inline dl_fpstate dl_flush_on(void) {
        unsigned long long s; __asm__ volatile("mrs %0, fpcr" : "=r"(s));
        __asm__ volatile("msr fpcr, %0" : : "r"(s | (1ull << 24))); return s;
    }
    static inline void dl_flush_off(dl_fpstate s) { __asm__ volatile("msr fpcr, %0" : : "r"(s)); }
    #else
    typedef int dl_fpstate;
    static inline dl_fpstate dl_flush_on(void) { return 0; }
    static inline void dl_flush_off(dl_fpstate s) { (void)s; }
    #endif

    static void dl_run_block(void (*body)(void*, Py_ssize_t, Py_ssize_t), void* ctx, Py_ssize_t n, Py_ssize_t block, Py_ssize_t i) {
        const Py_ssize_t begin = i * block, end = begin + block < n ? begin + block : n;
        const dl_fpstate state = dl_flush_on();
        body(ctx, begin, end);
        dl_flush_off(state);
    }

    /* Threads take the next block until there is none. A loop construct of OpenMP would do the same, with a barrier of its own and a
     * table of what it shares: half of the microsecond that a region costs. Returns whether a thread came later than `late`. */
    static int dl_region(void (*body)(void*, Py_ssize_t, Py_ssize_t), void* ctx, Py_ssize_t n, Py_ssize_t block, Py_ssize_t blocks, int threads, double late) {
        Py_ssize_t next = 0;
        int someone = 0;
        const double start = dl_now();
    #ifdef _OPENMP
    #pragma omp parallel num_threads(threads)
    #endif
        {
            Py_ssize_t i;
            if (dl_now() - start > late) __atomic_store_n(&someone, 1, __ATOMIC_RELAXED);
            while ((i = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < blocks) dl_run_block(body, ctx, n, block, i);
        }
        (void)threads;
        return someone;
    }
    """
    const int dl_openmp
    int dl_cpus() noexcept nogil
    bint dl_in_parallel() noexcept nogil
    double dl_now() noexcept nogil
    ctypedef unsigned long long dl_fpstate
    dl_fpstate dl_flush_on() noexcept nogil
    void dl_flush_off(dl_fpstate) noexcept nogil
    bint dl_region(block_fn, void* ctx, Py_ssize_t n, Py_ssize_t block, Py_ssize_t blocks, int threads, double late) noexcept nogil

# Measured: an OpenMP region costs about 1 us while the pool is awake, releasing the GIL about 0.1 us.
cdef double KEEP_GIL_BELOW = 2000.0
cdef double SERIAL_BELOW = 4000.0

cdef enum:
    MAX_THREADS = 1024                          # OpenMP ends the process if the system refuses to make a thread

# A region ends when its slowest thread has come and gone. A thread that slept may need a few scheduler ticks to wake, once;
# on cores that are busy with other programs every region may wait that long, hundreds of times what the work takes. So when
# threads come late again and again, regions are serial for a while, twice as long each time. (Results do not depend on it.)
cdef double LATE = 2e6
cdef double SHORTEST_REST = 1e7
cdef double LONGEST_REST = 1e9
cdef enum:
    LATE_POINTS = 4             # a late region counts this much, one in time takes one point back,
    REST_AT = 12                # and at this many points regions rest
cdef int _points = 0
cdef double _rest = 1e7
cdef double _rest_until = 0

cdef int _threads = 1
cdef bint _forked = False


cdef int thread_count() noexcept nogil:
    return _threads


cdef void _serial(block_fn body, void* ctx, Py_ssize_t n, Py_ssize_t block) noexcept nogil:
    cdef dl_fpstate state = dl_flush_on()
    cdef Py_ssize_t begin = 0
    while begin < n:
        body(ctx, begin, min(n, begin + block))
        begin += block
    dl_flush_off(state)


cdef void launch_nogil(block_fn body, void* ctx, Py_ssize_t n, Py_ssize_t block, double cost) noexcept nogil:
    global _points, _rest, _rest_until
    cdef Py_ssize_t blocks
    cdef double start
    cdef bint late
    if block < 1:
        block = 1
    if n <= 0:
        return
    if cost < SERIAL_BELOW or _threads == 1 or n <= block or dl_in_parallel():
        _serial(body, ctx, n, block)
        return
    start = dl_now()
    if start < _rest_until:
        _serial(body, ctx, n, block)
        return
    blocks = (n + block - 1) // block
    late = dl_region(body, ctx, n, block, blocks, <int>min(<Py_ssize_t>_threads, blocks), LATE)
    if late:
        _points += LATE_POINTS
        if _points >= REST_AT:
            _points = 0
            _rest_until = dl_now() + _rest
            _rest = min(2 * _rest, LONGEST_REST)
    elif _points > 0:
        _points -= 1
    elif start > _rest_until + _rest:               # a good while without late ones
        _rest = SHORTEST_REST


cdef void launch(block_fn body, void* ctx, Py_ssize_t n, Py_ssize_t block, double cost) noexcept:
    if cost < KEEP_GIL_BELOW:
        if block < 1:
            block = 1
        _serial(body, ctx, n, block)
    else:
        with nogil:
            launch_nogil(body, ctx, n, block, cost)


def get_num_threads():
    """Number of threads that kernels may use."""
    return _threads


def set_num_threads(n):
    """Sets the number of threads that kernels may use. Results do not depend on it. In a forked child it stays 1."""
    global _threads
    if not 1 <= n <= MAX_THREADS:
        raise ValueError(f"set_num_threads: n must be at least 1 and at most {MAX_THREADS}; received n={n}")
    _threads = n if dl_openmp and not _forked else 1


def openmp_version():
    """The OpenMP date macro of the build (201511 is OpenMP 4.5), or 0 for a build without threads."""
    return dl_openmp


def _initial_threads():
    for name in ("DLCORE_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").split(",")[0].strip()
        if text:
            if text.isdecimal() and 1 <= int(text) <= MAX_THREADS:
                return int(text)
            if name == "DLCORE_NUM_THREADS":
                raise ImportError(f"{name}={text!r} must be a whole number from 1 to {MAX_THREADS}")
    return min(dl_cpus(), MAX_THREADS)


def _after_fork():
    global _threads, _forked
    _threads = 1
    _forked = True


set_num_threads(_initial_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
