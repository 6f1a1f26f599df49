"""Update rules that see a variable as a whole: Lamb (norms), Adafactor (means of rows and columns), Muon (a matrix).

They go over a variable more than once; Adafactor and Muon take a run of one variable without padding (`arena.alone`). Sums are kept in double and added up in
the order of the blocks. `decay` is learning rate x decoupled weight decay, which shrinks the parameter first.
"""

from libc.math cimport sqrt

from dlcore._kernels.arena cimport Run
from dlcore._kernels.blas cimport gemm
from dlcore._kernels.optim cimport BLOCK, Step, apply_rule, prepare, squared_norm, sum_of_squares
from dlcore._kernels.parallel cimport launch
from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.tensor cimport Tensor, VariableBase, itemsize, wrote
from dlcore._kernels.types cimport F64, real
from dlcore._kernels.vmath cimport sqrt_

__all__ = []            # no ops

cdef enum:
    CHUNK = 1024                # elements whose intermediate results stay in the first cache (a literal in `range`: Cython needs one)


# -------------------------------------------------------------------------------------------------------------- Lamb

cdef void _lamb_moments(real* p, const real* g, real* m, real* v, Py_ssize_t n, const Step* s, double* sums) noexcept nogil:
    # First pass: the moments, and the sums of squares of the parameters (shrunk) and of the move.
    cdef Py_ssize_t i, j, k
    cdef real decay = <real>s.decay
    cdef real w1 = <real>(1 - s.c0)
    cdef real w2 = <real>(1 - s.c1)
    cdef real eps = <real>s.c2
    cdef real mean = <real>s.c3
    cdef real correction = <real>s.c4
    cdef real a, b, q
    cdef real[CHUNK] move
    cdef real[CHUNK] shrunk
    for i in range(0, n, 1024):
        k = min(n - i, <Py_ssize_t>CHUNK)
        for j in range(i, i + k):
            q = g[j]
            a = m[j] + (q - m[j]) * w1
            b = v[j] + (q * q - v[j]) * w2
            m[j] = a
            v[j] = b
            move[j - i] = a * mean / (sqrt_(b * correction) + eps)
            shrunk[j - i] = p[j] - p[j] * decay
        sums[0] += sum_of_squares(shrunk, k, s.f64)
        sums[1] += sum_of_squares(move, k, s.f64)


cdef struct Piece:              # of a variable; a run is cut into them so that all its variables share the two passes
    Py_ssize_t at
    Py_ssize_t size
    double rate
    double[2] sums

cdef struct Lamb:
    Step step
    Piece* pieces


cdef void _lamb_moments_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const Step* s = &(<Lamb*>ctx).step
    cdef Piece* k
    cdef Py_ssize_t b
    for b in range(begin, end):
        k = (<Lamb*>ctx).pieces + b
        k.sums[0] = 0
        k.sums[1] = 0
        if s.f64:
            _lamb_moments[double](<double*>s.p + k.at, <double*>s.g + k.at, <double*>s.s0 + k.at, <double*>s.s1 + k.at, k.size, s, k.sums)
        else:
            _lamb_moments[float](<float*>s.p + k.at, <float*>s.g + k.at, <float*>s.s0 + k.at, <float*>s.s1 + k.at, k.size, s, k.sums)


