/* Convolution for one instruction set: images in, images out, channels last, without a matrix of patches. What is done where
 * comes from the plan (conv_plan.h).
 *
 * A register tile holds neighbouring pixels of a target row times two (or four) vectors of channels, and runs over all
 * taps and source channels at once: `off` says how far from a pixel's corner the source element of each step lies. The source
 * is read where it is if no tap leaves it, else from a padded copy of the rows that a block needs, small enough for L2.
 *
 * The gradient by weights is the same tile turned: rows are the source channels under a tap, the steps are pixels.
 *
 * Included once per REAL (see vectors.h).
 */
#include "conv_plan.h"
#include "tiles.h"
#include "vectors.h"

/* Rows of a tile with four vectors; with one that taps share, in pixels and in source channels; with addresses of their own. */
#undef HALF
#undef MOST_CHANS
#undef MOST_ROWS
#undef MOST_CORNERS
#if MR == 14
#define HALF 7
#define MOST_ROWS 16
#define MOST_CORNERS 9
#define MOST_CHANS 8
#elif MR == 12
#define HALF 6
#define MOST_ROWS 14
#define MOST_CORNERS 9
#define MOST_CHANS 8
#else
#define HALF 3
#define MOST_ROWS 8
#define MOST_CORNERS 6
#define MOST_CHANS 3
#endif
/* Whether lanes of a vector can be taken from anywhere in another: in AVX2 and AVX-512, where a vector has 8 or more (as in conv_plan.h). */
#undef PICKS
#define PICKS (REAL_PER_16 * VBYTES >= 16 * 8)

/* x if x > 0 or NaN, else 0 */
DL_ALWAYS VEC NAME(positive)(VEC x) {
#if defined(__AVX512F__)
    return (VEC)AVX(_mm512_max)(AVX(_mm512_setzero)(), x);
#elif defined(__AVX__)
    return (VEC)AVX(_mm256_max)(AVX(_mm256_setzero)(), x);
#else
    return (VEC)((NAME(ivec))x & ~(NAME(ivec))(x <= (VEC){0}));
#endif
}

/* ---- acc[i][v] += sum over p of a[off[p] + i*lda] * b[p*ldb + v*W]. Arguments in capitals are constants where inlined. */
DL_ALWAYS void NAME(steps)(const int ROWS, const int NV, const int UNIT, Py_ssize_t k, const REAL* a, Py_ssize_t lda, const int* off, const REAL* b,
                           Py_ssize_t ldb, Py_ssize_t ahead, VEC acc[MOST_ROWS][4]) {
    const REAL* next = a + ROWS * lda;
    for (Py_ssize_t p = 0; p < k; p++) {
        const REAL* q = a + off[p];
        VEC x[4];
        if (UNIT) __builtin_prefetch(b + 24 * ldb);
        else __builtin_prefetch(next), next += ahead;
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) x[v] = NAME(load)(b + v * W);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const REAL y = UNIT ? q[i] : q[i * lda];
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) acc[i][v] += x[v] * y;
        }
        b += ldb;
    }
}

/* What tiles of one panel have in common. */
typedef struct {
    Py_ssize_t lda, ldc, cols;      /* from pixel to pixel; channels that exist */
    Py_ssize_t gs, apart, some;     /* steps of a tap; from the weights of one tap to those of the next on the right; channels of the source */
    const REAL_INT* from;           /* which of those each lane starts with, where groups lie side by side */
    const REAL *bias, *scale;
    int relu, add;
} NAME(panel);

/* Lane l of the result is x[from[l]]. */
DL_ALWAYS VEC NAME(picked)(VEC x, NAME(ivec) from) {
#if defined(__AVX512F__)
#if REAL_PER_16 == 4
    return (VEC)_mm512_permutexvar_ps((__m512i)from, (__m512)x);
#else
    return (VEC)_mm512_permutexvar_pd((__m512i)from, (__m512d)x);
#endif
#elif defined(__AVX2__) && REAL_PER_16 == 4
    return (VEC)_mm256_permutevar8x32_ps((__m256)x, (__m256i)from);
#elif PICKS
#error "AVX comes with AVX2 at all levels"
#else
    (void)from; /* there are no such tiles */
    return x;
#endif
}

/* The element of a pixel at q that goes with each lane: of one channel, or of one channel of each group. */
DL_ALWAYS VEC NAME(element)(const int SIDE, const REAL* q, Py_ssize_t some, NAME(ivec) from) {
    return SIDE ? NAME(picked)(NAME(load_part)(q, some), from) : *q - (VEC){0};
}

/* ---- One vector of channels has too little arithmetic for what it reads. Where the taps are as far apart as the pixels, TAPS of them share that:
 * a source pixel is read once and goes to TAPS target pixels. acc[i] += a line of taps, for `lines` of them. */
DL_ALWAYS void NAME(slide)(const int ROWS, const int TAPS, const int SIDE, Py_ssize_t lines, const REAL* a, const int* off, const REAL* b, const NAME(panel)* s,
                           VEC acc[MOST_ROWS][4]) {
    const Py_ssize_t lda = s->lda, gs = s->gs, apart = s->apart, some = s->some;
    if (apart < 0) off += (TAPS - 1) * gs, b -= (TAPS - 1) * apart;
    for (; lines > 0; lines--, off += TAPS * gs, b += (TAPS - 1) * gs * W) {
        const REAL* q = a + *off;
        NAME(ivec) from = {0};
        if (SIDE) memcpy(&from, s->from, sizeof from);
        for (Py_ssize_t m = 0; m < gs; m++, b += W) {
            VEC x[3];
#pragma GCC unroll 4
            for (int t = 0; t < TAPS; t++) x[t] = NAME(load)(b + t * apart);
#pragma GCC unroll 18
            for (int i = 0; i < ROWS + TAPS - 1; i++) {
                const VEC y = NAME(element)(SIDE, q + i * lda, some, from);
#pragma GCC unroll 4
                for (int t = 0; t < TAPS; t++)
                    if (i >= t && i - t < ROWS) acc[i - t][0] += x[t] * y;
            }
            if (SIDE) from += 1;
            else q++;
        }
    }
}

