/* Matrix multiplication for one instruction set: register tiles, packing, and the loops over one block of C.
 *
 * The structure is that of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (TOMS 2008), as in
 * BLIS: a register tile of MR x NR elements of C, a panel of B (KC x NR) that stays in L1, a block of A (MC x KC) that
 * stays in L2. Two departures. The panel of B is packed by the first row tile that reads it, in the shadow of its
 * arithmetic (as in LibShalom, SC 2021): no separate pass over B. And A is packed only if enough panels reuse it.
 *
 * The file is included without REAL for the types alone (by the trunk), and once per REAL for the code (by the leaf).
 */
#ifndef DL_GEMM_TYPES
#define DL_GEMM_TYPES
#include <stddef.h>

typedef void (*dl_epilogue)(void* ctx, void* c, Py_ssize_t ldc, Py_ssize_t row, Py_ssize_t rows, Py_ssize_t col, Py_ssize_t cols);

/* C[m,n] = (accumulate ? C : 0) + op(A)[m,k] @ op(B)[k,n], row major. If b_packed, b is what pack_b wrote. If swapped,
 * the caller's problem is the transposed one (its C is this row, seen as a column): only the epilogue needs to know. */
typedef struct {
    Py_ssize_t m, n, k, lda, ldb, ldc;
    const void *a, *b;
    void* c;
    int ta, tb, accumulate, b_packed, swapped;
    dl_epilogue epilogue;
    void* ctx;
} dl_gemm;

/* What one instruction-set level offers, for one dtype. `block` computes C[i0:i1, j0:j1] from all of K; `partial`
 * the same from K's range [p0, p1) into a dense m x n buffer of its own. j0 is a multiple of nr. */
typedef struct {
    Py_ssize_t mr, nr, mc, kc, size;
    void (*block)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1);
    void (*partial)(const dl_gemm* g, Py_ssize_t p0, Py_ssize_t p1, void* out);
    Py_ssize_t (*packed_size)(Py_ssize_t k, Py_ssize_t n);
    void (*pack_b)(int tb, Py_ssize_t k, Py_ssize_t n, const void* b, Py_ssize_t ldb, void* packed);
} dl_gemm_table;
#endif

#ifdef REAL
#include "tiles.h"
#include "vectors.h"

#undef KC
#undef AHEAD
#undef COLS
#undef MC
#undef WIDEST
#define WIDEST (MR > 6 ? 16 : 12) /* vectors of y in registers */
#define AHEAD 24
#define KC 384
/* A's packed block takes 0.4 MB of an L2 of at least 1 MB (all AVX-512 servers), else 0.3 MB. */
#define MC ((VBYTES == 64 ? 266 : 192) * 4 / (Py_ssize_t)sizeof(REAL))

/* ---- Register tile: C[rows, NV vectors] (+)= A @ B over k. Every argument in capitals is a constant where inlined.
 * BY_ROW: element (i, p) of A is a[i*lda + p], else a[p*lda + i]. KEEP: also write the rows of B to `keep`, packed. */
