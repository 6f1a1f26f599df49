/* Depthwise convolution: every channel meets a filter of its own, so there is no sum over channels and one multiplication for
 * every number that is read. What counts is that numbers are read where they lie (no padded copy, no im2col) and that the
 * registers get their work in vectors of channels.
 *
 * All three passes walk a *list of taps*. A tap of the filter moves the image by an offset and weighs it with a row of the
 * filter:
 *     gather:  y[p, c]  = bias[c] + sum over taps t of  w[t, c] x[p step + offset(t), c]
 *     weigh:   dw[t, c] += sum over pixels p of         g[p, c] x[p step + offset(t), c]
 * Which taps fall inside the image is the same for long runs of pixels: borders are shorter lists. The gradient by data is
 * a gather, too: from dy, with the taps that meet a pixel. With stride s those are others for each of s phases of pixels.
 *
 * Along an axis of stride 1, m neighbouring pixels of c channels are one wide pixel of m c channels, whose filter is that of
 * c channels m times. So 1, 3 or 20 channels fill vectors, too.
 *
 * The file is included once without REAL for the types, and once per REAL for the code (as gemm.h).
 */
#ifndef DL_DEPTHWISE_TYPES
#define DL_DEPTHWISE_TYPES
#include <stddef.h>
#include <stdint.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif
#define DW_ALWAYS static inline __attribute__((always_inline))

/* An axis as one pass sees it: it writes `out` places and reads `in`. Forward: place i meets tap k at i stride - pad + k dilation;
 * back: at (i + pad - k dilation) / stride, if that is whole. */
typedef struct {
    ptrdiff_t in, out, k, stride, dilation, pad;
    int back;
} dw_axis;

/* The taps that place i of an axis meets: first, first + step, ... (n of them), at places in + q delta of the input. */
typedef struct {
    ptrdiff_t first, step, n, in, delta;
} dw_taps;

/* n places of the last axis that meet the same taps: place, place + step, ...; the taps' `in` is that of the first place. */
typedef struct {
    ptrdiff_t place, step, n, in_step;
    dw_taps taps;
} dw_run;

typedef struct {
    ptrdiff_t x, w;             /* offsets in elements */
} dw_tap;

typedef struct {
    dw_axis axis[3];
    ptrdiff_t channels;         /* elements of a pixel of y (forward) or of what is read and written (back) */
    ptrdiff_t times;            /* channels of y for a channel of x: channel j of y is made of channel j / times of x */
    ptrdiff_t wide;             /* pixels in a wide pixel where the stride is 1 */
    ptrdiff_t row;              /* elements of a row of w: wide channels */
    ptrdiff_t segment, segments; /* rows of y are cut into pieces of this many pixels */
    const dw_run *runs;
    ptrdiff_t run_count;
    const void *x, *w, *bias;   /* bias: `row` elements, or NULL */
    const void *lanes;          /* for times > 1: which of the channels loaded lane j of a vector takes */
    void *y;                    /* gather: result. weigh: the gradient g, which is read */
    int add, clamp;
    double low, high;
} dw_pass;

DW_ALWAYS ptrdiff_t dw_ceil(ptrdiff_t a, ptrdiff_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); } /* of a / b */

static inline void dw_taps_at(const dw_axis *a, ptrdiff_t i, dw_taps *t) {
    ptrdiff_t low, high, g, b, c;
    if (!a->back) {
        const ptrdiff_t at = i * a->stride - a->pad;
        low = at < 0 ? dw_ceil(-at, a->dilation) : 0;
        high = at < a->in ? (a->in - 1 - at) / a->dilation + 1 : 0;
        if (high > a->k) high = a->k;
        t->first = low, t->step = 1, t->delta = a->dilation;
        t->in = at + low * a->dilation;
        t->n = high > low ? high - low : 0;
        return;
    }
    for (g = a->stride, b = a->dilation; b; c = g % b, g = b, b = c) {}
    const ptrdiff_t at = i + a->pad, most = at - (a->in - 1) * a->stride;
    low = most > 0 ? dw_ceil(most, a->dilation) : 0;
    high = at / a->dilation + 1;
    if (high > a->k) high = a->k;
    t->step = a->stride / g;
    t->delta = -(a->dilation / g);
    const ptrdiff_t end = low + t->step < high ? low + t->step : high;
    while (low < end && (at - low * a->dilation) % a->stride) low++;
    t->first = low;
    t->n = low < end ? (high - low + t->step - 1) / t->step : 0;
    t->in = t->n ? (at - low * a->dilation) / a->stride : 0;
}

