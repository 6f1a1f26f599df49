/* Reductions over contiguous memory. Strict IEEE order forbids a compiler to split a plain sum over vector lanes, so
 * the split is written out here with the vector types of gcc and clang.
 *
 * Order: blocks of 128 vectors; in each, four vector accumulators over the elements in turn, added lane by lane and
 * then across lanes in double, halves first; block results are added in double, first to last. The order depends on n and the
 * instruction set only, not on alignment or threads. Only 32 terms meet in one accumulator, so a float sum of any
 * length stays within a few units of the last place. All sums are returned as double so that callers can add partial
 * results without loss.
 */
#ifndef DL_SIMD_H
#define DL_SIMD_H

#include "vmath.h"

#if defined(__AVX512F__)
#define DL_VBYTES 64
#elif defined(__AVX2__)
#define DL_VBYTES 32
#else
#define DL_VBYTES 16 /* SSE, NEON */
#endif

/* aligned(element): the type may stand at any element's address; may_alias: it may view an array of the element */
typedef float dl_vf __attribute__((vector_size(DL_VBYTES), aligned(4), may_alias));
typedef double dl_vd __attribute__((vector_size(DL_VBYTES), aligned(8), may_alias));
typedef int32_t dl_vf_mask __attribute__((vector_size(DL_VBYTES)));
typedef int64_t dl_vd_mask __attribute__((vector_size(DL_VBYTES)));

/* The sum of the lanes in double, halves first: a chain of additions one by one would cost more than a short row. Vectors
 * are halved through unions, which compile to extracts. */
typedef double dl_d2 __attribute__((vector_size(16)));
typedef double dl_d4 __attribute__((vector_size(32)));
static inline double dl_lanes_d2(dl_d2 a) { return a[0] + a[1]; }
#if DL_VBYTES == 16
static inline double dl_lanes_d(dl_vd a) { return a[0] + a[1]; }
static inline double dl_lanes_f(dl_vf a) { return ((double)a[0] + (double)a[2]) + ((double)a[1] + (double)a[3]); }
#else
static inline double dl_lanes_d4(dl_d4 a) {
    union { dl_d4 v; dl_d2 h[2]; } u = {a};
    return dl_lanes_d2(u.h[0] + u.h[1]);
}
#if DL_VBYTES == 32
typedef float dl_half __attribute__((vector_size(16)));
static inline double dl_lanes_d(dl_vd a) { return dl_lanes_d4((dl_d4)a); }
static inline double dl_lanes_f(dl_vf a) {
    union { dl_vf v; dl_half h[2]; } u = {a};
    return dl_lanes_d4(__builtin_convertvector(u.h[0], dl_d4) + __builtin_convertvector(u.h[1], dl_d4));
}
#else
typedef float dl_half __attribute__((vector_size(32)));
typedef double dl_d8 __attribute__((vector_size(64)));
static inline double dl_lanes_d(dl_vd a) {
    union { dl_vd v; dl_d4 h[2]; } u = {a};
    return dl_lanes_d4(u.h[0] + u.h[1]);
}
static inline double dl_lanes_f(dl_vf a) {
    union { dl_vf v; dl_half h[2]; } u = {a};
    return dl_lanes_d((dl_vd)(__builtin_convertvector(u.h[0], dl_d8) + __builtin_convertvector(u.h[1], dl_d8)));
}
#endif
#endif

/* VEC: the term of a vector at v (and w), c a scalar; SCALAR: the same of one element */
#define DL_SUM(NAME, T, V, LANES, VEC, SCALAR)                                            \
    static inline double NAME(const T *x, const T *y, T c, ptrdiff_t n) {                 \
        enum { L = DL_VBYTES / sizeof(T), BLOCK = 128 * L };                              \
        double total = 0.0;                                                               \
        (void)y, (void)c;                                                                 \
        for (ptrdiff_t b = 0; b < n; b += BLOCK) {                                        \
            const T *p = x + b, *q = y + b;                                               \
            ptrdiff_t m = n - b < BLOCK ? n - b : BLOCK, i = 0;                           \
            V a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, v, w;                               \
            double part = 0.0;                                                            \
            (void)q, (void)w;                                                             \
            for (; i + 4 * L <= m; i += 4 * L) {                                          \
                v = *(const V *)(p + i), w = *(const V *)(q + i), a0 += VEC;              \
                v = *(const V *)(p + i + L), w = *(const V *)(q + i + L), a1 += VEC;      \
                v = *(const V *)(p + i + 2 * L), w = *(const V *)(q + i + 2 * L), a2 += VEC; \
                v = *(const V *)(p + i + 3 * L), w = *(const V *)(q + i + 3 * L), a3 += VEC; \
            }                                                                             \
            for (; i + L <= m; i += L) v = *(const V *)(p + i), w = *(const V *)(q + i), a0 += VEC; \
            if (i) part = LANES((a0 + a1) + (a2 + a3)); /* very short rows have no vectors */ \
            for (; i < m; i++) {                                                          \
                T v = p[i], w = q[i];                                                     \
                (void)w;                                                                  \
                part += (double)(SCALAR);                                                 \
            }                                                                             \
            total += part;                                                                \
        }                                                                                 \
        return total;                                                                     \
    }