DL_ALWAYS void NAME(tile)(const int ROWS, const int NV, const int BY_ROW, const int KEEP, Py_ssize_t k, const REAL* a, Py_ssize_t lda,
                          const REAL* b, Py_ssize_t ldb, REAL* keep, REAL* c, Py_ssize_t ldc, int add, Py_ssize_t cols) {
    VEC acc[MR][2];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) acc[i][v] = (VEC){0};
    /* C is far away, and its addresses are out of reach of the processor's window until the loop ends. */
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
        __builtin_prefetch(c + i * ldc, 1);
        if (NV == 2) __builtin_prefetch(c + i * ldc + NR - 1, 1);
    }
    for (Py_ssize_t p = 0; p < k; p++) {
        VEC x[2];
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            x[v] = NAME(load)(b + v * W);
            if (KEEP) {
                NAME(store)(keep + v * W, x[v]);
                __builtin_prefetch(b + AHEAD * ldb + v * W);
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const REAL y = BY_ROW ? a[i * lda] : a[i];
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) acc[i][v] += x[v] * y;
        }
        a += BY_ROW ? 1 : lda;
        b += ldb;
        if (KEEP) keep += NV * W;
    }
    const Py_ssize_t last = cols - (NV - 1) * W; /* elements of the last vector that exist */
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ldc) {
        REAL* d = c + (NV - 1) * W;
        if (NV == 2) NAME(store)(c, add ? NAME(load)(c) + acc[i][0] : acc[i][0]);
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

/* A kind of tile is 4 (NV - 1) + 2 BY_ROW + KEEP. */
#define PARAMETERS \
    (Py_ssize_t k, const REAL* a, Py_ssize_t lda, const REAL* b, Py_ssize_t ldb, REAL* keep, REAL* c, Py_ssize_t ldc, int add, Py_ssize_t cols)
DL_ALWAYS void NAME(kind)(const int ROWS, const int KIND, Py_ssize_t k, const REAL* a, Py_ssize_t lda, const REAL* b, Py_ssize_t ldb, REAL* keep, REAL* c,
                          Py_ssize_t ldc, int add, Py_ssize_t cols) {
    NAME(tile)(ROWS, KIND / 4 + 1, KIND / 2 % 2, KIND % 2, k, a, lda, b, ldb, keep, c, ldc, add, cols);
}
typedef void (*NAME(tile_fn)) PARAMETERS;
#define KIND(K) TILES(MR, kind, K, PARAMETERS, k, a, lda, b, ldb, keep, c, ldc, add, cols)
KIND(0) KIND(1) KIND(2) KIND(3) KIND(4) KIND(5) KIND(6) KIND(7)
#define PAIR(K, L) {TILE_ROW(MR, kind, K), TILE_ROW(MR, kind, L)}
/* [vectors - 1][by row][keep][rows - 1] */
static const NAME(tile_fn) NAME(tiles)[2][2][2][MR] = {{PAIR(0, 1), PAIR(2, 3)}, {PAIR(4, 5), PAIR(6, 7)}};
#undef PARAMETERS
#undef KIND
#undef PAIR

/* Width of the panel of B that starts at column j of n: two vectors, or one if that is all there is. */
DL_ALWAYS Py_ssize_t NAME(panel)(Py_ssize_t j, Py_ssize_t n) { return n - j > W ? NR : W; }

/* The W sums of W vectors, as one vector: every shuffle halves the vectors and doubles the sums within one. */
DL_ALWAYS VEC NAME(sums)(VEC* r) {
#pragma GCC unroll 4
    for (Py_ssize_t h = W / 2; h > 0; h /= 2)
#pragma GCC unroll 8
        for (Py_ssize_t i = 0; i < h; i++) r[i] = NAME(zip_low)(r[i], r[i + h]) + NAME(zip_high)(r[i], r[i + h]);
    return r[0];
}

/* ---- y[j] (+)= sum_p x[p] b[j*ldb + p], for j < n. A few rows at a time, as few streams through memory; the sums of W rows
 * are transposed into one vector. */
DL_ALWAYS void NAME(dot_rows)(const int ROWS, const int CHAINS, Py_ssize_t k, const REAL* x, const REAL* b, Py_ssize_t ldb, VEC* r) {
    VEC sum[16];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS * CHAINS; i++) sum[i] = (VEC){0};
    Py_ssize_t p = 0;
    for (; p + CHAINS * W <= k; p += CHAINS * W)
#pragma GCC unroll 8
        for (int c = 0; c < CHAINS; c++) {
            const VEC u = NAME(load)(x + p + c * W);
#pragma GCC unroll 16
            for (int i = 0; i < ROWS; i++) sum[i * CHAINS + c] += u * NAME(load)(b + i * ldb + p + c * W);
        }
    for (; p < k; p += W) {
        const Py_ssize_t some = k - p < W ? k - p : W;
        const VEC u = NAME(load_part)(x + p, some);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) sum[i * CHAINS] += u * NAME(load_part)(b + i * ldb + p, some);
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
#pragma GCC unroll 8
        for (int c = 1; c < CHAINS; c++) sum[i * CHAINS] += sum[i * CHAINS + c];
        r[i] = sum[i * CHAINS];
    }
}

