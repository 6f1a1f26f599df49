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
    int slide;                  /* all places of a phase and all taps they may meet: those outside the input are yet to be left out */
} dw_run;

typedef struct {
    ptrdiff_t x, w;             /* offsets in elements */
} dw_tap;

/* The lists of a row's first runs: kept for the next row, which mostly has the same. The last place is for all others. */
enum { DW_TAPS = 64, DW_RUNS = 6 }; /* longer lists come in pieces, which add to one another */
typedef struct {
    ptrdiff_t depth, height;    /* how many taps along these axes the lists are for; -1: there are none yet */
    dw_tap taps[DW_RUNS + 1][DW_TAPS];
} dw_lists;

typedef struct {
    dw_axis axis[3];
    ptrdiff_t channels;         /* elements of a pixel of y (forward) or of what is read and written (back) */
    ptrdiff_t times;            /* channels of y for a channel of x: channel j of y is made of channel j / times of x */
    ptrdiff_t wide;             /* pixels in a wide pixel where the stride is 1 */
    ptrdiff_t row;              /* elements of a row of w: wide channels */
    ptrdiff_t segment, segments; /* rows of y are cut into pieces of this many pixels */
    const dw_taps *taps;        /* of the places of depth, then of those of height */
    const dw_run *runs;         /* of the places of the last axis */
    ptrdiff_t run_count;
    const void *x, *w, *bias;   /* bias: `row` elements, or NULL */
    const void *lanes;          /* for times > 1: which of the channels loaded lane j of a vector takes */
    void *y;                    /* gather: result. weigh: the gradient g, which is read */
    int add, clamp;
    double low, high;
} dw_pass;

/* The compiler is to take this address as it is: spread out into one for each pixel they would not fit into the registers. */
#define DW_KEEP(p) __asm__("" : "+r"(p))
/* Nor is it to read this vector again wherever it is used. */
#if defined(__x86_64__)
#define DW_HOLD(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define DW_HOLD(v) __asm__("" : "+w"(v))
#else
#define DW_HOLD(v) (void)(v)
#endif

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

/* Taps `from` to `from + count` of the list of a run, relative to the first along depth and height. */
static inline void dw_list(const dw_pass *q, const dw_taps *td, const dw_taps *th, const dw_taps *tw, ptrdiff_t from, ptrdiff_t count, dw_tap *taps) {
    const dw_axis *height = q->axis + 1, *width = q->axis + 2;
    const ptrdiff_t xc = q->channels / q->times;
    ptrdiff_t k = 0, j = 0, i = 0;
    if (from) k = from % tw->n, j = from / tw->n % th->n, i = from / tw->n / th->n;
    for (const dw_tap *end = taps + count; taps < end; taps++) {
        taps->x = ((i * td->delta * height->in + j * th->delta) * width->in + tw->in + k * tw->delta) * xc;
        taps->w = ((i * td->step * height->k + j * th->step) * width->k + tw->first + k * tw->step) * q->row;
        if (++k == tw->n) { /* divisions would take longer than a small image */
            k = 0;
            if (++j == th->n) j = 0, i++;
        }
    }
}

DW_ALWAYS int dw_alike(const dw_taps *a, const dw_taps *b) { return a->n == b->n && (!a->n || a->first == b->first); }

/* The run of all places of a phase, if they may be computed by sliding. */
static inline int dw_whole_phase(const dw_axis *a, ptrdiff_t phase, ptrdiff_t step, dw_run *run) {
    const dw_axis endless = {(ptrdiff_t)1 << 40, a->out, a->k, a->stride, a->dilation, a->pad, a->back};
    const ptrdiff_t n = (a->out - phase + step - 1) / step, away = a->back ? (a->k * a->dilation + a->stride) / a->stride * a->stride : 0;
    dw_taps t = {0, 1, a->k, phase * a->stride - a->pad, a->dilation};
    if (a->back) { /* as if far from the beginning of the input */
        dw_taps_at(&endless, phase + away, &t);
        t.in -= away / a->stride;
    }
    *run = (dw_run){phase, step, n, a->back ? 1 : a->stride, t, 1};
    return n >= 4 && (t.delta == 1 || t.delta == -1) && run->in_step <= 2 && t.n >= 1 && t.n <= 7 && t.n != 4 && t.n != 6;
}