/* ---- ROWS pixels of a target row times NV vectors of channels. TAPS > 0: by `slide`. */
DL_ALWAYS void NAME(tile)(const int ROWS, const int NV, const int TAPS, const int SIDE, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c,
                          const NAME(panel)* s) {
    VEC acc[MOST_ROWS][4];
    const REAL *bias = s->bias, *scale = s->scale;
    const Py_ssize_t ldc = s->ldc, last = s->cols - (NV - 1) * W;
    const int add = s->add;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
        const VEC first = scale || !bias ? (VEC){0} : v < NV - 1 || last == W ? NAME(load)(bias + v * W) : NAME(load_part)(bias + v * W, last);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) acc[i][v] = first;
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) __builtin_prefetch(c + i * ldc, 1);
    if (TAPS) NAME(slide)(ROWS, TAPS, SIDE, k / (TAPS * s->gs), a, off, b, s, acc);
    else NAME(steps)(ROWS, NV, 0, k, a, s->lda, off, b, NV * W, k == s->lda ? ROWS : 0, acc);
    __asm__ volatile("" : "+r"(bias), "+r"(scale)); /* or the compiler keeps vectors of them through the loop, and others on the stack */
    if (scale) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) {
            const VEC times = v < NV - 1 || last == W ? NAME(load)(scale + v * W) : NAME(load_part)(scale + v * W, last);
            const VEC more = !bias ? (VEC){0} : v < NV - 1 || last == W ? NAME(load)(bias + v * W) : NAME(load_part)(bias + v * W, last);
#pragma GCC unroll 16
            for (int i = 0; i < ROWS; i++) acc[i][v] = acc[i][v] * times + more;
        }
    }
    if (s->relu) {
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) acc[i][v] = NAME(positive)(acc[i][v]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ldc) {
#pragma GCC unroll 4
        for (int v = 0; v < NV - 1; v++) NAME(store)(c + v * W, add ? NAME(load)(c + v * W) + acc[i][v] : acc[i][v]);
        REAL* d = c + (NV - 1) * W;
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}
#define PARAMETERS (Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, const NAME(panel)* s)
DL_ALWAYS void NAME(pixels)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, const NAME(panel)* s) {
    NAME(tile)(ROWS, NV, 0, 0, k, a, off, b, c, s);
}
DL_ALWAYS void NAME(lines)(const int ROWS, const int TAPS, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, const NAME(panel)* s) {
    NAME(tile)(ROWS, 1, TAPS, 0, k, a, off, b, c, s);
}
DL_ALWAYS void NAME(bundles)(const int ROWS, const int TAPS, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, const NAME(panel)* s) {
    NAME(tile)(ROWS, 1, TAPS, 1, k, a, off, b, c, s);
}
typedef void (*NAME(pixels_fn)) PARAMETERS;
TILES(MR, pixels, 1, PARAMETERS, k, a, off, b, c, s)
TILES(MR, pixels, 2, PARAMETERS, k, a, off, b, c, s)
TILES(HALF, pixels, 4, PARAMETERS, k, a, off, b, c, s)
static const NAME(pixels_fn) NAME(pixel_tiles)[3][MR] = {TILE_ROW(MR, pixels, 1), TILE_ROW(MR, pixels, 2), TILE_ROW(HALF, pixels, 4)}; /* [vectors / 2][rows - 1] */
TILES(MOST_ROWS, lines, 2, PARAMETERS, k, a, off, b, c, s)
TILES(MOST_ROWS, lines, 3, PARAMETERS, k, a, off, b, c, s)
#if PICKS
TILES(MOST_ROWS, bundles, 1, PARAMETERS, k, a, off, b, c, s)
TILES(MOST_ROWS, bundles, 3, PARAMETERS, k, a, off, b, c, s)
#endif
/* [groups side by side][taps - 1][rows - 1] */
static const NAME(pixels_fn) NAME(line_tiles)[2][3][MOST_ROWS] = {{{0}, TILE_ROW(MOST_ROWS, lines, 2), TILE_ROW(MOST_ROWS, lines, 3)},
#if PICKS
    {TILE_ROW(MOST_ROWS, bundles, 1), {0}, TILE_ROW(MOST_ROWS, bundles, 3)},
#endif
};
#undef PARAMETERS