DW_ALWAYS int dw_alike(const dw_taps *a, const dw_taps *b) { return a->n == b->n && (!a->n || a->first == b->first); }

/* The runs of an axis, and how many there are. With runs == NULL they are only counted. Within a phase the first and the last tap
 * move one way only, so a place that meets the taps of an earlier one ends a run that holds all between them: steps are
 * doubled while that is so. */
static inline ptrdiff_t dw_find_runs(const dw_axis *a, dw_run *runs) {
    const ptrdiff_t step = a->back ? a->stride : 1, in_step = a->back ? 1 : a->stride;
    ptrdiff_t found = 0;
    dw_taps t, next;
    for (ptrdiff_t phase = 0; phase < step && phase < a->out; phase++)
        for (ptrdiff_t i = phase, n, jump; i < a->out; i += n * step) {
            dw_taps_at(a, i, &t);
            for (n = jump = 1; jump;) {
                next.n = -1;
                if (i + (n - 1 + jump) * step < a->out) dw_taps_at(a, i + (n - 1 + jump) * step, &next);
                if (dw_alike(&t, &next)) n += jump, jump *= t.n ? 2 : 1; /* places without taps may lie between others */
                else jump /= 2;
            }
            if (runs) runs[found] = (dw_run){i, step, n, in_step, t};
            found++;
        }
    return found;
}
#endif

#ifdef REAL
#undef VBYTES
#undef PIXELS
#undef VECTORS
#undef W
#if defined(__AVX512F__)
#define VBYTES 64
#elif defined(__AVX__)
#define VBYTES 32
#else
#define VBYTES 16
#endif
/* Pixels and vectors of channels in a tile: a sum for each, beside the vectors of the filter. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define PIXELS 8
#else
#define PIXELS 4
#endif
#define W ((ptrdiff_t)(VBYTES / sizeof(REAL)))
#define VEC NAME(dw_vec)
#define UVEC NAME(dw_uvec)
#define IVEC NAME(dw_ivec)
typedef REAL VEC __attribute__((vector_size(VBYTES)));
typedef REAL UVEC __attribute__((vector_size(VBYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL_INT IVEC __attribute__((vector_size(VBYTES)));
typedef REAL_INT NAME(dw_uivec) __attribute__((vector_size(VBYTES), aligned(sizeof(REAL)), may_alias));

DW_ALWAYS VEC NAME(dw_load)(const REAL *p) { return *(const UVEC *)p; }
DW_ALWAYS void NAME(dw_store)(REAL *p, VEC x) { *(UVEC *)p = x; }
DW_ALWAYS VEC NAME(dw_all)(REAL x) { return x - (VEC){0}; }

/* The first n (0 < n <= W) elements; the others are zero, and their memory is not touched. */
#if defined(__AVX512F__)
DW_ALWAYS VEC NAME(dw_load_part)(const REAL *p, ptrdiff_t n) { return (VEC)AVX(_mm512_maskz_loadu)((1u << n) - 1, p); }
DW_ALWAYS void NAME(dw_store_part)(REAL *p, VEC x, ptrdiff_t n) { AVX(_mm512_mask_storeu)(p, (1u << n) - 1, x); }
#else
DW_ALWAYS VEC NAME(dw_load_part)(const REAL *p, ptrdiff_t n) {
    VEC x = {0};
    for (ptrdiff_t i = 0; i < n; i++) x[i] = p[i];
    return x;
}
DW_ALWAYS void NAME(dw_store_part)(REAL *p, VEC x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) p[i] = x[i];
}
#endif