/* The runs of an axis, and how many there are. With runs == NULL they are only counted. Within a phase the first and the last tap
 * move one way only, so a place that meets the taps of an earlier one ends a run that holds all between them: steps are
 * doubled while that is so. */
static inline ptrdiff_t dw_find_runs(const dw_axis *a, int slide, dw_run *runs) {
    const ptrdiff_t step = a->back ? a->stride : 1, in_step = a->back ? 1 : a->stride;
    ptrdiff_t found = 0;
    dw_taps t, next;
    dw_run run;
    for (ptrdiff_t phase = 0; phase < step && phase < a->out; phase++) {
        if (slide && dw_whole_phase(a, phase, step, &run)) {
            if (runs) runs[found] = run;
            found++;
            continue;
        }
        for (ptrdiff_t i = phase, n, jump; i < a->out; i += n * step) {
            dw_taps_at(a, i, &t);
            for (n = jump = 1; jump;) {
                next.n = -1;
                if (i + (n - 1 + jump) * step < a->out) dw_taps_at(a, i + (n - 1 + jump) * step, &next);
                if (dw_alike(&t, &next)) n += jump, jump *= t.n ? 2 : 1; /* places without taps may lie between others */
                else jump /= 2;
            }
            if (runs) runs[found] = (dw_run){i, step, n, in_step, t, 0};
            found++;
        }
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
DW_ALWAYS VEC NAME(dw_clamp)(VEC x, const dw_pass *q) { /* NaN stays */
    const VEC low = NAME(dw_all)((REAL)q->low), high = NAME(dw_all)((REAL)q->high);
    x = NAME(dw_pick)(x < low, low, x);
    return NAME(dw_pick)(x > high, high, x);
}

/* While a tile computes, memory fetches what a later one will read and write: the image is read by too many streams for the
 * processor to foresee. The distance is beyond this tile, and some kilobytes at least. */
DW_ALWAYS void NAME(dw_fetch)(const int P, const int V, const int WRITE, const REAL *p, ptrdiff_t step) {
    const ptrdiff_t near = 8192 / sizeof(REAL), beyond = P * step > near ? P * step : near;
#pragma GCC unroll 16
    for (int i = 0; i < P; i++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) __builtin_prefetch(p + beyond + i * step + v * W, WRITE);
}

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
    if (P == PIXELS && count) {
        NAME(dw_fetch)(P, V, 0, x + taps[count - 1].x, xs);
        NAME(dw_fetch)(P, V, 1, y, ys);
    }
    for (ptrdiff_t t = 0; t < count; t++) {
        const REAL *xt[2] = {x + taps[t].x, x + taps[t].x + 4 * xs}, *wt = w + taps[t].w;
        VEC f[2];
        DW_KEEP(xt[0]);
        if (P > 4) DW_KEEP(xt[1]);
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) f[v] = PART ? NAME(dw_load_part)(wt, n) : NAME(dw_load)(wt + v * W);
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
#pragma GCC unroll 2
            for (int v = 0; v < V; v++) sum[p][v] += f[v] * NAME(dw_get)(MORE, PART, xt[p / 4] + (p % 4) * xs + v * W, n, given, lanes);
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            REAL *to = y + p * ys + v * W;
            VEC s = sum[p][v];
            if (add) s += PART ? NAME(dw_load_part)(to, n) : NAME(dw_load)(to);
            if (clamp) s = NAME(dw_clamp)(s, q);
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
    if (P == PIXELS && count) {
        NAME(dw_fetch)(P, V, 0, x + taps[count - 1].x, xs);
        NAME(dw_fetch)(P, V, 0, y, ys);
    }
    for (ptrdiff_t t = 0; t < count; t++) {
        const REAL *xt[2] = {x + taps[t].x, x + taps[t].x + 4 * xs};
        REAL *wt = (REAL *)w + taps[t].w;
        DW_KEEP(xt[0]);
        if (P > 4) DW_KEEP(xt[1]);
#pragma GCC unroll 2
        for (int v = 0; v < V; v++) {
            VEC a = PART ? NAME(dw_load_part)(wt, n) : NAME(dw_load)(wt + v * W), b = {0};
#pragma GCC unroll 8
            for (int p = 0; p < P; p++) {
                const VEC m = g[p][v] * NAME(dw_get)(MORE, PART, xt[p / 4] + (p % 4) * xs + v * W, n, given, lanes);
                if (p & 1) b += m;
                else a += m;
            }
            if (P > 1) a += b;
            if (PART) NAME(dw_store_part)(wt, a, n);
            else NAME(dw_store)(wt + v * W, a);
        }
    }
}

/* ---- Sliding: P pixels and rows of K neighbouring taps, S apart, so that a vector of x is read once for all the taps that meet it.
 * Row r begins at taps[r K], and its taps' rows of w are `ws` apart. EDGE: place i of those that the tile meets
 * is left out unless bit i of `inside` is set, and the first `skip` pixels have been done before. */
#define SLIDE_ARGS const dw_pass *q, const dw_tap *taps, ptrdiff_t count, unsigned inside, ptrdiff_t skip, const REAL *x, ptrdiff_t xs, \
                   const REAL *w, ptrdiff_t ws, const REAL *bias, REAL *y, ptrdiff_t ys, ptrdiff_t n, const int add, const int clamp, \
                   const REAL *next, const REAL *next_before, const REAL *next_y

/* How far ahead of a tile of n elements to fetch: beyond it, and some kilobytes at least. */
#define FAR(n, BYTES) ((n) > (ptrdiff_t)((BYTES) / sizeof(REAL)) ? (n) : (ptrdiff_t)((BYTES) / sizeof(REAL)))
/* What a later tile reads that no row above has read, and what it writes. Its vectors lie side by side, and each vector of
 * channels has a share in fetching them: their addresses cost nothing. */
DW_ALWAYS void NAME(dw_fetch_side)(const int N, const int WRITE, const REAL *p) {
#pragma GCC unroll 16
    for (int i = 0; i < N; i++) __builtin_prefetch(p + i * W, WRITE);
}

/* The same vector of P pixels that have others between them. */
DW_ALWAYS void NAME(dw_fetch_apart)(const int P, const int WRITE, const REAL *p, ptrdiff_t step) {
    const REAL *at[2] = {p, p + 4 * step};
    DW_KEEP(at[0]);
    if (P > 4) DW_KEEP(at[1]);
#pragma GCC unroll 8
    for (int i = 0; i < P; i++) __builtin_prefetch(at[i / 4] + i % 4 * step, WRITE);
}

static const REAL NAME(dw_zeros)[VBYTES / sizeof(REAL)] __attribute__((aligned(VBYTES))) = {0};

#define SLIDE_OVER(K, S, P, TERM)                                                                          \
    do {                                                                                                   \
        const REAL *at[6];                                                                                 \
        _Pragma("GCC unroll 6") for (int i = 0; i < 6; i++) {                                              \
            at[i] = x + taps[r].x + 4 * i * xs;                                                            \
            if (4 * i < (P - 1) * S + K) DW_KEEP(at[i]);                                                   \
        }                                                                                                  \
        _Pragma("GCC unroll 24") for (int i = 0; i < (P - 1) * S + K; i++) {                               \
            const REAL *from = at[i / 4] + i % 4 * xs;                                                     \
            if (EDGE && !(inside >> i & 1)) continue;                                                      \
            VEC v = PART ? NAME(dw_load_part)(from, n) : NAME(dw_load)(from);                              \
            DW_HOLD(v);                                                                                    \
            _Pragma("GCC unroll 7") for (int k = 0; k < K; k++) {                                          \
                const int p = (i - k) / S;                                                                 \
                if (i >= k && (i - k) % S == 0 && p < P) TERM;                                             \
            }                                                                                              \
        }                                                                                                  \
    } while (0)

DW_ALWAYS void NAME(dw_gather_slide)(const int K, const int S, const int P, const int EDGE, const int PART, SLIDE_ARGS) {
    VEC sum[8], f[7];
    const VEC b = !bias ? (VEC){0} : PART ? NAME(dw_load_part)(bias, n) : NAME(dw_load)(bias);
#pragma GCC unroll 8
    for (int p = 0; p < P; p++) sum[p] = b;
    NAME(dw_fetch_side)(S * P, 0, next);
    if (S > 1) NAME(dw_fetch_side)(S * P, 0, next_before);
    if (S == 1 && xs == ys) NAME(dw_fetch_side)(P, 1, next_y);
    else if (S == 1) NAME(dw_fetch_apart)(P, 1, y + FAR(P * ys, 8192), ys);
    for (ptrdiff_t r = 0; r < count; r += K) {
        const REAL *wt = w + taps[r].w;
#pragma GCC unroll 7
        for (int k = 0; k < K; k++, wt += ws) f[k] = PART ? NAME(dw_load_part)(wt, n) : NAME(dw_load)(wt);
        SLIDE_OVER(K, S, P, sum[p] += f[k] * v);
    }
    REAL *yt[2] = {y, y + 4 * ys};
    DW_KEEP(yt[0]);
    if (P > 4) DW_KEEP(yt[1]);
    if (add)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) {
            const REAL *to = yt[p / 4] + p % 4 * ys;
            sum[p] += PART ? NAME(dw_load_part)(to, n) : NAME(dw_load)(to);
        }
    if (clamp) {
        const VEC low = NAME(dw_all)((REAL)q->low), high = NAME(dw_all)((REAL)q->high);
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) {
            sum[p] = NAME(dw_pick)(sum[p] < low, low, sum[p]);
            sum[p] = NAME(dw_pick)(sum[p] > high, high, sum[p]);
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < P; p++) {
        REAL *to = yt[p / 4] + p % 4 * ys;
        if (EDGE && p < skip) continue;
        if (PART) NAME(dw_store_part)(to, sum[p], n);
        else NAME(dw_store)(to, sum[p]);
    }
}