/* ---- ROWS source channels times NV vectors of target channels, over k pixels. */
DL_ALWAYS void NAME(channels)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols,
                              int add) {
    VEC acc[MOST_ROWS][4];
    const Py_ssize_t last = cols - (NV - 1) * W;
    REAL tail[2 * W];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) acc[i][v] = (VEC){0};
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) __builtin_prefetch(c + i * ld, 1);
    if (last == W) NAME(steps)(ROWS, NV, 1, k, a, 0, off, b, ld, 0, acc);
    else {
        /* A row's part vector reads on into the next pixel's; the last pixel has none. */
        const Py_ssize_t safe = dl_most(0, k - dl_up(W, ld));
        NAME(steps)(ROWS, NV, 1, safe, a, 0, off, b, ld, 0, acc);
        for (Py_ssize_t p = safe; p < k; p++) {
            if (NV == 2) NAME(store)(tail, NAME(load)(b + p * ld));
            NAME(store)(tail + (NV - 1) * W, NAME(load_part)(b + p * ld + (NV - 1) * W, last));
            NAME(steps)(ROWS, NV, 1, 1, a, 0, off + p, tail, 0, 0, acc);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ld) {
        REAL* d = c + (NV - 1) * W;
        if (NV == 2) NAME(store)(c, add ? NAME(load)(c) + acc[i][0] : acc[i][0]);
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

/* ---- The same where so few channels lie side by side that rows are taken from several taps: row i is at a + corner[i]. */
DL_ALWAYS void NAME(corners)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, const int* corner, const int* off, const REAL* b, REAL* c,
                             Py_ssize_t ld, Py_ssize_t cols, int add) {
    VEC acc[MOST_CORNERS][2];
    const REAL* q[MOST_CORNERS];
    const Py_ssize_t last = cols - (NV - 1) * W, safe = last == W ? k : dl_most(0, k - dl_up(W, ld));
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
        q[i] = a + corner[i];
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) acc[i][v] = (VEC){0};
    }
    for (Py_ssize_t p = 0; p < k; p++, b += ld) {
        const Py_ssize_t at = off[p];
        VEC x[2];
        __builtin_prefetch(b + 24 * ld);
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) x[v] = v < NV - 1 || p < safe ? NAME(load)(b + v * W) : NAME(load_part)(b + v * W, last);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const REAL y = q[i][at];
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) acc[i][v] += x[v] * y;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ld) {
        REAL* d = c + (NV - 1) * W;
        if (NV == 2) NAME(store)(c, add ? NAME(load)(c) + acc[i][0] : acc[i][0]);
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

/* ---- One vector of target channels again: CHANS source channels under TAPS neighbouring taps, over rows of pixels. `STRIP` pixels at a time if
 * the taps are as far apart as the pixels: then they share what they read. */
typedef struct {
    Py_ssize_t rows, width, step, apart;    /* of the pixels; from pixel to pixel, and from tap to tap, in the source */
    Py_ssize_t tc, gs, cols, some;
    const int* pixel;
    const REAL_INT* from;                   /* as in tiles of pixels */
    int add;
} NAME(field);

DL_ALWAYS void NAME(strip)(const int STRIP, const int CHANS, const int TAPS, const int SIDE, const REAL* q, Py_ssize_t step, const REAL* g, const NAME(field)* s,
                           NAME(ivec) from, VEC acc[MOST_CHANS][3]) {
    VEC y[4];
#pragma GCC unroll 4
    for (int i = 0; i < STRIP; i++) y[i] = s->cols == W ? NAME(load)(g + i * s->tc) : NAME(load_part)(g + i * s->tc, s->cols);
#pragma GCC unroll 6
    for (int i = 0; i < STRIP + TAPS - 1; i++)
#pragma GCC unroll 8
        for (int m = 0; m < CHANS; m++) {
            const VEC x = NAME(element)(SIDE, q + i * step + (SIDE ? 0 : m), s->some, from + m);
#pragma GCC unroll 3
            for (int t = 0; t < TAPS; t++)
                if (i >= t && i - t < STRIP) acc[m][t] += x * y[i - t];
        }
}

DL_ALWAYS void NAME(strips)(const int CHANS, const int TAPS, const int SIDE, const REAL* a, Py_ssize_t first, const REAL* g, REAL* c, const NAME(field)* s) {
    VEC acc[MOST_CHANS][3];
    NAME(ivec) from = {0};
    if (SIDE) memcpy(&from, s->from, sizeof from), from += (REAL_INT)first;
    else a += first;
#pragma GCC unroll 8
    for (int m = 0; m < CHANS; m++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS; t++) acc[m][t] = (VEC){0};
    for (Py_ssize_t r = 0; r < s->rows; r++) {
        const REAL* q = a + s->pixel[r * s->width];
        Py_ssize_t p = 0;
        if (s->step == s->apart || TAPS == 1)
            for (; p + 4 <= s->width; p += 4, q += 4 * s->step, g += 4 * s->tc) NAME(strip)(4, CHANS, TAPS, SIDE, q, s->step, g, s, from, acc);
        for (; p < s->width; p++, q += s->step, g += s->tc) NAME(strip)(1, CHANS, TAPS, SIDE, q, s->apart, g, s, from, acc);
    }
#pragma GCC unroll 8
    for (int m = 0; m < CHANS; m++)
#pragma GCC unroll 3
        for (int t = 0; t < TAPS; t++) {
            REAL* d = c + (t * s->gs + first + m) * s->tc;
            if (s->cols == W) NAME(store)(d, s->add ? NAME(load)(d) + acc[m][t] : acc[m][t]);
            else NAME(store_part)(d, s->add ? NAME(load_part)(d, s->cols) + acc[m][t] : acc[m][t], s->cols);
        }
}

#define PARAMETERS (const REAL* a, Py_ssize_t first, const REAL* g, REAL* c, const NAME(field)* s)
DL_ALWAYS void NAME(alone)(const int CHANS, const int TAPS, const REAL* a, Py_ssize_t first, const REAL* g, REAL* c, const NAME(field)* s) {
    NAME(strips)(CHANS, TAPS, 0, a, first, g, c, s);
}
DL_ALWAYS void NAME(beside)(const int CHANS, const int TAPS, const REAL* a, Py_ssize_t first, const REAL* g, REAL* c, const NAME(field)* s) {
    NAME(strips)(CHANS, TAPS, 1, a, first, g, c, s);
}
typedef void (*NAME(strips_fn)) PARAMETERS;
TILES(MOST_CHANS, alone, 2, PARAMETERS, a, first, g, c, s)
TILES(MOST_CHANS, alone, 3, PARAMETERS, a, first, g, c, s)
#if PICKS
TILES(MOST_CHANS, beside, 1, PARAMETERS, a, first, g, c, s)
TILES(MOST_CHANS, beside, 3, PARAMETERS, a, first, g, c, s)
#endif
/* [groups side by side][taps - 1][channels - 1] */
static const NAME(strips_fn) NAME(strip_tiles)[2][3][MOST_CHANS] = {{{0}, TILE_ROW(MOST_CHANS, alone, 2), TILE_ROW(MOST_CHANS, alone, 3)},
#if PICKS
    {TILE_ROW(MOST_CHANS, beside, 1), {0}, TILE_ROW(MOST_CHANS, beside, 3)},
#endif
};
#undef PARAMETERS
#define PARAMETERS (Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols, int add)
typedef void (*NAME(channels_fn)) PARAMETERS;
TILES(MR, channels, 1, PARAMETERS, k, a, off, b, c, ld, cols, add)
TILES(MR, channels, 2, PARAMETERS, k, a, off, b, c, ld, cols, add)
static const NAME(channels_fn) NAME(channel_tiles)[2][MR] = {TILE_ROW(MR, channels, 1), TILE_ROW(MR, channels, 2)}; /* [vectors - 1][rows - 1] */
#undef PARAMETERS
#define PARAMETERS (Py_ssize_t k, const REAL* a, const int* corner, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols, int add)
typedef void (*NAME(corners_fn)) PARAMETERS;
TILES(MOST_CORNERS, corners, 1, PARAMETERS, k, a, corner, off, b, c, ld, cols, add)
TILES(MOST_CORNERS, corners, 2, PARAMETERS, k, a, corner, off, b, c, ld, cols, add)
static const NAME(corners_fn) NAME(corner_tiles)[2][MOST_CORNERS] = {TILE_ROW(MOST_CORNERS, corners, 1), TILE_ROW(MOST_CORNERS, corners, 2)};
#undef PARAMETERS

/* ---- Weights as the pixel tiles read them, for units [begin, end) of (phase, group): panels of channels, each [step][width]. The
 * kernel is (taps, channels of a group of the input, channels of the output) of the convolution. */
static void NAME(conv_pack)(const dl_conv* c, const void* weights, Py_ssize_t begin, Py_ssize_t end) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t columns = dl_padded(c->side * c->gt, c->wide, W), ld = c->back ? c->sc : c->tc;
    for (Py_ssize_t u = begin; u < end; u++) {
        const Py_ssize_t phase = u / c->bundles, bundle = u % c->bundles, group = bundle * c->side, n = dl_members(c, bundle) * c->gt;
        const dl_phase* p = &c->phase[phase];
        const Py_ssize_t rd = phase / (h->phases * w->phases), rh = phase / w->phases % h->phases, rw = phase % w->phases;
        REAL* to = (REAL*)p->weights + bundle * columns * p->k;
        for (Py_ssize_t j = 0, width; j < n; j += width, to += width * p->k) {
            width = dl_panel(n - j, c->wide, W) * W;
            const Py_ssize_t cols = dl_least(width, n - j);
            if (!c->back) {
                NAME(pack_cols)((const REAL*)weights + group * c->gt + j, ld, cols, p->k, to, width);
                continue;
            }
            REAL* at = to;
            Py_ssize_t base;
            for (Py_ssize_t i = 0; i < d->kernel; i++)
                for (Py_ssize_t m = 0; m < h->kernel && dl_reaches(d, 1, rd, 0, i, &base); m++)
                    for (Py_ssize_t q = 0; q < w->kernel && dl_reaches(h, 1, rh, 0, m, &base); q++)
                        if (dl_reaches(w, 1, rw, 0, q, &base)) {
                            const REAL* tap = (const REAL*)weights + ((i * h->kernel + m) * w->kernel + q) * c->gt * ld + group * c->gs;
                            if (c->side == 1) NAME(pack_rows)(tap + j * ld, ld, cols, c->gs, at, width);
                            else {
                                memset(at, 0, c->gs * W * sizeof(REAL));
                                for (Py_ssize_t lane = 0, s = 0; lane < n; s += c->gs)
                                    for (Py_ssize_t t = 0; t < c->gt; t++, lane++)
                                        for (Py_ssize_t r = 0; r < c->gs; r++) at[r * W + lane] = tap[t * ld + s + r];
                            }
                            at += c->gs * width;
                        }
        }
    }
}

