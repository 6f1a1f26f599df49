/* Pairs of sums in one pass, as normalization needs them. Vectors, blocks and the order of additions are those of simd.h. */
#ifndef DL_NORM_H
#define DL_NORM_H

#include "simd.h"

/* VEC1 and VEC2: the terms of vectors v of x, w of y and u of z (c is a scalar); with one element for each they are scalars.
 * out[0] and out[1] receive the sums. Pointers that a term does not use may be any that are readable.
 * For data that is in the cache already: meanwhile memory fetches the same of x and y `ahead` elements further on, if that
 * is not 0, and n elements at `next`, to be written. */
#define DL_TWO_SUMS(NAME, T, V, LANES, TERM1, TERM2)                                                   \
    static inline void NAME(const T *x, const T *y, const T *z, T c, ptrdiff_t n, double *out, ptrdiff_t ahead, T *next) { \
        enum { L = DL_VBYTES / sizeof(T), BLOCK = 128 * L };                                           \
        double first = 0.0, second = 0.0;                                                              \
        for (ptrdiff_t b = 0; b < n; b += BLOCK) {                                                     \
            const T *p = x + b, *q = y + b, *r = z + b;                                                \
            ptrdiff_t m = n - b < BLOCK ? n - b : BLOCK, i = 0;                                        \
            V a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, v, w, u;                                         \
            double part1 = 0.0, part2 = 0.0;                                                           \
            (void)q, (void)r;                                                                          \
            for (; i + 2 * L <= m; i += 2 * L) {                                                       \
                if (ahead)                                                                             \
                    for (int f = 0; f < 2 * L; f += 64 / (int)sizeof(T)) {                             \
                        __builtin_prefetch(p + i + ahead + f, 0);                                      \
                        if (y != x) __builtin_prefetch(q + i + ahead + f, 0);                          \
                        __builtin_prefetch(next + b + i + f, 1);                                       \
                    }                                                                                  \
                v = *(const V *)(p + i), w = *(const V *)(q + i), u = *(const V *)(r + i);             \
                (void)w, (void)u;                                                                      \
                a0 += TERM1, b0 += TERM2;                                                              \
                v = *(const V *)(p + i + L), w = *(const V *)(q + i + L), u = *(const V *)(r + i + L); \
                (void)w, (void)u;                                                                      \
                a1 += TERM1, b1 += TERM2;                                                              \
            }                                                                                          \
            if (i) part1 = LANES(a0 + a1), part2 = LANES(b0 + b1);                                     \
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
DL_TWO_SUMS(dl_spread_f, float, dl_vf, dl_lanes_f, (v - c), (v - c) * (v - c))
DL_TWO_SUMS(dl_spread_d, double, dl_vd, dl_lanes_d, (v - c), (v - c) * (v - c))
/* sum of y and of y (x - c) */
DL_TWO_SUMS(dl_slope_f, float, dl_vf, dl_lanes_f, w, w * (v - c))
DL_TWO_SUMS(dl_slope_d, double, dl_vd, dl_lanes_d, w, w * (v - c))
/* sum of y z and of y z (x - c) */
DL_TWO_SUMS(dl_slope3_f, float, dl_vf, dl_lanes_f, w * u, w * u * (v - c))
DL_TWO_SUMS(dl_slope3_d, double, dl_vd, dl_lanes_d, w * u, w * u * (v - c))

/* Layer normalization's last pass back, two rows at a time, so that the sums for each column are loaded and stored once for
 * both: dx = r gamma g + q (x - m) + d, dgamma += g (x - m) r, dbeta += g. m, r, q and d have a number for each row. */
#define DL_TWO_ROWS(NAME, T)                                                                                            \
    static inline void NAME(const T *x, const T *g, const T *gamma, const T *m, const T *r, const T *q, const T *d,     \
                            T *__restrict dx, T *__restrict dgamma, T *__restrict dbeta, ptrdiff_t k) {                 \
        const T *x2 = x + k, *g2 = g + k;                                                                               \
        T *dx2 = dx + k;                                                                                                \
        const T m1 = m[0], m2 = m[1], r1 = r[0], r2 = r[1], q1 = q[0], q2 = q[1], d1 = d[0], d2 = d[1];                 \
        for (ptrdiff_t j = 0; j < k; j++) {                                                                             \
            T t1 = x[j] - m1, t2 = x2[j] - m2;                                                                          \
            dgamma[j] += g[j] * (t1 * r1) + g2[j] * (t2 * r2);                                                          \
            dbeta[j] += g[j] + g2[j];                                                                                   \
            dx[j] = r1 * g[j] * gamma[j] + (q1 * t1 + d1);                                                              \
            dx2[j] = r2 * g2[j] * gamma[j] + (q2 * t2 + d2);                                                            \
        }                                                                                                               \
    }
DL_TWO_ROWS(dl_two_rows_f, float)
DL_TWO_ROWS(dl_two_rows_d, double)

#endif
