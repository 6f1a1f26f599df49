/* Pooling of channels-last images: what happens to the channels of one window.
 *
 * A window is d x h x w cells of x; cell (i, j, l) lies at i * plane + j * row + l * c and has the position
 * (i * kh + j) * kw + l. The first maximum wins; NaN counts as larger than everything.
 *
 * Channels go through in vectors of 16, 8, 4 floats (as the instruction set has them), and what is left one by one. All
 * results of a window stay in registers, so memory is read once and written once.
 */
#ifndef DL_POOLING_H
#define DL_POOLING_H

#include "narrow.h"

typedef struct {
    ptrdiff_t d, h, w, plane, row, c, kh, kw;
} dl_window;

/* The windows that a cell is in: d x h x w of them, whose elements of the gradient lie at i * plane + j * row + l * c;
 * s0[i] * s1[j] * s2[l] is 1 / (cells of the window). */
typedef struct {
    ptrdiff_t d, h, w, plane, row, c;
    const double *s0, *s1, *s2;
} dl_cover;

/* Positions between memory, where they are bytes, and registers, where they are as wide as the elements: compilers do this lane by lane. */
#if defined(__SSE4_1__)
#include <immintrin.h>
DL_INLINE __m128i dl_load_2(const void *p) { uint16_t u; memcpy(&u, p, 2); return _mm_cvtsi32_si128(u); }
DL_INLINE __m128i dl_load_4(const void *p) { int32_t u; memcpy(&u, p, 4); return _mm_cvtsi32_si128(u); }
#define DL_BYTES_pf1(p) {*(const uint8_t *)(p)}
#define DL_BYTES_pd1(p) {*(const uint8_t *)(p)}
#define DL_BYTES_pf4(p) (dl_pf4_i)_mm_cvtepu8_epi32(dl_load_4(p))
#define DL_BYTES_pd2(p) (dl_pd2_i)_mm_cvtepu8_epi64(dl_load_2(p))
#define DL_BYTES_pf8(p) (dl_pf8_i)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(p)))
#define DL_BYTES_pd4(p) (dl_pd4_i)_mm256_cvtepu8_epi64(dl_load_4(p))
#define DL_BYTES_pf16(p) (dl_pf16_i)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)(p)))
#define DL_BYTES_pd8(p) (dl_pd8_i)_mm512_cvtepu8_epi64(_mm_loadl_epi64((const void *)(p)))
#define DL_BYTES(N, p) DL_BYTES_##N(p)
#else
#define DL_BYTES(N, p) __builtin_convertvector(*(const dl_##N##_1 *)(p), dl_##N##_i)
#endif