static void NAME(dots)(Py_ssize_t n, Py_ssize_t k, const REAL* x, const REAL* b, Py_ssize_t ldb, REAL* y, int add) {
    /* From L2 one stream of whole cache lines is fastest; else, and if rows are short, a few rows that share x. */
    const int SEVERAL = W > 8 ? 4 : W;
    const Py_ssize_t most = VBYTES == 64 && k >= 32 * W && n * k * (Py_ssize_t)sizeof(REAL) > 32768 ? 1 : SEVERAL;
    for (Py_ssize_t j = 0; j < n; j += W) {
        const Py_ssize_t some = n - j < W ? n - j : W;
        VEC r[VBYTES / sizeof(REAL)];
        for (Py_ssize_t i = 0, rows; i < W; i += rows) {
            const REAL* q = b + (j + i) * ldb;
            rows = some - i < most ? 1 : most;
            if (i >= some) r[i] = (VEC){0};
            else if (rows == SEVERAL) NAME(dot_rows)(SEVERAL, 8 / SEVERAL, k, x, q, ldb, r + i);
            else NAME(dot_rows)(1, 8, k, x, q, ldb, r + i);
        }
        const VEC sum = NAME(sums)(r);
        if (some == W) NAME(store)(y + j, add ? NAME(load)(y + j) + sum : sum);
        else NAME(store_part)(y + j, add ? NAME(load_part)(y + j, some) + sum : sum, some);
    }
}

/* ---- The same for few columns that lie side by side: B as one stream of whole vectors. W rows are N vectors; in vector v
 * lane i is of row (v*W + i) / N, whose element of x a permutation brings there. Lanes are added up by column at the end. */
DL_ALWAYS VEC NAME(spread)(const int N, const int v, VEC x) {
#if defined(__clang__)
    VEC y;
    for (Py_ssize_t i = 0; i < W; i++) y[i] = x[(v * W + i) / N];
    return y;
#else
    NAME(ivec) row;
#pragma GCC unroll 16
    for (Py_ssize_t i = 0; i < W; i++) row[i] = (v * W + i) / N;
    return __builtin_shuffle(x, row);
#endif
}

DL_ALWAYS VEC NAME(stream)(const int N, Py_ssize_t k, const REAL* x, const REAL* b) {
    const int CHAINS = (7 + N) / N, PERIOD = N / ((N & -N) < W ? N & -N : W), ROWS = PERIOD * W / N; /* columns repeat after PERIOD vectors */
    VEC sum[VBYTES / sizeof(REAL) + 8];
    REAL flat[(VBYTES / sizeof(REAL) + 1) * VBYTES / sizeof(REAL)] __attribute__((aligned(64)));
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS * N; i++) sum[i] = (VEC){0};
    Py_ssize_t p = 0;
    for (; p + CHAINS * W <= k; p += CHAINS * W, b += CHAINS * N * W)
#pragma GCC unroll 8
        for (int c = 0; c < CHAINS; c++) {
            const VEC u = NAME(load)(x + p + c * W);
#pragma GCC unroll 16
            for (int v = 0; v < N; v++) sum[c * N + v] += NAME(spread)(N, v, u) * NAME(load)(b + (c * N + v) * W);
        }
    for (; p < k; p += W, b += N * W) {
        const VEC u = NAME(load_part)(x + p, k - p < W ? k - p : W);
        const Py_ssize_t rest = (k - p) * N;
#pragma GCC unroll 16
        for (int v = 0; v < N; v++)
            if (v * W < rest) sum[v] += NAME(spread)(N, v, u) * NAME(load_part)(b + v * W, rest - v * W < W ? rest - v * W : W);
    }