DW_ALWAYS void NAME(dw_weigh_slide)(const int K, const int S, const int P, const int EDGE, const int PART, SLIDE_ARGS) {
    VEC g[8], f[7], s = {0};
    (void)add, (void)clamp;
#pragma GCC unroll 8
    for (int p = 0; p < P; p++) {
        const REAL *from = EDGE && p < skip ? NAME(dw_zeros) : y + p * ys;
        g[p] = PART ? NAME(dw_load_part)(from, n) : NAME(dw_load)(from);
        s += g[p];
    }
    if (bias) {
        if (PART) NAME(dw_store_part)((REAL *)bias, NAME(dw_load_part)(bias, n) + s, n);
        else NAME(dw_store)((REAL *)bias, NAME(dw_load)(bias) + s);
    }
    NAME(dw_fetch_side)(S * P, 0, next);
    if (S > 1) NAME(dw_fetch_side)(S * P, 0, next_before);
    NAME(dw_fetch_side)(P, 0, next_y);
    for (ptrdiff_t r = 0; r < count; r += K) {
        REAL *wt = (REAL *)w + taps[r].w;
#pragma GCC unroll 7
        for (int k = 0; k < K; k++) f[k] = PART ? NAME(dw_load_part)(wt + k * ws, n) : NAME(dw_load)(wt + k * ws);
        SLIDE_OVER(K, S, P, f[k] += g[p] * v);
#pragma GCC unroll 7
        for (int k = 0; k < K; k++) {
            if (PART) NAME(dw_store_part)(wt + k * ws, f[k], n);
            else NAME(dw_store)(wt + k * ws, f[k]);
        }
    }
}