/* N: name, T: element, I: integer of its size, L: lanes. `bytes` is the size of a stored position, 0 for none. */
#define DL_POOL(N, T, I, L)                                                                                                     \
    typedef T dl_##N __attribute__((vector_size(L * sizeof(T)), aligned(sizeof(T)), may_alias));                                \
    typedef I dl_##N##_i __attribute__((vector_size(L * sizeof(I))));                                                           \
    typedef uint8_t dl_##N##_1 __attribute__((vector_size(L), aligned(1), may_alias));                                          \
    typedef int32_t dl_##N##_4 __attribute__((vector_size(L * 4), aligned(4), may_alias));                                      \
    DL_INLINE dl_##N##_i dl_at_##N(const char *at, int bytes) {                                                                 \
        if (bytes == 1) {                                                                                                       \
            dl_##N##_i pos = DL_BYTES(N, at);                                                                                   \
            return pos;                                                                                                         \
        }                                                                                                                       \
        return __builtin_convertvector(*(const dl_##N##_4 *)at, dl_##N##_i);                                                    \
    }                                                                                                                           \
    DL_INLINE dl_##N dl_cells_##N(const T *p, int lanes, const ptrdiff_t *from) {                                               \
        dl_##N v = {0};                                                                                                         \
        if (lanes == DL_SIDE_BY_SIDE) v = *(const dl_##N *)p;                                                                   \
        if (lanes == DL_EVERY_OTHER) v = DL_EVEN_##N(*(const dl_##N *)p, *(const dl_##N *)(p + L - 1));                         \
        if (lanes == DL_FROM_TABLE)                                                                                             \
            for (int i = 0; i < L; i++) v[i] = p[from[i]];                                                                      \
        return v;                                                                                                               \
    }                                                                                                                           \
    DL_INLINE void dl_max_##N(const T *x, const dl_window *a, ptrdiff_t d, ptrdiff_t h, ptrdiff_t w, T *y, char *at, int bytes,  \
                              int lanes, const ptrdiff_t *from) {                                                               \
        dl_##N best = dl_cells_##N(x, lanes, from);                                                                             \
        dl_##N##_i pos = {0};                                                                                                   \
        for (ptrdiff_t i = 0; i < d; i++)                                                                                       \
            for (ptrdiff_t j = 0; j < h; j++) {                                                                                 \
                const T *p = x + i * a->plane + j * a->row;                                                                     \
                I q = (I)((i * a->kh + j) * a->kw);                                                                             \
                for (ptrdiff_t l = 0; l < w; l++) {                                                                             \
                    dl_##N v = dl_cells_##N(p + l * a->c, lanes, from);                                                         \
                    dl_##N##_i take = (v > best) | (v != v);                                                                    \
                    best = (dl_##N)(((dl_##N##_i)v & take) | ((dl_##N##_i)best & ~take));                                       \
                    if (bytes) pos = (((dl_##N##_i){0} + (I)(q + l)) & take) | (pos & ~take);                                   \
                }                                                                                                               \
            }                                                                                                                   \
        *(dl_##N *)y = best;                                                                                                    \
        if (bytes == 1) *(dl_##N##_1 *)at = __builtin_convertvector(pos, dl_##N##_1);                                           \
        if (bytes == 4) *(dl_##N##_4 *)at = __builtin_convertvector(pos, dl_##N##_4);                                           \
    }                                                                                                                           \
    DL_INLINE void dl_unmax_##N(const T *g, const char *at, int bytes, const dl_window *a, ptrdiff_t d, ptrdiff_t h, ptrdiff_t w, \
                                T *dx, int add) {                                                                               \
        dl_##N##_i v = (dl_##N##_i) * (const dl_##N *)g, pos = dl_at_##N(at, bytes);                                            \
        for (ptrdiff_t i = 0; i < d; i++)                                                                                       \
            for (ptrdiff_t j = 0; j < h; j++) {                                                                                 \
                T *p = dx + i * a->plane + j * a->row;                                                                          \
                for (ptrdiff_t l = 0; l < w; l++, p += a->c) {                                                                  \
                    dl_##N u = (dl_##N)(v & (pos == (dl_##N##_i){0} + (I)((i * a->kh + j) * a->kw + l)));                       \
                    if (add) u += *(dl_##N *)p;                                                                                 \
                    *(dl_##N *)p = u;                                                                                           \
                }                                                                                                               \
            }                                                                                                                   \
    }                                                                                                                           \
    DL_INLINE void dl_mean_##N(const T *x, const dl_window *a, ptrdiff_t d, ptrdiff_t h, ptrdiff_t w, T share, T *y,            \
                               int lanes, const ptrdiff_t *from) {                                                              \
        dl_##N sum = {0};                                                                                                       \
        for (ptrdiff_t i = 0; i < d; i++)                                                                                       \
            for (ptrdiff_t j = 0; j < h; j++) {                                                                                 \
                const T *p = x + i * a->plane + j * a->row;                                                                     \
                dl_##N part = dl_cells_##N(p, lanes, from);                                                                     \
                for (ptrdiff_t l = 1; l < w; l++) part += dl_cells_##N(p + l * a->c, lanes, from);                              \
                sum += part;                                                                                                    \
            }                                                                                                                   \
        *(dl_##N *)y = sum * share;                                                                                             \
    }                                                                                                                           \
    DL_INLINE void dl_unmean_##N(const T *g, const dl_window *a, ptrdiff_t d, ptrdiff_t h, ptrdiff_t w, T share, T *dx, int add) { \
        dl_##N v = *(const dl_##N *)g * share;                                                                                  \
        for (ptrdiff_t i = 0; i < d; i++)                                                                                       \
            for (ptrdiff_t j = 0; j < h; j++) {                                                                                 \
                T *p = dx + i * a->plane + j * a->row;                                                                          \
                for (ptrdiff_t l = 0; l < w; l++, p += a->c) {                                                                  \
                    dl_##N u = v;                                                                                               \
                    if (add) u += *(dl_##N *)p;                                                                                 \
                    *(dl_##N *)p = u;                                                                                           \
                }                                                                                                               \
            }                                                                                                                   \
    }                                                                                                                           \
    /* The same for n cells of a row, of which the first has the position q, after others. */                                  \
    DL_INLINE void dl_max_more_##N(const T *x, ptrdiff_t c, ptrdiff_t n, I q, int first, T *y, char *at, int bytes) {          \
        dl_##N best = *(const dl_##N *)(first ? x : y);                                                                        \
        dl_##N##_i pos = {0};                                                                                                  \
        if (bytes && !first) pos = dl_at_##N(at, bytes);                                                                       \
        for (ptrdiff_t l = 0; l < n; l++) {                                                                                    \
            dl_##N v = *(const dl_##N *)(x + l * c);                                                                           \
            dl_##N##_i take = (v > best) | (v != v);                                                                           \
            best = (dl_##N)(((dl_##N##_i)v & take) | ((dl_##N##_i)best & ~take));                                              \
            if (bytes) pos = (((dl_##N##_i){0} + (I)(q + l)) & take) | (pos & ~take);                                          \
        }                                                                                                                      \
        *(dl_##N *)y = best;                                                                                                   \
        if (bytes == 1) *(dl_##N##_1 *)at = __builtin_convertvector(pos, dl_##N##_1);                                          \
        if (bytes == 4) *(dl_##N##_4 *)at = __builtin_convertvector(pos, dl_##N##_4);                                          \
    }                                                                                                                          \
    DL_INLINE void dl_sum_more_##N(const T *x, ptrdiff_t c, ptrdiff_t n, int first, T *y) {                                    \
        dl_##N sum = *(const dl_##N *)x;                                                                                       \
        for (ptrdiff_t l = 0; l < n; l++) __builtin_prefetch(x + (l + n) * c);                                                 \
        for (ptrdiff_t l = 1; l < n; l++) sum += *(const dl_##N *)(x + l * c);                                                 \
        if (!first) sum += *(const dl_##N *)y;                                                                                 \
        *(dl_##N *)y = sum;                                                                                                    \
    }                                                                                                                          \
    DL_INLINE void dl_unmax_cell_##N(const T *g, const char *at, int bytes, I q, T *dx, int add) {                             \
        dl_##N u = (dl_##N)((dl_##N##_i) * (const dl_##N *)g & (dl_at_##N(at, bytes) == (dl_##N##_i){0} + q));                 \
        if (add) u += *(dl_##N *)dx;                                                                                           \
        *(dl_##N *)dx = u;                                                                                                     \
    }                                                                                                                          \
    DL_INLINE void dl_unmean_cell_##N(const T *g, T share, T *dx, int add) {                                                   \
        dl_##N u = *(const dl_##N *)g * share;                                                                                 \
        if (add) u += *(dl_##N *)dx;                                                                                           \
        *(dl_##N *)dx = u;                                                                                                     \
    }                                                                                                                          \
    DL_INLINE void dl_unmean_gather_##N(const T *g, const dl_cover *a, T *dx, int add) {                                        \
        dl_##N sum = add ? *(dl_##N *)dx : (dl_##N){0};                                                                         \
        for (ptrdiff_t i = 0; i < a->d; i++)                                                                                    \
            for (ptrdiff_t j = 0; j < a->h; j++) {                                                                              \
                const T *p = g + i * a->plane + j * a->row;                                                                     \
                double s = a->s0[i] * a->s1[j];                                                                                 \
                for (ptrdiff_t l = 0; l < a->w; l++, p += a->c) sum += *(const dl_##N *)p * (T)(s * a->s2[l]);                  \
            }                                                                                                                   \
        *(dl_##N *)dx = sum;                                                                                                    \
    }

/* Lanes are channels or windows side by side; or every second element; or windows whose elements a table names. */
enum { DL_SIDE_BY_SIDE, DL_EVERY_OTHER, DL_FROM_TABLE };
/* Elements 0, 2, 4, ... of an array that begins with the vector a and ends with b. */
#define DL_EVEN_pf1(a, b) a
#define DL_EVEN_pd1(a, b) a
#define DL_EVEN_pf4(a, b) DL_SHUFFLE(dl_pf4_i, a, b, 0, 2, 5, 7)
#define DL_EVEN_pd2(a, b) DL_SHUFFLE(dl_pd2_i, a, b, 0, 3)
#define DL_EVEN_pf8(a, b) DL_SHUFFLE(dl_pf8_i, a, b, 0, 2, 4, 6, 9, 11, 13, 15)
#define DL_EVEN_pd4(a, b) DL_SHUFFLE(dl_pd4_i, a, b, 0, 2, 5, 7)
#define DL_EVEN_pf16(a, b) DL_SHUFFLE(dl_pf16_i, a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#define DL_EVEN_pd8(a, b) DL_SHUFFLE(dl_pd8_i, a, b, 0, 2, 4, 6, 9, 11, 13, 15)

#if DL_VBYTES == 64
DL_POOL(pf16, float, int32_t, 16)
DL_POOL(pd8, double, int64_t, 8)
#endif
#if DL_VBYTES >= 32
DL_POOL(pf8, float, int32_t, 8)
DL_POOL(pd4, double, int64_t, 4)
#endif
DL_POOL(pf4, float, int32_t, 4)
DL_POOL(pf1, float, int32_t, 1)
DL_POOL(pd2, double, int64_t, 2)
DL_POOL(pd1, double, int64_t, 1)

/* Runs DO(name of the vector) with k = 0, ..., c - 1 where its lanes begin. */
#define DL_STEP(DO, N, L) \
    for (; k + L <= a->c; k += L) { DO(N); }
#if DL_VBYTES == 64
#define DL_CHANNELS_f(DO) DL_STEP(DO, pf16, 16) DL_STEP(DO, pf8, 8) DL_STEP(DO, pf4, 4) DL_STEP(DO, pf1, 1)
#define DL_CHANNELS_d(DO) DL_STEP(DO, pd8, 8) DL_STEP(DO, pd4, 4) DL_STEP(DO, pd2, 2) DL_STEP(DO, pd1, 1)
#elif DL_VBYTES == 32
#define DL_CHANNELS_f(DO) DL_STEP(DO, pf8, 8) DL_STEP(DO, pf4, 4) DL_STEP(DO, pf1, 1)
#define DL_CHANNELS_d(DO) DL_STEP(DO, pd4, 4) DL_STEP(DO, pd2, 2) DL_STEP(DO, pd1, 1)
#else
#define DL_CHANNELS_f(DO) DL_STEP(DO, pf4, 4) DL_STEP(DO, pf1, 1)
#define DL_CHANNELS_d(DO) DL_STEP(DO, pd2, 2) DL_STEP(DO, pd1, 1)
#endif

/* Large windows of many channels: cell after cell, or some side by side, as they lie in memory. The results of all channels stay in
 * the nearest cache. */
enum { DL_MANY_CELLS = 12, DL_MANY_CHANNELS = 32, DL_MAX_CELLS = 4, DL_SUM_CELLS = 8 };
DL_INLINE int dl_is_large(const dl_window *a) { return a->c >= DL_MANY_CHANNELS && a->d * a->h * a->w >= DL_MANY_CELLS; }
#define DL_DO_MAX_MORE(N) dl_max_more_##N(p + k, a->c, n, q, first, y + k, at + k * bytes, bytes)
#define DL_DO_SUM_MORE(N) dl_sum_more_##N(p + k, a->c, n, first, y + k)
#define DL_DO_UNMAX_CELL(N) dl_unmax_cell_##N(g + k, at + k * bytes, bytes, q, p + k, add)
#define DL_DO_UNMEAN_CELL(N) dl_unmean_cell_##N(g + k, share, p + k, add)

/* Runs DO(name of the vector) for every n cells at p, with the position q of the first. Rows without cells between them are one. */
#define DL_CELLS_OF(S, T, I, x, most, DO)                                                                                      \
    const int whole = a->w * a->c == a->row && a->w == a->kw;                                                                  \
    const ptrdiff_t rows = whole ? 1 : a->h, cells = whole ? a->h * a->w : a->w;                                               \
    for (ptrdiff_t i = 0; i < a->d; i++)                                                                                       \
        for (ptrdiff_t j = 0; j < rows; j++) {                                                                                 \
            T *p = x + i * a->plane + j * a->row;                                                                              \
            I q = (I)((i * a->kh + j) * a->kw);                                                                                \
            for (ptrdiff_t l = 0, m; l < cells; l += m, p += m * a->c, q += (I)m) {                                            \
                const int first = !(i | j | l);                                                                                \
                ptrdiff_t k = 0;                                                                                               \
                m = cells - l < most ? cells - l : most;                                                                       \
                (void)first;                                                                                                   \
                if (m == most) {                                                                                               \
                    const ptrdiff_t n = most;                                                                                  \
                    (void)n;                                                                                                   \
                    DL_CHANNELS_##S(DO)                                                                                        \
                } else {                                                                                                       \
                    const ptrdiff_t n = m;                                                                                     \
                    (void)n;                                                                                                   \
                    DL_CHANNELS_##S(DO)                                                                                        \
                }                                                                                                              \
            }                                                                                                                  \
        }
#define DL_LARGE(S, T, I)                                                                                                      \
    DL_INLINE void dl_max_cells_##S(const T *x, const dl_window *a, T *y, char *at, int bytes) {                               \
        DL_CELLS_OF(S, const T, I, x, DL_MAX_CELLS, DL_DO_MAX_MORE)                                                            \
    }                                                                                                                          \
    static __attribute__((noinline)) void dl_max_large_##S(const T *x, const dl_window *a, T *y, char *at, int bytes) {        \
        if (bytes == 0) dl_max_cells_##S(x, a, y, at, 0);                                                                      \
        else if (bytes == 1) dl_max_cells_##S(x, a, y, at, 1);                                                                 \
        else dl_max_cells_##S(x, a, y, at, 4);                                                                                 \
    }                                                                                                                          \
    static __attribute__((noinline)) void dl_mean_large_##S(const T *x, const dl_window *a, T share, T *y) {                   \
        const ptrdiff_t all = a->d * a->h * a->w, most = all > 16384 ? 256 : 64; /* sums of sums: the error stays small */     \
        if (all <= 2048) {                                                                                                     \
            DL_CELLS_OF(S, const T, I, x, DL_SUM_CELLS, DL_DO_SUM_MORE)                                                        \
        } else {                                                                                                               \
            DL_CELLS_OF(S, const T, I, x, most, DL_DO_SUM_MORE)                                                                \
        }                                                                                                                      \
        for (ptrdiff_t k = 0; k < a->c; k++) y[k] *= share;                                                                    \
    }                                                                                                                          \
    DL_INLINE void dl_unmax_cells_##S(const T *g, const char *at, int bytes, const dl_window *a, T *dx, int add) {             \
        DL_CELLS_OF(S, T, I, dx, 1, DL_DO_UNMAX_CELL)                                                                          \
    }                                                                                                                          \
    static __attribute__((noinline)) void dl_unmax_large_##S(const T *g, const char *at, int bytes, const dl_window *a, T *dx, int add) { \
        if (bytes == 4) dl_unmax_cells_##S(g, at, 4, a, dx, add);                                                              \
        else if (add) dl_unmax_cells_##S(g, at, 1, a, dx, 1);                                                                  \
        else dl_unmax_cells_##S(g, at, 1, a, dx, 0);                                                                           \
    }                                                                                                                          \
    static __attribute__((noinline)) void dl_unmean_large_##S(const T *g, const dl_window *a, T share, T *dx, int add) {       \
        DL_CELLS_OF(S, T, I, dx, 1, DL_DO_UNMEAN_CELL)                                                                         \
    }
DL_LARGE(f, float, int32_t)
DL_LARGE(d, double, int64_t)

/* All channels of a window. The shapes that nearly all networks have are unrolled. */
#define DL_DO_MAX(N) dl_max_##N(x + k, a, D, H, W, y + k, at + k * bytes, bytes, DL_SIDE_BY_SIDE, NULL)
#define DL_DO_UNMAX(N) dl_unmax_##N(g + k, at + k * bytes, bytes, a, D, H, W, dx + k, add)
#define DL_DO_MEAN(N) dl_mean_##N(x + k, a, D, H, W, share, y + k, DL_SIDE_BY_SIDE, NULL)
#define DL_DO_UNMEAN(N) dl_unmean_##N(g + k, a, D, H, W, share, dx + k, add)
#define DL_DO_UNMEAN_GATHER(N) dl_unmean_gather_##N(g + k, a, dx + k, add)

#define DL_PIXELS(S, T)                                                                                                     \
    DL_INLINE void dl_max_shape_##S(const T *x, const dl_window *a, ptrdiff_t D, ptrdiff_t H, ptrdiff_t W, T *y, char *at, int bytes) { \
        ptrdiff_t k = 0;                                                                                                    \
        DL_CHANNELS_##S(DL_DO_MAX)                                                                                          \
    }                                                                                                                       \
    DL_INLINE void dl_unmax_shape_##S(const T *g, const char *at, int bytes, const dl_window *a, ptrdiff_t D, ptrdiff_t H, ptrdiff_t W, \
                                      T *dx, int add) {                                                                     \
        ptrdiff_t k = 0;                                                                                                    \
        DL_CHANNELS_##S(DL_DO_UNMAX)                                                                                        \
    }                                                                                                                       \
    DL_INLINE void dl_mean_shape_##S(const T *x, const dl_window *a, ptrdiff_t D, ptrdiff_t H, ptrdiff_t W, T share, T *y) { \
        ptrdiff_t k = 0;                                                                                                    \
        DL_CHANNELS_##S(DL_DO_MEAN)                                                                                         \
    }                                                                                                                       \
    DL_INLINE void dl_unmean_shape_##S(const T *g, const dl_window *a, ptrdiff_t D, ptrdiff_t H, ptrdiff_t W, T share, T *dx, int add) { \
        ptrdiff_t k = 0;                                                                                                    \
        DL_CHANNELS_##S(DL_DO_UNMEAN)                                                                                       \
    }                                                                                                                       \
    DL_INLINE void dl_max_pixel_##S(const T *x, const dl_window *a, T *y, char *at, int bytes) {                            \
        if (dl_is_large(a)) dl_max_large_##S(x, a, y, at, bytes);                                                           \
        else if (bytes == 0) { DL_SHAPES_OF(dl_max_shape_##S, x, y, at, 0) }                                                \
        else if (bytes == 1) { DL_SHAPES_OF(dl_max_shape_##S, x, y, at, 1) }                                                \
        else dl_max_shape_##S(x, a, a->d, a->h, a->w, y, at, 4);                                                            \
    }                                                                                                                       \
    DL_INLINE void dl_unmax_pixel_##S(const T *g, const char *at, int bytes, const dl_window *a, T *dx, int add) {          \
        if (dl_is_large(a)) dl_unmax_large_##S(g, at, bytes, a, dx, add);                                                   \
        else if (add) dl_unmax_shape_##S(g, at, bytes, a, a->d, a->h, a->w, dx, 1);                                              \
        else if (bytes == 4) dl_unmax_shape_##S(g, at, 4, a, a->d, a->h, a->w, dx, 0);                                      \
        else if (a->d == 1 && a->h == 2 && a->w == 2) dl_unmax_shape_##S(g, at, 1, a, 1, 2, 2, dx, 0);                      \
        else dl_unmax_shape_##S(g, at, 1, a, a->d, a->h, a->w, dx, 0);                                                      \
    }                                                                                                                       \
    DL_INLINE void dl_mean_pixel_##S(const T *x, const dl_window *a, T share, T *y) {                                       \
        if (dl_is_large(a)) dl_mean_large_##S(x, a, share, y);                                                              \
        else if (a->d == 1 && a->h == 2 && a->w == 2) dl_mean_shape_##S(x, a, 1, 2, 2, share, y);                                \
        else if (a->d == 1 && a->h == 3 && a->w == 3) dl_mean_shape_##S(x, a, 1, 3, 3, share, y);                           \
        else dl_mean_shape_##S(x, a, a->d, a->h, a->w, share, y);                                                           \
    }                                                                                                                       \
    DL_INLINE void dl_unmean_pixel_##S(const T *g, const dl_window *a, T share, T *dx, int add) {                           \
        if (dl_is_large(a)) dl_unmean_large_##S(g, a, share, dx, add);                                                      \
        else if (add) dl_unmean_shape_##S(g, a, a->d, a->h, a->w, share, dx, 1);                                                 \
        else if (a->d == 1 && a->h == 2 && a->w == 2) dl_unmean_shape_##S(g, a, 1, 2, 2, share, dx, 0);                     \
        else dl_unmean_shape_##S(g, a, a->d, a->h, a->w, share, dx, 0);                                                     \
    }                                                                                                                       \
    DL_INLINE void dl_unmean_gather_pixel_##S(const T *g, const dl_cover *a, T *dx, int add) {                              \
        ptrdiff_t k = 0;                                                                                                    \
        DL_CHANNELS_##S(DL_DO_UNMEAN_GATHER)                                                                                \
    }

#define DL_SHAPES_OF(F, x, y, at, bytes)                                            \
    if (a->d == 1 && a->h == 2 && a->w == 2) F(x, a, 1, 2, 2, y, at, bytes);        \
    else if (a->d == 1 && a->h == 3 && a->w == 3) F(x, a, 1, 3, 3, y, at, bytes);   \
    else F(x, a, a->d, a->h, a->w, y, at, bytes);

DL_PIXELS(f, float)
DL_PIXELS(d, double)

/* Few channels: n elements of the result, windows side by side, x where the first of them begins. Vectors of them as wide as there
 * are elements for, the last one over elements that were done before. */
#define DL_VECTORS(DO, N, L)                                        \
    if (n >= L) {                                                   \
        for (ptrdiff_t e = 0;; e += L) {                            \
            if (e > n - L) e = n - L;                               \
            __typeof__(x) p = x + (lanes == DL_FROM_TABLE ? 0 : lanes == DL_EVERY_OTHER ? 2 * e : e); \
            DO(N);                                                  \
            if (e == n - L) break;                                  \
        }                                                           \
        return;                                                     \
    }
#if DL_VBYTES == 64
#define DL_LINE_f(DO) DL_VECTORS(DO, pf16, 16) DL_VECTORS(DO, pf8, 8) DL_VECTORS(DO, pf4, 4) DL_VECTORS(DO, pf1, 1)
#define DL_LINE_d(DO) DL_VECTORS(DO, pd8, 8) DL_VECTORS(DO, pd4, 4) DL_VECTORS(DO, pd2, 2) DL_VECTORS(DO, pd1, 1)
#elif DL_VBYTES == 32
#define DL_LINE_f(DO) DL_VECTORS(DO, pf8, 8) DL_VECTORS(DO, pf4, 4) DL_VECTORS(DO, pf1, 1)
#define DL_LINE_d(DO) DL_VECTORS(DO, pd4, 4) DL_VECTORS(DO, pd2, 2) DL_VECTORS(DO, pd1, 1)
#else
#define DL_LINE_f(DO) DL_VECTORS(DO, pf4, 4) DL_VECTORS(DO, pf1, 1)
#define DL_LINE_d(DO) DL_VECTORS(DO, pd2, 2) DL_VECTORS(DO, pd1, 1)
#endif
#define DL_DO_MAX_LINE(N) dl_max_##N(p, a, a->d, a->h, a->kw, y + e, at + e * bytes, bytes, lanes, from + e)
#define DL_DO_MEAN_LINE(N) dl_mean_##N(p, a, a->d, a->h, a->kw, share, y + e, lanes, from + e)
#define DL_BY_LANES(F, ...)                                         \
    if (step == 1) F(__VA_ARGS__, DL_SIDE_BY_SIDE);                 \
    else if (step == 2 && a->c == 1) F(__VA_ARGS__, DL_EVERY_OTHER); \
    else F(__VA_ARGS__, DL_FROM_TABLE);

/* One cell of each of n windows, `step` cells apart: x += share * g. */
#define DL_SHARE(S, C)                                              \
    for (ptrdiff_t i = 0; i < n; i++)                               \
        for (ptrdiff_t k = 0; k < (C); k++) x[i * (S) * (C) + k] += g[i * (C) + k] * share;

#define DL_LINES(S, T)                                                                                                          \
    DL_INLINE void dl_max_lanes_##S(const T *x, const dl_window *a, ptrdiff_t n, const ptrdiff_t *from, T *y, char *at, int bytes, int lanes) { \
        DL_LINE_##S(DL_DO_MAX_LINE)                                                                                             \
    }                                                                                                                           \
    static __attribute__((noinline)) void dl_max_line_##S(const T *x, const dl_window *a, ptrdiff_t n, ptrdiff_t step, const ptrdiff_t *from, \
                                                          T *y, char *at, int bytes) {                                          \
        if (bytes == 0) { DL_BY_LANES(dl_max_lanes_##S, x, a, n, from, y, at, 0) }                                              \
        else if (bytes == 1) { DL_BY_LANES(dl_max_lanes_##S, x, a, n, from, y, at, 1) }                                         \
        else dl_max_lanes_##S(x, a, n, from, y, at, 4, DL_FROM_TABLE);                                                          \
    }                                                                                                                           \
    DL_INLINE void dl_mean_lanes_##S(const T *x, const dl_window *a, ptrdiff_t n, const ptrdiff_t *from, T share, T *y, int lanes) { \
        DL_LINE_##S(DL_DO_MEAN_LINE)                                                                                            \
    }                                                                                                                           \
    static __attribute__((noinline)) void dl_mean_line_##S(const T *x, const dl_window *a, ptrdiff_t n, ptrdiff_t step, const ptrdiff_t *from, \
                                                           T share, T *y) {                                                     \
        DL_BY_LANES(dl_mean_lanes_##S, x, a, n, from, share, y)                                                                 \
    }                                                                                                                           \
    static __attribute__((noinline)) void dl_share_line_##S(T *__restrict x, ptrdiff_t n, ptrdiff_t step, ptrdiff_t c,          \
                                                            const T *__restrict g, T share) {                                   \
        if (step == 1) {                                                                                                        \
            n *= c;                                                                                                             \
            DL_SHARE(1, 1)                                                                                                      \
        } else if (c == 1 && step == 2) {                                                                                       \
            DL_SHARE(2, 1)                                                                                                      \
        } else {                                                                                                                \
            DL_SHARE(step, c)                                                                                                   \
        }                                                                                                                       \
    }                                                                                                                           \
    /* The channels of a window: x[off[at[k]] + k] += g[k]. */                                                                  \
    DL_INLINE void dl_unmax_scatter_##S(const T *__restrict g, const uint8_t *__restrict at, const ptrdiff_t *__restrict off, ptrdiff_t c, \
                                        T *__restrict x) {                                                                      \
        for (ptrdiff_t k = 0; k < c; k++) x[off[at[k]] + k] += g[k];                                                            \
    }
DL_LINES(f, float)
DL_LINES(d, double)

#endif
