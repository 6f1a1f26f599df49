/* Images of another size: every row of the result is a weighted sum of rows, and then every cell one of cells of that sum,
 * which is still in the cache.
 *
 * Weights come as a sparse matrix by rows. Cells of three channels are computed four numbers at a time: the fourth belongs to
 * the next cell, which overwrites it. Images of one channel go eight rows at a time: their cells side by side are cells of eight.
 */
#ifndef DL_RESAMPLE_H
#define DL_RESAMPLE_H

#include <stddef.h>
#include <string.h>

#include "narrow.h"
#include "vmath.h"

/* Which cells make up cell i: column[k] with weight[k] for k from start[i] to start[i + 1]. start == NULL: cell i alone. */
typedef struct {
    const int64_t *start, *column;
    const void *weight; /* of the type that is computed in */
} dl_taps;

typedef struct {
    ptrdiff_t h, w, c, oh, ow; /* x (n, h, w, c) becomes y (n, oh, ow, c) */
    dl_taps down, across;
    const void *x;
    void *y;
    int accumulate;
    char *room; /* `lanes` times two rows for each block: the sum of rows, and a result that is not in its place yet; twice if lanes > 1 */
    ptrdiff_t size, block, lanes;
} dl_resample;

enum { DL_LANES = 8 }; /* rows of one channel that go together */
enum { DL_PAD = 16 }; /* elements after a row that a vector may touch */

/* N: name, X: element, T: what is computed in. */
#define DL_RESAMPLE(N, X, T)                                                                                                    \
    typedef T dl_cell_##N __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));                           \
    /* to = sum of rows of n elements, `line` apart */                                                                          \
    DL_INLINE void dl_rows_##N(const dl_taps *t, ptrdiff_t i, const X *x, ptrdiff_t line, T *restrict to, ptrdiff_t n) {         \
        if (!t->start) {                                                                                                        \
            for (ptrdiff_t j = 0; j < n; j++) to[j] = x[i * line + j];                                                          \
            return;                                                                                                             \
        }                                                                                                                       \
        ptrdiff_t k = t->start[i];                                                                                              \
        const ptrdiff_t end = t->start[i + 1];                                                                                  \
        const T *w = (const T *)t->weight;                                                                                      \
        if (end - k >= 4) {                                                                                                     \
            const X *a = x + t->column[k] * line, *b = x + t->column[k + 1] * line;                                             \
            const X *c = x + t->column[k + 2] * line, *d = x + t->column[k + 3] * line;                                         \
            const T wa = w[k], wb = w[k + 1], wc = w[k + 2], wd = w[k + 3];                                                     \
            for (ptrdiff_t j = 0; j < n; j++) to[j] = wa * a[j] + wb * b[j] + wc * c[j] + wd * d[j];                            \
            k += 4;                                                                                                             \
        } else if (end - k >= 2) {                                                                                              \
            const X *a = x + t->column[k] * line, *b = x + t->column[k + 1] * line;                                             \
            const T wa = w[k], wb = w[k + 1];                                                                                   \
            for (ptrdiff_t j = 0; j < n; j++) to[j] = wa * a[j] + wb * b[j];                                                    \
            k += 2;                                                                                                             \
        } else if (end > k) {                                                                                                   \
            const X *a = x + t->column[k] * line;                                                                               \
            const T wa = w[k];                                                                                                  \
            for (ptrdiff_t j = 0; j < n; j++) to[j] = wa * a[j];                                                                \
            k += 1;                                                                                                             \
        } else {                                                                                                                \
            memset(to, 0, n * sizeof(T));                                                                                       \
        }                                                                                                                       \
        for (; k < end; k++) {                                                                                                  \
            const X *a = x + t->column[k] * line;                                                                               \
            const T wa = w[k];                                                                                                  \
            for (ptrdiff_t j = 0; j < n; j++) to[j] += wa * a[j];                                                               \
        }                                                                                                                       \
    }