DL_SUM(dl_sum2_f, float, dl_vf, dl_lanes_f, v, v)
DL_SUM(dl_sum2_d, double, dl_vd, dl_lanes_d, v, v)
DL_SUM(dl_sqr2_f, float, dl_vf, dl_lanes_f, v * v, v * v)
DL_SUM(dl_sqr2_d, double, dl_vd, dl_lanes_d, v * v, v * v)
DL_SUM(dl_dev2_f, float, dl_vf, dl_lanes_f, (v - c) * (v - c), (v - c) * (v - c))
DL_SUM(dl_dev2_d, double, dl_vd, dl_lanes_d, (v - c) * (v - c), (v - c) * (v - c))
DL_SUM(dl_dot2_f, float, dl_vf, dl_lanes_f, v * w, v * w)
DL_SUM(dl_dot2_d, double, dl_vd, dl_lanes_d, v * w, v * w)
DL_SUM(dl_abs2_f, float, dl_vf, dl_lanes_f, ((dl_vf)((dl_vf_mask)v & 0x7fffffff)), fabsf(v))
DL_SUM(dl_abs2_d, double, dl_vd, dl_lanes_d, ((dl_vd)((dl_vd_mask)v & 0x7fffffffffffffff)), fabs(v))

static inline double dl_sum_f(const float *x, ptrdiff_t n) { return dl_sum2_f(x, x, 0, n); }
static inline double dl_sum_d(const double *x, ptrdiff_t n) { return dl_sum2_d(x, x, 0, n); }
static inline double dl_sumsq_f(const float *x, ptrdiff_t n) { return dl_sqr2_f(x, x, 0, n); }
static inline double dl_sumsq_d(const double *x, ptrdiff_t n) { return dl_sqr2_d(x, x, 0, n); }
static inline double dl_sumdev_f(const float *x, float c, ptrdiff_t n) { return dl_dev2_f(x, x, c, n); }
static inline double dl_sumdev_d(const double *x, double c, ptrdiff_t n) { return dl_dev2_d(x, x, c, n); }
static inline double dl_dot_f(const float *x, const float *y, ptrdiff_t n) { return dl_dot2_f(x, y, 0, n); }
static inline double dl_dot_d(const double *x, const double *y, ptrdiff_t n) { return dl_dot2_d(x, y, 0, n); }
static inline double dl_sumabs_f(const float *x, ptrdiff_t n) { return dl_abs2_f(x, x, 0, n); }
static inline double dl_sumabs_d(const double *x, ptrdiff_t n) { return dl_abs2_d(x, x, 0, n); }

/* a = v where v OP a; NaN is noted in `bad`, and at the end it wins (as in NumPy's maximum) */
#define DL_PICK(V, M, a, v, OP, bad)                            \
    do {                                                        \
        M take = (v)OP(a);                                      \
        a = (V)(((M)(v) & take) | ((M)(a) & ~take));            \
        bad |= (v) != (v);                                      \
    } while (0)