DW_ALWAYS VEC NAME(dw_pick)(IVEC where, VEC a, VEC b) { return (VEC)((where & (IVEC)a) | (~where & (IVEC)b)); }

/* n elements of a vector of x. MORE: lane l is element lanes[l] of the `given` that are there. */
DW_ALWAYS VEC NAME(dw_get)(const int MORE, const int PART, const REAL *p, ptrdiff_t n, ptrdiff_t given, const REAL_INT *lanes) {
    if (!MORE) return PART ? NAME(dw_load_part)(p, n) : NAME(dw_load)(p);
    const VEC v = NAME(dw_load_part)(p, given);
#if defined(__clang__)
    VEC r = {0};
    for (ptrdiff_t i = 0; i < n; i++) r[i] = v[lanes[i]];
    return r;
#else
    return __builtin_shuffle(v, (IVEC) * (const NAME(dw_uivec) *)lanes);
#endif
}

/* ---- Tiles: P pixels of V vectors of channels, of which the last has n elements if PART. Arguments in capitals are constants. */
#define TILE_ARGS const dw_pass *q, const dw_tap *taps, ptrdiff_t count, const REAL *x, ptrdiff_t xs, const REAL *w, const REAL *bias, \
                  REAL *y, ptrdiff_t ys, ptrdiff_t n, ptrdiff_t given, const REAL_INT *lanes, const int add, const int clamp
#define TILE_PASS q, taps, count, x, xs, w, bias, y, ys, n, given, lanes, add, clamp

DW_ALWAYS void NAME(dw_gather_tile)(const int P, const int V, const int PART, const int MORE, TILE_ARGS) {
    VEC sum[PIXELS][2];
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) {
        const VEC b = !bias ? (VEC){0} : PART ? NAME(dw_load_part)(bias, n) : NAME(dw_load)(bias + v * W);
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) sum[p][v] = b;
    }
    for (ptrdiff_t t = 0; t < count; t++) {
        const REAL *xt = x + taps[t].x, *wt = w + taps[t].w;
        VEC f[2];
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) f[v] = PART ? NAME(dw_load_part)(wt, n) : NAME(dw_load)(wt + v * W);
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) sum[p][v] += f[v] * NAME(dw_get)(MORE, PART, xt + p * xs + v * W, n, given, lanes);
    }
    const VEC low = NAME(dw_all)((REAL)q->low), high = NAME(dw_all)((REAL)q->high);
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            REAL *to = y + p * ys + v * W;
            VEC s = sum[p][v];
            if (add) s += PART ? NAME(dw_load_part)(to, n) : NAME(dw_load)(to);
            if (clamp) { /* NaN stays */
                s = NAME(dw_pick)(s < low, low, s);
                s = NAME(dw_pick)(s > high, high, s);
            }
            if (PART) NAME(dw_store_part)(to, s, n);
            else NAME(dw_store)(to, s);
        }
}

