/* Short rows, as many at a time as a vector has lanes. A row of ten numbers is not worth a sum of its own: adding up the
 * lanes costs more than the row. Here each row of a group is folded into one vector of partial results, and the vectors of
 * the group are merged like the leaves of a tree, neighbours first, so that lane i of what remains belongs to row i.
 *
 * The other direction: dl_repeat writes the number of each row once for every element, a few rows at a time; what follows
 * is plain loops over the elements of all rows.
 *
 * The order of additions depends on k and the instruction set only, not on where a row stands among the others.
 */
#ifndef DL_NARROW_H
#define DL_NARROW_H

#include "simd.h"

#if defined(__clang__) || __GNUC__ >= 12
#define DL_SHUFFLE(M, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define DL_SHUFFLE(M, a, b, ...) __builtin_shuffle(a, b, (M){__VA_ARGS__})
#endif

/* Lane by lane the larger; NaN may get lost. */
#if defined(__SSE2__)
#include <immintrin.h>
#if DL_VBYTES == 64
static inline dl_vf dl_larger_f(dl_vf a, dl_vf b) { return (dl_vf)_mm512_max_ps((__m512)a, (__m512)b); }
static inline dl_vd dl_larger_d(dl_vd a, dl_vd b) { return (dl_vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
#elif DL_VBYTES == 32
static inline dl_vf dl_larger_f(dl_vf a, dl_vf b) { return (dl_vf)_mm256_max_ps((__m256)a, (__m256)b); }
static inline dl_vd dl_larger_d(dl_vd a, dl_vd b) { return (dl_vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
#else
static inline dl_vf dl_larger_f(dl_vf a, dl_vf b) { return (dl_vf)_mm_max_ps((__m128)a, (__m128)b); }
static inline dl_vd dl_larger_d(dl_vd a, dl_vd b) { return (dl_vd)_mm_max_pd((__m128d)a, (__m128d)b); }
#endif
#else
static inline dl_vf dl_larger_f(dl_vf a, dl_vf b) { dl_vf_mask t = a > b; return (dl_vf)(((dl_vf_mask)a & t) | ((dl_vf_mask)b & ~t)); }
static inline dl_vd dl_larger_d(dl_vd a, dl_vd b) { dl_vd_mask t = a > b; return (dl_vd)(((dl_vd_mask)a & t) | ((dl_vd_mask)b & ~t)); }
#endif

/* Steps of the tree for vectors of 2, 4, 8 and 16 lanes: what of a and b meets what. */
#define DL_TREE_2(OP, M, v) \
    v[0] = OP(DL_SHUFFLE(M, v[0], v[1], 0, 2), DL_SHUFFLE(M, v[0], v[1], 1, 3));
#define DL_TREE_4(OP, M, v)                                                                                                     \
    for (int i = 0; i < 2; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 4, 2, 6), DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 1, 5, 3, 7));        \
    v[0] = OP(DL_SHUFFLE(M, v[0], v[1], 0, 1, 4, 5), DL_SHUFFLE(M, v[0], v[1], 2, 3, 6, 7));
#define DL_TREE_8(OP, M, v)                                                                                                     \
    for (int i = 0; i < 4; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14),                                             \
                  DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15));                                            \
    for (int i = 0; i < 2; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13),                                              \
                  DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15));                                           \
    v[0] = OP(DL_SHUFFLE(M, v[0], v[1], 0, 1, 2, 3, 8, 9, 10, 11), DL_SHUFFLE(M, v[0], v[1], 4, 5, 6, 7, 12, 13, 14, 15));