#pragma GCC unroll 16
    for (int v = CHAINS * N - 1; v >= PERIOD; v--) sum[v - PERIOD] += sum[v];
#pragma GCC unroll 16
    for (int v = 0; v < PERIOD; v++) NAME(store)(flat + v * W, sum[v]);
    VEC y = NAME(load)(flat);
#pragma GCC unroll 16
    for (int r = 1; r < ROWS; r++) y += NAME(load)(flat + r * N);
    return y;
}
#define STREAM(N) static __attribute__((noinline)) VEC NAME(stream_##N)(Py_ssize_t k, const REAL* x, const REAL* b) { return NAME(stream)(N, k, x, b); }
STREAM(1) STREAM(2) STREAM(3)
#if REAL_PER_16 * VBYTES > 16 * 4
STREAM(4) STREAM(5) STREAM(6) STREAM(7)
#endif
#if REAL_PER_16 * VBYTES > 16 * 8
STREAM(8) STREAM(9) STREAM(10) STREAM(11) STREAM(12) STREAM(13) STREAM(14) STREAM(15)
#endif
static VEC (*const NAME(streams)[])(Py_ssize_t k, const REAL* x, const REAL* b) = {
    NAME(stream_1), NAME(stream_2), NAME(stream_3),
#if REAL_PER_16 * VBYTES > 16 * 4
    NAME(stream_4), NAME(stream_5), NAME(stream_6), NAME(stream_7),
#endif
#if REAL_PER_16 * VBYTES > 16 * 8
    NAME(stream_8), NAME(stream_9), NAME(stream_10), NAME(stream_11), NAME(stream_12), NAME(stream_13), NAME(stream_14), NAME(stream_15),
#endif
};

/* ---- NV vectors of y in registers, the last of `last` elements; if that is all of a row, B is read in one stream. */
DL_ALWAYS void NAME(strip)(const int NV, const int PART, Py_ssize_t k, const REAL* x, Py_ssize_t incx, const REAL* b, Py_ssize_t ldb, REAL* y, int add,
                           Py_ssize_t last) {
    const int CHAINS = NV > WIDEST / 2 ? 1 : NV > 4 ? 2 : (7 + NV) / NV;
    VEC sum[WIDEST];
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS * NV; i++) sum[i] = (VEC){0};
#define STEP(c, p) \
    { \
        const REAL z = x[(p) * incx], *q = b + (p) * ldb; \
        _Pragma("GCC unroll 16") \
        for (int v = 0; v < NV; v++) sum[(c) * NV + v] += z * (PART && v == NV - 1 ? NAME(load_part)(q + v * W, last) : NAME(load)(q + v * W)); \
    }
    Py_ssize_t p = 0;
    for (; p + CHAINS <= k; p += CHAINS)
#pragma GCC unroll 8
        for (int c = 0; c < CHAINS; c++) STEP(c, p + c)
    for (; p < k; p++) STEP(0, p)
#undef STEP
#pragma GCC unroll 16
    for (int v = 0; v < NV; v++) {
#pragma GCC unroll 8
        for (int c = 1; c < CHAINS; c++) sum[v] += sum[c * NV + v];
        REAL* to = y + v * W;
        if (PART && v == NV - 1) NAME(store_part)(to, add ? NAME(load_part)(to, last) + sum[v] : sum[v], last);
        else NAME(store)(to, add ? NAME(load)(to) + sum[v] : sum[v]);
    }
}
#define STRIP(NV) \
    static __attribute__((noinline)) void NAME(strip_##NV)(Py_ssize_t k, const REAL* x, Py_ssize_t incx, const REAL* b, Py_ssize_t ldb, REAL* y, int add, \
                                                           Py_ssize_t last) { \
        if (VBYTES == 16 && last == W) NAME(strip)(NV, 0, k, x, incx, b, ldb, y, add, last); /* there a part is no instruction */ \
        else NAME(strip)(NV, 1, k, x, incx, b, ldb, y, add, last); \
    }