cdef void _lamb_move(real* p, const real* m, const real* v, Py_ssize_t n, real lr, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real>s.decay
    cdef real eps = <real>s.c2
    cdef real mean = <real>s.c3
    cdef real correction = <real>s.c4
    for i in range(n):
        p[i] = p[i] - p[i] * decay - lr * (m[i] * mean / (sqrt_(v[i] * correction) + eps))


cdef void _lamb_move_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef const Step* s = &(<Lamb*>ctx).step
    cdef Piece* k
    cdef Py_ssize_t b
    for b in range(begin, end):
        k = (<Lamb*>ctx).pieces + b
        if s.f64:
            _lamb_move[double](<double*>s.p + k.at, <double*>s.s0 + k.at, <double*>s.s1 + k.at, k.size, k.rate, s)
        else:
            _lamb_move[float](<float*>s.p + k.at, <float*>s.s0 + k.at, <float*>s.s1 + k.at, k.size, <float>k.rate, s)


def lamb_step(Run run, Tensor m, Tensor v, double lr, double beta_1, double beta_2, double epsilon, double t, double decay):
    """Lamb (You et al. 2020): Adam's move, scaled for each variable to the norm of the variable."""
    cdef Lamb work
    cdef Step* s = &work.step
    cdef VariableBase x
    cdef Piece* k
    cdef Py_ssize_t pieces = 0, n = 0, at, first, b, _
    cdef double of_p, of_u
    prepare(s, run, lr, decay, m, v, None)
    s.c0 = beta_1
    s.c1 = beta_2
    s.c2 = epsilon
    s.c3 = 1 / (1 - beta_1 ** t)
    s.c4 = 1 / (1 - beta_2 ** t)
    for x in run.variables:
        pieces += (x.size + BLOCK - 1) // BLOCK
        n += x.size
    if n == 0:
        return
    work.pieces = <Piece*>pool_alloc(pieces * sizeof(Piece))
    k = work.pieces
    for x, first in zip(run.variables, run.offsets):
        for at in range(0, x.size, BLOCK):
            k.at = first + at
            k.size = min(x.size - at, <Py_ssize_t>BLOCK)
            k += 1
    launch(_lamb_moments_body, &work, pieces, 1, 0.8 * n)
    k = work.pieces
    for x in run.variables:
        of_p = of_u = 0
        for b in range((x.size + BLOCK - 1) // BLOCK):
            of_p += k[b].sums[0]
            of_u += k[b].sums[1]
        for _ in range((x.size + BLOCK - 1) // BLOCK):
            k.rate = lr * sqrt(of_p) / sqrt(of_u) if of_p > 0 and of_u > 0 else lr
            k += 1
    launch(_lamb_move_body, &work, pieces, 1, 0.5 * n)
    wrote()
    pool_free(work.pieces, pieces * sizeof(Piece))


# --------------------------------------------------------------------------------------------------------- Adafactor

cdef struct Factor:
    bint f64
    Py_ssize_t rows             # of a matrix; a variable of more dimensions is a stack of them
    Py_ssize_t cols
    Py_ssize_t stack
    Py_ssize_t per_block        # rows in a block: blocks do not cross matrices
    Py_ssize_t blocks           # in a matrix
    char* p
    const char* g
    char* r                     # running mean squares of the rows,
    char* c                     # and of the columns
    char* v                     # r / mean(r) x c
    char* inverse               # 1 / sqrt(c)
    double* means               # mean(r) of each matrix
    double* partial             # of each block: sums of columns, later the sum of squares of u = g / sqrt(v)
    double* norms               # of each block: the sum of squares of p
    double kept                 # beta_2 of this step
    double epsilon
    double rate
    double decay

cdef struct Part:
    Py_ssize_t matrix
    Py_ssize_t rows
    Py_ssize_t row              # offsets: in the rows of all matrices, in their columns, in their elements
    Py_ssize_t col
    Py_ssize_t at


cdef inline Part _part(const Factor* f, Py_ssize_t b) noexcept nogil:
    cdef Part part
    cdef Py_ssize_t first = b % f.blocks * f.per_block
    part.matrix = b // f.blocks
    part.rows = min(f.per_block, f.rows - first)
    part.row = part.matrix * f.rows + first
    part.col = part.matrix * f.cols
    part.at = part.row * f.cols
    return part


cdef void _rows(real* r, double* columns, const real* g, Py_ssize_t rows, const Factor* f) noexcept nogil:
    # The running means of rows, and the sums of the columns of these rows.
    cdef Py_ssize_t i, j, k, cols = f.cols
    cdef const real* g1
    cdef const real* g2
    cdef const real* g3
    cdef double q
    for j in range(cols):
        columns[j] = rows * f.epsilon
    i = 0
    while i < rows:
        k = 4 if i + 4 <= rows else 1
        if k == 4:
            g1 = g + cols
            g2 = g1 + cols
            g3 = g2 + cols
            for j in range(cols):
                columns[j] += (g[j] * g[j] + g1[j] * g1[j]) + (g2[j] * g2[j] + g3[j] * g3[j])
        else:
            for j in range(cols):
                columns[j] += g[j] * g[j]
        for j in range(i, i + k):
            q = sum_of_squares(g, cols, f.f64) / cols + f.epsilon
            r[j] = <real>(f.kept * r[j] + (1 - f.kept) * q)
            g += cols
        i += k


cdef void _rows_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Factor* f = <Factor*>ctx
    cdef Py_ssize_t b
    cdef Part k
    for b in range(begin, end):
        k = _part(f, b)
        if f.f64:
            f.norms[b] = sum_of_squares(<double*>f.p + k.at, k.rows * f.cols, True)
            _rows[double](<double*>f.r + k.row, f.partial + b * f.cols, <double*>f.g + k.at, k.rows, f)
        else:
            f.norms[b] = sum_of_squares(<float*>f.p + k.at, k.rows * f.cols, False)
            _rows[float](<float*>f.r + k.row, f.partial + b * f.cols, <float*>f.g + k.at, k.rows, f)


cdef void _columns(const Factor* f, const real* r, real* c, real* inverse, double* sums, double* mean) noexcept nogil:
    # The sums of the columns of all blocks in order, the running means of them; and the mean of r.
    cdef Py_ssize_t b, i, j
    cdef double total = 0
    for b in range(1, f.blocks):
        for j in range(f.cols):
            sums[j] += sums[b * f.cols + j]
    for j in range(f.cols):
        c[j] = <real>(f.kept * c[j] + (1 - f.kept) * (sums[j] / f.rows))
        inverse[j] = 1 / sqrt_(c[j])
    for i in range(f.rows):
        total += r[i]
    mean[0] = total / f.rows


cdef void _columns_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Factor* f = <Factor*>ctx
    cdef Py_ssize_t i, row, col
    cdef double* sums
    for i in range(begin, end):
        row = i * f.rows
        col = i * f.cols
        sums = f.partial + i * f.blocks * f.cols
        if f.f64:
            _columns[double](f, <double*>f.r + row, <double*>f.c + col, <double*>f.inverse + col, sums, f.means + i)
        else:
            _columns[float](f, <float*>f.r + row, <float*>f.c + col, <float*>f.inverse + col, sums, f.means + i)


cdef double _product(real* v, const real* g, const real* r, const real* c, const real* inverse, double mean, Py_ssize_t rows, const Factor* f) noexcept nogil:
    # v = r / mean(r) x c. The root is taken of the factors: v itself may vanish where a row and a column had no gradient.
    cdef Py_ssize_t i, j, k, first, cols = f.cols
    cdef real share, root
    cdef real[CHUNK] u
    cdef double squares = 0
    for i in range(rows):
        share = <real>(r[i] / mean)
        root = <real>sqrt(mean / r[i])
        for first in range(0, cols, 1024):
            k = min(cols - first, <Py_ssize_t>CHUNK)
            for j in range(k):
                v[first + j] = share * c[first + j]
                u[j] = g[first + j] * (root * inverse[first + j])
            squares += sum_of_squares(u, k, f.f64)
        v += cols
        g += cols
    return squares


cdef void _product_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Factor* f = <Factor*>ctx
    cdef Py_ssize_t b
    cdef Part k
    for b in range(begin, end):
        k = _part(f, b)
        if f.f64:
            f.partial[b] = _product[double](<double*>f.v + k.at, <double*>f.g + k.at, <double*>f.r + k.row, <double*>f.c + k.col,
                                            <double*>f.inverse + k.col, f.means[k.matrix], k.rows, f)
        else:
            f.partial[b] = _product[float](<float*>f.v + k.at, <float*>f.g + k.at, <float*>f.r + k.row, <float*>f.c + k.col,
                                           <float*>f.inverse + k.col, f.means[k.matrix], k.rows, f)


cdef void _factored(real* p, const real* g, const real* r, const real* inverse, double mean, Py_ssize_t rows, const Factor* f) noexcept nogil:
    cdef Py_ssize_t i, j, cols = f.cols
    cdef real decay = <real>f.decay
    cdef real rate = <real>f.rate
    cdef real root
    for i in range(rows):
        root = <real>sqrt(mean / r[i])
        for j in range(cols):
            p[j] = p[j] - p[j] * decay - rate * (g[j] * (root * inverse[j]))
        p += cols
        g += cols


cdef void _factored_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Factor* f = <Factor*>ctx
    cdef Py_ssize_t b
    cdef Part k
    for b in range(begin, end):
        k = _part(f, b)
        if f.f64:
            _factored[double](<double*>f.p + k.at, <double*>f.g + k.at, <double*>f.r + k.row, <double*>f.inverse + k.col, f.means[k.matrix], k.rows, f)
        else:
            _factored[float](<float*>f.p + k.at, <float*>f.g + k.at, <float*>f.r + k.row, <float*>f.inverse + k.col, f.means[k.matrix], k.rows, f)


cdef double _rate(double rate, double of_p, double least, double of_u, Py_ssize_t n, double clip, double decay) noexcept nogil:
    # rate max(least, rms(p)) / max(1, rms(u) / clip), where p has shrunk by its decay; NaN stays.
    cdef double rms = sqrt(of_p / n) * (1 - decay), excess = sqrt(of_u / n) / clip
    rate *= rms if rms > least or rms != rms else least
    return rate if excess <= 1 else rate / excess


cdef _matrices(Run run, Tensor r, Tensor c, Tensor v, double rate, double kept, double epsilon, double least, double clip, double decay):
    cdef Factor f
    cdef VariableBase x = <VariableBase>run.variables[0]
    cdef Py_ssize_t n = run.params.size, size = itemsize(x.dtype), total, sums, i
    cdef double of_p = 0, of_u = 0
    f.f64 = x.dtype == F64
    f.rows = x.dims[x.ndim - 2]
    f.cols = x.dims[x.ndim - 1]
    f.stack = n // (f.rows * f.cols)
    if v.size != n or r.size != f.stack * f.rows or c.size != f.stack * f.cols or not r.dtype == c.dtype == v.dtype == x.dtype:
        raise ValueError("an optimizer slot does not have the layout of its variable")
    # Some tens of blocks of 16 rows or more, so that the sums of their columns take little room.
    f.per_block = max(65536 // f.cols, (f.rows + 63) // 64, min(f.rows, <Py_ssize_t>16))
    f.blocks = (f.rows + f.per_block - 1) // f.per_block
    total = f.stack * f.blocks
    sums = total * f.cols * sizeof(double)
    f.p = run.params.data
    f.g = run.grads.data
    f.r = r.data
    f.c = c.data
    f.v = v.data
    f.kept = kept
    f.epsilon = epsilon
    f.decay = decay
    f.partial = <double*>pool_alloc(sums)
    f.norms = <double*>pool_alloc(total * sizeof(double))
    f.means = <double*>pool_alloc(f.stack * sizeof(double))
    f.inverse = <char*>pool_alloc(f.stack * f.cols * size)
    launch(_rows_body, &f, total, 1, 0.4 * n)
    launch(_columns_body, &f, f.stack, 1, 0.5 * total * f.cols)
    launch(_product_body, &f, total, 1, 0.3 * n)
    for i in range(total):
        of_p += f.norms[i]
        of_u += f.partial[i]
    f.rate = _rate(rate, of_p, least, of_u, n, clip, decay)
    launch(_factored_body, &f, total, 1, 0.3 * n)
    wrote()
    pool_free(f.partial, sums)
    pool_free(f.norms, total * sizeof(double))
    pool_free(f.means, f.stack * sizeof(double))
    pool_free(f.inverse, f.stack * f.cols * size)


cdef double _vector(const real* g, real* v, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef real kept = <real>s.c0
    cdef real rest = <real>(1 - s.c0)
    cdef real eps = <real>s.c1
    cdef real q
    cdef real[CHUNK] u
    cdef double squares = 0
    for i in range(0, n, 1024):
        k = min(n - i, <Py_ssize_t>CHUNK)
        for j in range(k):
            q = g[i + j]
            v[i + j] = kept * v[i + j] + rest * (q * q + eps)
            u[j] = q / sqrt_(v[i + j])
        squares += sum_of_squares(u, k, s.f64)
    return squares


cdef void _vector_body(void* ctx, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Step* s = <Step*>ctx
    cdef double* sums = s.partial + begin // BLOCK * 2
    if s.f64:
        sums[0] = sum_of_squares(<double*>s.p + begin, end - begin, True)
        sums[1] = _vector[double](<double*>s.g + begin, <double*>s.s0 + begin, end - begin, s)
    else:
        sums[0] = sum_of_squares(<float*>s.p + begin, end - begin, False)
        sums[1] = _vector[float](<float*>s.g + begin, <float*>s.s0 + begin, end - begin, s)


cdef void _vector_move(real* p, const real* g, real* v, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real decay = <real>s.decay
    cdef real rate = <real>s.lr
    for i in range(n):
        p[i] = p[i] - p[i] * decay - rate * (g[i] / sqrt_(v[i]))


cdef _vectors(Run run, Tensor v, double rate, double kept, double epsilon, double least, double clip, double decay):
    cdef Step s
    cdef Py_ssize_t n = run.params.size
    cdef Py_ssize_t blocks = (n + BLOCK - 1) // BLOCK
    cdef Py_ssize_t i
    cdef double of_p = 0, of_u = 0
    prepare(&s, run, 0, decay, v, None, None)
    s.c0 = kept
    s.c1 = epsilon
    s.partial = <double*>pool_alloc(blocks * 2 * sizeof(double))
    launch(_vector_body, &s, n, BLOCK, 0.6 * n)
    for i in range(blocks):
        of_p += s.partial[2 * i]
        of_u += s.partial[2 * i + 1]
    pool_free(s.partial, blocks * 2 * sizeof(double))
    s.lr = _rate(rate, of_p, least, of_u, n, clip, decay)
    apply_rule(&s, run, _vector_move[float], _vector_move[double], 0.4)


def adafactor_step(Run run, Tensor r, Tensor c, Tensor v, double lr, double beta_2_decay, double epsilon_1, double epsilon_2,
                   double clip_threshold, double t, double decay):
    """Adafactor (Shazeer & Stern 2018), one variable: p -= max(epsilon_2, rms(p)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / clip).

    u = g / sqrt(v), where v is the running mean of g^2 + epsilon_1: of matrices it is the product of the means of their rows and
    columns. ``r`` and ``c`` are not used for a variable of less than two dimensions.
    """
    cdef Py_ssize_t n = run.params.size
    cdef double kept = 1 - t ** beta_2_decay
    cdef double rate = min(lr, 1 / sqrt(t))
    if n == 0:
        return
    if (<VariableBase>run.variables[0]).ndim >= 2:
        _matrices(run, r, c, v, rate, kept, epsilon_1, epsilon_2, clip_threshold, decay)
    else:
        _vectors(run, v, rate, kept, epsilon_1, epsilon_2, clip_threshold, decay)


# -------------------------------------------------------------------------------------------------------------- Muon

cdef void _muon_momentum(real* p, const real* g, real* m, real* x, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real momentum = <real>s.c0
    cdef real a
    if s.flag:                                      # Nesterov
        for i in range(n):
            a = momentum * m[i] + g[i]
            m[i] = a
            x[i] = momentum * a + g[i]
    else:
        for i in range(n):
            a = momentum * m[i] + g[i]
            m[i] = a
            x[i] = a


cdef void _muon_scale(real* p, const real* g, real* x, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real norm = <real>s.c1
    for i in range(n):
        x[i] = x[i] / norm


cdef void _muon_move(real* p, const real* g, real* x, real* s1, real* s2, Py_ssize_t n, const Step* s) noexcept nogil:
    cdef Py_ssize_t i
    cdef real lr = <real>s.lr
    cdef real decay = <real>s.decay
    for i in range(n):
        p[i] = p[i] - p[i] * decay - lr * x[i]


cdef struct Combine:
    bint f64
    double factor               # of the product
    double of_other             # of the matrix that is added
    const char* other
    Py_ssize_t ld


cdef inline void _add(real* c, const real* other, Py_ssize_t ldc, Py_ssize_t ld, Py_ssize_t rows, Py_ssize_t cols, real factor, real of_other) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(rows):
        for j in range(cols):
            c[i * ldc + j] = factor * c[i * ldc + j] + of_other * other[i * ld + j]


cdef void _combine(void* ctx, void* c, Py_ssize_t ldc, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols) noexcept nogil:
    # Epilogue of a product: c = factor c + of_other other.
    cdef Combine* k = <Combine*>ctx
    cdef Py_ssize_t at = row * k.ld + col
    if k.f64:
        _add[double](<double*>c, <double*>k.other + at, ldc, k.ld, rows, cols, k.factor, k.of_other)
    else:
        _add[float](<float*>c, <float*>k.other + at, ldc, k.ld, rows, cols, <float>k.factor, <float>k.of_other)


cdef char* _orthogonal(char* x, char* y, char* a, char* b, Py_ssize_t rows, Py_ssize_t cols, bint f64, int steps, double f1, double f2, double f3) except NULL:
    # Newton-Schulz: A = x x^T, x = f1 x + (f2 A + f3 A A) x, in the shorter direction. Returns x or y, which has the result.
    cdef Combine inner
    cdef Combine outer
    cdef bint tall = rows > cols
    cdef Py_ssize_t k = min(rows, cols)
    cdef char* t
    cdef int _
    inner.f64 = f64
    inner.factor = f3
    inner.of_other = f2
    inner.other = a
    inner.ld = k
    outer.f64 = f64
    outer.factor = 1
    outer.of_other = f1
    outer.ld = cols
    for _ in range(steps):
        gemm(f64, tall, not tall, k, k, max(rows, cols), x, cols, x, cols, a, k, False, NULL, NULL)
        gemm(f64, False, False, k, k, k, a, k, a, k, b, k, False, _combine, &inner)
        outer.other = x
        if tall:
            gemm(f64, False, True, rows, cols, k, x, cols, b, k, y, cols, False, _combine, &outer)
        else:
            gemm(f64, False, False, rows, cols, k, b, k, x, cols, y, cols, False, _combine, &outer)
        t = x
        x = y
        y = t
    return x


def muon_step(Run run, Tensor m, double lr, double momentum, bint nesterov, int steps, double a, double b, double c, double decay):
    """Muon (Jordan et al. 2024), one matrix: m = momentum m + g; p -= lr x, where x is m (Nesterov: momentum m + g) with all
    singular values brought near 1 by `steps` steps of Newton-Schulz with the coefficients a, b, c.
    """
    cdef Step s
    cdef VariableBase p = <VariableBase>run.variables[0]
    cdef bint f64 = p.dtype == F64
    cdef Py_ssize_t n = p.size, size = itemsize(p.dtype), k
    cdef char* x
    cdef char* work
    if p.ndim != 2:
        raise ValueError(f"muon_step: expected a matrix, received a variable of {p.ndim} dimensions")
    if n == 0:
        return
    k = min(p.dims[0], p.dims[1])
    # Two of the matrix, two of its smaller square; each begins on a cache line.
    n = (n + 15) // 16 * 16
    k = (k * k + 15) // 16 * 16
    work = <char*>pool_alloc((2 * n + 2 * k) * size)
    try:
        prepare(&s, run, lr, decay, m, None, None)
        s.c0 = momentum
        s.flag = nesterov
        s.s1 = work
        apply_rule(&s, run, _muon_momentum[float], _muon_momentum[double], 0.3)
        s.c1 = sqrt(squared_norm(work, p.size, f64)) + 1e-7
        s.s0 = work
        s.s1 = NULL
        apply_rule(&s, run, _muon_scale[float], _muon_scale[double], 0.2)
        x = _orthogonal(work, work + n * size, work + 2 * n * size, work + (2 * n + k) * size, p.dims[0], p.dims[1], f64, steps, a, b, c)
        s.s0 = x
        apply_rule(&s, run, _muon_move[float], _muon_move[double], 0.2)
    finally:
        pool_free(work, (2 * n + 2 * k) * size)