#define DL_TREE_16(OP, M, v)                                                                                                    \
    for (int i = 0; i < 8; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),             \
                  DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31));            \
    for (int i = 0; i < 4; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),              \
                  DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31));           \
    for (int i = 0; i < 2; i++)                                                                                                 \
        v[i] = OP(DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),              \
                  DL_SHUFFLE(M, v[2 * i], v[2 * i + 1], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31));           \
    v[0] = OP(DL_SHUFFLE(M, v[0], v[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),                                \
              DL_SHUFFLE(M, v[0], v[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
#if DL_VBYTES == 64
#define DL_TREE_F DL_TREE_16
#define DL_TREE_D DL_TREE_8
#elif DL_VBYTES == 32
#define DL_TREE_F DL_TREE_8
#define DL_TREE_D DL_TREE_4
#else
#define DL_TREE_F DL_TREE_4
#define DL_TREE_D DL_TREE_2
#endif

static inline dl_vf dl_plus_f(dl_vf a, dl_vf b) { return a + b; }
static inline dl_vd dl_plus_d(dl_vd a, dl_vd b) { return a + b; }

/* The first n elements at p, then `fill`; `inside` marks them. Where memory cannot be read under a mask the lanes behind them
 * are read as well if `beyond` says that they may be. */
#if DL_VBYTES == 64
typedef __mmask16 dl_inside_f;
typedef __mmask8 dl_inside_d;
static inline dl_inside_f dl_first_f(ptrdiff_t n) { return (dl_inside_f)((1u << n) - 1); }
static inline dl_inside_d dl_first_d(ptrdiff_t n) { return (dl_inside_d)((1u << n) - 1); }
static inline dl_vf dl_part_f(const float *p, ptrdiff_t n, dl_inside_f inside, float fill, int beyond) {
    (void)n, (void)beyond;
    return (dl_vf)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), inside, p);
}
static inline dl_vd dl_part_d(const double *p, ptrdiff_t n, dl_inside_d inside, double fill, int beyond) {
    (void)n, (void)beyond;
    return (dl_vd)_mm512_mask_loadu_pd(_mm512_set1_pd(fill), inside, p);
}
#else
typedef dl_vf_mask dl_inside_f;
typedef dl_vd_mask dl_inside_d;
#define DL_PART(FIRST, NAME, T, V, M)                                                   \
    static inline M FIRST(ptrdiff_t n) {                                                \
        M inside;                                                                       \
        for (int j = 0; j < (int)(DL_VBYTES / sizeof(T)); j++) inside[j] = j < n ? -1 : 0; \
        return inside;                                                                  \
    }                                                                                   \
    static inline V NAME(const T *p, ptrdiff_t n, M inside, T fill, int beyond) {       \
        V v = (V){0} + fill;                                                            \
        if (beyond) return (V)(((M)(*(const V *)p) & inside) | ((M)v & ~inside));       \
        memcpy(&v, p, (size_t)n * sizeof(T));                                           \
        return v;                                                                       \
    }
DL_PART(dl_first_f, dl_part_f, float, dl_vf, dl_vf_mask)
DL_PART(dl_first_d, dl_part_d, double, dl_vd, dl_vd_mask)
#endif

/* out[i] = OP over j of TERM, of v = x[i, j] and w = y[i, j]; rows of k elements. y may be any as many elements if TERM does
 * not use it. TERM of v = w = FILL must be the identity of OP. */
#define DL_NARROW(NAME, T, V, I, INSIDE, FIRST, PART, TREE, OP, FILL, TERM)                                              \
    DL_INLINE void NAME##_group(const T *x, const T *y, ptrdiff_t k, INSIDE inside, ptrdiff_t rows, int wide, int beyond, T *out) { \
        enum { L = DL_VBYTES / sizeof(T) };                                                                              \
        ptrdiff_t whole = wide ? k / L * L : 0, rest = k - whole;                                                        \
        V a[L];                                                                                                          \
        for (int i = 0; i < L; i++) {                                                                                    \
            ptrdiff_t r = i < rows ? i : 0;                                                                              \
            const T *p = x + r * k, *q = y + r * k;                                                                      \
            V v, w, s = {0};                                                                                             \
            (void)q, (void)w;                                                                                            \
            if (wide) {                                                                                                  \
                v = *(const V *)p, w = *(const V *)q, s = TERM;                                                          \
                for (ptrdiff_t j = L; j < whole; j += L)                                                                 \
                    v = *(const V *)(p + j), w = *(const V *)(q + j), s = OP(s, TERM);                                   \
            }                                                                                                            \
            if (!wide || rest) {                                                                                         \
                v = PART(p + whole, rest, inside, FILL, beyond), w = PART(q + whole, rest, inside, FILL, beyond);        \
                if (wide) s = OP(s, TERM);                                                                               \
                else s = TERM;                                                                                           \
            }                                                                                                            \
            a[i] = s;                                                                                                    \
        }                                                                                                                \
        TREE(OP, I, a)                                                                                                   \
        if (rows >= L) *(V *)out = a[0];                                                                                 \
        else memcpy(out, a, (size_t)rows * sizeof(T));                                                                   \
    }                                                                                                                    \
    static inline void NAME(const T *x, const T *y, ptrdiff_t k, ptrdiff_t rows, T *out) {                               \
        enum { L = DL_VBYTES / sizeof(T) };                                                                              \
        INSIDE inside = FIRST(k % L);                                                                                    \
        ptrdiff_t g = 0;                                                                                                 \
        if (k < L)                                                                                                       \
            for (; (g + L) * k + L <= rows * k; g += L)                                                                  \
                NAME##_group(x + g * k, y + g * k, k, inside, L, 0, 1, out + g);                                         \
        else                                                                                                             \
            for (; (g + L) * k + L <= rows * k; g += L)                                                                  \
                NAME##_group(x + g * k, y + g * k, k, inside, L, 1, 1, out + g);                                         \
        for (; g < rows; g += L)                                                                                         \
            NAME##_group(x + g * k, y + g * k, k, inside, rows - g, k >= L, 0, out + g);                                 \
    }
#define DL_NARROWS(NAME, OP_F, OP_D, FILL, TERM)                                                                         \
    DL_NARROW(NAME##_f, float, dl_vf, dl_vf_mask, dl_inside_f, dl_first_f, dl_part_f, DL_TREE_F, OP_F, FILL, TERM)       \
    DL_NARROW(NAME##_d, double, dl_vd, dl_vd_mask, dl_inside_d, dl_first_d, dl_part_d, DL_TREE_D, OP_D, FILL, TERM)
DL_NARROWS(dl_rows_max, dl_larger_f, dl_larger_d, -INFINITY, v)
static inline dl_vf dl_smaller_f(dl_vf a, dl_vf b) { return -dl_larger_f(-a, -b); }
static inline dl_vd dl_smaller_d(dl_vd a, dl_vd b) { return -dl_larger_d(-a, -b); }
DL_NARROWS(dl_rows_min, dl_smaller_f, dl_smaller_d, INFINITY, v)
DL_NARROWS(dl_rows_sum, dl_plus_f, dl_plus_d, 0, v)
DL_NARROWS(dl_rows_dot, dl_plus_f, dl_plus_d, 0, v * w)

/* out[i, j] = v[i] for j < k, in whole vectors: out has room for one more than rows * k elements. */
#define DL_REPEAT(NAME, T, V)                                                              \
    static inline void NAME(const T *v, ptrdiff_t k, ptrdiff_t rows, T *out) {             \
        enum { L = DL_VBYTES / sizeof(T) };                                                \
        for (ptrdiff_t i = 0; i < rows; i++, out += k)                                     \
            for (ptrdiff_t j = 0; j < k; j += L) *(V *)(out + j) = (V){0} + v[i];          \
    }
DL_REPEAT(dl_repeat_d, double, dl_vd)
#if DL_VBYTES == 64
DL_REPEAT(dl_repeat_long_f, float, dl_vf)
/* The elements of 16 rows are k vectors, and which rows their lanes belong to is always the same. */
static inline void dl_repeat_f(const float *v, ptrdiff_t k, ptrdiff_t rows, float *out) {
    __m512i row[16];
    ptrdiff_t i = 0;
    if (k < 16) {
        __m512 at = _mm512_set_ps(15.5f, 14.5f, 13.5f, 12.5f, 11.5f, 10.5f, 9.5f, 8.5f, 7.5f, 6.5f, 5.5f, 4.5f, 3.5f, 2.5f, 1.5f, 0.5f);
        for (int j = 0; j < k; j++, at += 16.0f) row[j] = _mm512_cvttps_epi32(at * (1.0f / (float)k));
        for (; i + 16 <= rows; i += 16, out += 16 * k) {
            __m512 few = _mm512_loadu_ps(v + i);
            for (int j = 0; j < k; j++) _mm512_storeu_ps(out + 16 * j, _mm512_permutexvar_ps(row[j], few));
        }
    }
    dl_repeat_long_f(v + i, k, rows - i, out);
}
#else
DL_REPEAT(dl_repeat_f, float, dl_vf)
#endif

/* y[i] = exp(x[i] - m[i]), y apart from both; meanwhile memory fetches the next n elements of x, and as many at `next`, to be written. */
#define DL_EXPDIFF(NAME, T, EXP)                                                                          \
    DL_INLINE void NAME(const T *x, const T *m, T *__restrict y, ptrdiff_t n, T *next) {                  \
        enum { LINE = 64 / sizeof(T), STEP = 4 * LINE };                                                  \
        ptrdiff_t i = 0;                                                                                  \
        for (; i + STEP <= n; i += STEP) {                                                                \
            for (int j = 0; j < STEP; j += LINE) {                                                        \
                __builtin_prefetch(x + n + i + j, 0);                                                     \
                __builtin_prefetch(next + i + j, 1);                                                      \
            }                                                                                             \
            for (int j = 0; j < STEP; j++) y[i + j] = EXP(x[i + j] - m[i + j]);                           \
        }                                                                                                 \
        for (; i < n; i++) y[i] = EXP(x[i] - m[i]);                                                       \
    }
DL_EXPDIFF(dl_expdiff_f, float, dl_expf)
DL_EXPDIFF(dl_expdiff_d, double, exp)

#endif