STRIP(1) STRIP(2) STRIP(3) STRIP(4) STRIP(5) STRIP(6) STRIP(7) STRIP(8) STRIP(9) STRIP(10) STRIP(11) STRIP(12)
#if WIDEST > 12
STRIP(13) STRIP(14) STRIP(15) STRIP(16)
#endif
#undef STRIP
static void (*const NAME(strips)[])(Py_ssize_t k, const REAL* x, Py_ssize_t incx, const REAL* b, Py_ssize_t ldb, REAL* y, int add, Py_ssize_t last) = {
    NAME(strip_1), NAME(strip_2), NAME(strip_3), NAME(strip_4), NAME(strip_5), NAME(strip_6), NAME(strip_7), NAME(strip_8),
    NAME(strip_9), NAME(strip_10), NAME(strip_11), NAME(strip_12),
#if WIDEST > 12
    NAME(strip_13), NAME(strip_14), NAME(strip_15), NAME(strip_16),
#endif
};

/* ---- ROWS rows of B, however wide. */
DL_ALWAYS void NAME(add_rows)(const int ROWS, Py_ssize_t n, const REAL* x, Py_ssize_t incx, const REAL* b, Py_ssize_t ldb, REAL* y, int add) {
    const Py_ssize_t whole = n / W * W;
    VEC z[2], sum;
#pragma GCC unroll 2
    for (int i = 0; i < ROWS; i++) z[i] = x[i * incx] - (VEC){0};
    for (Py_ssize_t j = 0; j < whole; j += W) {
        sum = add ? NAME(load)(y + j) : (VEC){0};
#pragma GCC unroll 2
        for (int i = 0; i < ROWS; i++) sum += z[i] * NAME(load)(b + i * ldb + j);
        NAME(store)(y + j, sum);
    }
    if (whole < n) {
        sum = add ? NAME(load_part)(y + whole, n - whole) : (VEC){0};
#pragma GCC unroll 2
        for (int i = 0; i < ROWS; i++) sum += z[i] * NAME(load_part)(b + i * ldb + whole, n - whole);
        NAME(store_part)(y + whole, sum, n - whole);
    }
}

static void NAME(combine)(Py_ssize_t n, Py_ssize_t k, const REAL* x, Py_ssize_t incx, const REAL* b, Py_ssize_t ldb, REAL* y, int add) {
    if (n < W && ldb == n && incx == 1 && k >= 3 * W) {
        const VEC sum = NAME(streams)[n - 1](k, x, b);
        NAME(store_part)(y, add ? NAME(load_part)(y, n) + sum : sum, n);
        return;
    }
    if (n <= WIDEST * W) {
        NAME(strips)[(n - 1) / W](k, x, incx, b, ldb, y, add, (n - 1) % W + 1);
        return;
    }
    Py_ssize_t p = 0;
    for (; p + 2 <= k; p += 2, add = 1) NAME(add_rows)(2, n, x + p * incx, incx, b + p * ldb, ldb, y, add);
    if (p < k) NAME(add_rows)(1, n, x + p * incx, incx, b + p * ldb, ldb, y, add);
}

/* ---- C[i0:i1, j0:j1] (+)= op(A)[:, p0:p1] @ op(B)[p0:p1, :], at most MC rows. */

/* The packed block of A. Thread-local, so that it is there without allocation and stays in this core's L2. */
#ifndef DL_GEMM_ROOM
#define DL_GEMM_ROOM
static _Thread_local char dl_gemm_room[MC * KC * sizeof(REAL) + 512] __attribute__((aligned(64)));
#endif

/* A^T B with few columns (a head's gradient): as (B^T A)^T, so that vectors run along the rows of A as it is stored and
 * every lane is used, however narrow C is (n < W). */