/* ---- The rows of the source that a block reads, with zeros around. */
static void NAME(masked)(const REAL* x, const REAL* mask, REAL* to, Py_ssize_t n) {
    if (!mask) memcpy(to, x, n * sizeof(REAL));
    else
        for (Py_ssize_t i = 0; i < n; i++) {
            const REAL v = x[i];
            to[i] = mask[i] <= 0 ? 0 : v;
        }
}

/* Maxima over windows of ph rows (`row` elements apart) by pw pixels. The first of the largest counts, and NaN is larger than numbers.
 * After relu there are no signs, and numbers are ordered as the integers with the same bits are: compared much quicker. */
DL_ALWAYS void NAME(pool_lanes)(const int RELU, const int PLACES, const REAL* x, Py_ssize_t row, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw, REAL* y,
                                unsigned char* place, Py_ssize_t some) {
    const NAME(ivec) unsigned_ = (NAME(ivec))(VEC){0} + (REAL_INT)(((unsigned REAL_INT)-1) >> 1);
    VEC best = some == W ? NAME(load)(x) : NAME(load_part)(x, some);
    NAME(ivec) at = {0}, k = {0};
    if (RELU) best = (VEC)((NAME(ivec))best & unsigned_);
    for (Py_ssize_t i = 0; i < ph; i++)
        for (Py_ssize_t j = i ? 0 : 1; j < pw; j++) {
            const REAL* p = x + i * row + j * c;
            const VEC v = some == W ? NAME(load)(p) : NAME(load_part)(p, some);
            NAME(ivec) u = (NAME(ivec))v, more;
            if (RELU) u &= unsigned_, more = u > (NAME(ivec))best;
            else more = ~((v <= best) | (best != best));
            k += 1;
            best = (VEC)((u & more) | ((NAME(ivec))best & ~more));
            if (PLACES) at = (k & more) | (at & ~more);
        }
    if (some == W) NAME(store)(y, best);
    else NAME(store_part)(y, best, some);
    if (PLACES) {
        unsigned char bytes[VBYTES / sizeof(REAL)];
#pragma GCC unroll 16
        for (Py_ssize_t i = 0; i < W; i++) bytes[i] = (unsigned char)at[i];
        memcpy(place, bytes, some);
    }
}