/* Empty input gives INIT. */
#define DL_EXTREME(NAME, T, V, M, OP, INIT)                                           \
    static inline T NAME(const T *x, ptrdiff_t n) {                                   \
        enum { L = DL_VBYTES / sizeof(T) };                                           \
        T best = INIT;                                                                \
        int nan = 0;                                                                  \
        ptrdiff_t i = 0;                                                              \
        if (n >= L) {                                                                 \
            V a0 = *(const V *)x, a1 = a0, a2 = a0, a3 = a0, v;                       \
            M b0 = a0 != a0, b1 = b0;                                                 \
            union { V v; T t[L]; } u;                                                 \
            union { M v; int64_t t[DL_VBYTES / 8]; } b;                               \
            int64_t any = 0;                                                          \
            for (i = L; i + 4 * L <= n; i += 4 * L) {                                 \
                v = *(const V *)(x + i); DL_PICK(V, M, a0, v, OP, b0);                \
                v = *(const V *)(x + i + L); DL_PICK(V, M, a1, v, OP, b1);            \
                v = *(const V *)(x + i + 2 * L); DL_PICK(V, M, a2, v, OP, b0);        \
                v = *(const V *)(x + i + 3 * L); DL_PICK(V, M, a3, v, OP, b1);        \
            }                                                                         \
            for (; i + L <= n; i += L) {                                              \
                v = *(const V *)(x + i); DL_PICK(V, M, a0, v, OP, b0);                \
            }                                                                         \
            /* the last vector may meet elements twice */                             \
            v = *(const V *)(x + n - L); DL_PICK(V, M, a1, v, OP, b1);                \
            i = n;                                                                    \
            DL_PICK(V, M, a0, a1, OP, b0);                                            \
            DL_PICK(V, M, a2, a3, OP, b1);                                            \
            DL_PICK(V, M, a0, a2, OP, b0);                                            \
            u.v = a0, b.v = b0 | b1;                                                  \
            for (int j = 0; j < DL_VBYTES / 8; j++) any |= b.t[j];                    \
            nan = any != 0;                                                           \
            DL_HALVE(T, u.t, L / 2, 8, OP);                                           \
            DL_HALVE(T, u.t, L / 2, 4, OP);                                           \
            DL_HALVE(T, u.t, L / 2, 2, OP);                                           \
            DL_HALVE(T, u.t, L / 2, 1, OP);                                           \
            best = u.t[0];                                                            \
        }                                                                             \
        for (; i < n; i++) {                                                          \
            T v = x[i];                                                               \
            best = v OP best ? v : best;                                              \
            nan |= v != v;                                                            \
        }                                                                             \
        return nan ? (T)NAN : best;                                                   \
    }
#define DL_HALVE(T, t, MOST, W, OP)             \
    if (W <= MOST)                              \
        for (int j = 0; j < W; j++) t[j] = t[j + W] OP t[j] ? t[j + W] : t[j]

DL_EXTREME(dl_max_f, float, dl_vf, dl_vf_mask, >, -INFINITY)
DL_EXTREME(dl_max_d, double, dl_vd, dl_vd_mask, >, -INFINITY)
DL_EXTREME(dl_min_f, float, dl_vf, dl_vf_mask, <, INFINITY)
DL_EXTREME(dl_min_d, double, dl_vd, dl_vd_mask, <, INFINITY)

/* y[j] = the extreme of y[j] and x[i, j] over rows of stride ld; NaN wins. Four rows at a time: their NaN are looked for in
 * pairs, and that of y stays because nothing is larger (or smaller) than it. */
#define DL_EXTREME_COLS(NAME, T, OP)                                                                            \
    static inline void NAME(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t ld, T *__restrict y) {        \
        ptrdiff_t i = 0;                                                                                        \
        for (; i + 4 <= rows; i += 4) {                                                                         \
            const T *a = x + i * ld, *b = a + ld, *c = b + ld, *d = c + ld;                                     \
            for (ptrdiff_t j = 0; j < cols; j++) {                                                              \
                T p = a[j] OP b[j] ? a[j] : b[j], q = c[j] OP d[j] ? c[j] : d[j];                               \
                T m = p OP q ? p : q, best = m OP y[j] ? m : y[j];                                              \
                best = __builtin_isunordered(a[j], b[j]) ? (T)NAN : best;                                       \
                y[j] = __builtin_isunordered(c[j], d[j]) ? (T)NAN : best;                                       \
            }                                                                                                   \
        }                                                                                                       \
        for (; i < rows; i++)                                                                                   \
            for (ptrdiff_t j = 0; j < cols; j++) {                                                              \
                T v = x[i * ld + j], best = v OP y[j] ? v : y[j];                                               \
                y[j] = v == v ? best : v;                                                                       \
            }                                                                                                   \
    }
DL_EXTREME_COLS(dl_max_cols_f, float, >)
DL_EXTREME_COLS(dl_max_cols_d, double, >)
DL_EXTREME_COLS(dl_min_cols_f, float, <)
DL_EXTREME_COLS(dl_min_cols_d, double, <)

/* Asks memory for n bytes that will soon be read, or written. */
DL_INLINE void dl_fetch(const void *p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += 64) __builtin_prefetch((const char *)p + i, 0);
}
DL_INLINE void dl_fetch_to_write(const void *p, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += 64) __builtin_prefetch((const char *)p + i, 1);
}

/* out = exp(x - m) and its sum. out may be x. The sum reads out while it is in the L1 cache. While the exponentials keep the
 * processor busy, memory fetches the elements that follow: `ahead` of them further on in x, and in out too if `both`. */