static void NAME(thin)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t p0, Py_ssize_t p1, REAL* c, Py_ssize_t ldc, int add) {
    REAL kept[KC * NR + 16] __attribute__((aligned(64))), part[MR * NR] __attribute__((aligned(64))), turned[MR * NR + NR];
    const REAL *a = (const REAL*)g->a, *b = (const REAL*)g->b;
    const Py_ssize_t n = g->n, lda = g->lda, ldb = g->ldb;
    for (Py_ssize_t i = i0, width; i < i1; i += width) {
        width = NAME(panel)(i, i1);
        const Py_ssize_t rows = i1 - i < width ? i1 - i : width;
        const NAME(tile_fn)(*f)[MR] = NAME(tiles)[width > W][g->tb != 0];
        for (Py_ssize_t p = p0, k; p < p1; p += k) {
            k = p1 - p < KC ? p1 - p : KC;
            const REAL *ap = a + p * lda + i, *bp = g->tb ? b + p : b + p * ldb;
            if (rows == width) f[1][n - 1](k, bp, ldb, ap, lda, kept, part, NR, p > p0, width);
            else {
                NAME(pack_cols)(ap, lda, rows, k, kept, width);
                f[0][n - 1](k, bp, ldb, kept, width, 0, part, NR, p > p0, width);
            }
        }
        NAME(pack_rows)(part, NR, n, width, turned, n);
        for (Py_ssize_t r = 0; r < rows; r++) {
            REAL *to = c + (i + r) * ldc, *from = turned + r * n;
            NAME(store_part)(to, add ? NAME(load_part)(to, n) + NAME(load)(from) : NAME(load)(from), n);
        }
    }
}

#if REAL_PER_16 * VBYTES >= 16 * 8
/* A B with few columns and a long K (a head): dot products, 4 rows by W/4 columns at once, so that vectors run along K. */
#define COLS (W / 4)
DL_ALWAYS void NAME(dot_step)(VEC* r, const REAL** x, const REAL** y, Py_ssize_t q, Py_ssize_t some) {
    VEC u[VBYTES / sizeof(REAL) / 4];
#pragma GCC unroll 4
    for (Py_ssize_t t = 0; t < COLS; t++) u[t] = some == W ? NAME(load)(y[t] + q) : NAME(load_part)(y[t] + q, some);
#pragma GCC unroll 4
    for (Py_ssize_t s = 0; s < 4; s++) {
        const VEC v = some == W ? NAME(load)(x[s] + q) : NAME(load_part)(x[s] + q, some);
#pragma GCC unroll 4
        for (Py_ssize_t t = 0; t < COLS; t++) r[s * COLS + t] += v * u[t];
    }
}

static void NAME(narrow)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t p0, Py_ssize_t p1, REAL* c, Py_ssize_t ldc, int add) {
    REAL kept[KC * NR + 16] __attribute__((aligned(64)));
    const Py_ssize_t n = g->n, lda = g->lda;
    for (Py_ssize_t p = p0, k; p < p1; p += k, add = 1) {
        k = p1 - p < KC ? p1 - p : KC;
        const REAL* b = (const REAL*)g->b + p;
        Py_ssize_t ldb = g->ldb;
        if (!g->tb) {
            ldb = (k + W - 1) / W * W;
            NAME(pack_rows)((const REAL*)g->b + p * g->ldb, g->ldb, k, n, kept, ldb);
            b = kept;
        }
        for (Py_ssize_t i = i0; i < i1; i += 4)
            for (Py_ssize_t j = 0; j < n; j += COLS) {
                const REAL *x[4], *y[VBYTES / sizeof(REAL) / 4];
                VEC r[VBYTES / sizeof(REAL)];
                REAL out[VBYTES / sizeof(REAL)];
#pragma GCC unroll 4
                for (Py_ssize_t s = 0; s < 4; s++) x[s] = (const REAL*)g->a + (i + s < i1 ? i + s : i1 - 1) * lda + p;
#pragma GCC unroll 4
                for (Py_ssize_t s = 0; s < COLS; s++) y[s] = b + (j + s < n ? j + s : n - 1) * ldb;
#pragma GCC unroll 16
                for (Py_ssize_t s = 0; s < W; s++) r[s] = (VEC){0};
                Py_ssize_t q = 0;
                for (; q + W <= k; q += W) NAME(dot_step)(r, x, y, q, W);
                if (q < k) NAME(dot_step)(r, x, y, q, k - q);
                NAME(store)(out, NAME(sums)(r));
                for (Py_ssize_t s = 0; s < 4 && i + s < i1; s++)
                    for (Py_ssize_t t = 0; t < COLS && j + t < n; t++) {
                        REAL* to = c + (i + s) * ldc + j + t;
                        *to = add ? *to + out[s * COLS + t] : out[s * COLS + t];
                    }
            }
    }
}
#endif