/* dw is in w's place, db in bias'. Two sums for each tap: one would wait for every multiplication before it. */
DW_ALWAYS void NAME(dw_weigh_tile)(const int P, const int V, const int PART, const int MORE, TILE_ARGS) {
    VEC g[PIXELS][2];
    (void)q, (void)add, (void)clamp;
#pragma GCC unroll 2
    for (int v = 0; v < V; v++) {
        VEC s = {0};
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) {
            g[p][v] = PART ? NAME(dw_load_part)(y + p * ys, n) : NAME(dw_load)(y + p * ys + v * W);
            s += g[p][v];
        }
        if (bias) {
            REAL *b = (REAL *)bias + v * W;
            if (PART) NAME(dw_store_part)(b, NAME(dw_load_part)(b, n) + s, n);
            else NAME(dw_store)(b, NAME(dw_load)(b) + s);
        }
    }
    for (ptrdiff_t t = 0; t < count; t++) {
        const REAL *xt = x + taps[t].x;
        REAL *wt = (REAL *)w + taps[t].w;
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            VEC a = PART ? NAME(dw_load_part)(wt, n) : NAME(dw_load)(wt + v * W), b = {0};
#pragma GCC unroll 8
            for (int p = 0; p < P; p++) {
                const VEC m = g[p][v] * NAME(dw_get)(MORE, PART, xt + p * xs + v * W, n, given, lanes);
                if (p & 1) b += m;
                else a += m;
            }
            if (P > 1) a += b;
            if (PART) NAME(dw_store_part)(wt, a, n);
            else NAME(dw_store)(wt + v * W, a);
        }
    }
}

/* ---- Pixels: `pixels` of them, `width` elements each */
#define CHANNELS(TILE, P)                                                                                             \
    do {                                                                                                              \
        ptrdiff_t j = 0;                                                                                              \
        if (times == 1) {                                                                                             \
            for (; j + 2 * W <= width; j += 2 * W)                                                                    \
                TILE(P, 2, 0, 0, q, taps, count, x + j, xs, w + j, bias ? bias + j : 0, y + j, ys, W, W, 0, add, clamp); \
            if (j + W <= width)                                                                                       \
                TILE(P, 1, 0, 0, q, taps, count, x + j, xs, w + j, bias ? bias + j : 0, y + j, ys, W, W, 0, add, clamp), j += W; \
            if (j < width)                                                                                            \
                TILE(P, 1, 1, 0, q, taps, count, x + j, xs, w + j, bias ? bias + j : 0, y + j, ys, width - j, 0, 0, add, clamp); \
        } else                                                                                                        \
            for (; j < width; j += W) {                                                                               \
                const ptrdiff_t n = width - j < W ? width - j : W, from = j / times;                                  \
                TILE(P, 1, 1, 1, q, taps, count, x + from, xs, w + j, bias ? bias + j : 0, y + j, ys, n,              \
                     (j + n - 1) / times + 1 - from, (const REAL_INT *)q->lanes + j, add, clamp);                     \
            }                                                                                                         \
    } while (0)
#define PASS(FUNCTION, TILE)                                                                                          \
    static __attribute__((noinline)) void FUNCTION(const dw_pass *q, const dw_tap *taps, ptrdiff_t count, ptrdiff_t pixels, \
                                                   ptrdiff_t width, const REAL *x, ptrdiff_t xs, const REAL *w, const REAL *bias, REAL *y, \
                                                   ptrdiff_t ys, int add, int clamp) {                                \
        const ptrdiff_t times = q->times;                                                                             \
        for (; pixels >= PIXELS; pixels -= PIXELS, x += PIXELS * xs, y += PIXELS * ys) CHANNELS(TILE, PIXELS);        \
        if (PIXELS > 4 && pixels & 4) {                                                                               \
            CHANNELS(TILE, 4);                                                                                        \
            x += 4 * xs, y += 4 * ys;                                                                                 \
        }                                                                                                             \
        if (pixels & 2) {                                                                                             \
            CHANNELS(TILE, 2);                                                                                        \
            x += 2 * xs, y += 2 * ys;                                                                                 \
        }                                                                                                             \
        if (pixels & 1) CHANNELS(TILE, 1);                                                                            \
    }
PASS(NAME(dw_gather_pixels), NAME(dw_gather_tile))
PASS(NAME(dw_weigh_pixels), NAME(dw_weigh_tile))