DL_ALWAYS void NAME(pool_windows)(const int RELU, const int PLACES, const REAL* x, Py_ssize_t row, Py_ssize_t n, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw,
                                  REAL* y, unsigned char* places) {
    for (Py_ssize_t i = 0; i < n; i++, x += pw * c, y += c, places += PLACES ? c : 0) {
        Py_ssize_t j = 0;
        for (; j + W <= c; j += W) NAME(pool_lanes)(RELU, PLACES, x + j, row, c, ph, pw, y + j, PLACES ? places + j : 0, W);
        if (j < c) NAME(pool_lanes)(RELU, PLACES, x + j, row, c, ph, pw, y + j, PLACES ? places + j : 0, c - j);
    }
}

static __attribute__((noinline)) void NAME(pool_row)(int relu, const REAL* x, Py_ssize_t row, Py_ssize_t n, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw, REAL* y,
                                                     unsigned char* places) {
    if (ph != 2 || pw != 2) (places ? NAME(pool_windows)(0, 1, x, row, n, c, ph, pw, y, places) : NAME(pool_windows)(0, 0, x, row, n, c, ph, pw, y, places));
    else if (relu && places) NAME(pool_windows)(1, 1, x, row, n, c, 2, 2, y, places);
    else if (relu) NAME(pool_windows)(1, 0, x, row, n, c, 2, 2, y, places);
    else (places ? NAME(pool_windows)(0, 1, x, row, n, c, 2, 2, y, places) : NAME(pool_windows)(0, 0, x, row, n, c, 2, 2, y, places));
}

/* Row `i` of windows of the gradient of what pool_row read: pixels [from, from + n) of the row, from the row of maxima. */
static __attribute__((noinline)) void NAME(unpool_row)(const REAL* g, const REAL* mask, const unsigned char* places, Py_ssize_t from, Py_ssize_t n, Py_ssize_t c,
                                                       Py_ssize_t i, Py_ssize_t pw, REAL* to) {
    for (Py_ssize_t p = from; p < from + n; p++, to += c) {
        const Py_ssize_t at = p / pw * c;
        const unsigned char here = (unsigned char)(i * pw + p % pw);
        const REAL* v = g + at;
        const unsigned char* q = places + at;
        if (mask) {
            const REAL* m = mask + at;
            for (Py_ssize_t j = 0; j < c; j++) {
                const REAL u = v[j], z = m[j] <= 0 ? 0 : u;
                to[j] = q[j] == here ? z : 0;
            }
        } else
            for (Py_ssize_t j = 0; j < c; j++) {
                const REAL u = v[j];
                to[j] = q[j] == here ? u : 0;
            }
    }
}

/* The whole field, for rows of windows [begin, end) of all images: to y and places, and from c->g. */
static void NAME(conv_pool)(const dl_conv* c, const void* field, Py_ssize_t begin, Py_ssize_t end) {
    const Py_ssize_t row = c->axis[2].target * c->tc, cols = c->axis[2].target / c->pw;
    for (Py_ssize_t i = begin; i < end; i++)
        NAME(pool_row)(c->relu, (const REAL*)field + i * c->ph * row, row, cols, c->tc, c->ph, c->pw, (REAL*)c->y + i * cols * c->tc,
                       c->places ? c->places + i * cols * c->tc : 0);
}

static void NAME(conv_unpool)(const dl_conv* c, void* field, Py_ssize_t begin, Py_ssize_t end) {
    const Py_ssize_t width = c->axis[2].target, at = width / c->pw * c->tc;
    for (Py_ssize_t i = begin; i < end; i++)
        for (Py_ssize_t k = 0; k < c->ph; k++)
            NAME(unpool_row)((const REAL*)c->g + i * at, c->gmask ? (const REAL*)c->gmask + i * at : 0, c->places + i * at, 0, width, c->tc, k, c->pw,
                             (REAL*)field + (i * c->ph + k) * width * c->tc);
}