static void NAME(range)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1, Py_ssize_t p0, Py_ssize_t p1, REAL* c,
                        Py_ssize_t ldc, int add, dl_epilogue epilogue) {
    const Py_ssize_t rows = i1 - i0, n = g->n, lda = g->lda, ldb = g->ldb;
    const REAL *a = (const REAL*)g->a, *b = (const REAL*)g->b;
    /* So few rows that packing B would take longer than reading it once for each. */
    const Py_ssize_t few = g->ta || g->k < 3 * W ? 1 : g->tb ? 3 : n < W && ldb == n ? 5 : n <= WIDEST * W ? 2 : 1;
    if (g->m <= few && !g->b_packed && !(g->tb && g->ta)) {
        for (Py_ssize_t i = i0; i < i1; i++) {
            const REAL* x = g->ta ? a + p0 * lda : a + i * lda + p0;
            if (g->tb) NAME(dots)(j1 - j0, p1 - p0, x, b + j0 * ldb + p0, ldb, c + i * ldc + j0, add);
            else NAME(combine)(j1 - j0, p1 - p0, x, g->ta ? lda : 1, b + p0 * ldb + j0, ldb, c + i * ldc + j0, add);
        }
        if (epilogue) g->swapped ? epilogue(g->ctx, c + j0, 1, j0, j1 - j0, 0, 1) : epilogue(g->ctx, c + i0 * ldc + j0, ldc, i0, rows, j0, j1 - j0);
        return;
    }
    if (g->ta && n <= MR && 4 * n <= 3 * W && rows >= 2 * NR && p1 - p0 >= 16 && !g->b_packed) {
        NAME(thin)(g, i0, i1, p0, p1, c, ldc, add);
        if (epilogue) epilogue(g->ctx, c + i0 * ldc, ldc, i0, rows, 0, n);
        return;
    }
#if REAL_PER_16 * VBYTES >= 16 * 8
    const Py_ssize_t groups = (n + COLS - 1) / COLS;
    if (!g->ta && !g->b_packed && rows >= 4 && groups <= 3 && p1 - p0 >= 96 * groups) {
        NAME(narrow)(g, i0, i1, p0, p1, c, ldc, add);
        if (epilogue) epilogue(g->ctx, c + i0 * ldc, ldc, i0, rows, 0, n);
        return;
    }
#endif
    REAL kept[KC * NR + 16] __attribute__((aligned(64)));
    /* Rows in tiles of nearly equal height: 128 rows are 8 tiles of 13 and 2 of 12, not 9 of 14 and one of 2. */
    const Py_ssize_t count = (rows + MR - 1) / MR, height = rows / count, taller = rows % count;
    /* Packing an element of A costs about a third of a cycle, a panel's arithmetic on it about one: worth it from here. */
    const int pack_a = j1 - j0 > 8 * NR && rows > 3;
    REAL* const room = pack_a ? (REAL*)dl_gemm_room : 0;
    const Py_ssize_t steps = (p1 - p0 + KC - 1) / KC, step = (p1 - p0 + steps - 1) / steps;
    for (Py_ssize_t p = p0; p < p1; p += step, add = 1) {
        const Py_ssize_t k = p1 - p < step ? p1 - p : step;
        if (pack_a) {
            for (Py_ssize_t t = 0, i = i0, h; t < count; t++, i += h) {
                h = height + (t < taller);
                REAL* to = room + (i - i0) * k;
                if (g->ta) NAME(pack_cols)(a + p * lda + i, lda, h, k, to, h);
                else NAME(pack_rows)(a + i * lda + p, lda, h, k, to, h);
            }
        }
        /* As many panels as `kept` holds: one if k is long; if it is short, C is written in long rows. */
        for (Py_ssize_t j = j0, end; j < j1; j = end) {
            end = j1 - j < KC / k * NR ? j1 : j + KC / k * NR;
            for (Py_ssize_t t = 0, i = i0, h; t < count; t++, i += h) {
                h = height + (t < taller);
                const REAL* ai = pack_a ? room + (i - i0) * k : g->ta ? a + p * lda + i : a + i * lda + p;
                const Py_ssize_t ld = pack_a ? h : lda;
                for (Py_ssize_t q = j, width; q < end; q += width) {
                    width = NAME(panel)(q, n);
                    const Py_ssize_t cols = n - q < width ? n - q : width;
                    const NAME(tile_fn)(*f)[MR] = NAME(tiles)[width > W][!pack_a && !g->ta];
                    const REAL* panel = g->b_packed ? b + q * g->k + p * width : kept + (q - j) * k;
                    REAL* to = kept + (q - j) * k;
                    if (t == 0 && !g->b_packed) {
                        if (!g->tb && cols == width) {
                            f[1][h - 1](k, ai, ld, b + p * ldb + q, ldb, to, c + i * ldc + q, ldc, add, cols);
                            continue;
                        }
                        if (g->tb) NAME(pack_rows)(b + q * ldb + p, ldb, cols, k, to, width);
                        else NAME(pack_cols)(b + p * ldb + q, ldb, cols, k, to, width);
                    }
                    f[0][h - 1](k, ai, ld, panel, width, 0, c + i * ldc + q, ldc, add, cols);
                }
            }
            if (epilogue && p + k == p1) {
                REAL* cj = c + i0 * ldc + j;
                g->swapped ? epilogue(g->ctx, cj, 1, j, end - j, 0, 1) : epilogue(g->ctx, cj, ldc, i0, rows, j, end - j);
            }
        }
    }
}

