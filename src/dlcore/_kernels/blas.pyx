"""The one door to matrix multiplication, with two engines behind it.

*native* is our own kernel (gemm.h) for the instruction set in use; *blas* is SciPy's BLAS, called on one thread from
inside our own split. `DLCORE_GEMM=native|blas` forces one. Either way C is cut into blocks by shape alone, and a long K
under a small C into chunks whose partial sums are added in order, so results do not depend on the number of threads.

benchmarks/bench_gemm.py compares them. The table of choices by shape that it suggests is empty so far: native is ahead on
the shapes of networks with every instruction set, and within 1.15x of OpenBLAS on squares of 2048 and more when OpenBLAS
uses the same vector width. So without DLCORE_GEMM native is always chosen, and SciPy is never imported here.
"""

import os

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from cpython.pythread cimport PyThread_acquire_lock, PyThread_allocate_lock, PyThread_release_lock, PyThread_type_lock, WAIT_LOCK

from dlcore._kernels.parallel cimport launch, launch_nogil

cdef extern from "gemm.h":
    ctypedef struct dl_gemm:
        Py_ssize_t m, n, k, lda, ldb, ldc
        const void* a
        const void* b
        void* c
        int ta, tb, accumulate, b_packed, swapped
        epilogue_fn epilogue
        void* ctx
    ctypedef struct dl_gemm_table:
        Py_ssize_t mr, nr, mc, kc, size
        void (*block)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1) noexcept nogil
        void (*partial)(const dl_gemm* g, Py_ssize_t p0, Py_ssize_t p1, void* out) noexcept nogil
        Py_ssize_t (*packed_size)(Py_ssize_t k, Py_ssize_t n) noexcept nogil
        void (*pack_b)(int tb, Py_ssize_t k, Py_ssize_t n, const void* b, Py_ssize_t ldb, void* packed) noexcept nogil

# Fortran's gemm as scipy.linalg.cython_blas exports it; the scalars are float* or double*.
ctypedef void (*fortran_gemm)(char*, char*, int*, int*, int*, void*, void*, int*, void*, int*, void*, void*, int*) noexcept nogil

cdef const dl_gemm_table* _tables[2]
cdef fortran_gemm _fortran[2]
cdef bint _blas = False

# One call: how its C is cut (blocks of mb x nb, columns fastest), or its K (chunks of kb with partial sums in `sums`).
cdef struct Job:
    dl_gemm g
    const dl_gemm_table* table
    bint f64, blas
    Py_ssize_t mb, nb, across, blocks, kb
    char* sums
    double cost