static void NAME(fetch)(const dl_conv* c, const dl_block* b, REAL* to) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t rows = (b->h1 - b->h0 - 1) * h->sstep + h->reach, wide = (b->w1 - b->w0 - 1) * w->sstep + w->reach;
    const Py_ssize_t z0 = b->depth * d->sstep + d->lo, y0 = b->h0 * h->sstep + h->lo, x0 = b->w0 * w->sstep + w->lo;
    const Py_ssize_t left = dl_least(dl_most(0, -x0), wide), end = dl_most(left, dl_least(wide, w->source - x0));
    for (Py_ssize_t i = b->i0; i < b->i1; i++)
        for (Py_ssize_t z = 0; z < d->reach; z++)
            for (Py_ssize_t y = 0; y < rows; y++) {
                REAL* row = to + (i - b->i0) * c->image + z * c->plane + y * c->row;
                if (z0 + z < 0 || z0 + z >= d->source || y0 + y < 0 || y0 + y >= h->source || end == left) {
                    memset(row, 0, wide * c->sc * sizeof(REAL));
                    continue;
                }
                memset(row, 0, left * c->sc * sizeof(REAL));
                if (c->ph && c->back) {
                    const Py_ssize_t from = (i * (h->source / c->ph) + (y0 + y) / c->ph) * (w->source / c->pw) * c->sc;
                    NAME(unpool_row)((const REAL*)c->x + from, c->mask ? (const REAL*)c->mask + from : 0, c->places + from, x0 + left, end - left, c->sc,
                                     (y0 + y) % c->ph, c->pw, row + left * c->sc);
                    memset(row + end * c->sc, 0, (wide - end) * c->sc * sizeof(REAL));
                    continue;
                }
                const Py_ssize_t at = (((i * d->source + z0 + z) * h->source + y0 + y) * w->source + x0 + left) * c->sc;
                NAME(masked)((const REAL*)c->x + at, c->mask ? (const REAL*)c->mask + at : 0, row + left * c->sc, (end - left) * c->sc);
                memset(row + end * c->sc, 0, (wide - end) * c->sc * sizeof(REAL));
            }
}

/* Where the source element at a block's corner is: in x itself, or in the copy that is made in *room. NULL: no memory. */
static const REAL* NAME(source)(const dl_conv* c, const dl_block* b, REAL** room) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    if (!c->room)
        return (const REAL*)c->x + b->i0 * c->image + (b->depth * d->sstep + d->lo) * c->plane + (b->h0 * h->sstep + h->lo) * c->row +
               (b->w0 * w->sstep + w->lo) * c->sc;
    if (!*room) *room = (REAL*)malloc(c->room * sizeof(REAL));
    if (*room) NAME(fetch)(c, b, *room);
    return *room;
}

/* The first source channel that goes with each lane of a bundle. */
static void NAME(lanes)(const dl_conv* c, REAL_INT* from) {
    for (Py_ssize_t v = 0; v < W; v++) from[v] = v / c->gt < c->side ? v / c->gt * c->gs : 0;
}

/* ---- One block of the target. */
static int NAME(conv_block)(const dl_conv* c, Py_ssize_t t) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const dl_block b = dl_locate(c, t);
    REAL* room = 0;
    const REAL* source = NAME(source)(c, &b, &room);
    if (!source) return -1;
    const Py_ssize_t columns = dl_padded(c->side * c->gt, c->wide, W), lda = w->sstep * c->sc, ldc = w->tstep * c->tc;
    const int pools = c->ph && !c->back;
    const Py_ssize_t row = pools ? (b.w1 - b.w0) * c->tc : w->target * c->tc, image = pools ? (b.h1 - b.h0) * row : d->target * h->target * row;
    REAL *field = 0, *target = (REAL*)c->y;
    REAL_INT from[VBYTES / sizeof(REAL)];
    NAME(lanes)(c, from);
    if (pools) {
        field = (REAL*)malloc((b.i1 - b.i0) * image * sizeof(REAL));
        if (!field) return free(room), -1;
        target = field - b.i0 * image - b.h0 * row - b.w0 * c->tc;
    }
    for (const dl_phase* p = c->phase; p < c->phase + c->phases; p++) {
        const Py_ssize_t rows = dl_least(b.h1, p->count[1]), width = dl_least(b.w1, p->count[2]) - b.w0;
        if (b.depth >= p->count[0] || rows <= b.h0 || width <= 0) continue;
        const Py_ssize_t plane = p->taps[1] * p->taps[2] * c->gs; /* steps of the taps of one depth */
        Py_ssize_t d0, d1;
        dl_meeting(d, p, 0, b.depth, &d0, &d1);
        const int taps = c->gs ? dl_together(c, p->taps[2], p->apart[2], w->sstep) : 1, sliding = taps > 1 || c->side > 1;
        for (Py_ssize_t bundle = 0; bundle < c->bundles; bundle++) {
            const Py_ssize_t group = bundle * c->side, members = dl_members(c, bundle), channels = members * c->gt;
            const REAL* weights = (const REAL*)p->weights + bundle * columns * p->k;
            for (Py_ssize_t j = 0, nv; j < channels; j += nv * W, weights += nv * W * p->k) {
                nv = dl_panel(channels - j, c->wide, W);
                const Py_ssize_t at = group * c->gt + j;
                const NAME(pixels_fn)* tile = nv == 1 && sliding ? NAME(line_tiles)[c->side > 1][taps - 1] : NAME(pixel_tiles)[nv / 2];
                const Py_ssize_t most = nv == 4 ? HALF : nv == 1 && sliding ? MOST_ROWS : MR;
                const Py_ssize_t tiles = dl_up(width, most), height = width / tiles, taller = width % tiles;
                const NAME(panel) s = {lda, ldc, dl_least(nv * W, channels - j), c->gs, (p->apart[2] < 0 ? -W : W) * c->gs, members * c->gs, from,
                                       c->bias ? (const REAL*)c->bias + at : 0, c->scale ? (const REAL*)c->scale + at : 0, c->relu, c->add};
                for (Py_ssize_t i = b.i0; i < b.i1; i++)
                    for (Py_ssize_t y = b.h0; y < rows; y++) {
                        Py_ssize_t begin = d0 * plane, end = d1 * plane;
                        if (!h->inside && p->taps[0] == 1 && d1 == 1) {
                            dl_meeting(h, p, 1, y, &begin, &end);
                            begin *= p->taps[2] * c->gs, end *= p->taps[2] * c->gs;
                        }
                        const REAL* a = source + (i - b.i0) * c->image + (y - b.h0) * h->sstep * c->row + group * c->gs;
                        REAL* to = target + i * image + ((p->start[0] + b.depth * d->tstep) * h->target + p->start[1] + y * h->tstep) * row +
                                   (p->start[2] + b.w0 * w->tstep) * c->tc + at;
                        for (Py_ssize_t q = 0, n; q < tiles; q++, a += n * lda, to += n * ldc) {
                            n = height + (q < taller);
                            tile[n - 1](end - begin, a, p->off + begin, weights + begin * nv * W, to, &s);
                        }
                    }
            }
        }
    }
    free(room);
    if (pools) {
        const Py_ssize_t rows = h->target / c->ph, cols = w->target / c->pw;
        for (Py_ssize_t i = b.i0; i < b.i1; i++)
            for (Py_ssize_t y = b.h0; y < b.h1; y += c->ph) {
                const Py_ssize_t at = ((i * rows + y / c->ph) * cols + b.w0 / c->pw) * c->tc;
                NAME(pool_row)(c->relu, field + (i - b.i0) * image + (y - b.h0) * row, row, (b.w1 - b.w0) / c->pw, c->tc, c->ph, c->pw, (REAL*)c->y + at,
                               c->places ? c->places + at : 0);
            }
        free(field);
    }
    if (c->finish)
        for (Py_ssize_t i = b.i0; i < b.i1; i++)
            c->finish(c->ctx, (REAL*)c->y + (((i * d->target + b.depth) * h->target + b.h0) * w->target + b.w0) * c->tc,
                      (b.w1 - b.w0 == w->target ? (b.h1 - b.h0) * w->target : b.w1 - b.w0) * c->tc);
    return 0;
}

