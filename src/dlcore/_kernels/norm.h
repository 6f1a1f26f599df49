/* Pairs of sums in one pass, as normalization needs them. Vectors, blocks and the order of additions are those of simd.h. */
#ifndef DL_NORM_H
#define DL_NORM_H

#include "simd.h"

/* VEC1 and VEC2: the terms of vectors v of x, w of y and u of z (c is a scalar); with one element for each they are scalars.
 * out[0] and out[1] receive the sums. Pointers that a term does not use may be any that are readable. */
#define DL_TWO_SUMS(NAME, T, V, TERM1, TERM2)                                                          \
    static inline void NAME(const T *x, const T *y, const T *z, T c, ptrdiff_t n, double *out) {       \
        enum { L = DL_VBYTES / sizeof(T), BLOCK = 128 * L };                                           \
        double first = 0.0, second = 0.0;                                                              \
        for (ptrdiff_t b = 0; b < n; b += BLOCK) {                                                     \
            const T *p = x + b, *q = y + b, *r = z + b;                                                \
            ptrdiff_t m = n - b < BLOCK ? n - b : BLOCK, i = 0;                                        \
            V a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, v, w, u;                                         \
            double part1 = 0.0, part2 = 0.0;                                                           \
            (void)q, (void)r;                                                                          \
            for (; i + 2 * L <= m; i += 2 * L) {                                                       \
                v = *(const V *)(p + i), w = *(const V *)(q + i), u = *(const V *)(r + i);             \
                (void)w, (void)u;                                                                      \
                a0 += TERM1, b0 += TERM2;                                                              \
                v = *(const V *)(p + i + L), w = *(const V *)(q + i + L), u = *(const V *)(r + i + L); \
                (void)w, (void)u;                                                                      \
                a1 += TERM1, b1 += TERM2;                                                              \
            }                                                                                          \
            a0 += a1, b0 += b1;                                                                        \
            if (i) /* short runs have no vectors */                                                    \
                for (int j = 0; j < L; j++) part1 += (double)a0[j], part2 += (double)b0[j];            \
            for (; i < m; i++) {                                                                       \
                T v = p[i], w = q[i], u = r[i];                                                        \
                (void)w, (void)u;                                                                      \
                part1 += (double)(TERM1), part2 += (double)(TERM2);                                    \
            }                                                                                          \
            first += part1, second += part2;                                                           \
        }                                                                                              \
        out[0] = first, out[1] = second;                                                               \
    }

/* sum of (x - c) and of its square */
DL_TWO_SUMS(dl_spread_f, float, dl_vf, (v - c), (v - c) * (v - c))
DL_TWO_SUMS(dl_spread_d, double, dl_vd, (v - c), (v - c) * (v - c))
/* sum of y and of y (x - c) */
DL_TWO_SUMS(dl_slope_f, float, dl_vf, w, w * (v - c))
DL_TWO_SUMS(dl_slope_d, double, dl_vd, w, w * (v - c))
/* sum of y z and of y z (x - c) */
DL_TWO_SUMS(dl_slope3_f, float, dl_vf, w * u, w * u * (v - c))
DL_TWO_SUMS(dl_slope3_d, double, dl_vd, w * u, w * u * (v - c))

#endif