#define DL_ACROSS(N, T, I)                                                                                                      \
    typedef I dl_four_##N __attribute__((vector_size(4 * sizeof(I))));                                                          \
    typedef T dl_eight_##N __attribute__((vector_size(DL_LANES * sizeof(T)), aligned(sizeof(T)), may_alias));                   \
    /* n cells of c channels; c is 1, 3 or 4 and known to the compiler. 3: x has an element more than it seems. */              \
    DL_INLINE void dl_single_##N(const dl_taps *t, const T *x, T *restrict to, ptrdiff_t n) {                                   \
        const T *w = (const T *)t->weight;                                                                                      \
        ptrdiff_t k = t->start[0];                                                                                              \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                     \
            const ptrdiff_t end = t->start[i + 1];                                                                              \
            T sum = 0;                                                                                                          \
            if (end - k == 2) {                                                                                                 \
                sum = w[k] * x[t->column[k]]; /* in the order of eight rows, so that all rows are alike */                     \
                sum += w[k + 1] * x[t->column[k + 1]];                                                                         \
                k += 2;                                                                                                         \
            }                                                                                                                   \
            for (; k < end; k++) {                                                                                              \
                sum += w[k] * x[t->column[k]];                                                                                  \
                __asm__ volatile(""); /* not several products first: they would be rounded, those of eight rows are not */     \
            }                                                                                                                   \
            to[i] = sum;                                                                                                        \
        }                                                                                                                       \
    }                                                                                                                           \
    DL_INLINE void dl_vector_##N(const dl_taps *t, const T *x, T *restrict to, ptrdiff_t n, const int c) {                      \
        const T *w = (const T *)t->weight;                                                                                      \
        ptrdiff_t k = t->start[0];                                                                                              \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                     \
            const ptrdiff_t end = t->start[i + 1];                                                                              \
            dl_cell_##N sum = {0};                                                                                              \
            if (end - k == 2) {                                                                                                 \
                sum = w[k] * *(const dl_cell_##N *)(x + t->column[k] * c);                                                      \
                sum += w[k + 1] * *(const dl_cell_##N *)(x + t->column[k + 1] * c);                                             \
                k += 2;                                                                                                         \
            }                                                                                                                   \
            for (; k < end; k++) sum += w[k] * *(const dl_cell_##N *)(x + t->column[k] * c);                                    \
            if (c == 4 || i + 1 < n) *(dl_cell_##N *)(to + i * c) = sum;                                                        \
            else for (int j = 0; j < c; j++) to[i * c + j] = sum[j];                                                            \
        }                                                                                                                       \
    }                                                                                                                           \
    /* Element j of row i of four, `from` apart, becomes element i of row j, `apart` apart. */                                 \
    DL_INLINE void dl_turn_##N(const T *x, ptrdiff_t from, T *to, ptrdiff_t apart) {                                           \
        const dl_cell_##N a = *(const dl_cell_##N *)x, b = *(const dl_cell_##N *)(x + from);                                   \
        const dl_cell_##N c = *(const dl_cell_##N *)(x + 2 * from), d = *(const dl_cell_##N *)(x + 3 * from);                  \
        const dl_cell_##N ab = DL_SHUFFLE(dl_four_##N, a, b, 0, 4, 1, 5), cd = DL_SHUFFLE(dl_four_##N, c, d, 0, 4, 1, 5);      \
        const dl_cell_##N ba = DL_SHUFFLE(dl_four_##N, a, b, 2, 6, 3, 7), dc = DL_SHUFFLE(dl_four_##N, c, d, 2, 6, 3, 7);      \
        *(dl_cell_##N *)to = DL_SHUFFLE(dl_four_##N, ab, cd, 0, 1, 4, 5);                                                      \
        *(dl_cell_##N *)(to + apart) = DL_SHUFFLE(dl_four_##N, ab, cd, 2, 3, 6, 7);                                            \
        *(dl_cell_##N *)(to + 2 * apart) = DL_SHUFFLE(dl_four_##N, ba, dc, 0, 1, 4, 5);                                        \
        *(dl_cell_##N *)(to + 3 * apart) = DL_SHUFFLE(dl_four_##N, ba, dc, 2, 3, 6, 7);                                        \
    }                                                                                                                          \
    /* The same for DL_LANES rows of w elements, `line` apart; n cells, `out` apart; room for DL_LANES elements of each. Rows and\
       results may be touched a little behind their ends. */                                                                   \
    DL_INLINE void dl_eights_##N(const dl_taps *t, const T *x, ptrdiff_t line, T *restrict cells, T *restrict sums, T *restrict to,\
                                ptrdiff_t out, ptrdiff_t w, ptrdiff_t n) {                                                     \
        const T *weight = (const T *)t->weight;                                                                                \
        ptrdiff_t k = t->start[0];                                                                                             \
        for (ptrdiff_t j = 0; j < w; j += 4)                                                                                   \
            for (int h = 0; h < DL_LANES; h += 4) dl_turn_##N(x + h * line + j, line, cells + j * DL_LANES + h, DL_LANES);     \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const ptrdiff_t end = t->start[i + 1];                                                                             \
            dl_eight_##N sum = {0};                                                                                            \
            if (end - k == 2) {                                                                                                \
                sum = weight[k] * *(const dl_eight_##N *)(cells + t->column[k] * DL_LANES);                                    \
                sum += weight[k + 1] * *(const dl_eight_##N *)(cells + t->column[k + 1] * DL_LANES);                           \
                k += 2;                                                                                                        \
            }                                                                                                                  \
            for (; k < end; k++) sum += weight[k] * *(const dl_eight_##N *)(cells + t->column[k] * DL_LANES);                  \
            *(dl_eight_##N *)(sums + i * DL_LANES) = sum;                                                                      \
        }                                                                                                                      \
        for (ptrdiff_t j = 0; j < n; j += 4)                                                                                   \
            for (int h = 0; h < DL_LANES; h += 4) dl_turn_##N(sums + j * DL_LANES + h, DL_LANES, to + h * out + j, out);       \
    }                                                                                                                          \
    DL_INLINE void dl_across_##N(const dl_taps *t, const T *x, T *restrict to, ptrdiff_t n, ptrdiff_t c) {                      \
        if (c == 1) dl_single_##N(t, x, to, n);                                                                                 \
        else if (c == 3) dl_vector_##N(t, x, to, n, 3);                                                                         \
        else if (c == 4) dl_vector_##N(t, x, to, n, 4);                                                                         \
        else for (ptrdiff_t i = 0; i < n; i++) dl_rows_##N(t, i, x, c, to + i * c, c);                                          \
    }
/* Rows begin to end of y, which is (n, oh) flattened; they are one block. */
#define DL_RESAMPLE_BLOCK(N, M, X, T, SAME)                                                                                     \
    static void dl_resample_##N(const dl_resample *p, ptrdiff_t begin, ptrdiff_t end) {                                         \
        const ptrdiff_t line = p->w * p->c, out = p->ow * p->c;                                                                 \
        T *sum = (T *)(p->room + begin / p->block * p->size), *aside = sum + line + DL_PAD;                                     \
        ptrdiff_t r = begin;                                                                                                   \
        if (p->lanes > 1) {                                                                                                    \
            /* Rows of sums, cells, results as cells, results */                                                               \
            const ptrdiff_t from = line + DL_PAD, next = out + DL_PAD;                                                         \
            T *cells = sum + DL_LANES * from, *results = cells + DL_LANES * from, *rows = results + DL_LANES * next;           \
            for (; r + DL_LANES <= end; r += DL_LANES) {                                                                       \
                for (int i = 0; i < DL_LANES; i++) {                                                                           \
                    const ptrdiff_t image = (r + i) / p->oh;                                                                   \
                    dl_rows_##N(&p->down, r + i - image * p->oh, (const X *)p->x + image * p->h * line, line, sum + i * from, line);\
                }                                                                                                              \
                dl_eights_##M(&p->across, sum, from, cells, results, rows, next, line, out);                                    \
                for (int i = 0; i < DL_LANES; i++) {                                                                           \
                    X *y = (X *)p->y + (r + i) * out;                                                                          \
                    if (SAME && !p->accumulate) memcpy(y, rows + i * next, out * sizeof(X));                                   \
                    else dl_settle_##N(rows + i * next, y, out);                                                               \
                }                                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
        for (; r < end; r++) {                                                                                                  \
            const ptrdiff_t image = r / p->oh, i = r - image * p->oh;                                                           \
            const X *x = (const X *)p->x + image * p->h * line;                                                                 \
            X *y = (X *)p->y + r * out;                                                                                         \
            T *to = SAME && !p->accumulate ? (T *)y : aside;                                                                    \
            if (!p->across.start) dl_rows_##N(&p->down, i, x, line, to, line);                                                  \
            else if (SAME && !p->down.start && p->c != 3) dl_across_##M(&p->across, (const T *)(const void *)(x + i * line), to, p->ow, p->c); \
            else {                                                                                                              \
                dl_rows_##N(&p->down, i, x, line, sum, line);                                                                   \
                sum[line] = 0;                                                                                                  \
                dl_across_##M(&p->across, sum, to, p->ow, p->c);                                                                \
            }                                                                                                                   \
            if (to == aside) dl_settle_##N(to, y, out);                                                                         \
        }                                                                                                                       \
    }

/* Added to what is there. */
DL_INLINE void dl_settle_f(const float *x, float *y, ptrdiff_t n) { for (ptrdiff_t j = 0; j < n; j++) y[j] += x[j]; }
DL_INLINE void dl_settle_d(const double *x, double *y, ptrdiff_t n) { for (ptrdiff_t j = 0; j < n; j++) y[j] += x[j]; }
/* Rounded to whole numbers that a byte holds; there is no NaN among sums of bytes. */
DL_INLINE void dl_settle_u(const float *x, uint8_t *y, ptrdiff_t n) {
    for (ptrdiff_t j = 0; j < n; j++) {
        float v = x[j];
        v = v > 0 ? v : 0;
        v = v < 255 ? v : 255;
        y[j] = (uint8_t)(int32_t)rintf(v);
    }
}

DL_RESAMPLE(f, float, float)
DL_RESAMPLE(d, double, double)
DL_RESAMPLE(u, uint8_t, float)
DL_ACROSS(f, float, int32_t)
DL_ACROSS(d, double, int64_t)
DL_RESAMPLE_BLOCK(f, f, float, float, 1)
DL_RESAMPLE_BLOCK(d, d, double, double, 1)
DL_RESAMPLE_BLOCK(u, f, uint8_t, float, 0)
#endif