#define SLIDE_CHANNELS(TILE, K, S, P, EDGE)                                                                                \
    do {                                                                                                                  \
        ptrdiff_t j = 0;                                                                                                  \
        for (; j + W <= width; j += W)                                                                                    \
            TILE(K, S, P, EDGE, 0, q, taps, count, inside, skip, xp + j, xs, w + j, ws, bias ? bias + j : 0, yp + j, ys, W, add, clamp, \
                 next + j * S * P, before + j * S * P, yp + ahead_y + j * P);                                             \
        if (j < width)                                                                                                    \
            TILE(K, S, P, EDGE, 1, q, taps, count, inside, skip, xp + j, xs, w + j, ws, bias ? bias + j : 0, yp + j, ys, width - j, add, clamp, \
                 next, before, yp);                                                                                       \
    } while (0)
/* Pixels from p to end, of `width` channels; x, y and the place `first` are those of pixel 0. The last tile may begin before p. */
#define SLIDES(FUNCTION, TILE, K, S)                                                                                      \
    static __attribute__((noinline)) void NAME(FUNCTION##K##S)(const dw_pass *q, const dw_tap *taps, ptrdiff_t count, ptrdiff_t p, ptrdiff_t end, \
                                                               ptrdiff_t first, const REAL *x, ptrdiff_t xs, const REAL *w, ptrdiff_t ws, \
                                                               const REAL *bias, REAL *y, ptrdiff_t ys, int add, int clamp) { \
        const ptrdiff_t width = q->channels, last = count ? taps[count - K].x : 0, last_but_one = count > K ? taps[count - 2 * K].x : last; \
        const ptrdiff_t ahead = FAR(PIXELS * S * xs, 8192 / S), ahead_y = FAR(PIXELS * ys, 8192);                         \
        while (p < end) {                                                                                                 \
            const ptrdiff_t tile = end - p > PIXELS / 2 && end >= PIXELS ? PIXELS : 4, from = p + tile <= end ? p : end - tile; \
            const ptrdiff_t skip = p - from, at = first + from * S;                                                       \
            const REAL *xp = x + from * S * xs;                                                                           \
            REAL *yp = y + from * ys;                                                                                     \
            const REAL *next = xp + ahead + last, *before = xp + ahead + last_but_one;                                    \
            unsigned inside = ~0u;                                                                                        \
            const int edge = skip || at < 0 || at + (tile - 1) * S + K > q->axis[2].in;                                   \
            if (edge || tile < PIXELS) {                                                                                  \
                const ptrdiff_t low = -at < 0 ? 0 : -at, high = q->axis[2].in - at < 31 ? q->axis[2].in - at : 31;        \
                inside = low < high ? (1u << high) - (1u << low) : 0;                                                     \
            }                                                                                                             \
            if (tile == PIXELS) {                                                                                         \
                if (edge) SLIDE_CHANNELS(TILE, K, S, PIXELS, 1);                                                          \
                else SLIDE_CHANNELS(TILE, K, S, PIXELS, 0);                                                               \
            } else if (PIXELS > 4) SLIDE_CHANNELS(TILE, K, S, 4, 1);                                                      \
            p = from + tile;                                                                                              \
        }                                                                                                                 \
    }