#define DL_EXPSUM(NAME, T, EXP, SUM)                                                                        \
    DL_INLINE double NAME##_ahead(const T *x, T m, T *out, ptrdiff_t n, ptrdiff_t ahead, int both) {        \
        double total = 0.0;                                                                                 \
        enum { LINE = 64 / sizeof(T), STEP = 4 * LINE };                                                    \
        for (ptrdiff_t b = 0; b < n; b += 2048) {                                                           \
            ptrdiff_t k = n - b < 2048 ? n - b : 2048, i = 0;                                               \
            const T *p = x + b;                                                                             \
            T *q = out + b;                                                                                 \
            for (; i + STEP <= k; i += STEP) {                                                              \
                for (int j = 0; j < STEP && ahead; j += LINE) {                                             \
                    __builtin_prefetch(p + i + j + ahead, 0);                                               \
                    if (both) __builtin_prefetch(q + i + j + ahead, 1);                                     \
                }                                                                                           \
                for (int j = 0; j < STEP; j++) q[i + j] = EXP(p[i + j] - m);                                \
            }                                                                                               \
            for (; i < k; i++) q[i] = EXP(p[i] - m);                                                        \
            total += SUM(q, k);                                                                             \
        }                                                                                                   \
        return total;                                                                                       \
    }                                                                                                       \
    static inline double NAME(const T *x, T m, T *out, ptrdiff_t n) { return NAME##_ahead(x, m, out, n, 0, 0); }
DL_EXPSUM(dl_expsum_f, float, dl_expf, dl_sum_f)
DL_EXPSUM(dl_expsum_d, double, exp, dl_sum_d)

/* The maximum m of a long row and the sum of exp(x - m), which is returned, reading x once (Milakov & Gimelshein 2018): a
 * chunk after the other relative to the maximum so far, sums made smaller when it grows. If y is not NULL it receives
 * the softmax. Infinite m: the sum is 0 or NaN. */
#define DL_ONLINE(NAME, T, EXP, EXPSUM, MAX)                                                                \
    static inline double NAME(const T *x, T *y, ptrdiff_t n, T *max) {                                      \
        enum { CHUNK = 2048, MOST = 256 };                                                                  \
        T before[MOST], scratch[CHUNK], m = -INFINITY;                                                      \
        ptrdiff_t chunk = n > (ptrdiff_t)CHUNK * MOST && y ? (n + MOST - 1) / MOST : CHUNK;                 \
        double total = 0.0;                                                                                 \
        for (ptrdiff_t b = 0, c = 0; b < n; b += chunk, c++) {                                              \
            ptrdiff_t k = n - b < chunk ? n - b : chunk;                                                    \
            T top = MAX(x + b, k), shift;                                                                   \
            if (!(top <= m)) {                                                                              \
                total *= EXP(m - top);                                                                      \
                m = top;                                                                                    \
            }                                                                                               \
            shift = m == -INFINITY ? 0 : m;                                                                 \
            if (y) {                                                                                        \
                before[c] = m;                                                                              \
                total += EXPSUM##_ahead(x + b, shift, y + b, k, CHUNK, 1);                                  \
            } else                                                                                          \
                total += EXPSUM##_ahead(x + b, shift, scratch, k, CHUNK, 0);                                \
        }                                                                                                   \
        *max = m;                                                                                           \
        if (y)                                                                                              \
            for (ptrdiff_t b = 0, c = 0; b < n; b += chunk, c++) {                                          \
                ptrdiff_t k = n - b < chunk ? n - b : chunk;                                                \
                T f = (T)((before[c] == m ? 1.0 : (double)EXP(before[c] - m)) / total);                     \
                for (ptrdiff_t i = 0; i < k; i++) y[b + i] *= f;                                            \
            }                                                                                               \
        return total;                                                                                       \
    }
DL_ONLINE(dl_online_f, float, dl_expf, dl_expsum_f, dl_max_f)
DL_ONLINE(dl_online_d, double, exp, dl_expsum_d, dl_max_d)

/* acc[j] += x[i, j] over rows of stride ld, four rows at a time to load and store acc less often */
#define DL_COLSUM(NAME, T)                                                                              \
    static inline void NAME(const T *x, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t ld, T *__restrict acc) { \
        ptrdiff_t i = 0;                                                                                \
        for (; i + 4 <= rows; i += 4) {                                                                 \
            const T *a = x + i * ld, *b = a + ld, *c = b + ld, *d = c + ld;                             \
            for (ptrdiff_t j = 0; j < cols; j++) acc[j] += (a[j] + b[j]) + (c[j] + d[j]);               \
        }                                                                                               \
        for (; i < rows; i++)                                                                           \
            for (ptrdiff_t j = 0; j < cols; j++) acc[j] += x[i * ld + j];                               \
    }
DL_COLSUM(dl_colsum_f, float)
DL_COLSUM(dl_colsum_d, double)

#endif