/* ---- Gradient by weights: an item is a chunk of blocks times a part of the panels of target channels. */
static void NAME(add_rows)(const REAL* g, Py_ssize_t rows, Py_ssize_t n, REAL* total, int add) {
    for (Py_ssize_t j = 0; j < n; j += 4 * W) {
        VEC s[4] = {{0}};
        const Py_ssize_t some = dl_least(4 * W, n - j);
        if (some == 4 * W) {
            for (Py_ssize_t i = 0; i < rows; i++)
#pragma GCC unroll 4
                for (int v = 0; v < 4; v++) s[v] += NAME(load)(g + i * n + j + v * W);
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) NAME(store)(total + j + v * W, add ? NAME(load)(total + j + v * W) + s[v] : s[v]);
        } else
            for (Py_ssize_t v = 0; v < some; v += W) {
                const Py_ssize_t m = dl_least(W, some - v);
                VEC u = {0};
                for (Py_ssize_t i = 0; i < rows; i++) u += m == W ? NAME(load)(g + i * n + j + v) : NAME(load_part)(g + i * n + j + v, m);
                REAL* to = total + j + v;
                if (m == W) NAME(store)(to, add ? NAME(load)(to) + u : u);
                else NAME(store_part)(to, add ? NAME(load_part)(to, m) + u : u, m);
            }
    }
}

/* All taps of a block for one vector of target channels, `together` at a time. */
static void NAME(by_strips)(const dl_conv* c, const dl_block* b, int together, const REAL* source, const int* pixel, const REAL* g, Py_ssize_t cols,
                            Py_ssize_t some, REAL* sums, int add) {
    const dl_axis* w = c->axis + 2;
    const Py_ssize_t taps = c->axis[0].kernel * c->axis[1].kernel * w->kernel, width = b->w1 - b->w0;
    const Py_ssize_t tiles = dl_up(c->gs, MOST_CHANS), height = c->gs / tiles, taller = c->gs % tiles;
    REAL_INT from[VBYTES / sizeof(REAL)];
    NAME(lanes)(c, from);
    const NAME(field) s = {(b->i1 - b->i0) * (b->h1 - b->h0), width, w->sstep * c->sc, w->dilation * c->sc, c->tc, c->gs, cols, some, pixel, from, add};
    for (Py_ssize_t tap = 0; tap < taps; tap += together)
        for (Py_ssize_t q = 0, i = 0, n; q < tiles; q++, i += n) {
            n = height + (q < taller);
            NAME(strip_tiles)[c->side > 1][together - 1][n - 1](source + c->corner[tap * c->gs], i, g, sums + tap * c->gs * c->tc, &s);
        }
}

