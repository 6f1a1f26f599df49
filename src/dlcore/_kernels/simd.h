/* Reductions over contiguous memory. Strict IEEE order forbids a compiler to split a plain sum over vector lanes, so
 * the split is written out here with the vector types of gcc and clang.
 *
 * Order: blocks of 128 vectors; in each, four vector accumulators over the elements in turn, added lane by lane and
 * then across lanes in double; block results are added in double, first to last. The order depends on n and the
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

/* VEC: the term of a vector at v (and w), c a scalar; SCALAR: the same of one element */
#define DL_SUM(NAME, T, V, VEC, SCALAR)                                                   \
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
            a0 = (a0 + a1) + (a2 + a3);                                                   \
            for (int j = 0; j < L; j++) part += (double)a0[j];                            \
            for (; i < m; i++) {                                                          \
                T v = p[i], w = q[i];                                                     \
                (void)w;                                                                  \
                part += (double)(SCALAR);                                                 \
            }                                                                             \
            total += part;                                                                \
        }                                                                                 \
        return total;                                                                     \
    }

DL_SUM(dl_sum2_f, float, dl_vf, v, v)
DL_SUM(dl_sum2_d, double, dl_vd, v, v)
DL_SUM(dl_sqr2_f, float, dl_vf, v * v, v * v)
DL_SUM(dl_sqr2_d, double, dl_vd, v * v, v * v)
DL_SUM(dl_dev2_f, float, dl_vf, (v - c) * (v - c), (v - c) * (v - c))
DL_SUM(dl_dev2_d, double, dl_vd, (v - c) * (v - c), (v - c) * (v - c))
DL_SUM(dl_dot2_f, float, dl_vf, v * w, v * w)
DL_SUM(dl_dot2_d, double, dl_vd, v * w, v * w)
DL_SUM(dl_abs2_f, float, dl_vf, ((dl_vf)((dl_vf_mask)v & 0x7fffffff)), fabsf(v))
DL_SUM(dl_abs2_d, double, dl_vd, ((dl_vd)((dl_vd_mask)v & 0x7fffffffffffffff)), fabs(v))

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

/* a = v where v OP a or v is NaN: once a lane holds NaN both tests fail, and it stays (as NumPy's maximum does) */
#define DL_PICK(V, M, a, v, OP)                                 \
    do {                                                        \
        M take = ((v)OP(a)) | ((v) != (v));                     \
        a = (V)(((M)(v) & take) | ((M)(a) & ~take));            \
    } while (0)

/* Empty input gives INIT. */
#define DL_EXTREME(NAME, T, V, M, OP, INIT)                                           \
    static inline T NAME(const T *x, ptrdiff_t n) {                                   \
        enum { L = DL_VBYTES / sizeof(T) };                                           \
        T best = INIT;                                                                \
        ptrdiff_t i = 0;                                                              \
        if (n >= 4 * L) {                                                             \
            V a0 = *(const V *)x, a1 = *(const V *)(x + L);                           \
            V a2 = *(const V *)(x + 2 * L), a3 = *(const V *)(x + 3 * L);             \
            for (i = 4 * L; i + 4 * L <= n; i += 4 * L) {                             \
                V v0 = *(const V *)(x + i), v1 = *(const V *)(x + i + L);             \
                V v2 = *(const V *)(x + i + 2 * L), v3 = *(const V *)(x + i + 3 * L); \
                DL_PICK(V, M, a0, v0, OP);                                            \
                DL_PICK(V, M, a1, v1, OP);                                            \
                DL_PICK(V, M, a2, v2, OP);                                            \
                DL_PICK(V, M, a3, v3, OP);                                            \
            }                                                                         \
            DL_PICK(V, M, a0, a1, OP);                                                \
            DL_PICK(V, M, a2, a3, OP);                                                \
            DL_PICK(V, M, a0, a2, OP);                                                \
            for (; i + L <= n; i += L) {                                              \
                V v = *(const V *)(x + i);                                            \
                DL_PICK(V, M, a0, v, OP);                                             \
            }                                                                         \
            for (int j = 0; j < L; j++) best = (a0[j] OP best || a0[j] != a0[j]) ? a0[j] : best; \
        }                                                                             \
        for (; i < n; i++) best = (x[i] OP best || x[i] != x[i]) ? x[i] : best;       \
        return best;                                                                  \
    }

DL_EXTREME(dl_max_f, float, dl_vf, dl_vf_mask, >, -INFINITY)
DL_EXTREME(dl_max_d, double, dl_vd, dl_vd_mask, >, -INFINITY)
DL_EXTREME(dl_min_f, float, dl_vf, dl_vf_mask, <, INFINITY)
DL_EXTREME(dl_min_d, double, dl_vd, dl_vd_mask, <, INFINITY)

/* out = exp(x - m) and its sum: the inner loop of softmax. out may be x. The sum reads out while it is in the L1 cache. */
#define DL_EXPSUM(NAME, T, EXP, SUM)                                          \
    static inline double NAME(const T *x, T m, T *out, ptrdiff_t n) {         \
        double total = 0.0;                                                   \
        for (ptrdiff_t b = 0; b < n; b += 2048) {                     \
            ptrdiff_t k = n - b < 2048 ? n - b : 2048;        \
            for (ptrdiff_t i = 0; i < k; i++) out[b + i] = EXP(x[b + i] - m); \
            total += SUM(out + b, k);                                         \
        }                                                                     \
        return total;                                                         \
    }
DL_EXPSUM(dl_expsum_f, float, dl_expf, dl_sum_f)
DL_EXPSUM(dl_expsum_d, double, exp, dl_sum_d)

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