typedef void (*NAME(dw_slides))(const dw_pass *q, const dw_tap *taps, ptrdiff_t count, ptrdiff_t p, ptrdiff_t end, ptrdiff_t first, const REAL *x,
                                ptrdiff_t xs, const REAL *w, ptrdiff_t ws, const REAL *bias, REAL *y, ptrdiff_t ys, int add, int clamp);
/* [stride - 1][taps] */
#define SLIDE_TABLE(FUNCTION, TILE)                                                                                       \
    SLIDES(FUNCTION, TILE, 1, 1) SLIDES(FUNCTION, TILE, 2, 1) SLIDES(FUNCTION, TILE, 3, 1) SLIDES(FUNCTION, TILE, 5, 1) SLIDES(FUNCTION, TILE, 7, 1) \
    SLIDES(FUNCTION, TILE, 1, 2) SLIDES(FUNCTION, TILE, 2, 2) SLIDES(FUNCTION, TILE, 3, 2) SLIDES(FUNCTION, TILE, 5, 2) SLIDES(FUNCTION, TILE, 7, 2) \
    static const NAME(dw_slides) NAME(FUNCTION)[2][8] = {                                                                 \
        {0, NAME(FUNCTION##11), NAME(FUNCTION##21), NAME(FUNCTION##31), 0, NAME(FUNCTION##51), 0, NAME(FUNCTION##71)},    \
        {0, NAME(FUNCTION##12), NAME(FUNCTION##22), NAME(FUNCTION##32), 0, NAME(FUNCTION##52), 0, NAME(FUNCTION##72)}};
SLIDE_TABLE(dw_gathers, NAME(dw_gather_slide))
SLIDE_TABLE(dw_weighs, NAME(dw_weigh_slide))

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
static inline void NAME(dw_item)(const dw_pass *q, ptrdiff_t item, dw_lists *kept, const int weigh, REAL *w, REAL *bias) {
    const dw_axis *depth = q->axis, *height = depth + 1, *width = depth + 2;
    const ptrdiff_t line = q->segments > 1 ? item / q->segments : item, from = (item - line * q->segments) * q->segment;
    const ptrdiff_t most = from + q->segment, to = most < width->out ? most : width->out;
    const ptrdiff_t slice = line / height->out, h = line - slice * height->out, n = depth->out > 1 ? slice / depth->out : slice;
    const dw_taps *td = q->taps + (slice - n * depth->out), *th = q->taps + depth->out + h;
    const ptrdiff_t xc = q->channels / q->times;
    const REAL *x = (const REAL *)q->x + ((n * depth->in + td->in) * height->in + th->in) * width->in * xc;
    REAL *y = (REAL *)q->y + line * width->out * q->channels;
    const int same = kept->depth == td->n && kept->height == th->n;
    kept->depth = td->n, kept->height = th->n;
    w += (td->first * height->k + th->first) * width->k * q->row;
    for (ptrdiff_t i = 0; i < q->run_count; i++) {
        const dw_run *r = q->runs + i;
        const dw_taps *tw = &r->taps;
        const ptrdiff_t total = td->n * th->n * tw->n, xs = r->in_step * xc, ys = r->step * q->channels;
        const int keep = q->segments == 1 && i < DW_RUNS && total <= DW_TAPS; /* pieces of a row pass over runs, whose lists would be missing */
        dw_tap *taps = kept->taps[keep ? i : DW_RUNS];
        ptrdiff_t p0 = 0, p1 = r->n, t = 0;
        if (q->segments > 1) {
            p0 = dw_ceil(from - r->place, r->step), p1 = dw_ceil(to - r->place, r->step);
            if (p0 < 0) p0 = 0;
            if (p1 > r->n) p1 = r->n;
            if (p0 >= p1) continue;
        }
        const ptrdiff_t m = r->in_step == 1 && r->step == 1 ? q->wide : 1, groups = m > 1 ? (p1 - p0) / m : p1 - p0, rest = p1 - p0 - groups * m;
        const REAL *xr = x + p0 * xs;
        REAL *yr = y + (r->place + p0 * r->step) * q->channels;
        const ptrdiff_t piece = r->slide ? DW_TAPS - DW_TAPS % tw->n : DW_TAPS, last = r->slide && tw->delta < 0 ? tw->n - 1 : 0;
        do {
            const ptrdiff_t count = total - t < piece ? total - t : piece;
            const int add = t > 0 || q->add, clamp = q->clamp && t + count == total;
            const REAL *b = t == 0 ? bias : 0;
            if (!keep || !same) dw_list(q, td, th, tw, t, count, taps);
            if (r->slide) {
                const NAME(dw_slides) slide = weigh ? NAME(dw_weighs)[r->in_step - 1][tw->n] : NAME(dw_gathers)[r->in_step - 1][tw->n];
                const ptrdiff_t ws = (last ? -1 : 1) * tw->step * q->row;
                slide(q, taps + last, count, p0, p1, tw->in - last, x, xc, w, ws, b, y + r->place * q->channels, ys, add, clamp);
            } else {
                void (*const pixels)(const dw_pass *, const dw_tap *, ptrdiff_t, ptrdiff_t, ptrdiff_t, const REAL *, ptrdiff_t, const REAL *, const REAL *,
                                     REAL *, ptrdiff_t, int, int) = weigh ? NAME(dw_weigh_pixels) : NAME(dw_gather_pixels);
                if (groups) pixels(q, taps, count, groups, m * q->channels, xr, m * xs, w, b, yr, m * ys, add, clamp);
                if (rest) pixels(q, taps, count, 1, rest * q->channels, xr + groups * m * xs, 0, w, b, yr + groups * m * ys, 0, add, clamp);
            }
            t += count;
        } while (t < total);
    }
}

static void NAME(dw_gather)(const dw_pass *q, ptrdiff_t item, dw_lists *kept) { NAME(dw_item)(q, item, kept, 0, (REAL *)q->w, (REAL *)q->bias); }
static void NAME(dw_weigh)(const dw_pass *q, ptrdiff_t item, dw_lists *kept, REAL *dw, REAL *db) { NAME(dw_item)(q, item, kept, 1, dw, db); }

#undef VEC
#undef UVEC
#undef IVEC
#undef TILE_ARGS
#undef TILE_PASS
#undef CHANNELS
#undef PASS
#endif