static int NAME(conv_item)(const dl_conv* c, Py_ssize_t t) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t taps = d->kernel * h->kernel * w->kernel, part = t % c->parts, first = t / c->parts * c->chunk;
    const Py_ssize_t panels = dl_up(c->side * c->gt, 2 * W), from = part * c->bundles * panels / c->parts, to = (part + 1) * c->bundles * panels / c->parts;
    const int merged = w->dilation == 1 && c->groups == 1, together = dl_together(c, w->kernel, 1, 1);
    const int few = (merged ? w->kernel * c->gs : c->gs) < MOST_CORNERS && taps > (merged ? w->kernel : 1);
    const Py_ssize_t run = few ? taps * c->gs : merged ? w->kernel * c->gs : c->gs, most = few ? MOST_CORNERS : MR;
    const Py_ssize_t tiles = dl_most(1, dl_up(run, most)), height = run / tiles, taller = run % tiles;
    REAL *sums = (REAL*)c->sums + t / c->parts * c->stride, *room = 0, *masked = 0;
    if (c->gmask || c->ph) {
        masked = (REAL*)malloc(c->images * c->bh * c->bw * c->tc * sizeof(REAL));
        if (!masked) return -1;
    }
    for (Py_ssize_t block = first; block < dl_least(first + c->chunk, c->blocks); block++) {
        const dl_block b = dl_locate(c, block);
        const Py_ssize_t at = (((b.i0 * d->target + b.depth) * h->target + b.h0) * w->target + b.w0) * c->tc;
        const Py_ssize_t pixels = (b.i1 - b.i0) * (b.h1 - b.h0) * (b.w1 - b.w0);
        const REAL* g = (const REAL*)c->g + at;
        const int add = block > first;
        if (c->ph) {
            const Py_ssize_t cols = w->target / c->pw, width = (b.w1 - b.w0) * c->tc;
            REAL* to = masked;
            for (Py_ssize_t i = b.i0; i < b.i1; i++)
                for (Py_ssize_t y = b.h0; y < b.h1; y++, to += width) {
                    const Py_ssize_t from = (i * (h->target / c->ph) + y / c->ph) * cols * c->tc;
                    NAME(unpool_row)((const REAL*)c->g + from, c->gmask ? (const REAL*)c->gmask + from : 0, c->places + from, b.w0, b.w1 - b.w0, c->tc,
                                     y % c->ph, c->pw, to);
                }
            g = masked;
        } else if (masked) {
            NAME(masked)(g, (const REAL*)c->gmask + at, masked, pixels * c->tc);
            g = masked;
        }
        if (c->with_bias && part == 0) NAME(add_rows)(g, pixels, c->tc, sums + c->stride - c->tc, add);
        if (!c->with_weights) continue;
        const REAL* source = NAME(source)(c, &b, &room);
        if (!source) return free(masked), -1;
        const int* pixel = c->pixel + (b.w1 - b.w0 < c->bw ? c->images * c->bh * c->bw : 0);
        for (Py_ssize_t u = from; u < to; u++) {
            const Py_ssize_t bundle = u / panels, group = bundle * c->side, members = dl_members(c, bundle);
            const Py_ssize_t j = u % panels * 2 * W, cols = dl_least(2 * W, members * c->gt - j), column = group * c->gt + j;
            if (cols <= W && (c->side > 1 || (together > 1 && together * dl_least(c->gs, MOST_CHANS) > 6))) {
                NAME(by_strips)(c, &b, together, source + group * c->gs, pixel, g + column, cols, members * c->gs, sums + column, add);
                continue;
            }
            const NAME(channels_fn)* tile = NAME(channel_tiles)[cols > W];
            for (Py_ssize_t q = 0, i = 0, n; few && q < tiles; q++, i += n) {
                n = height + (q < taller);
                NAME(corner_tiles)[cols > W][n - 1](pixels, source + group * c->gs, c->corner + i, pixel, g + column, sums + i * c->tc + column, c->tc, cols, add);
            }
            if (few) continue;
            for (Py_ssize_t k = 0; k < (merged ? taps / w->kernel : taps); k++) {
                const Py_ssize_t tap = merged ? k * w->kernel : k;
                const REAL* a = source + tap / (h->kernel * w->kernel) * d->dilation * c->plane + tap / w->kernel % h->kernel * h->dilation * c->row +
                                tap % w->kernel * w->dilation * c->sc + group * c->gs;
                REAL* out = sums + tap * c->gs * c->tc + column;
                for (Py_ssize_t q = 0, n; q < tiles; q++, a += n, out += n * c->tc) {
                    n = height + (q < taller);
                    tile[n - 1](pixels, a, pixel, g + column, out, c->tc, cols, add);
                }
            }
        }
    }
    free(room);
    free(masked);
    return 0;
}

/* out[begin:end] (+)= the sums of all chunks, in order. */
static void NAME(conv_total)(const void* sums, Py_ssize_t chunks, Py_ssize_t stride, Py_ssize_t begin, Py_ssize_t end, void* out, int add) {
    const REAL* s = (const REAL*)sums;
    REAL* o = (REAL*)out;
    for (Py_ssize_t i = begin; i < end; i += 256) {
        const Py_ssize_t n = dl_least(256, end - i);
        REAL total[256];
        memcpy(total, s + i, n * sizeof(REAL));
        for (Py_ssize_t k = 1; k < chunks; k++)
            for (Py_ssize_t j = 0; j < n; j++) total[j] += s[k * stride + i + j];
        for (Py_ssize_t j = 0; j < n; j++) o[i - begin + j] = add ? o[i - begin + j] + total[j] : total[j];
    }
}

static const dl_conv_table NAME(conv_table) = {MR, W, sizeof(REAL), NAME(conv_pack), NAME(conv_block), NAME(conv_item), NAME(conv_pool),
                                               NAME(conv_unpool), NAME(conv_total)};

#undef VEC
#undef UVEC