cdef inline Py_ssize_t _ceil(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline void _finish(const dl_gemm* g, void* c, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols) noexcept nogil:
    if g.epilogue != NULL:
        if g.swapped:
            g.epilogue(g.ctx, c, 1, col, cols, 0, 1)
        else:
            g.epilogue(g.ctx, c, g.ldc, row, rows, col, cols)


cdef void _fortran_call(const Job* job, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, const void* b, void* c, Py_ssize_t ldc,
                        bint accumulate) noexcept nogil:
    # Row major C = A B is column major C^T = B^T A^T: the operands change places.
    cdef int im = <int>m, jn = <int>n, pk = <int>k, lda = <int>job.g.lda, ldb = <int>job.g.ldb, ld = <int>ldc
    cdef double one64 = 1, beta64 = accumulate
    cdef float one32 = 1, beta32 = accumulate
    cdef char ta = c"T" if job.g.ta else c"N"
    cdef char tb = c"T" if job.g.tb else c"N"
    _fortran[job.f64](&tb, &ta, &jn, &im, &pk, <void*>&one64 if job.f64 else <void*>&one32, <void*>b, &ldb, <void*>a, &lda,
                      <void*>&beta64 if job.f64 else <void*>&beta32, c, &ld)


cdef void _blocks_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef dl_gemm* g = &job.g
    cdef Py_ssize_t t, i, j, rows, cols, size = job.table.size
    cdef char* c
    for t in range(begin, end):
        i = t // job.across * job.mb
        j = t % job.across * job.nb
        rows = min(job.mb, g.m - i)
        cols = min(job.nb, g.n - j)
        if job.blas:
            c = <char*>g.c + (i * g.ldc + j) * size
            _fortran_call(job, rows, cols, g.k, <char*>g.a + (i if g.ta else i * g.lda) * size, <char*>g.b + (j * g.ldb if g.tb else j) * size,
                          c, g.ldc, g.accumulate)
            _finish(g, c, i, rows, j, cols)
        else:
            job.table.block(g, i, i + rows, j, j + cols)


cdef void _chunks_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job* job = <Job*>ctx
    cdef dl_gemm* g = &job.g
    cdef Py_ssize_t t, p, size = job.table.size
    cdef char* out
    for t in range(begin, end):
        p = t * job.kb
        out = job.sums + t * g.m * g.n * size
        if job.blas:
            _fortran_call(job, g.m, g.n, min(job.kb, g.k - p), <char*>g.a + (p * g.lda if g.ta else p) * size,
                          <char*>g.b + (p if g.tb else p * g.ldb) * size, out, g.n, False)
        else:
            job.table.partial(g, p, min(p + job.kb, g.k), out)


ctypedef fused real:
    float
    double


cdef void _add_chunks(const Job* job, const real* sums, real* c) noexcept nogil:
    # C (+)= the partial sums in order of K, whoever computed them.
    cdef Py_ssize_t i, j, t, m = job.g.m, n = job.g.n
    cdef const real* part
    cdef real* row
    for i in range(m):
        row = c + i * job.g.ldc
        for t in range(job.blocks):
            part = sums + (t * m + i) * n
            if t == 0 and not job.g.accumulate:
                for j in range(n):
                    row[j] = part[j]
            else:
                for j in range(n):
                    row[j] += part[j]


cdef void _clear(const dl_gemm* g, Py_ssize_t size) noexcept nogil:
    # K = 0: the sum over nothing.
    cdef Py_ssize_t i, j
    if not g.accumulate:
        for i in range(g.m):
            for j in range(g.n * size):
                (<char*>g.c)[i * g.ldc * size + j] = 0
    _finish(g, g.c, 0, g.m, 0, g.n)


cdef void _orient(dl_gemm* g) noexcept nogil:
    """Chooses, among ways to say the same product, the one the kernels like best."""
    cdef const void* a = g.a
    cdef Py_ssize_t m = g.m, lda = g.lda
    cdef bint ta = g.ta
    if g.b_packed:
        return
    if g.n == 1 and m > 1 and g.ldc == 1:
        # A column is computed as a row, so that vectors run along it (or along K).
        g.m, g.n, g.a, g.b, g.swapped = 1, m, g.b, a, True
        g.ta, g.lda = not (g.tb or g.ldb == 1), g.ldb
        g.tb, g.ldb = not ta, lda
    if g.m == 1 and g.ta and g.lda == 1:
        g.ta, g.lda = False, g.k
    if g.k == 1 and g.tb and g.ldb == 1:
        g.tb, g.ldb = False, g.n


cdef void _plan(Job* job) noexcept nogil:
    """Cuts the work by shape alone."""
    cdef dl_gemm* g = &job.g
    cdef const dl_gemm_table* t = job.table
    cdef Py_ssize_t pieces, down
    job.cost = 0.01 * g.m * g.n * g.k + 0.05 * (<double>g.m * g.k + <double>g.k * g.n + <double>g.m * g.n)
    job.mb, job.nb, job.kb, job.sums = g.m, g.n, g.k, NULL
    if job.cost > 4000:
        pieces = <Py_ssize_t>min(16.0, job.cost / 2000)
        if g.k > 8192 and g.m * g.n <= 65536:
            job.kb = _ceil(g.k, min(16, g.k // 4096))
            job.blocks = _ceil(g.k, job.kb)
            return
        if g.m == 1 and not g.tb and not g.b_packed and not job.blas:
            # B should be read as it lies in memory: cut between rows or, if they are few, into long parts of rows.
            job.kb = max(_ceil(g.k, pieces), 64)
            job.blocks = _ceil(g.k, job.kb)
            if job.blocks > 1:
                return
            job.nb = max(_ceil(_ceil(g.n, pieces), t.nr), 32) * t.nr
        elif g.m > 2 * t.mc:
            # Many rows: cut them, and columns too when there are many (every block packs its own A).
            job.nb = min(g.n, 32 * t.nr)
            down = max(_ceil(g.m, t.mc), _ceil(pieces, _ceil(g.n, job.nb)))
            job.mb = _ceil(_ceil(g.m, down), t.mr) * t.mr
        elif g.n >= 4 * t.nr:
            job.nb = min(max(_ceil(_ceil(g.n, pieces), t.nr), 4 if g.m == 1 else 2), 16) * t.nr
        else:
            job.mb = max(t.mr, _ceil(_ceil(g.m, pieces), t.mr) * t.mr)
    job.across = _ceil(g.n, job.nb)
    job.blocks = _ceil(g.m, job.mb) * job.across


cdef bint _prepare(Job* job, bint f64, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda, const void* b,
                   Py_ssize_t ldb, void* c, Py_ssize_t ldc, bint accumulate, bint packed, epilogue_fn epilogue, void* ctx) noexcept nogil:
    """Fills in the job. False if nothing is left to do."""
    cdef dl_gemm* g = &job.g
    g.m, g.n, g.k, g.lda, g.ldb, g.ldc = m, n, k, lda, ldb, ldc
    g.a, g.b, g.c, g.ctx, g.epilogue = a, b, c, ctx, epilogue
    g.ta, g.tb, g.accumulate, g.b_packed, g.swapped = ta, tb, accumulate, packed, False
    job.table = _tables[f64]
    job.f64 = f64
    job.blas = False
    if m == 0 or n == 0:
        return False
    if k == 0:
        _clear(g, job.table.size)
        return False
    if _blas and not packed:
        job.blas = max(m, n, k, lda, ldb, ldc) <= 2147483647
    if not job.blas:
        _orient(g)
    _plan(job)
    if job.blas:
        # Fortran wants ld >= columns even where there is one row and it is never used.
        g.lda, g.ldb, g.ldc = max(lda, m if ta else k), max(ldb, k if tb else n), max(ldc, n)
    return True


cdef int _run_chunks(Job* job, bint threads) noexcept nogil:
    cdef dl_gemm* g = &job.g
    job.sums = <char*>PyMem_RawMalloc(job.blocks * g.m * g.n * job.table.size)
    if job.sums == NULL:
        return -1
    if threads:
        launch_nogil(_chunks_body, job, job.blocks, 1, job.cost)
    else:
        _chunks_body(job, 0, job.blocks)
    if job.f64:
        _add_chunks(job, <double*>job.sums, <double*>g.c)
    else:
        _add_chunks(job, <float*>job.sums, <float*>g.c)
    PyMem_RawFree(job.sums)
    _finish(g, g.c, 0, g.m, 0, g.n)
    return 0


cdef int _run(Job* job) except -1:
    cdef int failed = 0
    if job.blas:
        _blas_enter()
    if job.kb < job.g.k:
        with nogil:
            failed = _run_chunks(job, True)
    else:
        launch(_blocks_body, job, job.blocks, 1, job.cost)
    if job.blas:
        _blas_leave()
    if failed:
        raise MemoryError(f"matrix multiplication: no memory for {job.blocks} partial sums of {job.g.m} x {job.g.n}")
    return 0


cdef int gemm(bint f64, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
              const void* b, Py_ssize_t ldb, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) except -1:
    cdef Job job
    if _prepare(&job, f64, ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate, False, epilogue, ctx):
        _run(&job)
    return 0


cdef int gemm_nogil(bint f64, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
                    const void* b, Py_ssize_t ldb, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) noexcept nogil:
    cdef Job job
    cdef int failed = 0
    if _prepare(&job, f64, ta, tb, m, n, k, a, lda, b, ldb, c, ldc, accumulate, False, epilogue, ctx):
        if job.blas:
            _blas_enter()
        if job.kb < job.g.k:
            failed = _run_chunks(&job, False)
        else:
            _blocks_body(&job, 0, job.blocks)
        if job.blas:
            _blas_leave()
    return failed


cdef Py_ssize_t packed_size(bint f64, Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    return _tables[f64].packed_size(k, n)


cdef void pack_b(bint f64, bint tb, Py_ssize_t k, Py_ssize_t n, const void* b, Py_ssize_t ldb, void* packed) noexcept nogil:
    _tables[f64].pack_b(tb, k, n, b, ldb, packed)


cdef int gemm_packed(bint f64, bint ta, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, const void* a, Py_ssize_t lda,
                     const void* packed, void* c, Py_ssize_t ldc, bint accumulate, epilogue_fn epilogue, void* ctx) except -1:
    cdef Job job
    if _prepare(&job, f64, ta, False, m, n, k, a, lda, packed, n, c, ldc, accumulate, True, epilogue, ctx):
        _run(&job)
    return 0


# ---- SciPy's BLAS. It is one library with the user's SciPy, so its number of threads is 1 only while we are inside:
# the first thread in saves the setting, the last one out restores it.

ctypedef int (*get_threads_fn)() noexcept nogil
ctypedef void (*set_threads_fn)(int n) noexcept nogil

cdef get_threads_fn _get_threads = NULL
cdef set_threads_fn _set_threads = NULL
cdef PyThread_type_lock _lock = PyThread_allocate_lock()
cdef int _inside = 0, _saved = 1


cdef void _blas_enter() noexcept nogil:
    global _inside, _saved
    PyThread_acquire_lock(_lock, WAIT_LOCK)
    if _inside == 0:
        _saved = _get_threads()
        if _saved != 1:
            _set_threads(1)
    _inside += 1
    PyThread_release_lock(_lock)


cdef void _blas_leave() noexcept nogil:
    global _inside
    PyThread_acquire_lock(_lock, WAIT_LOCK)
    _inside -= 1
    if _inside == 0 and _saved != 1:
        _set_threads(_saved)
    PyThread_release_lock(_lock)


def _load_blas():
    """Finds SciPy's gemm and its thread setting. Returns None, or why this BLAS cannot be used."""
    global _get_threads, _set_threads
    import ctypes

    from scipy.linalg import cython_blas

    for f64, name in enumerate(("sgemm", "dgemm")):
        capsule = cython_blas.__pyx_capi__[name]
        signature = PyCapsule_GetName(capsule)
        if not signature.startswith(b"void (char *, char *, int *, int *, int *, "):
            return f"its {name} has the signature {signature.decode()}, not 32-bit integers"
        _fortran[f64] = <fortran_gemm>PyCapsule_GetPointer(capsule, signature)
    library = ctypes.CDLL(cython_blas.__file__)
    for prefix in ("scipy_openblas", "openblas"):
        if hasattr(library, f"{prefix}_set_num_threads"):
            _get_threads = <get_threads_fn><size_t>ctypes.cast(getattr(library, f"{prefix}_get_num_threads"), ctypes.c_void_p).value
            _set_threads = <set_threads_fn><size_t>ctypes.cast(getattr(library, f"{prefix}_set_num_threads"), ctypes.c_void_p).value
            return None
    return "it is not an OpenBLAS whose number of threads can be set"


def set_engine(name):
    """Forces the engine, "native" or "blas"; None chooses by shape. For tests and benchmarks. Returns the one before."""
    global _blas, _forced
    if name not in (None, "native", "blas"):
        raise ValueError(f"set_engine: engine must be 'native', 'blas' or None, received {name!r}")
    if name == "blas" and _set_threads == NULL:
        why = _load_blas()
        if why:
            raise ImportError(f"the BLAS engine cannot use the BLAS of this SciPy: {why}. Unset DLCORE_GEMM.")
    before, _forced, _blas = _forced, name, name == "blas"
    return before


def engine():
    """The engine in force: "native" or "blas"."""
    return "blas" if _blas else "native"


def blas_info():
    """Which BLAS SciPy has, e.g. ``{"name": "scipy-openblas", "version": "0.3.30"}``."""
    import scipy

    found = scipy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {key: found.get(key, "unknown") for key in ("name", "version")}


# ---- For tests and benchmarks: NumPy arrays in, NumPy array out.

cdef struct Bias:
    const void* values     # as many as C has, dense
    Py_ssize_t n
    bint f64


cdef void _bias_relu(void* ctx, void* c, Py_ssize_t ldc, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols) noexcept nogil:
    cdef Bias* bias = <Bias*>ctx
    cdef Py_ssize_t i, j, at
    for i in range(rows):
        for j in range(cols):
            at = (row + i) * bias.n + col + j
            if bias.f64:
                (<double*>c)[i * ldc + j] = max(0.0, (<double*>c)[i * ldc + j] + (<double*>bias.values)[at])
            else:
                (<float*>c)[i * ldc + j] = max(<float>0, (<float*>c)[i * ldc + j] + (<float*>bias.values)[at])


def matmul_into(a, b, c, bint ta=False, bint tb=False, bint accumulate=False, bias=None, bint packed=False, bint serial=False, Py_ssize_t repeat=1):
    """``c = (c if accumulate else 0) + op(a) @ op(b)``, then ``max(0, c + bias)`` if there is a bias (dense, like c).

    Arrays are 2-D, float32 or float64 alike, with contiguous rows; ``packed`` packs b first (outside of ``repeat``),
    ``serial`` takes the door for code inside a launch body, ``repeat`` does it again and again, for timing.
    """
    cdef Py_buffer views[4]
    cdef Py_ssize_t ld[3]
    cdef Bias context
    cdef epilogue_fn epilogue = NULL
    cdef void* room = NULL
    cdef void* aligned = NULL
    cdef Py_ssize_t m, n, k, r, _r
    cdef int opened = 0, failed = 0
    cdef bint f64
    try:
        for array in (a, b, c) if bias is None else (a, b, c, bias):
            PyObject_GetBuffer(array, &views[opened], PyBUF_STRIDES | PyBUF_FORMAT | (PyBUF_WRITABLE if opened == 2 else 0))
            opened += 1
            if views[opened - 1].format[0] != views[0].format[0] or views[0].format[0] not in b"fd":
                raise TypeError("matmul_into: arrays must all be float32 or all be float64")
            if opened < 4:
                if views[opened - 1].ndim != 2 or (views[opened - 1].shape[1] > 1 and views[opened - 1].strides[1] != views[0].itemsize):
                    raise ValueError("matmul_into: arrays must be 2-D with contiguous rows")
                ld[opened - 1] = views[opened - 1].strides[0] // views[0].itemsize
        f64 = views[0].format[0] == c"d"
        m, k = views[0].shape[ta], views[0].shape[not ta]
        n = views[1].shape[not tb]
        if views[1].shape[tb] != k or views[2].shape[0] != m or views[2].shape[1] != n or (bias is not None and views[3].len != m * n * views[0].itemsize):
            raise ValueError(f"matmul_into: shapes {a.shape}, {b.shape} and {c.shape} do not fit")
        if bias is not None:
            context.values, context.n, context.f64, epilogue = views[3].buf, n, f64, _bias_relu
        if packed:
            room = PyMem_RawMalloc(packed_size(f64, k, n) + 64)
            if room == NULL:
                raise MemoryError("matmul_into: no memory to pack b")
            aligned = <void*>((<size_t>room + 63) // 64 * 64)
            pack_b(f64, tb, k, n, views[1].buf, ld[1], aligned)
        for _r in range(repeat):
            if packed:
                gemm_packed(f64, ta, m, n, k, views[0].buf, ld[0], aligned, views[2].buf, ld[2], accumulate, epilogue, &context)
            elif serial:
                with nogil:
                    failed = gemm_nogil(f64, ta, tb, m, n, k, views[0].buf, ld[0], views[1].buf, ld[1], views[2].buf, ld[2], accumulate, epilogue, &context)
                if failed:
                    raise MemoryError("matmul_into: no memory for partial sums")
            else:
                gemm(f64, ta, tb, m, n, k, views[0].buf, ld[0], views[1].buf, ld[1], views[2].buf, ld[2], accumulate, epilogue, &context)
    finally:
        PyMem_RawFree(room)
        for r in range(opened):
            PyBuffer_Release(&views[r])


def _take_tables():
    from dlcore._kernels import gemm as level

    for f64 in range(2):
        _tables[f64] = <const dl_gemm_table*>PyCapsule_GetPointer(level.TABLES[f64], "dl_gemm_table")


_forced = None
_take_tables()
_wanted = os.environ.get("DLCORE_GEMM") or None
if _wanted not in (None, "native", "blas"):
    raise ImportError(f"DLCORE_GEMM={_wanted!r} must be 'native' or 'blas'")
set_engine(_wanted)