static void NAME(block)(const dl_gemm* g, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1) {
    for (Py_ssize_t i = i0, h; i < i1; i += h) {
        h = i1 - i < MC ? i1 - i : MC;
        NAME(range)(g, i, i + h, j0, j1, 0, g->k, (REAL*)g->c, g->ldc, g->accumulate, g->epilogue);
    }
}

static void NAME(partial)(const dl_gemm* g, Py_ssize_t p0, Py_ssize_t p1, void* out) {
    for (Py_ssize_t i = 0, h; i < g->m; i += h) {
        h = g->m - i < MC ? g->m - i : MC;
        NAME(range)(g, i, i + h, 0, g->n, p0, p1, (REAL*)out, g->n, 0, 0);
    }
}

/* Panels one after another, each [k][width], columns that do not exist zero. */
static Py_ssize_t NAME(packed_size)(Py_ssize_t k, Py_ssize_t n) { return (n + W - 1) / W * W * k * (Py_ssize_t)sizeof(REAL); }

static void NAME(pack_b)(int tb, Py_ssize_t k, Py_ssize_t n, const void* b, Py_ssize_t ldb, void* packed) {
    const REAL* src = (const REAL*)b;
    for (Py_ssize_t j = 0, width; j < n; j += width) {
        width = NAME(panel)(j, n);
        const Py_ssize_t cols = n - j < width ? n - j : width;
        REAL* to = (REAL*)packed + j * k;
        if (tb) NAME(pack_rows)(src + j * ldb, ldb, cols, k, to, width);
        else NAME(pack_cols)(src + j, ldb, cols, k, to, width);
    }
}

static const dl_gemm_table NAME(table) = {MR, NR, MC, KC, sizeof(REAL), NAME(block), NAME(partial), NAME(packed_size), NAME(pack_b)};

#undef VEC
#undef UVEC
#endif