/* ---- A piece of a row of y: all its runs. weigh: w and bias are the sums of this block. */
static inline void NAME(dw_item)(const dw_pass *q, ptrdiff_t item, const int weigh, REAL *w, REAL *bias) {
    enum { MOST = 64 }; /* taps in a list; longer ones come in pieces, which add to one another */
    const dw_axis *depth = q->axis, *height = depth + 1, *width = depth + 2;
    const ptrdiff_t from = item % q->segments * q->segment, most = from + q->segment, to = most < width->out ? most : width->out;
    const ptrdiff_t line = item / q->segments, h = line % height->out, d = line / height->out % depth->out;
    const ptrdiff_t xc = q->channels / q->times, n = line / (height->out * depth->out);
    const REAL *x = (const REAL *)q->x + n * depth->in * height->in * width->in * xc;
    REAL *y = (REAL *)q->y + line * width->out * q->channels;
    dw_taps td, th;
    dw_tap taps[MOST];
    dw_taps_at(depth, d, &td);
    dw_taps_at(height, h, &th);
    for (const dw_run *r = q->runs; r < q->runs + q->run_count; r++) {
        const dw_taps *tw = &r->taps;
        const ptrdiff_t total = td.n * th.n * tw->n;
        ptrdiff_t p0 = dw_ceil(from - r->place, r->step), p1 = dw_ceil(to - r->place, r->step), t = 0, i = 0, j = 0, k = 0;
        if (p0 < 0) p0 = 0;
        if (p1 > r->n) p1 = r->n;
        if (p0 >= p1) continue;
        const ptrdiff_t m = r->in_step == 1 && r->step == 1 ? q->wide : 1, groups = (p1 - p0) / m, rest = (p1 - p0) % m;
        const ptrdiff_t xs = r->in_step * xc, ys = r->step * q->channels;
        const REAL *from_x = x + p0 * xs;
        REAL *to_y = y + (r->place + p0 * r->step) * q->channels;
        do {
            const int add = t > 0 || q->add;
            const REAL *b = t == 0 ? bias : 0;
            ptrdiff_t count = 0;
            for (; count < MOST && t < total; t++, count++) {
                const ptrdiff_t at = ((td.in + i * td.delta) * height->in + th.in + j * th.delta) * width->in + tw->in + k * tw->delta;
                const ptrdiff_t tap = ((td.first + i * td.step) * height->k + th.first + j * th.step) * width->k + tw->first + k * tw->step;
                taps[count].x = at * xc;
                taps[count].w = tap * q->row;
                if (++k == tw->n) k = 0, j++;
                if (j == th.n) j = 0, i++;
            }
            const int clamp = q->clamp && t == total;
            if (weigh) {
                if (groups) NAME(dw_weigh_pixels)(q, taps, count, groups, m * q->channels, from_x, m * xs, w, b, to_y, m * ys, 0, 0);
                if (rest) NAME(dw_weigh_pixels)(q, taps, count, 1, rest * q->channels, from_x + groups * m * xs, 0, w, b, to_y + groups * m * ys, 0, 0, 0);
            } else {
                if (groups) NAME(dw_gather_pixels)(q, taps, count, groups, m * q->channels, from_x, m * xs, w, b, to_y, m * ys, add, clamp);
                if (rest) NAME(dw_gather_pixels)(q, taps, count, 1, rest * q->channels, from_x + groups * m * xs, 0, w, b, to_y + groups * m * ys, 0, add, clamp);
            }
        } while (t < total);
    }
}

static void NAME(dw_gather)(const dw_pass *q, ptrdiff_t item) { NAME(dw_item)(q, item, 0, (REAL *)q->w, (REAL *)q->bias); }
static void NAME(dw_weigh)(const dw_pass *q, ptrdiff_t item, REAL *dw, REAL *db) { NAME(dw_item)(q, item, 1, dw, db); }

#undef VEC
#undef UVEC
#undef IVEC
#undef TILE_ARGS
#undef TILE_PASS
#undef CHANNELS
#undef PASS
#endif
